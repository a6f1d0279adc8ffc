"""Functions as most products write them, with one answer everywhere; each product replaces what it writes otherwise.

A function gives NULL where mathematics gives nothing: the products would answer with an error, NaN or infinity.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError

__all__ = [
    "PORTABLE",
    "TEXTUAL",
    "Explained",
    "Writer",
    "at_least",
    "by_name",
    "constant",
    "double",
    "guarded_rounding",
    "nonempty",
    "valid_letter",
    "whole",
    "without_null",
    "zone_of",
]

Element = sa.ColumnElement[Any]

Writer = Callable[[Sequence[Element], Kind], Element]
"""Writes a function's call, given its arguments and what the first one holds."""

TEXTUAL = ("text", "enum", "json", "other")
"""Kinds that are read as text."""

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")

_LARGEST_EXPONENT = 709.0


class Explained(Executable, ClauseElement):
    """A statement that the database shall explain and not run.

    Parameters
    ----------
    prefix
        What stands before it.
    """

    inherit_cache = False

    def __init__(self, prefix: str, statement: sa.Executable) -> None:
        self.prefix, self.statement = prefix, statement


@compiles(Explained)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _explained(element: Explained, compiler: Any, **kw: Any) -> str:
    return f"{element.prefix} {compiler.process(element.statement, **kw)}"


@cache
def zone_of(zone: str | None) -> dt.timedelta | ZoneInfo:
    """Give the offset or the region that a time zone's name stands for; no name stands for UTC.

    Raises
    ------
    FieldError
        For a name that is neither.

    Examples
    --------
    >>> zone_of("+02:00"), zone_of("Europe/Paris")
    (datetime.timedelta(seconds=7200), zoneinfo.ZoneInfo(key='Europe/Paris'))
    """
    if zone is None or zone == "UTC":
        return dt.timedelta(0)
    if found := _OFFSET.fullmatch(zone):
        size = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
        return size if found[1] == "+" else -size
    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise FieldError(
            f"There is no time zone {zone!r}. Use a name such as 'Europe/Paris', or an offset such as '+02:00'."
        ) from None


# Arguments


def constant(argument: Element) -> Any:
    """Give the value of an argument that is a constant, else ``None``."""
    return argument.value if isinstance(argument, sa.BindParameter) else None


def whole(argument: Element) -> Element:
    """Give a count or place as the plain integer that functions take."""
    value = constant(argument)
    if isinstance(value, int) and abs(value) < 2**31:
        return sa.literal(value, sa.Integer())
    return sa.cast(argument, sa.Integer)


def at_least(argument: Element, least: int) -> Element:
    """Raise a count or place to the least one that has a meaning."""
    number, value = whole(argument), constant(argument)
    if isinstance(value, int):
        return number if value >= least else sa.literal(least, sa.Integer())
    # NULL stays NULL.
    return sa.case((number < least, sa.literal(least, sa.Integer())), else_=number)


def double(argument: Element) -> Element:
    """Give a number as a double."""
    return argument if isinstance(argument.type, sa.Double) else sa.cast(argument, sa.Double())


def without_null(arguments: Sequence[Element], found: Element) -> Element:
    """Give NULL where any argument is NULL."""
    missing = sa.or_(*(argument.is_(None) for argument in arguments))
    return sa.case((sa.not_(missing), found))


def nonempty(text: Element) -> sa.ColumnElement[bool]:
    """Test a text for having a character; to compare it with '' would take a blank for nothing in some products."""
    return sa.func.char_length(text, type_=sa.Integer()) > 0


def valid_letter(number: Element, found: Element) -> Element:
    """Give NULL for numbers that are no character's."""
    value = constant(number)
    if isinstance(value, int) and (0 < value < 0xD800 or 0xE000 <= value <= 0x10FFFF):
        return found
    return sa.case((sa.or_(number.between(1, 0xD7FF), number.between(0xE000, 0x10FFFF)), found))


def by_name(name: str, type_: Any = None) -> Writer:
    """Write a call by the function's own name; without a type the result is of the first argument's."""

    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        return _call(name, *arguments, type_=arguments[0].type if type_ is None else type_)

    return write


def _call(name: str, *arguments: Any, type_: Any) -> Element:
    function: Element = getattr(sa.func, name)(*arguments, type_=type_)
    return function


# Text


def _concat(arguments: Sequence[Element], kind: Kind) -> Element:
    parts = [sa.func.coalesce(part, sa.literal_column("''"), type_=sa.Text()) for part in arguments]
    return reduce(lambda left, right: left.concat(right), parts[1:], parts[0])


def _substr(arguments: Sequence[Element], kind: Kind) -> Element:
    text, place, *length = arguments
    return _call("substr", text, at_least(place, 1), *(at_least(n, 0) for n in length), type_=sa.Text())


def _left(arguments: Sequence[Element], kind: Kind) -> Element:
    return _call("left", arguments[0], at_least(arguments[1], 0), type_=sa.Text())


def _right(arguments: Sequence[Element], kind: Kind) -> Element:
    return _call("right", arguments[0], at_least(arguments[1], 0), type_=sa.Text())


