"""Functions that SQLite lacks, or has only in some builds, run by Python."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import random
import re
import statistics
from collections import deque
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from multidb_explorer.backends.functions import zone_of
from multidb_explorer.backends.sqlite_values import naive, number, to_datetime, to_interval, to_time, to_uuid

__all__ = ["register"]

_WIDE = Context(prec=100)
_EPOCH = dt.datetime(1970, 1, 1)


def register(connection: Any) -> None:
    """Give a connection of the driver every function of this module."""
    for name, (function, arguments) in _FUNCTIONS.items():
        connection.create_function(name, arguments, function, deterministic=True)
    connection.create_function("multidb_random", 0, random.random)
    for name, spread in _SPREADS.items():
        connection.create_window_function(name, 1, spread)


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give NULL where an argument is NULL."""

    def called(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return called


# Text


def _upper(text: Any) -> str:
    # A letter that has no single capital stays as it is, as in the other products.
    found = str(text).upper()
    return (
        found if len(found) == len(str(text)) else "".join(c.upper() if len(c.upper()) == 1 else c for c in str(text))
    )


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _search(pattern: str, value: Any) -> bool:
    return re.search(pattern, str(value)) is not None


def _right(text: Any, length: int) -> str:
    return str(text)[-length:] if length > 0 else ""


def _lpad(text: Any, length: int, filler: str) -> str:
    missing = max(0, length - len(str(text)))
    return (filler * missing)[:missing] + str(text)[: max(0, length)]


def _rpad(text: Any, length: int, filler: str) -> str:
    return (str(text) + filler * max(0, length))[: max(0, length)]


def _digest(name: str) -> Callable[[Any], str]:
    return lambda text: hashlib.new(name, str(text).encode(), usedforsecurity=False).hexdigest()


# Numbers


def _guarded(function: Callable[..., float]) -> Callable[..., float | None]:
    """Give NULL where mathematics gives nothing."""

    def called(*arguments: float) -> float | None:
        try:
            found = function(*map(float, arguments))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return found if math.isfinite(found) else None

    return called


def _remainder(left: float, right: float) -> float | None:
    return math.fmod(left, right) if right else None


def _digits(value: Any) -> Decimal | None:
    try:
        found = Decimal(repr(value) if isinstance(value, float) else value)
    except ArithmeticError:
        return None
    return found if found.is_finite() else None


def _round(value: Any, places: int) -> Any:
    found = _digits(value)
    if found is None:
        return value
    rounded = found.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_WIDE)
    return int(rounded) if isinstance(value, int) else float(rounded)


def _decimal(value: Any, places: int | None) -> Any:
    found = _digits(value)
    if found is None or places is None:
        return value
    return number(found.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_WIDE))


class _Spread:
    """Collects numbers, for a group of rows or a window that moves over them."""

    measure: Callable[[Any], float]
    least = 1

    def __init__(self) -> None:
        self.numbers: deque[float] = deque()

    def step(self, value: Any) -> None:
        if value is not None:
            self.numbers.append(float(value))

    def inverse(self, value: Any) -> None:
        if value is not None:
            self.numbers.popleft()

    def value(self) -> float | None:
        return type(self).measure(self.numbers) if len(self.numbers) >= self.least else None

    finalize = value


def _spread(measure: Callable[[Any], float], least: int) -> type[_Spread]:
    return type(measure.__name__, (_Spread,), {"measure": staticmethod(measure), "least": least})


_SPREADS = {
    "multidb_stddev_pop": _spread(statistics.pstdev, 1),
    "multidb_stddev_samp": _spread(statistics.stdev, 2),
    "multidb_var_pop": _spread(statistics.pvariance, 1),
    "multidb_var_samp": _spread(statistics.variance, 2),
}


# Dates


def _moment(kind: str, value: Any) -> dt.datetime | None:
    """Read a stored date; what is no date is none."""
    try:
        return dt.datetime.combine(dt.date(1, 1, 1), to_time(value)) if kind == "time" else to_datetime(value)
    except (TypeError, ValueError):
        return None


def _local(moment: dt.datetime, zone: str | None) -> dt.datetime:
    found = zone_of(zone)
    if isinstance(found, dt.timedelta):
        return moment + found
    return moment.replace(tzinfo=dt.UTC).astimezone(found).replace(tzinfo=None, fold=0)


def _instant(local: dt.datetime, zone: str | None) -> dt.datetime:
    found = zone_of(zone)
    if isinstance(found, dt.timedelta):
        return local - found
    # Of a time that is there twice, or never, the smaller offset decides, as in the other products.
    offsets = (local.replace(tzinfo=found, fold=fold).utcoffset() or dt.timedelta(0) for fold in (0, 1))
    return local - min(offsets)


def _part(part: str, kind: str, value: Any, zone: str | None) -> Any:
    moment = None if value is None else _moment(kind, value)
    return None if moment is None else _PARTS[part](_local(moment, zone))


def _written(kind: str, moment: dt.datetime) -> str:
    match kind:
        case "date":
            return moment.date().isoformat()
        case "time":
            return moment.time().isoformat("microseconds")
    return moment.isoformat(" ")


