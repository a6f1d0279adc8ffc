"""Every way to read a whole table that is measured: ours, the peers', and the limits.

A way is a context manager: what comes before the ``yield`` opens the connection and is not measured. What it yields
reads the table, or its first rows: each way reads a few first, so that no import and no opening is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

__all__ = ["WAYS", "Way", "ways"]

Place = Mapping[str, Any]
Work = Callable[[int | None], object]
"""Reads so many rows, or all."""
Case = Callable[[Place], AbstractContextManager[Work]]

SERVERS = ("postgresql", "mariadb")
ALL = ("sqlite", "duckdb", *SERVERS)


@dataclass(frozen=True)
class Way:
    """One way to read.

    Attributes
    ----------
    engines
        Where it works.
    slow
        Whether it may take a minute for a million rows, so that it gets fewer rounds.
    needs
        The module without which it is left out.
    """

    name: str
    case: Case
    engines: tuple[str, ...] = ALL
    slow: bool = False
    needs: str = ""


WAYS: list[Way] = []


def ways(engine: str) -> list[Way]:
    """Give the ways to read from an engine that are installed here."""
    return [way for way in WAYS if engine in way.engines and (not way.needs or find_spec(way.needs))]


def _way(name: str, **options: Any) -> Callable[[Callable[[Place], Iterator[Work]]], Case]:
    def noted(function: Callable[[Place], Iterator[Work]]) -> Case:
        case = contextmanager(function)
        WAYS.append(Way(name, case, **options))
        return case

    return noted


def _sql(place: Place, most: int | None) -> str:
    return f"SELECT * FROM {place['table']}" + ("" if most is None else f" LIMIT {most}")


# Ours


@contextmanager
def _ours(place: Place, read: Callable[[Any], object], *, fast: bool = True) -> Iterator[Work]:
    import reading_data

    import multidb_explorer as mdb

    mdb.configure({"default": place["url"]})
    mdb.options.fast_readers = fast
    rows = reading_data.MODELS[place["table"]].objects.all()
    yield lambda most: read(rows if most is None else rows[:most])


@_way("ours: to_pandas()")
def _to_pandas(place: Place) -> Iterator[Work]:
    with _ours(place, lambda rows: rows.to_pandas()) as work:
        yield work


@_way("ours: to_pandas(pyarrow)")
def _to_pandas_pyarrow(place: Place) -> Iterator[Work]:
    with _ours(place, lambda rows: rows.to_pandas(dtype_backend="pyarrow")) as work:
        yield work


@_way("ours: to_arrow()")
def _to_arrow(place: Place) -> Iterator[Work]:
    with _ours(place, lambda rows: rows.to_arrow()) as work:
        yield work


@_way("ours: to_polars()", needs="polars")
def _to_polars(place: Place) -> Iterator[Work]:
    with _ours(place, lambda rows: rows.to_polars()) as work:
        yield work


@_way("ours: to_pandas(), plain cursor", slow=True)
def _plain_cursor(place: Place) -> Iterator[Work]:
    with _ours(place, lambda rows: rows.to_pandas(), fast=False) as work:
        yield work


# pandas


@contextmanager
def _core(place: Place) -> Iterator[Any]:
    import sqlalchemy as sa

    engine = sa.create_engine(place["url"])
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@_way("pandas.read_sql", slow=True)
def _read_sql(place: Place) -> Iterator[Work]:
    import pandas as pd
    import sqlalchemy as sa

    with _core(place) as connection:
        yield lambda most: pd.read_sql(sa.text(_sql(place, most)), connection)


@_way("pandas.read_sql(pyarrow)", slow=True)
def _read_sql_pyarrow(place: Place) -> Iterator[Work]:
    import pandas as pd
    import sqlalchemy as sa

    with _core(place) as connection:
        yield lambda most: pd.read_sql(sa.text(_sql(place, most)), connection, dtype_backend="pyarrow")


@_way("pandas.read_sql, typed select", engines=("sqlite",), slow=True)
def _read_sql_typed(place: Place) -> Iterator[Work]:
    import pandas as pd
    import reading_data
    import sqlalchemy as sa

    table = reading_data.MODELS[place["table"]]._source.table  # type: ignore[union-attr]
    with _core(place) as connection:
        yield lambda most: pd.read_sql(sa.select(table).limit(most), connection)


# connectorx, ADBC, polars


def _bare_url(place: Place) -> str:
    import sqlalchemy as sa

    url = sa.make_url(place["url"])
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


@_way("connectorx: pandas", engines=("sqlite", *SERVERS), needs="connectorx")
def _connectorx(place: Place) -> Iterator[Work]:
    import connectorx

    yield lambda most: connectorx.read_sql(_bare_url(place), _sql(place, most))


@_way("connectorx: Arrow", engines=("sqlite", *SERVERS), needs="connectorx")
def _connectorx_arrow(place: Place) -> Iterator[Work]:
    import connectorx

    yield lambda most: connectorx.read_sql(_bare_url(place), _sql(place, most), return_type="arrow")


@_way("connectorx: Arrow, hybrid frame", engines=("sqlite", *SERVERS), needs="connectorx")
def _connectorx_hybrid(place: Place) -> Iterator[Work]:
    import connectorx

    from multidb_explorer.results.frames import to_pandas

    yield lambda most: to_pandas(connectorx.read_sql(_bare_url(place), _sql(place, most), return_type="arrow"))


@contextmanager
def _adbc(place: Place) -> Iterator[Any]:

    if place["engine"] == "sqlite":
        import adbc_driver_sqlite.dbapi as driver
        import sqlalchemy as sa

        target = str(sa.make_url(place["url"]).database)
    else:
        import adbc_driver_postgresql.dbapi as driver

        target = _bare_url(place)
    with closing(driver.connect(target)) as connection:
        yield connection


@_way("ADBC: Arrow", engines=("sqlite", "postgresql"), needs="adbc_driver_manager")
def _adbc_arrow(place: Place) -> Iterator[Work]:
    with _adbc(place) as connection, connection.cursor() as cursor:
        yield lambda most: cursor.execute(_sql(place, most)).fetch_arrow_table()


@_way("ADBC: pandas.read_sql", engines=("sqlite", "postgresql"), needs="adbc_driver_manager")
def _adbc_pandas(place: Place) -> Iterator[Work]:
    import pandas as pd

    with _adbc(place) as connection:
        yield lambda most: pd.read_sql(_sql(place, most), connection)


@_way("polars: ADBC", engines=("sqlite", "postgresql"), needs="polars")
def _polars_adbc(place: Place) -> Iterator[Work]:
    import polars as pl

    with _adbc(place) as connection:
        yield lambda most: pl.read_database(_sql(place, most), connection)


@_way("polars: connectorx", engines=("sqlite", *SERVERS), needs="polars")
def _polars_connectorx(place: Place) -> Iterator[Work]:
    import polars as pl

    yield lambda most: pl.read_database_uri(_sql(place, most), _bare_url(place), engine="connectorx")


# The bare drivers


@_way("driver: sqlite3 tuples", engines=("sqlite",))
def _sqlite3(place: Place) -> Iterator[Work]:
    import sqlite3

    import sqlalchemy as sa

    with closing(sqlite3.connect(str(sa.make_url(place["url"]).database))) as connection:
        yield lambda most: connection.execute(_sql(place, most)).fetchall()


@_way("driver: psycopg tuples", engines=("postgresql",), slow=True)
def _psycopg(place: Place) -> Iterator[Work]:
    import psycopg

    with psycopg.connect(_bare_url(place)) as connection:
        yield lambda most: connection.execute(_sql(place, most)).fetchall()


def _mysql_arguments(place: Place) -> dict[str, Any]:
    import sqlalchemy as sa

    url = sa.make_url(place["url"])
    return {
        "host": url.host,
        "port": url.port or 3306,
        "user": url.username,
        "password": url.password or "",
        "database": url.database,
        "charset": "utf8mb4",
    }


def _fetched(connection: Any, query: str) -> object:
    cursor = connection.cursor()
    cursor.execute(query)
    return cursor.fetchall()


@_way("driver: PyMySQL tuples", engines=("mariadb",), slow=True)
def _pymysql(place: Place) -> Iterator[Work]:
    import pymysql

    with closing(pymysql.connect(**_mysql_arguments(place))) as connection:
        yield lambda most: _fetched(connection, _sql(place, most))


@_way("driver: mysqlclient tuples", engines=("mariadb",), slow=True, needs="MySQLdb")
def _mysqlclient(place: Place) -> Iterator[Work]:
    import MySQLdb

    with closing(MySQLdb.connect(**_mysql_arguments(place))) as connection:
        yield lambda most: _fetched(connection, _sql(place, most))


@contextmanager
def _duckdb(place: Place) -> Iterator[Any]:
    import duckdb
    import sqlalchemy as sa

    with duckdb.connect(str(sa.make_url(place["url"]).database)) as connection:
        yield connection


@_way("driver: DuckDB tuples", engines=("duckdb",), slow=True)
def _duckdb_tuples(place: Place) -> Iterator[Work]:
    with _duckdb(place) as connection:
        yield lambda most: connection.sql(_sql(place, most)).fetchall()


@_way("driver: DuckDB .df()", engines=("duckdb",))
def _duckdb_df(place: Place) -> Iterator[Work]:
    with _duckdb(place) as connection:
        yield lambda most: connection.sql(_sql(place, most)).df()


@_way("driver: DuckDB .to_arrow_table()", engines=("duckdb",))
def _duckdb_arrow(place: Place) -> Iterator[Work]:
    with _duckdb(place) as connection:
        yield lambda most: connection.sql(_sql(place, most)).to_arrow_table()


@_way("driver: DuckDB .pl()", engines=("duckdb",), needs="polars")
def _duckdb_polars(place: Place) -> Iterator[Work]:
    with _duckdb(place) as connection:
        yield lambda most: connection.sql(_sql(place, most)).pl()


# The limits


@_way("limit: COPY BINARY to nowhere", engines=("postgresql",))
def _copy_binary(place: Place) -> Iterator[Work]:
    import psycopg

    def read(most: int | None) -> int:
        with connection.cursor().copy(f"COPY ({_sql(place, most)}) TO STDOUT (FORMAT binary)") as copy:
            return sum(map(len, copy))

    with psycopg.connect(_bare_url(place)) as connection:
        yield read


@_way("limit: scan in the engine", engines=("sqlite",))
def _sqlite_scan(place: Place) -> Iterator[Work]:
    import sqlite3

    import reading_data
    import sqlalchemy as sa

    names = reading_data.MODELS[place["table"]]._source.names  # type: ignore[union-attr]
    lengths = ", ".join(f"sum(length({name}))" for name in names)
    with closing(sqlite3.connect(str(sa.make_url(place["url"]).database))) as connection:
        yield lambda most: connection.execute(f"SELECT {lengths} FROM ({_sql(place, most)})").fetchall()
