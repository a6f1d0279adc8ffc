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
from typing import TypeVar

import duckdb

__all__ = ["Lease", "lent"]

T = TypeVar("T")
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

    def end(self) -> None:
        """Close the connection, and the file with the last one."""
        self._engine.leave(self.connection)


def lent(
    path: str,
    make: Callable[[], duckdb.DuckDBPyConnection],
    use: Callable[[Lease], T],
    *,
    read_only: bool,
    settings: str,
) -> T | None:
    """Open a file for a new connection.

    Parameters
    ----------
    make
        Makes an engine without a file.
    use
        Makes what ends the lease; it ends by itself when nobody has that any more.
    settings
        What the engine is made with; files with other settings have engines of their own.

    Returns
    -------
    object or None
        What was made; ``None`` where an engine can't give the file the name that it would have by itself.

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
                return engine.enter(path, use, read_only=read_only)


class _Engine:
    """An engine without a file of its own, to which one is attached from time to time.

    The stop button may interrupt its methods anywhere: then it ends, and another one takes its place.
    """

    def __init__(self, root: duckdb.DuckDBPyConnection) -> None:
        # Whoever collects garbage may end a lease in the middle of anything else.
        self.lock = threading.RLock()
        self.ended = False
        self.remembers = False
        self.users: set[duckdb.DuckDBPyConnection] = set()
        self._root = root
        self._path = self._name = ""
        self._attached = False

    def enter(self, path: str, use: Callable[[Lease], T], *, read_only: bool) -> T | None:
        """Give a connection that uses the file."""
        try:
            ready = self._attached or self._attach(path, read_only=read_only)
            return self._used(use) if ready else None
        except duckdb.Error:
            if self._attached:
                self.end()
            raise
        except BaseException:
            _surely(self.end)
            raise

    def _attach(self, path: str, *, read_only: bool) -> bool:
        text = "'" + path.replace("'", "''") + "'"
        try:
            self._root.execute(f"ATTACH {text}{' (READ_ONLY)' if read_only else ''}")
        except duckdb.BinderException:
            # The engine's own database has that name already.
            return False
        self._attached = True
        if self._path != path:
            # The engine knows best what it makes of a file's name, which may be that of a link.
            found = self._root.execute(
                "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL"
            )
            ((self._name,),) = found.fetchall()
            self._path = path
        return True

    def _used(self, use: Callable[[Lease], T]) -> T:
        connection = self._root.cursor()
        self.users.add(connection)
        connection.execute(f"USE {_quoted(self._name)}")
        made = use(Lease(self, connection))
        weakref.finalize(made, self.leave, connection)
        return made

    def leave(self, connection: duckdb.DuckDBPyConnection) -> None:
        """End a connection, and let the file go with the last one."""
        try:
            with self.lock:
                connection.close()
                self.users.discard(connection)
                if not self.users and self._attached:
                    self._let_go()
        except BaseException:
            _surely(connection.close)
            _surely(self.end)
            raise

    def _let_go(self) -> None:
        if self.remembers:
            self.end()
            return
        try:
            self._root.execute(f"DETACH {_quoted(self._name)}")
            self._attached = False
        except duckdb.Error:
            # Whatever holds it: without an engine it is closed.
            self.end()

    def end(self) -> None:
        """Make an end of it; the file is closed with the last of its connections, and the next use makes a new one."""
        self.ended = True
        self._attached = False
        self._root.close()


def _surely(call: Callable[[], object]) -> None:
    """Make a call, whoever interrupts."""
    while True:
        try:
            call()
        except KeyboardInterrupt:
            continue
        return


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
