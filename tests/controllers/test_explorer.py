"""The explorer's messages: tables, and writes that are planned, named, and carried out or not."""

from __future__ import annotations

import json
import threading

import pytest
from controllers.wire import Wire, names, run

import multidb_explorer as mdb
from multidb_explorer.controllers import writes
from multidb_explorer.controllers.explorer import ExplorerController


@pytest.fixture
def wire(shop):
    wire = Wire(ExplorerController("legacy"))
    wire.opened = wire.ask("open", alias="legacy", table="users", schema=None)
    wire.rows(epoch=wire.opened["epoch"])
    return wire


def plan(wire, action, target, *rows):
    epoch = wire.controller.grid.epoch
    return wire.ask("plan", action=action, target=target, epoch=epoch, rows=[[row, row] for row in rows])


def execute(wire, planned, typed="", **choices):
    return wire.ask("execute", plan=planned["plan"], choices=choices, typed=typed)


# Finding a table


def test_the_tables_come_with_kind_and_estimate(wire):
    _, (buffer,) = wire.whole("tables")
    found, _, kinds, *_ = [column["values"] for column in json.loads(buffer)["columns"]]
    assert dict(zip(found, kinds, strict=True)) == {
        "bare": "table",
        "french": "view",
        "orders": "table",
        "users": "table",
    }


def test_a_refresh_sees_new_tables(wire):
    wire.whole("tables")
    run("legacy", "CREATE TABLE fresh (n INTEGER)")
    assert b'"fresh"' in wire.whole("tables", refresh=True)[1][0]


def test_opening_a_table_tells_what_its_grid_needs(wire):
    assert wire.opened["title"] == "users"
    assert wire.opened["has_key"] is True
    assert [column["name"] for column in wire.opened["columns"]] == ["id", "name", "country"]


def test_each_table_that_is_opened_has_an_epoch_of_its_own(wire):
    first = wire.opened["epoch"]
    assert wire.ask("open", alias="legacy", table="orders", schema=None)["epoch"] > first
    assert wire.ask("win", epoch=first, start=0, count=5)["stale"] is True


def test_a_table_that_is_not_there_is_said_with_near_names(wire):
    assert "'users'" in wire.ask("open", alias="legacy", table="usrs", schema=None)["message"]


def test_a_table_is_only_opened_in_the_chosen_database(wire):
    assert wire.ask("open", alias="new", table="users", schema=None)["type"] == "err"


def test_choosing_another_alias_closes_the_table(wire):
    wire.ask("choose", alias="new")
    assert wire.controller.state["table"] is None
    assert wire.ask("win", epoch=1, start=0, count=5)["type"] == "err"


def test_an_unreachable_alias_to_start_with_is_shown_not_raised(shop):
    assert "Can't reach alias 'gone'" in Wire(ExplorerController("gone")).ask("tables")["message"]


def test_without_an_alias_there_is_nothing_to_show(shop):
    controller = ExplorerController("legacy")
    controller.set(None)
    assert "Choose a database" in Wire(controller).ask("tables")["message"]


# Copying and deleting


def test_a_plan_names_alias_table_rows_and_first_keys(wire):
    planned = plan(wire, "copy", "prod", 0, 2)
    assert (planned["target"]["alias"], planned["target"]["color"]) == ("prod", "red")
    assert (planned["source"]["alias"], planned["table"], planned["rows"]) == ("legacy", "users", 2)
    assert (planned["key_name"], planned["keys"], planned["type_alias"]) == ("id", ["1", "3"], True)


def test_planning_writes_nothing(wire):
    plan(wire, "copy", "new", 0, 1, 2)
    assert names("new") == {2: "Somebody"}


def test_rows_are_copied_to_the_other_database(wire):
    done = execute(wire, plan(wire, "copy", "new", 0, 2))
    assert done["text"] == "Copied 2 rows of users to new"
    assert names("new") == {1: "Ann", 2: "Somebody", 3: "Cyd"}
    assert len(names("legacy")) == 5


def test_a_selection_survives_a_copy_so_that_it_can_be_deleted_next(wire):
    done = execute(wire, plan(wire, "copy", "new", 0))
    assert done["epoch"] == wire.opened["epoch"]


