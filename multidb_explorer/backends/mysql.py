"""MySQL and MariaDB, through PyMySQL or another driver that SQLAlchemy knows."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.operators import OperatorClass

from multidb_explorer.backends.base import (
    Decoder,
    Driver,
    Features,
    ForeignKeys,
    ServerInfo,
    Trouble,
    like,
)
from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.backends.literals import Quoting
from multidb_explorer.backends.mysql_computing import MySQLComputing, bytes_of, utf8
from multidb_explorer.backends.mysql_definitions import definition
from multidb_explorer.backends.mysql_estimating import estimated_rows
from multidb_explorer.backends.mysql_literals import MYSQL
from multidb_explorer.backends.mysql_loader import LocalDataLoader
from multidb_explorer.backends.mysql_moving import MySQLMoving
from multidb_explorer.backends.mysql_reader import WireReader
from multidb_explorer.backends.mysql_session import LEFT, LOCAL_FILES, keep_files_here, kill, stop_interrupted
from multidb_explorer.backends.mysql_types import bit_kind, decoder_of, described, integer_kind, problem
from multidb_explorer.backends.mysql_upserting import incoming, upserted
from multidb_explorer.backends.readers import Reader
from multidb_explorer.backends.values import canonical
from multidb_explorer.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy.engine import URL, Connection, Dialect
    from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
    from sqlalchemy.types import TypeEngine

    from multidb_explorer.backends.definitions import Definition
    from multidb_explorer.backends.loaders import Loader
    from multidb_explorer.backends.raw import Described

__all__ = ["MySQLBackend"]

for _forgotten in (mysql.BIT, mysql.YEAR):
    if _forgotten.operator_classes is OperatorClass.UNSPECIFIED:
        # SQLAlchemy 2.1 forgot to say how they compare, and warns at every comparison.
        _forgotten.operator_classes = OperatorClass.ANY

# An UPDATE reports the rows that it matched, where the server would count those that it changed.
_FOUND_ROWS = 2

# Where a pooled connection notes whether its session refuses writes now.
_ACCESS = "multidb_access"


class _JSONText(mysql.JSON):
    """JSON columns take JSON text as it is, so that no number in it is ever rounded, and ``None`` means NULL."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _json_text


