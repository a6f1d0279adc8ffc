"""Upserts: rows that are there are updated, all others inserted, and no other unique key is a reason to overwrite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.errors import StaleRow
from multidb_explorer.writing.into import Into
from multidb_explorer.writing.offending import Offence, lacking, repeated
from multidb_explorer.writing.spooling import Rows
from multidb_explorer.writing.staging import Stage, stage

__all__ = ["Merged", "merge"]


@dataclass(frozen=True)
class Merged:
    """What an upsert did.

    Attributes
    ----------
    matched
        Rows that were there and were updated, changed or not.
    inserted
        Rows that were not.
    loader
        Who brought them into the database.
    """

    matched: int = 0
    inserted: int = 0
    loader: str = ""

    def __add__(self, other: Merged) -> Merged:
        return Merged(self.matched + other.matched, self.inserted + other.inserted, other.loader or self.loader)


def merge(
    connection: Connection, into: Into, rows: Rows, key: Sequence[str], update: Sequence[str] | None = None
) -> Merged:
    """Update or insert rows by a unique key, in the transaction that the connection has open.

    Parameters
    ----------
    update
        The columns to update in rows that are there; all that are given and not part of the key if not given.

    Raises
    ------
    Offence
        Where several rows have one key, or where rows to insert lack a column that needs a value.
    StaleRow
        Where somebody else inserted rows with the same keys between the two statements.
    """
    done = Merged()
    if len(rows.parts) > 1:
        with stage(connection, into, rows, key) as staged:
            _refuse_repeated(staged, key)
    for some in rows.each():
        names = [column.name for column in some.parts[0].columns]
        with stage(connection, into, some, names) as staged:
            _refuse_repeated(staged, key)
            chosen = [n for n in names if n not in key and (update is None or n in update)]
            matched = _at_once(staged, key, chosen)
            if matched is None:
                matched = _one_after_the_other(staged, key, chosen)
            done += Merged(matched, staged.count - matched, staged.loader)
    return done


def _at_once(staged: Stage, key: Sequence[str], chosen: Sequence[str]) -> int | None:
    """Update and insert in one statement, where that comes to the same; tell how many rows were there."""
    into, given = staged.into, {*key, *chosen}
    # A row that leaves columns out is judged otherwise as a new one than in the place of an old one.
    if given != {slot.name for slot in into.slots if not slot.generated} or given != set(staged.names):
        return None
    done = into.database.backend.upserted(staged.connection, into.table, staged.table, staged.names, key)
    if done is None:
        return None
    matched, touched = done
    if not staged.count <= touched <= staged.count + matched:
        raise _stale(staged)
    return matched


def _one_after_the_other(staged: Stage, key: Sequence[str], chosen: Sequence[str]) -> int:
    matched = _update(staged, key, chosen)
    # The key is unique here and there, so every row that matched none is new.
    if staged.count > matched:
        _insert(staged, key, staged.count - matched)
    return matched


def _refuse_repeated(staged: Stage, key: Sequence[str]) -> None:
    """Refuse two rows with one key; only the database can compare them as it compares keys."""
    if found := repeated(staged, key):
        raise Offence(found)


def _update(staged: Stage, key: Sequence[str], chosen: Sequence[str]) -> int:
    backend = staged.into.database.backend
    if chosen and backend.features.updates_indexed_columns:
        return backend.matched(staged.connection, _set(staged, key, chosen))
    found = sa.select(sa.func.count()).select_from(staged.table).where(staged.matching(key))
    matched = int(staged.connection.execute(found).scalar_one())
    if chosen and matched:
        _update_carefully(staged, key, chosen)
    return matched


def _set(staged: Stage, key: Sequence[str], chosen: Sequence[str]) -> sa.Update:
    values = {name: staged.table.c[name] for name in chosen}
    return sa.update(staged.into.table).values(values).where(staged.same(key))


def _update_carefully(staged: Stage, key: Sequence[str], chosen: Sequence[str]) -> None:
    """Set an indexed column only where it changes, for engines that refuse to set it again."""
    into, backend = staged.into, staged.into.database.backend
    indexed = {name for unique in into.uniques for name in unique} | {n for p in into.points for n in p.columns}
    if free := [name for name in chosen if name not in indexed]:
        backend.matched(staged.connection, _set(staged, key, free))
    for name in (name for name in chosen if name in indexed):
        changes = into.table.c[name].is_distinct_from(staged.table.c[name])
        backend.matched(staged.connection, _set(staged, key, [name]).where(changes))


def _insert(staged: Stage, key: Sequence[str], expected: int) -> None:
    into, names = staged.into, staged.names
    needed = [slot.name for slot in into.slots if not slot.optional and slot.name not in names]
    if needed:
        raise Offence(lacking(staged, key, needed))
    rows = sa.select(*(staged.table.c[name] for name in names)).where(~staged.matching(key)).order_by(staged.place)
    statement: Any = sa.insert(into.table).from_select(list(names), rows, include_defaults=False)
    counted = statement.execution_options(preserve_rowcount=True)
    if into.database.backend.matched(staged.connection, counted) != expected:
        raise _stale(staged)


def _stale(staged: Stage) -> StaleRow:
    where = staged.into.where
    return StaleRow(
        f"Somebody else wrote rows with the same keys to {where} meanwhile, so nothing was written. Try again."
    )
