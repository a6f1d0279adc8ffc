"""Named places in a transfer, where tests look at the databases or end the process."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

__all__ = ["at", "watchers"]

watchers: list[Callable[[str], object]] = []
"""Called with the name of each place that is reached; empty outside of tests."""

_passed: Counter[str] = Counter()


def at(name: str) -> None:
    """Pass a place. With its name in ``MULTIDB_TEST_KILL_AT`` the process ends there, at ``name:2`` the second time."""
    for watch in watchers:
        watch(name)
    wanted = os.environ.get("MULTIDB_TEST_KILL_AT")
    if not wanted:
        return
    _passed[name] += 1
    place, _, time = wanted.partition(":")
    if place == name and _passed[name] == int(time or 1):
        os.kill(os.getpid(), signal.SIGKILL)
