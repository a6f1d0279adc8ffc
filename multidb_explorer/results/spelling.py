"""Every value as text from which it can be had again exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["interval_text", "spelt"]


def spelt(array: pa.Array) -> pa.Array:
    """Give the values of a column as texts; NULL stays NULL.

    Numbers have all their digits and no exponent where they are exact; dates, times and intervals are those of
    ISO 8601; bytes are hexadecimal digits; lists are JSON.

    Examples
    --------
    >>> spelt(pa.array([pa.MonthDayNano([14, 0, 500_000_000]), None])).to_pylist()
    ['P14MT0.5S', None]
    """
    type_ = array.type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return array
    if isinstance(array, pa.ExtensionArray):
        return _uuids(array.storage) if type_ == pa.uuid() else spelt(array.storage)
    if pa.types.is_dictionary(type_):
        return spelt(array.dictionary_decode())
    if pa.types.is_decimal(type_):
        return _decimals(array)
    if pa.types.is_timestamp(type_) or pa.types.is_date32(type_):
        return pc.replace_substring(_moments(array), " ", "T", max_replacements=1)
    one = _spelling(type_)
    return array.cast(pa.string()) if one is None else _each(array, one)


def _spelling(type_: pa.DataType) -> Callable[[Any], str] | None:
    """Give what spells one value, where Arrow itself does not."""
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return bytes.hex
    if pa.types.is_interval(type_):
        return interval_text
    return _json if pa.types.is_nested(type_) else None


def _each(array: pa.Array, one: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if value is None else one(value) for value in array.to_pylist()], pa.string())


def _uuids(storage: pa.Array) -> pa.Array:
    """Write all of them at once: two digits a byte, and dashes between."""
    size = len(storage)
    filled = pc.fill_null(storage, bytes(16))
    octets = np.frombuffer(filled.buffers()[1], np.uint8)[filled.offset * 16 :][: size * 16]
    texts = np.full((size, 36), ord("-"), np.uint8)
    texts[:, _DIGITS] = _HEXADECIMAL[octets].reshape(size, 32)
    offsets = np.arange(0, 36 * (size + 1), 36, dtype=np.int32)
    valid = None if storage.null_count == 0 else storage.is_valid().buffers()[1]
    return pa.StringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(texts), valid, storage.null_count)


_HEXADECIMAL = np.frombuffer(bytes(range(256)).hex().encode(), np.uint8).reshape(256, 2)
_DIGITS = [place for place in range(36) if place not in (8, 13, 18, 23)]


def _decimals(array: pa.Array) -> pa.Array:
    """Write decimals plainly; Arrow gives tiny ones an exponent."""
    found = array.cast(pa.string())
    if not pc.any(pc.match_substring(found, "E")).as_py():
        return found
    return _each(array, "{:f}".format)


def _moments(array: pa.Array) -> pa.Array:
    """Write days and moments; those of years beyond 32,767 Arrow writes wrong, or calls out of range."""
    whole = pa.int32() if pa.types.is_date32(array.type) else pa.int64()
    a_day = 1 if pa.types.is_date32(array.type) else 86_400 * _A_SECOND[array.type.unit]
    numbers, plain = array.cast(whole), array.cast(pa.string())
    if not any(_is_far(number, a_day) for number in pc.min_max(numbers).as_py().values()):
        return plain
    # The calendar repeats itself every 400 years.
    cycles = [divmod(number or 0, 146_097 * a_day) for number in numbers.to_pylist()]
    near = pa.array([rest for _, rest in cycles], whole).cast(array.type).cast(pa.string()).to_pylist()
    far = [f"{int(text[:4]) + 400 * times}{text[4:]}" for text, (times, _) in zip(near, cycles, strict=True)]
    return pc.if_else(pa.array([_is_far(number, a_day) for number in numbers.to_pylist()]), pa.array(far), plain)


def _is_far(number: int | None, a_day: int) -> bool:
    return number is not None and abs(number) > 30_000 * 365 * a_day


_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def interval_text(value: Any) -> str:
    """Write an interval as ISO 8601 has it, each part with its own sign.

    Examples
    --------
    >>> interval_text((14, -3, 500_000_000))
    'P14M-3DT0.5S'
    """
    months, days, nanoseconds = value
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    seconds = f"{rest // 10**9}.{rest % 10**9:09}".rstrip("0").rstrip(".")
    text = "P" + (f"{months}M" if months else "") + (f"{days}D" if days else "")
    return text + (f"T{sign}{seconds}S" if nanoseconds or text == "P" else "")


def _json(value: Any) -> str:
    return json.dumps(_items(value), ensure_ascii=False, default=_plain)


def _items(value: Any) -> Any:
    """Spell what JSON has no numbers for, and intervals, which it would take for lists of their own."""
    if isinstance(value, pa.MonthDayNano):
        return interval_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return [_items(each) for each in value] if isinstance(value, list) else value


def _plain(value: Any) -> str:
    """Give what JSON has no form for as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
