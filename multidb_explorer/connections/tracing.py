"""Watch the statements that an alias is sent: for tests, logs and the curious."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from multidb_explorer.connections.database import Database

__all__ = ["Sent", "statements"]


@dataclass(frozen=True)
class Sent:
    """One statement as the driver got it."""

    alias: str
    sql: str
    parameters: Any


@contextmanager
def statements(*databases: Database) -> Iterator[list[Sent]]:
    """Collect the statements that aliases are sent inside the block, by any thread.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with statements(databases["default"]) as sent:
    ...     _ = databases["default"].check()
    >>> sent[-1].sql
    'SELECT count(*) FROM sqlite_master'
    """
    collected: list[Sent] = []
    hooks = []
    for database in databases:

        def note(
            _connection: Any,
            _cursor: Any,
            sql: str,
            parameters: Any,
            _context: Any,
            _many: bool,
            alias: str = database.alias,
        ) -> None:
            collected.append(Sent(alias, sql, parameters))

        event.listen(database.engine, "before_cursor_execute", note)
        hooks.append((database.engine, note))
    try:
        yield collected
    finally:
        for engine, note in hooks:
            event.remove(engine, "before_cursor_execute", note)
