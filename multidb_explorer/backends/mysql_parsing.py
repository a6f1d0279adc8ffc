"""From MySQL's rows to Arrow batches: a column at once, or value by value exactly as the plain cursor reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.computed import computed
from multidb_explorer.backends.mysql_arrays import STRANGE, array_of, reads
from multidb_explorer.backends.mysql_types import decoder_of
from multidb_explorer.backends.mysql_wire import Cells, Rows
from multidb_explorer.backends.readers import Unreadable

__all__ = ["Parser"]


class Parser:
    """Makes batches of the declared schema.

    Parameters
    ----------
    columns
        What is declared.
    result
        PyMySQL's own, for what the server said of the columns and what the driver would make of them.
    """

    def __init__(self, columns: Sequence[ResultColumn], result: Any) -> None:
        self._columns = columns
        self._schema = arrow_schema(columns)
        self._plans = [
            _plan(column, field, *how)
            for column, field, how in zip(columns, result.fields, result.converters, strict=True)
        ]

    def fetched(self, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
        """Make a batch of rows that the driver has fetched itself."""
        values = zip(*rows, strict=True)
        return self._batch([_by_values(*pair) for pair in zip(values, self._columns, strict=True)])

    def parsed(self, rows: Rows) -> pa.RecordBatch:
        """Make a batch of rows as the server sent them.

        Raises
        ------
        Unreadable
            For a value that its column can't hold.
        """
        columns = rows.columns(len(self._plans))
        return self._batch([plan.array(cells) for plan, cells in zip(self._plans, columns, strict=True)])

    def _batch(self, arrays: list[pa.Array]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


@dataclass(frozen=True)
class _Plan:
    """How one column is read; `encoding` and `convert` are what the driver chose for it."""

    column: ResultColumn
    encoding: str | None
    convert: Callable[[Any], Any] | None
    quick: bool

    def array(self, cells: Cells) -> pa.Array:
        if self.quick:
            with suppress(*STRANGE):
                return array_of(cells, self.column.kind)
        texts = cells.texts()
        values = [text if text is None or self.encoding is None else text.decode(self.encoding) for text in texts]
        if self.convert is not None:
            values = [None if value is None else self.convert(value) for value in values]
        return _by_values(values, self.column)


def _plan(column: ResultColumn, field: Any, encoding: str | None, convert: Callable[[Any], Any] | None) -> _Plan:
    from pymysql import converters

    usual = converters.decoders.get(field.type_code)
    usual = None if usual is converters.through else usual
    return _Plan(column, encoding, convert, convert is usual and reads(column, field.type_code, encoding))


def _by_values(values: Sequence[Any], column: ResultColumn) -> pa.Array:
    """Make the declared array of a column from the driver's values."""
    try:
        return to_array(_canonical(values, column), column.kind)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise Unreadable(column, error) from None


def _canonical(values: Sequence[Any], column: ResultColumn) -> Sequence[Any]:
    decoder = decoder_of(column.kind)
    if column.computed:
        decoder = computed(column.kind, decoder)
    return values if decoder is None else [None if value is None else decoder(value) for value in values]
