"""The statements that make a table, which PostgreSQL keeps for triggers and views only."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.definitions import Definition, joined, reflected

__all__ = ["definition"]

_TRIGGERS = """
SELECT t.tgname, pg_get_triggerdef(t.oid, true)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND c.relname = :table AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
ORDER BY t.tgname
"""
_VIEW = """
SELECT c.relkind, pg_get_viewdef(c.oid, true)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND c.relname = :table
AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
"""


def definition(connection: Connection, table: str, schema: str | None) -> Definition:
    """Write a table's statement from the catalog; the server itself writes those of its views and triggers."""
    place = {"table": table, "schema": schema}
    rows = connection.execute(sa.text(_TRIGGERS), place)
    triggers = tuple((name, joined(text)) for name, text in rows)
    view = connection.execute(sa.text(_VIEW), place).first()
    if view is None:
        return replace(reflected(connection, table, schema), triggers=triggers)
    quote = connection.dialect.identifier_preparer.quote
    named = f"{quote(schema)}.{quote(table)}" if schema else quote(table)
    kind = "MATERIALIZED VIEW" if view[0] in ("m", b"m") else "VIEW"
    return Definition(joined(f"CREATE {kind} {named} AS\n{view[1]}"), own_words=True, triggers=triggers)
