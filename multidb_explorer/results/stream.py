"""From a statement to rows or Arrow batches, whose types follow the statement's columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.base import Decoder
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.options import options
from multidb_explorer.results.text import bound_text
from multidb_explorer.results.types import ResultColumn, arrow_schema, to_array

__all__ = ["Reading", "read_batches", "read_rows", "read_sql_text", "read_table"]

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Reading:
    """A statement together with what its columns hold."""

    statement: sa.Executable
    columns: tuple[ResultColumn, ...]


def read_rows(database: Database, reading: Reading) -> list[Row]:
    """Run a statement and give all rows as canonical Python values.

    Parameters
    ----------
    database
        Where to run it.
    reading
        The statement and its columns.

    Returns
    -------
    list of tuple
        One tuple a row, one value a column.

    Raises
    ------
    ValueNotRepresentable
        For a stored value that its column's type can't hold; the message names the column.
    """
    with database.connect() as connection:
        native = database.backend.native_batches(connection, reading.statement, options.batch_rows)
        if native is not None:
            batches = [_cast(batch, reading.columns, database) for batch in native]
            return [row for batch in batches for row in _python_rows(batch, reading.columns)]
        cursor = connection.execute(reading.statement).cursor
        columns = list(zip(*cursor.fetchall(), strict=True))
        return list(zip(*_decoded(columns, reading.columns, database), strict=True))


def read_batches(database: Database, reading: Reading, batch_rows: int | None = None) -> Iterator[pa.RecordBatch]:
    """Run a statement and yield its rows as Arrow batches of one schema; the connection is held until the last.

    Parameters
    ----------
    batch_rows
        Rows per batch; ``options.batch_rows`` if not given.
    """
    batches = _batches(database, reading, batch_rows or options.batch_rows)
    # Where other statements need the same connection, a read is finished before its first batch is handed out.
    yield from list(batches) if database.shares_connection else batches


def _batches(database: Database, reading: Reading, size: int) -> Iterator[pa.RecordBatch]:
    with database.connect() as connection:
        native = database.backend.native_batches(connection, reading.statement, size)
        if native is not None:
            for batch in native:
                yield _cast(batch, reading.columns, database)
            return
        with _fetching(connection, reading.statement, stream=not database.shares_connection) as fetch:
            while rows := fetch(size):
                yield _to_batch(rows, reading.columns, database)


def read_table(database: Database, reading: Reading) -> pa.Table:
    """Run a statement and give its whole result as one Arrow table; an empty one has the same schema."""
    if any(column.kind.name == "any" for column in reading.columns):
        return _by_values([column.name for column in reading.columns], read_rows(database, reading))
    return pa.Table.from_batches(read_batches(database, reading), arrow_schema(reading.columns))


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
        Fetch at most this many rows.
    write
        Whether the statement may write. By default the database itself refuses to, in a read-only transaction.
    kinds
        What columns hold, by name, for those of which the driver does not say.

    Returns
    -------
    pyarrow.Table
        Typed by what the driver returned; without columns for a statement that gives no rows.

    Raises
    ------
    ReadOnlyAlias
        For a writing statement without ``write=True``, or on a read-only alias.
    """
    session = database.begin() if write else database.connect(read_only=True)
    with session as connection:
        statement = bound_text(sql, params or {})
        if statement.compile().params:
            result = connection.execute(statement)
        else:
            # The text goes to the driver as it is: no percent sign or colon has a meaning, or is doubled.
            result = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        if not result.returns_rows or result.cursor is None:
            return pa.table({})
        names = [str(item[0]) for item in result.cursor.description]
        said = database.backend.described(result.cursor)
        rows = result.cursor.fetchall() if limit is None else result.cursor.fetchmany(limit)
        result.close()
    known = kinds or {}
    columns = [
        ResultColumn(name, known.get(name, kind) if kind.name == "any" else kind)
        for name, kind in zip(names, said, strict=True)
    ]
    arrays = _decoded(list(zip(*rows, strict=True)), columns, database)
    return pa.Table.from_arrays(
        [_array(array, column, database) for array, column in zip(arrays, columns, strict=True)], names=names
    )


@contextmanager
def _fetching(
    connection: Connection, statement: sa.Executable, *, stream: bool
) -> Iterator[Callable[[int], Sequence[Row]]]:
    result = connection.execute(statement, execution_options={"stream_results": stream})
    cursor = result.cursor
    try:
        # Not cursor.fetchmany: a streaming result has taken the first rows out of the cursor into a buffer already.
        yield lambda size: result.cursor_strategy.fetchmany(result, cursor, size)
    finally:
        result.close()


