"""Python values on their way into a database: one exact form per kind, or a clear refusal.

Whatever an analyst has in hand (NumPy scalars, pandas Timestamps, ``pd.NA``, text typed into a form) becomes one
canonical Python value per kind here, so that no driver ever guesses (a NumPy integer would be stored as a BLOB).
"""

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import ValueNotRepresentable

__all__ = ["canonical", "month_day_nano", "plain", "same"]


class _Unfit(Exception):
    """Why a value does not fit, as the end of a sentence."""


def plain(value: Any) -> Any:
    """Turn NumPy and pandas scalars into Python's own, and their missing values into ``None``.

    A floating NaN stays: whether it is a number or a missing value depends on the column.

    Examples
    --------
    >>> import numpy, pandas
    >>> plain(numpy.int64(3)), plain(pandas.NaT)
    (3, None)
    """
    module = type(value).__module__.partition(".")[0]
    if module == "pandas":
        if type(value).__name__ in ("NAType", "NaTType"):
            return None
        if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
            return value
        for method in ("to_pydatetime", "to_pytimedelta"):
            if hasattr(value, method):
                return getattr(value, method)()
    if module == "numpy" and hasattr(value, "item"):
        found = value.item()
        # numpy.datetime64("NaT").item() is None, and nanosecond values come back as a bare integer.
        return value if isinstance(found, int) and type(value).__name__ in ("datetime64", "timedelta64") else found
    if module == "pyarrow" and hasattr(value, "as_py") and type(value).__name__ != "MonthDayNano":
        return value.as_py()
    return value


def canonical(value: Any, kind: Kind, *, column: str = "", where: str = "") -> Any:
    """Give the one Python form that a value of this kind has, or refuse it by name.

    Parameters
    ----------
    value
        Anything: Python, NumPy, pandas or text.
    kind
        What the column holds, with its limits.
    column, where
        For the message: the column's name, and the table and alias it belongs to.

    Returns
    -------
    object
        ``None``, ``int``, ``float``, ``Decimal``, ``bool``, ``str``, ``date``, ``time``, ``datetime`` (in UTC where
        the kind is an instant), ``timedelta`` or ``pyarrow.MonthDayNano``, ``UUID``, JSON text, ``bytes`` or ``list``.

    Raises
    ------
    ValueNotRepresentable
        When the column can't hold the value exactly.

    Examples
    --------
    >>> canonical("1.50", Kind("decimal", precision=10, scale=2))
    Decimal('1.50')
    """
    value = plain(value)
    if value is None or (
        isinstance(value, float) and math.isnan(value) and kind.name not in ("float", "json", "other")
    ):
        return None
    try:
        return _CONVERT[kind.name](value, kind)
    except _Unfit as error:
        place = f"Column {column!r}{f' of {where}' if where else ''}" if column else f"A column of type {kind}"
        raise ValueNotRepresentable(
            f"{place} can't hold {_shown(value)}: {error}.", column=column, reason=str(error)
        ) from None


