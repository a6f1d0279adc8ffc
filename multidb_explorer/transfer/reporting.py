"""The report of a transfer, counted from its journal."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from multidb_explorer.transfer.carrying import Lane, Left, Outcome, numbers
from multidb_explorer.transfer.journal import Journal, Rows
from multidb_explorer.transfer.report import TableReport, TransferReport
from multidb_explorer.transfer.sheet import Sheet

__all__ = ["report_of"]

_OUTCOMES = {
    Outcome.INSERTED: "inserted",
    Outcome.THERE: "there",
    Outcome.OVERWRITTEN: "overwritten",
    Outcome.SKIPPED: "skipped",
    Outcome.CHANGED: "stale",
    Outcome.GONE: "gone",
}
_CHANGED = "others changed them after they were copied"
_REFERRED = "rows that stay refer to them"


def report_of(sheet: Sheet, journal: Journal, state: str, seconds: float) -> TransferReport:
    """Count what became of every row."""
    counts: list[Counter[str]] = [Counter() for _ in sheet.lanes]
    left: list[Counter[int]] = [Counter() for _ in sheet.lanes]
    keys: list[tuple[str, Any, Any]] = []
    for number, known in journal.units():
        for rows in journal.rows(number):
            _count(rows, known, counts[rows.step], left[rows.step])
            if sheet.lanes[rows.step].step.policy == "newkey":
                keys += _new_keys(sheet.lanes[rows.step], rows)
    tables = [_table(sheet, *each) for each in zip(sheet.lanes, counts, left, strict=True)]
    return TransferReport(
        sheet.id,
        sheet.kind,
        sheet.source.alias,
        sheet.target.alias,
        sheet.mode,
        state,
        tuple(tables),
        seconds,
        notes=sheet.notes,
        keys=tuple(keys),
    )


def _count(rows: Rows, state: str, counts: Counter[str], left: Counter[int]) -> None:
    outcome = numbers(rows.table, "outcome")
    counts["planned"] += len(outcome)
    for code, count in zip(*np.unique(outcome, return_counts=True), strict=True):
        # What was intended and not yet committed is no outcome.
        named = _OUTCOMES.get(int(code), "waiting") if state not in ("PLANNED", "INTENT") else "waiting"
        counts[named] += int(count)
    for code, count in zip(*np.unique(numbers(rows.table, "left"), return_counts=True), strict=True):
        left[int(code)] += int(count)


def _table(sheet: Sheet, lane: Lane, counts: Counter[str], left: Counter[int]) -> TableReport:
    kept: list[tuple[str, int]] = []
    if sheet.kind == "move":
        stays = left[Left.STAYS]
        reasons = [(each.reason, each.rows) for each in lane.step.kept] if sheet.whole else []
        known = sum(count for _, count in reasons)
        kept += reasons if known == stays else [*reasons, ("they stay by plan", stays - known)]
        kept += [(_CHANGED, left[Left.CHANGED]), (_REFERRED, left[Left.REFERRED])]
        kept.append(("they were not copied", left[Left.SHALL_GO] - counts["waiting"]))
    return TableReport(
        lane.step.table,
        lane.step.target,
        **{name: counts[name] for name in ("planned", *_OUTCOMES.values(), "waiting")},
        changed=left[Left.CHANGED],
        deleted=left[Left.DELETED],
        kept=tuple((reason, count) for reason, count in kept if count > 0),
    )


def _new_keys(lane: Lane, rows: Rows) -> list[tuple[str, Any, Any]]:
    pairs = zip(lane.keys(rows.table), lane.target_keys(rows.table), strict=True)
    if len(lane.step.key) > 1:
        # Such a key changed because it holds another row's.
        return []
    return [(lane.step.table, old[0], new[0]) for old, new in pairs if None not in new and old != new]
