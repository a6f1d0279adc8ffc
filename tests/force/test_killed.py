"""A process that writes is killed at any moment: the database is left between two transactions, and a rerun completes.

The moments are random; a failure names the seed that repeats them:
``MULTIDB_TEST_SEED=... pytest tests/force/test_killed.py``.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import endless
import pytest
import sqlalchemy as sa
from forking import Worker, Workers, eventually
from targets import Target
from tasks import POINTS
from works import WORKS, Work, open_alias

# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
SEED = int(os.environ.get("MULTIDB_TEST_SEED") or secrets.randbelow(10**9))
MANY = 12
LATEST = 0.3
"""Seconds after the first load: several loads long on every engine."""

HONEST = [name for name in WORKS if name != "careless"]
SOON = ["commits", "writes", "creates", "upserts"]
SESSIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = '{0}' AND pid <> pg_backend_pid()",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE db = '{0}'",
}
CHECKS = {"sqlite": "PRAGMA integrity_check", "mariadb": "CHECK TABLE {0} EXTENDED"}


@dataclass
class Scene:
    """A database that workers write to, and its judge."""

    target: Target
    url: str
    workers: Workers
    name: str

    def __post_init__(self) -> None:
        self.work: Work = WORKS[self.name](open_alias(self.url))
        self.work.prepare()
        self.release()

    def release(self) -> None:
        """Keep no session open: a DuckDB file is for one process, and other sessions are counted."""
        self.work.database.engine.dispose()

    def begun(self, **more: object) -> Worker:
        """Start a worker that goes on where the last one ended, and wait until it has done one load."""
        worker = self.workers.start("write", url=self.url, work=self.name, first=self.work.there(), **more)
        self.release()
        eventually(lambda: bool(worker.said("done")), f"one load was done:\n{worker.log.read_text()}")
        return worker

    def judged(self, worker: Worker) -> list[str]:
        """Say what the end of a worker left behind."""
        eventually(self.is_left, "the database noticed that the worker is dead")
        done = [int(number) for (number,) in worker.said("done")]
        found = self.work.amiss(done[-1] + 1)
        self.check_file()
        self.release()
        return found

    def is_left(self) -> bool:
        """Tell whether no session is open but ours."""
        if self.target.server is None:
            return endless.database_is_free(self.target, self.url)
        database = sa.make_url(self.url).database
        return self.target.require_server().execute(SESSIONS[self.target.name].format(database)) == [(0,)]

    def check_file(self) -> None:
        """Let the product check its own file."""
        if self.target.name in CHECKS:
            with self.work.database.connect() as connection:
                rows = connection.exec_driver_sql(CHECKS[self.target.name].format(self.work.table.name)).all()
            assert [row[-1].lower() for row in rows] == ["ok"]

    def completes(self) -> None:
        """Let a new worker do what is missing and two more."""
        there = self.work.there()
        self.release()
        until = there + 2
        self.workers.start("write", url=self.url, work=self.name, first=there, until=until).finished()
        assert self.work.there() == until
        assert self.work.amiss(until) == []
        self.release()


@pytest.fixture
def scene(target: Target, url: str, workers: Workers) -> Callable[[str], Scene]:
    """Prepare a work on the test's engine."""
    return lambda name: Scene(target, url, workers, name)


def beaten(scene: Scene, *, times: int, points: Sequence[str], dice: random.Random) -> None:
    """Kill workers at random moments and at named points, and let one complete."""
    for number in range(times):
        worker, moment = scene.begun(), dice.uniform(0, LATEST)
        time.sleep(moment)
        worker.kill()
        assert worker.ended() < 0, worker.log.read_text()
        assert scene.judged(worker) == [], f"kill {number} of MULTIDB_TEST_SEED={SEED}, after {moment:.3f} s"
    for point in points:
        worker = scene.begun(point=point)
        assert worker.ended() < 0, f"not killed at {point}: {worker.log.read_text()}"
        assert scene.judged(worker) == [], f"killed at {point}"
    scene.completes()


@pytest.mark.parametrize("name", SOON)
def test_a_killed_write_is_done_or_not(scene: Callable[[str], Scene], name: str) -> None:
    place = scene(name)
    dice = random.Random(f"{SEED} {name} {place.target}")
    beaten(place, times=1, points=[dice.choice(POINTS)], dice=dice)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", HONEST)
def test_many_killed_writes_are_done_or_not(scene: Callable[[str], Scene], name: str) -> None:
    place = scene(name)
    beaten(place, times=MANY, points=POINTS, dice=random.Random(f"{SEED} {name} {place.target} many"))


def test_the_judge_sees_a_writer_that_commits_each_batch(scene: Callable[[str], Scene]) -> None:
    place = scene("careless")
    worker = place.begun(point="last batch")
    assert worker.ended() < 0
    assert any("of 2000 rows" in fault for fault in place.judged(worker))
