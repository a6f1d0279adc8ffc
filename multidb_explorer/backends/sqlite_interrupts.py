"""How the user's stop button reaches a statement that SQLite is running in the main thread.

The driver runs in C until the statement's next row, which may never come, so SQLite calls back every so many of its
steps. What is raised in a callback is lost: the statement only ends, with an error that doesn't say why. The reason
is noted here, for each thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, ExceptionContext

__all__ = ["Noting", "keep_connected", "listen", "stopped_by_user"]

_STEPS = 100_000
"""Between two looks; about a millisecond of a scan."""


class _Noted(threading.local):
    """Why the statement of this thread ended."""

    signalled = False
    failed = False


_noted = _Noted()


def listen(connection: Any) -> None:
    """Let a running statement of a DB-API connection end when the user interrupts the main thread."""
    beats = _beats()
    next(beats)
    connection.set_progress_handler(beats.__next__, _STEPS)


def _beats() -> Iterator[bool]:
    # A function would be interrupted on its way into its `try`; a generator waits inside of it.
    stop = False
    while True:
        try:
            while True:
                yield stop
                stop = _noted.signalled = False
        except KeyboardInterrupt:
            stop = _noted.signalled = True


def stopped_by_user(text: str) -> bool:
    """Tell whether an error of this thread's statement stands for a signal, and forget it."""
    signalled, failed = _noted.signalled, _noted.failed
    _noted.signalled = _noted.failed = False
    # A function that failed by itself has noted so; whatever else ended it was no `Exception`.
    return signalled if text == "interrupted" else text.startswith("user-defined ") and not failed


class Noting:
    """Registers functions with a DB-API connection, and notes which of their errors are their own.

    Parameters
    ----------
    connection
        Python's own.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def create_function(self, name: str, arguments: int, function: Callable[..., Any], **given: Any) -> None:
        """Register a function of single rows."""
        self._connection.create_function(name, arguments, _noting(function), **given)

    def create_window_function(self, name: str, arguments: int, collector: type) -> None:
        """Register a function of groups and windows."""
        methods = {name: _noting(getattr(collector, name)) for name in ("step", "inverse", "value", "finalize")}
        self._connection.create_window_function(name, arguments, type(collector.__name__, (collector,), methods))


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception:
            _noted.failed = True
            raise

    return called


def keep_connected(connection: Connection) -> None:
    """Keep the sessions of an engine when the user interrupts: a memory database is gone with its only one."""
    if not event.contains(connection.engine, "handle_error", _kept):
        event.listen(connection.engine, "handle_error", _kept)


def _kept(context: ExceptionContext) -> None:
    # The driver's cursor is closed whatever happened, and with it its statement ends.
    if isinstance(context.original_exception, KeyboardInterrupt):
        context.is_disconnect = False
