"""SQLite's bulk reader: a second process reads the file while this one turns what it has read into declared columns.

SQLite types each value by itself, and the driver over there each column: it would write a number into a text column as
text. So the whole statement is checked first, in the transaction that is read afterwards, and where a single value is
stored in another class than its column's kind has, the driver of this process reads instead.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.readers import Reader, Request, StepAside, Unreadable
from multidb_explorer.backends.sqlite_child import BATCH, END, FAILED, ODD, SCHEMA
from multidb_explorer.backends.sqlite_children import Child, lent_child
from multidb_explorer.backends.sqlite_estimates import statement_estimate
from multidb_explorer.backends.sqlite_reader import _array, _Refused

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ProcessReader"]

_MANY = 100_000
"""Rows from which on a second process is worth its start."""

_INTEGER, _DOUBLE, _TEXT, _BINARY = "0", "0.0", "''", "x''"

_STORED = {
    "integer": _INTEGER,
    "boolean": _INTEGER,
    "float": _DOUBLE,
    "decimal": _DOUBLE,
    "binary": _BINARY,
    **dict.fromkeys(("text", "json", "other", "enum", "date", "time", "timestamp", "interval", "uuid"), _TEXT),
}
"""The class that a kind's values are stored in, by an example of it."""

_ODD = {
    _INTEGER: "({0} IS NOT NULL AND typeof({0}) <> 'integer')",
    _DOUBLE: "{0} >= ''",
    _TEXT: "{0} < '' OR {0} >= x''",
    _BINARY: "{0} < x''",
}
"""How a value of any other class is told: numbers come before texts, and texts before bytes."""

_ROUNDED = "{0} > 9007199254740992 OR {0} < -9007199254740992"
"""An integer that is no double, where both stand for decimals."""


