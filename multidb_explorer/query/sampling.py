"""Fair samples: row numbers are drawn here, and only the rows that have them are read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.errors import whole_number
from multidb_explorer.query import compiler
from multidb_explorer.query.derived import Derived, derived
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_table

if TYPE_CHECKING:
    import pandas as pd

    from multidb_explorer.query.queryset import QuerySet

__all__ = ["sample"]


def sample(queryset: QuerySet[Any], n: int, seed: int | None = None) -> pd.DataFrame:
    """Read `n` rows, each with the same chance; see `QuerySet.sample`.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, text
    >>> mdb.configure({"default": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    >>> with mdb.aliases["default"].database.begin() as connection:
    ...     _ = connection.execute(text("CREATE TABLE user (id INTEGER PRIMARY KEY)"))
    >>> len(User.objects.sample(5))
    0
    """
    n = whole_number("n", n, least=0)
    count = queryset.count()
    if n == 0 or n >= count:
        return queryset[:n].to_pandas()
    # Not for secrets, and a seed shall give the same rows again.
    places = sorted(random.Random(seed).sample(range(1, count + 1), n))  # noqa: S311
    return _by_key(queryset, places) if _is_keyed(queryset) else _by_number(queryset, places)


def _is_keyed(queryset: QuerySet[Any]) -> bool:
    """Tell whether each row is one row of the table, that its key finds again."""
    state, bound = queryset._state, queryset.bound
    plain = not (state.sliced or state.distinct or state.combination is not None)
    return plain and bool(bound.key) and compiler.row_by_row(replace(state, order=()), bound)


def _by_key(queryset: QuerySet[Any], places: Sequence[int]) -> pd.DataFrame:
    """Find the keys first, so that nothing wide is numbered or sorted."""
    plain = replace(queryset._state, order=(), flipped=False, fields=None, deferred=False, related=())
    found = type(queryset)(queryset._source, plain).values(*queryset.bound.key)
    rows = derived(found._state, found.bound)
    columns = tuple(ResultColumn(each.name, each.declared, computed=True) for each in rows.columns)
    keys = read_rows(rows.database, Reading(_numbered(rows, places), columns))
    return queryset.filter(pk__in=[key[0] if len(key) == 1 else key for key in keys]).to_pandas()


def _by_number(queryset: QuerySet[Any], places: Sequence[int]) -> pd.DataFrame:
    from multidb_explorer.results.frames import to_pandas

    rows = derived(queryset._state, queryset.bound)
    columns = tuple(ResultColumn(each.name, each.declared, each.nullable, computed=True) for each in rows.columns)
    return to_pandas(read_table(rows.database, Reading(_numbered(rows, places), columns)))


def _numbered(rows: Derived, places: Sequence[int]) -> sa.Select[Any]:
    """Select the rows at some places of an order by everything that has one."""
    backend = rows.database.backend
    order = [
        term
        for each in rows.columns
        if each.element is not None
        for term in backend.ordered(each.element, descending=False, nullable=each.nullable)
    ]
    number = sa.func.row_number(type_=sa.BigInteger()).over(order_by=order or None)
    numbered = sa.select(*(each.stored for each in rows.columns), number.label("place_")).subquery()
    *columns, place = numbered.c
    read = [
        backend.readable(column, each.declared).label(each.name)
        for column, each in zip(columns, rows.columns, strict=True)
    ]
    return sa.select(*read).where(backend.member(place, list(places))).order_by(place)
