"""How the values of a column are spread, counted in the database: equal steps from the lowest to the highest."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.query.derived import derived
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["Step", "edges_between", "histogram"]

_STEPS = 20
_WHOLE = Kind("integer")


@dataclass(frozen=True)
class Step:
    """Rows whose value is at least `low` and below the next step's; the last one takes the highest value too."""

    low: Any
    count: int


def histogram(queryset: QuerySet[Any], column: str, low: Any, high: Any, steps: int = _STEPS) -> tuple[Step, ...]:
    """Count the rows in each of some equal steps between the lowest and the highest value, by one statement.

    Parameters
    ----------
    column
        One of the columns that the QuerySet reads: numbers, dates or moments.
    low, high
        Its lowest and highest value, as `describe` tells them.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE user (id INTEGER PRIMARY KEY)")
    ...     _ = connection.exec_driver_sql("INSERT INTO user VALUES (1), (2), (4)")
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    >>> [step.count for step in histogram(User.objects, "id", 1, 4)]
    [1, 1, 0, 1]
    """
    rows = derived(queryset._state, queryset.bound, column)
    (found,) = rows.columns
    edges = edges_between(low, high, steps)
    if not edges or found.element is None:
        return ()
    backend = rows.database.backend
    cases = [(backend.compared(found.element, "lt", edge), place) for place, edge in enumerate(edges[1:])]
    place = sa.case(*cases, else_=len(edges) - 1) if cases else sa.literal(0)
    placed = sa.select(place.label("step")).select_from(rows.table).where(found.present).subquery()
    statement = sa.select(placed.c.step, sa.func.count().label("times")).group_by(placed.c.step)
    columns = (ResultColumn("step", _WHOLE, computed=True), ResultColumn("times", _WHOLE, computed=True))
    counts = dict(tuple(row) for row in read_rows(rows.database, Reading(statement, columns)))
    return tuple(Step(edge, counts.get(place, 0)) for place, edge in enumerate(edges))


def edges_between(low: Any, high: Any, steps: int = _STEPS) -> Sequence[Any]:
    """Give where each step begins, in the kind of the values; nothing where there are no steps between them.

    Examples
    --------
    >>> edges_between(1, 4), edges_between(0, 100, 4), edges_between(dt.date(2026, 1, 1), dt.date(2026, 1, 3))[-1]
    ([1, 2, 3, 4], [0, 26, 51, 76], datetime.date(2026, 1, 3))
    """
    match low:
        case bool():
            return []
        case int():
            return _whole_steps(low, high, steps)
        case dt.datetime():
            step = (high - low) / steps
            return [low + step * place for place in range(steps)] if step else [low]
        case dt.date():
            return [low + dt.timedelta(days=days) for days in _whole_steps(0, (high - low).days, steps)]
        case Decimal() if low.is_finite() and high.is_finite():
            return [low + (high - low) * place / steps for place in range(steps)] if low < high else [low]
        case float() if math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low):
            return [low + (high - low) * place / steps for place in range(steps)] if low < high else [low]
    return []


def _whole_steps(low: int, high: int, steps: int) -> list[int]:
    span = high - low + 1
    if span <= steps:
        return list(range(low, high + 1))
    return [low + math.ceil(span * place / steps) for place in range(steps)]
