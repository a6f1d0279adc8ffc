"""Set the references that had to wait until all rows were there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import TransferError
from multidb_explorer.transfer.carrying import Outcome, numbers
from multidb_explorer.transfer.sides import keys_of

if TYPE_CHECKING:
    from multidb_explorer.transfer.units import Unit

__all__ = ["patch"]


def patch(unit: Unit, connection: Any) -> None:
    """Give the columns that wait their values, in the rows that were inserted."""
    for place, part in enumerate(unit.parts):
        lane = unit.lane(part)
        if not lane.step.patched:
            continue
        fitted, places = unit.fitted(place)
        outcome = numbers(part.table, "outcome")
        columns = list(lane.step.patched)
        all_keys = lane.target_keys(part.table)
        groups: dict[Any, list[Any]] = defaultdict(list)
        for number, value in zip(places, keys_of(fitted, columns), strict=True):
            if outcome[number] == Outcome.INSERTED and any(one is not None for one in value):
                groups[value].append(all_keys[number])
        for value, keys in groups.items():
            if lane.target.update(connection, dict(zip(columns, value, strict=True)), keys) != len(keys):
                raise TransferError(f"Rows of {lane.target.where} vanished while they were written.")