def same(ours: Any, theirs: Any, kind: Kind) -> bool:
    """Tell whether two canonical values of a column are the same value.

    JSON is compared by content; a NaN equals a NaN.

    Examples
    --------
    >>> same('{"a": 1}', '{"a":1}', Kind("json"))
    True
    """
    if ours is None or theirs is None:
        return ours is theirs
    if kind.name == "json":
        return bool(_parsed(ours) == _parsed(theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    return bool(ours == theirs)


def month_day_nano(value: dt.timedelta) -> Any:
    """Give a duration in the form that an interval column keeps it in: days apart from hours.

    Examples
    --------
    >>> month_day_nano(dt.timedelta(days=2, seconds=1))
    MonthDayNano(months=0, days=2, nanoseconds=1000000000)
    """
    import pyarrow as pa

    return pa.MonthDayNano([0, value.days, (value.seconds * 1_000_000 + value.microseconds) * 1000])


def _parsed(text: Any) -> Any:
    # Decimals, since two different numbers must not meet in one rounded float.
    return json.loads(text, parse_float=Decimal)


def _shown(value: Any) -> str:
    """Show a value for a message, without flooding the screen."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '…'} ({type(value).__name__})"


def _integer(value: Any, kind: Kind) -> int:
    if isinstance(value, str):
        try:
            value = int(value.strip())
        except ValueError:
            raise _Unfit("it is not a whole number") from None
    if not isinstance(value, int | float | Decimal) or (isinstance(value, float) and math.isinf(value)):
        raise _Unfit("it is not a whole number")
    if value != int(value):
        raise _Unfit("it is not a whole number")
    low, high = kind.integer_range
    if not low <= value <= high:
        raise _Unfit(f"a {kind} reaches from {low:,} to {high:,}")
    return int(value)


def _float(value: Any, kind: Kind) -> float:
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            raise _Unfit("it is not a number") from None
    if not isinstance(value, int | float | Decimal):
        raise _Unfit("it is not a number")
    number = float(value)
    if isinstance(value, int) and number != value:
        raise _Unfit("a floating-point column would round it")
    return number


def _decimal(value: Any, kind: Kind) -> Decimal:
    if isinstance(value, str | float):
        # The shortest text that reads back as the same float is what its author meant: 0.1, not 0.1000000000000000055.
        value = repr(value) if isinstance(value, float) else value.strip()
    if not isinstance(value, str | int | Decimal):
        raise _Unfit("it is not a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _Unfit("it is not a number") from None
    if kind.precision is not None:
        _fit_digits(number, kind.precision, kind.scale or 0)
    return number


def _fit_digits(number: Decimal, precision: int, scale: int) -> None:
    if not number.is_finite():
        raise _Unfit("it is not a finite number")
    # Not normalize(), which rounds to the 28 digits of Python's default context.
    written = number.as_tuple()
    digits = "".join(map(str, written.digits)).rstrip("0")
    exponent = int(written.exponent) + len(written.digits) - len(digits)
    places = max(0, -exponent) if number else 0
    if places > scale:
        raise _Unfit(f"it has {places} decimal places and the column keeps {scale}")
    if len(digits) + exponent > precision - scale and number:
        raise _Unfit(f"it has more than {precision - scale} digits before the point")


def _boolean(value: Any, kind: Kind) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, bool | int | float | Decimal) and value in (0, 1):
        return bool(value)
    raise _Unfit("it is neither true nor false")


def _text(value: Any, kind: Kind) -> str:
    if isinstance(value, bytes | bytearray | memoryview | list | dict | tuple | set):
        raise _Unfit("it is not text")
    # Where UUIDs have no type of their own, a column of 32 characters keeps their digits alone.
    text = value.hex if isinstance(value, uuid.UUID) and kind.length == 32 else str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Unfit("it has half of a surrogate pair, which is no character") from None
    if kind.length is not None and len(text) > kind.length:
        raise _Unfit(f"it has {len(text):,} characters and the column keeps {kind.length:,}")
    return text


def _enum(value: Any, kind: Kind) -> str:
    text = str(value)
    if kind.choices and text not in kind.choices:
        raise _Unfit(f"the choices are {', '.join(map(repr, kind.choices[:12]))}")
    return text


def _iso(value: Any, type_: Any, what: str) -> Any:
    try:
        return type_.fromisoformat(value.strip())
    except ValueError:
        raise _Unfit(f"it is not a {what} such as 2026-11-22") from None


def _date(value: Any, kind: Kind) -> dt.date:
    if isinstance(value, str):
        value = _iso(value, dt.datetime, "date")
    if isinstance(value, dt.datetime):
        if value.time() != dt.time() or value.tzinfo:
            raise _Unfit("it has a time of day and the column keeps dates")
        return value.date()
    if isinstance(value, dt.date):
        return value
    raise _Unfit("it is not a date")


def _time(value: Any, kind: Kind) -> dt.time:
    if isinstance(value, str):
        value = _iso(value, dt.time, "time of day")
    if isinstance(value, dt.time) and value.tzinfo is None:
        _fit_fraction(value, kind)
        return value
    raise _Unfit("it is not a time of day without a time zone")


def _timestamp(value: Any, kind: Kind) -> dt.datetime:
    if isinstance(value, str):
        value = _iso(value, dt.datetime, "date and time")
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if not isinstance(value, dt.datetime):
        raise _Unfit("it is not a date and time")
    if getattr(value, "nanosecond", 0):
        raise _Unfit("it has nanoseconds and the column keeps microseconds")
    if kind.tz and value.tzinfo is None:
        raise _Unfit("it has no time zone and the column keeps instants; add one with .replace(tzinfo=datetime.UTC)")
    if not kind.tz and value.tzinfo is not None:
        raise _Unfit(
            "it has a time zone and the column keeps none; convert it with .astimezone(...).replace(tzinfo=None)"
        )
    _fit_fraction(value, kind)
    return value.astimezone(dt.UTC) if kind.tz else value


def _fit_fraction(value: dt.datetime | dt.time, kind: Kind) -> None:
    if kind.scale is not None and kind.scale < 6 and value.microsecond % 10 ** (6 - kind.scale):
        raise _Unfit(f"the column keeps {kind.scale} digits of a second")


def _interval(value: Any, kind: Kind) -> Any:
    if isinstance(value, dt.timedelta) or type(value).__name__ == "MonthDayNano":
        return value
    raise _Unfit("it is not a timedelta or a pyarrow.MonthDayNano")


def _uuid(value: Any, kind: Kind) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(bytes=value) if isinstance(value, bytes) else uuid.UUID(str(value))
    except ValueError:
        raise _Unfit("it is not a UUID") from None


def _json(value: Any, kind: Kind) -> str:
    """Take JSON text as it is, so that no number in it is ever rounded; dump anything else."""
    if not isinstance(value, str):
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise _Unfit("it can't be written as JSON") from None
    try:
        json.loads(value)
    except ValueError:
        raise _Unfit("it is not JSON text (a plain string needs its quotes: json.dumps('...'))") from None
    return value


def _binary(value: Any, kind: Kind) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _Unfit("it is not bytes")
    data = bytes(value)
    if kind.length is not None and len(data) > kind.length:
        raise _Unfit(f"it has {len(data):,} bytes and the column keeps {kind.length:,}")
    return data


def _array(value: Any, kind: Kind) -> list[Any]:
    items = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, list | tuple):
        raise _Unfit("it is not a list")
    inner = kind.item or Kind("other")
    return [None if item is None else _CONVERT[inner.name](plain(item), inner) for item in items]


def _other(value: Any, kind: Kind) -> Any:
    return value


_CONVERT: dict[str, Callable[[Any, Kind], Any]] = {
    "integer": _integer,
    "float": _float,
    "decimal": _decimal,
    "boolean": _boolean,
    "text": _text,
    "enum": _enum,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "interval": _interval,
    "uuid": _uuid,
    "json": _json,
    "binary": _binary,
    "array": _array,
    "other": _other,
}
