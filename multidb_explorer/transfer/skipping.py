"""Rows that are left where they are because they meet others in the target, and those that belong to them."""

from __future__ import annotations

from collections.abc import Mapping

from multidb_explorer.transfer.closure import Closure
from multidb_explorer.transfer.records import TableName
from multidb_explorer.transfer.sides import Key

__all__ = ["skipped_rows"]


def skipped_rows(closure: Closure, clashing: Mapping[TableName, set[Key]]) -> dict[TableName, set[Key]]:
    """Give the rows that are skipped: children of such a row would end up with a stranger, so they stay with it.

    A shared parent is another matter: what refers to it refers to the one that is there.

    Parameters
    ----------
    clashing
        Rows that meet others, of tables whose policy is to skip those.
    """
    found = {name: set(clashing.get(name, ())) for name in closure.tables}
    waiting = [name for name, keys in found.items() if keys]
    while waiting:
        name = waiting.pop()
        owners = found[name] & closure.tables[name].taken
        for edge in closure.edges:
            if edge.parent != name or edge.child not in closure.tables:
                continue
            child = closure.tables[edge.child]
            values = {value for _, value in closure.tables[name].values(edge.parent_columns, owners)}
            new = {key for key, value in child.values(edge.columns, child.taken) if value in values} - found[edge.child]
            if new:
                found[edge.child] |= new
                waiting.append(edge.child)
    return {name: keys for name, keys in found.items() if keys}
