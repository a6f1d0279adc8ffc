"""From Arrow arrays to the values that SQLite stores, a column at a time.

What is built here is stored as what the bind processors of `SQLiteBackend.colspecs` make of each value, but has only
classes that the driver binds at once. Of every other value, ``None`` and bytes among them, it asks first whether an
adapter is registered for it, which takes longer than all the rest of binding it.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.sqlite_values import number

__all__ = ["canonical_values", "stored_values", "stores"]

_EXACT = 2**53
"""Whole numbers up to here are doubles, and so are powers of ten up to 10²²: their quotient is rounded once."""

_EXACT_SCALE = 22

_LARGEST = 2**63 - 1

_NULL = float("nan")
"""SQLite has no NaN: it takes one for NULL."""


def stores(kind: Kind) -> bool:
    """Tell whether `stored_values` knows the stored form of a kind."""
    return kind.name in _MAKERS


def stored_values(array: pa.Array, kind: Kind) -> list[Any]:
    """Give the values of a column in a form that SQLite stores rightly; a NULL is a NaN.

    Examples
    --------
    >>> stored_values(pa.array([True, None]), Kind("boolean"))
    [1, nan]
    """
    return _MAKERS[kind.name](array)


def canonical_values(array: pa.Array, kind: Kind) -> list[Any]:
    """Give the values of a column in their canonical Python form.

    Examples
    --------
    >>> canonical_values(pa.array(["1.50", None]), Kind("decimal", precision=80, scale=2))
    [Decimal('1.50'), None]
    """
    values: list[Any] = array.to_pylist()
    if kind.name == "decimal" and pa.types.is_string(array.type):
        return [None if value is None else Decimal(value) for value in values]
    return values


def _objects(array: pa.Array) -> list[Any]:
    return _with_nulls(array.to_numpy(zero_copy_only=False).tolist(), array)


def _with_nulls(values: list[Any], array: pa.Array) -> list[Any]:
    if array.null_count:
        for place in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
            values[place] = _NULL
    return values


def _integers(array: pa.Array) -> list[Any]:
    return _with_nulls((array.fill_null(0) if array.null_count else array).to_numpy().tolist(), array)


def _floats(array: pa.Array) -> list[Any]:
    return _objects(array.cast(pa.float64()))


def _booleans(array: pa.Array) -> list[Any]:
    return _integers(array.cast(pa.int8()))


def _texts(array: pa.Array) -> list[Any]:
    return _objects(array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array)


def _spelled(array: pa.Array) -> list[Any]:
    return _objects(array.cast(pa.string()))


def _binaries(array: pa.Array) -> list[Any]:
    filled = array.fill_null(b"") if array.null_count else array
    return _with_nulls([*map(bytearray, filled.to_numpy(zero_copy_only=False))], array)


def _timestamps(array: pa.Array) -> list[Any]:
    """Spell timestamps in UTC, with a fraction of the second only where there is one."""
    plain = array.cast(pa.timestamp("us"))
    seconds = pc.floor_temporal(plain, unit="second")
    fraction = pc.not_equal(plain, seconds)
    if pc.all(fraction, min_count=0).as_py():
        return _spelled(plain)
    whole = seconds.cast(pa.timestamp("s")).cast(pa.string())
    if not pc.any(fraction, min_count=0).as_py():
        return _objects(whole)
    return _objects(pc.if_else(fraction, plain.cast(pa.string()), whole))


def _decimals(array: pa.Array) -> list[Any]:
    """Give the integer or double that reads back as the same digits; see `number`."""
    unscaled = _unscaled(array)
    if unscaled is None:
        return [_NULL if value is None else number(Decimal(value)) for value in array.to_pylist()]
    return _with_nulls(_quotients(unscaled, 10**array.type.scale), array)


def _unscaled(array: pa.Array) -> np.ndarray[Any, Any] | None:
    """Give decimals without their point, where each is a whole number or a quotient of exact doubles."""
    if not pa.types.is_decimal128(array.type) or not 0 <= array.type.scale <= _EXACT_SCALE:
        return None
    words = np.frombuffer(array.buffers()[1], np.int64)[2 * array.offset : 2 * (array.offset + len(array))]
    low, high = words[0::2], words[1::2]
    if array.null_count:
        # What stands under a NULL is left from something else.
        known = array.is_valid().to_numpy(zero_copy_only=False)
        low, high = np.where(known, low, 0), np.where(known, high, 0)
    most = _EXACT if array.type.scale else _LARGEST
    fits = (low >= -most) & (low <= most) & (high == low >> 63)
    return low if fits.all() else None


def _quotients(unscaled: np.ndarray[Any, Any], unit: int) -> list[Any]:
    values: list[Any] = (unscaled / float(unit)).tolist() if unit > 1 else unscaled.tolist()
    if unit == 1:
        return values
    # No exact double but zero is a multiple of more.
    divisor = min(unit, 10**18)
    whole = np.flatnonzero(unscaled % divisor == 0)
    for place, value in zip(whole.tolist(), (unscaled[whole] // divisor).tolist(), strict=True):
        values[place] = value
    return values


def _uuids(array: pa.Array) -> list[Any]:
    stored, count = array.storage, len(array)
    written = hexlify(memoryview(stored.buffers()[1])[16 * stored.offset : 16 * (stored.offset + count)])
    ends = pa.py_buffer(np.arange(0, 32 * count + 1, 32, dtype=np.int32))
    return _with_nulls(_objects(pa.Array.from_buffers(pa.string(), count, [None, ends, pa.py_buffer(written)])), array)


_MAKERS: dict[str, Callable[[pa.Array], list[Any]]] = {
    "integer": _integers,
    "float": _floats,
    "decimal": _decimals,
    "boolean": _booleans,
    "text": _texts,
    "enum": _texts,
    "json": _texts,
    "other": _texts,
    "binary": _binaries,
    "date": _spelled,
    "time": _spelled,
    "timestamp": _timestamps,
    "uuid": _uuids,
}
