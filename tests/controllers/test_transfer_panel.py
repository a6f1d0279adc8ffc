"""The panel that copies and moves: what it plans, what may be said of the plan, and what a run tells."""

from __future__ import annotations

from threading import Event

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.explorer import ExplorerController
from multidb_explorer.controllers.transfer_panel import TransferPanelController

SETUP = [
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id))",
]


@pytest.fixture
def panel(url, new_database):
    """Make a panel over users of one engine, with an empty SQLite beside it."""
    mdb.configure(
        {
            "default": url,
            "new": {"URL": new_database("sqlite"), "color": "seagreen"},
            "live": {"URL": new_database("sqlite"), "confirm": "production"},
            "archive": {"URL": new_database("sqlite"), "read_only": True},
        }
    )
    for alias in ("default", "new", "live"):
        run(alias, *SETUP)
    run(
        "default",
        "INSERT INTO users VALUES (1, 'Ann'), (2, 'Bo'), (3, 'Cy')",
        "INSERT INTO orders VALUES (10, 1), (11, 1), (12, 2)",
    )
    return TransferPanelController(mdb.reflect("users").objects.filter(id__lte=2), to="new")


def run(alias, *statements):
    with mdb.confirmed(alias), databases[alias].begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def rows(alias, table):
    return sorted(mdb.reflect(table, using=alias).objects.values_list("pk", flat=True))


def ask(panel, type_, **more):
    return panel.answer({"type": type_, "id": "7", **more}).message


def planned(panel, **more):
    return ask(panel, "plan", **{"target": "new", "kind": "move", "related": "children", **more})


def test_a_plan_says_what_goes_why_and_what_stays(panel) -> None:
    plan = planned(panel)
    assert plan["type"] == "plan", plan
    assert (plan["kind"], plan["source"]["alias"], plan["target"]["alias"]) == ("move", "default", "new")
    assert [(step["table"], step["rows"], step["leaving"]) for step in plan["steps"]] == [
        ("users", 2, 2),
        ("orders", 3, 3),
    ]
    assert all(way["path"] for step in plan["steps"] for way in step["ways"])
    assert plan["refused"] == plan["type_aliases"] == []
    assert [pair["proof"] != "" for pair in plan["steps"][0]["columns"]] == [True, True]
    assert rows("new", "users") == []


def test_a_run_tells_how_far_it_is_and_reports(panel) -> None:
    told = []
    panel.attach(told.append)
    report = ask(panel, "run", plan=planned(panel)["plan"])
    assert (report["type"], report["state"], report["reconciles"]) == ("report", "DONE", True)
    assert [(table["table"], table["inserted"], table["deleted"]) for table in report["tables"]] == [
        ("users", 2, 2),
        ("orders", 3, 3),
    ]
    assert (rows("default", "users"), rows("new", "users")) == ([3], [1, 2])
    progress = [reply.message for reply in told if reply.message["type"] == "progress"]
    assert progress
    assert {message["id"] for message in progress} == {"7"}
    assert panel.report.state == "DONE"
    assert ask(panel, "look")["report"]["state"] == "DONE"


def test_plans_are_made_beside_other_messages(panel) -> None:
    answered, came = [], Event()
    panel.attach(lambda reply: (answered.append(reply.message), came.set()))
    panel.receive({"type": "plan", "id": "8", "target": "new", "kind": "copy", "related": "none"})
    assert came.wait(60)
    assert (answered[0]["type"], answered[0]["id"], answered[0]["rows"]) == ("plan", "8", 2)


