"""A session of DuckDB: its cursor hears the stop button, and its connection knows of the reader that is open on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import duckdb_engine

from multidb_explorer.backends.duckdb_files import Lease
from multidb_explorer.backends.waiting import interruptibly

__all__ = ["OPENING", "Opening", "Session"]

OPENING = "multidb_opening"
"""Execution option: an `Opening`, which then gets the statement in place of the cursor."""

Opening = Callable[[Any, str, Any], object]
"""Runs a statement in a way of its own: called with the driver's connection, the text and the parameters."""

_AT_ONCE = 256
"""Rows that are fetched where one is asked for: a wait for another thread costs more than a row."""


class Cursor(duckdb_engine.CursorWrapper):
    """A cursor that the stop button stops: DuckDB holds signals back until it is done."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, session: Session) -> None:
        super().__init__(connection, session)
        self._raw = connection
        self._session = session
        self._rows: list[Any] = []

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        self._rows = []
        self._session.runs(statement)
        interruptibly(lambda: super(Cursor, self).execute(statement, parameters), self._raw.interrupt)

    def executemany(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        self._rows = []
        interruptibly(lambda: super(Cursor, self).executemany(statement, parameters), self._raw.interrupt)

    def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        rows.extend(interruptibly(self._raw.fetchall, self._raw.interrupt))
        return rows

    def fetchmany(self, size: int | None = None) -> list[Any]:
        size = size or 1
        if not self._rows:
            return interruptibly(lambda: self._raw.fetchmany(size), self._raw.interrupt)
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetchone(self) -> Any:
        if not self._rows:
            self._rows = self.fetchmany(_AT_ONCE)
        return self._rows.pop(0) if self._rows else None


class Session(duckdb_engine.ConnectionWrapper):
    """A connection that ends the Arrow reader which is open on it before it does anything that a reader forbids."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, lease: Lease | None = None) -> None:
        super().__init__(connection)
        self.raw = connection
        self._lease = lease
        self._end = super().close if lease is None else lease.end
        self.reader: Any = None
        self.reads_only = False

    def cursor(self) -> Cursor:
        return Cursor(self.raw, self)

    def runs(self, statement: str) -> None:
        """Be told what will be run."""
        if self._lease is not None:
            self._lease.runs(statement)

    def begin(self) -> None:
        """Begin a transaction, one that refuses writes where the next one shall."""
        reads_only, self.reads_only = self.reads_only, False
        self.raw.execute("BEGIN TRANSACTION READ ONLY" if reads_only else "BEGIN TRANSACTION")

    def release(self) -> None:
        """Close the open reader; while one is open the transaction can't end and the file stays locked."""
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.close()

    def commit(self) -> None:
        self.release()
        self.raw.commit()

    def rollback(self) -> None:
        self.release()
        self.raw.rollback()

    def close(self) -> None:
        self.release()
        self._end()
        self.closed = True
