"""What reading has to reach, engine by engine, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from common.cases import Taken

__all__ = ["Goal", "goals"]

OURS, READ_SQL = "ours: to_pandas()", "pandas.read_sql"


@dataclass(frozen=True)
class Goal:
    """One bound on a ratio.

    Attributes
    ----------
    found
        The ratio; ``None`` where a side failed.
    least
        Whether more is better.
    """

    what: str
    found: float | None
    bound: float
    least: bool

    @property
    def met(self) -> bool | None:
        """Whether it was reached; ``None`` where nobody knows."""
        if self.found is None:
            return None
        return self.found >= self.bound if self.least else self.found <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.least else "<="
        said = {True: "met", False: "NOT MET", None: "not known"}[self.met]
        found = "-" if self.found is None else f"{self.found:.2f}"
        return f"{self.what} {sign} {self.bound:g}: {found}, {said}"


def goals(engine: str, found: Mapping[str, Taken]) -> list[Goal]:
    """Give the goals of an engine with what was reached."""

    def ratio(mine: str, others: tuple[str, ...], what: Callable[[Taken], float | None] = _time) -> float | None:
        own = what(found[mine])
        best = [value for name in others if name in found and (value := what(found[name])) is not None]
        return min(best) / max(own, 1e-9) if best and own is not None else None

    def faster(what: str, bound: float, *others: str, mine: str = OURS) -> Goal:
        return Goal(f"times {what}", ratio(mine, others), bound, least=True)

    def within(what: str, bound: float, *others: str, mine: str = OURS) -> Goal:
        taken = ratio(mine, others)
        return Goal(f"time of {what}", 1 / taken if taken else None, bound, least=False)

    memory = ratio(OURS, (READ_SQL,), _memory)
    share = Goal("memory of read_sql", 1 / memory if memory else None, 0.2 if engine == "postgresql" else 0.5, False)
    listed = {
        "postgresql": [
            faster("read_sql", 10, READ_SQL),
            within("connectorx", 1, "connectorx: pandas", "connectorx: Arrow, hybrid frame"),
            within("COPY BINARY to nowhere", 1.45, "limit: COPY BINARY to nowhere"),
        ],
        "mariadb": [faster("read_sql", 6, READ_SQL)],
        "sqlite": [
            faster("read_sql", 3, READ_SQL),
            faster("read_sql of a typed select", 4.5, "pandas.read_sql, typed select"),
        ],
        "duckdb": [
            within("its own Arrow (to_arrow)", 1.1, "driver: DuckDB .to_arrow_table()", mine="ours: to_arrow()"),
            faster("its own .df()", 3, "driver: DuckDB .df()"),
        ],
    }
    return [*listed[engine], share]


def _time(taken: Taken) -> float | None:
    return taken.time


def _memory(taken: Taken) -> float | None:
    return taken.memory
