"""Copying a table between databases: ours beside ``read_sql(chunksize)`` with ``to_sql``, and ``psql`` into ``psql``.

Every ordered pair of the engines; each case runs in a process of its own, in turns, on an empty table of the types that
ours picks for the source's columns. ``to_sql`` makes its own table, with UUIDs and JSON as text, since it can't write
them otherwise; it copies a part of the rows, and its time is scaled to all of them. Memory is what the peak of the
process (the client alone) grew by. Verified means that the target was read again and its digest is the source's.

    python benchmarks/copying.py [--pair FROM-TO ...] [--rows N] [--rounds N] [--memory]

``--memory`` measures ours with a fifth of the rows and with all of them, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import sqlalchemy as sa
from common.cases import Taken, in_turns, run_here
from common.measuring import machine
from common.tables import kept, rows_of, shown

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")
PAIRS = [f"{one}-{other}" for one in ENGINES for other in ENGINES if one != other or one == "postgresql"]
PEER = "read_sql(chunksize) + to_sql"
CHUNK = 10_000
SHARE = {"duckdb": 0.005}
"""The part of the rows that ``to_sql`` writes into a slow engine; a twentieth into the others."""

Place = Mapping[str, Any]
Work = Callable[[int | None], object]


# Ours


def sides(place: Place) -> tuple[Any, Any, Any]:
    from multidb_explorer.connections.registry import databases
    from multidb_explorer.schema.inspector import catalog_of

    databases.connect("one", place["url"])
    databases.connect("other", place["to_url"])
    return databases["one"], databases["other"], catalog_of(databases["one"]).table("mixed")


def emptied(database: Any, live: Any, *, like: bool, name: str = "written") -> Any:
    """Make the table that is written, of the nearest types or of the very same."""
    from multidb_explorer.query.tables import table_to_write
    from multidb_explorer.schema.inspector import catalog_of

    nearest = database.backend.nearest_type
    columns = [
        sa.Column(
            each.name,
            each.type if like else nearest(each.kind),
            nullable=each.nullable,
            primary_key=each.primary_key,
            autoincrement=False,
        )
        for each in live.columns
    ]
    made = sa.Table(name, sa.MetaData(), *columns)
    with database.begin() as connection:
        made.drop(connection, checkfirst=True)
        made.create(connection)
    catalog_of(database).refresh()
    return table_to_write(database, name)


@contextmanager
def whole_copy(place: Place) -> Iterator[Work]:
    import multidb_explorer as mdb

    _, target, live = sides(place)
    rows = mdb.reflect("mixed", using="one").objects

    def copy(most: int | None) -> None:
        emptied(target, live, like=place["engine"] == place["to"], name="mixed")
        taken = min(most or place["rows"], place["rows"])
        chosen = rows.filter(id__lte=taken) if most else rows
        done = mdb.copy(chosen, to="other", accept=["seen"], progress=False)
        if done.inserted != taken:
            raise RuntimeError(f"copied {done}, not {taken} rows")

    yield copy


@contextmanager
def streamed(place: Place, *, as_is: bool = False) -> Iterator[Work]:
    from multidb_explorer.backends.columns import ResultColumn
    from multidb_explorer.results.reading import Reading
    from multidb_explorer.schema.inspector import catalog_of
    from multidb_explorer.transfer.proofs import Proof, proof
    from multidb_explorer.transfer.streaming import Terms, columns_of, compared_as, stream, stream_as_is

    source, target, live = sides(place)
    results = [ResultColumn(column.name, column.kind, column.nullable) for column in live.columns]
    names = [column.name for column in live.columns]
    whole = columns_of(source, catalog_of(source).core_table("mixed"), results)

    def copy(most: int | None) -> None:
        into = emptied(target, live, like=place["engine"] == place["to"])
        theirs = {column.name: column for column in catalog_of(target).table("written").columns}
        proven = [
            each.name for each in live.columns if isinstance(proof(each, theirs[each.name], target.backend), Proof)
        ]
        taken = min(most or place["rows"], place["rows"])
        reading = Reading(whole.statement.where(sa.literal_column("id") <= taken), whole.columns)
        with target.atomic() as connection:
            kinds = compared_as(into.slots, target.backend.keeps(connection, into.table))
            terms = Terms(frozenset(proven), frozenset(["seen"]), tuple(kinds))
            if as_is:
                done = stream_as_is(source, reading, into, names, connection)
            else:
                done = stream(source, reading, into, names, connection, terms)
        if done is None or done.count != taken:
            raise RuntimeError(f"copied {done}, not {taken} rows")

    yield copy


# The others


@contextmanager
def pandas_chunks(place: Place) -> Iterator[Work]:
    import pandas as pd

    one, other = (sa.create_engine(bare(place[name])) for name in ("url", "to_url"))
    text = {"postgresql": "CAST({} AS TEXT)", "mariadb": "CAST({} AS CHAR)", "duckdb": "CAST({} AS VARCHAR)"}
    with one.connect() as connection:
        names = (
            [column["name"] for column in sa.inspect(connection).get_columns("mixed")]
            if place["engine"] != "duckdb"
            else NAMES
        )
    spelt = text.get(place["engine"], "{}")
    chosen = ", ".join(f"{spelt.format(name)} AS {name}" if name in ("code", "doc") else name for name in names)

    def copy(most: int | None) -> None:
        taken = round(most or place["rows"] * share(place["to"]))
        with (
            one.connect().execution_options(stream_results=place["engine"] == "postgresql") as source,
            other.begin() as target,
        ):
            # Its own question whether the table is there fails on DuckDB.
            target.execute(sa.text("DROP TABLE IF EXISTS written"))
            for chunk in pd.read_sql(
                sa.text(f"SELECT {chosen} FROM mixed WHERE id <= {taken}"), source, chunksize=CHUNK
            ):
                chunk.to_sql("written", target, if_exists="append", index=False, dtype={"data": sa.LargeBinary})

    yield copy


NAMES = "id big ratio price name note flag day made seen code doc data".split()  # noqa: SIM905


def share(engine: str) -> float:
    return SHARE.get(engine, 0.05)


def bare(url: str) -> str:
    made = sa.make_url(url)
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
    driver = drivers.get(made.get_backend_name(), made.drivername)
    return made.set(drivername=driver).render_as_string(hide_password=False)


@contextmanager
def psql(place: Place) -> Iterator[Work]:
    _, target, live = sides(place)
    emptied(target, live, like=True)

    def side(url: str, sql: str) -> tuple[list[str], dict[str, str]]:
        made = sa.make_url(url)
        plain = made.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
        return [PSQL, "-q", "-v", "ON_ERROR_STOP=1", plain, "-c", sql], {
            **os.environ,
            "PGPASSWORD": made.password or "",
        }

    def copy(most: int | None) -> None:
        emptied(target, live, like=True)
        taken = min(most or place["rows"], place["rows"])
        first, environment = side(
            place["url"], f"COPY (SELECT * FROM mixed WHERE id <= {taken}) TO STDOUT (FORMAT binary)"
        )
        with subprocess.Popen(first, stdout=subprocess.PIPE, env=environment) as reading:
            second, environment = side(place["to_url"], "COPY written FROM STDIN (FORMAT binary)")
            subprocess.run(second, stdin=reading.stdout, env=environment, check=True)

    yield copy


PSQL = shutil.which("psql") or ""

WAYS: dict[str, Callable[[Place], Any]] = {
    "mdb.copy": whole_copy,
    "not verified": streamed,
    PEER: pandas_chunks,
    "not verified, as it is": lambda place: streamed(place, as_is=True),
    "psql COPY | psql COPY": psql,
}
SAME_ONLY = tuple(name for name in WAYS if "as it is" in name or "psql" in name)


def ways(pair: str) -> list[str]:
    names = [name for name in WAYS if name not in SAME_ONLY or pair == "postgresql-postgresql"]
    return [name for name in names if PSQL or "psql" not in name]


# Measuring


def compared(pair: str, urls: Mapping[str, str], given: argparse.Namespace) -> None:
    one, other = pair.split("-")
    place = {"engine": one, "url": urls[one], "to": other, "to_url": urls[f"to {other}"], "rows": given.rows}
    rounds = dict.fromkeys(ways(pair), given.rounds)
    found = in_turns(Path(__file__), rounds, place)
    found[PEER].seconds = [seconds / share(other) for seconds in found[PEER].seconds]
    rows = rows_of(found, PEER, lambda name: f"{share(other):.1%} of the rows, time scaled" if name == PEER else "")
    print(shown(f"{one} → {other}, {given.rows:,} rows", rows, []), flush=True)
    kept(
        "copying",
        pair,
        {
            "rows": given.rows,
            "rounds": given.rounds,
            "ways": {name: vars(taken) for name, taken in found.items()},
            "machine": machine("pandas", "pyarrow", "SQLAlchemy", "duckdb", "psycopg", "PyMySQL"),
        },
    )


def memory(pair: str, urls: Mapping[str, str], given: argparse.Namespace) -> None:
    one, other = pair.split("-")
    found: dict[str, Taken] = {}
    for rows in (given.rows // 5, given.rows):
        place = {"engine": one, "url": urls[one], "to": other, "to_url": urls[f"to {other}"], "rows": rows}
        taken = in_turns(Path(__file__), dict.fromkeys(["mdb.copy"], given.rounds), place)
        found[f"{rows:,} rows"] = taken["mdb.copy"]
    print(shown(f"{one} → {other}, memory", rows_of(found, next(iter(found))), []), flush=True)
    kept("copying", f"{pair} memory", {name: vars(taken) for name, taken in found.items()})


def main() -> None:
    """Run one case, or measure all and keep what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pair", nargs="*", default=PAIRS, choices=PAIRS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        run_here(WAYS[given.case])
        return
    from reading_data import load
    from targets import by_name

    with tempfile.TemporaryDirectory() as folder:
        urls = {}
        for engine in dict.fromkeys(pair.split("-")[0] for pair in given.pair):
            urls[engine] = by_name(engine).new_database(Path(folder))
            load(engine, urls[engine], "mixed", given.rows, Path(folder))
        for engine in dict.fromkeys(pair.split("-")[1] for pair in given.pair):
            urls[f"to {engine}"] = by_name(engine).new_database(Path(folder))
        for pair in given.pair:
            (memory if given.memory else compared)(pair, urls, given)
        for name, url in urls.items():
            by_name(name.removeprefix("to ")).drop_database(url)


if __name__ == "__main__":
    main()
