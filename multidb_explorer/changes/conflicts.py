"""Rows that are no longer what they were when they were staged: found, shown as base, mine and theirs, and resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from multidb_explorer.changes.addressing import Place, RowId
from multidb_explorer.changes.records import Change, Delete, Insert, Update, Values
from multidb_explorer.changes.showing import cell, key_text, listed
from multidb_explorer.changes.staging import trimmed
from multidb_explorer.changes.steps import Aimed
from multidb_explorer.display import Cell, html_table, text_table
from multidb_explorer.errors import ChangeConflict, FieldValueError, WriteRefused

__all__ = ["Conflict", "Conflicts", "conflict_of", "key_taken", "raise_conflicts", "settled"]

Cells = Mapping[str, tuple[Any, Any, Any]]
"""Base, mine and theirs by the column."""


@dataclass(frozen=True)
class Conflict:
    """One row that somebody else was faster with.

    Attributes
    ----------
    change
        What was staged.
    kind
        ``changed``, ``deleted``, or ``exists`` for a new row whose key is taken.
    cells
        Base, mine and theirs of the columns that differ.
    alias
        Where.
    theirs
        The whole row as it is there now; ``None`` where it is gone.
    row, key_columns
        Where it is staged, and the names of its table's key.

    Examples
    --------
    >>> Conflict(Update("users", {"id": 1}, {"name": "Bo"}, {"name": "Ann"}), "changed", {"name": ("Ann", "Bo", "An")})
    users id=1: changed by somebody else
    column  base   mine  theirs
    name    'Ann'  'Bo'  'An'
    """

    change: Change
    kind: str
    cells: Cells
    alias: str = "default"
    theirs: Values | None = None
    row: RowId | None = field(default=None, repr=False)
    key_columns: tuple[str, ...] = field(default=(), repr=False)

    @property
    def key(self) -> Values:
        """The key of the row."""
        if not isinstance(self.change, Insert):
            return self.change.key
        return {name: self.cells[name][1] for name in self.key_columns if name in self.cells}

    def __repr__(self) -> str:
        rows = [line[2:] for line in self.lines()]
        head = f"{self.change.table} {key_text(self.key)}: {_SAYINGS[self.kind]}"
        return f"{head}\n{text_table(_HEADER[2:], rows)}" if rows else head

    def lines(self) -> Iterator[list[Cell]]:
        """List table, key, column, base, mine and theirs of each cell that differs."""
        deleted = isinstance(self.change, Delete)
        for name, (base, mine, theirs) in self.cells.items():
            shown = "(deleted)" if deleted else cell(mine)
            there = "(deleted)" if self.kind == "deleted" else cell(theirs)
            first = "" if self.kind == "exists" else cell(base)
            yield [self.change.table, key_text(self.key), name, first, shown, there]

    def _repr_html_(self) -> str:
        return Conflicts([self])._repr_html_()


class Conflicts(tuple[Conflict, ...]):
    """All conflicts of a commit, as a table of base, mine and theirs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{self._title}\n{text_table(_HEADER, self._rows())}"

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows(), caption=self._title)

    @property
    def _title(self) -> str:
        return f"{len(self):,} conflict{'' if len(self) == 1 else 's'}"

    def _rows(self) -> list[list[Cell]]:
        return listed(conflict.lines() for conflict in self)


_HEADER = ("table", "key", "column", "base", "mine", "theirs")
_SAYINGS = {
    "changed": "changed by somebody else",
    "deleted": "deleted by somebody else",
    "exists": "there is such a row already",
}


# Finding


