"""What a change set holds: seen, coloured, reverted, undone and done again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from multidb_explorer.changes.addressing import Place, RowId, place_of, rows_given
from multidb_explorer.changes.committed import Counts, count
from multidb_explorer.changes.records import Change, Delete, Insert, Update
from multidb_explorer.changes.showing import key_text
from multidb_explorer.changes.staging import Stage, trimmed
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import StaleRow, WriteRefused

__all__ = ["Holding"]


class Holding:
    """The part of a `ChangeSet` that knows what is staged.

    Parameters
    ----------
    using
        The alias that changes are for, where a call names none.
    version
        The column that counts the changes of a row, by one name for all tables that have it or by table.
    """

    def __init__(self, using: str = "default", version: str | Mapping[str, str] | None = None) -> None:
        self.using = databases[using].alias
        self._version = version
        self._stage = Stage()
        self._places: dict[Any, Place] = {}
        self._fingerprints: dict[str, str] = {}
        self._lock = threading.RLock()
        self._busy = False

    # Taking back

    def revert(
        self, table: object = None, key: Any = None, column: str | None = None, *, using: str | None = None
    ) -> None:
        """Take back what is staged: everything, a table, a row or a cell. It is a step that `undo` takes back.

        Parameters
        ----------
        table
            A name, a model or an instance; everything where it is left out.
        key
            Of the row; all rows of the table where it is left out.
        column
            The cell; the whole row where it is left out.
        using
            The alias, where it is not the change set's own.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite://"})
        >>> changes = ChangeSet()
        >>> changes.revert()
        """
        if table is None:
            # What is staged for an alias that was removed meanwhile can be taken back all the same.
            alias = using if using is None or using in self._stage.aliases else databases[using].alias
            with self._editing():
                self._stage.change(dict.fromkeys(row for row, _ in self._stage.items(alias)))
            return
        place = self._place(table, using)
        if key is None and not isinstance(table, type) and hasattr(table, "_values"):
            key = table
        rows = (
            [row for row, _ in self._stage.items() if row[0] == place.table]
            if key is None
            else [row for row, _ in self._keys(place, key)]
        )
        with self._editing():
            self._stage.change({row: self._without(place, row, column) for row in rows if row in self._stage})

    def _without(self, place: Place, row: RowId, column: str | None) -> Change | None:
        change = self._stage.get(row)
        if column is None or change is None:
            return None
        if isinstance(change, Delete):
            raise WriteRefused(
                f"The row {key_text(change.key)} of {place.into.where} is staged for deletion as a whole; "
                f"revert the row."
            )
        name = place.slot(column).name
        values = {known: value for known, value in change.values.items() if known != name}
        change = replace(change, values=values)
        return change if isinstance(change, Insert) else trimmed(place, change)

    def undo(self) -> bool:
        """Take back the last step of staging; ``False`` where there is none.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite://"})
        >>> ChangeSet().undo()
        False
        """
        with self._editing():
            return self._stage.undo()

    def redo(self) -> bool:
        """Stage again what was last undone; ``False`` where there is nothing, as after any new step.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite://"})
        >>> ChangeSet().redo()
        False
        """
        with self._editing():
            return self._stage.redo()

    @property
    def can_undo(self) -> bool:
        """Whether `undo` has a step to take back."""
        return self._stage.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether `redo` has a step to take again."""
        return self._stage.can_redo

    @contextmanager
    def one_step(self) -> Iterator[None]:
        """Let all that is staged in the block be one step of `undo`.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///one_step.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        >>> changes = ChangeSet()
        >>> with changes.one_step():
        ...     _ = changes.insert("users", name="Ann"), changes.insert("users", name="Bo")
        >>> changes.undo(), len(changes)
        (True, 0)
        """
        with self._lock:
            stage, since = self._stage, self._stage.steps
            try:
                yield
            finally:
                if stage is self._stage:
                    stage.joined(since)

    # What is staged

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is staged, in order."""
        with self._lock:
            return tuple(staged.change for _, staged in self._stage.items())

    @property
    def counts(self) -> dict[str, dict[str, Counts]]:
        """Inserts, updates and deletes by alias and table."""
        with self._lock:
            return {
                alias: count(staged.change for _, staged in self._stage.items(alias)) for alias in self._stage.aliases
            }

    def state(self, table: object, key: Any, column: str | None = None, *, using: str | None = None) -> str:
        """Tell how a cell, or a row, is marked on a screen.

        Parameters
        ----------
        table, key, using
            As in `update`.
        column
            The cell; the whole row where it is left out.

        Returns
        -------
        str
            ``new``, ``changed``, ``deleted``, or empty where nothing is staged.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///state.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        >>> changes = ChangeSet()
        >>> changes.update("users", 1, {"name": "Anna"}, original={"name": "Ann"})
        >>> changes.state("users", 1, "name"), changes.state("users", 1, "id"), changes.state("users", 1)
        ('changed', '', 'changed')
        """
        place = self._place(table, using)
        with self._lock:
            change = self._stage.get(self._keys(place, key)[0][0])
        match change:
            case Insert():
                return "new"
            case Delete():
                return "deleted"
            case Update() if column is None or place.slot(column).name in change.values:
                return "changed"
        return ""

    def value(self, table: object, key: Any, column: str, default: Any = None, *, using: str | None = None) -> Any:
        """Give the staged value of a cell.

        Parameters
        ----------
        table, key, using
            As in `update`.
        default
            What to give where none is staged.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///value.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        >>> changes = ChangeSet()
        >>> ann = changes.insert("users", name="Ann")
        >>> changes.value("users", ann, "name")
        'Ann'
        """
        place = self._place(table, using)
        with self._lock:
            change = self._stage.get(self._keys(place, key)[0][0])
        if change is None or isinstance(change, Delete):
            return default
        return change.values.get(place.slot(column).name, default)

    def __len__(self) -> int:
        return len(self._stage)

    def __bool__(self) -> bool:
        return len(self) > 0

    # Within

    @contextmanager
    def _editing(self, place: Place | None = None) -> Iterator[None]:
        """Keep other threads away from what is staged, and everybody while it is being committed."""
        with self._lock:
            if self._busy:
                raise WriteRefused("This change set is being committed; change it when that is over.")
            if place is not None:
                database = place.into.database
                self._fingerprints.setdefault(database.alias, database.fingerprint)
            yield

    def _place(self, table: object, using: str | None, schema: str | None = None) -> Place:
        if isinstance(table, Place):
            return table
        own = getattr(getattr(table, "_state", None), "db", None) if not isinstance(table, type) else None
        return place_of(table, databases[using or own or self.using], schema)

    def _keys(self, place: Place, key: Any) -> list[tuple[RowId, dict[str, Any]]]:
        """Find the staged or stored rows that keys mean."""
        many = rows_given(key)
        return [self._key(place, one) for one in (many if many is not None else [key])]

    def _key(self, place: Place, key: Any) -> tuple[RowId, dict[str, Any]]:
        if isinstance(key, Insert):
            row = place.new_id(key.token)
            if row not in self._stage:
                raise StaleRow(f"That new row of {place.into.where} is staged no more.")
            return row, {}
        found = place.row_key(key)
        return self._stage.meant(place, found), found
