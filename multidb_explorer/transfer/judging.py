"""Columns whose types alone prove nothing: their values are looked at, all of them, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from multidb_explorer.transfer.carrying import Lane, whole
from multidb_explorer.transfer.clashing import named
from multidb_explorer.transfer.proofs import NeedsCheck
from multidb_explorer.transfer.records import Objection, Pair
from multidb_explorer.transfer.sides import Key
from multidb_explorer.writing.validating import fit

__all__ = ["judged", "objections_of"]


@dataclass
class _Verdict:
    """What was found of one column."""

    values: int = 0
    misfits: int = 0
    example: str = ""


def judged(lane: Lane, checks: Mapping[str, NeedsCheck], batches: Iterable[Sequence[Key]]) -> tuple[Pair, ...]:
    """Look at the values of doubtful columns; where each of them fits, nothing is lost.

    Parameters
    ----------
    checks
        What looks at them, by the source's column.
    batches
        The keys of all rows.
    """
    doubtful = [pair for pair in lane.step.pairs if not pair.accepted and (pair.source in checks or _loose(lane, pair))]
    if not doubtful:
        return lane.step.pairs
    verdicts = {pair.source: _Verdict() for pair in doubtful}
    names = list(dict.fromkeys([*lane.step.key, *verdicts]))
    for keys in batches:
        table = lane.source.by_keys(names, keys)
        for pair in doubtful:
            _look(lane, checks.get(pair.source), pair, table, verdicts[pair.source])
    return tuple(_settled(pair, verdicts.get(pair.source)) for pair in lane.step.pairs)


def _loose(lane: Lane, pair: Pair) -> bool:
    """Tell whether a column may hold more than its type says, and the target's can't."""
    return lane.loose(pair) and not pair.objection


def _look(lane: Lane, check: NeedsCheck | None, pair: Pair, table: pa.Table, verdict: _Verdict) -> None:
    array = whole(table.column(pair.source))
    verdict.values += len(array) - array.null_count
    if check is not None:
        misfits = check.misfits(array, lane.target.where)
    else:
        found = fit(array, lane.target.slot(pair.target), lane.target.database.backend, lane.target.where)
        misfits = {row: reason.message for row, reason in found.reasons.items()}
    if misfits and not verdict.example:
        first = min(misfits)
        key = named(table.slice(first, 1).select(list(lane.step.key)).to_pylist()[0])
        verdict.example = f"{key}: {misfits[first]}"
    verdict.misfits += len(misfits)


def _settled(pair: Pair, verdict: _Verdict | None) -> Pair:
    if verdict is None:
        return pair
    if not verdict.misfits:
        looked = f"each of its {verdict.values:,} values fits" if verdict.values else "it has no values"
        return replace(pair, proof=looked, objection="")
    text = f"{pair.objection}; {verdict.misfits:,} values do not fit ({verdict.example})"
    return replace(pair, objection=text.removeprefix("; "))


def objections_of(lane: Lane) -> list[Objection]:
    """Object to the columns that may lose something."""
    return [
        Objection(
            lane.step.table,
            pair.source,
            f"column {pair.source!r} into {pair.target!r}: {pair.objection}. Accept it with accept=[{pair.source!r}]",
            acceptable=True,
            accepted=pair.accepted,
        )
        for pair in lane.step.pairs
        if pair.objection
    ]
