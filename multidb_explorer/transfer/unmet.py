"""References to rows that the target would not have, found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from multidb_explorer.schema.catalog import ForeignKey
from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.clashing import loosely, named, spelt
from multidb_explorer.transfer.edges import edge_of
from multidb_explorer.transfer.records import Objection, TableName
from multidb_explorer.transfer.sides import Key, Side, keys_of

if TYPE_CHECKING:
    from multidb_explorer.transfer.planning import Planning

__all__ = ["unmet_objections"]


def unmet_objections(planning: Planning, lanes: Mapping[TableName, Lane]) -> list[Objection]:
    """Object to rows that refer to others which are neither in the target nor on their way."""
    return [
        found
        for lane in lanes.values()
        for key in lane.target.live.foreign_keys
        if (found := _unmet(planning, lanes, lane, key)) is not None
    ]


def _unmet(planning: Planning, lanes: Mapping[TableName, Lane], lane: Lane, key: ForeignKey) -> Objection | None:
    mine = {pair.target: pair.source for pair in lane.step.pairs}
    if not mine.keys() >= set(key.columns):
        return None
    columns = tuple(mine[name] for name in key.columns)
    made = [other for other in lanes.values() if other.step.created and other.target.live.name == key.target_table]
    live = (
        made[0].target.live if made else planning.catalogs[1].table(*edge_of(("", lane.target.live.schema), key).parent)
    )
    parent = Side(planning.target, planning.catalogs[1], live, key.target_columns)
    kinds = [
        (lane.source.columns[a].kind.name, parent.columns[b].kind.name)
        for a, b in zip(columns, parent.key, strict=True)
    ]
    if any(one != other for one, other in kinds):
        # Values of other types are compared by the database alone.
        return None
    coming = _coming(planning, lanes, parent)
    missing: dict[Key, Key] = {}
    for values in _values(planning, lane, columns):
        new = {spelt(parent, value): value for value in values if None not in value}
        missing |= _absent(
            parent, {name: value for name, value in new.items() if name not in coming}, created=bool(made)
        )
    if not missing:
        return None
    first = named(dict(zip(columns, next(iter(missing.values())), strict=True)))
    return Objection(
        lane.step.table,
        "",
        f"{len(missing):,} values of {', '.join(columns)} refer to rows of table {live.name!r} that alias "
        f"{planning.target.alias!r} does not have ({first}): take them along with related='parents' or 'all', or copy "
        f"them first",
    )


def _absent(parent: Side, wanted: dict[Key, Key], *, created: bool) -> dict[Key, Key]:
    if created:
        return wanted
    for condition in loosely(parent, parent.key, list(wanted.values())):
        found = parent.read(list(parent.key), condition)
        for value in keys_of(found, parent.key):
            wanted.pop(spelt(parent, value), None)
    return wanted


def _coming(planning: Planning, lanes: Mapping[TableName, Lane], parent: Side) -> set[Key]:
    """Give the values that rows of the plan bring along."""
    for name, lane in lanes.items():
        if lane.target.live != parent.live or planning.closure is None:
            continue
        mine = {pair.target: pair.source for pair in lane.step.pairs}
        columns = [mine.get(column, "") for column in parent.key]
        found = planning.closure.tables[name]
        if set(columns) <= set(found.names):
            return {spelt(parent, value) for _, value in found.values(columns)}
        return {spelt(parent, value) for value in _read(lane, columns, list(found.rows))}
    return set()


def _values(planning: Planning, lane: Lane, columns: tuple[str, ...]) -> Iterator[list[Key]]:
    if planning.closure is not None:
        found = planning.closure.tables[lane.step.name]
        if set(columns) <= set(found.names):
            yield [value for _, value in found.values(columns)]
            return
    for keys in planning.batches(lane.step.name):
        yield _read(lane, columns, keys)


def _read(lane: Lane, columns: list[str] | tuple[str, ...], keys: list[Key]) -> list[Key]:
    names = list(dict.fromkeys([*lane.step.key, *columns]))
    return list(dict.fromkeys(keys_of(lane.source.by_keys(names, keys), columns)))
