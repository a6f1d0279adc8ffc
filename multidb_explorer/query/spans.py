"""Years and days of a column, asked for as spans of time, so that an index on the column is of use."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.functions import zone_of
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import canonical, plain
from multidb_explorer.errors import FieldValueError, ValueNotRepresentable
from multidb_explorer.query.expressions import Resolved
from multidb_explorer.query.lookups import Lookup, Operand

__all__ = ["as_span"]

_SIGNS = {"exact": ("gte", "lt"), "gte": ("gte", ""), "gt": ("", "gte"), "lt": ("lt", ""), "lte": ("", "lt")}
"""How a column is compared with the beginning of a span and with the beginning of the next one."""


def as_span(operand: Operand, part: str, lookup: Lookup, value: Any) -> sa.ColumnElement[bool] | None:
    """Give the condition on the column itself, or ``None`` where its part must be computed.

    Parameters
    ----------
    part
        The name of a transform; years and dates are spans.

    Raises
    ------
    FieldValueError
        For a year that no calendar has.
    """
    if part not in ("year", "date") or lookup.name not in _SIGNS or operand.kind.name not in ("date", "timestamp"):
        return None
    days = None if isinstance(value, Resolved) else _days(part, plain(value))
    if days is None or (part == "date" and operand.kind.name == "date"):
        return None
    ends = [_moment(operand, day) for day in days]
    pairs = [(sign, end) for sign, end in zip(_SIGNS[lookup.name], ends, strict=True) if sign]
    backend = operand.database.backend
    return sa.and_(*(backend.compared(operand.column, sign, end) for sign, end in pairs))


def _days(part: str, value: Any) -> tuple[dt.date, dt.date] | None:
    """Give the first day of a span and of the next one; ``None`` for the last span of the calendar."""
    if part == "date":
        try:
            day = canonical(value, Kind("date"))
        except ValueNotRepresentable:
            return None
        return None if day is None or day == dt.date.max else (day, day + dt.timedelta(days=1))
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if not dt.MINYEAR <= value <= dt.MAXYEAR:
        raise FieldValueError(f"Year is out of range: {value}. The calendar goes from {dt.MINYEAR} to {dt.MAXYEAR}.")
    return None if value == dt.MAXYEAR else (dt.date(value, 1, 1), dt.date(value + 1, 1, 1))


def _moment(operand: Operand, day: dt.date) -> Any:
    """Give the beginning of a day as the column holds it: an instant begins it in the time zone of the alias."""
    if operand.kind.name == "date":
        return day
    midnight = dt.datetime.combine(day, dt.time())
    if not operand.kind.tz:
        return midnight
    zone = zone_of(operand.database.settings.time_zone)
    if isinstance(zone, dt.timedelta):
        return (midnight - zone).replace(tzinfo=dt.UTC)
    return midnight.replace(tzinfo=zone).astimezone(dt.UTC)