def _json_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class MySQLBackend(MySQLComputing, MySQLMoving):
    """MySQL and MariaDB.

    Examples
    --------
    >>> MySQLBackend().features.schemas
    False
    """

    name: ClassVar[str] = "mysql"
    title: ClassVar[str] = "MySQL"
    extra: ClassVar[str | None] = "mysql"
    drivers: ClassVar[tuple[Driver, ...]] = (Driver("mysql+pymysql", "pymysql"), Driver("mysql+mysqldb", "MySQLdb"))
    quoting: ClassVar[Quoting] = MYSQL
    features: ClassVar[Features] = Features(
        port=3306,
        read_only_session=True,
        row_locks=True,
        refers_within_statement=False,
        looks_into_itself=False,
        names_conflict_key=False,
        # MariaDB stops every statement, MySQL only SELECT.
        statement_timeout=True,
        reads_behind=True,
        groups_by_primary_key=True,
        null_order="least",
        places_nulls=False,
        explain_formats=frozenset({"JSON", "TRADITIONAL"}),
        explain_options=frozenset({"ANALYZE"}),
        widens_integers=True,
        merges_texts=True,
        # MariaDB 10.11: three windows, one of them OVER (), and a rank counts rows.
        miscounts_open_windows=True,
        having_names_keys=False,
        max_parameters=60_000,
    )
    readers: ClassVar[tuple[Reader, ...]] = (WireReader(),)
    loaders: ClassVar[tuple[Loader, ...]] = (LocalDataLoader(),)
    colspecs: ClassVar[Mapping[type[TypeEngine[Any]], type[TypeEngine[Any]]]] = {
        sa.JSON: _JSONText,
        mysql.JSON: _JSONText,
    }

    # Reaching the database

    def prepare_url(self, url: URL) -> URL:
        product, _, driver = url.drivername.partition("+")
        found = super().prepare_url(url.set(drivername=f"mysql+{driver}" if driver else "mysql"))
        return found.set(drivername=found.drivername.replace("mysql", product, 1))

    def engine_options(self, url: URL, *, read_only: bool, connect_timeout: int) -> dict[str, Any]:
        if not url.drivername.endswith(("+pymysql", "+mysqldb")):
            return {}
        wanted: dict[str, Any] = {"charset": "utf8mb4", "connect_timeout": connect_timeout}
        options = {name: value for name, value in wanted.items() if name not in url.query}
        if url.drivername.endswith("+pymysql"):
            # Another driver would take it for a permission to read files.
            options["client_flag"] = _flag(url) | LOCAL_FILES
        return {"connect_args": options}

    def connect_arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        found = {**given, "client_flag": int(given.get("client_flag") or 0) | _FOUND_ROWS}
        if isinstance(given.get("password"), str) and not given["password"].isascii():
            # PyMySQL would write it in Latin-1, the server compares it in UTF-8.
            found["password"] = given["password"].encode()
        return found

    def open_session(self, connection: Any, *, read_only: bool, statement_timeout: float | None) -> None:
        if hasattr(connection, "encoders"):
            # A number written with an exponent would be a double to the server, with its 15 digits.
            connection.encoders = {**connection.encoders, Decimal: lambda value, *_: format(value, "f")}
        keep_files_here(connection)
        with connection.cursor() as cursor:
            # A zero in a numbered column stays a zero; the rest refuses values that the server would cut or change.
            cursor.execute(
                "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'), "
                "time_zone = '+00:00'"
            )
            if read_only:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
            if statement_timeout is not None:
                cursor.execute("SELECT VERSION()")
                cursor.execute(_time_limit(str(cursor.fetchone()[0]), statement_timeout))

    def begin(self, connection: Connection) -> None:
        # Not the transaction but the session refuses writes: a CREATE TABLE ends the transaction before it runs.
        state = connection.info.get(_ACCESS, "read write")
        reads_only = connection.get_execution_options().get("multidb_session") == "reads only"
        if reads_only and state == "read write":
            known = "SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_read_only', 'transaction_read_only')"
            always = any(value == "ON" for _, value in connection.exec_driver_sql(known))
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            connection.info[_ACCESS] = "always read only" if always else "read only"
        elif not reads_only and state == "read only":
            connection.exec_driver_sql("SET SESSION TRANSACTION READ WRITE")
            connection.info[_ACCESS] = "read write"

    def server_info(self, connection: Connection) -> ServerInfo:
        version = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
        product = "MariaDB" if "mariadb" in version.lower() else self.title
        return ServerInfo(product, version.partition("-")[0])

    def fingerprint(self, connection: Connection, url: URL) -> str:
        # No single one of them is there on every version and differs between containers of one image.
        rows = connection.execute(
            sa.text("SHOW GLOBAL VARIABLES WHERE Variable_name IN :names").bindparams(
                sa.bindparam("names", ["server_uuid", "server_uid", "hostname", "port", "datadir"], expanding=True)
            )
        )
        server = "/".join(str(value) for _, value in sorted(map(tuple, rows)))
        return f"mysql:{server}/{connection.exec_driver_sql('SELECT DATABASE()').scalar()}"

    # What is there

    def kind(self, type_: TypeEngine[Any]) -> Kind:
        if isinstance(type_, sa.Integer):
            return integer_kind(type_)
        match type_:
            case mysql.BIT():
                kind = bit_kind(type_.length or 1)
            case mysql.YEAR():
                kind = Kind("integer", bits=16)
            case mysql.FLOAT():
                kind = Kind("float", bits=32)
            case mysql.TIMESTAMP():
                kind = Kind("timestamp", tz=True, scale=type_.fsp or 0)
            case mysql.DATETIME():
                kind = Kind("timestamp", scale=type_.fsp or 0)
            case mysql.TIME():
                kind = Kind("time", scale=type_.fsp or 0)
            case mysql.SET():
                kind = Kind("text")
            case mysql.ENUM() if any("?" in choice for choice in type_.enums):
                # The server shows a member outside the basic plane as a question mark: the list can't be trusted.
                kind = Kind("enum")
            case _:
                kind = kind_of(type_)
        return kind

    def column_name(self, reflected: str) -> str:
        # SQLAlchemy reads names from SHOW CREATE TABLE and leaves a backtick in them doubled.
        return reflected.replace("``", "`")

    def comments(self, connection: Connection, schema: str | None) -> dict[str, str]:
        # SQLAlchemy would ask for every table's whole definition.
        rows = connection.execute(
            sa.text(
                "SELECT table_name, table_comment FROM information_schema.tables "
                "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_type = 'BASE TABLE' "
                "AND table_comment <> ''"
            ),
            {"schema": schema},
        )
        return dict(map(tuple, rows))

    def foreign_keys(self, connection: Connection, schema: str | None, table: str | None = None) -> ForeignKeys:
        # One statement instead of one a table; a key of another database on the server is found too.
        rows = connection.execute(
            sa.text(
                "SELECT k.table_schema = COALESCE(:schema, DATABASE()), k.table_schema, k.table_name, "
                "k.constraint_name, k.column_name, k.referenced_table_schema = k.table_schema, "
                "k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name, "
                "r.delete_rule, r.update_rule "
                "FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r "
                "ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name "
                "AND r.table_name = k.table_name "
                "WHERE k.referenced_table_name IS NOT NULL AND COALESCE(:schema, DATABASE()) "
                "IN (k.table_schema, k.referenced_table_schema) "
                "AND (:table IS NULL OR (k.table_name = :table AND k.table_schema = COALESCE(:schema, DATABASE()))) "
                "ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position"
            ),
            {"schema": schema, "table": table},
        )
        return _foreign_keys(rows, schema)

    def row_estimates(self, connection: Connection, schema: str | None) -> dict[str, int]:
        rows = connection.execute(
            sa.text(
                "SELECT table_name, table_rows FROM information_schema.tables "
                "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_type = 'BASE TABLE'"
            ),
            {"schema": schema},
        )
        return {name: int(estimate) for name, estimate in rows if estimate is not None}

    def definition(self, connection: Connection, table: str, schema: str | None) -> Definition:
        return definition(connection, table, schema)

    # Reading

    def readable(self, column: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        if kind.name == "float" and kind.bits == 32:
            # The server writes a FLOAT with six digits; as a double it has all of them.
            return sa.type_coerce(column + sa.literal_column("0e0"), sa.Double())
        if kind.name == "integer" and isinstance(column.type, mysql.BIT):
            return sa.type_coerce(column + sa.literal_column("0"), sa.BigInteger())
        return column

    def decoder(self, kind: Kind) -> Decoder | None:
        return decoder_of(kind)

    def described(self, cursor: Any) -> list[Described]:
        result = getattr(cursor, "_result", None)
        if result is None or not hasattr(result, "fields"):
            return super().described(cursor)
        return [described(field) for field in result.fields]

    def abandon(self, connection: Connection, cursor: Any) -> None:
        result: Any = getattr(cursor, "_result", None)
        if getattr(result, "unbuffered_active", False):
            # What is on its way is thrown away together with the connection, since the protocol can't skip it.
            result.unbuffered_active = False
            session: Any = connection.connection.driver_connection
            # Where no second session is to be had, the server hears of it when it sends on.
            with suppress(session.Error):
                self.cancel(session)
            connection.invalidate()

    def estimated(self, connection: Connection, statement: sa.Executable) -> int | None:
        return estimated_rows(connection, statement)

    def member(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        # The driver writes the values into the statement, so no limit on parameters is met; one list can use an index.
        listed = column.in_(list(values))
        if not all(isinstance(value, str) for value in values):
            return listed
        return sa.and_(listed, bytes_of(column).in_([value.encode() for value in values]))

    # Comparing

    def equals(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[bool]:
        if isinstance(value, sa.ColumnElement) and isinstance(value.type, sa.String):
            return sa.and_(column.__eq__(value), bytes_of(column).__eq__(bytes_of(value)))
        if not isinstance(value, str):
            return column.__eq__(value)
        # The column's collation finds candidates by its index; the bytes tell "Ann" from "ann" and from "Ann ".
        return sa.and_(column.__eq__(value), bytes_of(column).__eq__(value.encode()))

    def text_match(
        self, column: sa.ColumnElement[Any], text: str, place: str, *, fold: bool, folding: str | None = None
    ) -> sa.ColumnElement[bool]:
        if fold:
            column, text = sa.func.lower(utf8(column)), text.lower()
        if place == "exact":
            return bytes_of(column).__eq__(text.encode())
        return like(utf8(column).collate("utf8mb4_bin"), text, place)

    def regex(self, column: sa.ColumnElement[Any], pattern: str, *, fold: bool) -> sa.ColumnElement[bool]:
        return utf8(column).collate("utf8mb4_bin").regexp_match(f"(?i){pattern}" if fold else pattern)

    # Writing

    def to_column(self, value: Any, kind: Kind, *, column: str = "", where: str = "") -> Any:
        found = canonical(value, kind, column=column, where=where)
        if reason := problem(found, kind):
            raise ValueNotRepresentable(f"Column {column!r} of {where} can't hold {found!r}: {reason}.", column=column)
        return found

    def insert_or(self, table: sa.Table, update: Sequence[str] = (), key: Sequence[str] = ()) -> sa.Insert:
        # INSERT IGNORE would also take what is wrong in other ways, cut to fit.
        own = next(iter(table.primary_key or table.columns)).name
        statement = mysql.insert(table)
        taken = incoming(statement, update) or {own: table.c[own]}
        return statement.on_duplicate_key_update(taken)

    def upserted(
        self, connection: Connection, table: sa.Table, staged: sa.Table, names: Sequence[str], key: Sequence[str]
    ) -> tuple[int, int] | None:
        return upserted(connection, table, staged, names, key)

    def drop_temporary(self, connection: Connection, table: sa.Table) -> None:
        # A plain DROP TABLE would commit what the transaction has done so far.
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE {name}")

    # Stopping and failing

    def cancel(self, connection: Any) -> None:
        kill(connection)

    def interrupted(self, connection: Any) -> None:
        stop_interrupted(connection)

    def trouble(self, error: BaseException) -> Trouble:
        code = error.args[0] if error.args else None
        if code == 0 or "connection was killed" in str(error):
            return Trouble("unreachable", _LOST)
        if LEFT in str(error):
            return Trouble("cancelled")
        if code == 1290 and "read-only" not in str(error):
            return Trouble()
        return _BY_CODE.get(code, Trouble()) if isinstance(code, int) else Trouble()

    def loses_transaction(self, connection: Connection, error: BaseException) -> bool:
        code = error.args[0] if error.args else None
        return code in _ENDS_TRANSACTION or super().loses_transaction(connection, error)


def _flag(url: URL) -> int:
    given = url.query.get("client_flag", "0")
    return int(given) if isinstance(given, str) and given.isdigit() else 0


def _time_limit(version: str, seconds: float) -> str:
    if "mariadb" in version.lower():
        return f"SET SESSION max_statement_time = {seconds:f}"
    return f"SET SESSION max_execution_time = {max(1, round(seconds * 1000))}"


# What an error means

_LOST = "The connection to the server was lost; the next statement opens a new one."
_LOGIN = Trouble("unreachable", "The server is there, but it refused the user or the password.")
_NO_SERVER = Trouble("unreachable", "No server answers there: check host, port and firewall, and whether it runs.")
_FULL = Trouble("unreachable", "The server has no connection left; close some, or raise max_connections.")
_PRIVILEGE = Trouble("other", "The user lacks the privilege; an administrator can GRANT it.")

# A deadlock, a lock that took too long to get, and a row that changed since it was read: the next statement would begin
# another transaction.
_ENDS_TRANSACTION = (1213, 1205, 1020)

_BROKEN_RULE = Trouble("other", error="IntegrityError")

_BY_CODE: dict[int, Trouble] = {
    1045: _LOGIN,
    1698: _LOGIN,
    1044: Trouble("unreachable", "The server is there, but the user has no rights on that database."),
    1049: Trouble("unreachable", "The server is there, but it has no database of that name."),
    1129: Trouble(
        "unreachable", "The server blocks this machine after many failed logins; an administrator can FLUSH HOSTS."
    ),
    1130: Trouble("unreachable", "The server accepts no user from this machine."),
    1040: _FULL,
    1203: _FULL,
    2002: _NO_SERVER,
    2003: _NO_SERVER,
    2005: Trouble("unreachable", "The host name is not known: check its spelling and your network."),
    2006: Trouble("unreachable", _LOST),
    2013: Trouble("unreachable", _LOST),
    2055: Trouble("unreachable", _LOST),
    1053: Trouble("unreachable", "The server is shutting down."),
    1792: Trouble("read_only"),
    1290: Trouble("read_only"),
    1836: Trouble("read_only"),
    1317: Trouble("cancelled"),
    1969: Trouble("cancelled"),
    3024: Trouble("cancelled"),
    1364: _BROKEN_RULE,
    3819: _BROKEN_RULE,
    4025: _BROKEN_RULE,
    1142: _PRIVILEGE,
    1143: _PRIVILEGE,
    1227: _PRIVILEGE,
    1370: _PRIVILEGE,
    1205: Trouble("other", "Another session holds a lock on the rows; try again when it has finished."),
    1213: Trouble("other", "Two sessions waited for each other, so one was stopped; try again."),
    1153: Trouble(
        "other", "The value is larger than the server accepts at once; an administrator can raise max_allowed_packet."
    ),
}


def _foreign_keys(rows: Iterable[Any], schema: str | None) -> ForeignKeys:
    """Join the rows of one key, one a column; names of the database itself are left out as SQLAlchemy does."""
    found: dict[tuple[str | None, str], dict[str, ReflectedForeignKeyConstraint]] = {}
    for own, home, table, name, column, together, target_home, target, target_column, on_delete, on_update in rows:
        place = (schema if own else home, table)
        key = found.setdefault(place, {}).setdefault(
            name,
            {
                "name": name,
                "constrained_columns": [],
                "referred_schema": place[0] if together else (schema if not own else target_home),
                "referred_table": target,
                "referred_columns": [],
                "options": {"ondelete": on_delete, "onupdate": on_update},
            },
        )
        key["constrained_columns"].append(column)
        key["referred_columns"].append(target_column)
    return {place: list(keys.values()) for place, keys in found.items()}
