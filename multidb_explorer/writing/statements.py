"""Insert, update and delete rows of one table, with every value bound by its column's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.base import Backend

__all__ = ["delete_rows", "insert_row", "key_condition", "keys_condition", "update_row"]

Values = Mapping[str, Any]
"""Canonical values by the column's name in this database."""

_CHUNK = 200


def insert_row(
    connection: Connection, backend: Backend, table: sa.Table, values: Values, key: Sequence[str]
) -> dict[str, Any]:
    """Insert one row and give its key, also where the database made it.

    Returns
    -------
    dict
        The key's values by column, as the driver gives them.
    """
    statement = sa.insert(table).values(_bound(values))
    if not values:
        statement = sa.insert(table)
    unknown = [name for name in key if values.get(name) is None]
    if unknown and backend.features.insert_returning:
        row = connection.execute(statement.returning(*(table.c[name] for name in unknown))).one()
        return {**{name: values[name] for name in key if name not in unknown}, **dict(zip(unknown, row, strict=True))}
    result = connection.execute(statement)
    if not unknown:
        return {name: values[name] for name in key}
    made = result.inserted_primary_key or ()
    return dict(zip((column.name for column in table.primary_key), made, strict=False))


def update_row(connection: Connection, backend: Backend, table: sa.Table, key: Values, values: Values) -> int:
    """Update the row under a key and tell how many rows matched, changed or not."""
    if not values:
        found = connection.execute(sa.select(sa.func.count()).select_from(table).where(key_condition(table, key)))
        return int(found.scalar_one())
    return backend.matched(connection, sa.update(table).where(key_condition(table, key)).values(_bound(values)))


def delete_rows(connection: Connection, backend: Backend, table: sa.Table, keys: Sequence[Values]) -> int:
    """Delete the rows under some keys and tell how many there were."""
    return sum(
        backend.matched(
            connection, sa.delete(table).where(keys_condition(backend, table, keys[start : start + _CHUNK]))
        )
        for start in range(0, len(keys), _CHUNK)
    )


def key_condition(table: sa.Table, key: Values) -> sa.ColumnElement[bool]:
    """Match one key; every part of it is compared."""
    return sa.and_(
        *(table.c[name] == value if value is not None else table.c[name].is_(None) for name, value in key.items())
    )


def keys_condition(backend: Backend, table: sa.Table, keys: Sequence[Values]) -> sa.ColumnElement[bool]:
    """Match any of some keys."""
    names = list(keys[0])
    if len(names) == 1:
        return backend.member(table.c[names[0]], [key[names[0]] for key in keys])
    return sa.or_(*(key_condition(table, key) for key in keys))


def _bound(values: Values) -> dict[str, Any]:
    # A JSON column would take a bound None for the JSON value null.
    return {name: sa.null() if value is None else value for name, value in values.items()}
