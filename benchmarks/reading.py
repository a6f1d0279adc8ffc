"""Reading a whole table: time and memory of our frames beside pandas, connectorx, ADBC, polars and the bare drivers.

Each case runs in a process of its own, in turns, with its modules imported and its connection open; memory is what the
peak of the client grew by, with that of the processes that it started (one reads SQLite's large tables). Ways that take
a minute for a million rows run fewer rounds; the table says how many. The goals of each engine stand below its tables;
they were set for ``mixed``.

    python benchmarks/reading.py [--engine NAME ...] [--table NAME ...] [--rows N] [--narrow-rows N] [--rounds N]

The whole comparison is ``--rows 1000000``, which also means five million narrow rows; an engine at a time will do,
since results are kept engine by engine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common.cases import Taken, in_turns, run_here
from common.goals import goals
from common.measuring import machine
from common.readers import WAYS, ways
from common.tables import kept, rows_of, shown

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")
REFERENCE = "pandas.read_sql"
FEW = 2_000
"""Enough rows before the measured ones that a way which reads few rows otherwise has opened its own session."""


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", nargs="*", default=ENGINES, choices=ENGINES)
    parser.add_argument("--table", nargs="*", default=("mixed", "narrow"), choices=("mixed", "narrow"))
    parser.add_argument("--rows", type=int, default=100_000, help="of the mixed table")
    parser.add_argument("--narrow-rows", type=int, help="by default five times as many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=1, help="of ways that are known to be slow")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(engine: str, url: str, table: str, rows: int, given: argparse.Namespace) -> dict[str, Taken]:
    """Load one table and read it in every way."""
    from reading_data import load

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        load(engine, url, table, rows, Path(folder))
        print(f"{table}: {rows:,} rows loaded in {time.perf_counter() - start:.1f} s", file=sys.stderr)
    place = {"engine": engine, "url": url, "table": table}
    cases = {way.name: given.slow_rounds if way.slow else given.rounds for way in ways(engine)}
    return in_turns(Path(__file__), cases, place)


def run(engine: str, given: argparse.Namespace, known: Mapping[str, Any]) -> None:
    """Measure one engine."""
    from targets import TARGETS, TargetUnavailable

    target = next(each for each in TARGETS if each.name == engine)
    result: dict[str, Any] = {"rounds": given.rounds, "machine": known, "tables": {}}
    sizes = {"mixed": given.rows, "narrow": given.narrow_rows or 5 * given.rows}
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = target.new_database(Path(folder))
        except TargetUnavailable as reason:
            print(f"\n{target.title} is left out: {reason}")
            return
        for table in given.table:
            found = measured(engine, url, table, sizes[table], given)
            reached = goals(engine, found)
            print(shown(f"{target.title}, {table}, {sizes[table]:,} rows", rows_of(found, REFERENCE), reached))
            result["tables"][table] = {
                "rows": sizes[table],
                "ways": {name: vars(taken) for name, taken in found.items()},
                "goals": [{**vars(goal), "met": goal.met} for goal in reached],
            }
        target.drop_database(url)
    kept("reading", engine, result)


def main() -> None:
    """Run one case, or measure all and keep what was found."""
    given = asked()
    if given.case:
        run_here(next(way.case for way in WAYS if way.name == given.case), first=FEW)
        return
    packages = ("pandas", "pyarrow", "SQLAlchemy", "connectorx", "adbc-driver-manager", "polars", "duckdb", "psycopg")
    known = machine("multidb_explorer", *packages, "PyMySQL")
    print(f"Reading: median of {given.rounds} rounds ({given.slow_rounds} of slow ways), each in its own process")
    print(f"{known['platform']}, {known['cores']} cores, Python {known['python']}; {known['versions']}")
    for engine in given.engine:
        run(engine, given, known)


if __name__ == "__main__":
    main()
