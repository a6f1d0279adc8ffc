"""What writing has to reach, engine by engine, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping

from common.cases import Taken
from common.goals import Goal

__all__ = ["TO_SQL", "writing_goals"]

TO_SQL = "pandas.to_sql"
TIMES = {"postgresql": 7.0, "mariadb": 5.0, "sqlite": 6.0, "duckdb": 45.0}
LEAST_MEMORY = 50.0
"""Megabytes below which more or fewer of them say nothing."""


def writing_goals(engine: str, found: Mapping[str, Taken]) -> list[Goal]:
    """Give the goals of an engine with what was reached."""
    bound = TIMES[engine]
    return [
        _times("write(pandas)", found, "ours: write(pandas)", bound),
        _times("write(Arrow)", found, "ours: write(Arrow)", bound),
        _times("write(pandas, upsert)", found, "ours: write(pandas, upsert)", bound / 2),
        _times("write(Arrow, upsert)", found, "ours: write(Arrow, upsert)", bound / 2),
        _flat(found),
    ]


def _times(what: str, found: Mapping[str, Taken], mine: str, bound: float) -> Goal:
    own, theirs = (found[name].time if name in found else None for name in (mine, TO_SQL))
    return Goal(f"{what}: times to_sql", theirs / own if own and theirs else None, bound, least=True)


def _flat(found: Mapping[str, Taken]) -> Goal:
    once, twice = (
        found[name].memory if name in found else None
        for name in ("ours: write(Arrow reader)", "ours: write(Arrow reader), twice the rows")
    )
    ratio = max(twice, LEAST_MEMORY) / max(once, LEAST_MEMORY) if once is not None and twice is not None else None
    return Goal(f"memory of twice the rows (from {LEAST_MEMORY:.0f} MB on)", ratio, 1.2, least=False)
