"""The statements that made a table, as SQLite keeps them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.definitions import Definition, checks_of, joined

__all__ = ["definition"]


def definition(connection: Connection, table: str, schema: str | None) -> Definition:
    """Read what the database wrote down when the table, its indexes and its triggers were made."""
    quote = connection.dialect.identifier_preparer.quote
    place = f"{quote(schema)}." if schema else ""
    rows = connection.execute(
        sa.text(
            f"SELECT type, name, sql FROM {place}sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL "
            "ORDER BY type = 'index', rowid"
        ),
        {"table": table},
    ).all()
    triggers = tuple((row.name, joined(row.sql)) for row in rows if row.type == "trigger")
    text = joined(*(row.sql for row in rows if row.type != "trigger"))
    made = any(row.type == "table" for row in rows)
    checks = checks_of(sa.inspect(connection), table, schema) if made else ()
    return Definition(text, own_words=True, checks=checks, triggers=triggers)
