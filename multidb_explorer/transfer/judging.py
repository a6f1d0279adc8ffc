"""Columns whose types alone prove nothing: their values are looked at, all of them, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.clashing import named
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


def judged(lane: Lane, batches: Iterable[Sequence[Key]]) -> tuple[Pair, ...]:
    """Look at the values of doubtful columns; where each of them fits, nothing is lost.

    Parameters
    ----------
    batches
        The keys of all rows.
    """
    doubtful = [pair for pair in lane.step.pairs if pair.objection and not pair.accepted]
    if not doubtful:
        return lane.step.pairs
    verdicts = {pair.source: _Verdict() for pair in doubtful}
    names = list(dict.fromkeys([*lane.step.key, *verdicts]))
    for keys in batches:
        table = lane.source.by_keys(names, keys)
        for pair in doubtful:
            _look(lane, pair, table, verdicts[pair.source])
    return tuple(_settled(pair, verdicts.get(pair.source)) for pair in lane.step.pairs)


def _look(lane: Lane, pair: Pair, table: pa.Table, verdict: _Verdict) -> None:
    array = table.column(pair.source).combine_chunks()
    array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    slot, backend = lane.target.slot(pair.target), lane.target.database.backend
    found = fit(array, slot, backend, lane.target.where)
    verdict.values += len(array) - array.null_count
    reasons: dict[int, Any] = dict(found.reasons)
    if reasons and not verdict.example:
        first = min(reasons)
        key = named(table.slice(first, 1).select(list(lane.step.key)).to_pylist()[0])
        verdict.example = f"{key}: {reasons[first].message}"
    verdict.misfits += len(reasons)


def _settled(pair: Pair, verdict: _Verdict | None) -> Pair:
    if verdict is None:
        return pair
    if not verdict.misfits:
        looked = f"each of its {verdict.values:,} values fits" if verdict.values else "it has no values"
        return replace(pair, proof=looked, objection="")
    return replace(pair, objection=f"{pair.objection}, and {verdict.misfits:,} values do not fit ({verdict.example})")


def objections_of(lane: Lane) -> list[Objection]:
    """Object to the columns that may lose something."""
    return [
        Objection(
            lane.step.table,
            pair.source,
            f"column {pair.source!r} into {pair.target!r}: {pair.objection}",
            acceptable=True,
            accepted=pair.accepted,
        )
        for pair in lane.step.pairs
        if pair.objection
    ]
