"""Make the tables ready that a way writes to, and compare what it wrote with what it should have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
import writing_data
from sqlalchemy.engine import Connection

import multidb_explorer as mdb
from common.people import Person
from multidb_explorer.connections.registry import databases

__all__ = ["compared", "made_ready", "session"]

Place = Mapping[str, Any]
PEOPLE = Person._source.table


@contextmanager
def session(place: Place) -> Iterator[Connection]:
    """Open a connection of the judge's own, and leave none open: one process has a DuckDB file at a time."""
    mdb.connect("judge", place["url"])
    with databases["judge"].begin() as connection:
        yield connection
    mdb.disconnect("judge")


def made_ready(place: Place, group: str, rows: int) -> None:
    """Make the tables of a group again."""
    with session(place) as connection:
        if group == "instances":
            writing_data.emptied(connection, PEOPLE)
            return
        writing_data.emptied(connection, writing_data.TABLE, half_of=rows if group == "upsert" else 0)
        writing_data.emptied(connection, writing_data.WARM)


def compared(place: Place, group: str, rows: int, only: tuple[str, ...] = ()) -> None:
    """Refuse a result that is not what should be there.

    Parameters
    ----------
    only
        The columns to compare, where the way did not keep the types of the others.
    """
    with session(place) as connection:
        if group == "instances":
            found, expected = _people(connection), {"rows": str(rows), "ids": str(rows * (rows + 1) // 2)}
        else:
            found = writing_data.checksum(connection, writing_data.TABLE, only=only)
            expected = writing_data.checksum(connection, writing_data.SOURCE, rows, only=only)
    differing = {name: (found[name], value) for name, value in expected.items() if found[name] != value}
    if differing:
        raise AssertionError(f"written, expected: {differing}")


def _people(connection: Connection) -> dict[str, str]:
    ids = PEOPLE.c.id
    rows, total = connection.execute(sa.select(sa.func.count(), sa.func.sum(ids)).where(ids > 0)).one()
    return {"rows": str(rows), "ids": str(total)}
