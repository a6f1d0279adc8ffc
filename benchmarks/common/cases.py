"""Run a case in a process of its own, and measure there its time and how much memory it adds."""

from __future__ import annotations

import contextlib
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Taken", "in_turns", "run_here"]

TIMEOUT = 900

Case = Callable[[Mapping[str, Any]], contextlib.AbstractContextManager[Callable[[int | None], object]]]


@dataclass
class Taken:
    """What a case took, round by round: seconds, and megabytes over what it had before it began.

    Attributes
    ----------
    failed
        What went wrong, where it did; it is not tried again.
    """

    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    failed: str = ""

    @property
    def time(self) -> float | None:
        """The median."""
        return median(self.seconds) if self.seconds else None

    @property
    def memory(self) -> float | None:
        """The median."""
        return median(self.megabytes) if self.megabytes else None


def in_turns(script: Path, cases: Mapping[str, int], place: Mapping[str, Any]) -> dict[str, Taken]:
    """Run cases in turns, in the other order on odd rounds, each time in a new process.

    Parameters
    ----------
    script
        The program that runs one case when it is called with ``--case`` and its name.
    cases
        How many rounds each case runs.
    place
        What the case needs to know, as JSON on its standard input, where no list of processes shows it.
    """
    taken = {name: Taken() for name in cases}
    for number in range(max(cases.values(), default=0)):
        names: Sequence[str] = [name for name, rounds in cases.items() if number < rounds and not taken[name].failed]
        for name in names if number % 2 == 0 else names[::-1]:
            _run(script, name, place, taken[name])
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return taken


def _run(script: Path, name: str, place: Mapping[str, Any], taken: Taken) -> None:
    command = [sys.executable, str(script), "--case", name]
    try:
        done = subprocess.run(
            command, input=json.dumps(place), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        taken.failed = f"not done in {TIMEOUT} s"
        return
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        found = {"failed": (done.stderr.strip().splitlines() or ["it said nothing"])[-1]}
    if "failed" in found:
        taken.failed = str(found["failed"])[:200]
        return
    taken.seconds.append(found["seconds"])
    taken.megabytes.append(found["megabytes"])


def run_here(case: Case, first: int = 1) -> None:
    """Run one case in this process and print what it took as the last line.

    Parameters
    ----------
    case
        Opens its connection and gives the work to measure, which takes the number of rows, or ``None`` for all.
    first
        Rows that it works on before it is measured, so that all is imported and open.
    """
    place = json.loads(sys.stdin.read())
    try:
        with case(place) as work:
            work(first)
            _forget_peak()
            before = _peak()
            start = time.perf_counter()
            found = work(None)
            seconds = time.perf_counter() - start
            result: dict[str, Any] = {"seconds": seconds, "megabytes": _peak() - before, "gave": type(found).__name__}
    # Not every failure is an Exception: connectorx panics.
    except BaseException as error:  # noqa: BLE001
        message = " ".join(str(error).split())
        result = {"failed": f"{type(error).__name__}: {message}"}
    print(json.dumps(result), flush=True)


def _forget_peak() -> None:
    """Let the peak start at what is held now; Linux also counts what the starting process held."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _most_of(process: str) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _peak() -> float:
    """Give the most memory that the process has held, and each of those that it started, in megabytes."""
    with contextlib.suppress(OSError):
        started = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
        return sum(map(_most_of, ["self", *started]))
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)
