"""Rows as the browser gets them: columns of JSON values that lose nothing, or say what they leave out.

JSON numbers are doubles, so whole numbers beyond 2^53 travel as text, and so do decimals, dates and times. Long texts
and bytes are cut for display and carry their full length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.kinds import Kind

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BYTES_SHOWN", "TEXT_SHOWN", "encode_table", "encode_values", "key_text"]

TEXT_SHOWN = 400
BYTES_SHOWN = 24
_SAFE = 2**53 - 1


def encode_table(table: pa.Table, kinds: Sequence[Kind], beside: Mapping[str, Any] | None = None) -> bytes:
    """Encode rows as one buffer of columnar JSON.

    Parameters
    ----------
    table
        The rows.
    kinds
        What each column holds; its name becomes the tag of the column.
    beside
        What travels along with the rows.

    Examples
    --------
    >>> import pyarrow as pa
    >>> encode_table(pa.table({"id": [1, 2**60]}), [Kind("integer")])
    b'{"rows":2,"columns":[{"tag":"integer","values":[1,"1152921504606846976"]}]}'
    """
    columns = [
        {"tag": kind.name, "values": encode_values(column, kind)}
        for column, kind in zip(table.columns, kinds, strict=True)
    ]
    block = {"rows": table.num_rows, "columns": columns, **(beside or {})}
    return json.dumps(block, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def encode_values(column: pa.ChunkedArray, kind: Kind) -> list[Any]:
    """Encode one column; ``None`` is NULL."""
    encode = _encoder(column.type, kind)
    return [None if value is None else encode(value) for value in _python(column)]


def _python(column: pa.ChunkedArray) -> Iterable[Any]:
    """Give Python values; what Python's own dates can't hold comes as Arrow's text."""
    import pyarrow as pa

    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError, pa.ArrowException):
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]


def _encoder(type_: pa.DataType, kind: Kind) -> Callable[[Any], Any]:
    from pyarrow import types

    tests: list[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]]] = [
        (types.is_boolean, bool),
        (types.is_integer, _integer),
        (types.is_float32, _single),
        (types.is_floating, _float),
        (types.is_decimal, _short_decimal if kind.precision is None else _decimal),
        (types.is_binary, _bytes),
        (types.is_large_binary, _bytes),
        (types.is_interval, _interval),
        (types.is_nested, _nested),
    ]
    return next((encode for test, encode in tests if test(type_)), _text)


def _integer(value: int) -> int | str:
    return value if -_SAFE <= value <= _SAFE else str(value)


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _single(value: float) -> float | str:
    """Show a 32-bit float by its own shortest digits: 0.1, not 0.10000000149."""
    import numpy as np

    return _float(float(str(np.float32(value))))


def _decimal(value: Any) -> str:
    return format(value, "f")


def _short_decimal(value: Any) -> str:
    """Show a decimal whose column sets no scale without the zeros that only its Arrow type added."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bytes(value: bytes) -> dict[str, Any]:
    return {"size": len(value), "hex": value[:BYTES_SHOWN].hex()}


def _interval(value: Any) -> str:
    seconds, nanoseconds = divmod(abs(value.nanoseconds), 10**9)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if nanoseconds:
        clock += f".{nanoseconds:09}".rstrip("0")
    sign = "-" if value.nanoseconds < 0 else ""
    parts = [f"{value.months} mon" if value.months else "", f"{value.days} d" if value.days else ""]
    return " ".join(part for part in (*parts, f"{sign}{clock}" if value.nanoseconds or not any(parts) else "") if part)


def _nested(value: Any) -> str | dict[str, Any]:
    return _text(json.dumps(value, ensure_ascii=False, default=str))


def _text(value: Any) -> str | dict[str, Any]:
    """Give a text, cut where it would flood the page; dates and times come here too."""
    text = value if isinstance(value, str) else value.isoformat(" ") if hasattr(value, "date") else str(value)
    return text if len(text) <= TEXT_SHOWN else {"text": text[:TEXT_SHOWN], "length": len(text)}


def key_text(key: Any, limit: int = 40) -> str:
    """Write a row's key for a question to the user.

    Examples
    --------
    >>> key_text(5), key_text(("a", 2))
    ('5', '(a, 2)')
    """
    text = f"({', '.join(map(str, key))})" if isinstance(key, tuple) else str(key)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
