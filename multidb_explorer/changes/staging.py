"""What is staged: one change a row, merged with what was staged before, and every step of it undone and done again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from multidb_explorer.changes.addressing import Place, RowId, Table
from multidb_explorer.changes.records import Change, Delete, Insert, NewKey, Update, Values
from multidb_explorer.changes.showing import key_text
from multidb_explorer.errors import WriteRefused

__all__ = ["Stage", "Staged", "merged_delete", "merged_insert", "merged_update", "trimmed"]


@dataclass(frozen=True)
class Staged:
    """One staged row.

    Attributes
    ----------
    number
        Its place in the order of staging.
    instead
        What a resolved conflict made of it on other aliases than its own; ``None`` for nothing.
    """

    number: int
    change: Change
    instead: Mapping[str, Change | None] = field(default_factory=dict)

    def on(self, alias: str) -> Change | None:
        """Give the change as it goes to another alias."""
        return self.instead.get(alias, self.change)


Step = Mapping[RowId, tuple[Staged | None, Staged | None]]
"""What was staged for some rows before and after a step."""


class Stage:
    """The staged rows and the steps that led to them."""

    def __init__(self) -> None:
        self._rows: dict[RowId, Staged] = {}
        self._places: dict[Table, Place] = {}
        self._new: dict[RowId, RowId] = {}
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row: RowId) -> bool:
        return row in self._rows

    def get(self, row: RowId) -> Change | None:
        """Give what is staged for a row."""
        found = self._rows.get(row)
        return None if found is None else found.change

    def staged(self, row: RowId) -> Staged | None:
        """Give a staged row."""
        return self._rows.get(row)

    def place(self, table: Table) -> Place:
        """Give a table that rows are staged for."""
        return self._places[table]

    @property
    def touched(self) -> bool:
        """Tell whether any step was taken."""
        return bool(self._undo or self._redo)

    def meant(self, place: Place, key: Values) -> RowId:
        """Give the new row that will live under a key, else the row that lives there."""
        row = place.row_id(key)
        return self._new.get(row, row) if row not in self._rows else row

    def items(self, alias: str | None = None) -> Iterator[tuple[RowId, Staged]]:
        """Give the staged rows in order, of all aliases or of one."""
        found = (item for item in self._rows.items() if alias is None or item[0][0][0] == alias)
        return iter(sorted(found, key=lambda item: item[1].number))

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that rows are staged for, in order."""
        return tuple(dict.fromkeys(row[0][0] for row, _ in self.items()))

    # Steps

    def put(self, place: Place, changes: Mapping[RowId, Change | None]) -> bool:
        """Stage rows of a table anew, in one step; ``None`` takes a row out."""
        self._places[place.table] = place
        return self.change(changes)

    def change(self, changes: Mapping[RowId, Change | None], alias: str | None = None) -> bool:
        """Change what is staged, in one step, and tell whether that makes a difference.

        Parameters
        ----------
        alias
            Where the changes are for another alias than the one that the rows were staged for.
        """
        step = {row: (self._rows.get(row), self._next(row, change, alias)) for row, change in changes.items()}
        step = {row: (before, after) for row, (before, after) in step.items() if before != after}
        if step:
            self._apply({row: after for row, (_, after) in step.items()})
            self._undo.append(step)
            self._redo.clear()
        return bool(step)

    def _next(self, row: RowId, change: Change | None, alias: str | None) -> Staged | None:
        known = self._rows.get(row)
        if alias is not None and known is not None:
            return replace(known, instead={**known.instead, alias: change})
        if change is None:
            return None
        if known is not None:
            return Staged(known.number, change, known.instead if known.change == change else {})
        self._number += 1
        return Staged(self._number, change)

    def undo(self) -> bool:
        """Take the last step back."""
        if not self._undo:
            return False
        step = self._undo.pop()
        self._apply({row: before for row, (before, _) in step.items()})
        self._redo.append(step)
        return True

    def redo(self) -> bool:
        """Take the step that was last undone again."""
        if not self._redo:
            return False
        step = self._redo.pop()
        self._apply({row: after for row, (_, after) in step.items()})
        self._undo.append(step)
        return True

    @property
    def can_undo(self) -> bool:
        """Tell whether there is a step to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Tell whether there is a step to take again."""
        return bool(self._redo)

    def joined(self, since: int) -> None:
        """Make one step of all that were taken after the first so many."""
        steps = self._undo[since:]
        rows = {row: self._rows.get(row) for step in steps for row in step}
        before: dict[RowId, Staged | None] = {}
        for step in steps:
            before = {**{row: old for row, (old, _) in step.items()}, **before}
        whole = {row: (before[row], after) for row, after in rows.items() if before[row] != after}
        self._undo[since:] = [whole] if whole else []

    @property
    def steps(self) -> int:
        """How many steps can be taken back."""
        return len(self._undo)

    def without(self, alias: str) -> Stage:
        """Give what is left when the rows of an alias are in the database: no step leads back from there."""
        left = Stage()
        left._places = dict(self._places)
        left._number = self._number
        left._apply({row: staged for row, staged in self._rows.items() if row[0][0] != alias})
        return left

    def _apply(self, rows: Mapping[RowId, Staged | None]) -> None:
        for row, staged in rows.items():
            old = self._rows.pop(row, None)
            if old is not None and (key := self._key_of_new(row, old.change)) is not None:
                self._new.pop(key, None)
            if staged is not None:
                self._rows[row] = staged
                if (key := self._key_of_new(row, staged.change)) is not None:
                    self._new[key] = row

    def _key_of_new(self, row: RowId, change: Change) -> RowId | None:
        """File a new row under the key that it will have, where that is known."""
        place = self._places[row[0]]
        if not isinstance(change, Insert) or any(isinstance(change.values.get(n), NewKey | None) for n in place.key):
            return None
        return place.row_id(change.values)


