"""SQLite's fast reader: few rows at a time from the driver's own cursor, turned into Arrow a column at a time.

The session reads itself, so what it alone sees is read too: an open transaction, a memory database, temporary tables.
No second copy of SQLite may open the same file in this process: the system keeps a file's locks for each process, so
one copy would take those of the other for its own, and drop them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.readers import Reader, Request, Unreadable
from multidb_explorer.backends.sqlite_arrays import array_of
from multidb_explorer.backends.sqlite_values import decoder_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ColumnReader", "NotStored", "stored_array"]

_Fetch = Callable[[int], Sequence[Any]]

_SLICE = 4_000
"""Rows fetched at once: few enough for the processor's cache, many enough for Arrow."""

_MOST_BYTES = 1 << 30
"""A batch ends here whatever its rows, since an Arrow array of texts ends at twice as many."""


class ColumnReader(Reader):
    """Reads with the driver's cursor and decodes whole columns, and value by value only what is stored oddly."""

    name: ClassVar[str] = "columns"
    title: ClassVar[str] = "the driver's cursor, a column at a time"

    def refusal(self, request: Request) -> str:
        """Read what has a declared type, with Python's own driver."""
        if not isinstance(request.connection.connection.driver_connection, sqlite3.Connection):
            return "the driver is another than Python's own"
        if any(column.kind.name == "any" for column in request.columns):
            return "a column is typed by its values alone"
        if any(column.computed and column.kind.name == "interval" for column in request.columns):
            return "an interval is computed"
        return ""

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Run the statement and gather its rows, slice by slice, into batches."""
        result = request.connection.execute(request.statement)
        try:
            fetch = partial(_fetched, result, result.cursor)
            while batch := _Batch(request.columns).filled(fetch, request.batch_rows):
                yield batch
        finally:
            result.close()


def _fetched(result: Any, cursor: Any, size: int) -> Sequence[Any]:
    """Fetch through SQLAlchemy, so that an error of the driver is wrapped as any other."""
    rows: Sequence[Any] = result.cursor_strategy.fetchmany(result, cursor, size)
    return rows


class _Batch:
    """The columns of one batch while its rows arrive."""

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = columns
        self._pieces: list[list[pa.Array]] = [[] for _ in columns]
        self._errors: dict[tuple[bool, int], Unreadable] = {}

    def filled(self, fetch: _Fetch, batch_rows: int) -> pa.RecordBatch | None:
        rows, size = 0, 0
        while rows < batch_rows and size < _MOST_BYTES and (some := fetch(min(_SLICE, batch_rows - rows))):
            rows += len(some)
            size += sum(map(self._add, range(len(self._columns)), zip(*some, strict=True)))
        if self._errors:
            # The cursor decodes all columns of a batch before it makes the first array: it says the same error.
            raise self._errors[min(self._errors)]
        return self._made() if rows else None

    def _add(self, place: int, values: Sequence[Any]) -> int:
        column = self._columns[place]
        try:
            piece = stored_array(values, column)
        except NotStored as refused:
            self._errors.setdefault((refused.decoded, place), Unreadable(column, refused))
            return 0
        self._pieces[place].append(piece)
        return int(piece.nbytes)

    def _made(self) -> pa.RecordBatch:
        import pyarrow as pa

        from multidb_explorer.backends.arrow import arrow_schema

        arrays = [pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces) for pieces in self._pieces]
        return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(self._columns))


class NotStored(Exception):
    """A value that its column can't hold, and whether it was decoded before that showed."""

    def __init__(self, error: Exception, *, decoded: bool) -> None:
        super().__init__(str(error))
        self.decoded = decoded


def stored_array(values: Sequence[Any], column: ResultColumn) -> pa.Array:
    """Make the array of a column of stored values, all at once where each is of the usual class.

    Raises
    ------
    NotStored
        For a value that the column's kind can't hold.

    Examples
    --------
    >>> from multidb_explorer.backends.kinds import Kind
    >>> stored_array([1, None], ResultColumn("n", Kind("integer"))).to_pylist()
    [1, None]
    """
    try:
        return array_of(values, column.kind)
    except (ValueError, TypeError, ArithmeticError):
        return _value_by_value(values, column)


def _value_by_value(values: Sequence[Any], column: ResultColumn) -> pa.Array:
    from multidb_explorer.backends.arrow import to_array

    decoder = decoder_of(column.kind, computed=column.computed)
    decoded = values
    if decoder is not None:
        try:
            decoded = [None if value is None else decoder(value) for value in values]
        except (ValueError, TypeError, ArithmeticError) as error:
            raise NotStored(error, decoded=False) from None
    try:
        return to_array(decoded, column.kind)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise NotStored(error, decoded=True) from None
