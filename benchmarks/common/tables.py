"""Tables of what was measured: as aligned text and as Markdown, the fastest way first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from common.cases import Taken
from common.goals import Goal
from common.measuring import RESULTS, stored

__all__ = ["Row", "kept", "rows_of", "shown"]

Row = tuple[str, ...]


def rows_of(found: Mapping[str, Taken], reference: str, note: Callable[[str], str] | None = None) -> list[Row]:
    """Give the header and a row for each way, the fastest first.

    Parameters
    ----------
    reference
        The way that the others are compared with.
    note
        What else is to be said of a way.
    """
    header: Row = ("way", "s", "min..max", f"times {reference}", "+MB", "rounds")
    most = found[reference].time if reference in found else None
    ordered = sorted(found.items(), key=lambda item: item[1].time or float("inf"))
    rows = [_row(name, taken, most) for name, taken in ordered]
    if note is None:
        return [header, *rows]
    return [(*header, ""), *((*row, note(row[0])) for row in rows)]


def _row(name: str, taken: Taken, reference: float | None) -> Row:
    if taken.time is None:
        return (name, "failed", taken.failed[:60], "", "", "")
    times = f"{reference / taken.time:.2f}" if reference else ""
    span = f"{min(taken.seconds):.2f}..{max(taken.seconds):.2f}"
    return (name, f"{taken.time:.2f}", span, times, f"{taken.memory:.0f}", str(len(taken.seconds)))


def shown(title: str, rows: list[Row], reached: list[Goal]) -> str:
    """Say what was found: the table as text, the goals, and the table again as Markdown."""
    goals = "".join(f"\n  {goal}" for goal in reached)
    said = f"\nGoals:{goals}" if reached else ""
    return f"\n{title}\n{_as_text(rows)}{said}\n\n**{title}**\n\n{_as_markdown(rows)}"


def _as_text(rows: list[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Row) -> str:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        return "  ".join([row[0].ljust(len(first)), *rest])

    return "\n".join(map(line, rows))


def _as_markdown(rows: list[Row]) -> str:
    header, *others = rows
    rule = ("---", *["---:"] * (len(header) - 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *others])


def kept(name: str, engine: str, result: Mapping[str, Any]) -> None:
    """Keep one engine's result beside those of the others."""
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    print(f"\n{stored(name, {**before, engine: result})}")
