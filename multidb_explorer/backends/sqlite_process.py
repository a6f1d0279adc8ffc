"""SQLite's bulk reader: another process reads the file, while this one casts what has been read to its declared types.

SQLite types each value by itself, and the driver over there types columns: it would write a number that stands among
texts as a text. So every value's class is checked first, in the transaction that is read afterwards, and where one is
stored in another class than its column's kind is, the driver of this process reads instead.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.readers import Reader, Request, StepAside, Unreadable
from multidb_explorer.backends.sqlite_child import BATCH, END, FAILED, SCHEMA, USUAL
from multidb_explorer.backends.sqlite_children import Child, lent_child
from multidb_explorer.backends.sqlite_estimates import statement_estimate
from multidb_explorer.backends.sqlite_order import KINDS, order_of, stored_types
from multidb_explorer.backends.sqlite_reader import NotStored, stored_array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ProcessReader"]

_MANY = 1_000_000
"""Values from which on another process is worth its start: a fifth of a second."""

_MOST_BYTES = 1 << 30
"""A batch ends here whatever its rows, since an Arrow array of texts ends at twice as many."""

_SESSION = sa.text(
    "SELECT (SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')), "
    "(SELECT count(*) FROM sqlite_temp_master), (SELECT encoding FROM pragma_encoding), "
    "(SELECT count(*) FROM pragma_table_xinfo(:table) WHERE hidden > 1)"
)

_PLAIN = (sa.Select, sa.Table, sa.Column, sa.Label, sa.UnaryExpression)


class ProcessReader(Reader):
    """Reads whole tables of a file, or long slices of them, in another process."""

    name: ClassVar[str] = "process"
    title: ClassVar[str] = "Arrow batches from another process"

    def refusal(self, request: Request) -> str:
        """Read many stored values of one table that any other session would see as well."""
        if not _is_installed() or not sys.executable:
            return "the extra sqlite is not installed"
        if request.isolated:
            return "the session sees what another one would not"
        if request.most is not None and request.most * len(request.columns) < _MANY:
            return f"{request.most} rows are read as quickly in this process"
        if any(column.kind.name not in KINDS or column.computed for column in request.columns):
            return "a column's values are of no one class"
        return _strangeness(request) or _fewness(request) or _privacy(request)

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Let the other process read on while the last batch is cast."""
        order = order_of(request)
        with lent_child(request.connection.connection.driver_connection) as child:
            answer, pieces = _Answer(child, order, request), _Pieces(request)
            yield from _emptied([batch for piece in answer.ahead() for batch in _tried(pieces, piece)])
            for piece in answer.rest():
                yield from pieces.cut(piece)
            yield from pieces.end()


@cache
def _is_installed() -> bool:
    return find_spec("adbc_driver_sqlite") is not None


def _strangeness(request: Request) -> str:
    if not isinstance(request.connection.connection.driver_connection, sqlite3.Connection):
        return "the driver is another than Python's own"
    url = request.connection.engine.url
    if str(url.database).startswith("file:") or url.query:
        return "the file is opened with options"
    statement = request.statement
    if not isinstance(statement, sa.Select) or not all(map(_is_plain, sa.sql.visitors.iterate(statement))):
        # Another version of SQLite may compute otherwise: the last digits of a sum, for one.
        return "the statement computes"
    return ""


def _is_plain(element: Any) -> bool:
    return type(element.value) is int if isinstance(element, sa.BindParameter) else isinstance(element, _PLAIN)


def _fewness(request: Request) -> str:
    if _file_bytes(str(request.connection.engine.url.database)) < _MANY:
        return "the file is too small to hold many rows"
    statement: Any = request.statement
    rows = statement_estimate(request.connection, statement.limit(None).offset(None))
    if rows is None:
        return "how many rows there are is not known"
    return f"{rows} rows are read as quickly in this process" if rows * len(request.columns) < _MANY else ""


