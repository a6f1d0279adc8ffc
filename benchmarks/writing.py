"""Writing a table: time and memory of ours beside ``to_sql``, SQLAlchemy, Django and the engines' own loaders.

Each case runs in a process of its own, in turns, on an empty table (an upsert: on one that holds every second row with
other contents), with its modules imported and its connection open; what it wrote is compared with what it should have
written by counts, sums and extremes of every column. Memory is what the peak of the process (the client alone) grew
by; the rows are in memory before, but for readers and generators. Where a way is too slow to write all rows, it writes
a part of them and its time is divided by that part; the table says so.

    python benchmarks/writing.py [--engine NAME ...] [--rows N] [--instances N] [--rounds N] [--only TEXT]

The whole comparison is ``--rows 1000000``; an engine at a time will do, since results are kept engine by engine.
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

from common import instance_writers, raw_writers, writers  # noqa: F401 -- each names its ways
from common.cases import Taken, in_turns, run_here
from common.measuring import machine
from common.tables import kept, rows_of, shown
from common.writing_goals import TO_SQL, writing_goals
from common.writing_ways import WAYS, Way, ways

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")
REFERENCES = {"insert": TO_SQL, "upsert": TO_SQL, "instances": "SQLAlchemy ORM: add_all"}


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", nargs="*", default=ENGINES, choices=ENGINES)
    parser.add_argument("--rows", type=int, default=100_000, help="of the mixed table")
    parser.add_argument("--instances", type=int, help="by default a tenth as many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=1, help="of ways that are known to be slow")
    parser.add_argument("--only", default="", help="ways whose names contain this; nothing is kept then")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(chosen: list[Way], place: Mapping[str, Any], given: argparse.Namespace) -> dict[str, Taken]:
    """Write in every way, and scale the times of those that wrote more or fewer rows."""
    rounds = {way.name: given.slow_rounds if way.slow else given.rounds for way in chosen}
    found = in_turns(Path(__file__), rounds, place)
    for way in chosen:
        share = way.share.get(place["engine"], 1)
        found[way.name].seconds = [seconds / share for seconds in found[way.name].seconds]
    return found


def partly(engine: str, name: str) -> str:
    """Say of a way that it wrote another number of rows."""
    share = next(way for way in WAYS if way.name == name).share.get(engine, 1)
    if share == 1:
        return ""
    return f"time / {share:g}" if share > 1 else f"{share:.0%} of the rows, time x {1 / share:g}"


def made(engine: str, url: str, folder: str, given: argparse.Namespace) -> dict[str, Any]:
    """Load the rows, and tell the cases where everything is."""
    from common.judging import PEOPLE, session
    from writing_data import prepared

    rows = given.rows
    place = {"engine": engine, "url": url, "folder": folder, "rows": rows, "instances": given.instances or rows // 10}
    start = time.perf_counter()
    prepared(place)
    with session(place) as connection:
        PEOPLE.create(connection)
    print(f"{2 * rows:,} rows made and loaded in {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return place


def compared(title: str, place: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """Measure every group of ways on one engine, and say what was found."""
    engine, found = place["engine"], dict[str, Taken]()
    for group, reference in REFERENCES.items():
        chosen = [way for way in ways(engine, group) if given.only in way.name]
        taken = measured(chosen, place, given)
        found |= taken
        beside = {reference: found[reference]} if reference in found else {}
        reached = writing_goals(engine, found) if group == "upsert" else []
        rows = place["instances" if group == "instances" else "rows"]
        table = rows_of({**beside, **taken}, reference, lambda name: partly(engine, name))
        print(shown(f"{title}, {group}, {rows:,} rows", table, reached))
    return {
        "rows": place["rows"],
        "instances": place["instances"],
        "ways": {name: {**vars(taken), "note": partly(engine, name)} for name, taken in found.items()},
        "goals": [{**vars(goal), "met": goal.met} for goal in writing_goals(engine, found)],
    }


def run(engine: str, given: argparse.Namespace, known: Mapping[str, Any]) -> None:
    """Measure one engine."""
    from targets import TargetUnavailable, by_name

    target = by_name(engine)
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = target.new_database(Path(folder))
        except TargetUnavailable as reason:
            print(f"\n{target.title} is left out: {reason}")
            return
        result = compared(target.title, made(engine, url, folder, given), given)
        target.drop_database(url)
    if not given.only:
        kept("writing", engine, {"rounds": given.rounds, "machine": known, **result})


def main() -> None:
    """Run one case, or measure all and keep what was found."""
    given = asked()
    if given.case:
        run_here(next(way for way in WAYS if way.name == given.case).judged)
        return
    packages = ("pandas", "pyarrow", "SQLAlchemy", "Django", "adbc-driver-manager", "polars", "duckdb", "psycopg")
    known = machine("multidb_explorer", *packages, "PyMySQL")
    print(f"Writing: median of {given.rounds} rounds ({given.slow_rounds} of slow ways), each in its own process")
    print(f"{known['platform']}, {known['cores']} cores, Python {known['python']}; {known['versions']}")
    for engine in given.engine:
        run(engine, given, known)


if __name__ == "__main__":
    main()
