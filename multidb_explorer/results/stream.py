"""From a statement to Arrow batches, whose types follow the statement's columns."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.connections.database import Database
from multidb_explorer.options import options
from multidb_explorer.results.by_values import array_by_values
from multidb_explorer.results.decoding import Row
from multidb_explorer.results.fetching import fetched
from multidb_explorer.results.memory import FRAMES, Guard
from multidb_explorer.results.progress import Meter
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

    Raises
    ------
    FrameTooLarge
        Where the batches are kept, as those of an open `atomic` block are, and there is no room for them.
    """
    shared = database.shares_connection
    batches = _batches(database, reading, batch_rows or options.batch_rows, frame, kept="batches" if shared else "")
    # Where other statements need the same connection, a read is finished before its first batch is handed out.
    yield from list(batches) if shared else batches


def _batches(
    database: Database, reading: Reading, batch_rows: int, frame: str, *, kept: str
) -> Generator[pa.RecordBatch, None, None]:
    if frame:
        yield from _watched(database, reading, batch_rows, Guard(database, reading, frame, kept=kept))
        return
    with database.connect() as connection, naming(database):
        yield from fetched(database.backend, request(database, connection, reading, batch_rows), database.alias)


def _watched(
    database: Database, reading: Reading, batch_rows: int, guard: Guard
) -> Generator[pa.RecordBatch, None, None]:
    """Read for a person, who waits for it and has one memory only."""
    with Meter(database.alias) as meter, guard, database.connect() as connection, naming(database):
        asked = request(database, connection, reading, batch_rows)
        with closing(fetched(database.backend, asked, database.alias)) as batches:
            for batch in batches:
                rows, size = batch.num_rows, batch.nbytes
                meter.add(rows, size)
                guard.add(rows, size)
                if guard.wonders:
                    # The session that reads is busy with it.
                    with database.connect() as second:
                        guard.look_ahead(second)
                    meter.estimate = guard.rows
                yield batch


def read_table(database: Database, reading: Reading, *, frame: str = "") -> pa.Table:
    """Run a statement and give its whole result as one Arrow table; an empty one has the same schema.

    Parameters
    ----------
    frame
        The method that a person called to get it, who then sees progress; empty for the package's own reads.

    Raises
    ------
    FrameTooLarge
        For what a person can't keep in memory, before it is read or as soon as it shows.
    """
    if any(column.kind.name == "any" for column in reading.columns):
        return _by_values([column.name for column in reading.columns], read_rows(database, reading))
    kept = "frame" if frame in FRAMES else "batches"
    batches = _batches(database, reading, options.batch_rows, frame, kept=kept)
    with closing(batches):
        return pa.Table.from_batches(batches, arrow_schema(reading.columns))


def _by_values(names: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.Table.from_arrays([array_by_values(column) for column in columns], names=list(names))