def test_steps_are_left_out_and_rows_that_meet_others_have_a_fate(panel) -> None:
    run("new", "INSERT INTO users VALUES (1, 'Wilma')")
    plan = planned(panel, kind="copy")
    assert [clash["rows"] for clash in plan["steps"][0]["clashes"]] == [1]
    assert [each["reason"].partition(":")[0] for each in plan["refused"]] == ["1 row would meet other ones there"]
    assert ask(panel, "run", plan=plan["plan"])["type"] == "err"

    users = {"table": "users", "schema": plan["steps"][0]["schema"]}
    orders = {"table": "orders", "schema": plan["steps"][1]["schema"]}
    plan = planned(panel, kind="copy", policies=[{**users, "policy": "skip"}], without=[orders])
    assert [step["table"] for step in plan["steps"]] == ["users"]
    assert plan["refused"] == []
    assert ask(panel, "run", plan=plan["plan"])["tables"][0]["skipped"] == 1
    assert mdb.reflect("users", using="new").objects.get(pk=1).name == "Wilma"


def test_production_is_typed_and_read_only_is_not_offered(panel) -> None:
    refused = {each["alias"]: each["refused"] for each in ask(panel, "aliases")["targets"]}
    assert refused == {"default": "these rows are here", "new": "", "live": "", "archive": "read-only"}

    plan = planned(panel, target="live")
    assert plan["type_aliases"] == ["live"]
    denied = ask(panel, "run", plan=plan["plan"], typed={"live": "love"})
    assert denied["message"] == "'live' is production: type its alias to go on."
    assert rows("live", "users") == []
    assert ask(panel, "run", plan=plan["plan"], typed={"live": "live"})["state"] == "DONE"
    assert rows("live", "users") == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "steal"}, "kind is one of copy, move"),
        ({"related": "cousins"}, "related is one of"),
        ({"target": None}, "Choose a database"),
        ({"target": "nowhere"}, "nowhere"),
        ({"on_conflict": "drop table"}, "on_conflict is one of"),
        ({"accept": "all"}, "accepted by name"),
        ({"without": ["users"]}, "named by its table"),
    ],
)
def test_what_no_browser_of_ours_sends_is_refused(panel, wrong, said) -> None:
    answer = planned(panel, **wrong)
    assert answer["type"] == "err"
    assert said in answer["message"]
    assert ask(panel, "run", plan="0" * 16)["message"] == "This plan is no longer open; plan again."
    assert ask(panel, "resume", transfer="../x")["message"] == "This transfer is not unfinished any more."


def test_a_cancelled_run_is_listed_and_resumed(panel) -> None:
    everything = TransferPanelController(mdb.reflect("users"), to="new")
    plan = ask(everything, "plan", target="new", kind="copy", related="none")
    # The first progress that is told stops it.
    everything.attach(lambda reply: reply.message["type"] == "progress" and ask(everything, "stop"))
    report = ask(everything, "run", plan=plan["plan"])
    assert report["state"] == "CANCELLED"
    (unfinished,) = ask(everything, "look")["unfinished"]
    assert (unfinished["source"]["alias"], unfinished["target"]["alias"]) == ("default", "new")
    everything.attach(lambda _: None)
    assert ask(everything, "resume", transfer=unfinished["id"])["state"] == "DONE"
    assert rows("new", "users") == [1, 2, 3]
    assert ask(everything, "look")["unfinished"] == []


def test_the_explorer_moves_what_is_selected_or_all_that_is_on_screen(panel) -> None:
    explorer = ExplorerController("default", "users")
    explorer.answer({"type": "open", "id": "1", "alias": "default", "table": "users", "schema": None})
    epoch = explorer.grid.epoch
    begin = {"type": "transfer_open", "id": "2", "kind": "copy", "epoch": epoch}
    assert explorer.answer({**begin, "selected": True, "rows": [[2, 2]]}).message["type"] == "transfer_open"
    plan = {"type": "plan", "id": "3", "to": "transfer", "target": "new", "kind": "copy", "related": "none"}
    assert explorer.answer(plan).message["rows"] == 1
    explorer.answer({**begin, "selected": False})
    assert explorer.answer(plan).message["rows"] == 3
    assert explorer.answer({**begin, "epoch": epoch - 1}).message["stale"]
