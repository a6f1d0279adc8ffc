"""Orders that cost much are asked for first; counts, key lists and anchors are found out beside, and can be stopped."""

from __future__ import annotations

import threading
import time
import uuid

import endless
import pytest
import sqlalchemy as sa
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.controllers import grid_order, paging, sorting
from multidb_explorer.controllers.grid import GridController

ROWS = 600


@pytest.fixture
def wire(url, monkeypatch):
    """A table with a text key, whose column ``n`` no index has, and limits so low that it counts as huge."""
    monkeypatch.setattr(sorting, "ASKED_FROM", 100)
    monkeypatch.setattr(sorting, "LISTED_FROM", 100)
    monkeypatch.setattr(grid_order, "_GATHERED_FROM", 100)
    monkeypatch.setattr(grid_order, "_TOLD_EVERY", 0)
    monkeypatch.setattr(paging, "_SMALLEST_STRIDE", 50)
    mdb.configure({"default": url})
    table = sa.Table(
        "things",
        sa.MetaData(),
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("n", sa.Integer),
    )
    rows = [{"id": str(uuid.UUID(int=i * 7919 % 104729)), "n": i * 31 % 101} for i in range(ROWS)]
    with databases["default"].begin() as connection:
        table.metadata.create_all(connection)
        connection.execute(table.insert(), rows)
    wire = Wire(GridController(mdb.reflect("things").objects))
    assert wire.ask("count", epoch=1)["row_count"] == ROWS
    wire.told = []
    wire.controller.tell = lambda request, **what: wire.told.append(what)
    return wire


def quick(wire):
    return databases["default"].backend.features.sorts_in_columns


def test_a_huge_sort_without_an_index_is_asked_for_first(wire):
    if quick(wire):
        pytest.skip("it sorts so fast that nobody is asked")
    answer = wire.ask("sort", epoch=2, keys=[{"column": "n"}])
    assert answer["ask"] == {"columns": ["n"], "rows": ROWS, "exact": True, "indexed": ["id"], "first": 1000}
    assert wire.controller.epoch == 1
    assert "ask" not in wire.ask("sort", epoch=2, keys=[{"column": "id", "descending": True}])


def test_the_first_rows_of_a_sort_are_had_at_once(wire, monkeypatch):
    monkeypatch.setattr(grid_order, "FIRST_ROWS", 40)
    answer = wire.ask("sort", epoch=2, keys=[{"column": "n", "descending": True}], how="first")
    assert answer["first_rows"] == 40
    whole = wire.controller.queryset.order_by("-n").to_arrow().to_pylist()
    rows = wire.rows(epoch=2)
    assert [dict(zip(("id", "n"), row, strict=True)) for row in rows] == whole[:40]
    assert wire.controller.shown.count() == 40


def test_a_sort_in_the_background_lists_the_keys_and_then_every_page_is_near(wire):
    answer = wire.ask("sort", epoch=1, keys=[{"column": "n"}], how="all")
    assert (answer["type"], answer["row_count"]) == ("sort", ROWS)
    assert wire.told[-1]["done"] == ROWS
    whole = wire.controller.queryset.order_by("n").to_arrow().to_pylist()
    with statements(databases["default"]) as sent:
        rows = wire.rows(start=400, count=200, epoch=answer["epoch"])
    assert [row[0] for row in rows] == [row["id"] for row in whole[400:]]
    assert not any("OFFSET" in statement.sql for statement in sent)


def test_rows_deleted_after_the_keys_were_listed_close_up(wire):
    epoch = wire.ask("sort", epoch=1, keys=[{"column": "n"}], how="all")["epoch"]
    whole = wire.controller.queryset.order_by("n").to_arrow().to_pylist()
    wire.controller.queryset.filter(id__in=[whole[0]["id"], whole[7]["id"]]).delete()
    rows = wire.rows(start=0, count=10, epoch=epoch)
    assert [row[0] for row in rows] == [row["id"] for row in [*whole[1:7], *whole[8:12]]]
    assert wire.controller.row_count == ROWS - 2
    assert len(wire.rows(start=590, count=200, epoch=epoch)) == 8