def _padded(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        text, length, filler = arguments
        found = _call(name, text, at_least(length, 0), filler, type_=sa.Text())
        if constant(filler):
            return found
        # Nothing fills nothing; the text is still cut.
        return sa.case((sa.not_(nonempty(filler)), _left([text, length], kind)), else_=found)

    return write


def _repeat(arguments: Sequence[Element], kind: Kind) -> Element:
    return _call("repeat", arguments[0], at_least(arguments[1], 0), type_=sa.Text())


def _chr(arguments: Sequence[Element], kind: Kind) -> Element:
    return valid_letter(arguments[0], _call("chr", whole(arguments[0]), type_=sa.Text()))


def _ord(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.case((nonempty(arguments[0]), _call("ascii", arguments[0], type_=sa.Integer())))


# Numbers


def _mathematical(name: str, domain: Callable[[Element], sa.ColumnElement[bool]] | None = None) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        numbers = [double(argument) for argument in arguments]
        found = _call(name, *numbers, type_=sa.Double())
        return found if domain is None else sa.case((domain(numbers[0]), found))

    return write


def _exp(arguments: Sequence[Element], kind: Kind) -> Element:
    number = double(arguments[0])
    found = _call("exp", number, type_=sa.Double())
    return sa.case((number < -_LARGEST_EXPONENT, sa.literal(0.0, sa.Double())), (number <= _LARGEST_EXPONENT, found))


def _log(arguments: Sequence[Element], kind: Kind) -> Element:
    base, number = map(double, arguments)
    quotient: Element = _ln(number).op("/", return_type=sa.Double())(_ln(base))
    return sa.case((sa.and_(base > 0, base != 1, number > 0), quotient))


def _ln(number: Element) -> Element:
    return _call("ln", number, type_=sa.Double())


def _cot(arguments: Sequence[Element], kind: Kind) -> Element:
    tangent = _call("tan", double(arguments[0]), type_=sa.Double())
    one: Element = sa.literal(1.0, sa.Double())
    return one.op("/", return_type=sa.Double())(sa.func.nullif(tangent, sa.literal(0.0, sa.Double())))


def _power(arguments: Sequence[Element], kind: Kind) -> Element:
    base, exponent = map(double, arguments)
    found = _call("power", base, exponent, type_=sa.Double())
    size = exponent * _ln(sa.func.nullif(sa.func.abs(base), sa.literal(0.0, sa.Double()), type_=sa.Double()))
    broken = sa.and_(base < 0, exponent != sa.func.floor(exponent))
    nothing = sa.or_(sa.and_(base == 0, exponent < 0), broken, size > _LARGEST_EXPONENT)
    zero: Element = sa.literal(0.0, sa.Double())
    return sa.case((nothing, sa.null()), (size < -_LARGEST_EXPONENT, zero), else_=found)


def _sign(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.cast(sa.func.sign(arguments[0]), sa.Integer)


def _to_whole(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        number = arguments[0]
        return number if kind.name in ("integer", "boolean") else _call(name, number, type_=number.type)

    return write


def guarded_rounding(exact: Callable[[Element], Element]) -> Writer:
    """Round half away from zero by a number's shortest decimal digits: 2.675 is 2.68, whatever its double is.

    Parameters
    ----------
    exact
        Turns a double into a decimal of the same digits.
    """

    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        number, digits = arguments[0], whole(arguments[1])
        if kind.name == "integer":
            rounded = sa.func.round(sa.cast(number, sa.Numeric()), digits)
            return sa.cast(rounded, sa.BigInteger) if constant(digits) is None or constant(digits) < 0 else number
        if kind.name == "decimal":
            return _call("round", number, digits, type_=sa.Numeric())
        return sa.cast(sa.func.round(exact(number), digits), sa.Double())

    return write


def _shortest(number: Element) -> Element:
    return sa.cast(sa.cast(number, sa.Text()), sa.Numeric())


def _pi(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.literal(math.pi, sa.Double())


def _random(arguments: Sequence[Element], kind: Kind) -> Element:
    return _call("random", type_=sa.Double())


def _now(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.now(type_=sa.DateTime(timezone=True))


# Comparing


def _extreme(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        return without_null(arguments, _call(name, *arguments, type_=arguments[0].type))

    return write


def _within(number: Element) -> sa.ColumnElement[bool]:
    return number.between(sa.literal(-1.0, sa.Double()), sa.literal(1.0, sa.Double()))


PORTABLE: Mapping[str, Writer] = {
    "upper": by_name("upper", sa.Text()),
    "lower": by_name("lower", sa.Text()),
    "length": by_name("char_length", sa.Integer()),
    "concat": _concat,
    "substr": _substr,
    "left": _left,
    "right": _right,
    "lpad": _padded("lpad"),
    "rpad": _padded("rpad"),
    "trim": by_name("trim", sa.Text()),
    "ltrim": by_name("ltrim", sa.Text()),
    "rtrim": by_name("rtrim", sa.Text()),
    "replace": by_name("replace", sa.Text()),
    "reverse": by_name("reverse", sa.Text()),
    "repeat": _repeat,
    "strindex": by_name("strpos", sa.Integer()),
    "chr": _chr,
    "ord": _ord,
    "md5": by_name("md5", sa.Text()),
    "abs": by_name("abs"),
    "acos": _mathematical("acos", _within),
    "asin": _mathematical("asin", _within),
    "atan": _mathematical("atan"),
    "atan2": _mathematical("atan2"),
    "ceil": _to_whole("ceil"),
    "cos": _mathematical("cos"),
    "cot": _cot,
    "degrees": _mathematical("degrees"),
    "exp": _exp,
    "floor": _to_whole("floor"),
    "ln": _mathematical("ln", lambda number: number > 0),
    "log": _log,
    "pi": _pi,
    "power": _power,
    "radians": _mathematical("radians"),
    "random": _random,
    "round": guarded_rounding(_shortest),
    "sign": _sign,
    "sin": _mathematical("sin"),
    "sqrt": _mathematical("sqrt", lambda number: number >= 0),
    "tan": _mathematical("tan"),
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "nullif": by_name("nullif"),
    "now": _now,
}
"""Every function by its neutral name, as standard SQL and most products have it."""
