"""Insert, update and delete rows of one table, with every value bound by its column's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.base import Backend

__all__ = [
    "delete_rows",
    "exact_key_condition",
    "insert_row",
    "insert_statement",
    "key_condition",
    "keys_condition",
    "run_insert",
    "update_row",
    "update_statement",
]

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
    return run_insert(connection, insert_statement(backend, table, values, key), values, key)


def insert_statement(backend: Backend, table: sa.Table, values: Values, key: Sequence[str]) -> sa.Insert:
    """Write an INSERT of one row; it gives back the parts of the key that the database makes, where it can."""
    statement = backend.insert(table, _bound(values)) if values else sa.insert(table)
    unknown = _unknown(values, key)
    if unknown and backend.features.insert_returning:
        return statement.returning(*(table.c[name] for name in unknown))
    return statement


def run_insert(
    connection: Connection, statement: sa.Insert, values: Values, key: Sequence[str], parameters: Values | None = None
) -> dict[str, Any]:
    """Run what `insert_statement` wrote and give the row's key.

    Parameters
    ----------
    parameters
        What the statement takes, where it is written for any row; else the values stand in it.
    """
    result = connection.execute(statement, parameters)
    unknown = _unknown(values, key)
    known = {name: values[name] for name in key if name not in unknown}
    if not unknown:
        return known
    if result.returns_rows:
        return {**known, **dict(zip(unknown, result.one(), strict=True))}
    primary = (column.name for column in cast("sa.Table", statement.table).primary_key)
    return dict(zip(primary, result.inserted_primary_key or (), strict=False))


def _unknown(values: Values, key: Sequence[str]) -> list[str]:
    return [name for name in key if values.get(name) is None]


def update_row(connection: Connection, backend: Backend, table: sa.Table, key: Values, values: Values) -> int:
    """Update the row under a key and tell how many rows matched, changed or not."""
    if not values:
        found = connection.execute(sa.select(sa.func.count()).select_from(table).where(key_condition(table, key)))
        return int(found.scalar_one())
    return backend.matched(connection, update_statement(table, key_condition(table, key), values))


def update_statement(table: sa.Table, condition: sa.ColumnElement[bool], values: Values) -> sa.Update:
    """Write an UPDATE; a value may be an expression of the table's columns."""
    return sa.update(table).where(condition).values(_bound(values))


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


def exact_key_condition(backend: Backend, table: sa.Table, key: Values) -> sa.ColumnElement[bool]:
    """Match one key by code points, also where the database takes other texts for the same."""
    return sa.and_(
        *(
            backend.equals(table.c[name], value) if value is not None else table.c[name].is_(None)
            for name, value in key.items()
        )
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
