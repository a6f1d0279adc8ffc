"""Stopping what a session of MySQL runs, from a second session."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

__all__ = ["drop", "kill", "stop_interrupted"]


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
