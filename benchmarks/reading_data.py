"""The tables that reading is measured on, with the same rows in four databases.

``mixed`` has what real tables have: integers beyond 2**53, NULLs, empty texts, texts with quotes and line breaks,
decimals, times with and without a zone, UUIDs, JSON and bytes. ``narrow`` has two integers, a double and a short text.

DuckDB makes the rows; the others are loaded from it by the fastest way that each has.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, DateTime, Double, Integer, LargeBinary, Numeric, String, Text
from sqlalchemy.dialects import mysql, postgresql

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

__all__ = ["MODELS", "load", "load_data", "spelt"]

WIDE = sa.BigInteger().with_variant(sa.BigInteger(), "sqlite")
MOMENT = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
INSTANT = DateTime(timezone=True).with_variant(mysql.TIMESTAMP(fsp=6), "mysql")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


class Mixed(mdb.Model):
    """13 columns of as many types."""

    id = Column(WIDE, primary_key=True, autoincrement=False)
    big = Column(WIDE)
    ratio = Column(Double, nullable=False)
    price = Column(Numeric(12, 2))
    name = Column(String(40))
    note = Column(Text)
    flag = Column(Boolean, nullable=False)
    day = Column(Date)
    made = Column(MOMENT)
    seen = Column(INSTANT, nullable=False)
    code = Column(sa.Uuid, nullable=False)
    doc = Column(JSON)
    data = Column(LargeBinary)

    class Meta:
        """Where it is."""

        table = "mixed"


class Narrow(mdb.Model):
    """Two integers, a double and a short text."""

    id = Column(Integer, primary_key=True, autoincrement=False)
    amount = Column(Integer, nullable=False)
    ratio = Column(Double, nullable=False)
    name = Column(String(20), nullable=False)

    class Meta:
        """Where it is."""

        table = "narrow"


MODELS: dict[str, type[mdb.Model]] = {"mixed": Mixed, "narrow": Narrow}

# A UUID's version and variant must be right, or MariaDB refuses it.
_ROWS = {
    "mixed": r"""
        SELECT i AS id,
            CASE WHEN i % 10 = 0 THEN NULL WHEN i % 3 = 0 THEN 9007199254740993 + i ELSE i * 7 END AS big,
            sqrt(i) * 1.1 AS ratio,
            CASE WHEN i % 13 > 0 THEN (((i * 7919) % 1000000007) / 100)::DECIMAL(12, 2) END AS price,
            CASE WHEN i % 11 = 0 THEN NULL WHEN i % 7 = 0 THEN '' ELSE 'Name ' || (i * 31 % 5000) END AS name,
            CASE WHEN i % 9 > 0
                THEN 'He said "no" in line ' || i || chr(10) || 'and it''s fine, é ' || repeat('x', (i % 40)::INT)
            END AS note,
            i % 3 = 0 AS flag,
            CASE WHEN i % 17 > 0 THEN DATE '1990-01-01' + (i % 15000)::INT END AS day,
            CASE WHEN i % 19 > 0 THEN TIMESTAMP '2001-01-01' + to_microseconds(i * 700000123) END AS made,
            TIMESTAMP '2010-01-01 00:00:01' + to_microseconds(i * 300000457) AS seen,
            substr(md5(i::VARCHAR), 1, 12) || '4' || substr(md5(i::VARCHAR), 14, 3) || '8'
                || substr(md5(i::VARCHAR), 18) AS code,
            CASE WHEN i % 8 > 0 THEN '{"n": ' || i || ', "tags": ["a", "b"]}' END AS doc,
            CASE WHEN i % 6 > 0 THEN unhex(md5(i::VARCHAR)) END AS data
        FROM range(1, ? + 1) rows(i)""",
    "narrow": """
        SELECT i AS id, (i * 7919 % 1000000)::INTEGER AS amount, sqrt(i) * 1.1 AS ratio,
            'Name ' || (i * 31 % 5000) AS name
        FROM range(1, ? + 1) rows(i)""",
}

# What a database wants to see instead of a column.
_SPELT = {
    "sqlite": {
        "price": "price::DOUBLE",
        "flag": "flag::INTEGER",
        "day": "day::VARCHAR",
        "made": "strftime(made, '%Y-%m-%d %H:%M:%S.%f')",
        "seen": "strftime(seen, '%Y-%m-%d %H:%M:%S.%f')",
    },
    "postgresql": {"data": r"'\x' || lower(hex(data))", "seen": "seen::VARCHAR || '+00'"},
    "mariadb": {"flag": "flag::INTEGER", "data": "hex(data)"},
    "duckdb": {"seen": "seen AT TIME ZONE 'UTC'"},
}


def load(engine: str, url: str, table: str, rows: int, folder: Path) -> None:
    """Make a table on a database and fill it."""
    databases.connect("filled", url)
    database = databases["filled"]
    with database.engine.begin() as connection:
        MODELS[table]._source.table.create(connection)
    database.dispose()
    if engine == "duckdb":
        with duckdb.connect(sa.make_url(url).database or "") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"INSERT INTO {table} {spelt(engine, table)}", [rows])
        return
    with duckdb.connect() as source:
        if engine == "sqlite":
            _into_sqlite(source, url, table, rows)
            return
        file = folder / f"{table}.csv"
        source.execute(f"CREATE TABLE made AS {spelt(engine, table)}", [rows])
        source.execute(f"COPY made TO '{file}' (FORMAT csv, HEADER false, NULLSTR '\\N', QUOTE '\"', ESCAPE '\"')")
    (_into_postgresql if engine == "postgresql" else _into_mariadb)(url, table, file)
    file.unlink()


def spelt(engine: str, table: str) -> str:
    """Give the query that makes the rows in DuckDB as a database wants to see them; its parameter is their number."""
    columns = (_SPELT[engine].get(name, name) for name in MODELS[table]._source.names)
    return f"SELECT {', '.join(columns)} FROM ({_ROWS[table]})"


def _into_sqlite(source: duckdb.DuckDBPyConnection, url: str, table: str, rows: int) -> None:
    made = source.execute(spelt("sqlite", table), [rows])
    marks = ", ".join("?" * len(made.description or ()))
    connection = sqlite3.connect(sa.make_url(url).database or "")
    while some := made.fetchmany(50_000):
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", some)
    connection.commit()
    connection.close()


def _into_postgresql(url: str, table: str, file: Path) -> None:
    import psycopg

    address = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = f"COPY {table} FROM STDIN (FORMAT csv, NULL '\\N')"
    with psycopg.connect(address) as connection, connection.cursor().copy(command) as copy, file.open("rb") as source:
        while part := source.read(1 << 20):
            copy.write(part)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE {table}")


def _into_mariadb(url: str, table: str, file: Path) -> None:
    import pymysql

    parts = sa.make_url(url)
    connection: Any = pymysql.connect(
        host=parts.host, port=parts.port or 3306, user=parts.username, password=parts.password or "",
        database=parts.database, local_infile=True, charset="utf8mb4",
    )  # fmt: skip
    with connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00', unique_checks = 0")
        cursor.execute(load_data(table, table, file))
        cursor.execute("SHOW WARNINGS LIMIT 3")
        if warnings := cursor.fetchall():
            raise RuntimeError(f"LOAD DATA changed values: {warnings}")
        connection.commit()
        cursor.execute(f"ANALYZE TABLE {table}")


def load_data(kind: str, table: str, file: Path) -> str:
    """Give the statement that loads rows of a kind from a file into a table."""
    names = MODELS[kind]._source.names
    given: dict[str, str] = {name: f"NULLIF(@{name}, '\\\\N')" for name in names}
    if "data" in given:
        given["data"] = "UNHEX(NULLIF(@data, '\\\\N'))"
    return (
        f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
        f"({', '.join(f'@{name}' for name in names)}) "
        f"SET {', '.join(f'{name} = {value}' for name, value in given.items())}"
    )
