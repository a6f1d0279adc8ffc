"""Which rows meet a row of the target: the same one, or another one under a key that must be unique."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.sides import Key, Side, keys_of

__all__ = ["Met", "is_empty", "loosely", "met", "named", "spelt"]

_CHUNK = 5_000


@dataclass
class Met:
    """What rows met, by their places.

    Attributes
    ----------
    there
        Rows that the target has already, with the same values.
    taken
        Rows whose key of the transfer another row has.
    others
        Rows that meet another row under one of the target's other unique keys, by that key.
    """

    there: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    others: dict[tuple[str, ...], set[int]] = field(default_factory=dict)

    @property
    def clashing(self) -> set[int]:
        """All rows that meet another one."""
        return self.taken.union(*self.others.values())


def is_empty(side: Side) -> bool:
    """Tell whether a table has no rows."""
    with side.database.connect() as connection:
        return connection.execute(sa.select(sa.literal(1)).select_from(side.table).limit(1)).first() is None


def met(lane: Lane, fitted: pa.Table, *, others: bool = True) -> Met:
    """Look rows up in the target.

    Parameters
    ----------
    fitted
        The rows as they would be written.
    others
        Whether unique keys are looked at besides the one that rows are found by.
    """
    found, key = Met(), lane.step.target_key
    keys = keys_of(fitted, key)
    there = lane.at_target(keys)
    if there.num_rows:
        digests = dict(zip(keys_of(there, key), lane.target_digests(there).to_pylist(), strict=True))
        mine = lane.target_digests(fitted).to_pylist()
        for place, (one, digest) in enumerate(zip(keys, mine, strict=True)):
            if one in digests:
                (found.there if digests[one] == digest else found.taken).add(place)
    if others:
        for unique in _uniques(lane):
            places = _meeting(lane, fitted, unique, keys, found.there)
            if places:
                found.others[unique] = places
    return found


def _uniques(lane: Lane) -> Iterator[tuple[str, ...]]:
    live, written = lane.target.live, set(lane.target_names)
    for unique in dict.fromkeys(filter(None, (live.primary_key, *live.uniques))):
        if set(unique) != set(lane.step.target_key) and written.issuperset(unique):
            yield unique


def _meeting(lane: Lane, fitted: pa.Table, unique: tuple[str, ...], keys: Sequence[Key], there: set[int]) -> set[int]:
    """Give the rows whose values of a unique key a row of the target has that is found by another key."""
    side, key = lane.target, lane.step.target_key
    values = keys_of(fitted, unique)
    wanted = {spelt(side, one): place for place, one in enumerate(values) if None not in one and place not in there}
    found: set[int] = set()
    for condition in loosely(side, unique, [values[place] for place in wanted.values()]):
        rows = side.read([*dict.fromkeys([*unique, *key])], condition)
        for one, owner in zip(keys_of(rows, unique), keys_of(rows, key), strict=True):
            place = wanted.get(spelt(side, one))
            if place is not None and keys[place] != owner:
                found.add(place)
    return found


def loosely(side: Side, names: Sequence[str], values: Sequence[Key]) -> Iterator[sa.ColumnElement[bool]]:
    """Write conditions that find whatever the database's unique keys take for some values."""
    if not side.database.backend.features.merges_texts or all(
        side.columns[name].kind.name not in ("text", "enum") for name in names
    ):
        yield from side.among(names, values)
        return
    columns = [side.table.c[name] for name in names]
    for start in range(0, len(values), _CHUNK):
        some = values[start : start + _CHUNK]
        yield columns[0].in_([value for (value,) in some]) if len(names) == 1 else sa.tuple_(*columns).in_(some)


def spelt(side: Side, values: Key) -> Key:
    """Give values as the database's unique keys tell them apart."""
    if not side.database.backend.features.merges_texts:
        return values
    return tuple(value.casefold().rstrip(" ") if isinstance(value, str) else value for value in values)


def named(values: Mapping[str, Any]) -> str:
    """Spell a key for a plan."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
