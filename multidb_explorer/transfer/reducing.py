"""Which rows of a move stay in the source all the same: those to which others refer that stay, and so on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.closure import Closure
from multidb_explorer.transfer.edges import Edge
from multidb_explorer.transfer.records import Kept, Objection, TableName
from multidb_explorer.transfer.sheet import incoming
from multidb_explorer.transfer.sides import Key, Side, keys_of

if TYPE_CHECKING:
    from multidb_explorer.transfer.planning import Planning

__all__ = ["PARENTS", "Reduced", "reduced"]

PARENTS = "they are parents of what is moved, and others may refer to them"
_SKIPPED = "they meet other rows in the target, or belong to such"
_DESTROYS = ("CASCADE", "SET NULL", "SET DEFAULT")


class Reduced:
    """The rows that leave, after those were taken out that can't.

    Attributes
    ----------
    leaving
        Keys by table, where it is known row by row.
    reasons
        For each table, why rows of it are kept, with their number.
    """

    def __init__(self) -> None:
        self.leaving: dict[TableName, set[Key]] = {}
        self.reasons: dict[TableName, Counter[str]] = {}

    def kept(self, table: TableName) -> tuple[Kept, ...]:
        """Give the kept rows of a table with the reasons."""
        return tuple(Kept(count, reason) for reason, count in self.reasons.get(table, Counter()).items() if count)


def reduced(planning: Planning, lanes: Sequence[Lane]) -> Reduced:
    """Find out which rows can leave.

    Rows that refer to others and stay keep those; a rule of the database that would delete or empty them instead is
    objected to.
    """
    if planning.closure is None:
        return _of_chunks(planning, lanes[0])
    return _of_family(planning, planning.closure, lanes)


def _of_chunks(planning: Planning, lane: Lane) -> Reduced:
    found, name = Reduced(), lane.step.name
    counts: Counter[str] = Counter()
    for edge in incoming(lane.source):
        for keys in planning.batches(name):
            referred = _referred(planning, lane.source, edge, keys, set())
            if referred:
                counts[_refers(edge)] += len(referred)
                if edge.rule in _DESTROYS:
                    planning.objections.append(_destroys(planning, edge))
                    break
    found.reasons[name] = counts
    return found


def _of_family(planning: Planning, closure: Closure, lanes: Sequence[Lane]) -> Reduced:
    found = Reduced()
    for lane in lanes:
        rows = closure.tables[lane.step.name]
        skipped = planning.skipped.get(lane.step.name, set()) & rows.taken
        found.leaving[lane.step.name] = rows.taken - skipped
        parents = len(rows.rows) - len(rows.taken)
        found.reasons[lane.step.name] = Counter({PARENTS: parents, _SKIPPED: len(skipped)})
    changed, outside = True, True
    while changed:
        changed = False
        for lane in lanes:
            name = lane.step.name
            for edge in incoming(lane.source):
                kept = _family_kept(planning, closure, lane, edge, found, outside=outside)
                if kept:
                    found.leaving[name] -= kept
                    found.reasons[name][_refers(edge)] += len(kept)
                    changed = True
        outside = False
    return found


def _family_kept(
    planning: Planning, closure: Closure, lane: Lane, edge: Edge, found: Reduced, *, outside: bool
) -> set[Key]:
    """Give the rows that leave to which a row refers that stays."""
    name = lane.step.name
    leaving = found.leaving[name]
    if not leaving:
        return set()
    child = closure.tables.get(edge.child)
    kept: set[Key] = set()
    if child is not None:
        staying = [key for key in child.rows if key not in found.leaving.get(edge.child, set())]
        values = {value for _, value in child.values(edge.columns, staying) if None not in value}
        mine = closure.tables[name].values(edge.parent_columns, leaving)
        kept = {key for key, value in mine if value in values}
    if outside:
        known = set() if child is None else set(child.rows)
        referred = _referred(planning, lane.source, edge, list(leaving), known)
        kept |= referred
        if referred and edge.rule in _DESTROYS:
            planning.objections.append(_destroys(planning, edge))
    return kept


def _referred(planning: Planning, side: Side, edge: Edge, keys: Sequence[Key], known: set[Key]) -> set[Key]:
    """Give the rows to which others refer that are no part of the transfer."""
    owners: dict[Key, set[Key]] = {}
    for value, key in _values(planning, side, edge, keys):
        owners.setdefault(value, set()).add(key)
    catalog = planning.catalogs[0]
    live = catalog.table(*edge.child)
    child = Side(side.database, catalog, live, live.key)
    wanted = [value for value in owners if None not in value]
    rows = child.matching(edge.columns, wanted, list(dict.fromkeys([*live.key, *edge.columns])))
    own: Iterable[Any] = keys_of(rows, live.key) if live.key else [()] * rows.num_rows
    going = known.union(keys if edge.own else ())
    strangers = {
        value for key, value in zip(own, keys_of(rows, edge.columns), strict=True) if not live.key or key not in going
    }
    return set().union(*(owners[value] for value in strangers if value in owners))


def _values(planning: Planning, side: Side, edge: Edge, keys: Sequence[Key]) -> Iterator[tuple[Key, Key]]:
    if planning.closure is not None:
        for key, value in planning.closure.tables[edge.parent].values(edge.parent_columns, keys):
            yield value, key
        return
    if edge.parent_columns == side.key:
        yield from zip(keys, keys, strict=True)
        return
    rows = side.by_keys(list(dict.fromkeys([*side.key, *edge.parent_columns])), keys)
    yield from zip(keys_of(rows, edge.parent_columns), keys_of(rows, side.key), strict=True)


def _refers(edge: Edge) -> str:
    return f"rows of {edge.child[0]!r} that stay refer to them by {', '.join(edge.columns)}"


def _destroys(planning: Planning, edge: Edge) -> Objection:
    what = "delete" if edge.rule == "CASCADE" else "empty the reference of"
    return Objection(
        edge.parent[0],
        "",
        f"to delete these rows on alias {planning.source.alias!r} would {what} rows of {edge.child[0]!r} that are no "
        f"part of the move ({', '.join(edge.columns)}, ON DELETE {edge.rule}): take them along with "
        f"related='children', or copy() instead",
    )