_PARTS: dict[str, Callable[[dt.datetime], Any]] = {
    "date": lambda moment: moment.date().isoformat(),
    "time": lambda moment: moment.time().isoformat("microseconds"),
    "year": lambda moment: moment.year,
    "iso_year": lambda moment: moment.isocalendar().year,
    "quarter": lambda moment: (moment.month + 2) // 3,
    "month": lambda moment: moment.month,
    "week": lambda moment: moment.isocalendar().week,
    "week_day": lambda moment: moment.isoweekday() % 7 + 1,
    "iso_week_day": lambda moment: moment.isoweekday(),
    "day": lambda moment: moment.day,
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
    "second": lambda moment: moment.second,
}

_MIDNIGHT: dict[str, Any] = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}

_CUTS: dict[str, Callable[[dt.datetime], dt.datetime]] = {
    "year": lambda moment: moment.replace(month=1, day=1, **_MIDNIGHT),
    "quarter": lambda moment: moment.replace(month=(moment.month - 1) // 3 * 3 + 1, day=1, **_MIDNIGHT),
    "month": lambda moment: moment.replace(day=1, **_MIDNIGHT),
    "week": lambda moment: moment.replace(**_MIDNIGHT) - dt.timedelta(days=moment.weekday()),
    "day": lambda moment: moment.replace(**_MIDNIGHT),
    "hour": lambda moment: moment.replace(minute=0, second=0, microsecond=0),
    "minute": lambda moment: moment.replace(second=0, microsecond=0),
    "second": lambda moment: moment.replace(microsecond=0),
}


def _truncated(unit: str, kind: str, value: Any, zone: str | None) -> str | None:
    moment = None if value is None else _moment(kind, value)
    if moment is None:
        return None
    local = _local(moment, zone)
    cut = _CUTS[unit](local)
    if unit in ("hour", "minute", "second"):
        # What is cut off is taken from the instant itself, so that a repeated hour stays what it was.
        return _written(kind, moment - (local - cut))
    return _written(kind, _instant(cut, zone))


def _shifted(kind: str, value: Any, micros: int) -> str | None:
    moment = _moment(kind, value)
    if moment is None:
        return None
    if kind == "time":
        # Far from both ends of the calendar, a clock can go round.
        moment = moment.replace(year=2000) + dt.timedelta(microseconds=micros % 86_400_000_000)
        return _written(kind, moment)
    try:
        return _written("timestamp", moment + dt.timedelta(microseconds=micros))
    except OverflowError:
        return None


def _micros(value: Any) -> int:
    return to_interval(value) // dt.timedelta(microseconds=1)


def _interval(micros: int) -> str:
    return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat(" ")


def _difference(kind: str, left: Any, right: Any) -> str | None:
    one, other = _moment(kind, left), _moment(kind, right)
    return None if one is None or other is None else (_EPOCH + (one - other)).isoformat(" ")


# Conversions


def _text(kind: str, value: Any) -> str:
    match kind:
        case "decimal":
            found = _digits(value)
            return str(value) if found is None else _plain(found)
        case "boolean":
            return str(int(value))
        case "float":
            return repr(float(value))
        case "uuid":
            return str(to_uuid(value))
        case "timestamp" | "date" | "time":
            moment = _moment(kind, value)
            return str(value) if moment is None else _written(kind, moment).removesuffix(".000000")
    return str(value)


def _plain(found: Decimal) -> str:
    text = format(found, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_SHAPES = {"time": re.compile(_CLOCK)}
_DATED = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}([ T]{_CLOCK})?")


def _parsed(kind: str, value: Any) -> str | None:
    text = str(value)
    if not _SHAPES.get(kind, _DATED).fullmatch(text):
        return None
    moment = _moment(kind, text)
    return None if moment is None else _written(kind, naive(moment))


_FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "multidb_part": (_part, 4),
    "multidb_truncated": (_truncated, 4),
    "multidb_decimal": (lambda value, places: None if value is None else _decimal(value, places), 2),
    **{
        f"multidb_{function.__name__.removeprefix('_')}": (_strict(function), function.__code__.co_argcount)
        for function in (
            *(_upper, _lower, _search, _right, _lpad, _rpad, _remainder, _round, _shifted, _micros, _interval),
            *(_difference, _text, _parsed),
        )
    },
    **{
        f"multidb_{name}": (_strict(_digest(name)), 1)
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    },
    "multidb_repeat": (_strict(lambda text, times: str(text) * times), 2),
    "multidb_reverse": (_strict(lambda text: str(text)[::-1]), 1),
    "multidb_sign": (_strict(lambda value: (value > 0) - (value < 0)), 1),
    "multidb_ceil": (_strict(lambda value: value if isinstance(value, int) else float(math.ceil(value))), 1),
    "multidb_floor": (_strict(lambda value: value if isinstance(value, int) else float(math.floor(value))), 1),
    "multidb_power": (_strict(_guarded(math.pow)), 2),
    "multidb_atan2": (_strict(_guarded(math.atan2)), 2),
    **{
        f"multidb_{function.__name__}": (_strict(_guarded(function)), 1)
        for function in (
            *(math.acos, math.asin, math.atan, math.cos, math.degrees, math.exp, math.radians, math.sin, math.sqrt),
            math.tan,
        )
    },
    "multidb_ln": (_strict(_guarded(math.log)), 1),
    "multidb_log": (
        _strict(_guarded(lambda base, value: math.log(value) / math.log(base) if base > 0 else math.nan)),
        2,
    ),
    "multidb_cot": (_strict(_guarded(lambda value: 1 / math.tan(value))), 1),
}
