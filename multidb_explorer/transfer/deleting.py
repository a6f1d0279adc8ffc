"""Take rows away from the source that are safe in the target: locked, compared once more, and counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from multidb_explorer.errors import TransferError
from multidb_explorer.transfer.carrying import Lane, Left, Outcome, numbers, with_columns
from multidb_explorer.transfer.edges import Edge
from multidb_explorer.transfer.journal import Rows
from multidb_explorer.transfer.points import at
from multidb_explorer.transfer.sides import Key, keys_of
from multidb_explorer.transfer.stopping import Stopped

if TYPE_CHECKING:
    from multidb_explorer.transfer.sheet import Sheet

__all__ = ["SAFE", "Deletion"]

SAFE = (Outcome.INSERTED, Outcome.THERE)
"""Outcomes of rows that the target has as they are."""


class _Changed(TransferError):
    """Rows that belong together are not what they were."""


class Deletion:
    """The rows of one unit that leave.

    Parameters
    ----------
    parts
        All rows of the unit.
    block
        Gives the transaction in which they are deleted; one of the source if not given.
    """

    def __init__(
        self, sheet: Sheet, parts: Sequence[Rows], block: Callable[[], AbstractContextManager[Any]] | None = None
    ) -> None:
        self._sheet = sheet
        self._block = block or (lambda: sheet.source.atomic(durable=True))
        self._parts = list(parts)

    def run(self) -> list[Rows]:
        """Delete, and give the rows with what became of them."""
        wanted = {place: self._leaving(part) for place, part in enumerate(self._parts)}
        places = self._in_order(wanted)
        family = self._sheet.source.backend.features.deletes_families
        try:
            if not family and places:
                # Each goes in a transaction of its own there, so all are looked at before the first goes.
                with self._block() as connection:
                    self._check(connection, places, wanted)
            for group in [places] if family else [[place] for place in places]:
                self._delete(group, wanted)
        except _Changed as error:
            raise Stopped("SOURCE_CHANGED", str(error)) from None
        return self._parts

    def _in_order(self, wanted: Mapping[int, Mapping[Key, bytes]]) -> list[int]:
        """Order parts, children first; those of a table that refers to itself came parents first."""
        rank = {step: place for place, step in enumerate(self._sheet.deleting)}
        some = [place for place, keys in wanted.items() if keys]
        return sorted(some, key=lambda place: (rank[self._parts[place].step], -place))

    def _leaving(self, part: Rows) -> dict[Key, bytes]:
        """Give the keys of rows that shall go, with the digests that they must have."""
        shall = numbers(part.table, "left") == Left.SHALL_GO
        rows = part.table.filter(pa.array(shall & np.isin(numbers(part.table, "outcome"), SAFE)))
        return dict(zip(self._sheet.lanes[part.step].keys(rows), rows.column("s").to_pylist(), strict=True))

    def _check(self, connection: Any, places: Sequence[int], wanted: dict[int, dict[Key, bytes]]) -> None:
        """Hold rows and compare them; what must not go is taken out of what is wanted."""
        for place in places:
            self._lane(place).source.lock(connection, list(wanted[place]))
        at("after_source_lock")
        for place in places:
            self._compare(place, wanted[place])
        self._count_children(places, wanted)

    def _delete(self, places: Sequence[int], wanted: dict[int, dict[Key, bytes]]) -> None:
        """Delete some parts in one transaction."""
        if not places:
            return
        with self._block() as connection:
            self._check(connection, places, wanted)
            self._loosen(connection, places, wanted)
            for place in places:
                lane, keys = self._lane(place), list(wanted[place])
                if lane.source.delete(connection, keys) != len(keys):
                    raise _Changed(f"Rows of {lane.source.where} went while they were deleted, so none of them was.")
                at("mid_delete")
            at("before_source_commit")
        for place in places:
            self._mark(place, set(wanted[place]), Left.DELETED)

    def _lane(self, place: int) -> Lane:
        return self._sheet.lanes[self._parts[place].step]

    def _compare(self, place: int, wanted: dict[Key, bytes]) -> None:
        """Compare rows with what was copied; of a chunk only those stay that changed, of a family all."""
        lane = self._lane(place)
        table = lane.fetch(list(wanted))
        found = dict(zip(keys_of(table, lane.step.key), lane.source_digests(table).to_pylist(), strict=True))
        odd = {key for key, digest in wanted.items() if key in found and found[key] != digest}
        if odd and self._sheet.whole:
            raise _Changed(
                f"{len(odd):,} rows of {lane.source.where} were changed by others after they were copied, so nothing "
                f"was deleted."
            )
        self._mark(place, odd, Left.CHANGED)
        # A row that is gone already needs no deleting: the target has it.
        gone = wanted.keys() - found.keys()
        self._mark(place, gone, Left.DELETED)
        for key in odd | gone:
            del wanted[key]

    def _mark(self, place: int, keys: Collection[Key], code: int) -> None:
        if not keys:
            return
        part = self._parts[place]
        mine = self._lane(place).keys(part.table)
        left = numbers(part.table, "left")
        left[[number for number, key in enumerate(mine) if key in keys]] = code
        self._parts[place] = Rows(part.step, with_columns(part.table, left=pa.array(left)))

    # Children

    def _count_children(self, places: Sequence[int], wanted: dict[int, dict[Key, bytes]]) -> None:
        """Look for rows that refer to those that go and do not go themselves: others may have added some."""
        for place in places:
            lane = self._lane(place)
            for edge in self._sheet.edges:
                if edge.parent == lane.step.name and wanted[place]:
                    self._refuse_referred(place, lane, edge, wanted)

    def _refuse_referred(self, place: int, lane: Lane, edge: Edge, wanted: dict[int, dict[Key, bytes]]) -> None:
        names = list(dict.fromkeys([*lane.step.key, *edge.parent_columns]))
        mine = lane.source.by_keys(names, list(wanted[place]))
        owners: dict[Key, set[Key]] = {}
        for value, key in zip(keys_of(mine, edge.parent_columns), keys_of(mine, lane.step.key), strict=True):
            owners.setdefault(value, set()).add(key)
        left = {value for value in self._referring(edge, list(owners), wanted) if value in owners}
        if not left:
            return
        if self._sheet.whole:
            raise _Changed(
                f"Rows of table {edge.child[0]!r} on alias {self._sheet.source.alias!r} refer by "
                f"{', '.join(edge.columns)} to rows of {lane.step.table!r} that were copied, and are no part of this "
                f"transfer: nothing was deleted."
            )
        kept = set().union(*(owners[value] for value in left))
        self._mark(place, kept, Left.REFERRED)
        for key in kept:
            del wanted[place][key]

    def _referring(self, edge: Edge, values: Sequence[Key], wanted: dict[int, dict[Key, bytes]]) -> Iterator[Key]:
        """Give the values that rows refer to which do not go."""
        catalog = self._sheet.catalogs[0]
        live = catalog.table(*edge.child)
        going = {
            key
            for place, part in enumerate(self._parts)
            if self._sheet.lanes[part.step].step.name == edge.child
            for key in wanted[place]
        }
        steps = [lane for lane in self._sheet.lanes if lane.step.name == edge.child]
        key = steps[0].step.key if steps else live.key
        side = self._sheet.side(edge.child, key)
        names = list(dict.fromkeys([*key, *edge.columns]))
        found = side.matching(edge.columns, [value for value in values if None not in value], names)
        for own, value in zip(
            keys_of(found, key) if key else [()] * len(found), keys_of(found, edge.columns), strict=True
        ):
            if own not in going or not key:
                yield value

    def _loosen(self, connection: Any, places: Sequence[int], wanted: dict[int, dict[Key, bytes]]) -> None:
        """Let rows refer to nothing that go together with those that they refer to, in a circle."""
        for step, columns in self._sheet.loosened:
            for place in places:
                if self._parts[place].step == step and wanted[place]:
                    self._lane(place).source.update(connection, dict.fromkeys(columns), list(wanted[place]))
