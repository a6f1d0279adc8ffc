"""From what a driver's cursor gives to canonical Python values and Arrow arrays, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.base import Backend, Decoder
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.computed import computed, span
from multidb_explorer.backends.readers import Unreadable
from multidb_explorer.results.by_values import array_by_values

__all__ = ["Row", "decoded", "python_rows", "to_arrays", "to_batch"]

Row = tuple[Any, ...]


def to_batch(rows: Sequence[Row], columns: Sequence[ResultColumn], backend: Backend) -> pa.RecordBatch:
    """Make a batch of a cursor's rows."""
    return pa.RecordBatch.from_arrays(to_arrays(rows, columns, backend), schema=arrow_schema(columns))


def to_arrays(rows: Sequence[Row], columns: Sequence[ResultColumn], backend: Backend) -> list[pa.Array]:
    """Make an Arrow array of each column of a cursor's rows.

    Raises
    ------
    Unreadable
        For a value that its column can't hold.
    """
    return [_array(values, column) for values, column in zip(decoded(rows, columns, backend), columns, strict=True)]


def decoded(rows: Sequence[Row], columns: Sequence[ResultColumn], backend: Backend) -> list[Sequence[Any]]:
    """Turn a cursor's rows into columns of canonical values."""
    if not rows:
        return [()] * len(columns)
    return [_decode(values, column, backend) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]


def _decode(values: Sequence[Any], column: ResultColumn, backend: Backend) -> Sequence[Any]:
    decoder: Decoder | None = backend.decoder(column.kind)
    if column.computed:
        decoder = computed(column.kind, decoder)
    if decoder is None or _is_canonical(values, column):
        return values
    try:
        return [None if value is None else decoder(value) for value in values]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Unreadable(column, error) from None


def _is_canonical(values: Sequence[Any], column: ResultColumn) -> bool:
    """Tell whether there is nothing to decode; to look at a column's types takes a seventh of decoding it."""
    wanted = _CANONICAL.get(column.kind.name)
    return wanted is not None and wanted.issuperset(map(type, values))


_CANONICAL = {"integer": {int, type(None)}, "text": {str, type(None)}}


def _array(values: Sequence[Any], column: ResultColumn) -> pa.Array:
    if column.kind.name == "any":
        return array_by_values(values)
    try:
        return to_array(values, column.kind)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise Unreadable(column, error) from None


def python_rows(batch: pa.RecordBatch, columns: Sequence[ResultColumn]) -> Iterator[Row]:
    """Turn a batch back into rows of canonical Python values."""
    return zip(*map(_python_values, batch.columns, columns), strict=True)


def _python_values(array: pa.Array, column: ResultColumn) -> list[Any]:
    values: list[Any] = array.to_pylist()
    if column.computed and column.kind.name == "interval":
        return [None if value is None else span(value) for value in values]
    return values
