"""Whole rows by their keys, in the exact form in which they are compared, shown and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from multidb_explorer.changes.records import Values
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.writing.into import Into
from multidb_explorer.writing.statements import exact_key_condition

__all__ = ["among", "rows_by_key", "rows_where"]

_CHUNK = 200
_PLAIN = ("integer", "uuid")


def rows_by_key(
    into: Into, columns: Sequence[str], keys: Sequence[Values], *, lock: bool = False
) -> list[dict[str, Any]]:
    """Read the rows under some keys; keys without a row are left out.

    Parameters
    ----------
    into
        The table.
    columns
        The key's columns.
    keys
        Their values.
    lock
        Whether nobody else may change the rows until the transaction ends, where the engine knows such locks.
    """
    return [row for condition in among(into, columns, keys) for row in rows_where(into, condition, lock=lock)]


def rows_where(into: Into, condition: sa.ColumnElement[bool], *, lock: bool = False) -> Iterable[dict[str, Any]]:
    """Read whole rows."""
    backend = into.database.backend
    chosen = [backend.readable(into.table.c[slot.name], slot.kind).label(slot.name) for slot in into.slots]
    statement = sa.select(*chosen).select_from(into.table).where(condition)
    if lock and backend.features.row_locks:
        statement = statement.with_for_update()
    found = read_rows(into.database, Reading(statement, tuple(slot.column for slot in into.slots)))
    return (dict(zip(into.by_name, row, strict=True)) for row in found)


def among(into: Into, columns: Sequence[str], rows: Sequence[Values]) -> Iterator[sa.ColumnElement[bool]]:
    """Write conditions that together find the rows with some values, few where the values are plain."""
    backend = into.database.backend
    if len(columns) == 1 and into.by_name[columns[0]].kind.name in _PLAIN:
        if rows:
            yield backend.member(into.table.c[columns[0]], [row[columns[0]] for row in rows])
        return
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        yield sa.or_(*(exact_key_condition(backend, into.table, {name: row[name] for name in columns}) for row in some))
