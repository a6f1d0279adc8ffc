"""Foreign keys between tables, and what follows from them for the order of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidb_explorer.schema.catalog import ForeignKey
from multidb_explorer.transfer.records import TableName
from multidb_explorer.transfer.sides import Key

__all__ = ["Edge", "edge_of", "levels"]


@dataclass(frozen=True)
class Edge:
    """A foreign key between two tables, each by its name and schema."""

    child: TableName
    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    rule: str = "NO ACTION"

    @property
    def own(self) -> bool:
        """Whether a table refers to itself."""
        return self.child == self.parent


def edge_of(child: TableName, key: ForeignKey) -> Edge:
    """Give a foreign key as an edge; a table without a schema of its own is in that of the table that refers to it."""
    return Edge(
        child, key.columns, (key.target_table, key.target_schema or child[1]), key.target_columns, key.on_delete
    )


def levels(rows: Mapping[Key, Any], parents: Mapping[Key, Sequence[Key]]) -> tuple[dict[Key, int], bool]:
    """Give each row of a table that refers to itself a higher number than those that it refers to.

    Parameters
    ----------
    parents
        The rows of the same table that each row refers to.

    Returns
    -------
    tuple
        The numbers, and whether rows refer to each other in a circle, for which there are none.

    Examples
    --------
    >>> levels({(1,): 0, (2,): 0}, {(1,): [(2,)]})
    ({(2,): 0, (1,): 1}, False)
    """
    numbers: dict[Key, int] = {}
    circular = False
    for start in rows:
        trail, entered = [start], set[Key]()
        while trail:
            key = trail[-1]
            if key in numbers:
                trail.pop()
                continue
            above = [p for p in parents.get(key, ()) if p in rows and p != key]
            todo = [parent for parent in above if parent not in numbers and parent not in entered]
            circular = circular or any(parent in entered and parent not in numbers for parent in above)
            entered.add(key)
            if todo:
                trail += todo
                continue
            numbers[key] = 1 + max((numbers.get(parent, -1) for parent in above), default=-1)
            trail.pop()
    return numbers, circular