def conflict_of(aimed: Aimed, theirs: Values | None) -> Conflict | None:
    """Compare what was seen of a row with what is there now."""
    change, place = aimed.change, aimed.place
    if isinstance(change, Insert):
        return None
    mine = change.values if isinstance(change, Update) else {}
    alias = place.into.database.alias
    if theirs is None:
        seen = {name: (change.original.get(name), value, None) for name, value in mine.items()}
        gone = seen or {name: (value, None, None) for name, value in change.key.items()}
        return Conflict(change, "deleted", gone, alias, None, aimed.row)
    base = aimed.base()
    if all(place.same(name, value, theirs[name]) for name, value in base.items()):
        return None
    if aimed.version in base:
        base = {**{name: value for name, value in change.original.items() if name in mine}, **base}
    cells = {
        name: (value, mine.get(name), theirs[name])
        for name, value in base.items()
        if not place.same(name, value, theirs[name])
    }
    return Conflict(change, "changed", cells, alias, dict(theirs), aimed.row)


def key_taken(aimed: Aimed, theirs: Values) -> Conflict:
    """Say that another row lives under the key of a new one."""
    change, place = aimed.change, aimed.place
    values = change.values if isinstance(change, Insert | Update) else {}
    differing = [
        name for name, value in values.items() if name not in place.key and not place.same(name, value, theirs[name])
    ]
    cells = {name: (None, values[name], theirs[name]) for name in [*place.key, *differing] if name in values}
    return Conflict(change, "exists", cells, place.into.database.alias, dict(theirs), aimed.row, place.key)


def raise_conflicts(found: Iterable[Conflict], cause: BaseException | None = None) -> NoReturn:
    """Raise the error that lists conflicts."""
    conflicts = Conflicts(found)
    alias = conflicts[0].alias
    error = ChangeConflict(
        f"Somebody else changed rows of alias {alias!r} since they were staged, so nothing was written. {conflicts!r}\n"
        f"resolve(error, 'mine') writes over what they did, resolve(error, 'theirs') drops your change; then commit "
        f"again.",
        conflicts=conflicts,
    )
    error.conflicts = conflicts
    raise error from cause


# Resolving


def settled(place: Place, change: Change, conflict: Conflict, keep: str, column: str | None) -> Change | None:
    """Give what is left of a change once one side was chosen; ``None`` for nothing.

    Parameters
    ----------
    keep
        ``mine`` or ``theirs``.
    column
        The only cell that is decided, or ``None`` for all of them.
    """
    if column is not None and column not in conflict.cells:
        raise FieldValueError(f"Column {column!r} is in no conflict; these are: {', '.join(conflict.cells)}.")
    if conflict.kind == "exists":
        return _settled_new(place, change, conflict, keep)
    if conflict.kind == "deleted":
        return _settled_gone(place, change, keep)
    return _settled_changed(place, change, conflict, keep, column)


def _settled_changed(place: Place, change: Change, conflict: Conflict, keep: str, column: str | None) -> Change | None:
    if isinstance(change, Insert):
        return change
    there = conflict.theirs or {}
    names = list(there) if column is None else [column]
    original = {**change.original, **{name: there[name] for name in names}}
    if isinstance(change, Delete):
        return replace(change, original=original) if keep == "mine" else None
    cells = conflict.cells if column is None else [column]
    values = {name: value for name, value in change.values.items() if keep == "mine" or name not in cells}
    return trimmed(place, replace(change, values=values, original=original))


def _settled_gone(place: Place, change: Change, keep: str) -> Change | None:
    if keep == "theirs" or not isinstance(change, Update):
        return None
    known = {**change.original, **change.key, **change.values}
    given = {name: value for name, value in known.items() if not place.into.by_name[name].generated}
    return Insert(change.table, given, "", change.schema)


def _settled_new(place: Place, change: Change, conflict: Conflict, keep: str) -> Change | None:
    if keep == "theirs" or not isinstance(change, Insert):
        if isinstance(change, Update):
            raise WriteRefused("Another row has the key that this row shall get; give it another one, or revert it.")
        return None
    there = conflict.theirs or {}
    key = {name: there[name] for name in place.key}
    values = {name: value for name, value in change.values.items() if name not in place.key}
    return trimmed(place, Update(change.table, key, values, there, change.schema))
