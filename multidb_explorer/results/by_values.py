"""Columns whose database keeps a type per value only: typed by all of their values, and nothing is lost by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

__all__ = ["array_by_values"]

# Values of one of these classes alone make a column of that class.
_ALONE = frozenset({bool, int, float, Decimal, str, bytes, dt.date, dt.datetime, dt.time, dt.timedelta, list, dict})


def array_by_values(values: Sequence[Any]) -> pa.Array:
    r"""Type a column by its values.

    Values of one type have that type; whole numbers beside fractions are doubles where each of them is one exactly;
    any other mixture is text, and so is a column with nothing in it.

    Examples
    --------
    >>> array_by_values([1, 2.5]).type, array_by_values([2**53 + 1, 2.5]).to_pylist()
    (DataType(double), ['9007199254740993', '2.5'])
    >>> array_by_values([1, "a", b"\xff"]).to_pylist()
    ['1', 'a', "x'ff'"]
    """
    classes = {type(value) for value in values if value is not None}
    if classes and (classes == {int, float} or (len(classes) == 1 and classes <= _ALONE)):
        try:
            return _together(values, classes)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            # Numbers too long for 64 bits, doubles that whole numbers don't fit in, zones that differ.
            return _texts(values)
    return _texts(values)


def _together(values: Sequence[Any], classes: set[type]) -> pa.Array:
    if classes == {int}:
        return _whole(values)
    if classes == {dt.datetime}:
        return _moments(values)
    # Arrow itself refuses a whole number that no double is equal to.
    return pa.array(values, pa.float64()) if float in classes else pa.array(values)


def _whole(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except (pa.ArrowException, OverflowError):
        return pa.array(values, pa.uint64())


def _moments(values: Sequence[Any]) -> pa.Array:
    zoned = {value.tzinfo is not None for value in values if value is not None}
    if len(zoned) > 1:
        raise ValueError("moments with and without a time zone")
    return pa.array(values, pa.timestamp("us", "UTC" if zoned == {True} else None))


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"x'{bytes(value).hex()}'"
    return repr(value) if isinstance(value, float) else str(value)
