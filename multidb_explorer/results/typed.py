"""SQL text that a person typed, read with the types that the database tells of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.raw import Described, Prepared, is_query, leaves_transaction
from multidb_explorer.backends.readers import Unreadable
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import ReadOnlyAlias, whole_number
from multidb_explorer.options import options
from multidb_explorer.results.by_values import array_by_values
from multidb_explorer.results.decoding import Row, to_arrays, to_batch
from multidb_explorer.results.fetching import fetched
from multidb_explorer.results.notices import tell_of_rounding, tell_of_text
from multidb_explorer.results.reading import Reading, naming, request
from multidb_explorer.results.text import bound_text

__all__ = ["read_sql_text"]


@dataclass(frozen=True)
class _Asked:
    """What a person wants: the text, its values, how many rows, and what is known of columns by their names."""

    database: Database
    sql: str
    params: Mapping[str, Any]
    limit: int | None
    kinds: Mapping[str, Kind]

    @property
    def batch_rows(self) -> int:
        return options.batch_rows if self.limit is None else max(1, min(self.limit, options.batch_rows))


def read_sql_text(
    database: Database,
    sql: str,
    params: Mapping[str, Any] | None = None,
    limit: int | None = None,
    *,
    write: bool = False,
    kinds: Mapping[str, Kind] | None = None,
) -> pa.Table:
    """Run SQL text with bound parameters.

    Parameters
    ----------
    sql
        One statement; ``:name`` stands for a parameter wherever `params` has that name.
    params
        The values; they are bound, never written into the text.
    limit
        Fetch at most this many rows; the rest is not downloaded.
    write
        Whether the statement may write. By default the database itself refuses to, in a read-only transaction.
    kinds
        What columns hold, by name, for those of which the database does not say; where the values are of another
        kind, they decide.

    Returns
    -------
    pyarrow.Table
        Typed by what the database said of the result; without columns for a statement that gives no rows. Names that
        come twice are kept.

    Raises
    ------
    ReadOnlyAlias
        For a writing statement without ``write=True``, or on a read-only alias.
    """
    if not write and leaves_transaction(sql):
        raise ReadOnlyAlias.leaving(database.alias)
    most = None if limit is None else whole_number("limit", limit, least=0)
    asked = _Asked(database, sql, params or {}, most, kinds or {})
    session = database.begin() if write else database.connect(read_only=True)
    with session as connection, naming(database):
        known = None if write or not is_query(sql) else _prepared(asked, connection)
        if known is not None:
            return _by_reader(asked, connection, known)
        return _by_cursor(asked, connection, stream=limit is not None and not write and is_query(sql))


# Through the product's own reader


def _prepared(asked: _Asked, connection: Connection) -> Prepared | None:
    bind = partial(bound_text, params=asked.params)
    return asked.database.backend.prepared(connection, asked.sql, bind, asked.limit)


def _by_reader(asked: _Asked, connection: Connection, known: Prepared) -> pa.Table:
    columns = tuple(one.column for one in known.columns)
    reading = Reading(known.statement, columns, asked.limit)
    batches = fetched(asked.database.backend, request(asked.database, connection, reading, asked.batch_rows))
    _tell(asked, known.columns)
    return pa.Table.from_batches(_first_rows(batches, asked.limit), arrow_schema(columns))


def _first_rows(batches: Iterator[pa.RecordBatch], limit: int | None) -> list[pa.RecordBatch]:
    if limit is None:
        return list(batches)
    found: list[pa.RecordBatch] = []
    with closing(batches):  # type: ignore[type-var]
        while limit > 0 and (batch := next(batches, None)) is not None:
            found.append(batch.slice(0, limit))
            limit -= batch.num_rows
    return found


def _tell(asked: _Asked, columns: Sequence[Described]) -> None:
    opaque = [one for one in columns if one.column.kind.name == "other"]
    tell_of_text(asked.database, {one.column.name: one.type_name for one in opaque})
    tell_of_rounding(asked.database, {one.column.name: one.rounded for one in columns if one.rounded})


# Through the driver's cursor


def _by_cursor(asked: _Asked, connection: Connection, *, stream: bool) -> pa.Table:
    result = _executed(asked, connection, stream=stream)
    if not result.returns_rows or result.cursor is None:
        return pa.table({})
    backend = asked.database.backend
    try:
        said = backend.described(result.cursor)
        columns = [one.column for one in said]
        _tell(asked, said)
        chunks = _chunks(asked, result)
        if not any(column.kind.name == "any" for column in columns):
            return pa.Table.from_batches([to_batch(rows, columns, backend) for rows in chunks], arrow_schema(columns))
        return _by_values(asked, [row for rows in chunks for row in rows], columns)
    finally:
        if result.cursor is not None:
            backend.abandon(connection, result.cursor)
        result.close()


def _executed(asked: _Asked, connection: Connection, *, stream: bool) -> CursorResult[Any]:
    if not stream:
        return _sent(asked, connection, stream=False)
    try:
        return _sent(asked, connection, stream=True)
    except (sa.exc.ProgrammingError, sa.exc.NotSupportedError):
        # Not every text can stand in a cursor's declaration; what is wrong with it is best said of the text itself.
        # No other error leads here: what was stopped must not begin again.
        connection.rollback()
        return _sent(asked, connection, stream=False)


def _sent(asked: _Asked, connection: Connection, *, stream: bool) -> CursorResult[Any]:
    statement = bound_text(asked.sql, asked.params)
    if statement.compile().params:
        return connection.execute(statement, execution_options={"stream_results": stream})
    # The text goes to the driver as it is: no percent sign or colon has a meaning, or is doubled.
    plain = {"no_parameters": True, "stream_results": stream}
    return connection.exec_driver_sql(asked.sql, execution_options=plain)


def _chunks(asked: _Asked, result: CursorResult[Any]) -> Iterator[Sequence[Row]]:
    """Yield rows, and ask the database for none beyond the limit."""
    left = asked.limit
    while left is None or left > 0:
        # Not cursor.fetchmany: a streaming result has taken the first rows out of the cursor into a buffer already.
        size = asked.batch_rows if left is None else min(left, asked.batch_rows)
        rows: Sequence[Row] = result.cursor_strategy.fetchmany(result, result.cursor, size)
        if not rows:
            return
        yield rows
        left = None if left is None else left - len(rows)


def _by_values(asked: _Asked, rows: Sequence[Row], columns: Sequence[ResultColumn]) -> pa.Table:
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [_array(asked, column, found) for column, found in zip(columns, values, strict=True)]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(asked: _Asked, column: ResultColumn, values: Sequence[Any]) -> pa.Array:
    named = asked.kinds.get(column.name)
    if column.kind.name != "any" or named is None:
        return array_by_values(values) if column.kind.name == "any" else _typed(asked, column, values)
    try:
        return _typed(asked, ResultColumn(column.name, named), values)
    except Unreadable:
        # It only has the name of a column: the SQL made something else of it.
        return array_by_values(values)


def _typed(asked: _Asked, column: ResultColumn, values: Sequence[Any]) -> pa.Array:
    (array,) = to_arrays([(value,) for value in values], [column], asked.database.backend)
    return array
