"""What a sort costs: whether an index has the order, and whether the panel asks before the database sorts it all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import MultiDBError
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import catalog_of

__all__ = ["ASKED_FROM", "LISTED_FROM", "SortCost", "schema_of", "sort_cost"]

ASKED_FROM = 1_000_000
"""From how many rows on the panel asks before it sorts without an index."""
LISTED_FROM = 20_000
"""From how many rows on the keys of an order without an index are listed, so that no page is far."""


@dataclass(frozen=True)
class SortCost:
    """What it takes to have rows in an order.

    Attributes
    ----------
    indexed
        Whether the database can read them in this order without sorting.
    rows
        How many there are, exactly or roughly, or ``None``.
    quick
        Whether the database sorts so fast that nobody needs to be asked.
    """

    indexed: bool
    rows: int | None
    quick: bool = False

    @property
    def ask(self) -> bool:
        """Whether the user decides first."""
        return not self.indexed and not self.quick and (self.rows or 0) > ASKED_FROM

    @property
    def list_keys(self) -> bool:
        """Whether a list of the keys pays."""
        return not self.indexed and (self.rows or 0) >= LISTED_FROM


def schema_of(queryset: QuerySet[Any]) -> TableSchema | None:
    """Give what the catalog knows of the table that a QuerySet reads; ``None`` where it can't be asked."""
    table = queryset.bound.table
    try:
        return catalog_of(databases[queryset.db]).table(table.name, table.schema)
    except (MultiDBError, KeyError):
        return None


def sort_cost(queryset: QuerySet[Any], sort: Sequence[str], rows: int | None) -> SortCost:
    """Weigh an order.

    Parameters
    ----------
    queryset
        What is sorted.
    sort
        Field names, ``-name`` for descending; empty for the order of the key.
    rows
        How many rows there are, as far as it is known.

    Examples
    --------
    >>> from sqlalchemy import text
    >>> from multidb_explorer.models import reflect
    >>> databases.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"))
    >>> sort_cost(reflect("t").objects, ["name"], 5_000_000).ask
    True
    """
    quick = databases[queryset.db].backend.features.sorts_in_columns
    return SortCost(_indexed(queryset, sort), rows, quick)


def _indexed(queryset: QuerySet[Any], sort: Sequence[str]) -> bool:
    names = {each.name: each.column.name for each in queryset.bound.fields}
    order = [names.get(name.removeprefix("-"), "") for name in sort]
    schema = schema_of(queryset)
    key = [names[name] for name in queryset.bound.key]
    if not order or order == key:
        return bool(key) and _one_way(sort)
    if schema is None:
        return False
    return _one_way(sort) and any(list(columns[: len(order)]) == order for columns in _indexes(schema))


def _one_way(sort: Sequence[str]) -> bool:
    """Tell whether all columns go up or all go down, as an index can be read."""
    return len({name.startswith("-") for name in sort}) < 2


def _indexes(schema: TableSchema) -> Iterable[tuple[str | None, ...]]:
    yield schema.primary_key
    yield from schema.uniques
    yield from (index.columns for index in schema.indexes if not index.partial)
