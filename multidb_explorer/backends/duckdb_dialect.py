"""DuckDB's SQLAlchemy dialect with reflection of its own."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import duckdb_engine
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.sql import compiler

from multidb_explorer.backends.duckdb_files import lent
from multidb_explorer.backends.duckdb_session import OPENING, Session
from multidb_explorer.backends.duckdb_types import Interval, JSONText, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from sqlalchemy.engine import Connection

__all__ = ["MultiDBDuckDBDialect"]

# Names


# Beside those of PostgreSQL.
_RESERVED = frozenset(
    "anti asof at by collation concurrently describe glob lambda lateral pivot pivot_longer pivot_wider positional "  # noqa: SIM905
    "qualify semi show summarize tablesample unpack unpivot".split()
)


class _Preparer(duckdb_engine.DuckDBIdentifierPreparer):
    """Names a schema as one name, whatever dots it has, and quotes every word that DuckDB keeps for itself."""

    def __init__(self, dialect: Any, **kw: Any) -> None:
        super().__init__(dialect, **kw)
        self.reserved_words = {*self.reserved_words, *_RESERVED}

    def format_schema(self, name: str) -> str:
        return self.quote(name)

    def quote_schema(self, schema: str, force: Any = None) -> str:
        return self.quote(schema)


class _DDLCompiler(PGDDLCompiler):
    def get_column_specification(self, column: sa.Column[Any], **kw: Any) -> str:
        # DuckDB has no SERIAL.
        return compiler.DDLCompiler.get_column_specification(self, column, **kw)


# The dialect


# Untyped, since the methods that it overrides are declared differently from release to release.
_Base: Any = duckdb_engine.Dialect


def _single(name: str) -> Callable[..., Any]:
    """Make the method that reflects one table out of the one that reflects many."""

    def read(self: Any, connection: Connection, table_name: str, schema: str | None = None, **_: Any) -> Any:
        multi = getattr(self, name)
        found = dict(multi(connection, schema=schema, filter_names=[table_name], kind=ObjectKind.ANY))
        if (schema, table_name) not in found:
            raise sa.exc.NoSuchTableError(table_name)
        return found[schema, table_name]

    return read


class MultiDBDuckDBDialect(_Base):  # type: ignore[misc]
    """The dialect of duckdb-engine with reflection from DuckDB's own catalog functions."""

    driver = "multidb"
    supports_statement_cache = True
    # Without it SQLAlchemy would turn decimals into doubles on their way in.
    supports_native_decimal = True
    preparer = _Preparer
    ddl_compiler = _DDLCompiler
    colspecs = {  # noqa: RUF012
        **duckdb_engine.Dialect.colspecs,
        sa.JSON: JSONText,
        pg.JSON: JSONText,
        pg.JSONB: JSONText,
        sa.Interval: Interval,
        pg.INTERVAL: Interval,
    }

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        """Open a database; what SQLAlchemy gets is a wrapper that knows of open readers."""
        make = partial(_made, partial(super().connect, *cargs))
        return _opened(lambda: _leased(make, **cparams) or Session(make(**cparams).execute(_SESSION)))

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement, or have it run by the `Opening` that the caller brought along."""
        opening = context.execution_options.get(OPENING) if context is not None else None
        if opening is None:
            super().do_execute(cursor, statement, parameters, context)
            return
        cursor.connection.runs(statement)
        opening(cursor.connection.raw, statement, list(parameters) if parameters else None)
        cursor.description = None

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Run a statement as it is."""
        self.do_execute(cursor, statement, None, context)

    # Reflection, of one table

    get_columns = _single("get_multi_columns")
    get_pk_constraint = _single("get_multi_pk_constraint")
    get_foreign_keys = _single("get_multi_foreign_keys")
    get_unique_constraints = _single("get_multi_unique_constraints")
    get_check_constraints = _single("get_multi_check_constraints")
    get_indexes = _single("get_multi_indexes")
    get_table_comment = _single("get_multi_table_comment")

    def has_table(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        return table_name in _names(connection, schema, ObjectKind.ANY, [table_name])

    def get_view_definition(self, connection: Connection, view_name: str, schema: str | None = None, **kw: Any) -> str:
        rows = _rows(connection, "duckdb_views", schema, [view_name])
        if not rows:
            raise sa.exc.NoSuchTableError(view_name)
        return str(rows[0]["sql"])

    # Reflection, of a whole schema in one query

    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        sql = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() ORDER BY schema_name"
        return [str(name) for name in connection.execute(sa.text(sql)).scalars()]

    def get_table_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        return sorted(_names(connection, schema, ObjectKind.TABLE))

    def get_view_names(self, connection: Connection, schema: str | None = None, *_: Any, **kw: Any) -> list[str]:
        return sorted(_names(connection, schema, ObjectKind.VIEW))

    def get_materialized_view_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        return []

    def get_multi_columns(self, connection: Connection, **kw: Any) -> Any:
        return _per_table(connection, "duckdb_columns", lambda rows: [_column(row) for row in rows], **kw)

    def get_multi_pk_constraint(self, connection: Connection, **kw: Any) -> Any:
        return _per_table(connection, "duckdb_constraints", _primary_key, **kw)

    def get_multi_foreign_keys(self, connection: Connection, **kw: Any) -> Any:
        schema = kw.get("schema")

        def keys(rows: Rows) -> list[dict[str, Any]]:
            return [_foreign_key(row, schema) for row in rows if row["constraint_type"] == "FOREIGN KEY"]

        return _per_table(connection, "duckdb_constraints", keys, **kw)

    def get_multi_unique_constraints(self, connection: Connection, **kw: Any) -> Any:
        return _per_table(connection, "duckdb_constraints", _uniques, **kw)

    def get_multi_check_constraints(self, connection: Connection, **kw: Any) -> Any:
        return _per_table(connection, "duckdb_constraints", _checks, **kw)

    def get_multi_indexes(self, connection: Connection, **kw: Any) -> Any:
        return _per_table(connection, "duckdb_indexes", lambda rows: [_index(row) for row in rows], **kw)

    def get_multi_table_comment(self, connection: Connection, **kw: Any) -> Any:
        found = {row["table_name"]: row["comment"] for row in _rows(connection, "duckdb_tables", kw.get("schema"))}
        found |= {row["view_name"]: row["comment"] for row in _rows(connection, "duckdb_views", kw.get("schema"))}
        return _per_table(connection, None, lambda name: {"text": found.get(name)}, **kw)


# A notebook's output is not the place for the engine's progress. Behind a buffer of the usual megabyte its threads wait
# most of the time for the one that takes the rows out.
_SESSION = "SET enable_progress_bar = false; SET streaming_buffer_size = '16MB'"


def _made(connect: Callable[..., Any], **given: Any) -> Any:
    """Make an engine, in which our local variables are no tables."""
    opened = connect(**given)
    # The wrapper of duckdb-engine passes on what it doesn't know, and gives what is inside.
    made = opened.execute("SET python_enable_replacements = false")
    # DuckDB 2.0 shares a part of a plan between two derived tables also where a filter follows for one of them only,
    # and then counts too few rows for the other.
    (switched_off,) = made.execute("SELECT current_setting('disabled_optimizers')").fetchone()
    if "common_subplan" not in switched_off:
        names = ",".join(filter(None, [switched_off, "common_subplan"]))
        # A version that has no such optimizer says so sooner than it would list those that it has.
        with suppress(duckdb.ParserException):
            made.execute(f"SET disabled_optimizers = '{names}'")
    return made


def _leased(make: Callable[..., Any], **given: Any) -> Session | None:
    """Open a file in the engine that is kept for it; ``None`` for all that is asked for in an unusual way."""
    path, settings = given.get("database", ""), {**given.get("config", {}), **given.get("url_config", {})}
    usual = given.keys() <= {"database", "read_only", "config", "url_config"} and "access_mode" not in settings
    if not usual or not path or ":" in path or "?" in path:
        return None
    inside = {**given, "database": ":memory:", "read_only": False}
    try:
        return lent(
            path,
            lambda: make(**inside),
            lambda lease: Session(lease.connection.execute(_SESSION), lease),
            read_only=bool(given.get("read_only")),
            settings=repr(sorted(settings.items())),
        )
    except duckdb.Error as error:
        if "Unique file handle conflict" in str(error):
            # This process has it open by other means, and may share it.
            return None
        raise


_TRIES = 200
_PAUSE = 0.01


def _opened(connect: Callable[[], Any]) -> Any:
    """Open a file, also in the moment in which another thread closes it: the engine has not let it go yet."""
    for _ in range(_TRIES):
        try:
            return connect()
        except Exception as error:
            if "Unique file handle conflict" not in str(error):
                raise
            time.sleep(_PAUSE)
    return connect()


if TYPE_CHECKING:
    Row = Mapping[str, Any]
    Rows = list[Row]


def _rows(connection: Connection, function: str, schema: str | None, names: Collection[str] | None = None) -> Rows:
    """Read one of DuckDB's catalog functions, for one schema of the database that is open."""
    name = "view_name" if function == "duckdb_views" else "table_name"
    # A star, since the functions gain columns from version to version.
    items = ", CAST(expressions AS VARCHAR[]) AS items" if function == "duckdb_indexes" else ""
    sql = (
        f"SELECT *{items} FROM {function}() WHERE database_name = current_database() "
        "AND schema_name = coalesce(CAST(:schema AS VARCHAR), current_schema())"
    )
    values: dict[str, Any] = {"schema": schema}
    if names is not None:
        sql += f" AND {name} IN (SELECT unnest(CAST(:names AS VARCHAR[])))"
        values["names"] = list(names)
    return [*connection.execute(sa.text(sql), values).mappings()]


def _names(
    connection: Connection, schema: str | None, kind: ObjectKind, names: Collection[str] | None = None
) -> set[str]:
    found = set()
    if ObjectKind.TABLE in kind:
        found |= {row["table_name"] for row in _rows(connection, "duckdb_tables", schema, names) if not row["internal"]}
    if ObjectKind.VIEW in kind:
        found |= {row["view_name"] for row in _rows(connection, "duckdb_views", schema, names) if not row["internal"]}
    return found


def _per_table(
    connection: Connection,
    function: str | None,
    make: Callable[[Any], Any],
    *,
    schema: str | None = None,
    filter_names: Collection[str] | None = None,
    kind: ObjectKind = ObjectKind.TABLE,
    **_: Any,
) -> Iterator[tuple[tuple[str | None, str], Any]]:
    """Yield what `make` makes of each table's rows (of its name, where there is no function to read)."""
    rows: dict[str, Rows] = {}
    for row in _rows(connection, function, schema, filter_names) if function else []:
        rows.setdefault(row["table_name"], []).append(row)
    for name in sorted(_names(connection, schema, kind, filter_names)):
        yield (schema, name), make(rows.get(name, []) if function else name)


def _column(row: Row) -> dict[str, Any]:
    generated = row.get("is_generated", False)
    found: dict[str, Any] = {
        "name": row["column_name"],
        "type": parse_type(row["data_type"]),
        "nullable": row["is_nullable"],
        "default": None if generated else row["column_default"],
        "comment": row["comment"],
        "autoincrement": False,
    }
    if generated:
        found["computed"] = {"sqltext": row.get("generation_expression") or "", "persisted": False}
    return found


def _primary_key(rows: Rows) -> dict[str, Any]:
    found = next((row for row in rows if row["constraint_type"] == "PRIMARY KEY"), None)
    if found is None:
        return {"constrained_columns": [], "name": None}
    return {"constrained_columns": list(found["constraint_column_names"]), "name": found["constraint_name"]}


def _foreign_key(row: Row, schema: str | None) -> dict[str, Any]:
    return {
        "name": row["constraint_name"],
        "constrained_columns": list(row["constraint_column_names"]),
        # A foreign key never leaves its schema in DuckDB.
        "referred_schema": schema,
        "referred_table": row["referenced_table"],
        "referred_columns": list(row["referenced_column_names"]),
        "options": {},
    }


def _uniques(rows: Rows) -> list[dict[str, Any]]:
    return [
        {"name": row["constraint_name"], "column_names": list(row["constraint_column_names"])}
        for row in rows
        if row["constraint_type"] == "UNIQUE"
    ]


def _checks(rows: Rows) -> list[dict[str, Any]]:
    return [
        {"name": row["constraint_name"], "sqltext": row["expression"]}
        for row in rows
        if row["constraint_type"] == "CHECK"
    ]


def _index(row: Row) -> dict[str, Any]:
    expressions = list(row["items"])
    names = [_column_name(expression) for expression in expressions]
    found = {"name": row["index_name"], "column_names": names, "unique": row["is_unique"], "dialect_options": {}}
    return found if None not in names else {**found, "expressions": expressions}


def _column_name(expression: str) -> str | None:
    if expression.startswith('"') and expression.endswith('"'):
        return expression[1:-1].replace('""', '"')
    return expression if re.fullmatch(r"\w+", expression) else None