def _to_batch(rows: Sequence[Row], columns: Sequence[ResultColumn], database: Database) -> pa.RecordBatch:
    values = _decoded(list(zip(*rows, strict=True)), columns, database)
    arrays = [_array(array, column, database) for array, column in zip(values, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def _decoded(
    values: Sequence[Sequence[Any]], columns: Sequence[ResultColumn], database: Database
) -> list[Sequence[Any]]:
    if not values:
        return [()] * len(columns)
    return [_decode(array, column, database) for array, column in zip(values, columns, strict=True)]


def _decode(values: Sequence[Any], column: ResultColumn, database: Database) -> Sequence[Any]:
    decoder: Decoder | None = database.backend.decoder(column.kind)
    if column.computed:
        # What an expression gives may come in another form than a stored value: a sum of integers as a decimal.
        decoder = _COMPUTED.get(column.kind.name, decoder)
        if column.kind.name == "decimal":
            values = [Decimal(repr(value)) if isinstance(value, float) else value for value in values]
    if decoder is None:
        return values
    try:
        return [None if value is None else decoder(value) for value in values]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise _unreadable(column, database, error) from None


def _whole(value: Any) -> int:
    found = int(value)
    if found != value:
        raise ValueError(f"{value!r} is not a whole number")
    return found


def _truth(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"{value!r} is neither true nor false")


def _span(value: Any) -> Any:
    """Give a difference of two moments as a timedelta, in whichever form it came."""
    if isinstance(value, dt.timedelta) or value.months:
        return value
    return dt.timedelta(days=value.days, microseconds=value.nanoseconds // 1000)


_COMPUTED: dict[str, Decoder] = {"integer": _whole, "float": float, "boolean": _truth, "interval": _span}


def _array(values: Sequence[Any], column: ResultColumn, database: Database) -> pa.Array:
    if column.kind.name == "any":
        return _array_by_values(values)
    try:
        return to_array(values, column.kind)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise _unreadable(column, database, error) from None


def _unreadable(column: ResultColumn, database: Database, error: Exception) -> ValueNotRepresentable:
    return ValueNotRepresentable(
        f"Column {column.name!r} on alias {database.alias!r} holds a value that is no {column.kind}: {error}. "
        f"Declare the column as text in a model to read what is stored, or leave it out.",
        column=column.name,
    )


def _cast(batch: pa.RecordBatch, columns: Sequence[ResultColumn], database: Database) -> pa.RecordBatch:
    """Bring a product's own Arrow types to the declared ones; nothing is inferred and nothing rounded."""
    arrays = []
    for array, column in zip(batch.columns, columns, strict=True):
        try:
            arrays.append(_cast_array(array, column.kind))
        except (pa.ArrowException, ValueError, KeyError) as error:
            raise _unreadable(column, database, error) from None
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def _cast_array(array: pa.Array, kind: Kind) -> pa.Array:
    schema = arrow_schema([ResultColumn("x", kind)])
    wanted = schema.field(0).type
    if array.type == wanted and kind.name != "enum":
        return array
    if kind.name == "decimal" and pa.types.is_floating(array.type):
        return to_array([None if value is None else Decimal(repr(value)) for value in array.to_pylist()], kind)
    if kind.name in ("uuid", "enum", "interval"):
        decoded = array.to_pylist()
        return to_array([_uuid(value) if kind.name == "uuid" else value for value in decoded], kind)
    return array.cast(wanted)


def _uuid(value: Any) -> Any:
    from uuid import UUID

    return UUID(value) if isinstance(value, str) else value


def _python_rows(batch: pa.RecordBatch, columns: Sequence[ResultColumn]) -> Iterator[Row]:
    return zip(*map(_python_values, batch.columns, columns), strict=True)


def _python_values(array: pa.Array, column: ResultColumn) -> list[Any]:
    values: list[Any] = array.to_pylist()
    if column.computed and column.kind.name == "interval":
        return [None if value is None else _span(value) for value in values]
    return values


def _by_values(names: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.Table.from_arrays([_array_by_values(column) for column in columns], names=list(names))


def _array_by_values(values: Sequence[Any]) -> pa.Array:
    """Type a column whose database keeps a type per value only (an expression in SQLite, for one)."""
    try:
        array = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array
