"""Another writer changes rows of the source while they are moved, from the first moment to the last."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import DatabaseError, OperationalError
from multidb_explorer.transfer.report import TransferReport

TABLE = "CREATE TABLE things (id INTEGER PRIMARY KEY, said INTEGER NOT NULL, word VARCHAR(20))"


class Writer:
    """Raises the number of one row after the other, and remembers what it committed.

    Attributes
    ----------
    committed
        The last number of each row whose change was committed while the row was there.
    """

    def __init__(self, alias: str, rows: int) -> None:
        self._database, self._rows = databases[alias], rows
        self._over = threading.Event()
        self._dice = random.Random("writer")
        self.committed: dict[int, int] = {}

    def run(self) -> None:
        statement = sa.text("UPDATE things SET said = :said WHERE id = :id")
        number = 0
        while not self._over.wait(0.005):
            number += 1
            row = self._dice.randrange(self._rows)
            try:
                with self._database.begin() as connection:
                    found = connection.execute(statement, {"said": number, "id": row}).rowcount
            except DatabaseError:
                # The move holds the file or the row; nothing was written.
                continue
            if found:
                self.committed[row] = number

    @contextmanager
    def writing(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run, name="writer")
        thread.start()
        try:
            # It has begun to write before the move begins.
            while thread.is_alive() and len(self.committed) < 3:
                time.sleep(0.005)
            yield
        finally:
            self._over.set()
            thread.join()


def said(alias: str) -> dict[int, int]:
    with databases[alias].connect() as connection:
        return {row.id: row.said for row in connection.execute(sa.text("SELECT id, said FROM things"))}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def sides(request, new_database):
    # PostgreSQL hands its rows over as they are.
    for alias, engine in (("old", request.param), ("new", "postgresql" if request.param == "postgresql" else "sqlite")):
        mdb.connect(alias, new_database(engine))
        with databases[alias].begin() as connection:
            connection.execute(sa.text(TABLE))


def moved(batch: int) -> TransferReport:
    """Move, and go on where the writer held SQLite's file for so long that the move gave up."""
    for _ in range(20):
        try:
            open_ = mdb.transfers()
            return mdb.resume(open_[0].id) if open_ else mdb.move("things", to="new", using="old", batch_size=batch)
        except OperationalError as error:
            assert "locked" in str(error)
    raise AssertionError("The writer never let the move through.")


def moved_under_fire(rows: int, batch: int) -> None:
    with databases["old"].begin() as connection:
        connection.execute(
            sa.text("INSERT INTO things VALUES (:id, 0, :word)"), [{"id": n, "word": f"w{n}"} for n in range(rows)]
        )
    writer = Writer("old", rows)
    with writer.writing():
        report = moved(batch)
    left, came = said("old"), said("new")

    assert report.reconciles
    # In one place at least, and the newest value is not lost.
    assert left.keys() | came.keys() == set(range(rows))
    newest = {**came, **left}
    assert {row: newest[row] for row in writer.committed} == writer.committed
    # What stayed, stayed since it was edited, and each of those is counted; what left is there as it was last.
    table = report.table("things")
    assert table.changed + table.stale == len(left)
    assert table.deleted == rows - len(left)
    assert all(row in writer.committed for row in left)


def test_no_edit_is_lost_while_rows_are_moved(sides):
    moved_under_fire(400, 40)


@pytest.mark.slow
def test_no_edit_of_many_is_lost(sides):
    moved_under_fire(100_000, 5_000)
