"""A small database file of the package's own: private, and on disk before a commit returns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

__all__ = ["is_held", "own_file"]


def own_file(path: Path, *, wait: float = 10.0) -> Engine:
    """Give an engine for a file that only its user can read; the file and its folder are made where they are missing.

    Parameters
    ----------
    wait
        Seconds to wait for another process that is writing.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "own" / "notes.db"
    >>> with own_file(path).begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE note (text TEXT)")
    >>> oct(path.stat().st_mode & 0o777)
    '0o600'
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made by us and not by the driver, so that nobody else can read it, not even for a moment.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    url = URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": wait, "check_same_thread": False})

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for setting in ("synchronous = FULL", "journal_mode = DELETE", "secure_delete = ON"):
            connection.execute(f"PRAGMA {setting}")

    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def is_held(error: sa.exc.OperationalError) -> bool:
    """Tell whether another process holds the file."""
    return "locked" in str(error.orig)
