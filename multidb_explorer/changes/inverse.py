"""The change set that undoes another one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.coding import encoded
from multidb_explorer.changes.committed import Applied, Committed
from multidb_explorer.changes.history import Recorded, recorded, undone_by
from multidb_explorer.changes.records import Change, Delete, Insert, Update
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import notice
from multidb_explorer.errors import WriteRefused
from multidb_explorer.query.tables import table_to_write

__all__ = ["inverse", "inverted"]

_log = logging.getLogger(__name__)


def inverse(of: Committed | str, using: str | None = None) -> ChangeSet:
    """Give the change set that undoes a committed one: new rows go, and all others are again what they were.

    It is staged, not committed, and its commit looks for conflicts like any other: where somebody changed one of the
    rows since, nothing is written. Rows come back with their old keys, also where the database numbers them; its
    counters stay where they are.

    Parameters
    ----------
    of
        What ``commit()`` gave, or an id of ``mdb.history()``.
    using
        Where to undo it, if not where it was committed.

    Raises
    ------
    WriteRefused
        Where the history does not know the change set, how its rows were, or whether they were written; and where the
        alias is another database by now.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    >>> changes = ChangeSet()
    >>> _ = changes.insert("users", name="Ann")
    >>> committed = changes.commit()
    >>> inverse(committed.id)
    1 deleted
    table  key   change   column  before  after
    users  id=1  deleted
    """
    found = _known(recorded(of)) if isinstance(of, str) else of
    database = databases[using or found.alias]
    here = database.fingerprint == found.fingerprint
    if using is None and not here:
        raise WriteRefused(
            f"Alias {found.alias!r} is another database now than when change set {found.id!r} was committed to it. "
            f"Give it back its database, or name where to undo it: inverse(..., using={found.alias!r})."
        )
    if here and (other := undone_by(found.id)) is not None:
        _tell(f"Change set {found.id!r} is undone already, by {other!r}.")
    changes = ChangeSet(database.alias, undoes=found.id if here else None)
    for change in inverted(found.changes, database):
        changes.stage(change)
    return changes


def _known(found: Recorded) -> Recorded:
    if found.state != "committed":
        raise WriteRefused(
            f"It is not known whether change set {found.id!r} was committed to alias {found.alias!r}: the process or "
            f"the connection ended before the database had answered. Look at the rows of "
            f"{', '.join(map(repr, found.counts))}."
        )
    if found.images is None:
        raise WriteRefused(
            f"Change set {found.id!r} can't be undone, since the history of alias {found.alias!r} kept its statements "
            f"only. For those to come: mdb.connect({found.alias!r}, ..., history='images')."
        )
    return found


def _tell(text: str) -> None:
    _log.info("%s", text)
    notice(text)


def inverted(changes: Sequence[Applied], database: Database) -> list[Change]:
    """Turn changes round: what was done last is undone first.

    Parameters
    ----------
    changes
        As they were applied, with the rows before and after.
    database
        Where they are to be undone.
    """
    # In this order a key means the same row as it did then, whichever rows have had it one after the other.
    return [change for applied in reversed(changes) for change in _inverted(applied, database)]


def _inverted(applied: Applied, database: Database) -> list[Change]:
    """Turn one change round; there is nothing to undo where the row stayed as it was."""
    change, before, after = applied.change, applied.before, applied.after
    if (before is None) is not isinstance(change, Insert) or (after is None) is not isinstance(change, Delete):
        raise WriteRefused(f"It is not known how a row of table {change.table!r} was, so it can't be brought back.")
    slots = table_to_write(database, change.table, change.schema).by_name
    computed = {name for name, slot in slots.items() if slot.generated}
    kept = {name: value for name, value in (before or {}).items() if name not in computed}
    if after is None:
        return [Insert(change.table, kept, schema=change.schema)]
    if isinstance(change, Insert):
        # Staging takes the key out of the row, by the names that the columns have there.
        return [Delete(change.table, after, after, change.schema)]
    # Not only what was asked for: ON UPDATE or a trigger may have changed more.
    values = {name: value for name, value in kept.items() if repr(encoded(value)) != repr(encoded(after.get(name)))}
    key = {name: after[name] for name in change.key}
    return [Update(change.table, key, values, after, change.schema)] if values else []
