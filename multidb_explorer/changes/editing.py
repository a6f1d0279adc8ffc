"""Staging changes, row by row and cell by cell, without writing anything."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, overload

from multidb_explorer.changes.addressing import Place, RowId, rows_given
from multidb_explorer.changes.checking import raise_rejected
from multidb_explorer.changes.holding import Holding
from multidb_explorer.changes.lookup import rows_by_key
from multidb_explorer.changes.records import Change, Delete, Insert, NewKey, Update, Values
from multidb_explorer.changes.showing import key_text
from multidb_explorer.changes.staging import merged_delete, merged_insert, merged_update
from multidb_explorer.errors import (
    FieldError,
    FieldTypeError,
    FieldValueError,
    StaleRow,
    ValueNotRepresentable,
    WriteRefused,
)
from multidb_explorer.writing.rejecting import Rejection

__all__ = ["Editing"]

Given = Mapping[str, Any]


class Editing(Holding):
    """The part of a `ChangeSet` that stages changes."""

    # New rows

    @overload
    def insert(self, table: object, values: Sequence[Given], *, using: str | None = None) -> list[Insert]: ...
    @overload
    def insert(
        self, table: object, values: Given | None = None, *, using: str | None = None, **columns: Any
    ) -> Insert: ...
    def insert(
        self, table: object, values: Given | Sequence[Given] | None = None, *, using: str | None = None, **columns: Any
    ) -> Insert | list[Insert]:
        """Stage a new row, or several.

        Parameters
        ----------
        table
            Its name, a model, or an instance whose values are taken.
        values
            By column. Columns that are left out get the database's default. A list of mappings stages many rows in
            one step.
        using
            The alias, where it is not the change set's own.
        **columns
            More values.

        Returns
        -------
        Insert
            What was staged. It stands for the row until it has a key: give it to `update`, `delete` or `revert`, or as
            the value of a foreign key that refers to the row.

        Raises
        ------
        ReadOnlyAlias, TableDoesNotExist, KeyRequired, FieldError
            For a table that can't be written, and for an unknown column, with near names.
        ValueNotRepresentable, RowsRejected
            For values that their columns can't hold; the second where there are several, all of them listed.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///insert.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        >>> changes = ChangeSet()
        >>> ann = changes.insert("users", {"name": "Ann"})
        >>> changes
        1 new
        table  key  change  column  before  after
        users       new     name            'Ann'
        """
        place = self._place(table, using)
        many = rows_given(values)
        rows: Sequence[Any] = [values] if many is None else many
        own = getattr(table, "_values", {}) if not isinstance(table, type) else {}
        given = [{**own, **(row or {}), **columns} for row in rows]
        found = self._exact(place, given, new=True)
        made = [Insert(place.name, row, uuid.uuid4().hex, place.schema) for row in found]
        with self._editing(place):
            self._stage.put(place, dict(self._inserted(place, insert) for insert in made))
        return made if many is not None else made[0]

    def _inserted(self, place: Place, insert: Insert) -> tuple[RowId, Change | None]:
        """Stage a new row, or change the row that it takes the place of."""
        given = [insert.values.get(name) for name in place.key]
        if not any(isinstance(value, NewKey | None) for value in given):
            key = dict(zip(place.key, given, strict=True))
            row = self._stage.meant(place, key)
            known = self._stage.get(row)
            if known is not None and not isinstance(known, Delete) and self._key_after(place, known) == key:
                raise WriteRefused(f"A row {key_text(key)} of {place.into.where} is staged already; update it instead.")
            merged = merged_insert(place, known, insert) if isinstance(known, Delete) else insert
            if merged is not insert:
                return row, merged
        return place.new_id(insert.token), insert

    @staticmethod
    def _key_after(place: Place, change: Insert | Update) -> Values:
        known = {} if isinstance(change, Insert) else change.key
        return {name: change.values.get(name, known.get(name)) for name in place.key}

    # Changed rows

    def update(
        self,
        table: object,
        key: Any = None,
        values: Given | Sequence[Given] | None = None,
        original: Given | Sequence[Given] | None = None,
        *,
        using: str | None = None,
        **columns: Any,
    ) -> None:
        """Stage new values for a row, or for several.

        A second update of a row is put on top of the first; a value that is back at the original is staged no more;
        an update of a new row changes what will be inserted.

        Parameters
        ----------
        table
            Its name or a model; or an instance, whose values are compared with the row in the database.
        key
            The row's key: a value, a tuple or a mapping for a key of several columns, or what `insert` gave. A list
            of keys stages many rows in one step.
        values
            New values by column, the same for all keys or one mapping a key.
        original
            What the row held when it was read, of the columns that change at least. It must still hold that when it is
            committed. What is not given is read from the database now.
        using
            The alias, where it is not the change set's own.
        **columns
            More values.

        Raises
        ------
        StaleRow
            For a key that no row has.
        WriteRefused
            For a row that is staged for deletion.
        ReadOnlyAlias, TableDoesNotExist, KeyRequired, FieldError, ValueNotRepresentable, RowsRejected
            As in `insert`.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///update.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        ...     _ = connection.exec_driver_sql("INSERT INTO users VALUES (1, 'Ann')")
        >>> changes = ChangeSet()
        >>> changes.update("users", 1, name="Anna")
        >>> changes
        1 changed
        table  key   change   column  before  after
        users  id=1  changed  name    'Ann'   'Anna'
        >>> changes.update("users", 1, name="Ann")
        >>> len(changes)
        0
        """
        place = self._place(table, using)
        own = getattr(table, "_values", None) if not isinstance(table, type) else None
        if own is not None and key is None:
            key = {name: own.get(name) for name in own if place.slot(name).name in place.key}
            values = values if values is not None or columns else self._writable(place, own)
        keys = self._keys(place, key)
        given = _spread(values, len(keys), "values")
        new = [isinstance(self._stage.get(row), Insert) for row, _ in keys]
        rows = self._exact(place, [{**(row or {}), **columns} for row in given], new=new)
        seen = _spread(original, len(keys), "originals")
        originals = self._originals(place, keys, [place.originals(row or {}) for row in seen], [set(r) for r in rows])
        with self._editing(place):
            staged: dict[RowId, Change | None] = {}
            for (row, at), changed, base in zip(keys, rows, originals, strict=True):
                known = staged[row] if row in staged else self._stage.get(row)
                self._refuse_version(place, changed)
                staged[row] = merged_update(place, known, Update(place.name, at, changed, base, place.schema))
            self._stage.put(place, staged)

    @staticmethod
    def _writable(place: Place, own: Given) -> dict[str, Any]:
        slots = {name: place.slot(name) for name in own}
        return {name: own[name] for name, slot in slots.items() if not slot.generated and slot.name not in place.key}

    # Rows that go

    def delete(
        self,
        table: object,
        key: Any = None,
        original: Given | Sequence[Given] | None = None,
        *,
        using: str | None = None,
    ) -> None:
        """Stage the deletion of a row, or of several; a new row is just not inserted.

        Rows that refer to it are never deleted along: the commit refuses unless they are staged for deletion too.

        Parameters
        ----------
        table
            Its name, a model, or an instance.
        key
            As in `update`.
        original
            What the row held when it was read; all of it must still stand there when it is committed. Without it the
            row is read now.
        using
            The alias, where it is not the change set's own.

        Raises
        ------
        StaleRow
            For a key that no row has.
        ReadOnlyAlias, TableDoesNotExist, KeyRequired
            As in `insert`.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///delete.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        ...     _ = connection.exec_driver_sql("INSERT INTO users VALUES (1, 'Ann'), (2, 'Bo')")
        >>> changes = ChangeSet()
        >>> changes.delete("users", [1, 2])
        >>> changes.counts
        {'default': {'users': (0, 0, 2)}}
        """
        place = self._place(table, using)
        if key is None and not isinstance(table, type) and hasattr(table, "_values"):
            key = table
        keys = self._keys(place, key)
        seen = _spread(original, len(keys), "originals")
        needed = [set() if row is not None else set(place.into.by_name) for row in seen]
        originals = self._originals(place, keys, [place.originals(row or {}) for row in seen], needed)
        with self._editing(place):
            changes = {
                row: merged_delete(self._stage.get(row), Delete(place.name, at, base, place.schema))
                for (row, at), base in zip(keys, originals, strict=True)
            }
            self._stage.put(place, changes)

    # Any of them

    def stage(self, change: Change, *, using: str | None = None) -> None:
        """Stage a change that is a record already.

        Parameters
        ----------
        change
            An `Insert`, `Update` or `Delete`. An original that is empty is read from the database now.
        using
            The alias, where it is not the change set's own.

        Raises
        ------
        MultiDBError
            As `insert`, `update` and `delete`.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer.changes.changeset import ChangeSet
        >>> mdb.configure({"default": "sqlite:///stage.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        >>> changes = ChangeSet()
        >>> changes.stage(Update("users", {"id": 1}, {"name": "Anna"}, {"name": "Ann"}))
        >>> changes.value("users", 1, "name")
        'Anna'
        """
        match change:
            case Insert():
                self._stage_insert(change, using)
            case Update():
                place = self._place(change.table, using, change.schema)
                self.update(place, dict(change.key), change.values, change.original or None)
            case Delete():
                place = self._place(change.table, using, change.schema)
                self.delete(place, dict(change.key), change.original or None)
            case _:
                raise FieldTypeError(f"A change is an Insert, Update or Delete, not {type(change).__name__}.")

    def _stage_insert(self, change: Insert, using: str | None) -> None:
        place = self._place(change.table, using, change.schema)
        (values,) = self._exact(place, [change.values], new=True)
        insert = Insert(place.name, values, change.token or uuid.uuid4().hex, place.schema)
        with self._editing(place):
            self._stage.put(place, dict([self._inserted(place, insert)]))

    # Within

    def _exact(self, place: Place, rows: Sequence[Given], *, new: bool | Sequence[bool]) -> list[dict[str, Any]]:
        """Check rows of values; all that does not fit is told at once."""
        marks = [new] * len(rows) if isinstance(new, bool) else new
        found, rejections = [], []
        last: ValueNotRepresentable | None = None
        for number, (row, mark) in enumerate(zip(rows, marks, strict=True)):
            failures: list[ValueNotRepresentable] = []
            found.append(place.values(row, failures, new=mark))
            for last in failures:
                kind = type(row.get(last.column)).__name__
                rejections.append(Rejection(number, {}, last.column, "type", str(last), kind))
        if last is not None and len(rejections) == 1:
            raise last
        raise_rejected(place.into.database.alias, rejections)
        return found

    def _originals(
        self,
        place: Place,
        keys: Sequence[tuple[RowId, Values]],
        given: Sequence[Values],
        needed: Sequence[set[str]],
    ) -> list[Values]:
        """Complete what is known of rows by what stands in the database, read by one statement."""
        version = self._version_of(place)
        known: list[Values] = []
        for (row, _), seen in zip(keys, given, strict=True):
            change = self._stage.get(row)
            known.append({**(change.original if isinstance(change, Update | Delete) else {}), **seen})
        lacking = [
            place_
            for place_, (row, _) in enumerate(keys)
            if not isinstance(self._stage.get(row), Insert)
            and not (needed[place_] | ({version} if version else set())) <= set(known[place_])
        ]
        there = {
            place.row_id(row): row
            for row in rows_by_key(place.into, place.key, [keys[place_][1] for place_ in lacking])
        }
        gone = [keys[place_][1] for place_ in lacking if place.row_id(keys[place_][1]) not in there]
        if gone:
            more = f" and {len(gone) - 1:,} more" if len(gone) > 1 else ""
            raise StaleRow(
                f"{place.into.where[:1].upper()}{place.into.where[1:]} has no row {key_text(gone[0])}{more}."
            )
        for place_ in lacking:
            known[place_] = {**there[place.row_id(keys[place_][1])], **known[place_]}
        return known

    def _version_of(self, place: Place) -> str | None:
        """Name the column that counts the changes of a row of a table."""
        if isinstance(self._version, Mapping):
            named = self._version.get(place.name)
            slot = place.slot(named) if named is not None else None
        else:
            slot = place.into.by_name.get(self._version) if self._version is not None else None
        if slot is not None and slot.kind.name != "integer":
            raise FieldError(
                f"Column {slot.name!r} of {place.into.where} can't count versions: it holds a {slot.kind}."
            )
        return None if slot is None else slot.name

    def _refuse_version(self, place: Place, values: Values) -> None:
        version = self._version_of(place)
        if version is not None and version in values:
            raise FieldError(f"Column {version!r} of {place.into.where} counts versions; the commit sets it.")


def _spread(given: Any, number: int, what: str) -> list[Any]:
    """Give one item a row: the same for all, or those of a list."""
    many = rows_given(given)
    if many is None:
        return [given] * number
    if len(many) != number:
        raise FieldValueError(f"{number:,} keys need as many {what}, and {len(many):,} were given.")
    return list(many)
