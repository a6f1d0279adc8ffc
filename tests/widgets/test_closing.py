"""A closed panel lets go of everything: its threads end, the database is free, and its connections are back."""

from __future__ import annotations

import threading
import time

import pytest
from endless import Endless, make, running

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases


def threads():
    return [thread for thread in threading.enumerate() if thread.name in ("multidb-panel", "multidb-stop")]


def wait_until(done):
    for _ in range(600):
        if done():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("job", ["export", "win"])
def test_what_a_closed_panel_was_doing_ends(target, url, tmp_path, job):
    make(url)
    grid = mdb.TableGrid(Endless.objects.order_by("name"))
    grid.send = lambda *_, **__: None
    path = tmp_path / "endless.csv"
    asked = {"export": {"format": "csv", "path": str(path)}, "win": {"epoch": 1, "start": 0, "count": 200}}[job]
    grid._handle_custom_msg({"type": job, "id": "1", **asked}, [])
    assert threads()
    grid.close()
    assert wait_until(lambda: not threads())
    assert getattr(databases["here"].engine.pool, "checkedout", lambda: 0)() == 0
    assert running(target) == []
    assert not path.exists()
    assert [each.name for each in tmp_path.glob(".endless*")] == []
