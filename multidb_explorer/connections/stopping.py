"""Stop what another thread is running in a database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.insisting import insist
from multidb_explorer.connections.redaction import redact
from multidb_explorer.errors import QueryCancelled

__all__ = ["Stop", "stoppable"]

_log = logging.getLogger(__name__)


class Stop:
    """A switch for the connections that threads borrow while it is watched; see `stoppable`.

    Parameters
    ----------
    database
        Whose connections.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._borrowed: dict[int, Any] = {}
        self._threads: set[int] = set()
        self._thrown = False
        self._over = threading.Event()
        self._insisting: threading.Thread | None = None

    def watch_this_thread(self) -> None:
        """Let the switch stop what this thread runs; what other threads do with the same database goes on.

        Raises
        ------
        QueryCancelled
            Where the switch was thrown before.
        """
        with self._lock:
            self._threads.add(threading.get_ident())
            self._refuse()

    def __call__(self) -> None:
        """Stop every running statement of the watched threads, and let them start none."""
        with self._lock:
            self._thrown = True
        self._order()
        if self._borrowed and self._insisting is None:
            insisting = threading.Thread(target=insist, args=(self._order, self._over), daemon=True)
            insisting.start()
            # Only now: who ends the watch meanwhile waits for a thread that runs.
            self._insisting = insisting

    def _order(self) -> None:
        with self._lock:
            for connection in list(self._borrowed.values()):
                try:
                    self._database.backend.cancel(connection)
                except Exception as error:  # noqa: BLE001 -- a driver's own; the others still have to be stopped
                    _log.warning("could not stop %r: %s", self._database.alias, redact(str(error)))
            if self._thrown and not self._borrowed:
                self._over.set()

    def end(self) -> None:
        """Give no more orders."""
        self._over.set()
        if self._insisting is not None:
            self._insisting.join()

    def lent(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """Note a connection that a watched thread got from the pool."""
        with self._lock:
            if threading.get_ident() in self._threads:
                self._refuse()
                self._borrowed[id(record)] = record.driver_connection

    def returned(self, _connection: Any, record: Any) -> None:
        """Forget a connection that went back: the next one to borrow it is none of ours."""
        with self._lock:
            self._borrowed.pop(id(record), None)

    def _refuse(self) -> None:
        if self._thrown:
            raise QueryCancelled(f"The statement on alias {self._database.alias!r} was stopped.")


class _Watch:
    """Tells the switches of one engine what its pool lends.

    It is registered once: an event whose listeners come and go while other threads borrow connections would fail them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: tuple[Stop, ...] = ()

    def lent(self, connection: Any, record: Any, proxy: Any) -> None:
        for stop in self._stops:
            stop.lent(connection, record, proxy)

    def returned(self, connection: Any, record: Any) -> None:
        for stop in self._stops:
            stop.returned(connection, record)

    def add(self, stop: Stop) -> None:
        with self._lock:
            self._stops = (*self._stops, stop)

    def remove(self, stop: Stop) -> None:
        with self._lock:
            self._stops = tuple(other for other in self._stops if other is not stop)


_watches: WeakKeyDictionary[Engine, _Watch] = WeakKeyDictionary()
_watches_lock = threading.Lock()


def _watch_of(engine: Engine) -> _Watch:
    with _watches_lock:
        watch = _watches.get(engine)
        if watch is None:
            watch = _watches[engine] = _Watch()
            event.listen(engine, "checkout", watch.lent)
            event.listen(engine, "checkin", watch.returned)
        return watch


@contextmanager
def stoppable(database: Database) -> Iterator[Stop]:
    """Give a switch that stops what threads run on a database inside the block.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with stoppable(databases["default"]) as stop:
    ...     stop()
    """
    stop, watch = Stop(database), _watch_of(database.engine)
    watch.add(stop)
    try:
        yield stop
    finally:
        watch.remove(stop)
        stop.end()
