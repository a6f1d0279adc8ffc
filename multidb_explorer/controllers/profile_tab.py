"""The explorer's tab "Profile": what each column on screen holds, worked out in the database, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import gcd
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply, Stale
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.controllers.values import key_text
from multidb_explorer.query.expressions import F
from multidb_explorer.query.histogram import histogram
from multidb_explorer.query.profile import describe, value_counts

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["ProfileTab", "Profiled", "profiled"]

MOST_ROWS = 500_000
"""Up to so many rows are profiled as they are."""
SAMPLE = 100_000
_TOP = 5
_MOST_COLUMNS = 12
_SPREAD = ("integer", "decimal", "float", "date", "timestamp")
_NUMBERS = ("integer", "decimal", "float")


@dataclass(frozen=True)
class Profiled:
    """The rows that are profiled.

    Attributes
    ----------
    rows
        How many are on screen.
    note
        Which of them are looked at, where not all are.
    """

    queryset: QuerySet[Any]
    rows: int
    note: str = ""


def profiled(shown: QuerySet[Any], rows: int) -> Profiled:
    """Take all rows of a table of bearable size, and else some: spread over the keys where these are numbers."""
    if rows <= MOST_ROWS:
        return Profiled(shown, rows)
    key = [field for field in shown.fields if field.name in shown.bound.key]
    if len(key) != 1 or key[0].kind.name != "integer" or shown._state.sliced:
        return Profiled(shown[:SAMPLE], rows, f"from the first {SAMPLE:,} of {rows:,} rows")
    step = _step(rows)
    some = shown.order_by().alias(mdb_step=F(key[0].name) % step).filter(mdb_step=0)
    return Profiled(
        some, rows, f"from about {rows // step:,} of {rows:,} rows: every {step:,}th number of {key[0].name}"
    )


def _step(rows: int) -> int:
    """Give how far the numbers are apart; a number without small factors, since keys may go in steps of their own."""
    step = max(2, rows // SAMPLE)
    while gcd(step, 30030) > 1:
        step += 1
    return step


class ProfileTab(ExplorerTab):
    """Answers ``profile`` and ``profile_columns``."""

    _now: tuple[int, Profiled] | None = None

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {"profile": self._profile, "profile_columns": self._columns}

    def _profile(self, request: Message) -> Job:
        """Settle which rows are looked at; to know how many there are, they may have to be counted."""
        grid = self.grid()
        grid.require_epoch(request)
        shown, epoch = grid.shown, grid.epoch

        def work() -> Reply:
            rows = grid.row_count if grid.row_count is not None else shown.count()
            found = profiled(shown, rows)
            self._now = epoch, found
            columns = [{"name": each.name, "kind": each.kind.name, "type": str(each.kind)} for each in shown.fields]
            return Reply({"type": "profile", "rows": rows, "note": found.note, "columns": columns})

        return self.job(databases[grid.queryset.db], work)

    def _columns(self, request: Message) -> Job:
        grid, now, names = self.grid(), self._now, request.get("columns")
        grid.require_epoch(request)
        if now is None or now[0] != grid.epoch:
            raise Stale("The rows were sorted or changed meanwhile.")
        known = {field.name for field in now[1].queryset.fields}
        if not isinstance(names, list) or not 0 < len(names) <= _MOST_COLUMNS or not set(names) <= known:
            raise BadRequest("A profile names some of the columns on screen.")
        rows = now[1].queryset
        work = lambda: Reply({"type": "profile_columns", "columns": list(_facts(rows, names))})  # noqa: E731
        return self.job(databases[grid.queryset.db], work)


def _facts(rows: QuerySet[Any], names: list[str]) -> Iterator[Message]:
    frame = describe(rows.values(*names))
    kinds = {field.name: field.kind.name for field in rows.fields}
    for name in names:
        told = {str(fact): _known(value) for fact, value in frame.loc[name].items()}
        present = told["rows"] - told["nulls"]
        facts: Message = {"name": name, "rows": told["rows"], "nulls": told["nulls"], "distinct": told["distinct"]}
        facts |= {fact: _said(told[fact]) for fact in ("min", "max", "mean", "std", "median")}
        if present and kinds[name] in _SPREAD:
            facts["steps"] = _steps(rows, name, told)
        elif present and told["distinct"] is not None and told["distinct"] < present:
            counts = value_counts(rows, name, normalize=False, limit=_TOP, dropna=True)
            facts["top"] = [{"value": _said(value), "count": int(count)} for value, count in counts.items()]
        yield facts


def _steps(rows: QuerySet[Any], name: str, told: dict[str, Any]) -> list[Message]:
    found = histogram(rows.order_by() if not rows._state.sliced else rows, name, told["min"], told["max"])
    return [{"low": _said(step.low), "count": step.count} for step in found]


def _known(value: Any) -> Any:
    """Give a value of the frame in Python's own type; ``None`` for what is not there."""
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def _said(value: Any) -> str | None:
    """Write a value for the screen: computed numbers with six digits, all else as it is."""
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}" if value == value.to_integral_value() else f"{value:,f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return None if value is None else key_text(value, 60)