def test_a_different_row_there_stops_everything(wire):
    refused = execute(wire, plan(wire, "copy", "new", 0, 1, 2))
    assert refused["type"] == "refused"
    assert refused["message"] == "users on 'new' already has a different row with id 2:"
    assert refused["differences"] == [["name", "Bob", "Somebody"], ["country", None, "DE"]]
    assert [way["choices"] for way in refused["ways"]] == [{"on_conflict": "skip"}, {"on_conflict": "overwrite"}]
    assert names("new") == {2: "Somebody"}


def test_a_different_row_is_skipped_when_the_user_says_so(wire):
    planned = plan(wire, "copy", "new", 0, 1)
    execute(wire, planned)
    done = execute(wire, planned, on_conflict="skip")
    assert done["text"] == "Copied 1 row of users to new, skipped 1 row that differ there"
    assert names("new") == {1: "Ann", 2: "Somebody"}


def test_a_different_row_is_overwritten_when_the_user_says_so(wire):
    assert execute(wire, plan(wire, "copy", "new", 1), on_conflict="overwrite")["type"] == "done"
    assert names("new") == {2: "Bob"}


def test_production_wants_its_alias_typed_and_the_kernel_checks(wire):
    planned = plan(wire, "copy", "prod", 0)
    for typed in ("", "PROD", "new"):
        assert execute(wire, planned, typed=typed)["type"] == "refused"
    assert names("prod") == {}
    assert execute(wire, planned, typed="prod")["type"] == "done"
    assert names("prod") == {1: "Ann"}


def test_a_read_only_alias_is_refused_by_the_kernel(wire):
    assert "read-only" in plan(wire, "copy", "archive", 0)["message"]


def test_an_alias_that_became_read_only_is_refused_when_it_is_carried_out(wire, shop):
    planned = plan(wire, "copy", "new", 0)
    mdb.connect("new", shop["new"], read_only=True)
    assert "read-only" in execute(wire, planned)["message"]
    assert names("new") == {2: "Somebody"}


def test_rows_are_not_copied_onto_themselves(wire):
    assert "the same database" in plan(wire, "copy", "default", 0)["message"]
    assert "the same database" in plan(wire, "copy", "legacy", 0)["message"]


def test_too_many_rows_are_refused_in_words(wire, monkeypatch):
    monkeypatch.setattr(writes, "MOST_ROWS", 2)
    assert (
        plan(wire, "copy", "new", 0, 1, 2)["message"]
        == "3 rows are selected; at most 2 can be written at once from here."
    )


def test_no_rows_are_nothing_to_write(wire):
    assert plan(wire, "copy", "new")["message"] == "No rows are selected."


def test_a_table_that_the_target_lacks_is_said(wire):
    run("new", "DROP TABLE orders")
    wire.ask("open", alias="legacy", table="orders", schema=None)
    refused = execute(wire, plan(wire, "copy", "new", 0))
    assert refused["type"] == "refused"
    assert "orders" in refused["message"]


# Deleting


def test_rows_are_deleted_and_the_grid_starts_anew(wire):
    done = execute(wire, plan(wire, "delete", "legacy", 0, 2))
    assert done["text"] == "Deleted 2 rows of users from legacy"
    assert names("legacy") == {2: "Bob", 4: "Dan", 5: "Eve"}
    assert done["epoch"] > wire.opened["epoch"]
    assert [row[0] for row in wire.rows(epoch=done["epoch"])] == [2, 4, 5]


def test_rows_that_others_depend_on_stop_everything(wire):
    refused = execute(wire, plan(wire, "delete", "legacy", 0, 4))
    assert refused["message"] == "Rows of other tables depend on a row of users on 'legacy': 2 rows of orders."
    assert [way["choices"] for way in refused["ways"]] == [{"cascade": True}]
    assert len(names("legacy")) == 5


def test_dependent_rows_go_too_when_the_user_says_so(wire):
    done = execute(wire, plan(wire, "delete", "legacy", 4), cascade=True)
    assert done["text"] == "Deleted 1 row of users from legacy, with 2 rows of orders"


