"""What a small read costs, ours beside the bare SQLAlchemy Core call and Django's, on the same table and rows.

Every side has its connection open before. A bare call is ``engine.connect()``, the statement, its rows, and the
connection back to the pool. Ours asks servers whether a connection that rested is alive before it is used
(``pool_pre_ping``), and keeps none open to a DuckDB file, which it would lock for every other program; Core's default
engine and Django do neither. So Core is measured twice there, with its defaults and with the pool that we give it, on a
file of its own. The goal of a one-row ``get()``, 1.5 times Core's time, is judged beside both.

    python benchmarks/overhead.py [rounds] [engine ...]
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pandas as pd
import sqlalchemy as sa
from common.measuring import RESULTS, alternated, machine, ratio, stored
from common.people import Person, django_alias, django_person
from targets import TARGETS, Target, TargetUnavailable

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

ROWS, PAGE = 10_000, 100
GOAL = 1.5

Side = Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """One case on one engine: median seconds a side, and ratios of ours to each other side."""

    case: str
    seconds: Mapping[str, float]
    ratios: Mapping[str, float]


def rows() -> list[dict[str, Any]]:
    start = dt.datetime(2024, 1, 1)  # noqa: DTZ001 -- the column has no zone
    return [
        {
            "id": number,
            "name": f"Person {number}",
            "email": f"person{number}@example.org" if number % 7 else None,
            "country": ("FR", "DE", "ES", None)[number % 4],
            "age": number % 90,
            "rating": number / 7,
            "active": number % 3 > 0,
            "joined": start + dt.timedelta(minutes=number),
        }
        for number in range(1, ROWS + 1)
    ]


@contextmanager
def bare_engines(url: sa.URL, file: sa.URL | None) -> Iterator[dict[str, sa.Engine]]:
    """Make Core's engines: as it is by default, and with the pool that we give it, to a file that nobody else holds."""
    engines = {"core": sa.create_engine(url)}
    if file is not None:
        engines["core, no pool"] = sa.create_engine(file, poolclass=sa.NullPool)
    elif url.host:
        engines["core, pre-ping"] = sa.create_engine(url, pool_pre_ping=True)
    try:
        yield engines
    finally:
        for engine in engines.values():
            engine.dispose()


def fill(engine: sa.Engine) -> sa.Table:
    """Make the table on a database."""
    table = Person._source.table
    with engine.begin() as connection:
        table.create(connection)
        made, size = rows(), 1_000
        for start in range(0, ROWS, size):
            connection.execute(table.insert().values(made[start : start + size]))
    return table


def own_file(target: Target, folder: Path) -> str:
    """Fill another database for us."""
    url = target.new_database(folder)
    engine = sa.create_engine(url)
    fill(engine)
    engine.dispose()
    return url


def by_core(engine: sa.Engine, table: sa.Table) -> dict[str, Side]:
    keys, starts = cycle(range(1, ROWS)), cycle(range(0, ROWS - PAGE, PAGE))

    def page() -> sa.Select[Any]:
        return sa.select(table).order_by(table.c.id).limit(PAGE).offset(next(starts))

    def one() -> object:
        with engine.connect() as connection:
            return connection.execute(sa.select(table).where(table.c.id == next(keys))).one()

    def many() -> object:
        with engine.connect() as connection:
            return connection.execute(page()).all()

    def frame() -> object:
        with engine.connect() as connection:
            return pd.read_sql(page(), connection)

    return {"get": one, "page": many, "values_list": many, "to_pandas": frame}


def by_ourselves() -> dict[str, Side]:
    keys, starts = cycle(range(1, ROWS)), cycle(range(0, ROWS - PAGE, PAGE))

    def page(queryset: Any) -> Any:
        start = next(starts)
        return queryset.order_by("id")[start : start + PAGE]

    return {
        "get": lambda: Person.objects.get(pk=next(keys)),
        "page": lambda: list(page(Person.objects)),
        "values_list": lambda: list(page(Person.objects.values_list())),
        "to_pandas": lambda: page(Person.objects).to_pandas(),
    }


