"""`ChangeSet`: changes gathered first, looked at as the exact SQL, and committed in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from multidb_explorer.changes.addressing import Place, RowId, place_of
from multidb_explorer.changes.commit import commit
from multidb_explorer.changes.committed import Committed
from multidb_explorer.changes.conflicts import Conflict, settled
from multidb_explorer.changes.editing import Editing
from multidb_explorer.changes.preview import Plan, Preview, aim, plan
from multidb_explorer.changes.records import Change, Delete, Insert, NewKey, Update
from multidb_explorer.changes.showing import listed, phrase, rows_of
from multidb_explorer.changes.staging import Staged
from multidb_explorer.connections.confirming import with_word
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import html_table, text_table
from multidb_explorer.errors import ChangeConflict, FieldTypeError, FieldValueError, WriteRefused

__all__ = ["ChangeSet"]

_MISSING: Any = object()


class ChangeSet(Editing):
    """Changes of rows that are staged first and written together.

    Nothing is written until `commit`, which is one transaction: all of it, or nothing. A row is only written while it
    still holds what it held when it was staged; if somebody else was faster, `ChangeConflict` lists every such row with
    base, mine and theirs, and `resolve` decides.

    Parameters
    ----------
    using
        The alias that changes are for, where a call names none. It stays, whatever is chosen elsewhere meanwhile.
    version
        The name of a column that counts the changes of a row, for all tables that have it, or a mapping from tables to
        columns. Such rows are guarded by it, and it is counted up.
    undoes
        The id of the commit that this set is the inverse of.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite:///shop.db"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    ...     _ = connection.exec_driver_sql("INSERT INTO users VALUES (1, 'Ann'), (2, 'Bo')")
    >>> changes = ChangeSet()
    >>> changes.update("users", 1, name="Anna")
    >>> changes.delete("users", 2)
    >>> print(changes.preview())
    -- default: 1 changed, 1 deleted, 2 statements
    UPDATE users SET name=? WHERE users.id = ? AND users.name = ?
      [name='Anna', id_1=1, name_1='Ann']
    DELETE FROM users WHERE users.id = ? AND users.name = ?
      [id_1=2, name_1='Bo']
    >>> changes.commit().counts
    {'users': (0, 1, 1)}
    """

    def __init__(
        self,
        using: str = "default",
        *,
        version: str | Mapping[str, str] | None = None,
        undoes: str | None = None,
    ) -> None:
        super().__init__(using, version)
        self.undoes = undoes

    # Looking

    def preview(self, using: str | None = None) -> Preview:
        """Show the exact statements with their values, as a commit would send them now, and in that order.

        Parameters
        ----------
        using
            Only this alias; where nothing is staged for it, the whole set as it would go there.

        Raises
        ------
        FieldError, RowsRejected
            Where another alias lacks a column, or can't hold a value.
        WriteRefused
            Where rows wait for each other in a circle.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite://"})
        >>> ChangeSet().preview()
        Nothing is staged.
        """
        plans = [self._plan(alias, target) for alias, target in self._routes(using)]
        return Preview(
            tuple(statement for found in plans for statement in found.statements()),
            {found.database.alias: found.counts for found in plans},
        )

    # Writing

    def commit(self, using: str | None = None, confirm: str | None = None) -> Committed:
        """Write what is staged, in one transaction, and give what was done.

        The rows are read and compared first, locked where the engine has such locks; each statement names what must
        still stand in the row besides. New rows come after the rows that they refer to, deletions before. What was
        written is staged no more, and the steps of `undo` end here.

        Parameters
        ----------
        using
            Which alias, where changes for several are staged. For another alias, all changes are written there, to
            the tables and columns of the same names; they stay staged for their own alias.
        confirm
            The alias once more, for one that asks before writes.

        Raises
        ------
        ChangeConflict
            Rows changed meanwhile, all of them listed; nothing was written.
        RowsRejected
            For what the database does not take: missing values, dangling references, unique and check constraints.
        ProtectedRows
            Other rows refer to rows that shall go.
        ReadOnlyAlias, ConfirmationRequired
            Before any SQL.
        WriteRefused
            For an empty set, and for several aliases of which none was named.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite:///commit.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        >>> changes = ChangeSet()
        >>> ann = changes.insert("users", name="Ann")
        >>> committed = changes.commit()
        >>> committed.changes[0].after
        {'id': 1, 'name': 'Ann'}
        >>> len(changes)
        0
        """
        alias, target = self._one_route(using)
        with self._committing(), with_word(databases[target], confirm):
            database = databases[target]
            database.refuse_writes()
            self._refuse_moved(alias, target)
            committed = commit(self._plan(alias, target), self.undoes)
        if alias == target:
            self._written(database, alias)
        return committed

    def commit_all(self, confirm: str | None = None) -> tuple[Committed, ...]:
        """Commit the changes of every alias, each in a transaction of its own, in the order of staging.

        Where one fails, those before it stay committed and are staged no more.

        Parameters
        ----------
        confirm
            The alias that asks before writes, where one of them does.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite://"})
        >>> ChangeSet().commit_all()
        ()
        """
        return tuple(self.commit(alias, confirm if confirm == alias else None) for alias in self._stage.aliases)

    def _written(self, database: Database, alias: str) -> None:
        with self._lock:
            kept = self._stage
            self._stage = kept.without(alias)
            left = self._stage

        def back() -> None:
            # The block around the commit was rolled back: what was staged is not written after all.
            with self._lock:
                if self._stage is left and not left.touched:
                    self._stage = kept

        database.on_rollback(back)

    @contextmanager
    def _committing(self) -> Iterator[None]:
        with self._lock:
            if self._busy:
                raise WriteRefused("This change set is being committed already, in another thread.")
            self._busy = True
        try:
            yield
        finally:
            self._busy = False

    # Deciding

    def resolve(
        self,
        conflicts: ChangeConflict | Conflict | Iterable[Conflict],
        keep: str = "",
        *,
        column: str | None = None,
        value: Any = _MISSING,
    ) -> None:
        """Decide conflicts, so that the next commit can go through. It is a step that `undo` takes back.

        Parameters
        ----------
        conflicts
            The error that a commit raised, for all of them; or one of its ``.conflicts``, or several.
        keep
            ``mine`` writes over what is there now; ``theirs`` drops my value, and the change where nothing else is
            left of it.
        column
            The only cell that is decided.
        value
            A third value for the cell.

        Raises
        ------
        FieldValueError
            For a column that is in no conflict.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite:///resolve.db"})
        >>> from multidb_explorer.connections.registry import databases
        >>> with databases["default"].begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        ...     _ = connection.exec_driver_sql("INSERT INTO users VALUES (1, 'Ann')")
        >>> changes = ChangeSet()
        >>> changes.update("users", 1, {"name": "Anna"}, original={"name": "An"})
        >>> try:
        ...     changes.commit()
        ... except mdb.errors.ChangeConflict as error:
        ...     print(error.conflicts)
        ...     changes.resolve(error, "mine")
        1 conflict
        table  key   column  base  mine    theirs
        users  id=1  name    'An'  'Anna'  'Ann'
        >>> changes.commit().counts
        {'users': (0, 1, 0)}
        """
        if (keep in ("mine", "theirs")) == (value is not _MISSING):
            raise FieldValueError("A conflict is resolved by 'mine', by 'theirs', or by value=... for one column.")
        if value is not _MISSING and column is None:
            raise FieldValueError("A value is for one cell: say which with column=...")
        decided: dict[tuple[RowId, str], Change | None] = {}
        for conflict in _listed(conflicts):
            if conflict.row is not None:
                row, change, place = self._staged_in(conflict)
                left = settled(place, change, conflict, keep or "mine", column)
                if value is not _MISSING and left is not None:
                    left = self._valued(place, left, str(column), value)
                decided[row, conflict.alias] = left
        with self._editing():
            self._decide(decided)

    def _staged_in(self, conflict: Conflict) -> tuple[RowId, Change, Place]:
        row: Any = conflict.row
        staged = self._stage.staged(row)
        if staged is None:
            raise FieldValueError(f"The row of this conflict is staged no more: {conflict!r}")
        home = self._home(row)
        if conflict.alias == row[0][0]:
            return row, staged.change, home
        (aimed,) = aim(self._aimed([(row, staged)], conflict.alias))
        return row, aimed.change, aimed.place

    def _valued(self, place: Place, change: Change, column: str, value: Any) -> Change:
        if isinstance(change, Delete):
            raise FieldValueError("A row that is staged for deletion takes no value; resolve it by 'mine' or 'theirs'.")
        (values,) = self._exact(place, [{column: value}], new=isinstance(change, Insert))
        return replace(change, values={**change.values, **values})

    def _decide(self, decided: Mapping[tuple[RowId, str], Change | None]) -> None:
        own: dict[RowId, Change | None] = {}
        for (row, alias), change in decided.items():
            if alias != row[0][0]:
                self._stage.change({row: change}, alias)
                continue
            place = self._home(row)
            old = self._stage.get(row)
            if isinstance(old, Insert) and isinstance(change, Update):
                own |= {row: None, place.row_id(change.key): change, **self._without_token(old, change.key)}
            elif isinstance(change, Insert) and not change.token:
                new = replace(change, token=uuid.uuid4().hex)
                own |= {row: None, place.new_id(new.token): new}
            else:
                own[row] = change
        self._stage.change(own)

    def _without_token(self, new: Insert, key: Mapping[str, Any]) -> dict[RowId, Change | None]:
        """Give rows that wait for a new row's key the key of the row that is there instead."""
        found: dict[RowId, Change | None] = {}
        for row, staged in self._stage.items():
            change = staged.change
            if isinstance(change, Delete):
                continue
            waits = {n: v for n, v in change.values.items() if isinstance(v, NewKey) and v.token == new.token}
            if waits:
                known = {name: key[value.column] for name, value in waits.items()}
                found[row] = replace(change, values={**change.values, **known})
        return found

    # Screens

    def __repr__(self) -> str:
        rows = self._rows()
        return f"{self._title}\n{text_table(_HEADER, rows)}" if rows else self._title

    def _repr_html_(self) -> str:
        aliases = self._stage.aliases
        color = databases[aliases[0]].color if len(aliases) == 1 and aliases[0] in databases else None
        return html_table(_HEADER, self._rows(), caption=self._title, color=color)

    @property
    def _title(self) -> str:
        counts = {alias: phrase(tables.values(), "staged") for alias, tables in self.counts.items()}
        if len(counts) == 1:
            ((alias, text),) = counts.items()
            return text if alias == self.using == "default" else f"{text} on {alias!r}"
        return "; ".join(f"{text} on {alias!r}" for alias, text in counts.items()) or "nothing staged"

    def _rows(self) -> list[list[str | None]]:
        return listed(rows_of(change) for change in self.changes)

    # Within

    def _routes(self, using: str | None) -> list[tuple[str, str]]:
        """Pair each alias that rows are staged for with the alias that they go to."""
        aliases = self._stage.aliases
        if using is None:
            return [(alias, alias) for alias in aliases]
        target = databases[using].alias
        if target in aliases:
            return [(target, target)]
        if len(aliases) > 1:
            raise WriteRefused(
                f"Changes are staged for several aliases ({', '.join(map(repr, aliases))}), so they can't all go to "
                f"{target!r}."
            )
        return [(alias, target) for alias in aliases]

    def _one_route(self, using: str | None) -> tuple[str, str]:
        routes = self._routes(using)
        if not routes:
            raise WriteRefused("Nothing is staged, so there is nothing to commit.")
        if len(routes) > 1:
            named = ", ".join(repr(alias) for alias, _ in routes)
            raise WriteRefused(
                f"Changes are staged for several aliases ({named}), and each is a transaction of its own: "
                f"commit(using={routes[0][0]!r}) commits those of one, commit_all() one after the other."
            )
        return routes[0]

    def _plan(self, alias: str, target: str) -> Plan:
        with self._lock:
            staged = list(self._stage.items(alias))
        return plan(databases[target], aim(self._aimed(staged, target)))

    def _aimed(
        self, staged: Iterable[tuple[RowId, Staged]], target: str
    ) -> Iterator[tuple[RowId, Change, Place, Place, str | None]]:
        places: dict[Any, Place] = {}
        for row, found in staged:
            change = found.on(target)
            if change is None:
                continue
            home = self._home(row)
            if row[0] not in places:
                places[row[0]] = home if target == row[0][0] else self._elsewhere(home, target)
            there = places[row[0]]
            decided = target != row[0][0] and target in found.instead
            yield row, change, there if decided else home, there, self._version_of(there)

    def _home(self, row: RowId) -> Place:
        """Look at the table of a row as it is now; its key stays what it was when the row was staged."""
        (alias, schema, name), _ = row
        known = self._stage.place(row[0])
        place = place_of(name, databases[alias], schema)
        return Place(place.into, schema, known.key, known.attributes)

    def _elsewhere(self, home: Place, alias: str) -> Place:
        database = databases[alias]
        schema = home.schema if database.backend.features.schemas else None
        there = place_of(home.name, database, schema)
        key = tuple(there.slot(name).name for name in home.key)
        if not any(set(unique) <= set(key) for unique in there.into.uniques):
            raise FieldValueError(
                f"The rows were staged by ({', '.join(home.key)}), which is no key of {there.into.where}."
            )
        return Place(there.into, schema, key)

    def _refuse_moved(self, alias: str, target: str) -> None:
        """Refuse to write to another database that has got the alias of the one that rows were read from."""
        known = self._fingerprints.get(alias)
        if alias == target and known is not None and known != databases[alias].fingerprint:
            raise WriteRefused(
                f"Alias {alias!r} is another database now than when the rows were staged, so nothing was written. "
                f"Give it back its database, or register that one under another name and stage the rows there."
            )


def _listed(conflicts: ChangeConflict | Conflict | Iterable[Conflict]) -> list[Conflict]:
    if isinstance(conflicts, Conflict):
        return [conflicts]
    found = []
    for one in conflicts.conflicts if isinstance(conflicts, ChangeConflict) else conflicts:
        if not isinstance(one, Conflict):
            raise FieldTypeError(f"A conflict was expected, not {type(one).__name__}.")
        found.append(one)
    return found


_HEADER = ("table", "key", "change", "column", "before", "after")
