"""Sessions of MySQL: what each is taught, and stopping what it runs from a second one."""

from __future__ import annotations

import copy
from contextlib import suppress
from functools import cache
from typing import Any

__all__ = ["LOCAL_FILES", "drop", "keep_files_here", "kill", "stop_interrupted"]

LOCAL_FILES = 128
"""The flag by which a client says that it knows LOAD DATA LOCAL, without which the server refuses it."""

_NOT_ALLOWED = 1148


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
        """A connection that gives no file away."""

        def _read_query_result(self, unbuffered: bool = False) -> Any:
            try:
                return super()._read_query_result(unbuffered)
            except RuntimeError:
                # The end of a file without anything in it; then the server is ready again.
                self.write_packet(b"")
                self._read_packet()
                raise self.OperationalError(
                    _NOT_ALLOWED, "LOAD DATA LOCAL is refused here: no file of this machine is given to a server"
                ) from None

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


def _kill(connection: Any, session: int) -> None:
    """Stop what a session is running; where it is idle, the order would hit its next statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM information_schema.processlist WHERE id = %s AND command <> 'Sleep'", (session,))
        if cursor.fetchone():
            # The statement may have ended by itself meanwhile, and its session with it.
            with suppress(connection.OperationalError, connection.InternalError):
                cursor.execute(f"KILL QUERY {session:d}")


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
