"""Two processes edit the same rows for a while: no update is lost, and whoever came second was told so."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

import pytest
from forking import Worker, Workers
from rivals import RIVALS, Rival, totals
from targets import Target
from works import open_alias

# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
SEED = int(os.environ.get("MULTIDB_TEST_SEED") or secrets.randbelow(10**9))
SHORT, LONG = 0.7, 20.0

HONEST = [name for name in RIVALS if name != "careless"]


@pytest.fixture
def fight(target: Target, url: str, workers: Workers) -> Callable[[str, float], tuple[Rival, list[Worker]]]:
    """Let two rivals compete, and give them when it is over."""

    def fight(name: str, seconds: float) -> tuple[Rival, list[Worker]]:
        rival = RIVALS[name](open_alias(url))
        rival.prepare()
        # A DuckDB file is open in one process at a time.
        rival.database.engine.dispose()
        order = {"url": url, "rival": name, "seconds": seconds}
        both = [workers.start("compete", seed=f"{SEED} {number}", **order) for number in range(2)]
        for worker in both:
            worker.finished()
        return rival, both

    return fight


def reconciled(rival: Rival, both: list[Worker]) -> None:
    """Compare the tills with what the rivals committed, and see that they met."""
    told = [worker.said("changed") for worker in both]
    conflicts, again = (sum(len(worker.said(word)) for worker in both) for word in ("conflict", "again"))
    print(f"{[len(changes) for changes in told]} changes, {conflicts} conflicts, {again} tried again; seed {SEED}")
    assert rival.amounts() == totals(told), f"MULTIDB_TEST_SEED={SEED}"
    assert all(told)
    assert conflicts + again > 0


@pytest.mark.parametrize("name", HONEST)
def test_no_update_is_lost_between_two_processes(fight, name: str) -> None:
    reconciled(*fight(name, SHORT))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HONEST)
def test_no_update_is_lost_between_two_processes_for_long(fight, name: str) -> None:
    reconciled(*fight(name, LONG))


def test_the_totals_show_a_rival_who_does_not_look(fight) -> None:
    rival, both = fight("careless", SHORT)
    assert rival.amounts() != totals([worker.said("changed") for worker in both])
