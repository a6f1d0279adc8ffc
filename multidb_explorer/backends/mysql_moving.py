"""Moving rows into and out of MySQL and MariaDB."""

from __future__ import annotations

import re
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.moving import Keeps, Reach, checked_name
from multidb_explorer.errors import TransactionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

__all__ = ["MySQLMoving"]


class MySQLMoving(Backend):
    """What MySQL adds."""

    # A place for rows of another product

    def nearest_type(self, kind: Kind, *, in_key: bool = False) -> TypeEngine[Any]:
        found: TypeEngine[Any]
        match kind.name:
            case "integer":
                found = _WHOLE[kind.bits](unsigned=kind.unsigned)
            case "float":
                found = mysql.FLOAT() if kind.bits == 32 else mysql.DOUBLE()
            case "decimal":
                found = _decimal(kind)
            case "text" | "interval" | "other":
                found = _text(kind.length, in_key=in_key)
            case "enum":
                found = _enum(kind) if kind.choices else _text(None, in_key=in_key)
            case "time":
                found = mysql.TIME(fsp=_digits(kind))
            case "timestamp":
                found = (mysql.TIMESTAMP if kind.tz else mysql.DATETIME)(fsp=_digits(kind))
            case "binary":
                found = _binary(kind.length, in_key=in_key)
            case "array":
                found = sa.JSON()
            case _:
                found = super().nearest_type(kind, in_key=in_key)
        return found

    def keeps(self, connection: Connection, table: sa.Table) -> Mapping[str, Keeps]:
        rows = connection.execute(sa.text(_STORED), {"table": table.name, "schema": table.schema})
        return {name: _keeps(*described) for name, *described in rows}

    # Whether they are safe there

    def unsafe_target(self, connection: Connection, table: str, schema: str | None) -> str:
        row = connection.execute(sa.text(_SAFETY), {"table": table, "schema": schema}).first()
        if row is None:
            return "no table of that name is there"
        type_, engine, transactional, reads_only = row
        if type_ == "TEMPORARY":
            return "the table is temporary and goes with the session"
        if type_ not in ("BASE TABLE", "SYSTEM VERSIONED"):
            return "it is no table (a view or a sequence)"
        if transactional != "YES":
            return f"its engine {engine} knows no transactions"
        return "the server only reads (read_only is set, as on a replica)" if reads_only else ""

    def forgets(self, connection: Connection) -> str:
        if str(connection.exec_driver_sql("SELECT @@innodb_flush_log_at_trx_commit").scalar_one()) != "1":
            # Only the server's administrator can set it.
            return (
                "the server tells of a commit before it is on its disk (innodb_flush_log_at_trx_commit is not 1), so a "
                "power cut may take the last second's commits back"
            )
        return ""

    def advance_key(self, connection: Connection, table: sa.Table, column: str) -> None:
        # AUTO_INCREMENT goes on behind every number that is given; to set it would end the transaction.
        text = sa.text(
            "SELECT column_default FROM information_schema.columns WHERE table_name = :table "
            "AND table_schema = COALESCE(:schema, DATABASE()) AND column_name = :column"
        )
        default = connection.execute(text, {"table": table.name, "schema": table.schema, "column": column}).scalar()
        if default is None or not str(default).lower().startswith("nextval("):
            return
        name = connection.dialect.identifier_preparer.format_table(table)
        quoted = connection.dialect.identifier_preparer.quote(column)
        value = connection.exec_driver_sql(f"SELECT MAX({quoted}) FROM {name}").scalar()
        if value is not None:
            # It is the server's own text of the default, and SETVAL never sets back.
            sequence = str(default)[len("nextval(") : -1].replace("%", "%%")
            connection.exec_driver_sql(f"SELECT SETVAL({sequence}, {int(value)})")

    # Two databases as one, by votes

    def two_phase(self, connection: Connection) -> str:
        version = connection.dialect.server_version_info or ()
        if getattr(connection.dialect, "is_mariadb", False) and version < _KEEPS_VOTES:
            return "MariaDB before 10.5.2 forgets a prepared transaction with its session."
        try:
            connection.exec_driver_sql("XA RECOVER").all()
        except sa.exc.DBAPIError:
            return "The user may not list prepared transactions (XA_RECOVER_ADMIN)."
        return ""

    def begin_prepared(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"XA START {self._named(connection, name)}")

    def prepare(self, connection: Connection, name: str) -> None:
        named = self._named(connection, name)
        connection.exec_driver_sql(f"XA END {named}")
        connection.exec_driver_sql(f"XA PREPARE {named}")
        voted = name in self.in_doubt(connection, name)
        # As long as the session is there, no other one can finish what it prepared.
        connection.invalidate()
        if not voted:
            raise TransactionError(f"The server does not list transaction {name!r}, which it said it had prepared.")

    def in_doubt(self, connection: Connection, prefix: str) -> list[str]:
        branch = _branch(connection)
        found = []
        for _, name_length, _, data in connection.exec_driver_sql("XA RECOVER"):
            known = data if isinstance(data, bytes) else str(data).encode()
            if known[name_length:] == branch.encode() and known.startswith(prefix.encode()):
                found.append(known[:name_length].decode())
        return sorted(found)

    def finish_prepared(self, connection: Connection, name: str, *, commit: bool) -> None:
        named = self._named(connection, name)
        session: Any = connection.connection.driver_connection
        session.rollback()
        # Without it whatever the session ever read counts as work outside of the transaction.
        session.autocommit(True)
        try:
            with session.cursor() as cursor:
                cursor.execute(f"XA {'COMMIT' if commit else 'ROLLBACK'} {named}")
        finally:
            with suppress(session.Error):
                session.autocommit(False)

    def _named(self, connection: Connection, name: str) -> str:
        return f"'{checked_name(name)}','{_branch(connection)}'"

    # Two databases as one, by one session

    def reaches(self, connection: Connection, other: Connection, schema: str | None) -> Reach | str:
        url = connection.engine.url
        servers = [self.fingerprint(each, url).rpartition("/")[0] for each in (connection, other)]
        if servers[0] != servers[1]:
            return "the two databases are on two servers"
        named = schema or str(other.exec_driver_sql("SELECT DATABASE()").scalar_one())
        visible = sa.text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :name")
        if connection.execute(visible, {"name": named}).first() is None:
            return f"the user may not use database {named!r}"
        return Reach(named)


