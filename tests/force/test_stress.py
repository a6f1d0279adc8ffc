"""Two processes edit the same rows for a while: no update is lost, and whoever came second was told so."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from forking import Worker, Workers, eventually
from rivals import RIVALS, Rival, totals
from targets import TARGETS
from works import open_alias

from multidb_explorer.errors import ConnectionFailed

# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
SEED = int(os.environ.get("MULTIDB_TEST_SEED") or secrets.randbelow(10**9))
SHORT, LONG = 1.0, 10.0

# Processes take turns at a DuckDB file and wait longer than they work.
SHARED = [pytest.param(target, id=target.name) for target in TARGETS if target.name != "duckdb"]
HONEST = [name for name in RIVALS if name != "careless"]


@pytest.fixture
def fight(url: str, workers: Workers, tmp_path: Path) -> Callable[[str, float], tuple[Rival, list[Worker]]]:
    """Let two rivals compete, and give them when it is over."""

    def fight(name: str, seconds: float) -> tuple[Rival, list[Worker]]:
        rival = RIVALS[name](open_alias(url))
        rival.prepare()
        # A DuckDB file is open in one process at a time.
        rival.database.engine.dispose()
        go = tmp_path / "go"
        order = {"url": url, "rival": name, "seconds": seconds, "go": str(go)}
        both = [workers.start("compete", seed=f"{SEED} {number}", **order) for number in range(2)]
        eventually(lambda: all(worker.said("ready") for worker in both), "both are ready")
        go.touch()
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


@pytest.mark.parametrize("target", SHARED, indirect=True)
def test_no_update_is_lost_between_two_change_sets(fight) -> None:
    reconciled(*fight("edits", SHORT))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HONEST)
def test_no_update_is_lost_between_two_processes_for_long(fight, name: str) -> None:
    reconciled(*fight(name, LONG))


@pytest.mark.slow
@pytest.mark.parametrize("target", SHARED, indirect=True)
def test_the_totals_show_a_rival_who_does_not_look(fight) -> None:
    rival, both = fight("careless", LONG / 4)
    assert rival.amounts() != totals([worker.said("changed") for worker in both])


def test_a_duckdb_file_that_another_process_has_open_is_no_lost_update(
    new_database: Callable[[str], str], workers: Workers
) -> None:
    rival = RIVALS["edits"](open_alias(new_database("duckdb")))
    rival.prepare()
    before, after = rival.amounts(), {0: 1}
    rival.database.dispose()
    worker = workers.start("hold", url=rival.database.settings.url.render_as_string())
    eventually(lambda: bool(worker.said("held")), "the other process has the file open")
    with pytest.raises(ConnectionFailed, match=r"'here'.*\n.*Another process has the file open"):
        rival.change(before, after)
    worker.kill()
    worker.ended()
    rival.change(before, after)
    assert rival.amounts()[0] == 1
