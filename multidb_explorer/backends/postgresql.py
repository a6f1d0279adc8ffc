"""PostgreSQL, and servers that speak its protocol, through psycopg 3."""

from __future__ import annotations

import datetime as dt
import json
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.sql.operators import OperatorClass

from multidb_explorer.backends.base import Decoder, Driver, Features, ForeignKeys, ServerInfo, Trouble, like
from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.backends.literals import Quoting
from multidb_explorer.backends.postgresql_computing import PostgreSQLComputing
from multidb_explorer.backends.postgresql_copy import CopyReader
from multidb_explorer.backends.postgresql_definitions import definition
from multidb_explorer.backends.postgresql_described import described
from multidb_explorer.backends.postgresql_driver import read_exactly
from multidb_explorer.backends.postgresql_literals import POSTGRESQL
from multidb_explorer.backends.postgresql_loader import BinaryCopyLoader, TextCopyLoader
from multidb_explorer.backends.postgresql_moving import PostgreSQLMoving
from multidb_explorer.backends.postgresql_readers import ADBCReader, estimated
from multidb_explorer.backends.postgresql_twin import kept
from multidb_explorer.backends.values import canonical, month_day_nano
from multidb_explorer.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.engine import URL, Connection, Dialect
    from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
    from sqlalchemy.types import TypeEngine

    from multidb_explorer.backends.definitions import Definition
    from multidb_explorer.backends.loaders import Loader
    from multidb_explorer.backends.raw import Described
    from multidb_explorer.backends.readers import Reader

__all__ = ["PostgreSQLBackend"]

if pg.DOMAIN.operator_classes is OperatorClass.UNSPECIFIED:
    # SQLAlchemy 2.1 forgot to say how a domain compares, and warns at every comparison.
    pg.DOMAIN.operator_classes = OperatorClass.ANY


class _JSONText(pg.JSON):
    """JSON columns take JSON text as it is, so that no number in it is ever rounded, and ``None`` means NULL."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _json_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        # Rows of ours are read as text; what SQLAlchemy asks of the catalog (a column's collation) it wants parsed.
        return lambda value: json.loads(value) if isinstance(value, str) else value


class _JSONBText(pg.JSONB):
    """The same for the binary form."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _json_text


class _ArrayOrText(pg.ARRAY[Any]):
    """Arrays whose elements have no Python form are written as they are read, in the server's own text."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        usual: Any = super().bind_processor(dialect)
        return lambda value: value if isinstance(value, str) or usual is None else usual(value)


def _json_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _computed(value: Any) -> bool:
    return isinstance(value, sa.ClauseElement) and not isinstance(value, sa.sql.elements.Null)


def _mark(column: sa.Column[Any], value: Any, place: int) -> sa.BindParameter[Any] | str:
    """Give what stands for a value in SQL text: a parameter of the column's name, or NULL."""
    if isinstance(value, sa.sql.elements.Null):
        return "NULL"
    name = column.name if re.fullmatch(r"[^\W\d]\w*", column.name) else f"value_{place}"
    return sa.bindparam(name, value, type_=column.type)


