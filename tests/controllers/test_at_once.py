"""A cell, a fetch that lasts, pages and a save at once: nothing waits for the slow one, and every answer is its own."""

from __future__ import annotations

import json
import threading
import time

import endless
import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.grid import GridController


class Panel:
    """A panel in a browser: asks without waiting, and finds its answers by their ids."""

    def __init__(self, queryset, name):
        self.name, self.asked = name, 0
        self.answers = {}
        self.came = threading.Condition()
        self.grid = GridController(queryset, changes=mdb.ChangeSet(queryset.db))
        self.grid.attach(self.keep)

    def keep(self, reply):
        with self.came:
            assert reply.message["id"] not in self.answers
            self.answers[reply.message["id"]] = reply
            self.came.notify_all()

    def send(self, kind, **body):
        """Ask in a thread of its own, as a subshell does, and give the id."""
        self.asked += 1
        name = f"{self.name}-{self.asked}"
        request = {"type": kind, "id": name, **body}
        threading.Thread(target=self.grid.receive, args=(request,)).start()
        return name

    def get(self, name):
        with self.came:
            assert self.came.wait_for(lambda: name in self.answers, 30), f"{name} was never answered"
        return self.answers[name]

    def ask(self, kind, **body):
        return self.get(self.send(kind, **body)).message


def page(panel, start):
    return panel.send("win", epoch=1, start=start, count=200)


def first_column(reply):
    return json.loads(reply.buffers[0])["columns"][0]["values"]


@pytest.fixture
def slow(url, target):
    """A panel whose count never ends, over a database that others use as well."""
    # SQLite would wait for its file longer than a test should.
    database = endless.make(url, **({"options": {"timeout": 0.1}} if target.name == "sqlite" else {}))
    begun = threading.Event()
    sa.event.listen(database.engine, "before_cursor_execute", lambda *_: begun.set())
    panel = Panel(endless.Endless.objects, "slow")
    panel.send("count", epoch=1)
    assert begun.wait(30)
    time.sleep(0.2)
    yield panel
    panel.grid.close()


def test_a_cell_a_fetch_and_a_save_at_once(slow, target):
    quick = Panel(endless.Number.objects.order_by("id"), "quick")
    pages = {start: page(quick, start) for start in (0, 800, 400, 600, 200)}
    cell = endless.Number.objects.filter(id__lt=5).count()
    assert cell == 5
    for start, name in pages.items():
        assert first_column(quick.get(name)) == list(range(start, start + 200))

    edited = quick.ask("edit", items=[{"key": "[7]", "col": "name", "text": "seven"}])
    assert edited["pending"]["changed"] == 1
    saved = quick.ask("save", alias="here")
    if target.name == "sqlite":
        # A file has readers or one writer: it says so, and what is staged stays staged.
        assert "database is locked" in saved["message"]
    else:
        assert saved["type"] == "saved"
    assert slow.answers == {}

    stop = slow.ask("cancel", target="slow-1")
    assert stop["stopped"] is True
    assert slow.get("slow-1").message["cancelled"] is True
    assert endless.running(target) == []
    if target.name == "sqlite":
        assert quick.ask("save", alias="here")["type"] == "saved"
    assert endless.Number.objects.get(pk=7).name == "seven"


@pytest.fixture
def counting(url, target):
    """A panel whose own count never ends, with one staged edit."""
    endless.make(url, **({"options": {"timeout": 0.1}} if target.name == "sqlite" else {}))
    panel = Panel(endless.Number.objects.order_by("id"), "own")
    panel.get(page(panel, 0))
    assert panel.ask("edit", items=[{"key": "[7]", "col": "name", "text": "seven"}])["pending"]["changed"] == 1
    begun = threading.Event()
    panel.grid.pager.row_count = None
    panel.grid.pager.count = lambda most: begun.set() or endless.Endless.objects.count()
    panel.count = panel.send("count", epoch=1)
    assert begun.wait(30)
    time.sleep(0.2)
    yield panel
    panel.grid.close()


def test_a_save_ends_what_its_own_grid_still_reads(counting, target):
    saved = counting.ask("save", alias="here")
    assert (saved["type"], saved["epoch"]) == ("saved", 2)
    assert counting.get(counting.count).message["cancelled"] is True
    assert endless.running(target) == []
    assert endless.Number.objects.get(pk=7).name == "seven"


def test_a_save_that_writes_nothing_says_that_it_stopped_a_count(counting, target):
    one_file = target.name == "sqlite"
    if one_file:
        # The colleague comes before the count does.
        counting.ask("cancel", target=counting.count)
        counting.get(counting.count)
    endless.Number.objects.filter(pk=7).update(name="VII")
    if one_file:
        counting.count = counting.send("count", epoch=1)
        time.sleep(0.2)
    met = counting.ask("save", alias="here")
    assert (met["type"], met["stopped"]) == ("conflicts", one_file)
    assert (counting.count in counting.answers) is one_file
    assert counting.grid.epoch == 1


def test_a_save_makes_way_in_the_file_that_it_writes_to(counting, target, new_database, url):
    one_file = target.name == "sqlite"
    mdb.connect("twin", url)
    mdb.connect("other", new_database("duckdb"))
    with databases["other"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (id INTEGER)")
    assert counting.grid.make_way(databases["other"]) is False
    assert counting.answers.keys().isdisjoint({counting.count})
    assert counting.grid.make_way(databases["twin"]) is one_file
    assert (counting.count in counting.answers) is one_file
