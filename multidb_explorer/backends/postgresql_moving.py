"""Moving rows into and out of PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.moving import Keeps, Reach, checked_name
from multidb_explorer.backends.postgresql_passing import handed, refusal, row_digest, taken
from multidb_explorer.errors import TransactionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

    from multidb_explorer.backends.loaders import Load
    from multidb_explorer.backends.readers import Request

__all__ = ["PostgreSQLMoving"]


class PostgreSQLMoving(Backend):
    """What PostgreSQL adds."""

    # A place for rows of another product

    def nearest_type(self, kind: Kind, *, in_key: bool = False) -> TypeEngine[Any]:
        match kind.name:
            case "float" if kind.bits == 32:
                return sa.REAL()
            case "decimal" if (kind.precision or 0) > _MOST_DIGITS:
                return sa.Numeric()
            case "time":
                return pg.TIME(precision=_digits(kind))
            case "timestamp":
                return pg.TIMESTAMP(timezone=kind.tz, precision=_digits(kind))
            case "interval":
                return pg.INTERVAL()
            case "array":
                return pg.ARRAY(self.nearest_type(kind.item or Kind("text")))
        return super().nearest_type(kind, in_key=in_key)

    def keeps(self, connection: Connection, table: sa.Table) -> Mapping[str, Keeps]:
        found = {}
        for column in table.columns:
            if isinstance(column.type, sa.CHAR | pg.BIT):
                found[column.name] = Keeps(fills=True)
            elif isinstance(column.type, pg.JSONB):
                found[column.name] = Keeps(rewrites=True)
        return found

    # Whether they are safe there

    def unsafe_target(self, connection: Connection, table: str, schema: str | None) -> str:
        row = connection.execute(sa.text(_SAFETY), {"table": table, "schema": schema}).first()
        if row is None:
            return "no table of that name is there"
        return next((reason for held, reason in zip(row, _REASONS, strict=True) if held), "")

    def hides_rows(self, connection: Connection, table: str, schema: str | None) -> str:
        if connection.execute(sa.text(_HIDING), {"table": table, "schema": schema}).scalar():
            return "row-level security hides rows of the table from this user"
        return ""

    def forgets(self, connection: Connection) -> str:
        if connection.exec_driver_sql("SHOW fsync").scalar_one() == "off":
            return "the server writes nothing through to its disk (fsync is off)"
        return ""

    def durable(self, connection: Connection) -> None:
        if connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "off":
            # A commit would be told before it is written.
            connection.exec_driver_sql("SET LOCAL synchronous_commit = on")

    def advance_key(self, connection: Connection, table: sa.Table, column: str) -> None:
        preparer = connection.dialect.identifier_preparer
        name, quoted = _single(preparer.format_table(table)), _single(preparer.quote(column))
        known = connection.execute(sa.text(_SEQUENCES), {"table": name, "column": column}).all()
        for home, sequence, step in known:
            counted = _single(".".join(map(preparer.quote_identifier, (home, sequence))))
            end, sign = ("max", ">") if step > 0 else ("min", "<")
            # In one statement, so that what others are numbered meanwhile is passed at most in this very moment.
            statement = (
                f"SELECT setval(CAST(:counted AS regclass), found.v) FROM (SELECT {end}({_plain(quoted)}) AS v "
                f"FROM {_plain(name)}) AS found, {_plain(counted)} AS s, pg_sequence AS q "
                f"WHERE q.seqrelid = CAST(:counted AS regclass) "
                f"AND found.v BETWEEN q.seqmin AND q.seqmax "
                f"AND (found.v {sign} s.last_value OR (found.v = s.last_value AND NOT s.is_called))"
            )
            connection.execute(sa.text(statement), {"counted": counted}).all()

    # From one database of the product to another

    def passing(self, request: Request, load: Load) -> str:
        return refusal(request, load)

    def row_digest(self, columns: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
        return row_digest(columns)

    def steady(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def handed(self, request: Request) -> Iterator[tuple[int, bytes]]:
        return handed(request)

    def taken(self, load: Load, pieces: Iterable[tuple[int, bytes]]) -> int:
        return taken(load, pieces)

    # Two databases as one, by votes

    def two_phase(self, connection: Connection) -> str:
        most, used = connection.exec_driver_sql(
            "SELECT current_setting('max_prepared_transactions')::int, (SELECT count(*) FROM pg_prepared_xacts)"
        ).one()
        if not most:
            return "The server keeps no prepared transactions (max_prepared_transactions = 0)."
        if used >= most:
            return f"All of the server's {most} places for prepared transactions are taken (max_prepared_transactions)."
        return ""

    def prepare(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"PREPARE TRANSACTION '{checked_name(name)}'")
        # A transaction that had failed was rolled back just now without a word.
        voted = name in self.in_doubt(connection, name)
        connection.invalidate()
        if not voted:
            raise TransactionError(f"The database rolled back transaction {name!r} in place of preparing it.")

    def in_doubt(self, connection: Connection, prefix: str) -> list[str]:
        found = connection.execute(
            sa.text(
                "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, :prefix) "
                "ORDER BY prepared, gid"
            ),
            {"prefix": prefix},
        )
        return list(found.scalars())

    def finish_prepared(self, connection: Connection, name: str, *, commit: bool) -> None:
        with _outside_transactions(connection) as session:
            session.execute(f"{'COMMIT' if commit else 'ROLLBACK'} PREPARED '{checked_name(name)}'")

    # Two databases as one, by one session

    def reaches(self, connection: Connection, other: Connection, schema: str | None) -> Reach | str:
        url = connection.engine.url
        if self.fingerprint(connection, url) != self.fingerprint(other, url):
            return "PostgreSQL never has two databases in one transaction, but schemas of one"
        named = schema or str(other.exec_driver_sql("SELECT current_schema()").scalar_one())
        allowed = connection.execute(
            sa.text("SELECT has_schema_privilege(oid, 'usage') FROM pg_namespace WHERE nspname = :name"),
            {"name": named},
        ).scalar()
        return Reach(named) if allowed else f"the user may not use schema {named!r}"


_MOST_DIGITS = 1_000


def _digits(kind: Kind) -> int | None:
    return kind.scale if kind.scale is not None and kind.scale < 6 else None


@contextmanager
def _outside_transactions(connection: Connection) -> Iterator[Any]:
    """Lend the driver's connection where no statement opens a transaction."""
    session: Any = connection.connection.driver_connection
    session.rollback()
    session.autocommit = True
    try:
        yield session
    finally:
        if not session.closed:
            session.autocommit = False


