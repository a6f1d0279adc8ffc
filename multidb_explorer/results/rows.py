"""From a statement to rows of canonical Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.options import options
from multidb_explorer.results.decoding import Row, decoded, python_rows
from multidb_explorer.results.fetching import fetched
from multidb_explorer.results.reading import Reading, naming, request

__all__ = ["read_rows"]


def read_rows(database: Database, reading: Reading, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run a statement and give all rows as canonical Python values.

    Parameters
    ----------
    database
        Where to run it.
    reading
        The statement and its columns.
    parameters
        Values for a statement that is kept without them.

    Returns
    -------
    list of tuple
        One tuple a row, one value a column.

    Raises
    ------
    ValueNotRepresentable
        For a stored value that its column's type can't hold; the message names the column.
    """
    with database.connect() as connection, naming(database):
        if not database.backend.features.exact_cursor:
            if parameters:
                statement = cast("sa.Select[Any]", reading.statement)
                reading = replace(reading, statement=statement.params(parameters))
            batches = fetched(database.backend, request(database, connection, reading, options.batch_rows))
            return [row for batch in batches for row in python_rows(batch, reading.columns)]
        cursor = connection.execute(reading.statement, parameters).cursor
        columns = decoded(cursor.fetchall(), reading.columns, database.backend)
        return list(zip(*columns, strict=True))