class PostgreSQLBackend(PostgreSQLComputing, PostgreSQLMoving):
    """PostgreSQL through psycopg 3.

    Examples
    --------
    >>> PostgreSQLBackend().features.row_locks
    True
    """

    name: ClassVar[str] = "postgresql"
    title: ClassVar[str] = "PostgreSQL"
    extra: ClassVar[str | None] = "postgres"
    drivers: ClassVar[tuple[Driver, ...]] = (Driver("postgresql+psycopg", "psycopg"),)
    quoting: ClassVar[Quoting] = POSTGRESQL
    features: ClassVar[Features] = Features(
        port=5432,
        read_only_session=True,
        insert_returning=True,
        row_locks=True,
        schemas=True,
        statement_timeout=True,
        filters_aggregates=True,
        distinct_on=True,
        groups_by_primary_key=True,
        null_order="greatest",
        explain_formats=frozenset({"TEXT", "JSON", "XML", "YAML"}),
        explain_options=frozenset(
            {"ANALYZE", "BUFFERS", "COSTS", "GENERIC_PLAN", "MEMORY", "SERIALIZE", "SETTINGS", "SUMMARY", "TIMING"}
            | {"VERBOSE", "WAL"}
        ),
        max_parameters=65_000,
    )
    readers: ClassVar[tuple[Reader, ...]] = (ADBCReader(), CopyReader())
    loaders: ClassVar[tuple[Loader, ...]] = (BinaryCopyLoader(), TextCopyLoader())
    colspecs: ClassVar[Mapping[type[TypeEngine[Any]], type[TypeEngine[Any]]]] = {
        sa.JSON: _JSONText,
        pg.JSON: _JSONText,
        pg.JSONB: _JSONBText,
        sa.ARRAY: _ArrayOrText,
        pg.ARRAY: _ArrayOrText,
    }

    # Reaching the database

    def engine_options(self, url: URL, *, read_only: bool, connect_timeout: int) -> dict[str, Any]:
        if not url.drivername.endswith("+psycopg"):
            return {}
        wanted = {
            "connect_timeout": connect_timeout,
            "application_name": "multidb_explorer",
            "client_encoding": "utf8",
            # Prepared statements break when somebody alters the table, and behind a connection pooler.
            "prepare_threshold": None,
        }
        # An hstore is read as its text, like every type that has no exact Python form.
        options: dict[str, Any] = {"use_native_hstore": False}
        options["connect_args"] = {name: value for name, value in wanted.items() if name not in url.query}
        return options

    def open_session(self, connection: Any, *, read_only: bool, statement_timeout: float | None) -> None:
        if hasattr(connection, "adapters"):
            read_exactly(connection)
        settings = {"intervalstyle": "postgres", "datestyle": "ISO"}
        if read_only:
            settings["default_transaction_read_only"] = "on"
        if statement_timeout is not None:
            settings["statement_timeout"] = str(max(1, round(statement_timeout * 1000)))
        # In a transaction the settings would be undone by its rollback.
        before, connection.autocommit = connection.autocommit, True
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.autocommit = before

    def begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get("multidb_session") == "reads only":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    def server_info(self, connection: Connection) -> ServerInfo:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
        return ServerInfo(self.title, version.partition(" ")[0])

    def fingerprint(self, connection: Connection, url: URL) -> str:
        database = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar()
        allowed = connection.exec_driver_sql(
            "SELECT coalesce(has_function_privilege(to_regprocedure('pg_control_system()')::oid, 'execute'), false)"
        ).scalar()
        if allowed:
            server = connection.exec_driver_sql("SELECT system_identifier FROM pg_control_system()").scalar()
        else:
            # A hosted server may hide its identifier; the microsecond in which it started is as good until it restarts.
            server = connection.exec_driver_sql(
                "SELECT concat(extract(epoch FROM pg_postmaster_start_time()), '/', current_setting('port'))"
            ).scalar()
        return f"postgresql:{server}:{database}"

    # What is there

    def kind(self, type_: TypeEngine[Any]) -> Kind:
        match type_:
            case pg.DOMAIN():
                kind = self.kind(type_.data_type)
            case sa.ARRAY():
                item = self.kind(type_.item_type)
                # Elements that no type describes have one exact form only: the text of the whole array.
                kind = Kind("other") if item.name in ("other", "enum") else Kind("array", item=item)
            case pg.OID():
                kind = Kind("integer", bits=32, unsigned=True)
            case pg.INTERVAL():
                kind = Kind("interval")
            case pg.TIMESTAMP():
                kind = Kind("timestamp", tz=bool(type_.timezone), scale=type_.precision)
            case pg.TIME():
                # A time of day with an offset but no date has no Python form that databases agree on.
                kind = Kind("other") if type_.timezone else Kind("time", scale=type_.precision)
            case _:
                kind = kind_of(type_)
        return kind

    def foreign_keys(self, connection: Connection, schema: str | None, table: str | None = None) -> ForeignKeys:
        # SQLAlchemy reads keys from their text, by a pattern that misses columns with a comma or a line break.
        rows = connection.execute(sa.text(_FOREIGN_KEYS), {"schema": schema, "table": table})
        found: dict[tuple[str | None, str], list[ReflectedForeignKeyConstraint]] = {}
        for home, name, columns, target_schema, target, target_columns, on_delete, on_update in rows:
            key: ReflectedForeignKeyConstraint = {
                "name": name,
                "constrained_columns": columns,
                "referred_schema": target_schema,
                "referred_table": target,
                "referred_columns": target_columns,
                "options": {"ondelete": _RULES[on_delete], "onupdate": _RULES[on_update]},
            }
            found.setdefault((schema, home), []).append(key)
        return found

    def row_estimates(self, connection: Connection, schema: str | None) -> dict[str, int]:
        rows = connection.execute(
            sa.text(
                "SELECT c.relname, c.reltuples FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = coalesce(CAST(:schema AS text), current_schema()) "
                "AND c.relkind IN ('r', 'p', 'm', 'f')"
            ),
            {"schema": schema},
        )
        # Before version 14 a table that nobody analyzed says 0 in place of -1.
        known = 0 if (connection.dialect.server_version_info or (0,)) >= (14,) else 1
        return {name: int(estimate) for name, estimate in rows if estimate >= known}

    def definition(self, connection: Connection, table: str, schema: str | None) -> Definition:
        return definition(connection, table, schema)

    # Reading

    def decoder(self, kind: Kind) -> Decoder | None:
        if kind.name == "timestamp" and kind.tz:
            return _to_instant
        if kind.name == "decimal":
            return _to_decimal
        if kind.name == "float" and kind.bits == 32:
            return _to_single
        if kind.name == "array" and kind.item is not None:
            return _array_decoder(self.decoder(kind.item))
        return None

    def described(self, cursor: Any) -> list[Described]:
        return described(cursor) if hasattr(cursor, "pgresult") else super().described(cursor)

    def estimated(self, connection: Connection, statement: sa.Executable) -> int | None:
        return estimated(connection, statement)

    def member(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        item = _list_type(column.type)
        if len(values) <= 500 or item is None:
            return super().member(column, values)
        # One array parameter holds the whole list, so no limit on parameters is ever met.
        return column == sa.any_(sa.literal(list(values), pg.ARRAY(item)))

    def member_keys(
        self, columns: Sequence[sa.ColumnElement[Any]], keys: Sequence[tuple[Any, ...]]
    ) -> sa.ColumnElement[bool]:
        items = [_list_type(column.type) for column in columns]
        if len(keys) <= 500 or any(item is None for item in items):
            return super().member_keys(columns, keys)
        # One parameter a column holds the whole list, so no limit on parameters is met.
        lists = [
            sa.literal(list(part), pg.ARRAY(item))
            for part, item in zip(zip(*keys, strict=True), items, strict=True)
            if item
        ]
        names = (f"part_{place}" for place in range(len(columns)))
        listed = sa.func.unnest(*lists).table_valued(*names, name="listed").render_derived()
        return sa.tuple_(*columns).in_(sa.select(*listed.c))

    def same(self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        # Arrays are equal where their NULLs are, and unlike IS NOT DISTINCT FROM that can be hashed.
        return pg.array([left]).__eq__(pg.array([right]))

    # Comparing

    def folding(self, connection: Connection) -> str | None:
        # Under a plain C locale lower() knows ASCII only; these collations know every letter.
        known = ("pg_unicode_fast", "und-x-icu", "pg_c_utf8")
        names = sa.text("SELECT collname FROM pg_collation WHERE collname = ANY(:known)")
        found = set(connection.scalars(names, {"known": list(known)}))
        return next((name for name in known if name in found), None)

    def text_match(
        self, column: sa.ColumnElement[Any], text: str, place: str, *, fold: bool, folding: str | None = None
    ) -> sa.ColumnElement[bool]:
        # An enum, a JSON value or an address is searched in the form in which it is read.
        plain = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum)
        column = column if plain else sa.cast(column, sa.Text)
        if fold:
            column, text = sa.func.lower(column if folding is None else column.collate(folding)), text.lower()
        return like(column, text, place)

    # Writing

    def to_column(self, value: Any, kind: Kind, *, column: str = "", where: str = "") -> Any:
        found = canonical(value, kind, column=column, where=where)
        if problem := _problem(found, kind):
            raise ValueNotRepresentable(f"Column {column!r} of {where} can't hold the value: {problem}.", column=column)
        return month_day_nano(found) if isinstance(found, dt.timedelta) else found

    def insert(self, table: sa.Table, values: Mapping[str, Any]) -> sa.Insert:
        numbered = any(table.c[name].info.get("identity") for name in values)
        if not numbered or any(map(_computed, values.values())):
            return super().insert(table, values)
        # GENERATED ALWAYS refuses a number that is given, and with it a row that comes back under its old one.
        marks = [_mark(table.c[name], value, place) for place, (name, value) in enumerate(values.items())]
        listed = ", ".join(mark if isinstance(mark, str) else f":{mark.key}" for mark in marks)
        given = sa.text(f"OVERRIDING SYSTEM VALUE VALUES ({listed})")
        given = given.bindparams(*(mark for mark in marks if not isinstance(mark, str)))
        return sa.insert(table).from_select(list(values), given.columns(*(table.c[name] for name in values)))

    def insert_text(self, dialect: Dialect, table: sa.Table, columns: Sequence[str], name: str | None = None) -> str:
        text = super().insert_text(dialect, table, columns, name)
        numbered = any(table.c[name].info.get("identity") for name in columns)
        return f"{text.removesuffix('VALUES')}OVERRIDING SYSTEM VALUE VALUES" if numbered else text

    def insert_or(self, table: sa.Table, update: Sequence[str] = (), key: Sequence[str] = ()) -> sa.Insert:
        statement = pg.insert(table)
        if not update:
            return statement.on_conflict_do_nothing()
        taken = {name: statement.excluded[name] for name in update}
        return statement.on_conflict_do_update(index_elements=list(key), set_=taken)

    # Stopping and failing

    def cancel(self, connection: Any) -> None:
        if (twin := kept(connection)) is not None:
            twin.cancel()
        stop = getattr(connection, "cancel_safe", None) or connection.cancel
        stop()

    def trouble(self, error: BaseException) -> Trouble:
        state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
        if state in _BY_STATE:
            return _BY_STATE[state]
        if state.startswith("08"):
            return Trouble("unreachable", _LOST)
        text = "" if state else str(error)
        return next((trouble for pattern, trouble in _BY_TEXT if re.search(pattern, text)), Trouble())


_RULES = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

# A partition's copy of its parent's key is left out: the parent's own row says it.
_FOREIGN_KEYS = """
SELECT c.relname, f.conname,
       ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
             JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number ORDER BY k.place),
       CASE WHEN tn.nspname <> current_schema() OR CAST(:schema AS text) IS NOT NULL THEN tn.nspname END,
       t.relname,
       ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY AS k (number, place)
             JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number ORDER BY k.place),
       f.confdeltype::text, f.confupdtype::text
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = f.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0
  AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
  AND (CAST(:table AS text) IS NULL OR c.relname = :table)
ORDER BY c.relname, f.conname
"""


def _list_type(type_: TypeEngine[Any]) -> TypeEngine[Any] | None:
    """Give the element type for a list to compare a column with: never one that cuts or rounds, or ``None``."""
    if isinstance(type_, sa.CHAR | pg.CITEXT | sa.Enum):
        return None
    if isinstance(type_, sa.Float | sa.Uuid | sa.Date):
        return type_
    if isinstance(type_, sa.DateTime):
        return sa.DateTime(timezone=type_.timezone)
    wide = ((sa.Integer, sa.BigInteger()), (sa.String, sa.Text()), (sa.Numeric, sa.Numeric()))
    return next((whole for narrow, whole in wide if isinstance(type_, narrow)), None)


def _problem(value: Any, kind: Kind) -> str:
    """Say why a canonical value has no place in PostgreSQL, or nothing."""
    if isinstance(value, list):
        inner = kind.item or Kind("other")
        return next((problem for item in value if (problem := _problem(item, inner))), "")
    if isinstance(value, str) and "\x00" in value:
        return "PostgreSQL has no place for the character NUL (\\x00) in text; use a binary column (bytea)"
    if kind.name == "json" and isinstance(value, str) and re.search(r"(?<!\\)(?:\\\\)*\\u0000", value):
        return "PostgreSQL has no place for the character NUL (\\u0000) in JSON"
    if type(value).__name__ == "MonthDayNano" and value.nanoseconds % 1000:
        return "it has nanoseconds and PostgreSQL keeps microseconds"
    return ""


def _to_instant(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC)


def _to_single(value: float) -> float:
    # The server writes the shortest digits that lead back to the single; as a double they are another number.
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


def _to_decimal(value: Decimal | float) -> Decimal:
    value = Decimal(repr(value)) if isinstance(value, float) else value
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    return value


def _array_decoder(decode: Decoder | None) -> Decoder:
    def decode_items(value: Any) -> list[Any]:
        if any(isinstance(item, list) for item in value):
            raise ValueError("it has more than one dimension; read it as text by casting the column in SQL")
        return [item if item is None or decode is None else decode(item) for item in value]

    return decode_items


# What an error means

_LOST = "The connection to the server was lost; the next statement opens a new one."
_WRONG_LOGIN = "The server is there, but it refused the user or the password."
_NO_DATABASE = "The server is there, but it has no database of that name."

_BY_STATE: dict[str, Trouble] = {
    "25006": Trouble("read_only"),
    "57014": Trouble("cancelled"),
    "28P01": Trouble("unreachable", _WRONG_LOGIN),
    "28000": Trouble("unreachable", _WRONG_LOGIN),
    "3D000": Trouble("unreachable", _NO_DATABASE),
    "53300": Trouble("unreachable", "The server has no connection left; close some, or raise max_connections."),
    "57P01": Trouble("unreachable", _LOST),
    "57P02": Trouble("unreachable", _LOST),
    "57P03": Trouble("unreachable", "The server is starting or stopping; try again in a moment."),
    "42501": Trouble("other", "The user lacks the privilege; the table's owner can GRANT it."),
    "55P03": Trouble("other", "Another session holds a lock on the rows; try again when it has finished."),
    "40P01": Trouble("other", "Two sessions waited for each other, so one was stopped; try again."),
    "40001": Trouble("other", "Another session changed the same rows; try the transaction again."),
}

# Before a session exists the client library reports no code, only what the server said in words.
_BY_TEXT: tuple[tuple[str, Trouble], ...] = (
    (r"no password supplied|password authentication failed|role \".*\" does not exist|pg_hba", _BY_STATE["28P01"]),
    (r"database \".*\" does not exist", _BY_STATE["3D000"]),
    (r"too many clients|remaining connection slots", _BY_STATE["53300"]),
    (r"starting up|shutting down|recovery mode", _BY_STATE["57P03"]),
    (
        r"[Cc]onnection refused",
        Trouble("unreachable", "No server listens there: check host and port, and whether it runs."),
    ),
    (
        r"resolve host|translate host|[Nn]ame or service not known",
        Trouble("unreachable", "The host name is not known: check its spelling and your network."),
    ),
    (
        r"timeout expired|[Cc]onnection timed out",
        Trouble("unreachable", "The server did not answer in time: check host, port and firewall."),
    ),
    (
        r"SSL|certificate",
        Trouble("unreachable", "The secure connection failed: check sslmode and the certificates."),
    ),
    (
        r"closed the connection unexpectedly|connection is (?:closed|lost)|reset by peer",
        Trouble("unreachable", _LOST),
    ),
    (
        r"too (?:large \(after year 10K\)|small \(before year 1\))",
        Trouble(
            "other",
            "Python's dates reach from year 1 to 9999: leave such rows (infinity, BC) out, "
            "or cast the column to text in SQL.",
        ),
    ),
)
