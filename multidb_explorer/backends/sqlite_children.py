"""The processes that read SQLite files for this one: started when needed, kept for a while, ended with this one."""

from __future__ import annotations

import atexit
import marshal
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from multidb_explorer.backends import sqlite_child
from multidb_explorer.backends.sqlite_child import END, FAILED, HEADER, ODD
from multidb_explorer.backends.waiting import interruptibly

__all__ = ["Child", "lent_child", "stop_child"]

_PATIENCE = 60.0
"""Seconds that a process is kept for the next read."""

_PIPE = 1 << 20
"""As many bytes as Linux lets anybody keep on their way."""


class Child:
    """One process, which obeys one order after the other.

    Attributes
    ----------
    free
        Whether all of the last order's answer has been read.
    stopped
        Whether another thread ended the process in the middle of an order.
    """

    def __init__(self) -> None:
        # Without -P, our modules would stand in the way of others of their names.
        self._process = subprocess.Popen(  # noqa: S603 -- our own file
            [sys.executable, "-P", str(sqlite_child.__file__)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.pid = self._process.pid
        self.free, self.stopped = True, False
        self._input: Any = self._process.stdin
        self._output: Any = self._process.stdout
        _widen(self._output)

    def order(self, order: dict[str, Any]) -> None:
        """Say what shall be read."""
        self.free = False
        self._input.write(marshal.dumps(order))

    def message(self) -> tuple[bytes, Any]:
        """Wait for the next part of the answer: its kind and its bytes.

        Raises
        ------
        EOFError
            If the process has ended.
        """
        kind, content = interruptibly(self._message, self._process.kill)
        self.free = kind in (END, ODD, FAILED)
        return kind, content

    def _message(self) -> tuple[bytes, Any]:
        import pyarrow as pa

        kind, size = HEADER.unpack(self._filled(bytearray(HEADER.size)))
        return kind, self._filled(pa.allocate_buffer(size))

    def _filled(self, room: Any) -> Any:
        rest = memoryview(room)
        while rest:
            count = self._output.readinto(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return room

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process in the middle of what it does; whoever waits for it is told."""
        self.stopped = True
        self._process.kill()

    def end(self) -> None:
        """End the process, and leave nothing of it."""
        self._process.kill()
        self._close()
        self._process.wait()

    def forget(self) -> None:
        """Leave the process to the one that started it, of which this one is a copy."""
        self._close()
        self._process.returncode = 0

    def _close(self) -> None:
        self._input.close()
        self._output.close()


def _widen(pipe: Any) -> None:
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        except OSError:
            # A user's pipes may be limited; a narrow one is slower only.
            return


class _Nursery:
    """All processes of this one, lent to sessions or idle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[Child, threading.Timer]] = []
        self._lent: dict[int, Child] = {}

    def lend(self, session: object) -> Child:
        with self._lock:
            child = self._waiting() or Child()
            self._lent[id(session)] = child
        return child

    def _waiting(self) -> Child | None:
        while self._idle:
            child, timer = self._idle.pop()
            timer.cancel()
            if child.lives:
                return child
            child.end()
        return None

    def take_back(self, session: object) -> None:
        with self._lock:
            child = self._lent.pop(id(session))
            if child.free and child.lives and not self._idle:
                timer = threading.Timer(_PATIENCE, self._expire, (child,))
                timer.daemon = True
                timer.start()
                self._idle.append((child, timer))
                return
        child.end()

    def _expire(self, child: Child) -> None:
        with self._lock:
            if not any(child is idle for idle, _ in self._idle):
                return
            self._idle.clear()
        child.end()

    def stop(self, session: object) -> None:
        with self._lock:
            if (child := self._lent.get(id(session))) is not None:
                child.stop()

    def end(self) -> None:
        with self._lock:
            for child in self._everyone():
                child.end()
            self._idle.clear()

    def forget(self) -> None:
        # The lock may have been held by a thread that is not in this copy.
        for child in self._everyone():
            child.forget()
        self.__init__()  # type: ignore[misc]

    def _everyone(self) -> list[Child]:
        return [*self._lent.values(), *(child for child, _ in self._idle)]


_nursery = _Nursery()
atexit.register(_nursery.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_nursery.forget)


@contextmanager
def lent_child(session: object) -> Iterator[Child]:
    """Lend a process to a session's reader; one that has not answered to the end is ended then."""
    child = _nursery.lend(session)
    try:
        yield child
    finally:
        _nursery.take_back(session)


def stop_child(session: object) -> None:
    """End the process that reads for a session, if there is one."""
    _nursery.stop(session)
