"""Functions of dates and times, in a time zone where they are asked about an instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldTypeError, FieldValueError
from multidb_explorer.query.expressions import Func, Resolved
from multidb_explorer.query.functions.base import INTEGER, ScalarFunction
from multidb_explorer.query.output_kinds import as_kind

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend
    from multidb_explorer.query.scope import Scope

__all__ = [
    "Extract",
    "ExtractDay",
    "ExtractHour",
    "ExtractIsoWeekDay",
    "ExtractIsoYear",
    "ExtractMinute",
    "ExtractMonth",
    "ExtractQuarter",
    "ExtractSecond",
    "ExtractWeek",
    "ExtractWeekDay",
    "ExtractYear",
    "Now",
    "Trunc",
    "TruncDate",
    "TruncDay",
    "TruncHour",
    "TruncMinute",
    "TruncMonth",
    "TruncQuarter",
    "TruncSecond",
    "TruncTime",
    "TruncWeek",
    "TruncYear",
]

_INSTANT = Kind("timestamp", tz=True)
_DAY_PARTS = ("year", "iso_year", "quarter", "month", "week", "week_day", "iso_week_day", "day")
_CLOCK_PARTS = ("hour", "minute", "second")
_DAY_UNITS = ("year", "quarter", "month", "week", "day", "date")
_CLOCK_UNITS = (*_CLOCK_PARTS, "time")


class Now(ScalarFunction):
    """The present instant; ``Now(output_field=sa.DateTime())`` is the same in UTC without its time zone.

    Examples
    --------
    >>> Now()
    Now()
    """

    arity = 0
    function = "now"
    gives = _INSTANT

    def _called(self, backend: Backend, arguments: Sequence[Resolved], folding: str | None) -> sa.ColumnElement[Any]:
        now = super()._called(backend, arguments, folding)
        kind = _INSTANT if self.output_field is None else as_kind(self.output_field)
        return now if kind == _INSTANT else backend.cast(now, _INSTANT, kind)


class _Zoned(Func):
    arity = 1

    def __init__(self, expression: Any, tzinfo: Any = None, *, output_field: Any = None) -> None:
        super().__init__(expression, output_field=output_field)
        self.zone = _zone_name(tzinfo)
        self.usual_zone: str | None = None

    def resolve(self, scope: Scope) -> Resolved:
        here = copy(self)
        here.usual_zone = scope.database.settings.time_zone
        return super(_Zoned, here).resolve(scope)

    def _zone_of(self, kind: Kind) -> str | None:
        """Give the zone for a column, by default that of the alias; only an instant is another time elsewhere."""
        if self.zone is not None and not kind.tz:
            raise FieldValueError(
                f"{self!r} has a time zone, and {self.arguments[0]!r} is {kind}. If it is in UTC, say so first: "
                f"Cast({self.arguments[0]!r}, sqlalchemy.DateTime(timezone=True))."
            )
        return self.zone or (self.usual_zone if kind.tz else None)


class Extract(_Zoned):
    """A part of a date, time or timestamp, as a whole number.

    Parameters
    ----------
    expression
        Where it is taken from.
    lookup_name
        ``year``, ``iso_year``, ``quarter``, ``month``, ``week``, ``week_day``, ``iso_week_day``, ``day``, ``hour``,
        ``minute`` or ``second``.
    tzinfo
        The time zone in which an instant is looked at; UTC by default.

    Examples
    --------
    >>> Extract("placed", "month", tzinfo="Europe/Paris")
    Extract(F('placed'), 'month')
    """

    lookup_name: str | None = None

    def __init__(
        self, expression: Any, lookup_name: str | None = None, tzinfo: Any = None, *, output_field: Any = None
    ) -> None:
        self.lookup_name = type(self).lookup_name or lookup_name
        if self.lookup_name is None:
            raise ValueError("lookup_name must be given: Extract('placed', 'year').")
        if self.lookup_name not in (*_DAY_PARTS, *_CLOCK_PARTS):
            known = ", ".join((*_DAY_PARTS, *_CLOCK_PARTS))
            raise ValueError(f"A date has no {self.lookup_name!r}. It has: {known}.")
        super().__init__(expression, tzinfo, output_field=output_field)

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return INTEGER

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        given, part = arguments[0], str(self.lookup_name)
        kinds = ("date", "timestamp") if part in _DAY_PARTS else ("time", "timestamp")
        if given.kind.name not in kinds:
            raise FieldValueError(f"{self!r} can't be computed: {self.arguments[0]!r} is {given.kind}.")
        return backend.date_part(given.column, part, given.kind, self._zone_of(given.kind))

    def __repr__(self) -> str:
        named = type(self).lookup_name is not None
        return f"{type(self).__name__}({self.arguments[0]!r}{'' if named else f', {self.lookup_name!r}'})"


class _Part(Extract):
    def __init__(self, expression: Any, tzinfo: Any = None, *, output_field: Any = None) -> None:
        super().__init__(expression, None, tzinfo, output_field=output_field)


class ExtractYear(_Part):
    """The year."""

    lookup_name = "year"


class ExtractIsoYear(_Part):
    """The year that the ISO week belongs to."""

    lookup_name = "iso_year"


class ExtractQuarter(_Part):
    """The quarter of the year, from 1."""

    lookup_name = "quarter"


class ExtractMonth(_Part):
    """The month, from 1."""

    lookup_name = "month"


class ExtractWeek(_Part):
    """The ISO week, from 1 to 53."""

    lookup_name = "week"


class ExtractWeekDay(_Part):
    """The day of the week; Sunday is 1."""

    lookup_name = "week_day"


class ExtractIsoWeekDay(_Part):
    """The day of the week; Monday is 1."""

    lookup_name = "iso_week_day"


class ExtractDay(_Part):
    """The day of the month."""

    lookup_name = "day"


class ExtractHour(_Part):
    """The hour."""

    lookup_name = "hour"


class ExtractMinute(_Part):
    """The minute."""

    lookup_name = "minute"


class ExtractSecond(_Part):
    """The second, without its fraction."""

    lookup_name = "second"


class _Truncated(_Zoned):
    unit: str = ""
    whole: ClassVar[Kind | None] = None

    def __init__(self, expression: Any, output_field: Any = None, tzinfo: Any = None) -> None:
        super().__init__(expression, tzinfo, output_field=output_field)
        wanted = None if output_field is None else as_kind(output_field)
        if wanted is not None and wanted.name not in ("date", "time", "timestamp"):
            raise FieldValueError(f"{self!r} gives a date, time or timestamp, not {wanted}.")

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        if self.whole is not None:
            return self.whole
        given = arguments[0].kind
        return Kind(given.name, tz=given.tz)

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        given = arguments[0]
        self._check(given.kind)
        zone = self._zone_of(given.kind)
        cut = backend.truncated(given.column, self.unit, given.kind, zone)
        kind = self.kind(arguments)
        wanted = kind if self.output_field is None else as_kind(self.output_field)
        if wanted.name in ("date", "time") and kind.name == "timestamp":
            return backend.date_part(cut, wanted.name, kind, zone)
        return cut if (wanted.name, wanted.tz) == (kind.name, kind.tz) else backend.cast(cut, kind, wanted)

    def _check(self, kind: Kind) -> None:
        if kind.name not in ("date", "time", "timestamp"):
            raise FieldTypeError(f"{self!r} cuts a date, time or timestamp, and {self.arguments[0]!r} is {kind}.")
        wanted = kind if self.output_field is None else as_kind(self.output_field)
        units = {"date": _DAY_UNITS, "time": _CLOCK_UNITS}.get(kind.name)
        if units is not None and (self.unit not in units or wanted.name != kind.name):
            result = "" if wanted.name == kind.name else f" as a {wanted.name}"
            raise FieldValueError(f"{self!r} can't be computed: a {kind.name} has no {self.unit}{result}.")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.arguments[0]!r})"


class Trunc(_Truncated):
    """A date, time or timestamp with everything below a unit set to its beginning.

    Parameters
    ----------
    expression
        What is cut.
    kind
        ``year``, ``quarter``, ``month``, ``week`` (to its Monday), ``day``, ``hour``, ``minute``, ``second``, ``date``
        or ``time``.
    output_field
        What comes out, where it is not what goes in.
    tzinfo
        The time zone in which an instant is cut; UTC by default.

    Examples
    --------
    >>> Trunc("placed", "month", tzinfo="Europe/Paris")
    Trunc(F('placed'), 'month')
    """

    def __init__(self, expression: Any, kind: str, output_field: Any = None, tzinfo: Any = None) -> None:
        if kind not in (*_DAY_UNITS, *_CLOCK_UNITS):
            raise ValueError(f"A date isn't cut to {kind!r}, but to: {', '.join((*_DAY_UNITS, *_CLOCK_UNITS))}.")
        self.unit = kind
        super().__init__(expression, output_field, tzinfo)

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return Kind(self.unit) if self.unit in ("date", "time") else super().kind(arguments)

    def __repr__(self) -> str:
        return f"Trunc({self.arguments[0]!r}, {self.unit!r})"


class TruncYear(_Truncated):
    """The beginning of the year."""

    unit = "year"


class TruncQuarter(_Truncated):
    """The beginning of the quarter."""

    unit = "quarter"


class TruncMonth(_Truncated):
    """The beginning of the month."""

    unit = "month"


class TruncWeek(_Truncated):
    """The beginning of the week's Monday."""

    unit = "week"


