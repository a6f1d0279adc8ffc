"""In which order tables are filled and emptied, and which columns wait where tables refer to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from multidb_explorer.errors import WriteRefused
from multidb_explorer.transfer.edges import Edge
from multidb_explorer.transfer.records import TableName

__all__ = ["Order", "order"]


@dataclass(frozen=True)
class Order:
    """An order of tables, parents first.

    Attributes
    ----------
    tables
        Each stands behind those that it refers to.
    waiting
        Foreign keys that can't be kept from the beginning: their columns are NULL until all rows are there.
    """

    tables: tuple[TableName, ...]
    waiting: tuple[Edge, ...] = ()

    def patched(self, table: TableName) -> tuple[str, ...]:
        """Give the columns of a table that wait."""
        return tuple(dict.fromkeys(c for edge in self.waiting if edge.child == table for c in edge.columns))

    def opened(self, circles: Iterable[Edge], nullable: Callable[[TableName, str], bool]) -> Order:
        """Let the rows of tables that refer to themselves in a circle wait for each other too."""
        found = list(circles)
        for edge in found:
            if not all(nullable(edge.child, column) for column in edge.columns):
                raise WriteRefused(
                    f"Rows of {edge.child[0]!r} refer to each other in a circle by {', '.join(edge.columns)}, which "
                    f"may not be NULL for a moment, so that none of them could be the first. Nothing was written."
                )
        return Order(self.tables, (*self.waiting, *found))


def order(tables: Sequence[TableName], edges: Iterable[Edge], nullable: Callable[[TableName, str], bool]) -> Order:
    """Order tables by their foreign keys; a circle is opened at a column that may be NULL.

    Parameters
    ----------
    nullable
        Tells whether a column of a table may be NULL.

    Raises
    ------
    WriteRefused
        For a circle in which no column may be NULL, naming it.

    Examples
    --------
    >>> child, parent = ("line", None), ("order", None)
    >>> order([child, parent], [Edge(child, ("order_id",), parent, ("id",))], lambda table, column: False).tables
    (('order', None), ('line', None))
    """
    known = set(tables)
    left = [edge for edge in edges if edge.child in known and edge.parent in known and not edge.own]
    placed: list[TableName] = []
    waiting: list[Edge] = []
    while len(placed) < len(tables):
        open_edges = [edge for edge in left if edge.parent not in placed]
        free = [t for t in tables if t not in placed and not any(edge.child == t for edge in open_edges)]
        if free:
            placed += free
            continue
        circle = _circle(open_edges)
        found = next((e for e in circle if all(nullable(e.child, column) for column in e.columns)), None)
        if found is None:
            named = " → ".join([*(edge.child[0] for edge in circle), str(circle[0].child[0])])
            raise WriteRefused(
                f"These tables refer to each other in a circle in which no column may be NULL for a moment, so that no "
                f"row of them could be the first: {named}. Nothing was written."
            )
        waiting.append(found)
        left.remove(found)
    return Order(tuple(placed), tuple(waiting))


def _circle(edges: Sequence[Edge]) -> list[Edge]:
    """Find a circle where every table refers to another that is not placed yet."""
    by_child = {edge.child: edge for edge in edges}
    # A table at which no edge ends up may only lead to the circle.
    name, seen = edges[0].child, list[TableName]()
    while name not in seen:
        seen.append(name)
        name = by_child[name].parent
    start = seen.index(name)
    return [by_child[table] for table in seen[start:]]
