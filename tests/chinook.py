"""Chinook, a real sample database, read from beside the project; tests that need it skip where it is absent."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "chinook"
TABLES = [
    "Album",
    "Artist",
    "Customer",
    "Employee",
    "Genre",
    "Invoice",
    "InvoiceLine",
    "MediaType",
    "Playlist",
    "PlaylistTrack",
    "Track",
]


def require() -> None:
    """Skip where the sample is not beside the project."""
    if not FOLDER.is_dir():
        pytest.skip(f"no sample data in {FOLDER}")


def load_sqlite(alias: str, folder: Path) -> None:
    """Copy the SQLite form and register it."""
    path = folder / f"{alias}.sqlite"
    shutil.copyfile(FOLDER / "Chinook_Sqlite.sqlite", path)
    mdb.connect(alias, f"sqlite:///{path}")


def load_script(alias: str, url: str, name: str) -> None:
    """Run a server's form statement by statement in an empty database and register it."""
    mdb.connect(alias, url)
    script = (FOLDER / name).read_text(encoding="utf-8-sig")
    # PostgreSQL takes N'…' for fixed-width text and drops its trailing blanks; the sample means plain text.
    script = re.sub(r"(?<=\()N'|(?<=, )N'", "'", script)
    script = re.sub(r"/\*.*?\*/", "", script, flags=re.DOTALL)
    with databases[alias].begin() as connection:
        if "MySql" in name:
            # Two titles hold a backslash, which the sample means as one.
            connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
        for statement in re.split(r";\s*\n", script):
            if statement.strip() and not re.match(r"\s*(DROP DATABASE|CREATE DATABASE|USE|\\c)\b", statement):
                connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    databases[alias].dispose()
