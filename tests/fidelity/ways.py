"""Every way to read one column of the table ``cells``: ours, and those of others.

As a program it reads all cases of one engine by one way and writes a line of JSON for each, so that a reader that takes
its whole process down takes only that: the caller starts again behind the case.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from extremes import CASES, expected  # noqa: E402
from verdicts import REFUSED, judged  # noqa: E402

__all__ = ["OURS", "PEERS", "Found", "Peer", "ours"]

Column = tuple[list[Any], str]
"""The values of a column, and the name that its library gives to the type."""


@dataclass(frozen=True)
class Found:
    """What came of one case by one reader."""

    verdict: str
    type: str = ""
    error: str = ""


def judge(engine: str, number: int, read: Callable[[], Column]) -> Found:
    """Read a case and judge it; whatever is raised is a refusal, also what is no `Exception` (connectorx panics)."""
    case = CASES[engine][number]
    try:
        values, type_name = read()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        return Found(REFUSED, error=f"{type(error).__name__}: {error}"[:300])
    return Found(judged(case.form, expected(engine, case), values), type_name)


# What frames hold


def of_pandas(frame: Any) -> Column:
    column = frame.iloc[:, 0]
    return list(column), str(column.dtype)


def of_arrow(table: Any) -> Column:
    return table.column(0).to_pylist(), str(table.column(0).type)


def of_polars(frame: Any) -> Column:
    column = frame.to_series(0)
    return column.to_list(), str(column.dtype)


# Ours


def ours(alias: str, number: int) -> dict[str, Callable[[], Column]]:
    """Give our ways to read a case."""
    import multidb_explorer as mdb
    from multidb_explorer.connections.registry import databases
    from multidb_explorer.results.typed import read_sql_text

    rows: Any = mdb.reflect("cells", using=alias).objects.order_by("id").values(f"c{number}")
    text = f"SELECT c{number} FROM cells ORDER BY id"
    return {
        "to_pandas()": lambda: of_pandas(rows.to_pandas()),
        'dtype_backend="pyarrow"': lambda: of_pandas(rows.to_pandas(dtype_backend="pyarrow")),
        'dtype_backend="numpy_nullable"': lambda: of_pandas(rows.to_pandas(dtype_backend="numpy_nullable")),
        "to_arrow()": lambda: of_arrow(rows.to_arrow()),
        "to_polars()": lambda: of_polars(rows.to_polars()),
        "SQL text": lambda: of_arrow(read_sql_text(databases[alias], text)),
    }


OURS = (
    "to_pandas()", 'dtype_backend="pyarrow"', 'dtype_backend="numpy_nullable"', "to_arrow()", "to_polars()", "SQL text"
)  # fmt: skip


# Others


@dataclass(frozen=True)
class Peer:
    """Another library's way: where it works, what it needs, and how it reads the first column of some SQL."""

    name: str
    engines: tuple[str, ...]
    modules: tuple[str, ...]
    read: Callable[[str, str], Column]

    @property
    def installed(self) -> bool:
        return all(find_spec(module) is not None for module in self.modules)


SERVERS_AND_FILES = ("sqlite", "postgresql", "mariadb", "duckdb")
_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql", "mysql": "mysql+pymysql"}


@contextmanager
def connected(url: str) -> Iterator[Any]:
    import sqlalchemy as sa

    made = sa.engine.make_url(url)
    product = made.get_backend_name()
    engine = sa.create_engine(made.set(drivername=_DRIVERS.get(product, product)))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def plain(url: str) -> str:
    """Give the URL as libraries other than SQLAlchemy write it."""
    import sqlalchemy as sa

    made = sa.engine.make_url(url)
    product = {"mariadb": "mysql"}.get(made.get_backend_name(), made.get_backend_name())
    if product == "sqlite":
        return f"sqlite://{made.database}"
    return made.set(drivername=product).render_as_string(hide_password=False)


def read_sql(**options: Any) -> Callable[[str, str], Column]:
    def read(url: str, sql: str) -> Column:
        import pandas as pd
        import sqlalchemy as sa

        with connected(url) as connection:
            return of_pandas(pd.read_sql(sa.text(sql), connection, **options))

    return read


def connectorx_pandas(url: str, sql: str) -> Column:
    import connectorx

    return of_pandas(connectorx.read_sql(plain(url), sql))


def connectorx_arrow(url: str, sql: str) -> Column:
    import connectorx

    return of_arrow(connectorx.read_sql(plain(url), sql, return_type="arrow"))


def adbc_arrow(url: str, sql: str) -> Column:
    if url.startswith("sqlite"):
        from adbc_driver_sqlite import dbapi

        opened: Any = dbapi.connect(plain(url).removeprefix("sqlite://"))
    else:
        from adbc_driver_postgresql import dbapi

        opened = dbapi.connect(plain(url))
    with closing(opened) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return of_arrow(cursor.fetch_arrow_table())


def polars_database(url: str, sql: str) -> Column:
    import polars as pl

    with connected(url) as connection:
        return of_polars(pl.read_database(sql, connection))


def polars_uri(url: str, sql: str) -> Column:
    import polars as pl

    return of_polars(pl.read_database_uri(sql, plain(url)))


def duckdb_df(url: str, sql: str) -> Column:
    import duckdb

    with closing(duckdb.connect(url.removeprefix("duckdb:///"), read_only=True)) as connection:
        return of_pandas(connection.sql(sql).df())


PEERS = (
    Peer("read_sql", SERVERS_AND_FILES, (), read_sql()),
    Peer("read_sql numpy_nullable", SERVERS_AND_FILES, (), read_sql(dtype_backend="numpy_nullable")),
    Peer("read_sql pyarrow", SERVERS_AND_FILES, (), read_sql(dtype_backend="pyarrow")),
    Peer("connectorx pandas", ("sqlite", "postgresql", "mariadb"), ("connectorx",), connectorx_pandas),
    Peer("connectorx arrow", ("sqlite", "postgresql", "mariadb"), ("connectorx",), connectorx_arrow),
    Peer("ADBC", ("postgresql",), ("adbc_driver_postgresql",), adbc_arrow),
    Peer("ADBC", ("sqlite",), ("adbc_driver_sqlite",), adbc_arrow),
    Peer("polars read_database", SERVERS_AND_FILES, ("polars",), polars_database),
    Peer("polars read_database_uri", ("sqlite", "postgresql", "mariadb"), ("polars", "connectorx"), polars_uri),
    Peer("DuckDB .df()", ("duckdb",), ("duckdb",), duckdb_df),
)


def main() -> None:
    """Read what stands on the standard input: engine, URL (it holds a password), peer, and the first case."""
    asked = json.load(sys.stdin)
    peer = next(one for one in PEERS if one.name == asked["peer"] and asked["engine"] in one.engines)
    warnings.simplefilter("ignore")
    for number in range(asked["start"], len(CASES[asked["engine"]])):
        sql = f"SELECT c{number} FROM cells ORDER BY id"
        found = judge(asked["engine"], number, lambda sql=sql: peer.read(asked["url"], sql))
        print(json.dumps({"case": number, **vars(found)}), flush=True)


if __name__ == "__main__":
    main()
