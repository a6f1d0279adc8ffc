"""Reading a whole table: time and memory of our frames beside pandas, connectorx, ADBC, polars and the bare drivers.

Each case runs in a process of its own, in turns, with its modules imported and its connection open; memory is what the
peak of the process (the client alone) grew by. Ways that take a minute for a million rows run fewer rounds; the table
says how many. The goals of each engine stand below its tables; they were set for ``mixed``.

    python benchmarks/reading.py [--engine NAME ...] [--table NAME ...] [--rows N] [--narrow-rows N] [--rounds N]

The whole comparison is ``--rows 1000000``, which also means five million narrow rows; an engine at a time will do,
since results are kept engine by engine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common.cases import Taken, in_turns, run_here
from common.goals import Goal, goals
from common.measuring import RESULTS, machine, stored
from common.readers import WAYS, ways

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")
REFERENCE = "pandas.read_sql"


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


Cells = tuple[str, ...]
HEADER: Cells = ("way", "s", "min..max", f"times {REFERENCE}", "+MB", "rounds")


def cells(name: str, taken: Taken, reference: float | None) -> Cells:
    if taken.time is None:
        return (name, "failed", taken.failed[:60], "", "", "")
    times = f"{reference / taken.time:.2f}" if reference else ""
    span = f"{min(taken.seconds):.2f}..{max(taken.seconds):.2f}"
    return (name, f"{taken.time:.2f}", span, times, f"{taken.memory:.0f}", str(len(taken.seconds)))


def lines(found: Mapping[str, Taken]) -> list[Cells]:
    """Give the rows of the table, the fastest first."""
    reference = found[REFERENCE].time
    return [cells(*each, reference) for each in sorted(found.items(), key=lambda item: item[1].time or float("inf"))]


def as_text(rows: list[Cells]) -> str:
    widths = [max(len(row[place]) for row in [HEADER, *rows]) for place in range(len(HEADER))]

    def line(row: Cells) -> str:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        return "  ".join([row[0].ljust(len(first)), *rest])

    return "\n".join(map(line, [HEADER, *rows]))


def as_markdown(rows: list[Cells]) -> str:
    rule = ("---", *["---:"] * (len(HEADER) - 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in [HEADER, rule, *rows])


def shown(engine: str, table: str, rows: int, found: Mapping[str, Taken], reached: list[Goal]) -> str:
    """Say what was found: the table as text, the goals, and the table again as Markdown."""
    made = lines(found)
    title = f"{engine}, {table}, {rows:,} rows"
    said = "\n".join(f"  {goal}" for goal in reached)
    return f"\n{title}\n{as_text(made)}\nGoals:\n{said}\n\n**{title}**\n\n{as_markdown(made)}"


def kept(engine: str, result: Mapping[str, Any]) -> None:
    """Keep one engine's result beside those of the others."""
    path = RESULTS / "reading.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    print(f"\n{stored('reading', {**before, engine: result})}")


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
            print(shown(target.title, table, sizes[table], found, reached))
            result["tables"][table] = {
                "rows": sizes[table],
                "ways": {name: vars(taken) for name, taken in found.items()},
                "goals": [{**vars(goal), "met": goal.met} for goal in reached],
            }
        target.drop_database(url)
    kept(engine, result)


def main() -> None:
    """Run one case, or measure all and keep what was found."""
    given = asked()
    if given.case:
        run_here(next(way.case for way in WAYS if way.name == given.case))
        return
    packages = ("pandas", "pyarrow", "SQLAlchemy", "connectorx", "adbc-driver-manager", "polars", "duckdb", "psycopg")
    known = machine("multidb_explorer", *packages, "PyMySQL")
    print(f"Reading: median of {given.rounds} rounds ({given.slow_rounds} of slow ways), each in its own process")
    print(f"{known['platform']}, {known['cores']} cores, Python {known['python']}; {known['versions']}")
    for engine in given.engine:
        run(engine, given, known)


if __name__ == "__main__":
    main()