def by_django(alias: str) -> dict[str, Side]:
    keys, starts = cycle(range(1, ROWS)), cycle(range(0, ROWS - PAGE, PAGE))
    objects = django_person().objects.using(alias)

    def page(queryset: Any) -> list[Any]:
        start = next(starts)
        return list(queryset.order_by("id")[start : start + PAGE])

    return {
        "get": lambda: objects.get(pk=next(keys)),
        "page": lambda: page(objects),
        "values_list": lambda: page(objects.values_list()),
    }


TITLES = {
    "get": "one row: get(pk=n)",
    "page": f"{PAGE} rows as instances",
    "values_list": f"{PAGE} rows as values_list()",
    "to_pandas": f"{PAGE} rows to_pandas(), read_sql",
}


def measured(target: Target, url: str, folder: Path, rounds: int) -> list[Measured]:
    """Measure every case on one engine."""
    mdb.configure({"default": url})
    prepared = databases["default"].backend.prepare_url
    file = prepared(sa.make_url(target.new_database(folder))) if target.name == "duckdb" else None
    with bare_engines(prepared(sa.make_url(url)), file) as bare:
        table = fill(bare["core"])
        if file is not None:
            fill(bare["core, no pool"])
            mdb.configure({"default": own_file(target, folder)})
        sides = {"ours": by_ourselves()} | {name: by_core(engine, table) for name, engine in bare.items()}
        if target.name in ("sqlite", "postgresql", "mariadb"):
            sides["django"] = by_django(django_alias(target.name, url))
        found = [case(name, sides, rounds) for name in TITLES]
    databases.clear()
    return found


def case(name: str, sides: Mapping[str, Mapping[str, Side]], rounds: int) -> Measured:
    taken = alternated({side: cases[name] for side, cases in sides.items() if name in cases}, rounds)
    return Measured(
        TITLES[name],
        {side: median(seconds) for side, seconds in taken.items()},
        {side: ratio(taken["ours"], seconds) for side, seconds in taken.items() if side != "ours"},
    )


def show(found: list[Measured]) -> None:
    sides = list(found[0].seconds)
    print(f"{'µs (ours: ratio)':38}" + "".join(f"{side:>22}" for side in sides))
    for each in found:
        cells = [
            f"{each.seconds[side] * 1e6:.0f}" + (f" ({each.ratios[side]:.2f})" if side in each.ratios else "")
            if side in each.seconds
            else ""
            for side in sides
        ]
        print(f"{each.case:38}" + "".join(f"{cell:>22}" for cell in cells))
    for side, reached in found[0].ratios.items():
        if side.startswith("core"):
            print(f"goal: get() at most {GOAL} x {side}: {reached:.2f}, {'met' if reached <= GOAL else 'NOT MET'}")


def known_results() -> dict[str, Any]:
    """Give what was found before, for the engines that are not measured again."""
    path = RESULTS / "overhead.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))["engines"]) if path.exists() else {}


def main() -> None:
    """Measure, print the tables and keep them."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    known = machine("multidb_explorer", "SQLAlchemy", "Django", "pandas", "duckdb", "psycopg", "PyMySQL")
    print(f"Small reads: median of {rounds} rounds, alternating; (ratio) is ours to that side's")
    print(f"{known['platform']}, {known['cores']} cores, Python {known['python']}; {known['versions']}")
    results = known_results() if sys.argv[2:] else {}
    for target in TARGETS:
        if sys.argv[2:] and target.name not in sys.argv[2:]:
            continue
        print(f"\n{target.title}")
        with tempfile.TemporaryDirectory() as folder:
            try:
                url = target.new_database(Path(folder))
            except TargetUnavailable as reason:
                print(f"left out: {reason}")
                continue
            found = measured(target, url, Path(folder), rounds)
            show(found)
            results[target.name] = [vars(each) for each in found]
            target.drop_database(url)
    print(f"\n{stored('overhead', {'rounds': rounds, 'machine': known, 'engines': results})}")


if __name__ == "__main__":
    main()
