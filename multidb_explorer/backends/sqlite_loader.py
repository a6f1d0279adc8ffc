"""SQLite's fast way in: columns are turned into stored values whole, and bound some rows at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeDecorator

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import kind_of
from multidb_explorer.backends.loaders import Load, Loader

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ColumnLoader"]

_CHUNK = 8_000
_CHUNK_BYTES = 32 * 2**20
"""What is made into Python objects at one time: so many rows, or fewer that are wide."""

_ABREAST = 8
"""Rows that one statement inserts: each run of a statement costs as much as some values do."""

_MOST_PARAMETERS = 900
"""Below the smallest limit that SQLite was ever built with."""

_Storing = Callable[["pa.Array"], list[Any]]


class ColumnLoader(Loader):
    """Binds the values of whole columns through Python's own driver."""

    name: ClassVar[str] = "columns"
    title: ClassVar[str] = "whole columns through Python's own driver"

    def refusal(self, load: Load) -> str:
        """Refuse another driver, and rows that consist of defaults."""
        if not isinstance(load.connection.connection.driver_connection, sqlite3.Connection):
            return "it needs Python's own driver"
        return "" if load.columns else "no column is given"

    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Write the batches chunk by chunk; an interrupt ends the chunk's statement as it ends any other."""
        inserting = _Inserting(load)
        return sum(inserting.write(chunk) for batch in batches for chunk in _chunks(batch))


def _chunks(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    size = max(1, min(_CHUNK, _CHUNK_BYTES * batch.num_rows // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, size):
        yield batch.slice(start, size)


class _Inserting:
    """The statements of one load, compiled once."""

    def __init__(self, load: Load) -> None:
        self._connection = load.connection
        dialect = load.connection.dialect
        self._abreast = max(1, min(_ABREAST, _MOST_PARAMETERS // len(load.columns)))
        self._one = _insert_text(load, dialect, 1)
        self._several = _insert_text(load, dialect, self._abreast)
        self._storing = [_storing(load.table.c[column.name], column, dialect) for column in load.columns]

    def write(self, batch: pa.RecordBatch) -> int:
        """Insert the rows of a batch, several at a time and the last ones singly."""
        columns = [storing(array) for storing, array in zip(self._storing, batch.columns, strict=True)]
        singly = batch.num_rows % self._abreast
        full, width = batch.num_rows - singly, self._abreast
        strides = [column[row:full:width] for row in range(width) for column in columns]
        _execute(self._connection, self._several, [*zip(*strides, strict=True)])
        _execute(self._connection, self._one, [*zip(*(column[full:] for column in columns), strict=True)])
        return int(batch.num_rows)


def _execute(connection: Connection, text: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        connection.exec_driver_sql(text, rows)


def _insert_text(load: Load, dialect: Dialect, rows: int) -> str:
    """Write the INSERT of some rows, with all that the types of the columns put around a parameter."""
    types = {column.name: load.table.c[column.name].type for column in load.columns}
    # A bare table has no defaults of Python's, which would be bound as well.
    columns = [sa.column(name, type_) for name, type_ in types.items()]
    into = sa.table(load.table.name, *columns, schema=load.table.schema)
    values: Sequence[dict[str, Any]] = [dict.fromkeys(types)] * rows
    return str(sa.insert(into).values(values).compile(dialect=dialect))


def _storing(column: sa.Column[Any], given: ResultColumn, dialect: Dialect) -> _Storing:
    """Choose how the values of a column become what its type stores."""
    from multidb_explorer.backends.sqlite_load_values import canonical_values, stored_values, stores

    kind = given.kind
    usual = kind_of(column.type).name == kind.name and not isinstance(column.type, TypeDecorator)
    if usual and stores(kind):
        return lambda array: stored_values(array, kind)
    bind = column.type.dialect_impl(dialect).bind_processor(dialect)
    if bind is None:
        return lambda array: canonical_values(array, kind)
    return lambda array: [None if value is None else bind(value) for value in canonical_values(array, kind)]
