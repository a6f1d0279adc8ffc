"""The graph of foreign keys: which tables hang on which."""

from __future__ import annotations

from collections.abc import Iterable

from multidb_explorer.schema.inspector import Catalog

__all__ = ["children_first"]

TableName = tuple[str, str | None]


def children_first(catalog: Catalog, tables: Iterable[TableName]) -> list[TableName]:
    """Order tables so that each stands before the tables it refers to; a cycle is cut where it is met again.

    Parameters
    ----------
    catalog
        Knows the foreign keys.
    tables
        Names with their schemas.
    """
    wanted = list(dict.fromkeys(tables))
    ordered: list[TableName] = []
    entered: set[TableName] = set()

    def visit(table: TableName) -> None:
        if table in entered:
            return
        entered.add(table)
        for reference in catalog.references(*table):
            child = (reference.table, reference.schema)
            if child in wanted:
                visit(child)
        ordered.append(table)

    for table in wanted:
        visit(table)
    return ordered
