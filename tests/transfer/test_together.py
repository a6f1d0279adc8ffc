"""Copy and delete as one, with others at work: what they change, or roll back, is never lost."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import DatabaseError
from multidb_explorer.transfer import points

TABLE = "CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(20))"


@pytest.fixture
def two(new_database):
    """Two databases of one MariaDB server, the first with a row."""
    for alias in ("old", "new"):
        mdb.connect(alias, new_database("mariadb"))
        run(alias, TABLE)
    run("old", "INSERT INTO things VALUES (1, 'as it was')")
    return mdb.reflect("things", "old").objects.all()


def run(alias: str, sql: str) -> None:
    with databases[alias].begin() as connection:
        connection.exec_driver_sql(sql)


def rows(alias: str) -> list[tuple[int, str]]:
    with databases[alias].connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT id, name FROM things"))]


@pytest.fixture
def watching():
    """Call something when a transfer passes a place: ``watching("mid_insert", call)``."""
    added = []

    def add(place, call):
        def watch(name):
            if name == place:
                call()

        points.watchers.append(watch)
        added.append(watch)

    yield add
    for watch in added:
        points.watchers.remove(watch)


def test_nobody_changes_a_row_that_is_moved_in_one_session(two, watching) -> None:
    outcome = []

    def edit() -> None:
        def update() -> None:
            try:
                with databases["old"].begin() as connection:
                    connection.exec_driver_sql("SET innodb_lock_wait_timeout = 1")
                    connection.exec_driver_sql("UPDATE things SET name = 'edited' WHERE id = 1")
                outcome.append("edited")
            except DatabaseError:
                outcome.append("held")

        thread = threading.Thread(target=update)
        thread.start()
        thread.join()

    watching("mid_insert", edit)
    mdb.move(two, to="new", mode="SAME_TRANSACTION", progress=False)
    assert outcome == ["held"]
    assert (rows("old"), rows("new")) == ([], [(1, "as it was")])


def test_a_vote_that_somebody_else_rolled_back_takes_nothing_from_the_source(two, watching) -> None:
    class Crash(Exception):
        pass

    crashes = [Crash]

    def crash() -> None:
        if crashes:
            raise crashes.pop()

    watching("after_decision", crash)
    with pytest.raises(Crash):
        mdb.move(two, to="new", mode="TWO_PHASE", progress=False)
    backend = databases["new"].backend
    with databases["new"].connect() as connection:
        (vote,) = backend.in_doubt(connection, "mdb:")
    with databases["new"].connect() as connection:
        backend.finish_prepared(connection, vote, commit=False)
    (transfer,) = mdb.transfers()
    report = mdb.resume(transfer.id)
    # The source's vote was taken back, and all of it done again.
    assert (report.inserted, report.deleted) == (1, 1)
    assert (rows("old"), rows("new")) == ([], [(1, "as it was")])
    for alias in ("old", "new"):
        with databases[alias].connect() as connection:
            assert backend.in_doubt(connection, "mdb:") == []