def _file_bytes(path: str) -> int:
    """Give the size of a file with what is still in its log: no value takes less than a byte."""
    files = [Path(path), Path(f"{path}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


def _privacy(request: Request) -> str:
    """Say what another session would not see, or see otherwise."""
    statement: Any = request.statement
    table = statement.get_final_froms()[0].name
    others, temporary, encoding, generated = request.connection.execute(_SESSION, {"table": table}).one()
    if others or temporary:
        return "the session has attached databases or temporary tables"
    if generated:
        return "a column is computed"
    return "" if encoding == "UTF-8" else f"the file's texts are in {encoding}"


def _tried(pieces: _Pieces, piece: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Cast what may not count yet: a value that can't be may be none of the file's, but what the driver made of it."""
    try:
        return list(pieces.cut(piece))
    except (Unreadable, sqlite3.Error) as error:
        raise StepAside(str(error)) from None


def _emptied(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    batches.reverse()
    while batches:
        yield batches.pop()


class _Answer:
    """What the other process says to an order."""

    def __init__(self, child: Child, order: dict[str, Any], request: Request) -> None:
        self._child, self._order, self._columns = child, order, request.columns
        self._schema: Any = None
        self._certain = False

    def ahead(self) -> Iterator[pa.RecordBatch]:
        """Give the order, and the rows that arrive before it is certain that they count."""
        import pyarrow as pa

        try:
            self._child.order(self._order)
        except BrokenPipeError:
            self._ended()
        self._schema = pa.ipc.read_schema(pa.py_buffer(self._next(SCHEMA)[1]))
        if self._schema.types != stored_types(self._columns):
            raise StepAside("the first rows are stored in other classes than their columns'")
        # The very first row is none of the table's.
        skipped, kind, content = 1, *self._next(BATCH, USUAL)
        while kind == BATCH:
            yield pa.ipc.read_record_batch(content, self._schema).slice(skipped)
            skipped, kind, content = 0, *self._next(BATCH, USUAL)
        self._certain = True

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Give all other rows."""
        import pyarrow as pa

        while (message := self._next(BATCH, END))[0] == BATCH:
            yield pa.ipc.read_record_batch(message[1], self._schema)

    def _next(self, *expected: bytes) -> tuple[bytes, Any]:
        try:
            kind, content = self._child.message()
        except EOFError:
            self._ended()
        if kind in expected:
            return kind, content
        reason = bytes(content).decode() if kind == FAILED else "a value is stored in another class than its column's"
        if "database is locked" in reason:
            # It has been waited for already.
            raise sqlite3.OperationalError("database is locked")
        raise sqlite3.DatabaseError(reason) if self._certain else StepAside(reason)

    def _ended(self) -> NoReturn:
        if self._child.stopped:
            raise sqlite3.OperationalError("interrupted") from None
        if self._certain:
            raise sqlite3.OperationalError("the process that read the file was ended from outside") from None
        raise StepAside("the process ended") from None


class _Pieces:
    """Pieces of any size, cut into batches of the size that was asked for."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._kept: list[pa.RecordBatch] = []
        self._missing = request.batch_rows

    def cut(self, piece: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        while piece.num_rows:
            self._kept.append(piece.slice(0, self._missing))
            piece = piece.slice(self._missing)
            self._missing -= self._kept[-1].num_rows
            if not self._missing or sum(kept.nbytes for kept in self._kept) >= _MOST_BYTES:
                yield from self.end()

    def end(self) -> Iterator[pa.RecordBatch]:
        kept, self._kept, self._missing = self._kept, [], self._request.batch_rows
        if kept:
            yield _declared(kept, self._request)


def _declared(pieces: Sequence[pa.RecordBatch], request: Request) -> pa.RecordBatch:
    import pyarrow as pa

    from multidb_explorer.backends.arrow import arrow_schema

    _check_texts(pieces, request)
    arrays, errors = [], {}
    for place, column in enumerate(request.columns):
        try:
            # One cast of many values takes less than many casts.
            stored = pa.concat_arrays([piece.column(place) for piece in pieces])
            arrays.append(_cast(stored, column))
        except NotStored as refused:
            errors[(refused.decoded, place)] = Unreadable(column, refused)
    if errors:
        # The cursor decodes all columns of a batch before it makes the first array: it says the same error.
        raise errors[min(errors)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(request.columns))


def _cast(stored: pa.Array, column: ResultColumn) -> pa.Array:
    from multidb_explorer.backends.sqlite_columns import declared_array

    try:
        return declared_array(stored, column.kind)
    except (ValueError, TypeError, ArithmeticError):
        return stored_array(stored.to_pylist(), column)


def _check_texts(pieces: Sequence[pa.RecordBatch], request: Request) -> None:
    """Let the driver of this process complain of a text that is no UTF-8, of the first in a batch."""
    import pyarrow as pa

    for piece in pieces:
        texts = [place for place, type_ in enumerate(piece.schema.types) if type_ == pa.string()]
        try:
            for place in texts:
                piece.column(place).validate(full=True)
        except pa.ArrowInvalid:
            _complain([(request.columns[place].name, piece.column(place)) for place in texts], request.connection)


def _complain(texts: Sequence[tuple[str, pa.Array]], connection: Connection) -> None:
    import pyarrow as pa

    quoted = connection.dialect.identifier_preparer.quote_identifier
    session: Any = connection.connection.driver_connection
    for row in zip(*(array.cast(pa.binary()).to_pylist() for _, array in texts), strict=True):
        for (name, _), value in zip(texts, row, strict=True):
            session.execute(f"SELECT CAST(? AS TEXT) AS {quoted(name)}", (value,)).fetchone()
