"""The names of types that SQLAlchemy does not know."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["type_in_catalog"]


def type_in_catalog(connection: Connection, table: sa.Table, column: str) -> str:
    """Ask the standard's catalog for the name of a column's type; empty where it does not list the column."""
    wanted = sa.select(sa.text("*")).select_from(sa.text("information_schema.columns"))
    wanted = wanted.where(
        sa.literal_column("table_name") == sa.bindparam("name", table.name),
        sa.literal_column("column_name") == sa.bindparam("column", column),
    )
    if table.schema is not None:
        wanted = wanted.where(sa.literal_column("table_schema") == sa.bindparam("home", table.schema))
    row = connection.execute(wanted).mappings().first()
    found = {name.lower(): value for name, value in row.items()} if row is not None else {}
    # The whole declaration (MySQL), the name of a type that somebody made (PostgreSQL), else the standard's name.
    return str(found.get("column_type") or found.get("udt_name") or found.get("data_type") or "")
