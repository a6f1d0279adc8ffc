"""SQL text that a person typed, read with the types that the driver tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.results.decoding import to_arrays
from multidb_explorer.results.reading import naming
from multidb_explorer.results.text import bound_text

__all__ = ["read_sql_text"]


def read_sql_text(
    database: Database,
    sql: str,
    params: Mapping[str, Any] | None = None,
    limit: int | None = None,
    *,
    write: bool = False,
    kinds: Mapping[str, Kind] | None = None,
) -> pa.Table:
    """Run SQL text with bound parameters.

    Parameters
    ----------
    sql
        One statement; ``:name`` stands for a parameter wherever `params` has that name.
    params
        The values; they are bound, never written into the text.
    limit
        Fetch at most this many rows.
    write
        Whether the statement may write. By default the database itself refuses to, in a read-only transaction.
    kinds
        What columns hold, by name, for those of which the driver does not say.

    Returns
    -------
    pyarrow.Table
        Typed by what the driver returned; without columns for a statement that gives no rows.

    Raises
    ------
    ReadOnlyAlias
        For a writing statement without ``write=True``, or on a read-only alias.
    """
    session = database.begin() if write else database.connect(read_only=True)
    with session as connection:
        statement = bound_text(sql, params or {})
        if statement.compile().params:
            result = connection.execute(statement)
        else:
            # The text goes to the driver as it is: no percent sign or colon has a meaning, or is doubled.
            result = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        if not result.returns_rows or result.cursor is None:
            return pa.table({})
        names = [str(item[0]) for item in result.cursor.description]
        said = database.backend.described(result.cursor)
        rows = result.cursor.fetchall() if limit is None else result.cursor.fetchmany(limit)
        result.close()
    known = kinds or {}
    columns = [
        ResultColumn(name, known.get(name, kind) if kind.name == "any" else kind)
        for name, kind in zip(names, said, strict=True)
    ]
    with naming(database):
        return pa.Table.from_arrays(to_arrays(rows, columns, database.backend), names=names)
