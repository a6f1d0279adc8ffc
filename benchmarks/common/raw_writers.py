"""The engines' own loaders, with rows that are ready for them: the limits of what can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from common.writing_ways import Place, Work, arrow, bare_url, head, table_for, way


@contextmanager
def _psycopg_copy(place: Place, source: Callable[[Any], Iterable[bytes]], options: str) -> Iterator[Work]:
    import psycopg

    with psycopg.connect(bare_url(place)) as connection:

        def write(most: int | None) -> None:
            if most is None:
                with connection.cursor().copy(f"COPY written FROM STDIN ({options})") as copy:
                    for part in source(connection):
                        copy.write(part)
                connection.commit()

        yield write


def _parts(path: Any) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(1 << 18):
            yield part


@way("limit: COPY of a ready binary file", engines=("postgresql",))
def _copy_binary(place: Place) -> Iterator[Work]:

    import psycopg

    path = Path(place["folder"]) / "mixed.bin"
    if not path.exists():
        query = f"SELECT * FROM mixed WHERE id <= {place['rows']} ORDER BY id"
        command = f"COPY ({query}) TO STDOUT (FORMAT binary)"
        with (
            psycopg.connect(bare_url(place)) as connection,
            connection.cursor().copy(command) as copy,
            path.open("wb") as file,
        ):
            for part in copy:
                file.write(part)
    with _psycopg_copy(place, lambda _: _parts(path), "FORMAT binary") as work:
        yield work


@way("limit: COPY of a ready CSV file", engines=("postgresql",))
def _copy_csv(place: Place) -> Iterator[Work]:
    import writing_data

    path = writing_data.csv_file(place)
    with _psycopg_copy(place, lambda _: _parts(path), "FORMAT csv, NULL '\\N'") as work:
        yield work


@contextmanager
def _adbc(place: Place) -> Iterator[Any]:
    if place["engine"] == "sqlite":
        import adbc_driver_sqlite.dbapi as driver
        import sqlalchemy as sa

        target = str(sa.make_url(place["url"]).database)
    else:
        import adbc_driver_postgresql.dbapi as driver

        target = bare_url(place)
    with closing(driver.connect(target)) as connection:
        yield connection


# ADBC makes the table; texts stand in it for what it has no type for.
@way(
    "ADBC: ingest into a new table",
    engines=("sqlite", "postgresql"),
    checked=("id", "big", "ratio", "name", "note"),
    needs="adbc_driver_manager",
)
def _adbc_ingest(place: Place) -> Iterator[Work]:
    import pyarrow as pa

    plain = {pa.decimal128(12, 2): pa.string()}
    table = _without_extensions(arrow(place))
    schema = pa.schema([(each.name, plain.get(each.type, each.type)) for each in table.schema])
    table = table.cast(schema)
    with _adbc(place) as connection:

        def write(most: int | None) -> None:
            with connection.cursor() as cursor:
                name = table_for(most).name
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
                cursor.adbc_ingest(name, head(table)(most), mode="create")
            connection.commit()

        yield write


def _without_extensions(table: Any) -> Any:
    """Put the text of each UUID in its place."""
    import pyarrow as pa

    code = pa.array([str(value) for value in table["code"].to_pylist()], pa.string())
    return table.set_column(table.column_names.index("code"), "code", code)


@way("limit: LOAD DATA LOCAL INFILE of a ready CSV file", engines=("mariadb",))
def _load_data(place: Place) -> Iterator[Work]:
    import pymysql
    import reading_data
    import sqlalchemy as sa
    import writing_data

    url = sa.make_url(place["url"])
    connection: Any = pymysql.connect(
        host=url.host, port=url.port or 3306, user=url.username, password=url.password or "",
        database=url.database, local_infile=True, charset="utf8mb4", init_command="SET time_zone = '+00:00'",
    )  # fmt: skip
    with connection, connection.cursor() as cursor:

        def write(most: int | None) -> None:
            if most is None:
                cursor.execute(reading_data.load_data("mixed", "written", writing_data.csv_file(place)))
                connection.commit()

        yield write


def _sqlite_tuples(place: Place) -> list[tuple[Any, ...]]:
    """Make the rows ready as the driver takes them and as SQLAlchemy's types store them."""
    spelt: dict[str, Callable[[Any], Any]] = {
        "price": float,
        "flag": int,
        "day": str,
        "made": lambda moment: moment.isoformat(" ", "microseconds"),
        "seen": lambda moment: moment.isoformat(" ", "microseconds"),
    }
    table = arrow(place)

    def column(name: str) -> Iterable[Any]:
        values = table[name].to_pylist()
        make = spelt.get(name)
        return values if make is None else [None if value is None else make(value) for value in values]

    return list(zip(*map(column, table.column_names), strict=True))


@contextmanager
def _executemany(place: Place, ending: str) -> Iterator[Work]:
    import sqlite3

    import sqlalchemy as sa

    rows = _sqlite_tuples(place)
    marks = ", ".join("?" * len(rows[0]))
    with closing(sqlite3.connect(str(sa.make_url(place["url"]).database))) as connection:

        def write(most: int | None) -> None:
            connection.executemany(f"INSERT INTO {table_for(most).name} VALUES ({marks}) {ending}", head(rows)(most))
            connection.commit()

        yield write


@way("driver: sqlite3 executemany of ready tuples", engines=("sqlite",))
def _sqlite3(place: Place) -> Iterator[Work]:
    with _executemany(place, "") as work:
        yield work


def _excluded() -> str:
    names = table_for(None).columns.keys()[1:]
    return f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"


@way("driver: sqlite3 executemany, ON CONFLICT", group="upsert", engines=("sqlite",))
def _sqlite3_upsert(place: Place) -> Iterator[Work]:
    with _executemany(place, _excluded()) as work:
        yield work


@contextmanager
def _duckdb(place: Place, ending: str) -> Iterator[Work]:
    import duckdb
    import pyarrow as pa
    import sqlalchemy as sa

    table = arrow(place)
    code = table.column_names.index("code")
    table = table.set_column(code, "code", table["code"].cast(pa.uuid()))
    with duckdb.connect(str(sa.make_url(place["url"]).database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def write(most: int | None) -> None:
            connection.register("given", head(table)(most))
            connection.execute(f"INSERT INTO {table_for(most).name} SELECT * FROM given {ending}")

        yield write


@way("limit: DuckDB INSERT … SELECT from Arrow", engines=("duckdb",))
def _duckdb_insert(place: Place) -> Iterator[Work]:
    with _duckdb(place, "") as work:
        yield work


@way("limit: DuckDB INSERT … ON CONFLICT from Arrow", group="upsert", engines=("duckdb",))
def _duckdb_upsert(place: Place) -> Iterator[Work]:
    with _duckdb(place, _excluded()) as work:
        yield work