def test_rows_are_only_deleted_from_where_they_are_shown(wire):
    assert plan(wire, "delete", "new", 1)["type"] == "err"
    assert names("new") == {2: "Somebody"}


def test_rows_that_vanished_meanwhile_stop_everything(wire):
    planned = plan(wire, "delete", "legacy", 0, 1)
    run("legacy", "DELETE FROM users WHERE id = 1")
    refused = execute(wire, planned)
    assert "1 of the 2 rows are no longer in users on 'legacy'" in refused["message"]
    assert 2 in names("legacy")


def test_a_delete_reaches_the_rows_that_were_shown(wire):
    run("legacy", "DELETE FROM users WHERE id = 1")
    execute(wire, plan(wire, "delete", "legacy", 2))
    assert names("legacy") == {2: "Bob", 4: "Dan", 5: "Eve"}


def test_a_plan_for_rows_that_were_sorted_since_is_refused(wire):
    wire.ask("sort", epoch=99, keys=[{"column": "name", "descending": True}])
    assert (
        wire.ask("plan", action="delete", target="legacy", epoch=wire.opened["epoch"], rows=[[0, 0]])["type"] == "err"
    )


def test_a_table_without_key_is_not_written(wire):
    wire.ask("open", alias="legacy", table="bare", schema=None)
    assert "has no primary or unique key" in plan(wire, "delete", "legacy", 0)["message"]


# What a browser could make up


@pytest.mark.parametrize("choices", [{"force": True}, {"on_conflict": "delete"}, {"cascade": "yes"}, {"using": "new"}])
def test_choices_that_were_not_offered_are_refused(wire, choices):
    assert wire.ask("execute", plan=plan(wire, "copy", "new", 0)["plan"], choices=choices)["type"] == "err"
    assert names("new") == {2: "Somebody"}


@pytest.mark.parametrize("body", [{}, {"action": "drop", "target": "new"}, {"action": "copy", "target": 5}])
def test_a_plan_that_is_none_is_answered(wire, body):
    assert wire.ask("plan", epoch=wire.opened["epoch"], rows=[[0, 0]], **body)["type"] == "err"


def test_a_plan_is_carried_out_once(wire):
    planned = plan(wire, "copy", "new", 0)
    execute(wire, planned)
    assert "no longer open" in execute(wire, planned)["message"]


def test_a_cancelled_plan_is_forgotten(wire):
    planned = plan(wire, "delete", "legacy", 0)
    wire.ask("forget", plan=planned["plan"])
    assert execute(wire, planned)["type"] == "err"
    assert 1 in names("legacy")


def test_a_table_that_is_opened_again_has_its_columns_as_they_were(wire):
    wire.ask("open", alias="legacy", table="users", schema=None)
    wire.ask("layout", layout={"hidden": ["country"]})
    wire.ask("open", alias="legacy", table="orders", schema=None)
    assert wire.controller.grid.state["parts"]["layout"] == {}
    wire.ask("open", alias="legacy", table="users", schema=None)
    assert wire.controller.grid.state["parts"]["layout"] == {"hidden": ["country"]}


# A page that is loaded anew


def test_the_state_names_what_is_kept_as_it_was(wire):
    assert wire.controller.state["visit"] == wire.opened["visit"]
    wire.ask("sort", epoch=wire.opened["epoch"] + 1, keys=[{"column": "name", "descending": True}])
    again = wire.ask("open", alias="legacy", table="users", schema=None, visit=wire.controller.state["visit"])
    assert (again["kept"], again["sort"]) == (True, [{"column": "name", "descending": True}])
    wire.ask("choose", alias="new")
    assert wire.controller.state["visit"] is None


def test_what_is_staged_is_kept_by_alias(wire):
    staged = wire.controller.changes_of("legacy")
    assert wire.controller.grid.changes is staged
    wire.ask("open", alias="legacy", table="orders", schema=None)
    assert wire.controller.grid.changes is staged
    assert wire.controller.changes_of("archive") is None


def test_closing_the_panel_stops_what_runs(wire):
    stopped = []
    wire.controller._running["x"] = lambda: stopped.append("x")
    wire.controller.close()
    for thread in list(threading.enumerate()):
        if thread.name == "multidb-stop":
            thread.join()
    assert stopped == ["x"]
