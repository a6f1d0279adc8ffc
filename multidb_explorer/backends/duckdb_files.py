"""Files of DuckDB: open only while they are used, and yet without a new engine for each use.

An open file is locked for every other program, so none stays open. Making an engine for it costs far more than opening
it, so the engine stays, with nothing in it, and the file is attached to it for as long as somebody uses it.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable

import duckdb

__all__ = ["Lease", "lent"]

_Key = tuple[str, bool, str]

_MOST = 8
"""Engines that are kept while no file is attached to them."""


# Other files, settings, extensions and secrets, and what is made in the engine's own database.
_REMEMBERED = re.compile(
    r"\b(?:attach|memory|secret)\b|(?:^|;)\s*(?:set|reset|pragma|load|install|call)\b", re.IGNORECASE
)


class Lease:
    """A file that is open for one connection.

    Parameters
    ----------
    engine
        Where it is attached.
    connection
        Uses it.
    """

    def __init__(self, engine: _Engine, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._engine = engine

    def runs(self, statement: str) -> None:
        """Be told what the connection runs: what an engine would remember ends with the last use of its file."""
        if _REMEMBERED.search(statement):
            self._engine.remembers = True

    def ends_with(self, owner: object) -> Callable[[], object]:
        """Give what ends it; who forgets to call that ends it when nobody has the owner any more."""
        return weakref.finalize(owner, self._engine.leave, self.connection)


def lent(path: str, make: Callable[[], duckdb.DuckDBPyConnection], *, read_only: bool, settings: str) -> Lease | None:
    """Open a file for a new connection.

    Parameters
    ----------
    make
        Makes an engine without a file.
    settings
        What it is made with; files with other settings have engines of their own.

    Returns
    -------
    Lease or None
        ``None`` where an engine can't give the file the name that it would have by itself.

    Raises
    ------
    duckdb.Error
        Where the file can't be opened.
    """
    key = (os.path.realpath(path), read_only, settings)
    while True:
        engine = _here().engine(key, make)
        with engine.lock:
            if not engine.ended:
                connection = engine.enter(path, read_only=read_only)
                return None if connection is None else Lease(engine, connection)


class _Engine:
    """An engine without a file of its own, to which one is attached from time to time.

    Its methods are called while its lock is held.
    """

    def __init__(self, root: duckdb.DuckDBPyConnection) -> None:
        # Whoever collects garbage may end a lease in the middle of anything else.
        self.lock = threading.RLock()
        self.ended = False
        self.users = 0
        self.remembers = False
        self._root = root
        self._path = self._name = ""
        self._attached = False

    def enter(self, path: str, *, read_only: bool) -> duckdb.DuckDBPyConnection | None:
        """Give a connection that uses the file."""
        self.users += 1
        connection = None
        try:
            if not self._attached:
                self._attach(path, read_only=read_only)
            if self._attached:
                connection = self._root.cursor()
                connection.execute(f"USE {_quoted(self._name)}")
            return connection
        finally:
            if connection is None:
                self._less()

    def _attach(self, path: str, *, read_only: bool) -> None:
        text = "'" + path.replace("'", "''") + "'"
        try:
            self._root.execute(f"ATTACH {text}{' (READ_ONLY)' if read_only else ''}")
        except duckdb.BinderException:
            # The engine's own database has that name already.
            return
        self._attached = True
        if self._path != path:
            # The engine knows best what it makes of a file's name, which may be that of a link.
            found = self._root.execute(
                "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL"
            )
            ((self._name,),) = found.fetchall()
            self._path = path

    def leave(self, connection: duckdb.DuckDBPyConnection) -> None:
        """End a connection, and let the file go with the last one."""
        with self.lock:
            connection.close()
            self._less()

    def _less(self) -> None:
        self.users -= 1
        if self.users or not self._attached:
            return
        self._attached = False
        if self.remembers:
            self.end()
            return
        try:
            self._root.execute(f"DETACH {_quoted(self._name)}")
        except duckdb.Error:
            # Whatever holds it: without an engine it is closed.
            self.end()

    def end(self) -> None:
        """Make an end of it; the next use makes a new one."""
        self.ended = True
        self._root.close()


class _Kept:
    """The engines of this process, the last used ones last."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._engines: OrderedDict[_Key, _Engine] = OrderedDict()

    def engine(self, key: _Key, make: Callable[[], duckdb.DuckDBPyConnection]) -> _Engine:
        """Find the engine of a file, or make one; of those that nobody uses only the last few are kept."""
        with self._lock:
            found = self._engines.get(key)
            if found is None or found.ended:
                found = self._engines[key] = _Engine(make())
            self._engines.move_to_end(key)
            for other in list(self._engines)[:-_MOST]:
                self._end_unused(other)
            return found

    def _end_unused(self, key: _Key) -> None:
        engine = self._engines[key]
        # Another thread that has it may wait for this one.
        if not engine.lock.acquire(blocking=False):
            return
        try:
            if not engine.users:
                engine.end()
                del self._engines[key]
        finally:
            engine.lock.release()


_kept: dict[int, _Kept] = {}


def _here() -> _Kept:
    """Give what is kept in this process: one that was forked has its parent's engines, but not their threads."""
    return _kept.get(os.getpid()) or _kept.setdefault(os.getpid(), _Kept())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
