"""A statement with what its columns hold, and what every way to read it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.readers import Request, Unreadable
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import ValueNotRepresentable

__all__ = ["Reading", "naming", "request"]


@dataclass(frozen=True)
class Reading:
    """A statement together with what its columns hold.

    Attributes
    ----------
    most
        How many rows there are at most, where a slice says so.
    """

    statement: sa.Executable
    columns: tuple[ResultColumn, ...]
    most: int | None = None


def request(database: Database, connection: Connection, reading: Reading, batch_rows: int) -> Request:
    """Say what a reader of the backend is asked for."""
    shared = database.shares_connection
    return Request(
        connection, reading.statement, reading.columns, batch_rows, reading.most, isolated=shared, shared=shared
    )


@contextmanager
def naming(database: Database) -> Iterator[None]:
    """Tell of a value that can't be read where it stands."""
    try:
        yield
    except Unreadable as error:
        column = error.column
        raise ValueNotRepresentable(
            f"Column {column.name!r} on alias {database.alias!r} holds a value that is no {column.kind}: {error}. "
            f"Declare the column as text in a model to read what is stored, or leave it out.",
            column=column.name,
        ) from None
