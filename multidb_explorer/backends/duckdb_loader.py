"""DuckDB's fast way in: Arrow data is a table to the engine, and one statement inserts what it selects from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.loaders import Load, Loader

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowLoader"]

_ROWS = 100_000
"""Fewer than a row group of the engine: one that comes whole into a temporary table which its own transaction made from
a SELECT is not seen again (DuckDB 2.0)."""
_BYTES = 64 * 2**20
"""What one statement inserts at most, whichever is reached first."""


class ArrowLoader(Loader):
    """Lets the engine read Arrow batches as they are."""

    name: ClassVar[str] = "arrow"
    title: ClassVar[str] = "the engine's own Arrow"

    def refusal(self, load: Load) -> str:
        """Refuse rows that consist of defaults."""
        return "" if load.columns else "no column is given"

    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Insert the batches, some at a time.

        They are taken in the caller's thread: what makes them may read from an open transaction of that thread.
        """
        return sum(_inserted(load, part) for part in _parts(batches))


def _parts(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Put small batches together, since each statement has its price."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in _cut(batches):
        if waiting and (rows + batch.num_rows > _ROWS or size + batch.nbytes > _BYTES):
            yield pa.Table.from_batches(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if rows:
        yield pa.Table.from_batches(waiting)


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)


def _inserted(load: Load, part: pa.Table) -> int:
    names = [column.name for column in load.columns]
    places = [f"c{place}" for place in range(len(names))]
    session: Any = load.connection.connection.driver_connection
    with _registered(session.raw, _plain(part).rename_columns(places)) as view:
        source = sa.select(*map(_given, load.columns, map(load.table.c.get, names), places)).select_from(sa.table(view))
        load.connection.execute(sa.insert(load.table).from_select(names, source, include_defaults=False))
    return int(part.num_rows)


def _given(column: ResultColumn, target: Any, place: str) -> sa.ColumnElement[Any]:
    given: sa.ColumnElement[Any] = sa.column(place)
    if column.kind.name != "other" or isinstance(target.type, sa.types.NullType):
        return given
    # A union would take a text that is NULL for a member of its own.
    return sa.case((given.is_not(None), sa.cast(given, target.type)))


@contextmanager
def _registered(raw: Any, data: pa.Table) -> Iterator[str]:
    """Give the name of a table that the engine sees for as long as the block runs."""
    import duckdb

    name = f"multidb_{uuid4().hex}"
    raw.register(name, data)
    try:
        yield name
    finally:
        # An aborted transaction forgets the name when it is rolled back, and an interrupt closes the connection.
        with suppress(duckdb.TransactionException, duckdb.ConnectionException):
            raw.unregister(name)


def _plain(part: pa.Table) -> pa.Table:
    """Spell out what the engine has no Arrow form for; it reads texts exactly into any type."""
    import pyarrow as pa

    types = [pa.string() if _is_spelled(type_) else type_ for type_ in part.schema.types]
    return part.cast(pa.schema([*zip(part.schema.names, types, strict=True)])) if types != part.schema.types else part


def _is_spelled(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(type_) or pa.types.is_decimal256(type_))
