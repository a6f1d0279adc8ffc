"""What 200 tables with 3,000 columns cost to read, our catalog beside SQLAlchemy's ``MetaData.reflect``.

The tables have keys, foreign keys, indexes, unique keys, defaults, and comments where the engine has them. Both sides
start with nothing known and end with every table described: columns, types, keys, references, indexes. The first
column is the list alone, with kinds, comments and row estimates: what the explorer and completion show at first. One
table is what the first query of a reflected model waits for, list included.

    python benchmarks/reflecting.py [rounds] [engine ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import sqlalchemy as sa
from common.measuring import alternated, machine, ratio, stored
from targets import TARGETS, Target, TargetUnavailable

from multidb_explorer.connections.registry import databases
from multidb_explorer.schema.inspector import Catalog

TABLES, COLUMNS = 200, 15
TYPES: tuple[sa.types.TypeEngine[Any], ...] = (
    sa.Integer(),
    sa.BigInteger(),
    sa.String(80),
    sa.Numeric(12, 2),
    sa.Double(),
    sa.Date(),
    sa.DateTime(),
    sa.Boolean(),
)


def made_tables(*, plain: bool) -> sa.MetaData:
    """Describe the tables; each refers to the two before it.

    Parameters
    ----------
    plain
        Without comments, where the engine numbers no keys by itself.
    """
    metadata = sa.MetaData()
    for number in range(TABLES):
        before = [place for place in (number - 1, number - 2) if place >= 0]
        links = [sa.Column(f"link_{place}", sa.Integer, sa.ForeignKey(f"table_{place}.id")) for place in before]
        count = COLUMNS - 2 - len(links)
        rest = [
            sa.Column(f"column_{place}", TYPES[place % len(TYPES)], nullable=bool(place % 3), index=place == 2)
            for place in range(count)
        ]
        sa.Table(
            f"table_{number}",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column(
                "code", sa.String(20), nullable=False, unique=True, comment=None if plain else "What it is called"
            ),
            *links,
            *rest,
            comment=None if plain else f"Table number {number}",
        )
    return metadata


def listed(alias: str) -> object:
    return Catalog(databases[alias]).tables()


def one(alias: str) -> object:
    return Catalog(databases[alias]).table(f"table_{TABLES // 2}")


def described(alias: str) -> object:
    catalog = Catalog(databases[alias])
    found = catalog.describe_all()
    return found, [catalog.references(table.name) for table in found]


def reflected(engine: sa.Engine) -> object:
    metadata = sa.MetaData()
    metadata.reflect(engine)
    return metadata


def fails(work: Callable[[], object]) -> str | None:
    """Say why something can't be done at all: not every dialect knows MetaData.reflect."""
    try:
        work()
    except sa.exc.SQLAlchemyError as error:
        return str(error).partition("\n")[0]
    return None


def statements(engine: sa.Engine, work: Callable[[], object]) -> int:
    """Count the statements that some work runs."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        found.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return len(found)


def measured(target: Target, rounds: int) -> dict[str, Any]:
    """Measure one engine."""
    url = target.new_database()
    databases.connect("many", url)
    engine = databases["many"].engine
    made_tables(plain=target.name in ("sqlite", "duckdb")).create_all(engine)
    works: dict[str, Callable[[], object]] = {
        "list": lambda: listed("many"),
        "one table": lambda: one("many"),
        "all tables": lambda: described("many"),
        "SQLAlchemy": lambda: reflected(engine),
    }
    if (fault := fails(works["SQLAlchemy"])) is not None:
        works.pop("SQLAlchemy")
    counts = {name: statements(engine, work) for name, work in works.items()}
    taken = alternated(works, rounds)
    databases.clear()
    target.drop_database(url)
    return {
        "engine": target.title,
        "seconds": {name: median(found) for name, found in taken.items()},
        "statements": counts,
        "ratios": {
            name: ratio(found, taken["SQLAlchemy"])
            for name, found in taken.items()
            if "SQLAlchemy" in taken and name != "SQLAlchemy"
        },
        "SQLAlchemy fails": fault,
    }


def show(found: dict[str, Any]) -> None:
    seconds, statements, ratios = found["seconds"], found["statements"], found["ratios"]
    print(f"{found['engine']:12}", end="")
    for name, value in seconds.items():
        times = f"{ratios[name]:6.2f} x" if name in ratios else " " * 8
        print(f"{value * 1000:9.1f} ms{times} {statements[name]:5d}", end="")
    print(f"   {found['SQLAlchemy fails'] or ''}".rstrip())


def main() -> None:
    """Measure, print the table and keep it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    wanted = sys.argv[2:] or [target.name for target in TARGETS]
    known = machine("multidb_explorer", "SQLAlchemy", "psycopg", "PyMySQL", "duckdb")
    print(f"Reading {TABLES} tables with {TABLES * COLUMNS:,} columns: median of {rounds} rounds, alternating;")
    print("x is ours to SQLAlchemy's, the last number is the count of statements")
    print(f"{known['platform']}, {known['cores']} cores, Python {known['python']}; {known['versions']}\n")
    print(f"{'':12}{'list':>26}{'one table':>26}{'all tables':>26}{'MetaData.reflect':>26}")
    results = []
    for target in TARGETS:
        if target.name not in wanted:
            continue
        try:
            results.append(measured(target, rounds))
        except TargetUnavailable as error:
            print(f"{target.title:12} not here: {error}")
            continue
        show(results[-1])
    print(f"\n{stored('reflecting', {'rounds': rounds, 'machine': known, 'engines': results})}")


if __name__ == "__main__":
    main()
