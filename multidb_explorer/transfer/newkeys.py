"""New keys for rows whose own are taken: allocated before the first insert, and put into every reference to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from multidb_explorer.errors import WriteRefused
from multidb_explorer.transfer.carrying import Lane, Remap
from multidb_explorer.transfer.edges import edge_of
from multidb_explorer.transfer.journal import Rows
from multidb_explorer.transfer.sides import Key

if TYPE_CHECKING:
    from multidb_explorer.transfer.sheet import Sheet

__all__ = ["Allocator", "remaps"]


class Allocator:
    """Gives keys that neither side uses.

    Parameters
    ----------
    lane
        Whose keys.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._next: Iterator[Any] | None = None

    def take(self) -> Key:
        """Give the next key.

        Raises
        ------
        WriteRefused
            For a key that is neither one number nor one UUID.
        """
        if self._next is None:
            self._next = self._keys()
        return (next(self._next),)

    def _keys(self) -> Iterator[Any]:
        key, target = self._lane.step.target_key, self._lane.target
        kind = target.columns[key[0]].kind
        if len(key) > 1 or kind.name not in ("integer", "uuid"):
            raise WriteRefused(
                f"New keys are numbers or UUIDs in one column; that of {target.where} is ({', '.join(key)}). Choose "
                f"on_conflict='skip' for it, or leave the rows out."
            )
        if kind.name == "uuid":
            while True:
                yield uuid.uuid4()
        number = 1 + max(_highest(target, key[0]), _highest(self._lane.source, self._lane.step.key[0]))
        while number <= kind.integer_range[1]:
            yield number
            number += 1
        raise WriteRefused(f"There are no numbers left above the keys of {target.where}.")


def _highest(side: Any, column: str) -> int:
    with side.database.connect() as connection:
        found = connection.scalar(sa.select(sa.func.max(side.table.c[column])))
    return 0 if found is None else int(found)


def remaps(sheet: Sheet, parts: Sequence[Rows]) -> dict[int, Remap]:
    """Give the new values for columns of each step, from the keys that the rows of a unit were given."""
    found: dict[int, dict[str, dict[Any, Any]]] = {}
    for number, lane in enumerate(sheet.lanes):
        if lane.step.policy != "newkey":
            continue
        new = _new(parts, number)
        if not new:
            continue
        found.setdefault(number, {})[lane.step.key[0]] = new
        for other, each in enumerate(sheet.lanes):
            for key in each.source.live.foreign_keys:
                edge = edge_of(each.step.name, key)
                if edge.parent == lane.step.name and edge.parent_columns == lane.step.key:
                    found.setdefault(other, {})[edge.columns[0]] = new
    return {number: dict(columns) for number, columns in found.items()}


def _new(parts: Sequence[Rows], step: int) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for part in parts:
        if part.step == step:
            pairs = zip(part.table.column("k0").to_pylist(), part.table.column("t0").to_pylist(), strict=True)
            found.update({old: new for old, new in pairs if new is not None and new != old})
    return found


def allotted(table: pa.Table, keys: Sequence[Any]) -> pa.Table:
    """Write new keys into rows of the journal; ``None`` leaves a row its own."""
    place = table.schema.get_field_index("t0")
    field = table.schema.field(place)
    values = [None if key is None else key for key in keys]
    if isinstance(field.type, pa.UuidType):
        storage = pa.array([None if value is None else value.bytes for value in values], pa.binary(16))
        return table.set_column(place, field, pa.ExtensionArray.from_storage(field.type, storage))
    return table.set_column(place, field, pa.array(values, field.type))
