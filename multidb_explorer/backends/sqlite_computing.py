"""What SQLite computes, and how; much of it is Python's work (`sqlite_functions`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.functions import (
    PORTABLE,
    Writer,
    at_least,
    by_name,
    valid_letter,
    whole,
    zone_of,
)
from multidb_explorer.backends.kinds import Kind

__all__ = ["SQLiteComputing"]

Element = sa.ColumnElement[Any]

_TEXT, _WHOLE = sa.Text(), sa.Integer()
_DOUBLE: sa.Double[float] = sa.Double()


def _right(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.multidb_right(arguments[0], at_least(arguments[1], 0), type_=_TEXT)


def _left(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.substr(arguments[0], sa.literal_column("1"), at_least(arguments[1], 0), type_=_TEXT)


def _chr(arguments: Sequence[Element], kind: Kind) -> Element:
    return valid_letter(arguments[0], sa.func.char(whole(arguments[0]), type_=_TEXT))


def _round(arguments: Sequence[Element], kind: Kind) -> Element:
    return sa.func.multidb_round(*arguments, type_=arguments[0].type)


def _extreme(name: str) -> Writer:
    def write(arguments: Sequence[Element], kind: Kind) -> Element:
        function: Element = getattr(sa.func, name)(*arguments, type_=arguments[0].type)
        # With one argument it would be the aggregate.
        return function if len(arguments) > 1 else arguments[0]

    return write


def _now(arguments: Sequence[Element], kind: Kind) -> Element:
    written: Element = sa.literal_column("'%Y-%m-%d %H:%M:%f'")
    # The clock counts milliseconds; the zeros make it as long as any other timestamp with a fraction.
    stamp = sa.func.strftime(written, sa.literal_column("'now'"), type_=_TEXT).concat(sa.literal_column("'000'"))
    return sa.type_coerce(stamp, sa.DateTime(timezone=True))


_OURS_TEXT = (
    "upper",
    "lower",
    "lpad",
    "rpad",
    "reverse",
    "repeat",
    "md5",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
)
_OURS_DOUBLE = (
    "acos",
    "asin",
    "atan",
    "atan2",
    "cos",
    "cot",
    "degrees",
    "exp",
    "ln",
    "log",
    "power",
    "radians",
    "random",
)


class SQLiteComputing(Backend):
    """What SQLite computes otherwise than most."""

    functions: ClassVar[Mapping[str, Writer]] = {
        **PORTABLE,
        **{name: by_name(f"multidb_{name}", _TEXT) for name in _OURS_TEXT},
        **{name: by_name(f"multidb_{name}", _DOUBLE) for name in (*_OURS_DOUBLE, "sin", "sqrt", "tan")},
        "length": by_name("length", _WHOLE),
        "left": _left,
        "right": _right,
        "strindex": by_name("instr", _WHOLE),
        "chr": _chr,
        "ord": by_name("unicode", _WHOLE),
        "ceil": by_name("multidb_ceil"),
        "floor": by_name("multidb_floor"),
        "sign": by_name("multidb_sign", _WHOLE),
        "round": _round,
        "greatest": _extreme("max"),
        "least": _extreme("min"),
        "now": _now,
    }
    aggregates: ClassVar[Mapping[str, str]] = {
        name: f"multidb_{name}" for name in ("stddev_pop", "stddev_samp", "var_pop", "var_samp")
    }

    def _converted(self, column: Element, kind: Kind, to: Kind) -> Element:
        type_: Any = self.type_of(to)
        if kind.name in _MOMENTS and to.name in _MOMENTS:
            return self._moment(column, kind, to)
        match (kind.name, to.name):
            case ("text", "date" | "time" | "timestamp"):
                found: Element = sa.func.multidb_parsed(to.name, column, type_=type_)
            case (_, "decimal"):
                column = sa.cast(column, _DOUBLE) if kind.name == "text" else column
                found = sa.func.multidb_decimal(column, to.scale, type_=type_)
            case (_, "boolean"):
                found = sa.type_coerce(column != 0, type_)
            case (_, "integer" | "float") | ("text" | "integer", "text"):
                found = sa.cast(column, type_)
            case (_, "text"):
                found = sa.func.multidb_text(kind.name, column, type_=type_)
            case _:
                found = sa.type_coerce(column, type_)
        return found

    def _moment(self, column: Element, kind: Kind, to: Kind) -> Element:
        type_ = self.type_of(to)
        if to.name != "timestamp":
            return sa.func.multidb_part(to.name, kind.name, column, None, type_=type_)
        if kind.name == "timestamp":
            return sa.type_coerce(column, type_)
        return sa.func.multidb_truncated("second", "timestamp", column, None, type_=type_)

    def combined(self, sign: str, left: Element, right: Element, kind: Kind, *, narrow: bool = False) -> Element:
        found = super().combined(sign, left, right, kind, narrow=narrow)
        # Decimals are doubles here: 0.1 + 0.2 is brought back to the digits that it has.
        exact = kind.name == "decimal" and kind.scale is not None
        return sa.func.round(found, kind.scale, type_=self.type_of(kind)) if exact else found

    def _quotient(self, left: Element, right: Element) -> Element:
        return left.op("/", return_type=sa.BigInteger())(right)

    def remainder(self, left: Element, right: Element, kind: Kind) -> Element:
        if kind.name == "integer":
            return left.op("%", return_type=sa.BigInteger())(right)
        found = sa.func.multidb_remainder(left, right, type_=self.type_of(kind))
        return sa.func.multidb_decimal(found, kind.scale, type_=self.type_of(kind)) if kind.name == "decimal" else found

    def _aggregated(self, name: str, column: Element, kind: Kind) -> Element:
        if name == "sum" and kind.name == "interval":
            return sa.func.multidb_micros(column, type_=sa.BigInteger())
        return super()._aggregated(name, column, kind)

    def _concluded(self, name: str, found: Element, kind: Kind) -> Element:
        if name == "sum" and kind.name == "interval":
            return sa.func.multidb_interval(found, type_=sa.Interval())
        if name == "sum" and kind.name == "decimal" and kind.scale is not None:
            # The doubles that decimals are stored as don't add up to the last digit.
            return sa.func.round(found, sa.literal_column(str(kind.scale)), type_=sa.Numeric(38, kind.scale))
        return super()._concluded(name, found, kind)

    def date_part(self, column: Element, part: str, kind: Kind, zone: str | None = None) -> Element:
        zone_of(zone)
        type_ = self.type_of(Kind(part)) if part in ("date", "time") else _WHOLE
        return sa.func.multidb_part(part, kind.name, column, zone if kind.tz else None, type_=type_)

    def truncated(self, column: Element, unit: str, kind: Kind, zone: str | None = None) -> Element:
        zone_of(zone)
        if unit in ("date", "time"):
            return self.date_part(column, unit, kind, zone)
        zone = zone if kind.tz else None
        return sa.func.multidb_truncated(unit, kind.name, column, zone, type_=self.type_of(kind))

    def shifted(self, column: Element, interval: dt.timedelta | Element, kind: Kind) -> Element:
        if isinstance(interval, dt.timedelta):
            by: Any = interval // dt.timedelta(microseconds=1)
        else:
            by = sa.func.multidb_micros(interval)
        type_ = self.type_of(Kind("timestamp") if kind.name == "date" else kind)
        return sa.func.multidb_shifted(kind.name, column, by, type_=type_)

    def difference(self, left: Element, right: Element, kind: Kind) -> Element:
        return sa.func.multidb_difference(kind.name, left, right, type_=sa.Interval())

    def _explain_prefix(self, form: str | None, options: Mapping[str, Any]) -> str:
        return "EXPLAIN QUERY PLAN"


_MOMENTS = ("date", "time", "timestamp")
