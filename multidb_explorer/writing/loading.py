"""Which loader writes: the fastest of the product that promises the very values of plain INSERTs."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from time import perf_counter
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.loaders import Load, Loader

__all__ = ["InsertLoader", "loaded"]

_log = logging.getLogger("multidb_explorer.writing")

_CHUNK = 10_000


class InsertLoader(Loader):
    """INSERT statements through the driver: any table, any type, every product."""

    name = "insert"
    title = "INSERT through the driver"

    def refusal(self, load: Load) -> str:  # noqa: ARG002 -- it refuses nothing
        """Write anything."""
        return ""

    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Insert rows of canonical values, many by one call of the driver."""
        statement, count = _insert(load), 0
        names = [f"v{place}" for place in range(len(load.columns))]
        for batch in batches:
            for start in range(0, batch.num_rows, _CHUNK):
                part = batch.slice(start, _CHUNK)
                values = (_python(array, column) for array, column in zip(part.columns, load.columns, strict=True))
                rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
                load.connection.execute(statement, rows if names else [{}] * part.num_rows)
                count += part.num_rows
        return count


def _insert(load: Load) -> sa.Insert:
    # Names of our own, since a column may be called like nothing that a driver takes for a parameter's name.
    bound = {
        column.name: sa.bindparam(f"v{place}", type_=_null_is_null(load.table.c[column.name].type))
        for place, column in enumerate(load.columns)
    }
    return sa.insert(load.table).values(bound) if bound else sa.insert(load.table)


def _null_is_null(type_: Any) -> Any:
    """Make a JSON column take ``None`` for NULL, which it would take for the JSON value null."""
    if not isinstance(type_, sa.JSON):
        return type_
    found = copy.copy(type_)
    found.none_as_null = True
    return found


def _python(array: pa.Array, column: ResultColumn) -> list[Any]:
    values: list[Any] = array.to_pylist()
    if column.kind.name == "decimal" and pa.types.is_decimal256(array.type) and column.kind.precision is None:
        # A column without a scale of its own would keep the zeros that fill up Arrow's.
        return [None if value is None else _shortest(value) for value in values]
    return values


_WIDE = Context(prec=80)


def _shortest(value: Decimal) -> Decimal:
    found = value.normalize(_WIDE)
    return found.quantize(Decimal(1), context=_WIDE) if found.as_tuple().exponent > 0 else found  # type: ignore[operator]


def loaded(backend: Backend, load: Load, batches: Iterable[pa.RecordBatch], alias: str = "") -> Loader:
    """Write batches with the fastest loader that refuses nothing of it.

    Parameters
    ----------
    alias
        Whose table it is, for the log: one line when the load is over, without a value.

    Returns
    -------
    Loader
        Who wrote.
    """
    found = next((loader for loader in backend.loaders if not loader.refusal(load)), InsertLoader())
    began, seen = perf_counter(), _Seen()
    found.load(load, seen.passing(batches))
    spent = perf_counter() - began
    _log.debug("%s: %d rows, %d bytes in %.3f s with %s", alias or "-", seen.rows, seen.size, spent, found.title)
    return found


class _Seen:
    """Counts what passes by."""

    def __init__(self) -> None:
        self.rows = self.size = 0

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            self.rows += batch.num_rows
            self.size += batch.nbytes
