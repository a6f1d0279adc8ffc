"""A table on one side of a transfer: its rows by their keys, as Arrow tables of its own types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.moving import Keeps
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import TableDoesNotExist
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.stream import read_batches
from multidb_explorer.schema.catalog import Column, TableSchema
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.writing.into import Slot
from multidb_explorer.writing.statements import exact_key_condition

__all__ = ["Key", "Side", "keys_of"]

Key = tuple[Any, ...]
Condition = sa.ColumnElement[bool]

_LISTED = frozenset({"integer", "uuid", "text"})
"""Kinds of keys that a list of any length finds."""
_CHUNK = 200
_LIST = 10_000
_DENSE = 2
"""A range of numbers is read as a whole where at least every second one is wanted."""


def keys_of(table: pa.Table | pa.RecordBatch, names: Sequence[str]) -> list[Key]:
    """Give the keys of rows as tuples of canonical values."""
    return list(zip(*(_values(table.column(name)) for name in names), strict=True))


def _values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    if pa.types.is_integer(column.type) and not column.null_count:
        # Ten times as fast, and all keys of most tables.
        return list(column.to_numpy().tolist())
    return list(column.to_pylist())


@dataclass(frozen=True, eq=False)
class Side:
    """A table of one database.

    Attributes
    ----------
    live
        What there is to know of it.
    key
        The columns that tell its rows apart.
    """

    database: Database
    catalog: Catalog
    live: TableSchema
    key: tuple[str, ...]

    @cached_property
    def table(self) -> sa.Table:
        """Its SQLAlchemy form."""
        return self.catalog.core_table(self.live.name, self.live.schema)

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Its columns by name."""
        return {column.name: column for column in self.live.columns}

    @cached_property
    def keeps(self) -> Mapping[str, Keeps]:
        """What its columns do to values; nothing is known of a table that is yet to be made."""
        with suppress(TableDoesNotExist), self.database.connect() as connection:
            return self.database.backend.keeps(connection, self.table)
        return {}

    @property
    def where(self) -> str:
        """The table and its alias, for messages."""
        return f"table {self.live.name!r} on alias {self.database.alias!r}"

    def slot(self, name: str) -> Slot:
        """Give a column as a write sees it."""
        column = self.columns[name]
        return Slot(name, column.kind, column.nullable, column.nullable or column.made_by_server, column.generated)

    def results(self, names: Sequence[str]) -> tuple[ResultColumn, ...]:
        """Describe some columns as readers do."""
        return tuple(ResultColumn(name, self.columns[name].kind, self.columns[name].nullable) for name in names)

    # Reading

    def batches(self, names: Sequence[str], *conditions: Condition, ordered: bool = False) -> Iterator[pa.RecordBatch]:
        """Read some columns of the rows that fulfil conditions."""
        backend = self.database.backend
        chosen = [backend.readable(self.table.c[name], self.columns[name].kind).label(name) for name in names]
        statement = sa.select(*chosen).select_from(self.table).where(*conditions)
        if ordered:
            statement = statement.order_by(*(self.table.c[name] for name in self.key))
        return read_batches(self.database, Reading(statement, self.results(names)))

    def read(self, names: Sequence[str], *conditions: Condition) -> pa.Table:
        """Read some columns of the rows that fulfil conditions, as one table."""
        return pa.Table.from_batches(self.batches(names, *conditions), arrow_schema(self.results(names)))

    def by_keys(self, names: Sequence[str], keys: Sequence[Key]) -> pa.Table:
        """Read some columns, among them the key, of the rows with some keys; a key without a row is left out."""
        found = [self.read(names, condition) for condition in self.conditions(keys)]
        return self.wanted(found, keys) if found else arrow_schema(self.results(names)).empty_table()

    def wanted(self, found: Sequence[pa.Table], keys: Sequence[Key]) -> pa.Table:
        """Put together what was found by `conditions`, without the rows that nobody asked for."""
        table = pa.concat_tables(found)
        wanted = set(keys)
        if table.num_rows == len(wanted) and self._finds_exactly:
            return table
        # A range, or a list of texts, may give rows that nobody asked for.
        return table.filter(pa.array([key in wanted for key in keys_of(table, self.key)], pa.bool_()))

    @property
    def _finds_exactly(self) -> bool:
        return all(self.columns[name].kind.name in ("integer", "uuid") for name in self.key)

    def conditions(self, keys: Sequence[Key], *, exactly: bool = False) -> Iterator[Condition]:
        """Write conditions that together find the rows with some keys, few where the keys are plain.

        Parameters
        ----------
        exactly
            Whether they must find no other row.
        """
        yield from self.among(self.key, keys, exactly=exactly)

    def among(self, names: Sequence[str], values: Sequence[Key], *, exactly: bool = False) -> Iterator[Condition]:
        """Write conditions that together find the rows with some values in some columns."""
        backend, columns = self.database.backend, [self.table.c[name] for name in names]
        kinds = {self.columns[name].kind.name for name in names}
        if not values:
            return
        # A column of loose types may hold 2.5 between 2 and 3, and nobody asked for that row.
        ranges = len(names) == 1 and kinds == {"integer"} and not (exactly and backend.features.loose_types)
        dense = _range(values, 1 if exactly else _DENSE) if ranges else None
        if dense is not None:
            yield columns[0].between(*dense)
            return
        if not kinds <= _LISTED:
            for start in range(0, len(values), _CHUNK):
                some = values[start : start + _CHUNK]
                yield sa.or_(
                    *(exact_key_condition(backend, self.table, dict(zip(names, key, strict=True))) for key in some)
                )
            return
        for start in range(0, len(values), _LIST):
            some = values[start : start + _LIST]
            if len(names) == 1:
                yield backend.member(columns[0], [value for (value,) in some])
            else:
                yield backend.member_keys(columns, some)

    def matching(self, names: Sequence[str], values: Sequence[Key], read: Sequence[str]) -> pa.Table:
        """Read some columns of the rows with some values in some columns, found as this database finds them."""
        found = [self.read(read, condition) for condition in self.among(names, values)]
        return pa.concat_tables(found) if found else arrow_schema(self.results(read)).empty_table()

    # Writing

    def lock(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Hold rows until the transaction ends, where the product knows such locks."""
        for condition in self.conditions(keys, exactly=True):
            self.database.backend.lock_rows(connection, sa.select(self.table.c[self.key[0]]).where(condition))

    def delete(self, connection: Connection, keys: Sequence[Key]) -> int:
        """Delete the rows with some keys and tell how many there were."""
        matched: Callable[[Connection, Any], int] = self.database.backend.matched
        return sum(
            matched(connection, sa.delete(self.table).where(condition))
            for condition in self.conditions(keys, exactly=True)
        )

    def update(self, connection: Connection, values: Mapping[str, Any], keys: Sequence[Key]) -> int:
        """Set columns of the rows with some keys to the same values and tell how many rows there were."""
        matched: Callable[[Connection, Any], int] = self.database.backend.matched
        given = {name: sa.null() if value is None else value for name, value in values.items()}
        return sum(
            matched(connection, sa.update(self.table).where(condition).values(given))
            for condition in self.conditions(keys, exactly=True)
        )


def _range(values: Sequence[Key], density: int) -> tuple[int, int] | None:
    """Give the ends of a range of which at least so many numbers, every second or all, are wanted."""
    if len(values) <= _DENSE:
        return None
    numbers = {value for (value,) in values}
    if set(map(type, numbers)) != {int}:
        return None
    low, high = min(numbers), max(numbers)
    return (low, high) if high - low < density * len(numbers) else None
