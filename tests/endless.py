"""A query that never ends: a view of a thousand times a thousand times a thousand times a thousand rows."""

from __future__ import annotations

import sqlite3
import time

import duckdb
import sqlalchemy as sa
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases

__all__ = ["Endless", "Number", "database_is_free", "make", "running"]

_VIEW = (
    "CREATE VIEW endless AS SELECT a.id * 1000 + b.id AS id, a.name AS name "
    "FROM numbers a, numbers b, numbers c, numbers d"
)
_RUNNING = {
    "postgresql": "SELECT query FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%endless%' "
    "AND pid <> pg_backend_pid()",
    "mariadb": "SELECT info FROM information_schema.processlist WHERE info LIKE '%endless%' AND id <> connection_id()",
}


class Number(mdb.Model):
    """One of a thousand rows."""

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(20))

    class Meta:
        table = "numbers"
        using = "here"


class Endless(mdb.Model):
    """A row of the view."""

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20))

    class Meta:
        table = "endless"
        using = "here"


def make(url: str, **settings: object) -> Database:
    """Register the alias ``here`` with a thousand numbers and the view; no guard of memory stands in the way."""
    mdb.connect("here", url, **settings)
    mdb.options.memory_share = None
    metadata = sa.MetaData()
    numbers = sa.Table(
        "numbers",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(20)),
    )
    with databases["here"].begin() as connection:
        metadata.create_all(connection)
        connection.execute(numbers.insert(), [{"id": number, "name": f"n{number}"} for number in range(1000)])
        connection.exec_driver_sql(_VIEW)
    return databases["here"]


def running(target: Target) -> list[str]:
    """Give the statements on the view that a server is busy with, once it had the time to look at its orders."""
    if target.server is None:
        return []
    end = time.monotonic() + 5
    while found := [str(sql) for (sql,) in target.require_server().execute(_RUNNING[target.name])]:
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return found


def database_is_free(target: Target, url: str) -> bool:
    """Tell whether another process may write to a file: nothing holds a lock on it."""
    path = url.removeprefix(target.url_prefix)
    if target.name == "duckdb":
        duckdb.connect(path).close()
    elif target.name == "sqlite":
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        connection.close()
    return True
