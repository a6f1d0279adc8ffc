"""Write down each change set that is committed: one file each, in a folder that only its user can read.

A file is there before the COMMIT is sent and gets its final name when the database has said yes. Whatever stops the
process in between leaves a file whose name says that the outcome is not known. Several processes never meet, since
no file is written twice.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidb_explorer.changes.coding import encoded
from multidb_explorer.changes.committed import Applied, Committed
from multidb_explorer.changes.records import Change, Insert, Update
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.state import state_folder
from multidb_explorer.display import notice
from multidb_explorer.errors import ValueNotRepresentable, WriteRefused

__all__ = ["FORMAT", "VERSION", "FileName", "begin", "done", "dropped", "history_folder"]

_log = logging.getLogger(__name__)

FORMAT = "multidb_explorer change set"
VERSION = 1
_TIME = "%Y%m%dT%H%M%S.%f"
_NAME = re.compile(r"(?P<time>\d{8}T\d{6}\.\d{6})Z-(?P<id>\w+)(?P<pending>\.pending)?\.json")

_pending: dict[str, Path] = {}
"""The files of this process that are not settled yet, by the change set's id."""


@dataclass(frozen=True, order=True)
class FileName:
    """What the name of a file tells; names sort by time.

    Examples
    --------
    >>> name = FileName(dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "0f", pending=True)
    >>> str(name), FileName.of(str(name)) == name
    ('20260102T030405.000000Z-0f.pending.json', True)
    """

    at: dt.datetime
    id: str
    pending: bool = False

    @classmethod
    def of(cls, text: str) -> FileName | None:
        """Read a name; ``None`` for a file that is not ours."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        try:
            at = dt.datetime.strptime(found["time"], _TIME).replace(tzinfo=dt.UTC)
        except ValueError:
            return None
        return cls(at, found["id"], pending=bool(found["pending"]))

    def __str__(self) -> str:
        return f"{self.at.astimezone(dt.UTC).strftime(_TIME)}Z-{self.id}{'.pending' if self.pending else ''}.json"


def history_folder() -> Path:
    """Say where the files are: in ``MULTIDB_STATE_DIR``, else in the user's own folder for such things.

    Examples
    --------
    >>> history_folder().name
    'history'
    """
    return state_folder("history")


def begin(committed: Committed) -> None:
    """Write down what is about to be committed. To be called in the transaction, just before its COMMIT.

    How much is written is the alias's setting ``history``: ``images`` keeps the rows as they were before and after,
    ``statements`` no values at all, and ``off`` nothing.

    Raises
    ------
    WriteRefused
        When it can't be written, so that nothing is committed that could not be undone.
    """
    database = databases[committed.alias]
    keep = getattr(database.settings, "history", "images")
    if keep == "off":
        return
    path = history_folder() / str(FileName(committed.at, committed.id, pending=True))
    # Noted first, so that `dropped` finds it whenever an interrupt comes.
    _pending[committed.id] = path
    try:
        content = json.dumps(_content(committed, database, images=keep == "images"), ensure_ascii=False)
        _make_folder(path.parent)
        # Text of a column may hold halves of a surrogate pair, which a stricter UTF-8 would refuse.
        _write(path, content.encode("utf-8", "surrogatepass"))
    except (OSError, ValueNotRepresentable) as error:
        del _pending[committed.id]
        raise _refused(committed, path.parent, error) from error


def done(id: str) -> None:  # noqa: A002 - what it is called everywhere
    """Say that the database has committed a change set. Never fails, since what is committed stays committed."""
    path = _pending.pop(id, None)
    if path is None:
        return
    try:
        path.replace(path.with_name(path.name.replace(".pending.", ".")))
        _sync(path.parent)
    except OSError as error:
        _tell(f"The changes are committed, but the history will say 'unknown': can't rename {str(path)!r} ({error}).")


def dropped(id: str) -> None:  # noqa: A002 - what it is called everywhere
    """Say that a change set was not committed; nothing of it is kept."""
    path = _pending.pop(id, None)
    if path is None:
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _tell(f"Nothing was committed, but {str(path)!r} could not be removed ({error}): the history will say unknown.")


def _refused(committed: Committed, folder: Path, error: Exception) -> WriteRefused:
    way_out = (
        f"in {str(folder)!r}: {error}. Make room or give access there, name another folder in MULTIDB_STATE_DIR, or go "
        f"without: history='off'."
    )
    if isinstance(error, ValueNotRepresentable):
        way_out = f"exactly: {error} Keep it without values: history='statements'."
    return WriteRefused(
        f"Nothing was committed to alias {committed.alias!r}, since its history can't be written {way_out} "
        f"It is a setting of the alias: mdb.connect({committed.alias!r}, ..., history=...)."
    )


def _tell(text: str) -> None:
    _log.info("%s", text)
    notice(text)


# What is written


def _content(committed: Committed, database: Database, *, images: bool) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": committed.id,
        "at": committed.at.astimezone(dt.UTC).isoformat(),
        "alias": committed.alias,
        "label": database.label,
        "fingerprint": committed.fingerprint,
        "undoes": getattr(committed, "undoes", None),
        "counts": {table: list(counts) for table, counts in committed.counts.items()},
        "statements": [
            {"sql": sql, "times": times}
            for sql, times in Counter(statement.sql for statement in committed.statements).items()
        ],
        "changes": [_change(applied) for applied in committed.changes] if images else None,
    }


def _change(applied: Applied) -> dict[str, Any]:
    change = applied.change
    return {
        "kind": type(change).__name__.lower(),
        "table": change.table,
        "schema": change.schema,
        "key": None if isinstance(change, Insert) else _row(change, change.key),
        "columns": list(change.values) if isinstance(change, Insert | Update) else None,
        "before": _row(change, applied.before),
        "after": _row(change, applied.after),
    }


def _row(change: Change, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: _value(change, name, value) for name, value in values.items()}


def _value(change: Change, column: str, value: Any) -> Any:
    try:
        return encoded(value)
    except ValueNotRepresentable as error:
        raise ValueNotRepresentable(f"Column {column!r} of table {change.table!r}: {error}", column=column) from None


# How


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _write(path: Path, content: bytes) -> None:
    """Put a file there as a whole or not at all, readable by its user alone from the first byte."""
    part = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Make a new name in a folder last through a loss of power; Windows opens no folders and needs no such step."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
