"""SQLite: files and memory databases, values typed one by one."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite import DATETIME, insert
from sqlalchemy.engine import URL, Connection, Dialect, Inspector
from sqlalchemy.pool import StaticPool
from sqlalchemy.types import TypeEngine

from multidb_explorer.backends.base import Decoder, Driver, Features, ForeignKeys, ServerInfo, Trouble
from multidb_explorer.backends.definitions import Definition
from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.backends.literals import Quoting
from multidb_explorer.backends.loaders import Loader
from multidb_explorer.backends.readers import Reader
from multidb_explorer.backends.sqlite_children import stop_child
from multidb_explorer.backends.sqlite_computing import SQLiteComputing
from multidb_explorer.backends.sqlite_definitions import definition
from multidb_explorer.backends.sqlite_estimates import row_estimates, statement_estimate
from multidb_explorer.backends.sqlite_functions import register
from multidb_explorer.backends.sqlite_interrupts import Noting, keep_connected, listen, stopped_by_user
from multidb_explorer.backends.sqlite_literals import SQLITE
from multidb_explorer.backends.sqlite_loader import ColumnLoader
from multidb_explorer.backends.sqlite_moving import SQLiteMoving
from multidb_explorer.backends.sqlite_process import ProcessReader
from multidb_explorer.backends.sqlite_reader import ColumnReader
from multidb_explorer.backends.sqlite_references import with_rules
from multidb_explorer.backends.sqlite_values import decoder_of, naive, number
from multidb_explorer.backends.values import canonical
from multidb_explorer.errors import FieldError, ValueNotRepresentable

__all__ = ["SQLiteBackend"]

registry.register("sqlite.multidb", "multidb_explorer.backends.sqlite_dialect", "MultiDBSQLiteDialect")


class _ISODateTime(DATETIME):
    """Timestamps as SQLite itself write them: no fraction where there is none, so equal times are equal texts."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return lambda value: value if value is None or isinstance(value, str) else naive(value).isoformat(" ")


