"""Moving rows into and out of DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

__all__ = ["DuckDBMoving"]


class DuckDBMoving(Backend):
    """What DuckDB does in its own way."""

    # A place for rows of another product

    def nearest_type(self, kind: Kind, *, in_key: bool = False) -> TypeEngine[Any]:
        match kind.name:
            case "integer" if kind.bits == 8 or kind.unsigned:
                return _whole_number(kind)
            case "float" if kind.bits == 32:
                return sa.REAL()
            case "decimal" if kind.precision is None or kind.precision > _DIGITS:
                return sa.Text()
            case "timestamp" if (kind.scale or 0) > 6 and not kind.tz:
                from multidb_explorer.backends.duckdb_types import Timestamp

                return Timestamp("TIMESTAMP_NS", 9)
            case "interval":
                return pg.INTERVAL()
            case "array":
                return pg.ARRAY(self.nearest_type(kind.item or Kind("text")))
        return super().nearest_type(kind, in_key=in_key)

    # Whether they are safe there

    def unsafe_target(self, connection: Connection, table: str, schema: str | None) -> str:
        row = connection.execute(sa.text(_SAFETY), {"table": table, "schema": schema}).first()
        if row is None:
            return "no table of that name is there"
        temporary, in_memory, only_reads = row
        if temporary:
            return "the table is temporary and goes with the session"
        if in_memory:
            return "the database is in memory and goes with this kernel"
        return "the file is open for reading only" if only_reads else ""

    def advance_key(self, connection: Connection, table: sa.Table, column: str) -> None:
        found = connection.execute(sa.text(_SEQUENCES), {"table": table.name, "schema": table.schema, "column": column})
        name = connection.dialect.identifier_preparer.format_table(table)
        quoted = connection.dialect.identifier_preparer.quote(column)
        for home, sequence, step, last, least, most in found.all():
            end, sign = ("max", ">") if step > 0 else ("min", "<")
            value = connection.execute(sa.text(f"SELECT {end}({quoted}) FROM {name}")).scalar()
            behind = last is None or (value is not None and (value > last if sign == ">" else value < last))
            if value is not None and behind and least <= value <= most:
                spelt = ".".join(connection.dialect.identifier_preparer.quote(part) for part in (home, sequence))
                connection.execute(sa.text("SELECT setval(:name, :value)"), {"name": spelt, "value": value})


_DIGITS = 38


def _whole_number(kind: Kind) -> TypeEngine[Any]:
    from multidb_explorer.backends.duckdb_types import SmallWhole

    names = {8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}
    return SmallWhole(f"{'U' if kind.unsigned else ''}{names[kind.bits]}", kind.bits, kind.unsigned)


_SAFETY = """
SELECT t.temporary, d.path IS NULL AND NOT t.temporary, d.readonly
FROM duckdb_tables() t JOIN duckdb_databases() d ON d.database_name = t.database_name
WHERE t.table_name = :table AND t.schema_name = coalesce(CAST(:schema AS VARCHAR), current_schema())
  AND (t.temporary OR t.database_name = current_database())
ORDER BY t.temporary DESC
"""

# Of whatever schema: a default names its sequence as it was written.
_SEQUENCES = """
SELECT s.schema_name, s.sequence_name, s.increment_by, s.last_value, s.min_value, s.max_value
FROM duckdb_columns() c JOIN duckdb_sequences() s ON s.database_name = c.database_name
WHERE c.database_name = current_database() AND c.table_name = :table AND c.column_name = :column
  AND c.schema_name = coalesce(CAST(:schema AS VARCHAR), current_schema())
  AND trim(regexp_extract(c.column_default, '^nextval\\(''(.*)''\\)$', 1), '"')
      IN (s.sequence_name, s.schema_name || '.' || s.sequence_name)
"""