class ProcessReader(Reader):
    """Reads whole tables of a file in a process of its own."""

    name: ClassVar[str] = "process"
    title: ClassVar[str] = "Arrow batches from a second process"

    def refusal(self, request: Request) -> str:
        """Read many stored values of one table that any other session would see."""
        if not _installed():
            return "the extra sqlite is not installed"
        if request.isolated:
            return "the session sees what another one would not"
        if request.most is not None and request.most < _MANY:
            return f"{request.most} rows are read as quickly in this process"
        if any(column.kind.name not in _STORED for column in request.columns):
            return "a column has no class of values"
        return _strange(request) or _few(request)

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Let the process read, and cast each batch while it reads the next."""
        order = _Order(request).written()
        with lent_child(request.connection) as child:
            child.order(order)
            yield from _read(child, request)
            child.obeyed()


@cache
def _installed() -> bool:
    return find_spec("adbc_driver_sqlite") is not None


def _strange(request: Request) -> str:
    connection, statement = request.connection, request.statement
    if not isinstance(connection.connection.driver_connection, sqlite3.Connection):
        return "the driver is another than Python's own"
    url = connection.engine.url
    if str(url.database).startswith("file:") or url.query:
        return "the file is opened in a way of its own"
    if not isinstance(statement, sa.Select) or not all(map(_is_plain, sa.sql.visitors.iterate(statement))):
        return "the statement computes"
    return ""


_PLAIN = (sa.Select, sa.Table, sa.Column, sa.Label, sa.UnaryExpression)


def _is_plain(element: Any) -> bool:
    """Tell whether something means the same to any version of SQLite."""
    if isinstance(element, sa.BindParameter):
        return type(element.value) is int
    return isinstance(element, _PLAIN)


def _few(request: Request) -> str:
    statement: Any = request.statement
    whole = statement.limit(None).offset(None)
    rows = statement_estimate(request.connection, whole)
    if rows is None:
        return "how many rows there are is not known"
    if rows < _MANY:
        return f"{rows} rows are read as quickly in this process"
    return _unseen(request)


_SESSION = sa.text(
    "SELECT (SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')), "
    "(SELECT count(*) FROM sqlite_temp_master), (SELECT encoding FROM pragma_encoding), "
    "(SELECT count(*) FROM pragma_table_xinfo(:table) WHERE hidden > 1)"
)


def _unseen(request: Request) -> str:
    """Say what another session would not see, or see otherwise."""
    statement: Any = request.statement
    table = statement.get_final_froms()[0].name
    others, temporary, encoding, generated = request.connection.execute(_SESSION, {"table": table}).one()
    if others or temporary:
        return "the session has attached databases or temporary tables"
    if generated:
        return "the table has generated columns"
    return "" if encoding == "UTF-8" else f"the file is encoded in {encoding}"


@dataclass(frozen=True)
class _Order:
    """What the other process is asked for."""

    request: Request

    def written(self) -> dict[str, Any]:
        path, busy = self._place()
        statement: Any = self.request.statement
        limited = statement._limit_clause is not None or statement._offset_clause is not None  # noqa: SLF001
        check, checked = self._compiled(statement if limited else statement.order_by(None))
        # Without a limit, the order of a statement inside another one is nobody's promise.
        sql, parameters = self._compiled(statement if limited else statement.limit(-1))
        names = [f"c{place}" for place in range(len(self.request.columns))]
        classes = [_STORED[column.kind.name] for column in self.request.columns]
        tests = [_ODD[class_].format(name) for name, class_ in zip(names, classes, strict=True)]
        decimals = (column.kind.name == "decimal" for column in self.request.columns)
        tests += [_ROUNDED.format(name) for name, decimal in zip(names, decimals, strict=True) if decimal]
        given = f"WITH q({', '.join(names)}) AS ({{}}) "
        return {
            "uri": f"file:{quote(path)}?mode=ro",
            "busy": busy,
            "check": given.format(check) + f"SELECT 1 FROM q WHERE {' OR '.join(tests)} LIMIT 1",
            "checked": checked,
            "sql": given.format(sql) + f"SELECT {', '.join(classes)} UNION ALL SELECT * FROM q",
            "parameters": parameters,
            "size": self.request.batch_rows,
        }

    def _place(self) -> tuple[str, int]:
        asked = "SELECT (SELECT file FROM pragma_database_list WHERE name = 'main'), timeout FROM pragma_busy_timeout"
        path, busy = self.request.connection.exec_driver_sql(asked).one()
        return path, busy

    def _compiled(self, statement: sa.Executable) -> tuple[str, list[int]]:
        compiled: Any = statement.compile(
            dialect=self.request.connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        values = compiled.construct_params()
        return str(compiled), [values[name] for name in compiled.positiontup or ()]


def _read(child: Child, request: Request) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    kind, content = child.message()
    if kind == ODD:
        child.obeyed()
        raise StepAside("a value is stored in another class than its column has")
    if kind == FAILED:
        child.obeyed()
        raise StepAside(bytes(content).decode())
    if kind != SCHEMA:
        raise StepAside("the process ended")
    schema = pa.ipc.read_schema(pa.py_buffer(content))
    kept: list[pa.RecordBatch] = []
    missing, first, size = request.batch_rows, 1, request.batch_rows
    while True:
        kind, content = child.message()
        if kind != BATCH:
            break
        piece = pa.ipc.read_record_batch(content, schema).slice(first)
        first = 0
        while piece.num_rows:
            kept.append(piece.slice(0, missing))
            missing -= kept[-1].num_rows
            piece = piece.slice(kept[-1].num_rows)
            if not missing:
                whole, kept, missing = kept, [], size
                yield _made(whole, request.columns)
    if kept:
        yield _made(kept, request.columns)


def _made(pieces: Sequence[pa.RecordBatch], columns: Sequence[ResultColumn]) -> pa.RecordBatch:
    import pyarrow as pa

    from multidb_explorer.backends.arrow import arrow_schema
    from multidb_explorer.backends.sqlite_columns import declared_array

    arrays = []
    for place, column in enumerate(columns):
        some = []
        for piece in pieces:
            stored = piece.column(place)
            try:
                some.append(declared_array(stored, column.kind))
            except (ValueError, TypeError, ArithmeticError):
                some.append(_array(stored.to_pylist(), column))
        arrays.append(some[0] if len(some) == 1 else pa.concat_arrays(some))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))
