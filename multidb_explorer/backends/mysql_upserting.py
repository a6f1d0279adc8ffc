"""Upserts in one statement, where nothing but the key that they go by can make it an update.

INSERT ... ON DUPLICATE KEY UPDATE takes half the time of an UPDATE and an INSERT, but it goes by any unique key, judges
each row as if it were new, and counts what it did in a way that tells no updated row from an inserted one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection

__all__ = ["incoming", "upserted"]

_KEYS = sa.text(
    "SELECT index_name, column_name, sub_part, index_type FROM information_schema.statistics "
    "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name AND non_unique = 0"
)

_TABLE = sa.text(
    "SELECT (SELECT engine FROM information_schema.tables "
    "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name), "
    "(SELECT count(*) FROM information_schema.triggers "
    "WHERE event_object_schema = COALESCE(:schema, DATABASE()) AND event_object_table = :name), @@SESSION.sql_mode"
)

_ISOLATION = "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')"


def upserted(
    connection: Connection, table: sa.Table, staged: sa.Table, names: Sequence[str], key: Sequence[str]
) -> tuple[int, int] | None:
    """Insert staged rows, or update those whose key is there; the staged ones have different keys.

    Returns
    -------
    tuple of int, or None
        How many rows were to be inserted, and how many rows the statement says it touched, an updated one twice;
        ``None`` where it was not tried.
    """
    if set(names) <= set(key) or not _goes_by(connection, table, key):
        return None
    same = sa.and_(*(table.c[name] == staged.c[name] for name in key))
    # The rows that are there, and the gaps where others are not, stay as they are until the transaction ends.
    found = sa.select(sa.func.count()).select_from(staged.join(table, same)).prefix_with("STRAIGHT_JOIN")
    matched = int(connection.execute(found.with_for_update()).scalar_one())
    rows = sa.select(*(staged.c[name] for name in names))
    statement = mysql.insert(table).from_select(list(names), rows, include_defaults=False)
    taken = incoming(statement, [name for name in names if name not in key])
    result = connection.execute(statement.on_duplicate_key_update(taken), execution_options={"preserve_rowcount": True})
    return matched, int(result.rowcount)


def incoming(statement: mysql.Insert, names: Iterable[str]) -> dict[str, sa.ColumnElement[Any]]:
    """Give the values of the row that would have been inserted, by their columns."""
    # SQLAlchemy doubles the percent sign of a name twice after "inserted" and "VALUES".
    return {name: sa.func.values(sa.column(name)) if "%" in name else statement.inserted[name] for name in names}


def _goes_by(connection: Connection, table: sa.Table, key: Sequence[str]) -> bool:
    """Tell whether a whole key is the only one, no trigger sees an insertion, and what was counted stays true."""
    named = {"schema": table.schema, "name": table.name}
    found = connection.execute(_KEYS, named).all()
    if len({index for index, *_ in found}) != 1 or {column for _, column, *_ in found} != set(key):
        return False
    if any(part is not None or kind != "BTREE" for *_, part, kind in found):
        return False
    engine, triggers, mode = connection.execute(_TABLE, named).one()
    if engine != "InnoDB" or triggers or "NO_AUTO_VALUE_ON_ZERO" not in mode:
        return False
    levels: list[Any] = [level for _, level in connection.exec_driver_sql(_ISOLATION)]
    return all(level in ("REPEATABLE-READ", "SERIALIZABLE") for level in levels)