class TruncDay(_Truncated):
    """The beginning of the day."""

    unit = "day"


class TruncDate(_Truncated):
    """The date of a timestamp."""

    unit = "date"
    whole = Kind("date")


class TruncTime(_Truncated):
    """The time of day of a timestamp."""

    unit = "time"
    whole = Kind("time")


class TruncHour(_Truncated):
    """The beginning of the hour."""

    unit = "hour"


class TruncMinute(_Truncated):
    """The beginning of the minute."""

    unit = "minute"


class TruncSecond(_Truncated):
    """The beginning of the second."""

    unit = "second"


def _zone_name(given: Any) -> str | None:
    """Give the name of a time zone: of a name, a ``zoneinfo.ZoneInfo``, or a fixed ``datetime.timezone``."""
    if given is None or isinstance(given, str):
        return given
    if given is dt.UTC:
        return "UTC"
    name = getattr(given, "key", None) or getattr(given, "zone", None)
    if isinstance(name, str):
        return name
    offset = given.utcoffset(None) if isinstance(given, dt.tzinfo) else None
    if offset is None or offset % dt.timedelta(minutes=1):
        raise FieldValueError(f"{given!r} is no time zone. Use a name such as 'Europe/Paris', or zoneinfo.ZoneInfo.")
    minutes = abs(offset) // dt.timedelta(minutes=1)
    return f"{'-' if offset < dt.timedelta(0) else '+'}{minutes // 60:02}:{minutes % 60:02}"