class _ExactNumeric(sa.Numeric[Any]):
    """Decimals as the integer or double that reads back as the same digits."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return lambda value: number(value) if isinstance(value, Decimal) else value


def _spellings(value: dt.datetime) -> list[str]:
    """Give the texts that stand for a moment: some programs write the fraction of a second also where it is zero."""
    text = naive(value).isoformat(" ")
    return [text] if value.microsecond else [text, f"{text}.000000"]


def _is_memory(url: URL) -> bool:
    database = url.database or ""
    return database in ("", ":memory:") or "mode=memory" in database or url.query.get("mode") == "memory"


class SQLiteBackend(SQLiteComputing, SQLiteMoving):
    """SQLite through Python's own driver.

    Examples
    --------
    >>> SQLiteBackend().features.insert_returning
    True
    """

    name: ClassVar[str] = "sqlite"
    title: ClassVar[str] = "SQLite"
    drivers: ClassVar[tuple[Driver, ...]] = (Driver("sqlite+multidb", "sqlite3"),)
    quoting: ClassVar[Quoting] = SQLITE
    features: ClassVar[Features] = Features(
        loose_types=True,
        files=True,
        read_only_session=True,
        readers_block_writers=True,
        insert_returning=sqlite3.sqlite_version_info >= (3, 35),
        filters_aggregates=sqlite3.sqlite_version_info >= (3, 30),
        groups_by_primary_key=True,
        null_order="least",
        places_nulls=sqlite3.sqlite_version_info >= (3, 30),
        widens_integers=True,
        max_parameters=32_000,
    )
    readers: ClassVar[tuple[Reader, ...]] = (ProcessReader(), ColumnReader())
    loaders: ClassVar[tuple[Loader, ...]] = (ColumnLoader(),)
    colspecs: ClassVar[Mapping[type[TypeEngine[Any]], type[TypeEngine[Any]]]] = {
        sa.DateTime: _ISODateTime,
        # The driver's dialect has a type of its own for these, which writes six digits.
        sa.TIMESTAMP: _ISODateTime,
        sa.Numeric: _ExactNumeric,
    }

    # Reaching the database

    def prepare_url(self, url: URL) -> URL:
        own = url.drivername == "sqlite+pysqlite"
        return super().prepare_url(url.set(drivername="sqlite") if own else url)

    def file(self, url: URL) -> Path | None:
        in_memory = _is_memory(url) or str(url.database).startswith("file:")
        return None if in_memory else Path(str(url.database))

    def engine_options(self, url: URL, *, read_only: bool, connect_timeout: int) -> dict[str, Any]:
        # JSON arrives here as checked text already.
        options: dict[str, Any] = {"connect_args": {"timeout": float(connect_timeout)}, "json_serializer": str}
        if _is_memory(url):
            # A second connection to a memory database would be a second, empty database.
            options["connect_args"]["check_same_thread"] = False
            options["poolclass"] = StaticPool
        elif read_only and (path := self.file(url)) is not None:
            name = f"file:{quote(str(path.absolute()))}?mode=ro"
            options["creator"] = lambda: sqlite3.connect(
                name, uri=True, timeout=connect_timeout, check_same_thread=False
            )
        return options

    def open_session(self, connection: Any, *, read_only: bool, statement_timeout: float | None) -> None:
        # Left alone, the driver begins a transaction only before a write, and a savepoint would commit by itself.
        connection.isolation_level = None
        register(Noting(connection))
        listen(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    def begin(self, connection: Connection) -> None:
        known = connection.info
        if "guarded" not in known:
            keep_connected(connection)
            known["guarded"] = False
        mode = connection.get_execution_options().get("multidb_session")
        guarded = mode == "reads only"
        if guarded != known["guarded"]:
            # The pragma outlives the transaction, so the next one on this connection takes it back.
            connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if guarded else 'OFF'}")
            known["guarded"] = guarded
        if mode == "writes":
            # A transaction that starts by reading can't always become a writing one: the lock is taken first.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # It takes no lock, so it neither waits nor fails, and there is nothing for SQLAlchemy to watch.
            session: Any = connection.connection.driver_connection
            session.execute("BEGIN")

    def server_info(self, connection: Connection) -> ServerInfo:
        # Reading the schema is what tells a database from any other file.
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        return ServerInfo(self.title, sqlite3.sqlite_version)

    def fingerprint(self, connection: Connection, url: URL) -> str:
        path = next((row[2] for row in connection.exec_driver_sql("PRAGMA database_list") if row[1] == "main"), "")
        if not path:
            return f"sqlite:memory:{id(connection.connection.driver_connection)}"
        info = Path(path).stat()
        return f"sqlite:file:{info.st_dev}:{info.st_ino}"

    # What is there

    def kind(self, type_: TypeEngine[Any]) -> Kind:
        kind = kind_of(type_)
        # Every number is stored in 64 bits, whatever its column's declared name (REAL, for one).
        return Kind(kind.name, bits=64) if kind.name in ("integer", "float") else kind

    def unique_keys(self, inspector: Inspector, table: str, schema: str | None) -> list[list[str]]:
        # SQLAlchemy reads constraints from the table's text and misses some; each has an index of its own.
        found = inspector.get_indexes(table, schema, include_auto_indexes=True)
        made = [index for index in found if index["unique"] and str(index["name"]).startswith("sqlite_autoindex_")]
        return [[column for column in index["column_names"] if column is not None] for index in made]

    def all_unique_keys(self, inspector: Inspector, schema: str | None) -> dict[str, list[list[str]]]:
        return {name: self.unique_keys(inspector, name, schema) for name in inspector.get_table_names(schema)}

    def numbers_key(self, inspector: Inspector, table: str, schema: str | None) -> bool:
        # Only INTEGER stands for the row's own number; a key of another type (INT, BIGINT) has an index of its own.
        connection: Any = inspector.bind
        quoted = connection.dialect.identifier_preparer.quote
        place = f"{quoted(schema)}." if schema else ""
        found = connection.exec_driver_sql(f"PRAGMA {place}index_list({quoted(table)})")
        return all(row.origin != "pk" for row in found)

    def foreign_keys(self, connection: Connection, schema: str | None, table: str | None = None) -> ForeignKeys:
        return with_rules(connection, super().foreign_keys(connection, schema, table))

    def row_estimates(self, connection: Connection, schema: str | None) -> dict[str, int]:
        return row_estimates(connection)

    def definition(self, connection: Connection, table: str, schema: str | None) -> Definition:
        return definition(connection, table, schema)

    def type_name(self, connection: Connection, table: sa.Table, column: str) -> str:
        # There is none but the one that was reflected, and the standard's catalog isn't there.
        return ""

    # Reading

    def decoder(self, kind: Kind) -> Decoder | None:
        return decoder_of(kind)

    def estimated(self, connection: Connection, statement: sa.Executable) -> int | None:
        return statement_estimate(connection, statement)

    def member(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        if any(isinstance(value, dt.datetime) for value in values):
            values = [text for value in values for text in _spellings(value)]
        plain = all(isinstance(value, int | str) and not isinstance(value, bool) for value in values)
        if len(values) <= 500 or not plain:
            return super().member(column, values)
        # One parameter holds the whole list, so no limit on parameters is ever met.
        listed = sa.func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(sa.select(listed.c.value))

    def member_keys(
        self, columns: Sequence[sa.ColumnElement[Any]], keys: Sequence[tuple[Any, ...]]
    ) -> sa.ColumnElement[bool]:
        plain = all(isinstance(part, int | str) and not isinstance(part, bool) for key in keys for part in key)
        if len(keys) <= 200 or not plain:
            return sa.or_(sa.false(), *(sa.and_(*map(self.equals, columns, key)) for key in keys))
        listed = sa.func.json_each(json.dumps(list(keys))).table_valued("value")
        parts = (sa.func.json_extract(listed.c.value, f"$[{place}]") for place in range(len(columns)))
        return sa.tuple_(*columns).in_(sa.select(*parts))

    # Comparing

    def equals(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[bool]:
        return column.in_(_spellings(value)) if isinstance(value, dt.datetime) else super().equals(column, value)

    def compared(self, column: sa.ColumnElement[Any], sign: str, value: Any) -> sa.ColumnElement[bool]:
        if isinstance(value, dt.datetime):
            # As texts, 12:00:00 comes before 12:00:00.000000: both are what the value says.
            value = _spellings(value)[-1 if sign in ("gt", "lte") else 0]
        return super().compared(column, sign, value)

    def text_match(
        self, column: sa.ColumnElement[Any], text: str, place: str, *, fold: bool, folding: str | None = None
    ) -> sa.ColumnElement[bool]:
        # LIKE ignores the case of ASCII letters here, and of no others.
        if fold:
            column, text = sa.func.multidb_lower(column), text.lower()
        match place:
            case "exact":
                return column.__eq__(text)
            case "contains":
                return sa.func.instr(column, text) > 0
            case "startswith":
                return sa.func.substr(column, 1, len(text)).__eq__(text)
        ending = sa.func.substr(column, -len(text) or 1, len(text))
        return sa.and_(sa.func.length(column) >= len(text), ending.__eq__(text))

    def regex(self, column: sa.ColumnElement[Any], pattern: str, *, fold: bool) -> sa.ColumnElement[bool]:
        try:
            re.compile(pattern)
        except re.error as error:
            raise FieldError(f"{pattern!r} is no regular expression: {error}.") from None
        return sa.func.multidb_search(f"(?i){pattern}" if fold else pattern, column).__eq__(1)

    # Writing

    def to_column(self, value: Any, kind: Kind, *, column: str = "", where: str = "") -> Any:
        found = canonical(value, kind, column=column, where=where)
        if isinstance(found, Decimal) and Decimal(repr(number(found))) != found:
            raise ValueNotRepresentable(
                f"Column {column!r} of {where} can't hold {found}: SQLite stores decimals as doubles, "
                f"which keep about 15 digits. Store it in a text column.",
                column=column,
            )
        if isinstance(found, float) and math.isnan(found):
            raise ValueNotRepresentable(
                f"Column {column!r} of {where} can't hold NaN: SQLite stores it as NULL. Set it to None to mean NULL.",
                column=column,
            )
        return found

    def insert_or(self, table: sa.Table, update: Sequence[str] = (), key: Sequence[str] = ()) -> sa.Insert:
        statement = insert(table)
        if not update:
            return statement.on_conflict_do_nothing()
        taken = {name: statement.excluded[name] for name in update}
        return statement.on_conflict_do_update(index_elements=list(key), set_=taken)

    # Stopping and failing

    def cancel(self, connection: Any) -> None:
        stop_child(connection)
        connection.interrupt()

    def trouble(self, error: BaseException) -> Trouble:
        text = str(error)
        if "readonly database" in text:
            return Trouble("read_only")
        if stopped_by_user(text):
            return Trouble("interrupted")
        if text == "interrupted":
            return Trouble("cancelled")
        if "unable to open database file" in text:
            return Trouble("unreachable", "Check the path and its permissions; a read-only alias never creates a file.")
        if "file is not a database" in text:
            return Trouble("unreachable", "The file is there, but it is not a SQLite database.")
        if "database is locked" in text:
            return Trouble("other", "Somebody else is reading or writing the file; try again when they have finished.")
        return Trouble()

    def loses_transaction(self, connection: Connection, error: BaseException) -> bool:
        session: Any = connection.connection.driver_connection
        return not session.in_transaction
