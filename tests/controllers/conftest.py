"""Databases of users: one to read from, one in the way, one that is production, one that only reads."""

from __future__ import annotations

import pytest
from controllers.wire import run

import multidb_explorer as mdb

SCHEMA = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT)",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users, total NUMERIC(10, 2))",
    "CREATE TABLE bare (n INTEGER)",
    "CREATE VIEW french AS SELECT id, name FROM users WHERE country = 'FR'",
)


@pytest.fixture
def shop(tmp_path):
    """Aliases legacy (five users), new (one, in the way), prod (asks for its name) and archive (only reads)."""
    url = {name: f"sqlite:///{tmp_path / name}.db" for name in ("legacy", "new", "prod", "archive")}
    mdb.configure({"default": url["legacy"], **{name: {"URL": url[name]} for name in url}})
    for alias in url:
        run(alias, *SCHEMA)
    run(
        "legacy",
        "INSERT INTO users VALUES (1, 'Ann', 'FR'), (2, 'Bob', NULL), (3, 'Cyd', 'SE')",
        "INSERT INTO users VALUES (4, 'Dan', ''), (5, 'Eve', 'FR')",
    )
    run("legacy", "INSERT INTO orders VALUES (1, 5, 9.5), (2, 5, 1)", "INSERT INTO bare VALUES (1), (2)")
    run("new", "INSERT INTO users VALUES (2, 'Somebody', 'DE')")
    mdb.connect("prod", url["prod"], confirm="production", color="red", label="The real one")
    mdb.connect("archive", url["archive"], read_only=True)
    mdb.connect("gone", "sqlite:////no/such/folder/gone.db")
    return url