_FOUND = """
WHERE c.relname = :table AND CASE WHEN CAST(:schema AS text) IS NULL THEN pg_table_is_visible(c.oid)
      ELSE n.nspname = :schema END AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
"""
_HIDING = f"SELECT row_security_active(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {_FOUND}"
# One answer a column, in the order of the reasons.
_SAFETY = f"""
SELECT c.relpersistence = 't', c.relpersistence = 'u', c.relkind NOT IN ('r', 'p'), row_security_active(c.oid),
       pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'
           AND current_setting('default_transaction_read_only') = 'on'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {_FOUND}
"""
_REASONS = (
    "the table is temporary and goes with the session",
    "the table is UNLOGGED, so a crash of the server empties it",
    "it is no table of this database's own (a view or a foreign table)",
    "row-level security hides rows of the table from this user, so what was written can't be counted again",
    "the server is a replica, which only reads",
    "the user's sessions only read (default_transaction_read_only)",
)

# What the column's default takes its numbers from, be it owned by the column or not.
_SEQUENCES = """
SELECT n.nspname, s.relname, q.seqincrement
FROM pg_attribute a
JOIN pg_class s ON s.relkind = 'S'
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_sequence q ON q.seqrelid = s.oid
WHERE a.attrelid = CAST(:table AS regclass) AND a.attname = :column AND s.oid IN (
    SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    UNION ALL
    SELECT d.refobjid FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
        WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
        AND f.adrelid = a.attrelid AND f.adnum = a.attnum)
"""


def _single(name: str) -> str:
    """Take back the doubled percent signs, which only the driver's own text of a statement has."""
    return name.replace("%%", "%")


def _plain(name: str) -> str:
    """Write a name into text in which a colon would begin a parameter."""
    return name.replace(":", "\\:")
