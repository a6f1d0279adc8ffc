"""What was run in the SQL box, by alias: in a file of the user's own, without secrets, and not without an end."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from urllib.parse import quote

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.redaction import redact
from multidb_explorer.connections.state import state_folder

__all__ = ["SqlHistory"]

_log = logging.getLogger(__name__)

_MOST = 200
_LONGEST = 20_000
_lock = threading.Lock()


class SqlHistory:
    """The statements of one alias, the newest last.

    An alias whose setting ``history`` is not ``images`` keeps no values, so its statements stay in memory.

    Parameters
    ----------
    database
        Whose statements.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> history = SqlHistory(databases["default"])
    >>> history.add("select 1")
    >>> history.statements()[-1]
    'select 1'
    """

    def __init__(self, database: Database) -> None:
        self._kept = getattr(database.settings, "history", "images") == "images"
        self._memory: list[str] = database.memo("sql history", list)
        self._path: Path = state_folder("sql") / f"{quote(database.alias, safe='')}.jsonl"

    def statements(self) -> list[str]:
        """Give them."""
        with _lock:
            return self._read() if self._kept else list(self._memory)

    def add(self, sql: str) -> None:
        """Keep a statement; one that was run before moves to the end."""
        text = redact(sql.strip())
        if not text or len(text) > _LONGEST:
            return
        with _lock:
            known = self._read() if self._kept else self._memory
            found = [*(each for each in known if each != text), text][-_MOST:]
            self._memory[:] = found
            if self._kept:
                self._write(found)

    def _read(self) -> list[str]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
            return [text for line in lines if isinstance(text := json.loads(line), str)]
        except (OSError, ValueError):
            # There is none yet, or somebody broke the file: what this kernel ran is still known.
            return list(self._memory)

    def _write(self, statements: list[str]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(text)}\n" for text in statements)
            new.replace(self._path)
        except OSError as error:
            # A query is worth more than its place in the history.
            _log.info("the history of SQL was not written: %s", redact(str(error)))
