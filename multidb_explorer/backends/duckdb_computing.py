"""What DuckDB computes, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.functions import PORTABLE, Writer, by_name, constant, nonempty, whole
from multidb_explorer.backends.kinds import Kind

__all__ = ["DuckDBComputing"]

Element = sa.ColumnElement[Any]

_NUMBER = {
    "integer": r"^\s*([+-]?\d+)",
    "decimal": r"^\s*([+-]?(?:\d+\.?\d*|\.\d+))",
    "float": r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)",
}
_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_MOMENT = {"date": rf"^{_DAY}([ T]{_CLOCK})?$", "timestamp": rf"^{_DAY}([ T]{_CLOCK})?$", "time": rf"^{_CLOCK}$"}


def _trim(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        # Alone it would take every kind of blank.
        return getattr(sa.func, name)(arguments[0], sa.literal_column("' '"), type_=sa.Text())  # type: ignore[no-any-return]

    return write


def _reverse(arguments: Sequence[Element], kind: Kind) -> Element:
    # reverse() keeps a letter and its accents together.
    letters = sa.func.regexp_extract_all(arguments[0], sa.literal_column("'(?s).'"))
    return sa.func.array_to_string(sa.func.list_reverse(letters), sa.literal_column("''"), type_=sa.Text())


def _digits(digits: Element) -> Element:
    # Of decimals the number of places must be known beforehand.
    value = constant(digits)
    return sa.literal_column(str(int(value))) if isinstance(value, int) else whole(digits)


def _round(arguments: Sequence[Element], kind: Kind) -> Element:
    number, digits = arguments[0], _digits(arguments[1])
    if kind.name == "integer":
        return sa.cast(sa.func.round(number, digits), sa.BigInteger)
    if kind.name == "decimal":
        return sa.func.round(number, digits, type_=sa.Numeric())
    plain: Element = sa.func.round(number, digits, type_=sa.Double())
    if not isinstance(constant(arguments[1]), int):
        return plain
    # Since 2.0.1 a double is rounded by its binary value; its decimal digits are what one sees.
    shortest = sa.cast(sa.cast(number, sa.Text()), sa.Numeric(38, 20))
    exact: Element = sa.cast(sa.func.round(shortest, digits), sa.Double())
    return sa.case((sa.func.abs(number) < sa.literal_column("1e15"), exact), else_=plain)


def _ord(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.case((nonempty(arguments[0]), sa.func.unicode(arguments[0], type_=sa.Integer())))


class DuckDBComputing(Backend):
    """What DuckDB computes otherwise than most."""

    functions: ClassVar[Mapping[str, Writer]] = {
        **PORTABLE,
        "length": by_name("length", sa.Integer()),
        "trim": _trim("trim"),
        "ltrim": _trim("ltrim"),
        "rtrim": _trim("rtrim"),
        "reverse": _reverse,
        "sha1": by_name("sha1", sa.Text()),
        "sha256": by_name("sha256", sa.Text()),
        "ord": _ord,
        "round": _round,
    }

    def _converted(self, column: Element, kind: Kind, to: Kind) -> Element:
        convert = _CONVERT.get((kind.name, to.name))
        return super()._converted(column, kind, to) if convert is None else convert(column, to)

    def _quotient(self, left: Element, right: Element) -> Element:
        return left.op("//", return_type=sa.BigInteger())(right)

    def _cut(self, local: Element, unit: str, kind: Kind) -> Element:
        if kind.name != "time":
            return super()._cut(local, unit, kind)
        parts = [sa.func.date_part(name, local) for name in ("hour", "minute", "second")]
        kept = parts[: ("hour", "minute", "second").index(unit) + 1]
        zeros: list[Element] = [sa.literal_column("0")] * (3 - len(kept))
        return sa.case((local.is_not(None), sa.func.make_time(*kept, *zeros, type_=sa.Time())))

    def difference(self, left: Element, right: Element, kind: Kind) -> Element:
        if kind.name == "time":
            # A day makes timestamps of them.
            day = sa.cast(sa.literal_column("'2000-01-01'"), sa.Date)
            left, right = (sa.type_coerce(day + side, sa.DateTime()) for side in (left, right))
        return super().difference(left, right, kind)

    def _aggregated(self, name: str, column: Element, kind: Kind) -> Element:
        if name == "sum" and kind.name == "interval":
            return sa.func.epoch_us(column, type_=sa.BigInteger())
        return super()._aggregated(name, column, kind)

    def _concluded(self, name: str, found: Element, kind: Kind) -> Element:
        if name == "sum" and kind.name == "interval":
            return sa.func.to_microseconds(sa.cast(found, sa.BigInteger), type_=sa.Interval())
        return super()._concluded(name, found, kind)

    def quantile(self, column: Element, fraction: float) -> Element | None:
        return sa.func.quantile_cont(column, sa.literal_column(repr(float(fraction))))

    def _explain_prefix(self, form: str | None, options: Mapping[str, Any]) -> str:
        parts = ["ANALYZE"] if any(options.values()) else []
        parts += [] if form is None else [f"FORMAT {form.upper()}"]
        return f"EXPLAIN ({', '.join(parts)})" if parts else "EXPLAIN"

    def _plan(self, rows: Sequence[Any]) -> str:
        # The first column only names the plan.
        return "\n".join(str(row[-1]) for row in rows)


# Conversions


def _to_integer(column: Element, to: Kind) -> Element:
    return sa.cast(sa.func.trunc(column), sa.BigInteger)


def _to_decimal(column: Element, to: Kind) -> Element:
    # By the digits that are seen, not by the double behind them.
    type_ = sa.Numeric(38, 15) if to.scale is None else sa.Numeric(to.precision or 38, to.scale)
    return sa.cast(sa.cast(column, sa.Text), type_)


def _flag(column: Element, to: Kind) -> Element:
    return sa.cast(sa.cast(column, sa.Integer), sa.Text)


def _decimal_text(column: Element, to: Kind) -> Element:
    text = sa.cast(column, sa.Text)
    bare = sa.func.rtrim(sa.func.rtrim(text, sa.literal_column("'0'")), sa.literal_column("'.'"), type_=sa.Text())
    return sa.case((sa.func.contains(text, sa.literal_column("'.'")), bare), else_=text)


def _timestamp_text(column: Element, to: Kind) -> Element:
    column = _unzoned(column)
    short = sa.func.strftime(column, sa.literal_column("'%Y-%m-%d %H:%M:%S'"), type_=sa.Text())
    long = sa.func.strftime(column, sa.literal_column("'%Y-%m-%d %H:%M:%S.%f'"), type_=sa.Text())
    whole_seconds = sa.func.date_part("microseconds", column) % sa.literal_column("1000000") == 0
    return sa.case((whole_seconds, short), else_=long)


def _time_text(column: Element, to: Kind) -> Element:
    moment = sa.cast(sa.literal_column("'2000-01-01'"), sa.Date) + column
    return sa.func.substr(_timestamp_text(moment, to), sa.literal_column("12"), type_=sa.Text())


def _unzoned(column: Element) -> Element:
    timed = isinstance(column.type, sa.DateTime) and column.type.timezone
    return sa.func.timezone("UTC", column, type_=sa.DateTime()) if timed else column


def _parsed_number(column: Element, to: Kind) -> Element:
    pattern: Element = sa.literal_column("'" + _NUMBER[to.name] + "'")
    found = sa.func.regexp_extract(column, pattern, sa.literal_column("1"), type_=sa.Text())
    number = sa.func.coalesce(sa.func.nullif(found, sa.literal_column("''")), sa.literal_column("'0'"), type_=sa.Text())
    types: dict[str, Any] = {"integer": sa.BigInteger(), "float": sa.Double()}
    type_ = types.get(to.name) or sa.Numeric(to.precision or 38, 15 if to.scale is None else to.scale)
    return sa.case((column.is_not(None), sa.cast(number, type_)))


def _parsed_moment(column: Element, to: Kind) -> Element:
    found: Element = sa.try_cast(column, sa.Time() if to.name == "time" else sa.DateTime())
    if to.name == "timestamp" and to.tz:
        found = sa.func.timezone("UTC", found, type_=sa.DateTime(timezone=True))
    if to.name == "date":
        found = sa.cast(found, sa.Date)
    pattern: Element = sa.literal_column("'" + _MOMENT[to.name] + "'")
    return sa.case((sa.func.regexp_matches(column, pattern), found))


def _between_moments(column: Element, to: Kind) -> Element:
    if to.name == "timestamp" and to.tz:
        timed = isinstance(column.type, sa.DateTime) and column.type.timezone
        moment = sa.cast(column, sa.DateTime())
        return column if timed else sa.func.timezone("UTC", moment, type_=sa.DateTime(timezone=True))
    types: dict[str, Any] = {"date": sa.Date(), "time": sa.Time()}
    return sa.cast(_unzoned(column), types.get(to.name) or sa.DateTime())


_CONVERT: dict[tuple[str, str], Callable[[Element, Kind], Element]] = {
    ("float", "integer"): _to_integer,
    ("decimal", "integer"): _to_integer,
    ("float", "decimal"): _to_decimal,
    ("boolean", "text"): _flag,
    ("decimal", "text"): _decimal_text,
    ("timestamp", "text"): _timestamp_text,
    ("time", "text"): _time_text,
    **{("text", name): _parsed_number for name in ("integer", "float", "decimal")},
    **{("text", name): _parsed_moment for name in ("date", "time", "timestamp")},
    **{(one, other): _between_moments for one in ("date", "timestamp") for other in ("date", "timestamp", "time")},
}
