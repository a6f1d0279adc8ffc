"""What MySQL and MariaDB compute, and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.functions import (
    PORTABLE,
    TEXTUAL,
    Writer,
    at_least,
    by_name,
    nonempty,
    valid_letter,
    whole,
    zone_of,
)
from multidb_explorer.backends.kinds import Kind

__all__ = ["MySQLComputing", "bytes_of", "utf8"]

Element = sa.ColumnElement[Any]

_EPOCH = dt.datetime(1970, 1, 1)


def utf8(column: Element) -> Element:
    """Give a text in the one character set that holds all of them, whatever the column's own is."""
    return sa.func.convert(column.op("USING")(sa.literal_column("utf8mb4")), type_=sa.Text())


def bytes_of(column: Element) -> Element:
    """Give the bytes of a text in UTF-8."""
    return sa.cast(utf8(column), sa.BINARY)


class _CodePoints(FunctionElement[str]):
    """A text in the collation that compares code points and counts blanks; the products name it differently."""

    inherit_cache = True
    type = sa.Text()


@compiles(_CodePoints)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _code_points(element: _CodePoints, compiler: Any, **kw: Any) -> str:
    name = "utf8mb4_nopad_bin" if getattr(compiler.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return f"(CONVERT({compiler.process(element.clauses, **kw)} USING utf8mb4) COLLATE {name})"


# Time zones


@cache
def _changes(zone: ZoneInfo) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the seconds at which a region's offset changes, and the offsets before, between and after them.

    The server's own tables of time zones may be empty, and then its answer would be NULL.
    """
    step = 21 * 86_400
    moments, offsets = [], [_offset(zone, 0)]
    for start in range(0, _LAST, step):
        low, high = start, min(start + step, _LAST)
        if _offset(zone, low) == _offset(zone, high):
            continue
        before = _offset(zone, low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
        moments.append(high)
        offsets.append(_offset(zone, high))
    return tuple(moments), tuple(offsets)


# Where a TIMESTAMP column ends, in the server that holds the latest.
_LAST = 2**32 - 1


def _offset(zone: ZoneInfo, second: int) -> int:
    found = dt.datetime.fromtimestamp(second, dt.UTC).astimezone(zone).utcoffset() or dt.timedelta(0)
    return int(found.total_seconds())


class _Moved(FunctionElement[Any]):
    """A timestamp moved by a number of units."""

    inherit_cache = True

    def __init__(self, column: Element, amount: Element, type_: TypeEngine[Any] | None = None) -> None:
        super().__init__(column, amount)
        self.type = type_ or mysql.DATETIME(fsp=6)


@compiles(_Moved)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _written_move(element: _Moved, compiler: Any, **kw: Any) -> str:
    column, amount = (compiler.process(part, **kw) for part in element.clauses)
    return f"DATE_ADD({column}, INTERVAL {amount} MICROSECOND)"


class _Offset(FunctionElement[int]):
    """The offset of a time zone at a second: a search among the seconds at which it changes."""

    inherit_cache = True
    type = sa.BigInteger()

    def __init__(self, column: Element, moments: Element, offsets: Element) -> None:
        super().__init__(column, moments, offsets)


@compiles(_Offset)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _written_offset(element: _Offset, compiler: Any, **kw: Any) -> str:
    column, moments, offsets = (compiler.process(part, **kw) for part in element.clauses)
    second = f"TIMESTAMPDIFF(SECOND, '1970-01-01', {column})"
    return f"ELT(INTERVAL({second}, {moments}) + 1, {offsets})"


def _offset_micros(column: Element, zone: str | None, *, local: bool) -> Element:
    found = zone_of(zone)
    if isinstance(found, dt.timedelta):
        return sa.literal_column(str(found // dt.timedelta(microseconds=1)))
    moments, offsets = _changes(found)
    if not moments:
        return sa.literal_column(str(offsets[0] * 1_000_000))
    if local:
        # Of a time that is there twice, or never, the smaller offset decides, as in the other products.
        moments = tuple(moment + after for moment, after in zip(moments, offsets[1:], strict=True))
    seconds = _Offset(column, *(sa.literal_column(", ".join(map(str, numbers))) for numbers in (moments, offsets)))
    return seconds * sa.literal_column("1000000")


# Text


def _length(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.char_length(arguments[0], type_=sa.Integer())


def _cased(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        return getattr(sa.func, name)(utf8(arguments[0]), type_=sa.Text())  # type: ignore[no-any-return]

    return write


def _chr(arguments: Sequence[Element], kind: Kind) -> Element:
    letter = sa.func.char(whole(arguments[0]).op("USING")(sa.literal_column("utf32")), type_=sa.Text())
    return valid_letter(arguments[0], utf8(letter))


def _ord(arguments: Sequence[Element], kind: Kind) -> Element:
    # Of a text in UTF-8 the server would give its first letter's bytes.
    letter = sa.func.convert(arguments[0].op("USING")(sa.literal_column("utf32")))
    return sa.case((nonempty(arguments[0]), sa.func.ord(letter, type_=sa.Integer())))


def _digest(name: str, *size: int) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        sizes: list[Element] = [sa.literal_column(str(bits)) for bits in size]
        return getattr(sa.func, name)(utf8(arguments[0]), *sizes, type_=sa.Text())  # type: ignore[no-any-return]

    return write


def _concat(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.concat_ws(sa.literal_column("''"), *arguments, type_=sa.Text())


def _repeat(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.repeat(arguments[0], at_least(arguments[1], 0), type_=sa.Text())


def _padded(name: str) -> Writer:
    portable = PORTABLE[name]

    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        return portable([utf8(arguments[0]), *arguments[1:]], kind)

    return write


# Numbers


def _round(arguments: Sequence[Element], kind: Kind) -> Element:
    number, digits = arguments[0], whole(arguments[1])
    if kind.name == "integer":
        return sa.cast(sa.func.round(number, digits), sa.BigInteger)
    if kind.name == "decimal":
        return sa.func.round(number, digits, type_=sa.Numeric())
    # A double is rounded by its decimal digits, unless it is too large to have any after the point.
    exact: Element = sa.cast(sa.func.round(sa.cast(number, sa.Numeric(65, 30)), digits), sa.Double())
    small = sa.func.abs(number) < sa.literal_column("1e15")
    return sa.case((small, exact), else_=sa.func.round(number, digits, type_=sa.Double()))


def _random(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.rand(type_=sa.Double())


def _now(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.utc_timestamp(sa.literal_column("6"), type_=mysql.TIMESTAMP(fsp=6, timezone=True))


class MySQLComputing(Backend):
    """What MySQL and MariaDB compute otherwise than most."""

    functions: ClassVar[Mapping[str, Writer]] = {
        **PORTABLE,
        "upper": _cased("upper"),
        "lower": _cased("lower"),
        "length": _length,
        "concat": _concat,
        "lpad": _padded("lpad"),
        "rpad": _padded("rpad"),
        "strindex": by_name("instr", sa.Integer()),
        "chr": _chr,
        "ord": _ord,
        "repeat": _repeat,
        "md5": _digest("md5"),
        "sha1": _digest("sha1"),
        **{f"sha{bits}": _digest("sha2", bits) for bits in (224, 256, 384, 512)},
        "ceil": lambda arguments, kind: _whole_number("ceiling", arguments[0], kind),
        "floor": lambda arguments, kind: _whole_number("floor", arguments[0], kind),
        "round": _round,
        "random": _random,
        "now": _now,
    }

    def by_code_points(self, column: Element) -> Element:
        return _CodePoints(column)

    def type_of(self, kind: Kind) -> TypeEngine[Any]:
        match kind.name:
            case "timestamp":
                return mysql.DATETIME(timezone=kind.tz, fsp=6)
            case "time":
                return mysql.TIME(fsp=6)
            case "decimal" if kind.scale is None:
                return sa.Numeric(65, 30)
            case "decimal":
                return sa.Numeric(min(65, kind.precision or 65), min(30, kind.scale or 0))
        return super().type_of(kind)

    def _nothing(self, kind: Kind) -> Element:
        # Many types are none to cast to here, and NULL needs none.
        return sa.type_coerce(sa.null(), self.type_of(kind))

    def _converted(self, column: Element, kind: Kind, to: Kind) -> Element:
        convert = _CONVERT.get((kind.name, to.name))
        if convert is not None:
            return convert(column, self.type_of(to))
        return (
            sa.type_coerce(column, self.type_of(to))
            if kind.name == to.name and kind.name in _AS_IS
            else (super()._converted(column, kind, to))
        )

    def _quotient(self, left: Element, right: Element) -> Element:
        return left.op("DIV", return_type=sa.BigInteger())(right)

    def _aggregated(self, name: str, column: Element, kind: Kind) -> Element:
        if name == "sum" and kind.name == "interval":
            return _micros(column)
        return super()._aggregated(name, column, kind)

    def _concluded(self, name: str, found: Element, kind: Kind) -> Element:
        if name == "sum" and kind.name == "interval":
            return _Moved(_epoch(), found, sa.Interval())
        if name in ("min", "max") and kind.name in (*TEXTUAL, "enum"):
            return sa.type_coerce(found, sa.Text())
        return super()._concluded(name, found, kind)

    def _local(self, column: Element, zone: str | None) -> Element:
        return column if zone_of(zone) == dt.timedelta(0) else _Moved(column, _offset_micros(column, zone, local=False))

    def _instant(self, local: Element, zone: str | None) -> Element:
        found = _Moved(local, -_offset_micros(local, zone, local=True))
        return sa.type_coerce(local if zone_of(zone) == dt.timedelta(0) else found, self.type_of(_INSTANT))

    def _earlier(self, column: Element, local: Element, cut: Element) -> Element:
        cut_off = sa.func.timestampdiff(sa.literal_column("MICROSECOND"), local, cut, type_=sa.BigInteger())
        return _Moved(column, cut_off, self.type_of(_INSTANT))

    def _part(self, local: Element, part: str) -> Element:
        match part:
            case "week":
                return sa.func.week(local, sa.literal_column("3"), type_=sa.Integer())
            case "iso_year":
                weeks = sa.func.yearweek(local, sa.literal_column("3"), type_=sa.Integer())
                return weeks.op("DIV", return_type=sa.Integer())(sa.literal_column("100"))
            case "week_day":
                return sa.func.dayofweek(local, type_=sa.Integer())
            case "iso_week_day":
                return sa.func.weekday(local, type_=sa.Integer()) + sa.literal_column("1")
        return sa.extract(part, local)

    def _cut(self, local: Element, unit: str, kind: Kind) -> Element:
        if kind.name == "time":
            written = sa.func.time_format(local, sa.literal_column(f"'{_CLOCKS[unit]}'"))
            return sa.cast(written, self.type_of(kind))
        return sa.cast(_CUTS[unit](local), self.type_of(Kind(kind.name)))

    def shifted(self, column: Element, interval: dt.timedelta | Element, kind: Kind) -> Element:
        if isinstance(interval, dt.timedelta):
            by: Element = sa.literal_column(str(interval // dt.timedelta(microseconds=1)))
        else:
            by = _micros(interval)
        if kind.name == "time":
            by = by.op("%")(sa.literal_column("86400000000"))
            day = sa.func.timestamp(sa.literal_column("'2000-01-02'"), column)
            return sa.cast(_Moved(day, by), self.type_of(kind))
        type_ = self.type_of(Kind("timestamp", tz=kind.tz))
        # In this precision whatever the interval has.
        return _Moved(sa.cast(column, mysql.DATETIME(fsp=6)), by, type_)

    def difference(self, left: Element, right: Element, kind: Kind) -> Element:
        if kind.name == "time":
            left, right = (sa.func.timestamp(sa.literal_column("'2000-01-01'"), side) for side in (left, right))
        micros = sa.func.timestampdiff(sa.literal_column("MICROSECOND"), right, left, type_=sa.BigInteger())
        return _Moved(_epoch(), micros, sa.Interval())

    def _explain_prefix(self, form: str | None, options: Mapping[str, Any]) -> str:
        if any(options.values()):
            return "ANALYZE FORMAT=JSON" if str(form).upper() == "JSON" else "ANALYZE"
        return "EXPLAIN" if form in (None, "TRADITIONAL") else f"EXPLAIN FORMAT={str(form).upper()}"


_INSTANT = Kind("timestamp", tz=True)
_AS_IS = ("enum", "json", "other", "uuid", "binary", "interval", "array", "boolean", "float")


def _whole_number(name: str, number: Element, kind: Kind) -> Element:
    found: Element = getattr(sa.func, name)(number, type_=number.type)
    return number if kind.name in ("integer", "boolean") else found


def _epoch() -> Element:
    return sa.func.timestamp(sa.literal_column("'1970-01-01'"))


def _micros(interval: Element) -> Element:
    return sa.func.timestampdiff(sa.literal_column("MICROSECOND"), sa.literal_column("'1970-01-01'"), interval)


# The beginning of a unit

_CLOCKS = {"hour": "%H:00:00", "minute": "%H:%i:00", "second": "%H:%i:%s"}


def _formatted(pattern: str) -> Callable[[Element], Element]:
    return lambda local: sa.func.date_format(local, sa.literal_column(f"'{pattern}'"))


def _quarter(local: Element) -> Element:
    month = sa.func.quarter(local) * sa.literal_column("3") - sa.literal_column("2")
    return sa.func.concat(_formatted("%Y-")(local), month, sa.literal_column("'-01'"))


def _week(local: Element) -> Element:
    micros = sa.func.weekday(local) * sa.literal_column("-86400000000")
    return _Moved(sa.func.timestamp(sa.func.date(local)), micros)


_CUTS: dict[str, Callable[[Element], Element]] = {
    "year": _formatted("%Y-01-01"),
    "quarter": _quarter,
    "month": _formatted("%Y-%m-01"),
    "week": _week,
    "day": _formatted("%Y-%m-%d"),
    "hour": _formatted("%Y-%m-%d %H:00:00"),
    "minute": _formatted("%Y-%m-%d %H:%i:00"),
    "second": _formatted("%Y-%m-%d %H:%i:%s"),
}

# Conversions

Convert = Callable[[Element, TypeEngine[Any]], Element]


def _cut_off(column: Element, type_: TypeEngine[Any]) -> Element:
    return sa.cast(sa.func.truncate(column, sa.literal_column("0")), type_)


def _as_truth(column: Element, type_: TypeEngine[Any]) -> Element:
    return sa.type_coerce(column != 0, type_)


def _number_of_truth(column: Element, type_: TypeEngine[Any]) -> Element:
    return sa.cast(sa.type_coerce(column, sa.Integer()), type_)


def _decimal_text(column: Element, type_: TypeEngine[Any]) -> Element:
    text = sa.cast(column, sa.CHAR)
    short = sa.func.regexp_replace(text, sa.literal_column("'[.]?0+$'"), sa.literal_column("''"), type_=type_)
    return sa.case((sa.func.instr(text, sa.literal_column("'.'")) > 0, short), else_=text)


def _float_text(column: Element, type_: TypeEngine[Any]) -> Element:
    text = sa.cast(column, sa.CHAR)
    plain = text.regexp_match(sa.literal_column("'^-?[0-9]+$'"))
    return sa.case((plain, sa.func.concat(text, sa.literal_column("'.0'"))), else_=text)


def _moment_text(function: str, pattern: str) -> Convert:
    def convert(column: Element, type_: TypeEngine[Any]) -> Element:
        write = getattr(sa.func, function)
        short, long = (
            write(column, sa.literal_column(f"'{shape}'"), type_=type_) for shape in (pattern, f"{pattern}.%f")
        )
        return sa.case((sa.func.microsecond(column) == sa.literal_column("0"), short), else_=long)

    return convert


def _parsed(pattern: str) -> Convert:
    def convert(column: Element, type_: TypeEngine[Any]) -> Element:
        return sa.case((column.regexp_match(sa.literal_column(f"'{pattern}'")), sa.cast(column, type_)))

    return convert


_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"

_CONVERT: dict[tuple[str, str], Convert] = {
    ("float", "integer"): _cut_off,
    ("decimal", "integer"): _cut_off,
    **{(name, "boolean"): _as_truth for name in ("integer", "float", "decimal")},
    **{("boolean", name): _number_of_truth for name in ("integer", "float", "decimal")},
    ("boolean", "text"): lambda column, _: sa.cast(sa.type_coerce(column, sa.Integer()), sa.CHAR),
    ("text", "uuid"): sa.type_coerce,
    ("decimal", "text"): _decimal_text,
    ("float", "text"): _float_text,
    ("timestamp", "text"): _moment_text("date_format", "%Y-%m-%d %H:%i:%s"),
    ("time", "text"): _moment_text("time_format", "%H:%i:%s"),
    ("text", "date"): _parsed(f"^{_DAY}([ T]{_CLOCK})?$"),
    ("text", "timestamp"): _parsed(f"^{_DAY}([ T]{_CLOCK})?$"),
    ("text", "time"): _parsed(f"^{_CLOCK}$"),
    **{(name, "text"): lambda column, _: sa.cast(column, sa.CHAR) for name in ("integer", "date", "enum", "json")},
    **{(name, "text"): lambda column, _: sa.cast(column, sa.CHAR) for name in ("other", "uuid", "text")},
}