_KEEPS_VOTES = (10, 5, 2)

_WHOLE: dict[int, Any] = {8: mysql.TINYINT, 16: mysql.SMALLINT, 32: mysql.INTEGER, 64: mysql.BIGINT}
_EXACTLY: dict[str, Any] = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
"""Texts that differ are different, also in a key."""
_KEY_CHARACTERS, _ROW_CHARACTERS = 190, 2_000
_DECIMAL = (65, 30)


def _text(length: int | None, *, in_key: bool) -> TypeEngine[Any]:
    if in_key:
        return mysql.VARCHAR(min(length or _KEY_CHARACTERS, 700), **_EXACTLY)
    return mysql.VARCHAR(length, **_EXACTLY) if length and length <= _ROW_CHARACTERS else mysql.LONGTEXT(**_EXACTLY)


def _binary(length: int | None, *, in_key: bool) -> TypeEngine[Any]:
    if in_key:
        return mysql.VARBINARY(min(length or 4 * _KEY_CHARACTERS, 3_000))
    return mysql.VARBINARY(length) if length and length <= _ROW_CHARACTERS else mysql.LONGBLOB()


def _enum(kind: Kind) -> TypeEngine[Any]:
    if all(ord(letter) < 0x10000 for choice in kind.choices for letter in choice):
        return mysql.ENUM(*kind.choices, **_EXACTLY)
    # The server shows such a letter of a member as a question mark.
    return mysql.VARCHAR(max(map(len, kind.choices)), **_EXACTLY)


def _decimal(kind: Kind) -> TypeEngine[Any]:
    precision, scale = kind.precision, kind.scale or 0
    if precision is None:
        return mysql.DECIMAL(*_DECIMAL)
    if precision > _DECIMAL[0] or scale > _DECIMAL[1]:
        return mysql.VARCHAR(precision + 2, **_EXACTLY)
    return mysql.DECIMAL(precision, scale)


def _digits(kind: Kind) -> int | None:
    """Give the digits of a second that are kept: a column without a word about them keeps none."""
    return 6 if kind.scale is None or kind.scale > 6 else kind.scale or None


def _branch(connection: Connection) -> str:
    """Mark what is this database's own, since the server lists the transactions of all."""
    name = str(connection.exec_driver_sql("SELECT DATABASE()").scalar_one())
    return blake2b(name.encode(), digest_size=8).hexdigest()


_STORED = """
SELECT column_name, data_type, column_type, character_set_name, character_octet_length
FROM information_schema.columns WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :table
"""

_CODECS = {"utf8mb4": "", "latin1": "cp1252", "ascii": "ascii", "binary": ""}
"""Python's names of the server's encodings; ``bmp`` stands for those that end before the emoji."""
_ENDS_EARLY = ("utf8", "utf8mb3", "ucs2")
_INTEGERS = {"mediumint": (-(2**23), 2**23 - 1), "mediumint unsigned": (0, 2**24 - 1), "year": (1901, 2155)}


def _keeps(type_: str, declared: str, charset: str | None, octets: int | None) -> Keeps:
    plain = re.sub(r"\(.*?\)| zerofill", "", declared)
    if plain in _INTEGERS:
        return Keeps(_INTEGERS[plain])
    if type_ == "bit":
        return Keeps((0, 2 ** int(declared[4:-1]) - 1))
    if type_ == "json":
        return Keeps(rewrites=True)
    if type_ in ("float", "double"):
        return Keeps(rounds="(" in declared)
    if charset is not None:
        codec = "bmp" if charset in _ENDS_EARLY else _CODECS.get(charset, charset)
        return Keeps(octets=octets, codec=codec, trims=type_ == "char")
    return Keeps(octets=octets, fills=type_ == "binary")


_SAFETY = """
SELECT t.table_type, t.engine, e.transactions,
       @@global.read_only NOT IN ('0', 'OFF') OR @@innodb_read_only NOT IN ('0', 'OFF')
FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = COALESCE(:schema, DATABASE()) AND t.table_name = :table
"""
