"""Profiles of columns, computed in the database: what each holds, how often, and between what."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError, whole_number
from multidb_explorer.query.derived import Column, Derived, derived
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_table

if TYPE_CHECKING:
    import pandas as pd

    from multidb_explorer.query.queryset import QuerySet

__all__ = ["describe", "value_counts"]

Element = sa.ColumnElement[Any]
Facts = dict[str, Any]

_AT_ONCE = 25
"""Columns asked about by one statement: each needs two tables in the second one, and a join takes 61 at most."""
_QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
_NUMBERS = ("integer", "decimal", "float")
_MOMENTS = ("date", "timestamp")
_WHOLE, _REAL = Kind("integer"), Kind("float")
_FACTS = ("type", "rows", "nulls", "distinct", "min", "max", "mean", "std", *_QUARTILES, "top", "top_count")
_WIDE = Context(prec=120)
_ONE: sa.Label[Any] = sa.literal_column("1").label("one")
"""What tables of one row are joined by."""


def describe(queryset: QuerySet[Any]) -> pd.DataFrame:
    """Summarise every column of a QuerySet by two statements for each 25 of them; the rows stay where they are.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, text
    >>> mdb.configure({"default": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    >>> with mdb.aliases["default"].database.begin() as connection:
    ...     _ = connection.execute(text("CREATE TABLE user (id INTEGER PRIMARY KEY)"))
    >>> User.objects.describe().loc["id", "rows"]
    np.int64(0)
    """
    rows = derived(queryset._state, queryset.bound)
    facts = []
    for start in range(0, len(rows.columns), _AT_ONCE):
        columns = rows.columns[start : start + _AT_ONCE]
        found = _summaries(rows, columns)
        _add_details(rows, columns, found)
        facts += found
    return _frame([column.name for column in rows.columns], facts)


def _frame(names: Sequence[str], facts: Sequence[Facts]) -> pd.DataFrame:
    import pandas as pd

    types = {"type": "str", "rows": "int64", "nulls": "int64", "distinct": "Int64", "top_count": "Int64"}
    types |= {"mean": "float64", "std": "float64"}
    data = {
        fact: pd.array([each.get(fact) for each in facts], dtype=types.get(fact, "object"))  # type: ignore[call-overload]
        for fact in _FACTS
    }
    return pd.DataFrame(data, index=pd.Index(list(names), name="column", dtype="str"))


# One statement for what an aggregate tells


def _summaries(rows: Derived, columns: Sequence[Column]) -> list[Facts]:
    asked: list[tuple[int, str, Element, Kind]] = []
    for place, column in enumerate(columns):
        asked += [(place, fact, element, kind) for fact, element, kind in _aggregates(rows, column)]
    total = rows.database.backend.aggregate("count", None, _WHOLE)
    elements = [(total, _WHOLE), *((element, kind) for _, _, element, kind in asked)]
    count, *values = _one_row(rows, elements, rows.table)
    found: list[Facts] = [{"type": str(column.declared), "rows": count} for column in columns]
    for (place, fact, _, _), value in zip(asked, values, strict=True):
        found[place][fact] = value
    for facts in found:
        facts["nulls"] = count - facts.pop("present")
    return found


def _aggregates(rows: Derived, column: Column) -> Iterator[tuple[str, Element, Kind]]:
    backend, element, kind = rows.database.backend, column.element, column.kind
    yield "present", backend.aggregate("count", column.stored, column.declared), _WHOLE
    if element is None:
        return
    yield "distinct", backend.aggregate("count", element, kind, distinct=True), _WHOLE
    yield "min", backend.aggregate("min", element, kind), kind
    yield "max", backend.aggregate("max", element, kind), kind
    if kind.name in (*_NUMBERS, "boolean"):
        yield "mean", backend.aggregate("avg", element, kind), _REAL
        yield "std", backend.aggregate("stddev_samp", element, kind), _REAL
    for name, native in _native_quartiles(rows, column).items():
        yield name, native, _REAL


def _native_quartiles(rows: Derived, column: Column) -> dict[str, Element]:
    """Give the engine's own quantiles, where they are as exact as the values."""
    if column.kind.name not in ("integer", "float") or column.element is None:
        return {}
    found = {name: rows.database.backend.quantile(column.element, part) for name, part in _QUARTILES.items()}
    return {name: element for name, element in found.items() if element is not None}


def _one_row(rows: Derived, elements: Sequence[tuple[Element, Kind]], tables: sa.FromClause) -> Sequence[Any]:
    backend = rows.database.backend
    names = [f"fact_{place}" for place in range(len(elements))]
    labelled = [
        backend.readable(element, kind).label(name) for name, (element, kind) in zip(names, elements, strict=True)
    ]
    columns = tuple(ResultColumn(name, kind, computed=True) for name, (_, kind) in zip(names, elements, strict=True))
    (row,) = read_rows(rows.database, Reading(sa.select(*labelled).select_from(tables), columns))
    return row


# One statement for what needs groups or an order


def _add_details(rows: Derived, columns: Sequence[Column], found: Sequence[Facts]) -> None:
    """Find the most frequent values, and the quartiles that no aggregate told: a one-row table for each, joined."""
    tables: list[sa.FromClause] = []
    asked: list[tuple[Facts, str, Element, Kind]] = []
    for column, facts in zip(columns, found, strict=True):
        present = facts["rows"] - facts["nulls"]
        if column.element is None or not present:
            continue
        if facts["distinct"] == present:
            facts["top"], facts["top_count"] = facts["min"], 1
        else:
            tables.append(_top(rows, column, column.element))
            value, count, _ = tables[-1].c
            asked += [(facts, "top", value, column.kind), (facts, "top_count", count, _WHOLE)]
        if column.kind.name in (*_NUMBERS, *_MOMENTS) and "median" not in facts:
            places = sorted({place for part in _QUARTILES.values() for place in _neighbours(present, part)})
            tables.append(_at_places(rows, column, column.element, places))
            asked += [(facts, f"at {p}", each, column.kind) for p, each in zip(places, tables[-1].c, strict=False)]
    if not asked:
        return
    values = _one_row(rows, [(element, kind) for _, _, element, kind in asked], _beside(tables))
    for (facts, fact, _, _), value in zip(asked, values, strict=True):
        facts[fact] = value
    for facts in found:
        _interpolate(facts)


def _beside(tables: Sequence[sa.FromClause]) -> sa.FromClause:
    """Join tables of one row each.

    Outer joins, each to the one before it, leave no order to choose: over dozens of tables, choosing takes minutes.
    """
    joined = tables[0]
    for before, table in pairwise(tables):
        joined = joined.join(table, before.c.one.__eq__(table.c.one), isouter=True)
    return joined


def _top(rows: Derived, column: Column, element: Element) -> sa.FromClause:
    backend, count = rows.database.backend, sa.func.count()
    order = (
        *backend.ordered(count, descending=True, nullable=False),
        *backend.ordered(element, descending=False, nullable=False),
    )
    found = sa.select(element.label("value"), count.label("times"), _ONE).select_from(rows.table)
    return found.where(column.present).group_by(element).order_by(*order).limit(1).subquery()


def _at_places(rows: Derived, column: Column, element: Element, places: Sequence[int]) -> sa.FromClause:
    """Give the values at some places of the order, counted from 0, as one row."""
    order = rows.database.backend.ordered(element, descending=False, nullable=False)
    number = sa.func.row_number().over(order_by=order)
    numbered = sa.select(element.label("value"), number.label("place")).where(column.present).subquery()
    value, place = numbered.c
    picked = [sa.func.max(sa.case((place.__eq__(wanted + 1), value)), type_=element.type) for wanted in places]
    labelled = [each.label(f"value_{wanted}") for each, wanted in zip(picked, places, strict=True)]
    return sa.select(*labelled, _ONE).subquery()


def _neighbours(count: int, part: float) -> tuple[int, int]:
    """Give the places between which a quantile lies."""
    place = math.floor((count - 1) * part)
    return place, min(place + 1, count - 1)


def _interpolate(facts: Facts) -> None:
    """Compute quartiles from the values beside them, exactly."""
    count = facts["rows"] - facts["nulls"]
    places = {fact: value for fact, value in facts.items() if fact.startswith("at ")}
    if not places:
        return
    for name, part in _QUARTILES.items():
        low, high = (places[f"at {place}"] for place in _neighbours(count, part))
        facts[name] = _between(low, high, (count - 1) * part % 1)
    for fact in places:
        del facts[fact]


def _between(low: Any, high: Any, part: float) -> Any:
    """Give what lies between two values; a quarter is exact in binary and in decimal.

    Examples
    --------
    >>> _between(Decimal("1.00"), Decimal("2.00"), 0.25), _between(1, 2, 0.5)
    (Decimal('1.2500'), 1.5)
    """
    if isinstance(low, Decimal):
        step = _WIDE.multiply(_WIDE.subtract(high, low), Decimal(str(part)))
        return _WIDE.add(low, step) if part else low
    if isinstance(low, dt.date):
        return low + (high - low) * part
    return float(low) if not part else low + (high - low) * part


# Frequencies


def value_counts(
    queryset: QuerySet[Any], column: str, *, normalize: bool, limit: int | None, dropna: bool
) -> pd.Series[Any]:
    """Count the rows of each value of a column by one statement; see `QuerySet.value_counts`."""
    from multidb_explorer.results.frames import to_pandas

    rows = _rows_with(queryset, column)
    (asked,) = rows.columns
    if asked.element is None:
        raise FieldError(
            f"Column {column!r} is {asked.declared}: databases don't agree when two such values are equal, so they "
            f"can't be counted. Count a part of it that annotate() computes."
        )
    statement = _counted(rows, asked, asked.element, total=normalize, dropna=dropna)
    columns = (
        ResultColumn("value", asked.kind, asked.nullable and not dropna, computed=True),
        ResultColumn("count", _WHOLE, nullable=False, computed=True),
        ResultColumn("total", _WHOLE, nullable=False, computed=True),
    )
    most = None if limit is None else whole_number("limit", limit, least=0)
    reading = Reading(statement.limit(most), columns if normalize else columns[:2])
    frame = to_pandas(read_table(rows.database, reading)).set_index("value")
    frame.index.name = column
    if not normalize:
        return frame["count"]
    return (frame["count"] / frame["total"]).astype("float64").rename("proportion")


def _counted(rows: Derived, column: Column, element: Element, *, total: bool, dropna: bool) -> sa.Select[Any]:
    backend, count = rows.database.backend, sa.func.count()
    columns = [backend.readable(element, column.kind).label("value"), count.label("count")]
    if total:
        columns.append(sa.func.sum(count).over().label("total"))
    statement = sa.select(*columns).select_from(rows.table).group_by(element)
    statement = statement.where(column.present) if dropna else statement
    return statement.order_by(
        *backend.ordered(count, descending=True, nullable=False),
        *backend.ordered(element, descending=False, nullable=not dropna),
    )


def _rows_with(queryset: QuerySet[Any], column: str) -> Derived:
    """Give the rows with one column, which may be one of a related row."""
    names = [field.name for field in queryset.fields]
    state = queryset._state
    if column in names:
        return derived(state, queryset.bound, column)
    if state.chosen or state.distinct or state.combination is not None:
        raise FieldError.unknown("column", column, "The query", names)
    plain = replace(state, fields=None, deferred=False, related=())
    found = type(queryset)(queryset._source, plain).values(column)
    if len(found.fields) > 1:
        raise FieldError(f"{column!r} is a key of {len(found.fields)} columns; name one of them.")
    return derived(found._state, found.bound)
