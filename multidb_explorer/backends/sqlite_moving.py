"""Moving rows into and out of SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.moving import Reach

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

__all__ = ["SQLiteMoving"]

_FULL = 2
"""The level of PRAGMA synchronous from which on a commit waits for the disk."""

_TOGETHER = ("delete", "truncate", "persist")
"""The journal modes in which several files are committed as one."""


class SQLiteMoving(Backend):
    """What SQLite does in its own way."""

    # A place for rows of another product

    def nearest_type(self, kind: Kind, *, in_key: bool = False) -> TypeEngine[Any]:
        match kind.name:
            case "integer":
                return sa.Text() if kind.integer_range[1] >= 2**63 else sa.Integer()
            case "decimal" if kind.precision is None or kind.precision > _DIGITS:
                # A number would be kept as a double.
                return sa.Text()
            case "uuid":
                return sa.String(36)
            case "timestamp":
                return sa.TIMESTAMP()
            case "array":
                return sa.JSON()
        return super().nearest_type(kind, in_key=in_key)

    # Whether they are safe there

    def unsafe_target(self, connection: Connection, table: str, schema: str | None) -> str:
        if not _file_of(connection, schema or "main"):
            return "the database is in memory and goes with this kernel"
        found = connection.execute(sa.text("SELECT 1 FROM sqlite_temp_master WHERE name = :name"), {"name": table})
        if found.first() is not None:
            return "the table is temporary and goes with the session"
        mode = _journal_of(connection, schema or "main")
        if mode in ("off", "memory"):
            return f"a crash in the middle of a commit would spoil the file (PRAGMA journal_mode = {mode})"
        return ""

    def durable(self, connection: Connection) -> None:
        if int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one()) < _FULL:
            # It can't be changed inside a transaction; this one has done nothing yet.
            session: Any = connection.connection.driver_connection
            session.execute("COMMIT")
            session.execute("PRAGMA synchronous = FULL")
            session.execute("BEGIN IMMEDIATE")

    # Two databases as one, by one session

    def reaches(self, connection: Connection, other: Connection, schema: str | None) -> Reach | str:
        file = _file_of(other, schema or "main")
        if not file or not _file_of(connection, "main"):
            return "a database in memory belongs to its own session alone"
        for session, name in ((connection, "main"), (other, schema or "main")):
            mode = _journal_of(session, name)
            if mode not in _TOGETHER:
                return f"SQLite commits files one by one in journal mode {mode.upper()}"
        return Reach(_ATTACHED, file)

    def attach(self, connection: Connection, reach: Reach) -> None:
        session: Any = connection.connection.driver_connection
        session.execute(f"ATTACH DATABASE ? AS {reach.schema}", (reach.file,))

    def detach(self, connection: Connection, reach: Reach) -> None:
        session: Any = connection.connection.driver_connection
        session.execute(f"DETACH DATABASE {reach.schema}")


_DIGITS = 15
_ATTACHED = "multidb_other"


def _file_of(connection: Connection, schema: str) -> str:
    """Give the file of an attached database; empty for one in memory."""
    found = connection.exec_driver_sql("PRAGMA database_list")
    return next((str(row[2] or "") for row in found if row[1] == schema), "")


def _journal_of(connection: Connection, schema: str) -> str:
    quoted = connection.dialect.identifier_preparer.quote(schema)
    return str(connection.exec_driver_sql(f"PRAGMA {quoted}.journal_mode").scalar_one())
