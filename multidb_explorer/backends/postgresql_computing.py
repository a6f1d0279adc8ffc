"""What PostgreSQL computes, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.functions import PORTABLE, Writer, whole
from multidb_explorer.backends.kinds import Kind

__all__ = ["PostgreSQLComputing"]

Element = sa.ColumnElement[Any]

_NUMBER = {
    "integer": r"^\s*([+-]?\d+)",
    "decimal": r"^\s*([+-]?(?:\d+\.?\d*|\.\d+))",
    "float": r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)",
}
_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_MOMENT = {"date": rf"^{_DAY}([ T]{_CLOCK})?$", "timestamp": rf"^{_DAY}([ T]{_CLOCK})?$", "time": rf"^{_CLOCK}$"}


def _digest(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        data = sa.func.convert_to(sa.cast(arguments[0], sa.Text), "UTF8")
        return sa.func.encode(getattr(sa.func, name)(data), "hex", type_=sa.Text())

    return write


def _substr(arguments: Sequence[Element], kind: Kind) -> Element:
    return PORTABLE["substr"](arguments, kind)


def _now(arguments: Sequence[Element], kind: Kind) -> Element:
    # now() is the beginning of the transaction here.
    return sa.func.statement_timestamp(type_=sa.DateTime(timezone=True))


def _round(arguments: Sequence[Element], kind: Kind) -> Element:
    number, digits = arguments
    if kind.name == "decimal":
        return sa.func.round(sa.cast(number, sa.Numeric()), whole(digits), type_=sa.Numeric())
    return PORTABLE["round"](arguments, kind)


class PostgreSQLComputing(Backend):
    """What PostgreSQL computes otherwise than most."""

    functions: ClassVar[Mapping[str, Writer]] = {
        **PORTABLE,
        **{name: _digest(name) for name in ("sha224", "sha256", "sha384", "sha512")},
        "now": _now,
        "round": _round,
    }

    def by_code_points(self, column: Element) -> Element:
        return sa.collate(column if isinstance(column, sa.ColumnClause) else Grouping(column), "C")

    def _converted(self, column: Element, kind: Kind, to: Kind) -> Element:
        convert = _CONVERT.get((kind.name, to.name))
        return super()._converted(column, kind, to) if convert is None else convert(column, to)

    def remainder(self, left: Element, right: Element, kind: Kind) -> Element:
        if kind.name != "float":
            return super().remainder(left, right, kind)
        # There is none of doubles; decimals of their digits have one.
        left, right = (_shortest(sa.cast(part, sa.Double())) for part in (left, right))
        return sa.cast(super().remainder(left, right, Kind("decimal")), sa.Double())

    def _aggregated(self, name: str, column: Element, kind: Kind) -> Element:
        if kind.name == "boolean" and name in ("min", "max"):
            return sa.cast(column, sa.Integer)
        return super()._aggregated(name, column, kind)

    def _concluded(self, name: str, found: Element, kind: Kind) -> Element:
        if kind.name == "boolean" and name in ("min", "max"):
            return sa.cast(found, sa.Boolean)
        return super()._concluded(name, found, kind)

    def function(
        self, name: str, arguments: Sequence[Element], kind: Kind | None = None, folding: str | None = None
    ) -> Element:
        if folding is None or name not in ("upper", "lower"):
            return super().function(name, arguments, kind, folding)
        folded = [
            sa.collate(each if isinstance(each, sa.ColumnClause) else Grouping(each), folding) for each in arguments
        ]
        # What was folded is compared by code points again: two collations must not meet in one expression.
        return self.by_code_points(super().function(name, folded, kind, folding))

    def _cut(self, local: Element, unit: str, kind: Kind) -> Element:
        # Of a date the server would make an instant.
        local = sa.cast(local, sa.DateTime()) if kind.name == "date" else local
        return super()._cut(local, unit, kind)

    def quantile(self, column: Element, fraction: float) -> Element | None:
        return sa.func.percentile_cont(sa.literal_column(repr(float(fraction)))).within_group(column.asc())

    def _explain_prefix(self, form: str | None, options: Mapping[str, Any]) -> str:
        parts = [] if form is None else [f"FORMAT {form.upper()}"]
        for name, value in options.items():
            text = str(value).upper()
            if name.upper() == "SERIALIZE" and text not in ("NONE", "TEXT", "BINARY"):
                raise ValueError(f"serialize is 'none', 'text' or 'binary', not {value!r}.")
            parts.append(f"{name.upper()} {text if name.upper() == 'SERIALIZE' else 'true' if value else 'false'}")
        return f"EXPLAIN ({', '.join(parts)})" if parts else "EXPLAIN"


def _shortest(number: Element) -> Element:
    return sa.cast(sa.cast(number, sa.Text), sa.Numeric())


# Conversions


def _to_integer(column: Element, to: Kind) -> Element:
    return sa.cast(sa.func.trunc(column), sa.BigInteger)


def _to_decimal(column: Element, to: Kind) -> Element:
    # By the digits that are seen, not by the first fifteen.
    return sa.cast(_shortest(column), sa.Numeric(to.precision, to.scale))


def _to_boolean(column: Element, to: Kind) -> Element:
    return column != 0


def _flag(column: Element, to: Kind) -> Element:
    return sa.cast(sa.cast(column, sa.Integer), _plain(to))


def _plain(to: Kind) -> Any:
    return {"text": sa.Text(), "float": sa.Double(), "decimal": sa.Numeric(), "integer": sa.BigInteger()}[to.name]


def _decimal_text(column: Element, to: Kind) -> Element:
    return sa.cast(sa.func.trim_scale(sa.cast(column, sa.Numeric())), sa.Text)


def _float_text(column: Element, to: Kind) -> Element:
    text = sa.cast(column, sa.Text)
    return sa.case((text.regexp_match(r"^-?\d+$"), text.concat(sa.literal_column("'.0'"))), else_=text)


def _moment_text(pattern: str) -> Callable[[Element, Kind], Element]:
    def convert(column: Element, to: Kind) -> Element:
        fraction = sa.cast(sa.extract("microseconds", column), sa.BigInteger) % sa.literal_column("1000000")
        short = sa.func.to_char(column, sa.literal(pattern, sa.Text()), type_=sa.Text())
        long = sa.func.to_char(column, sa.literal(f"{pattern}.US", sa.Text()), type_=sa.Text())
        return sa.case((fraction == sa.literal_column("0"), short), else_=long)

    return convert


def _timestamp_text(column: Element, to: Kind) -> Element:
    timed = isinstance(column.type, sa.DateTime) and column.type.timezone
    column = sa.func.timezone("UTC", column, type_=sa.DateTime()) if timed else column
    return _moment_text("YYYY-MM-DD HH24:MI:SS")(column, to)


def _time_text(column: Element, to: Kind) -> Element:
    # to_char takes no time of day.
    return _moment_text("HH24:MI:SS")(sa.cast(column, sa.Interval()), to)


def _parsed_number(column: Element, to: Kind) -> Element:
    found = sa.func.substring(column, sa.literal(_NUMBER[to.name], sa.Text()), type_=sa.Text())
    number = sa.cast(sa.func.coalesce(found, sa.literal_column("'0'"), type_=sa.Text()), sa.Numeric())
    type_: Any = sa.Numeric(to.precision, to.scale) if to.name == "decimal" else _plain(to)
    return sa.case((column.is_not(None), sa.cast(number, type_)))


def _parsed_moment(column: Element, to: Kind) -> Element:
    types: dict[str, Any] = {"date": sa.Date(), "time": sa.Time(), "timestamp": sa.DateTime(timezone=to.tz)}
    moment = sa.cast(column, sa.DateTime()) if to.name == "date" else column
    if to.name == "timestamp" and to.tz:
        moment = sa.func.timezone("UTC", sa.cast(column, sa.DateTime()))
    return sa.case((column.regexp_match(_MOMENT[to.name]), sa.cast(moment, types[to.name])))


def _between_moments(column: Element, to: Kind) -> Element:
    timed = isinstance(column.type, sa.DateTime) and column.type.timezone
    if timed and not (to.name == "timestamp" and to.tz):
        column = sa.func.timezone("UTC", column, type_=sa.DateTime())
    if not timed and to.name == "timestamp" and to.tz:
        return sa.func.timezone("UTC", sa.cast(column, sa.DateTime()), type_=sa.DateTime(timezone=True))
    types: dict[str, Any] = {"date": sa.Date(), "time": sa.Time()}
    return sa.cast(column, types.get(to.name) or sa.DateTime(timezone=to.tz))


_CONVERT: dict[tuple[str, str], Callable[[Element, Kind], Element]] = {
    ("float", "integer"): _to_integer,
    ("decimal", "integer"): _to_integer,
    ("float", "decimal"): _to_decimal,
    **{(name, "boolean"): _to_boolean for name in ("integer", "float", "decimal")},
    **{("boolean", name): _flag for name in ("integer", "float", "decimal", "text")},
    ("decimal", "text"): _decimal_text,
    ("float", "text"): _float_text,
    ("timestamp", "text"): _timestamp_text,
    ("time", "text"): _time_text,
    **{("text", name): _parsed_number for name in ("integer", "float", "decimal")},
    **{("text", name): _parsed_moment for name in ("date", "time", "timestamp")},
    **{(one, other): _between_moments for one in ("date", "timestamp") for other in ("date", "timestamp", "time")},
}