# Merging


def merged_insert(place: Place, gone: Delete, insert: Insert) -> Update | Insert | None:
    """Make one update of a row that goes and a row that takes its key; ``None`` where that changes nothing.

    Columns that the new row leaves out become NULL. Where the database has a default of its own for one of them, the
    insert is given back as it is, and both are to be kept.
    """
    left_out = [slot for slot in place.into.slots if slot.name not in insert.values and not slot.generated]
    if any(not slot.nullable or place.into.table.c[slot.name].server_default is not None for slot in left_out):
        return insert
    values = {**dict.fromkeys(slot.name for slot in left_out), **insert.values}
    return trimmed(place, Update(insert.table, gone.key, values, gone.original, insert.schema))


def merged_update(place: Place, known: Change | None, update: Update) -> Change | None:
    """Put an update on top of what is staged for the row; ``None`` where nothing is left to change.

    Raises
    ------
    WriteRefused
        For a row that is staged for deletion.
    """
    match known:
        case Delete():
            raise WriteRefused(
                f"The row {key_text(update.key)} of {place.into.where} is staged for deletion and can't be changed. "
                f"revert({update.table!r}, {next(iter(update.key.values()))!r}) keeps it."
            )
        case Insert():
            return replace(known, values={**known.values, **update.values})
        case Update():
            update = replace(
                known,
                values={**known.values, **update.values},
                original={**update.original, **known.original},
            )
    return trimmed(place, update)


def trimmed(place: Place, update: Update) -> Update | None:
    """Leave out what is back at its original value; ``None`` where nothing else is left."""
    values = {
        name: value
        for name, value in update.values.items()
        if name not in update.original or not place.same(name, value, update.original[name])
    }
    return replace(update, values=values) if values else None


def merged_delete(known: Change | None, delete: Delete) -> Change | None:
    """Put a deletion on top of what is staged for the row: a new row just goes."""
    match known:
        case Insert():
            return None
        case Delete():
            return known
        case Update():
            return replace(delete, original={**delete.original, **known.original})
    return delete
