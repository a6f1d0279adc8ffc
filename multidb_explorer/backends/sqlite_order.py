"""What the process that reads SQLite files is ordered to do: to check every value's class, then to read in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.readers import Request

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "order_of", "stored_types"]

_INTEGER, _DOUBLE, _TEXT, _BINARY = "0", "0.0", "''", "x''"

_EXAMPLES = {
    "integer": _INTEGER,
    "boolean": _INTEGER,
    "float": _DOUBLE,
    "decimal": _DOUBLE,
    "binary": _BINARY,
    **dict.fromkeys(("text", "json", "other", "enum", "date", "time", "timestamp", "interval", "uuid"), _TEXT),
}
"""The class that a kind's values are stored in, by a value of it."""

KINDS = frozenset(_EXAMPLES)
"""The kinds whose values are usually of one class."""

_ODD = {
    _INTEGER: "({0} IS NOT NULL AND typeof({0}) <> 'integer')",
    _DOUBLE: "{0} >= ''",
    _TEXT: "({0} IS NOT NULL AND typeof({0}) <> 'text')",
    _BINARY: "{0} < x''",
}
"""How a value of another class is told; numbers are less than any text, and texts less than any bytes."""

_ROUNDED = "{0} NOT BETWEEN -9007199254740992 AND 9007199254740992"
"""It may be an integer that is no double; one of a float column is rounded just as Python does."""

_LONG = "octet_length({0}) > 100000"
_ROWS = 10_000
"""Rows that the process reads at once: of no such long values, an Arrow array holds so many."""

_SMALL_FILE = 1 << 30
"""No batch is longer than an Arrow array where the whole file isn't."""

_FILE = (
    "SELECT (SELECT file FROM pragma_database_list WHERE name = 'main'), timeout, page_count * page_size "
    "FROM pragma_busy_timeout, pragma_page_count, pragma_page_size"
)


def order_of(request: Request) -> dict[str, Any]:
    """Write the order that lets a process read what is requested."""
    path, busy, size = request.connection.exec_driver_sql(_FILE).one()
    statement: Any = request.statement
    names = [f"c{place}" for place in range(len(request.columns))]
    examples = [_EXAMPLES[column.kind.name] for column in request.columns]
    named = f"WITH q({', '.join(names)}) AS ({{}}) "
    odd = " OR ".join(_tests(names, request.columns, small=size < _SMALL_FILE))
    free, ordered = not _is_cut(statement), bool(statement._order_by_clauses)  # noqa: SLF001
    check, checked = _compiled(statement.order_by(None) if free else statement, request.connection)
    # Without a limit, nobody promises the order of a statement inside of another.
    sql, parameters = _compiled(statement.limit(-1) if free and ordered else statement, request.connection)
    return {
        "uri": f"file:{quote(path)}?mode=ro",
        "busy": busy,
        "check": f"{named.format(check)}SELECT 1 FROM q WHERE {odd} LIMIT 1",
        "checked": checked,
        # The driver decides a column's type by its first rows, so the first of all has a value of each class.
        "sql": f"{named.format(sql)}SELECT {', '.join(examples)} UNION ALL SELECT * FROM q",
        "parameters": parameters,
        "size": min(request.batch_rows, _ROWS),
    }


def _tests(names: Sequence[str], columns: Sequence[ResultColumn], *, small: bool) -> list[str]:
    tests = []
    for name, column in zip(names, columns, strict=True):
        example = _EXAMPLES[column.kind.name]
        tests.append(_ODD[example].format(name))
        if column.kind.name == "decimal":
            tests.append(_ROUNDED.format(name))
        if example in (_TEXT, _BINARY) and not small:
            tests.append(_LONG.format(name))
    return tests


def _is_cut(statement: Any) -> bool:
    return statement._limit_clause is not None or statement._offset_clause is not None  # noqa: SLF001


def _compiled(statement: Any, connection: Connection) -> tuple[str, list[int]]:
    """Give the text that the driver would get, and the values in the order of their marks."""
    compiled: Any = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    values = compiled.construct_params()
    return str(compiled), [values[name] for name in compiled.positiontup or ()]


def stored_types(columns: Sequence[ResultColumn]) -> list[pa.DataType]:
    """Give the types of the arrays that arrive."""
    import pyarrow as pa

    types = {_INTEGER: pa.int64(), _DOUBLE: pa.float64(), _TEXT: pa.string(), _BINARY: pa.binary()}
    return [types[_EXAMPLES[column.kind.name]] for column in columns]
