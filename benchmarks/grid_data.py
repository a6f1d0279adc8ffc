"""The tables that the benchmark of the grid opens: of one shape, small and big, with gaps in their keys."""

from __future__ import annotations

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

__all__ = ["STEP", "fill"]

STEP = 3
"""Keys are this far apart, so that none can be worked out from the number of its row."""

_SOURCES = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) "
    "INSERT INTO {table} {values} FROM numbers",
    "duckdb": "INSERT INTO {table} {values} FROM range(1, {rows} + 1) AS numbers(n)",
    "postgresql": "INSERT INTO {table} {values} FROM generate_series(CAST(1 AS bigint), {rows}) AS numbers(n)",
    "mariadb": "INSERT INTO {table} {values} FROM (SELECT seq AS n FROM seq_1_to_{rows}) AS numbers",
}
_TEXT = {"mariadb": "CONCAT('item ', n * 7919 % 1000003)"}


def fill(engine: str, url: str, table: str, rows: int) -> None:
    """Make a table of items, unless it is there already with as many rows."""
    mdb.connect("bench", url)
    # A file that is not there yet can't be read from; the first write makes it.
    with databases["bench"].begin():
        pass
    if _there(table, rows):
        return
    items = sa.Table(
        table,
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("city", sa.String(12)),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.Column("qty", sa.Integer, nullable=False),
    )
    name = _TEXT.get(engine, "'item ' || (n * 7919 % 1000003)")
    city = "CASE n % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Tallinn' WHEN 2 THEN 'Berlin' END"
    values = f"SELECT n * {STEP}, {name}, {city}, n % 100000 / 100.0, n % 1000"
    with databases["bench"].begin() as connection:
        items.create(connection)
        connection.execute(sa.text(_SOURCES[engine].format(table=table, values=values, rows=rows)))
    if engine in ("postgresql", "mariadb"):
        with databases["bench"].begin() as connection:
            connection.exec_driver_sql(f"ANALYZE {'TABLE ' if engine == 'mariadb' else ''}{table}")


def _there(table: str, rows: int) -> bool:
    if table not in mdb.aliases["bench"].tables:
        return False
    return mdb.reflect(table, using="bench").objects.count() == rows
