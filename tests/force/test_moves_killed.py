"""A move is killed at each of its steps, once and twice in a row: no row is lost, and a rerun ends it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product

import endless
import families
import pytest
import sqlalchemy as sa
from families import MOVES, POINTS, Judge
from forking import Workers, eventually
from targets import Target, by_name
from test_killed import SESSIONS

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases

NEVER = ""
PAIRS = [
    ("postgresql", "mariadb"), ("mariadb", "postgresql"), ("sqlite", "postgresql"), ("postgresql", "sqlite"),
    ("duckdb", "sqlite"), ("sqlite", "duckdb"),
]  # fmt: skip
SOON = ("after_intent", "mid_insert", "after_target_commit", "after_source_lock", "before_source_commit", "after_done")


def seconds(first: str, pair: tuple[str, str]) -> list[str]:
    """Give a third of the points, and the good end, to be killed at after a first; the turn decides which third."""
    turn = int(os.environ.get("MULTIDB_TEST_TURN", "0")) + PAIRS.index(pair) + POINTS.index(first)
    return [*POINTS, NEVER][turn % 3 :: 3]


@dataclass
class Move:
    """Two filled databases, between which workers move rows."""

    work: str
    sides: tuple[tuple[Target, str], tuple[Target, str]]
    workers: Workers

    def __post_init__(self) -> None:
        families.prepare(*self._open())
        self.judge = Judge(self.work, *map(families.contents, self._open()))
        self.release()

    def _open(self) -> tuple[Database, Database]:
        return families.open_both(*(url for _, url in self.sides))

    def release(self) -> None:
        """Keep no session open: a DuckDB file is for one process, and other sessions are counted."""
        for alias in ("old", "new"):
            databases[alias].engine.dispose()

    def killed(self, point: str, *, recover: bool = False) -> bool:
        """Let a worker move rows until it is killed at a point; tell whether it came to it."""
        urls = [url for _, url in self.sides]
        worker = self.workers.start("move", urls=urls, work=self.work, point=point, recover=recover)
        code = worker.ended()
        assert code in (-9, 0), worker.log.read_text()
        eventually(lambda: all(is_left(*side) for side in self.sides), "both databases noticed that the worker is dead")
        assert self.judge.amiss(*self.now()) == [], f"killed at {point}"
        return code != 0

    def now(self) -> list[families.Contents]:
        """Read both."""
        found = [families.contents(database) for database in self._open()]
        self.release()
        return found

    def completes(self, *, recover: bool) -> None:
        """Let a worker end it; then nothing is left to do."""
        assert not self.killed(NEVER, recover=recover)
        before = self.now()
        assert self.judge.done(*before) == []
        assert list(mdb.transfers()) == []
        self._open()
        assert mdb.recover() == ()
        again = families.moved(self.work)
        assert (again.planned, again.inserted, again.deleted) == (0, 0, 0)
        self.release()
        assert self.now() == before


def is_left(target: Target, url: str) -> bool:
    """Tell whether no session is open."""
    if target.server is None:
        return endless.database_is_free(target, url)
    return target.require_server().execute(SESSIONS[target.name].format(sa.make_url(url).database)) == [(0,)]


@pytest.fixture
def move(request: pytest.FixtureRequest, new_database: object, workers: Workers):
    """Prepare databases."""

    def move(work: str, *names: str) -> Move:
        targets = [by_name(name) for name in names]
        return Move(work, tuple((target, new_database(target)) for target in targets), workers)

    return move


def test_the_judge_sees_what_a_careless_move_would_do(move) -> None:
    judge = move("family", "sqlite", "sqlite").judge
    source, target, planned = judge.source, judge.target, judge.planned
    some = {name: frozenset(sorted(rows)[:1]) for name, rows in planned.items()}
    deleted = {name: rows - some[name] for name, rows in source.items()}
    assert any("in neither" in fault for fault in judge.amiss(deleted, target))
    arrived = {name: rows | some[name] for name, rows in target.items()}
    assert judge.amiss(source, arrived) == []
    assert any("whole in neither" in fault for fault in judge.amiss(deleted, arrived))
    assert len(judge.amiss(source, {name: frozenset() for name in target})) == 4
    assert judge.done(source, target) != []


@pytest.mark.parametrize("point", SOON)
def test_a_move_that_is_killed_once(move, point: str) -> None:
    here = move("family", "postgresql", "mariadb")
    assert here.killed(point)
    here.completes(recover=point in SOON[::2])


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("first", POINTS)
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_move_that_is_killed_twice_in_a_row(move, source: str, target: str, first: str) -> None:
    for number, second in enumerate(seconds(first, (source, target))):
        here = move("family", source, target)
        assert here.killed(first)
        if second:
            here.killed(second, recover=number % 2 == 0)
        here.completes(recover=number % 3 == 0)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_move_of_many_units_is_killed_in_any_of_them(move, source: str, target: str) -> None:
    assert "flat" in MOVES
    for point, unit in product(POINTS, (1, 2)):
        here = move("flat", source, target)
        assert here.killed(f"{point}:{unit}")
        here.completes(recover=unit == 1)
