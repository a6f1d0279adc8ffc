"""The inverse of a committed change set brings every value of every table back to what it was."""

from __future__ import annotations

from random import Random

import pytest
from changes.world import World
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.committed import Committed
from multidb_explorer.changes.history import history
from multidb_explorer.changes.inverse import inverse
from multidb_explorer.changes.records import Change


def committed(alias: str, changes: list[Change]) -> Committed:
    staged = ChangeSet(alias)
    for change in changes:
        staged.stage(change)
    return staged.commit()


def go_there_and_back(world: World, times: int) -> None:
    """Commit random changes, undo them, and do them again, which the next ones then start from."""
    made = 0
    while made < times:
        before = world.dump()
        changes = world.changes()
        staged = ChangeSet(world.alias)
        for change in changes:
            staged.stage(change)
        if not len(staged):
            # All of it was the same as before.
            continue
        there = staged.commit()
        after = world.dump()
        back = there.inverse().commit()
        assert world.dump() == before, changes
        inverse(back.id).commit()
        assert world.dump() == after, changes
        made += 1


def test_random_changes_are_undone_exactly_and_done_again(target: Target, url: str) -> None:
    mdb.connect("world", url)
    go_there_and_back(World("world", target.name, Random(7)).create().fill(), 20)


@pytest.mark.slow
def test_two_hundred_random_changes_are_undone_exactly_and_done_again(target: Target, url: str) -> None:
    mdb.connect("world", url)
    go_there_and_back(World("world", target.name, Random(200)).create().fill(), 200)
