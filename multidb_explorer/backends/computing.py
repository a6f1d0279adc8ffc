"""Computing in the database: arithmetic, aggregates, functions, dates, order and plans.

Every product gives the same answer, or a typed error before any SQL. The bodies here are what most products
understand; each product's own file beside this one overrides the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from multidb_explorer.backends.functions import PORTABLE, TEXTUAL, Explained, Writer, double, zone_of
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError, NotSupportedError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from multidb_explorer.backends.base import Features

__all__ = ["CONVERSIONS", "PARTS", "Computing", "Over"]

Over = Callable[[Any], sa.ColumnElement[Any]]
"""Makes a window function of an aggregate."""


class Computing:
    """The part of a backend that writes what a database computes."""

    title: ClassVar[str]
    features: ClassVar[Features]
    functions: ClassVar[Mapping[str, Writer]] = PORTABLE
    """Scalar functions by their neutral names."""
    aggregates: ClassVar[Mapping[str, str]] = {}
    """Aggregates that have another name here."""

    def by_code_points(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Give a text in the form that is equal and ordered by code points, whatever its collation says."""
        return column

    def type_of(self, kind: Kind) -> TypeEngine[Any]:
        """Give the type with which a constant of a kind is bound, and to which others are cast."""
        match kind.name:
            case "integer":
                return sa.BigInteger()
            case "decimal":
                return sa.Numeric(kind.precision, kind.scale)
            case "timestamp":
                return sa.DateTime(timezone=kind.tz)
            case "array":
                return sa.ARRAY(self.type_of(kind.item or Kind("text")))
        return _TYPES.get(kind.name, sa.Text)()

    def cast(self, column: sa.ColumnElement[Any], kind: Kind, to: Kind) -> sa.ColumnElement[Any]:
        """Convert a value, with the same result in every product.

        Numbers lose their fraction on the way to integers and are rounded half away from zero to fewer places. Of a
        text, what it starts with counts; one that starts with no number is 0.

        Raises
        ------
        FieldError
            Where no conversion is known that all products agree on.
        """
        if sa.null().compare(column):
            return self._nothing(to)
        if (kind.name, to.name) not in CONVERSIONS:
            raise FieldError(f"{kind} can't be cast to {to}: the databases don't agree on what that gives.")
        return self._converted(column, kind, to)

    def _nothing(self, kind: Kind) -> sa.ColumnElement[Any]:
        """Give a NULL of a kind."""
        return sa.cast(sa.null(), self.type_of(kind))

    def _converted(self, column: sa.ColumnElement[Any], kind: Kind, to: Kind) -> sa.ColumnElement[Any]:
        return sa.cast(column, self.type_of(to))

    def combined(
        self,
        sign: str,
        left: sa.ColumnElement[Any],
        right: sa.ColumnElement[Any],
        kind: Kind,
        *,
        narrow: bool = False,
    ) -> sa.ColumnElement[Any]:
        """Add, subtract or multiply.

        Parameters
        ----------
        sign
            ``+``, ``-`` or ``*``.
        kind
            What comes out.
        narrow
            Whether both are integers of fewer than 64 bits, which some products don't widen by themselves.
        """
        if narrow and not self.features.widens_integers:
            left = sa.cast(left, sa.BigInteger())
        return {"+": left.__add__, "-": left.__sub__, "*": left.__mul__}[sign](right)

    def divided(self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        """Divide, giving NULL for a divisor of 0.

        Parameters
        ----------
        kind
            What comes out: for an integer the quotient loses its fraction; a decimal is the quotient of doubles.
        """
        if kind.name == "integer":
            return self._quotient(left, sa.func.nullif(right, 0, type_=right.type))
        divisor: sa.ColumnElement[Any] = sa.func.nullif(double(right), 0, type_=sa.Double())
        found: sa.ColumnElement[Any] = double(left).op("/", return_type=sa.Double())(divisor)
        return self.cast(found, Kind("float"), kind) if kind.name == "decimal" else found

    def _quotient(self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Divide integers toward zero."""
        return left.op("/", return_type=sa.BigInteger())(right)

    def remainder(self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        """Give what a division leaves, with the sign of the dividend; NULL for a divisor of 0."""
        return sa.func.mod(left, sa.func.nullif(right, 0, type_=right.type), type_=self.type_of(kind))

    def power(self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Raise to a power, as a double; NULL where that is no number."""
        return self.function("power", [left, right])

    def aggregate(
        self,
        name: str,
        column: sa.ColumnElement[Any] | None,
        kind: Kind,
        *,
        distinct: bool = False,
        where: sa.ColumnElement[bool] | None = None,
        over: Over | None = None,
    ) -> sa.ColumnElement[Any]:
        """Make one value of many rows.

        Parameters
        ----------
        name
            ``count sum avg min max stddev_pop stddev_samp var_pop var_samp``.
        column
            What is aggregated; ``None`` counts rows.
        kind
            What the column holds.
        distinct
            Whether equal values count once; texts are equal by code points.
        where
            Takes only the rows that fulfil it.
        over
            Makes a window function of the bare aggregate, before anything is computed from it.

        Raises
        ------
        NotSupportedError
            Where the product does not have that aggregate for such values.
        """
        if column is None:
            return self._over_rows(sa.func.count, None, where, over)
        value = self._aggregated(name, column, kind)
        if distinct and kind.name in TEXTUAL and name == "count":
            value = self.by_code_points(value)
        argument = sa.distinct(value) if distinct else value
        found = self._over_rows(getattr(sa.func, self.aggregates.get(name, name)), argument, where, over)
        return self._concluded(name, found, kind)

    def _aggregated(self, name: str, column: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        """Give the form in which a column enters an aggregate."""
        if name in ("min", "max"):
            if kind.name in ("array", "binary", "json"):
                raise NotSupportedError(f"{kind} values have no order that databases agree on: no {name} of them.")
            if kind.name in ("uuid", "enum", "other"):
                column = self.cast(column, kind, Kind("text"))
            return self.by_code_points(column) if kind.name in (*TEXTUAL, "uuid") else column
        if name == "sum":
            return self.cast(column, kind, Kind("integer")) if kind.name == "boolean" else column
        if name == "count":
            return column
        return double(self.cast(column, kind, Kind("integer")) if kind.name == "boolean" else column)

    def _over_rows(
        self, function: Any, argument: Any, where: sa.ColumnElement[bool] | None, over: Over | None
    ) -> sa.ColumnElement[Any]:
        """Aggregate, of some rows only where a condition is given."""
        if where is not None and not self.features.filters_aggregates:
            argument, where = _only_where(argument, where), None
        found = function() if argument is None else function(argument)
        found = found if where is None else found.filter(where)
        return found if over is None else over(found)

    def _concluded(self, name: str, found: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        """Give an aggregate its type."""
        if name == "count":
            return sa.type_coerce(found, sa.BigInteger())
        if name in ("min", "max"):
            uuid = kind.name == "uuid"
            return self.cast(found, Kind("text"), kind) if uuid else sa.type_coerce(found, self.type_of(kind))
        if name != "sum":
            return sa.type_coerce(found, sa.Double())
        kind = Kind("integer") if kind.name == "boolean" else kind
        return sa.type_coerce(found, sa.Numeric(38, kind.scale) if kind.name == "decimal" else self.type_of(kind))

    def function(
        self,
        name: str,
        arguments: Sequence[sa.ColumnElement[Any]],
        kind: Kind | None = None,
        folding: str | None = None,
    ) -> sa.ColumnElement[Any]:
        """Write a scalar function.

        Parameters
        ----------
        name
            Its name here, one of `functions.PORTABLE`.
        kind
            What the first argument holds (the one kind of all, where they are compared).
        folding
            What `folding` gave, for functions that change the case of letters.

        Raises
        ------
        NotSupportedError
            Where the product has none.
        """
        writer = self.functions.get(name)
        if writer is None:
            raise NotSupportedError(f"{self.title} has no function {name.upper()} that works without extensions.")
        kind = kind or Kind("any")
        if name in ("greatest", "least", "nullif", "strindex") and kind.name == "text":
            arguments = [self.by_code_points(argument) for argument in arguments]
        return writer(arguments, kind)

    def date_part(
        self, column: sa.ColumnElement[Any], part: str, kind: Kind, zone: str | None = None
    ) -> sa.ColumnElement[Any]:
        """Take a part of a date, time or timestamp; of an instant, as it is in a time zone.

        Parameters
        ----------
        part
            ``date``, ``time``, ``year``, ``iso_year``, ``quarter``, ``month``, ``week`` (ISO), ``week_day`` (Sunday
            is 1), ``iso_week_day`` (Monday is 1), ``day``, ``hour``, ``minute`` or ``second``.
        zone
            An IANA name or an offset such as ``+02:00``; UTC where none is given.

        Raises
        ------
        FieldError
            For an unknown time zone.
        """
        local = self._local(column, zone) if kind.name == "timestamp" and kind.tz else column
        if part in ("date", "time"):
            return sa.cast(local, self.type_of(Kind(part)))
        return self._part(local, part)

    def _local(self, column: sa.ColumnElement[Any], zone: str | None) -> sa.ColumnElement[Any]:
        """Give the wall clock's timestamp of an instant."""
        found = zone_of(zone)
        if isinstance(found, dt.timedelta):
            utc = sa.func.timezone("UTC", column, type_=sa.DateTime())
            return utc + sa.literal(found, sa.Interval()) if found else utc
        return sa.func.timezone(found.key, column, type_=sa.DateTime())

    def _instant(self, local: sa.ColumnElement[Any], zone: str | None) -> sa.ColumnElement[Any]:
        """Give the instant of a wall clock's timestamp; of two, and of none, by the smaller offset."""
        found = zone_of(zone)
        type_ = sa.DateTime(timezone=True)
        if isinstance(found, dt.timedelta):
            return sa.func.timezone("UTC", local - sa.literal(found, sa.Interval()) if found else local, type_=type_)
        return sa.func.timezone(found.key, local, type_=type_)

    def _part(self, local: sa.ColumnElement[Any], part: str) -> sa.ColumnElement[Any]:
        # Elsewhere the days of the week are counted from Sunday, which is 0.
        name, more = PARTS.get(part, (part, 0))
        found = sa.cast(sa.func.floor(sa.extract(name, local)), sa.Integer)
        return found + sa.literal_column(str(more)) if more else found

    def truncated(
        self, column: sa.ColumnElement[Any], unit: str, kind: Kind, zone: str | None = None
    ) -> sa.ColumnElement[Any]:
        """Set everything below a unit to its beginning; of an instant, as it is in a time zone.

        Parameters
        ----------
        unit
            ``year quarter month week day hour minute second``, which give what is given (an instant for an instant),
            or ``date`` and ``time``.
        """
        if unit in ("date", "time"):
            return self.date_part(column, unit, kind, zone)
        if kind.name != "timestamp" or not kind.tz:
            return self._cut(column, unit, kind)
        local = self._local(column, zone)
        cut = self._cut(local, unit, Kind("timestamp"))
        if unit in ("hour", "minute", "second"):
            # What is cut off is taken from the instant itself, so that a repeated hour stays what it was.
            return self._earlier(column, local, cut)
        return self._instant(cut, zone)

    def _cut(self, local: sa.ColumnElement[Any], unit: str, kind: Kind) -> sa.ColumnElement[Any]:
        return sa.cast(sa.func.date_trunc(unit, local), self.type_of(Kind(kind.name)))

    def _earlier(
        self, column: sa.ColumnElement[Any], local: sa.ColumnElement[Any], cut: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[Any]:
        return sa.type_coerce(column - (local - cut), sa.DateTime(timezone=True))

    def shifted(
        self, column: sa.ColumnElement[Any], interval: dt.timedelta | sa.ColumnElement[Any], kind: Kind
    ) -> sa.ColumnElement[Any]:
        """Move a time by an interval. A moved date is a timestamp; a time of day goes round at midnight."""
        by = sa.literal(interval, sa.Interval()) if isinstance(interval, dt.timedelta) else interval
        type_ = self.type_of(kind if kind.name != "date" else Kind("timestamp"))
        return sa.type_coerce((sa.cast(column, type_) if kind.name == "date" else column) + by, type_)

    def difference(
        self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any], kind: Kind
    ) -> sa.ColumnElement[Any]:
        """Give the interval between two dates, times or timestamps."""
        if kind.name == "date":
            left, right = sa.cast(left, sa.DateTime()), sa.cast(right, sa.DateTime())
        return sa.type_coerce(left - right, sa.Interval())

    def quantile(self, column: sa.ColumnElement[Any], fraction: float) -> sa.ColumnElement[Any] | None:
        """Give the value below which a fraction of the rows lies, or ``None`` where the product can't."""
        return None

    def ordered(
        self, column: sa.ColumnElement[Any], *, descending: bool, nulls: str | None = None, nullable: bool = True
    ) -> tuple[sa.ColumnElement[Any], ...]:
        """Give the terms of ORDER BY for one column.

        Parameters
        ----------
        nulls
            ``first`` or ``last``; by default NULL is smaller than everything else, in every product.
        nullable
            Whether there can be any; where not, an index on the column stays of use.
        """
        written = column.desc() if descending else column.asc()
        first = (nulls == "first") if nulls else not descending
        usual = {"least": not descending, "greatest": descending, "last": False}.get(self.features.null_order)
        if not nullable or first == usual:
            return (written,)
        if not self.features.places_nulls:
            missing = column.is_(None)
            return (missing.desc() if first else missing.asc(), written)
        return (written.nulls_first() if first else written.nulls_last(),)

    def explain(
        self, connection: Connection, statement: sa.Executable, form: str | None, options: Mapping[str, Any]
    ) -> str:
        """Give the plan by which a statement would be run.

        Raises
        ------
        ValueError
            For a format or an option that the product does not have.
        """
        self._check_explain(form, options)
        cursor: Any = connection.execute(Explained(self._explain_prefix(form, options), statement)).cursor
        return self._plan(list(cursor.fetchall()))

    def _check_explain(self, form: str | None, options: Mapping[str, Any]) -> None:
        known = self.features.explain_formats
        if form is not None and str(form).upper() not in known:
            has = f"It has: {', '.join(sorted(known))}." if known else "It has none."
            raise ValueError(f"{self.title} has no format {form!r} for plans. {has}")
        strange = [name for name in options if name.upper() not in self.features.explain_options]
        if strange:
            has = ", ".join(sorted(self.features.explain_options)).lower() or "none"
            raise ValueError(f"{self.title} has no option {', '.join(map(repr, strange))} for plans. It has: {has}.")

    def _explain_prefix(self, form: str | None, options: Mapping[str, Any]) -> str:
        raise NotSupportedError(f"{self.title} can't be asked for the plan of a statement here.")

    def _plan(self, rows: Sequence[Any]) -> str:
        return "\n".join(" ".join(str(value) for value in row) for row in rows)


_TYPES: dict[str, Callable[[], TypeEngine[Any]]] = {
    "float": sa.Double,
    "boolean": sa.Boolean,
    "date": sa.Date,
    "time": sa.Time,
    "interval": sa.Interval,
    "uuid": sa.Uuid,
    "binary": sa.LargeBinary,
}

PARTS: dict[str, tuple[str, int]] = {"iso_year": ("isoyear", 0), "week_day": ("dow", 1), "iso_week_day": ("isodow", 0)}

_NUMBERS = ("integer", "decimal", "float", "boolean", "text")
_MOMENTS = ("date", "timestamp", "text")

CONVERSIONS = frozenset(
    {(one, other) for one in _NUMBERS for other in _NUMBERS}
    | {(one, other) for one in _MOMENTS for other in _MOMENTS}
    | {("timestamp", "time"), ("time", "time"), ("time", "text"), ("text", "time")}
    | {(one, "text") for one in ("enum", "json", "other", "uuid")}
    | {(one, one) for one in ("enum", "json", "other", "uuid", "binary", "interval", "array")}
    | {("text", "uuid"), ("any", "any")}
) - {("text", "boolean")}


def _only_where(argument: Any, where: sa.ColumnElement[bool]) -> Any:
    if argument is None:
        return sa.case((where, sa.literal_column("1")))
    if isinstance(argument, sa.UnaryExpression):
        return sa.distinct(sa.case((where, argument.element)))
    return sa.case((where, argument))
