"""How many rows SQLite's tables have, guessed from the numbers that it gives to rows."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["row_estimates", "statement_estimate"]

_COMPOUND = 400
"""Parts of one compound SELECT; SQLite allows 500."""

_QUICKLY_COUNTED = 20_000

# Each alone is one step down the table's tree; both in one query would read the whole table.
_SPAN = "(SELECT max(rowid) FROM {0}) - (SELECT min(rowid) FROM {0}) + 1"


def row_estimates(connection: Connection) -> dict[str, int]:
    """Estimate the rows of every table that numbers them."""
    tables = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    names = [name for name, sql in tables if _has_row_numbers(sql or "")]
    spans = _in_compounds(connection, f"SELECT {{place}}, {_SPAN}", names)
    # Where few rows can be, counting them is as quick as guessing.
    few = [name for name, span in spans.items() if span <= _QUICKLY_COUNTED]
    return spans | _in_compounds(connection, "SELECT {place}, count(*) FROM {0}", few)


def _has_row_numbers(sql: str) -> bool:
    return not sql.upper().startswith("CREATE VIRTUAL") and "ROWID" not in sql.rpartition(")")[2].upper()


def _in_compounds(connection: Connection, query: str, tables: Sequence[str]) -> dict[str, int]:
    """Ask one number of each table, many tables to a statement; an empty table gives 0."""
    quoted = connection.dialect.identifier_preparer.quote_identifier
    found: dict[str, int] = {}
    for start in range(0, len(tables), _COMPOUND):
        some = list(enumerate(tables[start : start + _COMPOUND]))
        parts = (query.format(quoted(name), place=place) for place, name in some)
        rows = connection.exec_driver_sql(" UNION ALL ".join(parts))
        found |= {some[place][1]: int(number or 0) for place, number in rows}
    return found


def statement_estimate(connection: Connection, statement: sa.Executable) -> int | None:
    """Estimate the rows of a statement that reads every row of one table; of others nothing is known."""
    table = _whole_table(statement)
    if table is None or table.schema is not None:
        return None
    named = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name COLLATE NOCASE")
    sql = connection.execute(named, {"name": table.name}).scalar()
    if sql is None or not _has_row_numbers(sql):
        return None
    quoted = connection.dialect.identifier_preparer.quote_identifier(table.name)
    span = connection.exec_driver_sql(f"SELECT {_SPAN.format(quoted)}").scalar()
    # A column may be named rowid, and hold anything.
    return span if isinstance(span, int) else None


def _whole_table(statement: sa.Executable) -> sa.Table | None:
    """Give the table of which a statement reads every row, once."""
    if not isinstance(statement, sa.Select):
        return None
    sources = statement.get_final_froms()
    parts = (statement.whereclause, statement._limit_clause, statement._offset_clause, statement._fetch_clause)  # noqa: SLF001
    narrowed = any(part is not None for part in parts)
    folded = bool(statement._distinct or statement._group_by_clauses or statement._having_criteria)  # noqa: SLF001
    if len(sources) != 1 or narrowed or folded or not isinstance(sources[0], sa.Table):
        return None
    return sources[0] if all(_is_stored(column) for column in statement.selected_columns) else None


def _is_stored(column: sa.ColumnElement[object]) -> bool:
    inner = column.element if isinstance(column, sa.Label) else column
    return isinstance(inner, sa.Column)
