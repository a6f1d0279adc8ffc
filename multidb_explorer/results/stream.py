"""From a statement to Arrow batches, whose types follow the statement's columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.connections.database import Database
from multidb_explorer.options import options
from multidb_explorer.results.decoding import Row, array_by_values
from multidb_explorer.results.fetching import fetched
from multidb_explorer.results.reading import Reading, naming, request
from multidb_explorer.results.rows import read_rows

__all__ = ["read_batches", "read_table"]


def read_batches(
    database: Database, reading: Reading, batch_rows: int | None = None, *, frame: str = ""
) -> Iterator[pa.RecordBatch]:
    """Run a statement and yield its rows as Arrow batches of one schema; the connection is held until the last.

    Parameters
    ----------
    batch_rows
        Rows per batch; ``options.batch_rows`` if not given.
    frame
        The method that a person called to get them, who then sees progress; empty for the package's own reads.
    """
    batches = _batches(database, reading, batch_rows or options.batch_rows)
    # Where other statements need the same connection, a read is finished before its first batch is handed out.
    yield from list(batches) if database.shares_connection else batches


def _batches(database: Database, reading: Reading, size: int) -> Iterator[pa.RecordBatch]:
    with database.connect() as connection, naming(database):
        yield from fetched(database.backend, request(database, connection, reading, size))


def read_table(database: Database, reading: Reading, *, frame: str = "") -> pa.Table:
    """Run a statement and give its whole result as one Arrow table; an empty one has the same schema.

    Parameters
    ----------
    frame
        The method that a person called to get it, who then sees progress and is warned before memory is full.
    """
    if any(column.kind.name == "any" for column in reading.columns):
        return _by_values([column.name for column in reading.columns], read_rows(database, reading))
    return pa.Table.from_batches(read_batches(database, reading, frame=frame), arrow_schema(reading.columns))


def _by_values(names: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.Table.from_arrays([array_by_values(column) for column in columns], names=list(names))
