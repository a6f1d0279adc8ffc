"""What a transfer starts from: the keys of a QuerySet's rows, or of all rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError, FieldTypeError, KeyRequired
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.stream import read_batches
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.transfer.records import TableName, digest_of

__all__ = ["Roots", "roots_of", "table_called"]


@dataclass(frozen=True, eq=False)
class Roots:
    """The rows that were asked for.

    Attributes
    ----------
    database, table
        Where they are.
    key
        The columns that tell them apart.
    reading
        Gives their keys; ``None`` where it is known that there are none.
    text
        What was asked, in Python.
    """

    database: Database
    table: TableName
    key: tuple[str, ...]
    reading: Reading | None
    text: str

    @property
    def identity(self) -> str:
        """What is the same whenever the same is asked; values are in it as a digest alone."""
        if self.reading is None:
            return digest_of("nothing", self.table)
        compiled = cast("Any", self.reading.statement).compile(self.database.engine)
        return digest_of(str(compiled), {str(name): repr(value) for name, value in compiled.params.items()})

    def keys(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Read the keys, in their order where no other one was asked for."""
        if self.reading is None:
            return
        for batch in read_batches(self.database, self.reading, batch_rows):
            yield batch.rename_columns(list(self.key))

    def count(self) -> int:
        """Count the rows."""
        if self.reading is None:
            return 0
        statement = cast("sa.Select[Any]", self.reading.statement).order_by(None).subquery()
        with self.database.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(statement)) or 0)


def roots_of(source: Any, using: str | None) -> Roots:
    """Understand what shall be copied or moved: a QuerySet, a model, an instance, or a table's name.

    Raises
    ------
    FieldTypeError
        For anything else.
    FieldError
        For a QuerySet whose rows are no rows of its table.
    KeyRequired
        For a table whose rows can't be told apart.
    """
    if isinstance(source, str):
        return _of_table(databases[using or "default"], source)
    queryset = _queryset(source)
    return _of_queryset(queryset if using is None else queryset.using(using))


def _queryset(source: Any) -> QuerySet[Any]:
    if isinstance(source, QuerySet):
        return source
    objects = getattr(source if isinstance(source, type) else type(source), "objects", None)
    if isinstance(objects, QuerySet) and isinstance(source, type):
        return objects
    if isinstance(objects, QuerySet):
        if source.pk is None:
            raise FieldTypeError(f"{source!r} has no key, so it is no row of a database yet.")
        return objects.using(source._state.db).filter(pk=source.pk)
    raise FieldTypeError(
        f"What is copied or moved is a QuerySet, a model, an instance of one, or the name of a table, not "
        f"{type(source).__name__}."
    )


def table_called(catalog: Catalog, name: str) -> TableSchema:
    """Find the table that a text means: ``orders``, ``sales.orders``, or one whose own name has a dot.

    Raises
    ------
    TableDoesNotExist
        When none or several fit.
    """
    own = "." in name and any(table.name == name for table in catalog.tables())
    schema, _, plain = ("", "", name) if own else name.rpartition(".")
    return catalog.table(catalog.find(plain, schema or None), schema or None)


def _of_table(database: Database, name: str) -> Roots:
    catalog = Catalog(database)
    live = table_called(catalog, name)
    if live.kind != "table":
        raise KeyRequired.of_view(database.alias, live.name)
    if not live.key:
        raise KeyRequired.missing(database.alias, live.name)
    table, backend = catalog.core_table(live.name, live.schema), database.backend
    columns = [live.column(part) for part in live.key]
    chosen = [backend.readable(table.c[column.name], column.kind).label(column.name) for column in columns]
    statement = sa.select(*chosen).order_by(*(table.c[name] for name in live.key))
    results = tuple(ResultColumn(column.name, column.kind, column.nullable) for column in columns)
    return Roots(database, (live.name, live.schema), live.key, Reading(statement, results), repr(name))


def _of_queryset(queryset: QuerySet[Any]) -> Roots:
    state = queryset._state
    if state.chosen or state.combination is not None:
        raise FieldError(
            "Whole rows are copied and moved: take a QuerySet without values(), values_list() and set operations. "
            "To leave columns out, see columns= and accept=."
        )
    bound = queryset.bound
    if not bound.key:
        raise KeyRequired.missing(bound.database.alias, bound.table.name)
    plain = state.but(fields=None, deferred=False, related=(), prefetched=(), lock=None)
    if not state.sliced:
        plain = plain.but(order=(), flipped=False)
    keys: QuerySet[Any] = QuerySet(queryset._source, plain)
    asked = keys.values_list(*bound.key)
    if not state.sliced:
        # A join with many rows would give a key once for each of them.
        asked = asked.order_by(*bound.key) if keys.row_by_row else asked.distinct().order_by(*bound.key)
    columns = tuple(str(bound.field(name).column.name) for name in bound.key)
    reading = None if state.empty else asked.reading
    name = (str(bound.table.name), bound.table.schema)
    return Roots(bound.database, name, columns, reading, f"{bound.name} rows of table {name[0]!r}")