def test_anchors_are_gathered_so_that_a_jump_passes_over_few_rows(wire):
    assert wire.ask("prepare", epoch=1)["way"] == "anchors"
    anchors = wire.controller.pager._anchors
    assert len(anchors) >= ROWS // 50
    with statements(databases["default"]) as sent:
        rows = wire.rows(start=433, count=5)
    whole = wire.controller.queryset.order_by("id").to_arrow().to_pylist()
    assert [row[0] for row in rows] == [row["id"] for row in whole[433:438]]
    assert len([statement for statement in sent if "FROM things" in statement.sql]) <= 2


def test_a_medium_sort_is_shown_at_once_and_its_keys_are_listed_beside(wire, monkeypatch):
    monkeypatch.setattr(sorting, "ASKED_FROM", 10_000)
    epoch = wire.ask("sort", epoch=2, keys=[{"column": "n"}])["epoch"]
    assert wire.rows(count=3, epoch=epoch)
    assert wire.ask("prepare", epoch=epoch)["way"] == "list"
    assert wire.controller.pager._keys is not None


def test_a_count_is_capped_first(wire):
    wire.ask("filter", epoch=2, items=[{"field": "n", "text": ">10"}])
    capped = wire.ask("count", epoch=2, most=5)
    assert capped["exact"] is False
    assert capped["row_count"] > 5
    exact = wire.ask("count", epoch=2)
    assert (exact["exact"], exact["row_count"]) == (True, wire.controller.shown.count())


@pytest.fixture
def slow(url):
    """A grid whose count never ends, and which is just being counted."""
    database = endless.make(url)
    wire = Wire(GridController(endless.Endless.objects))
    begun = threading.Event()
    sa.event.listen(database.engine, "before_cursor_execute", lambda *_: begun.set())
    wire.controller.receive({"type": "count", "id": "slow", "epoch": 1})
    assert begun.wait(30)
    time.sleep(0.2)
    return wire


def test_cancel_stops_the_count_in_the_database(slow, target):
    slow.controller.receive({"type": "cancel", "id": "c", "target": "slow"})
    answers = {answer.message["id"]: answer.message for answer in (slow.answers.get(timeout=30) for _ in range(2))}
    assert answers["c"]["stopped"] is True
    assert (answers["slow"]["type"], answers["slow"]["cancelled"]) == ("err", True)
    assert "alias 'here'" in answers["slow"]["message"]
    assert endless.running(target) == []
    assert endless.Number.objects.count() == 1000


def test_a_new_epoch_stops_what_runs_for_the_old_one(slow, target):
    slow.controller.refresh()
    assert slow.answers.get(timeout=30).message["cancelled"]
    assert endless.running(target) == []


def test_a_grid_that_is_closed_lets_its_connections_go(slow, target):
    slow.controller.close()
    assert slow.answers.get(timeout=30).message["cancelled"]
    assert endless.running(target) == []


def test_the_next_row_with_a_text_is_found_in_the_order_of_the_rows(wire, monkeypatch):
    monkeypatch.setattr(sorting, "ASKED_FROM", 10_000)
    for sort in ([], [{"column": "n", "descending": True}]):
        epoch = wire.controller.epoch + 1
        assert wire.ask("sort", epoch=epoch, keys=sort)["epoch"] == epoch
        whole = wire.controller.shown.order_by(*(wire.controller.sort or ("id",))).to_arrow().to_pylist()
        hits = [at for at, row in enumerate(whole) if "77" in row["id"] or row["n"] == 77]
        assert len(hits) > 2
        for prepared in (False, True):
            if prepared:
                wire.ask("prepare", epoch=epoch)

            def find(row, epoch=epoch, **more):
                answer = wire.ask("find", epoch=epoch, text="77", row=row, **more)
                return answer["row"], answer["wrapped"]

            assert find(0, here=True) == (hits[0], False)
            assert find(hits[0]) == (hits[1], False)
            assert find(hits[1], backwards=True) == (hits[0], False)
            assert find(hits[-1]) == (hits[0], True)
            assert find(hits[0], backwards=True) == (hits[-1], True)
            counted = wire.ask("matches", epoch=epoch, text="77")
            assert (counted["rows"], counted["more"]) == (len(hits), False)
            assert wire.ask("find", epoch=epoch, text="no such text", row=0)["row"] is None
