"""The processes that read SQLite files for this one: started when needed, kept for a while, ended with it."""

from __future__ import annotations

import marshal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from multidb_explorer.backends import sqlite_child
from multidb_explorer.backends.sqlite_child import HEADER
from multidb_explorer.backends.waiting import interruptibly

class Child:
    def __init__(self):
        self._p = subprocess.Popen([sys.executable, "-S" if False else "-E", sqlite_child.__file__], stdin=-1, stdout=-1, bufsize=0)
        try:
            import fcntl
            fcntl.fcntl(self._p.stdout, 1031, 1<<20)
        except Exception: pass
    def order(self, order):
        self._p.stdin.write(marshal.dumps(order))
    def message(self):
        return interruptibly(self._message, self._p.kill)
    def _message(self):
        import pyarrow as pa
        h = self._read(bytearray(HEADER.size))
        kind, n = HEADER.unpack(h)
        if not n: return kind, b""
        return kind, self._read(pa.allocate_buffer(n))
    def _read(self, buf):
        view = memoryview(buf)
        while len(view):
            n = self._p.stdout.readinto(view)
            if not n: raise EOFError
            view = view[n:]
        return buf
    def obeyed(self): pass

_c=[]
@contextmanager
def lent_child(connection: Connection) -> Iterator[Child]:
    if not _c: _c.append(Child())
    yield _c[0]
