"""The grid's messages over real databases, sent from a second thread."""

from __future__ import annotations

import threading

import pytest
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.controllers import grid as grid_module
from multidb_explorer.controllers.grid import GridController, queryset_of
from multidb_explorer.errors import KeyRequired, MultiDBError


@pytest.fixture
def wire(shop):
    return Wire(GridController(mdb.reflect("users", using="legacy").objects))


def test_rows_come_as_columns_of_values(wire):
    assert wire.rows()[:4] == [(1, "Ann", "FR"), (2, "Bob", None), (3, "Cyd", "SE"), (4, "Dan", "")]


def test_the_columns_say_what_they_hold(wire):
    columns = {column["name"]: column for column in wire.ask("columns")["columns"]}
    assert columns["id"] == {
        "name": "id",
        "kind": "integer",
        "type": "64-bit integer",
        "nullable": False,
        "primary_key": True,
        "sortable": True,
        "indexed": True,
    }
    assert columns["country"]["nullable"]
    assert "indexed" not in columns["country"]


def test_a_sort_starts_a_new_epoch_and_old_requests_are_stale(wire):
    assert wire.ask("sort", epoch=2, keys=[{"column": "name", "descending": True}])["epoch"] == 2
    assert [name for _, name, _ in wire.rows(epoch=2)] == ["Eve", "Dan", "Cyd", "Bob", "Ann"]
    late = wire.ask("win", epoch=1, start=0, count=10)
    assert (late["type"], late["stale"]) == ("err", True)


def test_a_sort_by_a_column_that_is_not_there_says_which_are(wire):
    message = wire.ask("sort", epoch=2, keys=[{"column": "nme"}])["message"]
    assert "'nme'" in message
    assert "'name'" in message


def test_rows_are_counted_when_asked(wire):
    assert wire.controller.state["row_count"] is None
    assert wire.ask("count", epoch=1)["row_count"] == 5
    assert wire.controller.state["row_count"] == 5
    assert wire.changes == 1


def test_a_short_page_tells_the_count_at_once(wire):
    assert wire.ask("win", epoch=1, start=0, count=200)["row_count"] == 5


def test_a_huge_request_is_cut(wire, monkeypatch):
    monkeypatch.setattr(grid_module, "_MOST_ROWS", 2)
    assert len(wire.rows(count=10**9)) == 2


def test_a_page_beyond_all_rows_is_empty(wire):
    assert wire.rows(start=10**30) == []


@pytest.mark.parametrize(
    "body", [{}, {"start": -1, "count": 5}, {"start": "0; DROP", "count": 5}, {"start": 0, "count": None}]
)
def test_a_request_without_its_numbers_is_answered(wire, body):
    assert wire.ask("win", epoch=1, **body)["type"] == "err"


def test_selected_rows_are_keys_and_a_queryset(wire):
    wire.rows()
    assert wire.ask("select", epoch=1, rows=[[0, 1], [4, 4]])["rows"] == 3
    assert wire.controller.keys_of(wire.controller.selection) == [1, 2, 5]
    assert sorted(user.name for user in wire.controller.selected()) == ["Ann", "Bob", "Eve"]


def test_selected_rows_are_those_that_were_shown(wire):
    wire.rows()
    wire.ask("select", epoch=1, rows=[[2, 2]])
    # Somebody else deletes row one: row number three is another row now.
    run("legacy", "DELETE FROM users WHERE id = 1")
    assert [user.name for user in wire.controller.selected()] == ["Cyd"]


def test_all_rows_selected_are_the_queryset_itself(wire):
    wire.rows()
    wire.ask("select", epoch=1, rows=[[0, 4]])
    assert wire.controller.selected() is wire.controller.queryset


def test_rows_that_were_never_seen_can_be_selected(wire):
    wire.ask("select", epoch=1, rows=[[3, 4]])
    assert wire.controller.keys_of(wire.controller.selection) == [4, 5]


def test_too_many_selected_rows_are_refused_in_words(wire, monkeypatch):
    monkeypatch.setattr(grid_module, "_MOST_SELECTED", 2)
    with pytest.raises(MultiDBError, match="use filter"):
        wire.controller.keys_of([(0, 4)])


@pytest.mark.parametrize("rows", [None, "all", [[2, 1]], [[-1, 3]], [[1]], [["0", "1"]]])
def test_a_selection_that_is_none_is_answered(wire, rows):
    assert wire.ask("select", epoch=1, rows=rows)["type"] == "err"


def test_nothing_selected_is_no_rows(wire):
    assert list(wire.controller.selected()) == []


def test_a_table_without_key_shows_rows_but_names_none(shop):
    wire = Wire(GridController(mdb.reflect("bare", using="legacy").objects))
    assert sorted(wire.rows()) == [(1,), (2,)]
    with pytest.raises(KeyRequired):
        wire.controller.keys_of([(0, 0)])


def test_a_slice_can_be_shown_and_selected_but_not_sorted(shop):
    users = mdb.reflect("users", using="legacy").objects
    wire = Wire(GridController(users.order_by("-id")[1:3]))
    assert [row[0] for row in wire.rows()] == [4, 3]
    assert "can't be sorted" in wire.ask("sort", epoch=2, keys=[{"column": "id"}])["message"]
    wire.ask("select", epoch=1, rows=[[0, 0]])
    assert [user.pk for user in wire.controller.selected()] == [4]


def test_a_refresh_forgets_and_starts_a_new_epoch(wire):
    wire.rows()
    wire.ask("select", epoch=1, rows=[[0, 0]])
    run("legacy", "DELETE FROM users WHERE id = 1")
    wire.controller.refresh()
    assert wire.controller.selection == []
    assert wire.rows(epoch=2)[0][0] == 2


def test_an_alias_that_went_away_is_said_and_the_state_stays_readable(wire):
    mdb.disconnect("legacy")
    assert "There is no database alias 'legacy'" in wire.ask("win", epoch=1, start=0, count=5)["message"]
    assert wire.controller.state["alias"]["alias"] == "legacy"


def test_messages_from_many_threads_get_each_its_answer(wire):
    threads = [
        threading.Thread(
            target=wire.controller.receive, args=({"type": "win", "id": n, "epoch": 1, "start": 0, "count": 5},)
        )
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    found = sorted(wire.answers.get(timeout=30).message["id"] for _ in threads)
    assert found == list(range(20))


def test_a_model_means_all_its_rows(shop):
    users = mdb.reflect("users", using="legacy")
    assert queryset_of(users).count() == 5
    with pytest.raises(TypeError, match="not str"):
        queryset_of("users")


def test_how_the_columns_were_arranged_is_kept_and_only_that(wire):
    arranged = {"order": ["country", "id", "gone"], "hidden": ["name"], "pinned": [], "widths": {"id": 80, "x": 1}}
    wire.ask("layout", layout=arranged)
    kept = {"order": ["country", "id"], "hidden": ["name"], "widths": {"id": 80}}
    assert wire.controller.state["parts"]["layout"] == kept
    wire.ask("layout", layout={})
    assert wire.controller.state["parts"]["layout"] == {}
    assert wire.ask("layout", layout="wide")["type"] == "err"
