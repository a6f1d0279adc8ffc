"""Work in a database that a panel can stop there: the thread that does it is watched from its first statement on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.stopping import Stop, stoppable
from multidb_explorer.controllers.base import Job, Reply
from multidb_explorer.errors import QueryCancelled

__all__ = ["Switch", "stoppable_job"]

T = TypeVar("T")


class Switch:
    """Stops what one thread runs in a database, and may be thrown before that thread has begun.

    Parameters
    ----------
    database
        Where the work is done.

    Attributes
    ----------
    thrown : bool
        Whether the work shall end; what goes on for long between two statements looks at it.
    ended : threading.Event
        Set once the work is over, and nothing of it is left in the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._stop: Stop | None = None
        self.thrown = False
        self.ended = threading.Event()

    def __call__(self) -> None:
        """Stop."""
        with self._lock:
            self.thrown = True
            stop = self._stop
        if stop is not None:
            stop()

    def check(self) -> None:
        """Go no further once the switch was thrown.

        Raises
        ------
        QueryCancelled
            Then.
        """
        if self.thrown:
            raise QueryCancelled(f"Stopped, as asked, on alias {self._database.alias!r}.")

    def run(self, work: Callable[[], T]) -> T:
        """Do the work in this thread.

        Raises
        ------
        QueryCancelled
            Where it was stopped.
        """
        try:
            self.check()
            with stoppable(self._database) as stop:
                return self._watched(stop, work)
        finally:
            self.ended.set()

    def _watched(self, stop: Stop, work: Callable[[], T]) -> T:
        stop.watch_this_thread()
        with self._lock:
            self._stop = stop
        try:
            self.check()
            return work()
        finally:
            with self._lock:
                self._stop = None


def stoppable_job(database: Database, work: Callable[[], Reply]) -> Job:
    """Make a job whose statement is stopped in the database when the browser sends ``cancel``.

    Examples
    --------
    >>> from multidb_explorer.connections.registry import databases
    >>> databases.configure({"default": "sqlite://"})
    >>> job = stoppable_job(databases["default"], lambda: Reply({"type": "done"}))
    >>> job.work().message
    {'type': 'done'}
    """
    switch = Switch(database)
    return Job(lambda: switch.run(work), switch)
