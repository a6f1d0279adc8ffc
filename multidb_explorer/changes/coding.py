"""Canonical values as JSON, exactly: what is read back is the same value of the same type.

JSON's own types stand for themselves. Everything else is an object with one entry, whose name tells the type::

    12, 1.5, "text", true, null, [1, 2]
    {"int": "170141183460469231731687303715884105728"}, {"float": "nan"}, {"decimal": "1.50"}
    {"date": "2026-11-22"}, {"time": "12:30:00"}, {"datetime": "2026-11-22T12:30:00+00:00"}
    {"seconds": [days, seconds, microseconds]}, {"months": [months, days, nanoseconds]}
    {"uuid": "…"}, {"bytes": "base64"}, {"items": [[key, value], …]}
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from multidb_explorer.backends.values import plain
from multidb_explorer.errors import ValueNotRepresentable

__all__ = ["decoded", "encoded"]

# Other programs that read JSON take numbers for doubles, which are exact up to here.
_EXACT_IN_A_DOUBLE = 2**53
# Python writes no longer numbers in decimal digits.
_MOST_DECIMAL_BITS = 8_000


def encoded(value: Any) -> Any:
    """Give a canonical value as something that `json.dumps` writes.

    Raises
    ------
    ValueNotRepresentable
        For a value of a type that no column has.

    Examples
    --------
    >>> encoded(Decimal("1.50"))
    {'decimal': '1.50'}
    """
    value = plain(value)
    # By its own type alone: a bool is also an int, a datetime a date, and pandas' subclasses hold more than they say.
    encode = _ENCODE.get(type(value))
    if encode is not None:
        return encode(value)
    if type(value).__name__ == "MonthDayNano":
        return {"months": [value.months, value.days, value.nanoseconds]}
    raise ValueNotRepresentable(f"a value of type {type(value).__name__} has no exact form in JSON.")


def decoded(value: Any) -> Any:
    """Give the value that `encoded` made this of.

    Raises
    ------
    ValueError
        For what `encoded` never makes.

    Examples
    --------
    >>> decoded({"decimal": "1.50"})
    Decimal('1.50')
    """
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        ((name, form),) = value.items()
        return _DECODE[name](form)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"not a recorded value: {type(error).__name__}") from None


def _integer(value: int) -> Any:
    if abs(value) <= _EXACT_IN_A_DOUBLE:
        return value
    return {"int": str(value) if value.bit_length() <= _MOST_DECIMAL_BITS else hex(value)}


def _iso(name: str) -> Callable[[Any], Any]:
    return lambda value: {name: value.isoformat()}


def _text(name: str) -> Callable[[Any], Any]:
    return lambda value: {name: str(value)}


def _itself(value: Any) -> Any:
    return value


def _list(value: Any) -> Any:
    return [encoded(item) for item in value]


def _bytes(value: Any) -> Any:
    return {"bytes": base64.b64encode(value).decode()}


_ENCODE: dict[type, Callable[[Any], Any]] = {
    type(None): _itself,
    bool: _itself,
    str: _itself,
    int: _integer,
    float: lambda value: value if math.isfinite(value) else {"float": repr(value)},
    Decimal: _text("decimal"),
    dt.datetime: _iso("datetime"),
    dt.date: _iso("date"),
    dt.time: _iso("time"),
    dt.timedelta: lambda value: {"seconds": [value.days, value.seconds, value.microseconds]},
    uuid.UUID: _text("uuid"),
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    list: _list,
    tuple: _list,
    dict: lambda value: {"items": [[encoded(key), encoded(item)] for key, item in value.items()]},
}


def _months(form: list[int]) -> Any:
    import pyarrow as pa

    return pa.MonthDayNano(form)


_DECODE: dict[str, Callable[[Any], Any]] = {
    "int": lambda form: int(form, 0),
    "float": float,
    "decimal": Decimal,
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "seconds": lambda form: dt.timedelta(days=form[0], seconds=form[1], microseconds=form[2]),
    "months": _months,
    "uuid": uuid.UUID,
    "bytes": lambda form: base64.b64decode(form, validate=True),
    "items": lambda form: {decoded(key): decoded(item) for key, item in form},
}
