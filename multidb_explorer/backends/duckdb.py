"""DuckDB: files and memory databases, read through Arrow."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects import registry
from sqlalchemy.pool import NullPool, StaticPool

from multidb_explorer.backends.base import Decoder, Driver, Features, ServerInfo, Trouble
from multidb_explorer.backends.duckdb_computing import DuckDBComputing
from multidb_explorer.backends.duckdb_definitions import definition
from multidb_explorer.backends.duckdb_literals import DUCKDB
from multidb_explorer.backends.duckdb_loader import ArrowLoader
from multidb_explorer.backends.duckdb_moving import DuckDBMoving
from multidb_explorer.backends.duckdb_raw import described, prepared
from multidb_explorer.backends.duckdb_reader import ArrowReader
from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.backends.literals import Quoting
from multidb_explorer.backends.loaders import Loader
from multidb_explorer.backends.readers import Reader
from multidb_explorer.backends.values import canonical, month_day_nano
from multidb_explorer.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.types import TypeEngine

    from multidb_explorer.backends.definitions import Definition
    from multidb_explorer.backends.raw import Bind, Described, Prepared

__all__ = ["DuckDBBackend"]

# The dialect's module needs the driver, so it is loaded only when an engine is made.
registry.register("duckdb.multidb", "multidb_explorer.backends.duckdb_dialect", "MultiDBDuckDBDialect")


def _is_memory(url: URL) -> bool:
    return (url.database or ":memory:").startswith(":memory:")


def _is_remote(url: URL) -> bool:
    return bool(re.match(r"[a-z]\w+:", url.database or ""))


class DuckDBBackend(DuckDBComputing, DuckDBMoving):
    """DuckDB through duckdb-engine.

    Examples
    --------
    >>> DuckDBBackend().features.savepoints
    False
    """

    name: ClassVar[str] = "duckdb"
    title: ClassVar[str] = "DuckDB"
    extra: ClassVar[str | None] = "duckdb"
    drivers: ClassVar[tuple[Driver, ...]] = (Driver("duckdb+multidb", "duckdb_engine"),)
    quoting: ClassVar[Quoting] = DUCKDB
    features: ClassVar[Features] = Features(
        files=True,
        deletes_families=False,
        refers_within_statement=False,
        updates_indexed_columns=False,
        read_only_session=True,
        insert_returning=True,
        counts_matched_rows=False,
        schemas=True,
        savepoints=False,
        filters_aggregates=True,
        distinct_on=True,
        null_order="last",
        explain_formats=frozenset({"TEXT", "JSON", "HTML", "GRAPHVIZ", "YAML"}),
        explain_options=frozenset({"ANALYZE"}),
        # Its cursor counts a month of an interval as thirty days.
        sorts_in_columns=True,
        exact_cursor=False,
        hears_interrupts=False,
    )
    readers: ClassVar[tuple[Reader, ...]] = (ArrowReader(),)
    loaders: ClassVar[tuple[Loader, ...]] = (ArrowLoader(),)

    # Reaching the database

    def prepare_url(self, url: URL) -> URL:
        return super().prepare_url(url.set(drivername="duckdb"))

    def file(self, url: URL) -> Path | None:
        return None if _is_memory(url) or _is_remote(url) else Path(str(url.database))

    def engine_options(self, url: URL, *, read_only: bool, connect_timeout: int) -> dict[str, Any]:
        if _is_memory(url):
            # A second connection to a memory database would be a second, empty database.
            return {"poolclass": StaticPool}
        # An open connection locks the file for every other process, so none is kept.
        return {"poolclass": NullPool, "connect_args": {"read_only": True} if read_only else {}}

    def begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get("multidb_session") == "reads only":
            session: Any = connection.connection.driver_connection
            session.reads_only = True

    def server_info(self, connection: Connection) -> ServerInfo:
        version = str(connection.exec_driver_sql("SELECT version()").scalar_one())
        return ServerInfo(self.title, version.removeprefix("v"))

    def fingerprint(self, connection: Connection, url: URL) -> str:
        if _is_memory(url):
            return f"duckdb:memory:{id(connection.connection.driver_connection)}"
        if _is_remote(url):
            return f"duckdb:{url.database}"
        info = Path(str(url.database)).stat()
        return f"duckdb:file:{info.st_dev}:{info.st_ino}"

    # What is there

    def kind(self, type_: TypeEngine[Any]) -> Kind:
        if isinstance(type_, sa.Integer) and hasattr(type_, "bits"):
            return Kind("integer", bits=type_.bits, unsigned=bool(getattr(type_, "unsigned", False)))
        if isinstance(type_, sa.DateTime) and hasattr(type_, "digits"):
            return Kind("timestamp", scale=type_.digits)
        if isinstance(type_, sa.ARRAY):
            return Kind("array", item=self.kind(type_.item_type))
        return Kind("interval") if type_.__visit_name__ == "INTERVAL" else kind_of(type_)

    def row_estimates(self, connection: Connection, schema: str | None) -> dict[str, int]:
        rows = connection.execute(
            sa.text(
                "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = current_database() "
                "AND schema_name = coalesce(CAST(:schema AS VARCHAR), current_schema())"
            ),
            {"schema": schema},
        )
        return {name: int(estimate) for name, estimate in rows}

    def definition(self, connection: Connection, table: str, schema: str | None) -> Definition:
        return definition(connection, table, schema)

    # Reading

    def readable(self, column: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        if kind.name == "uuid":
            # Its Arrow form is text, which has to be written and then read again.
            return sa.cast(column, sa.LargeBinary)
        # Arrow's decimals end at 38 digits, those of a 128-bit integer at 39.
        return sa.cast(column, sa.VARCHAR) if kind.name == "other" or _is_huge(kind) else column

    def decoder(self, kind: Kind) -> Decoder | None:
        return _DECODERS.get("instant" if kind.name == "timestamp" and kind.tz else kind.name)

    def prepared(self, connection: Connection, sql: str, bind: Bind, limit: int | None) -> Prepared | None:
        return prepared(self.kind, connection, sql, bind, limit)

    def described(self, cursor: Any) -> list[Described]:
        return [described(self.kind, column[0], column[1]) for column in cursor.description]

    def estimated(self, connection: Connection, statement: sa.Executable) -> int | None:
        try:
            (root,) = json.loads(self.explain(connection, statement, "JSON", {}))
            # A limit has no estimate of its own, and hides in plans of several shapes.
            return None if _LIMITS & _names(root) else int(root["extra_info"]["Estimated Cardinality"])
        except (sa.exc.SQLAlchemyError, connection.dialect.loaded_dbapi.Error, ValueError, KeyError, TypeError):
            return None

    def member(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        if len(values) <= 500:
            return super().member(column, values)
        # One list parameter holds them all, so no limit on parameters is ever met.
        listed = sa.bindparam(None, list(values), type_=sa.types.NullType(), unique=True)
        return column.in_(sa.select(sa.func.unnest(listed)))

    # Comparing

    def text_match(
        self, column: sa.ColumnElement[Any], text: str, place: str, *, fold: bool, folding: str | None = None
    ) -> sa.ColumnElement[bool]:
        if fold:
            column, text = sa.func.lower(column), text.lower()
        names = {"contains": "contains", "startswith": "starts_with", "endswith": "ends_with"}
        if place == "exact":
            return column.__eq__(text)
        found: sa.ColumnElement[bool] = getattr(sa.func, names[place])(column, text, type_=sa.Boolean())
        return found

    def regex(self, column: sa.ColumnElement[Any], pattern: str, *, fold: bool) -> sa.ColumnElement[bool]:
        return sa.func.regexp_matches(column, pattern, "i" if fold else "c", type_=sa.Boolean())

    # Writing

    def to_column(self, value: Any, kind: Kind, *, column: str = "", where: str = "") -> Any:
        found = canonical(value, kind, column=column, where=where)
        if isinstance(found, dt.timedelta):
            return month_day_nano(found)
        if type(found).__name__ == "MonthDayNano" and found.nanoseconds % 1000:
            raise ValueNotRepresentable(
                f"Column {column!r} of {where} can't hold {found}: it has nanoseconds and DuckDB keeps microseconds.",
                column=column,
            )
        return found

    def matched(
        self, connection: Connection, statement: sa.Update | sa.Delete, rows: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        return sum(self._matched(connection, statement, row) for row in rows or ({},))

    def _matched(self, connection: Connection, statement: sa.Update | sa.Delete, row: Mapping[str, Any]) -> int:
        result: Any = connection.execute(statement, dict(row))
        if result.cursor is None:
            return int(result.rowcount)
        # The engine answers a write with one row that counts its rows.
        count = result.cursor.fetchone()
        result.close()
        return int(count[0]) if count else 0

    def insert_or(self, table: sa.Table, update: Sequence[str] = (), key: Sequence[str] = ()) -> sa.Insert:
        statement = pg.insert(table)
        if not update:
            return statement.on_conflict_do_nothing()
        taken = {name: statement.excluded[name] for name in update}
        return statement.on_conflict_do_update(index_elements=list(key), set_=taken)

    # Stopping and failing

    def cancel(self, connection: Any) -> None:
        connection.interrupt()

    def trouble(self, error: BaseException) -> Trouble:
        text = str(error)
        return next((trouble for pattern, trouble in _BY_TEXT if re.search(pattern, text)), Trouble())


_LIMITS = frozenset({"LIMIT", "LIMIT_PERCENT", "STREAMING_LIMIT", "TOP_N"})


def _names(plan: Mapping[str, Any]) -> set[str]:
    """Name the steps of a plan."""
    return {str(plan["name"])}.union(*map(_names, plan["children"]))


def _is_huge(kind: Kind) -> bool:
    return kind.name == "decimal" and kind.precision is not None and kind.precision > 38


# From the driver's values, where rows are fetched one by one


def _to_instant(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC)


def _to_decimal(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _to_interval(value: Any) -> Any:
    if isinstance(value, dt.timedelta):
        # Too late to tell them apart.
        raise ValueError("the driver counts a month as 30 days; cast the interval to VARCHAR in SQL")
    return value


def _to_uuid(value: Any) -> uuid.UUID:
    if isinstance(value, bytes):
        return uuid.UUID(bytes=value)
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _to_binary(value: Any) -> bytes:
    return bytes(value)


_DECODERS: dict[str, Decoder] = {
    "instant": _to_instant,
    "decimal": _to_decimal,
    "interval": _to_interval,
    "uuid": _to_uuid,
    "binary": _to_binary,
    "other": str,
}


# What an error means

_BY_TEXT: tuple[tuple[str, Trouble], ...] = (
    (r"^INTERRUPT Error|Interrupted!", Trouble("cancelled")),
    (r"attached in read-only mode|launched in read-only mode|transaction is read-only", Trouble("read_only")),
    (
        r"Could not set lock on file|Conflicting lock",
        Trouble(
            "unreachable",
            "Another process has the file open (the message names its PID). DuckDB lets one process write, or several "
            "read: close it there, or register the alias on both sides with read_only=True.",
        ),
    ),
    (
        r"different configuration than existing connections|Unique file handle conflict",
        Trouble(
            "unreachable",
            "This process has the file open with other settings. Register every alias of one file "
            "with the same read_only and options, or disconnect the other alias.",
        ),
    ),
    (
        r"not a valid DuckDB database file",
        Trouble("unreachable", "The file is there, but it is not a DuckDB database."),
    ),
    (
        r"newer version|older version|storage version",
        Trouble("unreachable", "Another version of DuckDB wrote the file."),
    ),
    (
        r"in read-only mode: database does not exist|Cannot open (?:file|database)",
        Trouble("unreachable", "Check the path and its permissions; a read-only alias never creates a file."),
    ),
    (
        r"holds an infinite date",
        Trouble("other", "Python has no infinite dates: leave such rows out, or cast the column to VARCHAR in SQL."),
    ),
    (
        r"Conflict on (?:tuple|update)|TransactionContext Error: Conflict|write-write conflict",
        Trouble("other", "Another transaction changed the same rows; try again."),
    ),
)
