"""The statements that make a table, as MySQL and MariaDB tell them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.definitions import Definition, checks_of, joined, reflected

__all__ = ["definition"]

_TRIGGERS = """
SELECT trigger_name, action_timing, event_manipulation, action_statement FROM information_schema.triggers
WHERE event_object_schema = COALESCE(:schema, DATABASE()) AND event_object_table = :table ORDER BY trigger_name
"""


def definition(connection: Connection, table: str, schema: str | None) -> Definition:
    """Ask the server for the statement; who may not see it gets what SQLAlchemy can write."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    named = f"{quote(schema)}.{quote(table)}" if schema else quote(table)
    try:
        row = connection.exec_driver_sql(f"SHOW CREATE TABLE {named}".replace("%", "%%")).one()
        triggers = connection.execute(sa.text(_TRIGGERS), {"schema": schema, "table": table}).all()
    except sa.exc.DBAPIError:
        return reflected(connection, table, schema)
    inspector = sa.inspect(connection)
    checks = checks_of(inspector, table, schema) if table in inspector.get_table_names(schema) else ()
    made = tuple(
        (name, joined(f"CREATE TRIGGER {quote(name)} {timing} {event} ON {quote(table)} FOR EACH ROW {text}"))
        for name, timing, event, text in triggers
    )
    return Definition(joined(row[1]), own_words=True, checks=checks, triggers=made)
