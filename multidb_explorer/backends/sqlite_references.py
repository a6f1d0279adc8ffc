"""The foreign keys of SQLite tables, with their rules, as the engine itself tells them.

SQLAlchemy reads them from the text of CREATE TABLE, by a pattern that loses ON DELETE of a reference that is written
beside its column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint

__all__ = ["with_rules"]

_Keys = Mapping[tuple[str | None, str], Sequence["ReflectedForeignKeyConstraint"]]


def with_rules(connection: Connection, found: _Keys) -> _Keys:
    """Give foreign keys the rules that the engine has for them.

    Examples
    --------
    >>> engine = sa.create_engine("sqlite://")
    >>> with engine.begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE a (id INTEGER PRIMARY KEY)")
    ...     _ = connection.exec_driver_sql("CREATE TABLE b (a INTEGER REFERENCES a ON DELETE CASCADE)")
    ...     keys = with_rules(connection, sa.inspect(connection).get_multi_foreign_keys())
    >>> keys[None, "b"][0]["options"]["ondelete"]
    'CASCADE'
    """
    for (schema, table), keys in found.items():
        if not keys:
            continue
        rules = _rules(connection, schema, table)
        for key in keys:
            columns = tuple(name.casefold() for name in key["constrained_columns"])
            rule = rules.get((columns, key["referred_table"].casefold()))
            if rule is not None:
                key["options"] = {**key.get("options", {}), "ondelete": rule[0], "onupdate": rule[1]}
    return found


def _rules(
    connection: Connection, schema: str | None, table: str
) -> dict[tuple[tuple[str, ...], str], tuple[str, str]]:
    """Give the rules on deletes and updates of a table's keys, by their columns and the table they refer to."""
    rows = connection.execute(
        sa.text(
            'SELECT id, "table", "from", on_delete, on_update FROM pragma_foreign_key_list(:table, :schema) '
            "ORDER BY id, seq"
        ),
        {"table": table, "schema": schema or "main"},
    )
    columns: dict[int, list[str]] = {}
    ends: dict[int, tuple[str, str, str]] = {}
    for number, target, column, on_delete, on_update in rows:
        columns.setdefault(number, []).append(column.casefold())
        ends[number] = (target.casefold(), on_delete, on_update)
    return {(tuple(columns[number]), end[0]): (end[1], end[2]) for number, end in ends.items()}
