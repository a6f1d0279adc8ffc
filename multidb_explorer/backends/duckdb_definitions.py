"""The statements that make a table, as DuckDB keeps them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.definitions import Definition, checks_of, joined

__all__ = ["definition"]

_PLACE = "database_name = current_database() AND schema_name = coalesce(CAST(:schema AS VARCHAR), current_schema())"
_STATEMENTS = f"""
SELECT 'table', sql FROM duckdb_tables() WHERE {_PLACE} AND table_name = :table
UNION ALL SELECT 'view', sql FROM duckdb_views() WHERE {_PLACE} AND view_name = :table
UNION ALL SELECT 'index', sql FROM duckdb_indexes() WHERE {_PLACE} AND table_name = :table
"""


def definition(connection: Connection, table: str, schema: str | None) -> Definition:
    """Read the statements from the catalog."""
    rows = connection.execute(sa.text(_STATEMENTS), {"table": table, "schema": schema}).all()
    made = any(kind == "table" for kind, _ in rows)
    checks = checks_of(sa.inspect(connection), table, schema) if made else ()
    return Definition(joined(*(text for _, text in rows)), own_words=True, checks=checks)
