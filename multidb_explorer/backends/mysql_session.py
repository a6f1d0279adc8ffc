"""Sessions of MySQL: what each is taught, and stopping what it runs from a second one."""

from __future__ import annotations

import copy
import time
from contextlib import suppress
from functools import cache
from typing import Any

__all__ = ["LEFT", "LOCAL_FILES", "drop", "keep_files_here", "kill", "stop_interrupted"]

LOCAL_FILES = 128
"""The flag by which a client says that it knows LOAD DATA LOCAL, without which the server refuses it."""

LEFT = "The statement was stopped, and the rest of its rows was left"
"""How an error says so that is one of a lost connection otherwise."""

_NOT_ALLOWED, _SERVER_LOST = 1148, 2013


def keep_files_here(connection: Any) -> None:
    """Let a connection of PyMySQL refuse every request for a file in words that the server understands.

    PyMySQL by itself leaves the server waiting for the file, and so whoever speaks next waits as well.
    """
    class_: Any = type(connection)
    if class_.__module__ == "pymysql.connections" and not connection._local_infile:  # noqa: SLF001
        connection.__class__ = _keeping_files(class_)


@cache
def _keeping_files(class_: Any) -> type:
    class KeepingFiles(class_):  # type: ignore[misc]
        """A connection that gives no file away, and tells whether it reads an answer."""

        multidb_reading: _Reading | None = None

        def _read_query_result(self, unbuffered: bool = False) -> Any:
            self.multidb_reading = _Reading()
            try:
                return super()._read_query_result(unbuffered)
            except RuntimeError:
                # The end of a file without anything in it; then the server is ready again.
                self.write_packet(b"")
                self._read_packet()
                raise self.OperationalError(
                    _NOT_ALLOWED, "LOAD DATA LOCAL is refused here: no file of this machine is given to a server"
                ) from None
            finally:
                self.multidb_reading = None

    return KeepingFiles


def kill(connection: Any) -> None:
    """Stop the statement that a connection of PyMySQL is running; any other driver's goes on."""
    if not hasattr(connection, "server_thread_id"):
        return
    # A second session with the parameters of the first: a copy of the connection, connected anew.
    second = copy.copy(connection)
    second._sock = second._rfile = second._result = second.init_command = None  # noqa: SLF001
    second.connect()
    try:
        _kill(second, connection.thread_id())
    finally:
        second.close()
    _leave_the_rest(connection)


def _kill(connection: Any, session: int) -> None:
    """Stop what a session is running; where it is idle, the order would hit its next statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM information_schema.processlist WHERE id = %s AND command <> 'Sleep'", (session,))
        if cursor.fetchone():
            # The statement may have ended by itself meanwhile, and its session with it.
            with suppress(connection.OperationalError, connection.InternalError):
                cursor.execute(f"KILL QUERY {session:d}")


_PATIENCE = 0.05
"""Seconds after an order in which the answer to it may arrive."""


def _leave_the_rest(connection: Any) -> None:
    """Let who still reads a result fail at once: what a server has sent before it stopped may take seconds to read."""
    reading = getattr(connection, "multidb_reading", None)
    if reading is None or reading.is_young():
        return
    file = connection._rfile  # noqa: SLF001
    connection._rfile = _Left(connection, file)  # noqa: SLF001
    if connection.multidb_reading is not reading:
        # The last row was read meanwhile.
        connection._rfile = file  # noqa: SLF001


class _Reading:
    """The answer to one statement while it is read."""

    def __init__(self) -> None:
        self._ordered: float | None = None

    def is_young(self) -> bool:
        """Tell whether the order to stop is the first one, or not older than an answer may take."""
        if self._ordered is None:
            self._ordered = time.monotonic()
        return time.monotonic() - self._ordered < _PATIENCE


class _Left:
    """In the place of what a connection reads from; whoever reads closes the connection, which is of no more use."""

    def __init__(self, connection: Any, file: Any) -> None:
        self._connection = connection
        self._file = file

    def read(self, _count: int) -> bytes:
        raise self._connection.OperationalError(_SERVER_LOST, LEFT)

    def close(self) -> None:
        self._file.close()


def drop(connection: Any) -> None:
    """Close a connection of PyMySQL in the middle of a result, without asking for the rest of it."""
    result = connection._result  # noqa: SLF001
    if result is not None:
        # Closing its cursor would wait for the rows that no one sends any more.
        result.unbuffered_active, result.connection, result.has_next = False, None, None
    connection._force_close()  # noqa: SLF001


def stop_interrupted(connection: Any) -> None:
    """Stop what the user interrupted; a result that was being read can't be read on."""
    if not hasattr(connection, "server_thread_id"):
        return
    # Whatever goes wrong here, the interrupt is what the user hears of.
    with suppress(Exception):
        kill(connection)
    if getattr(getattr(connection, "_result", None), "unbuffered_active", False):
        drop(connection)
