"""Measure sides in turns, so that a busy moment of the machine meets all of them alike, and keep the result."""

from __future__ import annotations

import gc
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["RESULTS", "alternated", "machine", "ratio", "stored", "timed"]

RESULTS = Path(__file__).parents[1] / "results"


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Return the seconds that one piece of work takes, on average over several in a row."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def alternated(
    sides: Mapping[str, Callable[[], object]], rounds: int, *, batch: float = 0.01
) -> dict[str, list[float]]:
    """Measure each side once a round, in changing order, and return its seconds round by round.

    Parameters
    ----------
    batch
        How many seconds of work are measured at once; cheap work is repeated until it takes as long.
    """
    for work in sides.values():
        # The first runs import modules, open connections and fill caches.
        timed(work, 2)
    counts = {name: max(1, round(batch / timed(work, 2))) for name, work in sides.items()}
    found: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    # Collections go on while it is measured, as they do in use, but none pays for what was before.
    gc.collect()
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(timed(sides[name], counts[name]))
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' own ratios: what was slow for a round was slow for both."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def machine(*packages: str) -> dict[str, Any]:
    """Tell on what, and with which versions, it was measured."""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def stored(name: str, result: Mapping[str, Any]) -> Path:
    """Write a result to ``benchmarks/results`` and return the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
