"""Edits of the grid over real databases: staged by key, exact, and written by nobody but a save."""

from __future__ import annotations

import json

import pytest
from controllers.wire import Wire, names, run

import multidb_explorer as mdb
from multidb_explorer.controllers.grid import GridController
from multidb_explorer.controllers.staging import changes_for, why_read_only


def grid_of(queryset, changes=None):
    wire = Wire(GridController(queryset, changes=changes or mdb.ChangeSet(queryset.db)))
    wire.epoch = 1
    return wire


@pytest.fixture
def wire(shop):
    return grid_of(mdb.reflect("users", using="legacy").objects)


def beside(wire, epoch=1):
    """Give what travels beside the rows of the first page."""
    _, (buffer,) = wire.whole("win", epoch=epoch, start=0, count=200)
    return json.loads(buffer)["edit"]


def edit(wire, key, col, text=None, **how):
    item = {"key": key, "col": col, **({"null": True} if text is None and not how else {"text": text, **how})}
    return wire.ask("edit", items=[item])


def test_a_page_names_its_rows_by_their_keys(wire):
    assert beside(wire)["keys"] == ["[1]", "[2]", "[3]", "[4]", "[5]"]


def test_an_edit_is_staged_and_the_page_carries_it(wire):
    beside(wire)
    answer = edit(wire, "[2]", "name", "Bo")
    assert answer["marks"] == {"[2]": {"state": "changed", "cells": {"name": "Bo"}, "problems": {}}}
    assert answer["pending"] == {"new": 0, "changed": 1, "deleted": 0, "tables": 1, "undo": True, "redo": False}
    # Also in another order, under another epoch: the mark goes with the key.
    wire.ask("sort", epoch=2, keys=[{"column": "name", "descending": True}])
    found = beside(wire, epoch=2)
    assert (found["keys"][3], list(found["marks"])) == ("[2]", ["[2]"])
    assert names("legacy")[2] == "Bob"


def test_an_edit_back_to_what_was_there_is_staged_no_more(wire):
    beside(wire)
    edit(wire, "[2]", "name", "Bo")
    assert edit(wire, "[2]", "name", "Bob")["marks"] == {"[2]": None}
    assert len(wire.controller.changes) == 0


@pytest.mark.parametrize(
    ("col", "text", "said"), [("id", "two", "is no 64-bit integer"), ("name", None, "It can't be NULL.")]
)
def test_what_does_not_fit_is_told_in_words_and_not_staged(wire, col, text, said):
    beside(wire)
    answer = edit(wire, "[2]", col, text)
    assert said in answer["errors"][0]["error"]
    assert (answer["marks"], len(wire.controller.changes)) == ({}, 0)


def test_of_a_range_what_fits_is_staged_in_one_step(wire):
    beside(wire)
    items = [{"key": f"[{n}]", "col": col, "null": True} for n in (1, 2, 3) for col in ("country", "name")]
    answer = wire.ask("edit", items=items)
    assert sorted(answer["marks"]) == ["[1]", "[3]"]
    assert len(answer["errors"]) == 3
    assert wire.ask("undo")["marks"] == {"[1]": None, "[3]": None}
    assert wire.ask("redo")["pending"]["changed"] == 2


def test_the_row_must_still_hold_what_was_on_the_screen(wire):
    beside(wire)
    # A colleague is faster, before the edit and after the page was read.
    run("legacy", "UPDATE users SET name = 'Bert' WHERE id = 2")
    edit(wire, "[2]", "name", "Bo")
    answer = wire.ask("save")
    assert answer["type"] == "conflicts"
    assert answer["rows"][0]["cells"] == [{"col": "name", "base": "Bob", "mine": "Bo", "theirs": "Bert", "ours": True}]
    assert answer["marks"]["[2]"]["conflicts"] == {"name": "'Bert'"}
    assert names("legacy")[2] == "Bert"
    wire.ask("resolve", conflicts=answer["conflicts"], choices=[{"row": 0, "cells": {"name": {"text": "Berto"}}}])
    assert wire.ask("save")["type"] == "saved"
    assert names("legacy")[2] == "Berto"


def test_conflicts_are_decided_cell_by_cell(wire):
    beside(wire)
    wire.ask(
        "edit", items=[{"key": "[2]", "col": "name", "text": "Bo"}, {"key": "[2]", "col": "country", "text": "NO"}]
    )
    wire.ask("delete", keys=["[3]"])
    run(
        "legacy",
        "UPDATE users SET name = 'Bert', country = 'DK' WHERE id = 2",
        "UPDATE users SET name = 'C' WHERE id = 3",
    )
    answer = wire.ask("save")
    assert [(row["kind"], row["change"]) for row in answer["rows"]] == [("changed", "changed"), ("changed", "deleted")]
    choices = [{"row": 0, "cells": {"name": "theirs", "country": "mine"}}, {"row": 1, "keep": "theirs"}]
    left = wire.ask("resolve", conflicts=answer["conflicts"], choices=choices)
    assert left["pending"]["changed"] == 1
    assert wire.ask("save")["type"] == "saved"
    found = mdb.reflect("users", using="legacy").objects.filter(id__in=[2, 3]).order_by("id")
    assert list(found.values_list("name", "country")) == [("Bert", "NO"), ("C", "SE")]
    assert "no longer open" in wire.ask("resolve", conflicts=answer["conflicts"], choices=[])["message"]


def test_new_rows_are_named_by_a_token_until_they_are_saved(wire):
    beside(wire)
    (new,) = wire.ask("insert")["made"]
    answer = edit(wire, new, "name", "Fay")
    assert answer["new"] == [new]
    assert answer["marks"][new] == {"state": "new", "cells": {"name": "Fay"}, "problems": {}}
    done = wire.ask("save")
    assert (done["new"], done["text"]) == ([], "Saved 1 new to legacy")
    assert (done["epoch"], done["row_count"], done["row_estimate"]) == (2, None, 6)
    assert names("legacy")[6] == "Fay"


def test_a_new_row_without_what_it_needs_is_pointed_at(wire):
    beside(wire)
    (new,) = wire.ask("insert")["made"]
    answer = wire.ask("save")
    assert answer["type"] == "refused"
    assert "name" in answer["marks"][new]["problems"]
    # The next edit of the cell takes the mark away.
    assert edit(wire, new, "name", "Fay")["marks"][new]["problems"] == {}


def test_a_row_is_made_like_another(wire):
    beside(wire)
    edit(wire, "[1]", "country", "BE")
    (new,) = wire.ask("insert", like="[1]")["made"]
    assert wire.ask("save")["type"] == "saved"
    assert mdb.reflect("users", using="legacy").objects.get(id=6).country == "BE"
    assert new.startswith("+")


def test_rows_are_deleted_by_key_or_as_the_selection_has_them(wire):
    beside(wire)
    assert wire.ask("delete", keys=["[1]"])["marks"]["[1]"]["state"] == "deleted"
    assert wire.ask("delete", rows=[[2, 3]])["pending"]["deleted"] == 3
    assert wire.ask("revert", keys=["[3]"])["marks"] == {"[3]": None}
    assert wire.ask("save")["text"] == "Saved 2 deleted to legacy"
    assert sorted(names("legacy")) == [2, 3, 5]


def test_rows_that_others_refer_to_are_not_deleted(wire):
    beside(wire)
    wire.ask("delete", keys=["[5]"])
    answer = wire.ask("save")
    assert (answer["type"], "2 of 'orders'" in answer["message"]) == ("refused", True)
    assert wire.controller.parts["edit"].pending["deleted"] == 1


def test_cells_rows_and_everything_can_be_reverted(wire):
    beside(wire)
    wire.ask("edit", items=[{"key": "[2]", "col": c, "text": "x"} for c in ("name", "country")])
    edit(wire, "[3]", "name", "y")
    answer = wire.ask("revert", items=[{"key": "[2]", "col": "name"}])
    assert answer["marks"]["[2]"]["cells"] == {"country": "x"}
    assert wire.ask("revert", all=True)["marks"] == {"[2]": None, "[3]": None}
    assert wire.ask("undo")["pending"]["changed"] == 2


def test_values_are_filled_down_exactly(wire):
    beside(wire)
    answer = wire.ask("fill", **{"from": "[1]"}, cols=["country"], keys=["[2]", "[3]", "[5]"])
    assert {name: mark["cells"] for name, mark in answer["marks"].items()} == {
        "[2]": {"country": "FR"}, "[3]": {"country": "FR"}
    }  # fmt: skip


def test_a_paste_is_checked_first_and_stages_what_fits(wire):
    beside(wire)
    block = {
        "cells": [["7", "Gil", "IT"], ["x", "", "ES"], ["", "Hal", "PT"]],
        "cols": ["id", "name", "country"],
        "keys": ["[1]", "[2]"],
    }
    checked = wire.ask("check", **block)
    assert [error[:2] for error in checked["errors"]] == [[1, 0]]
    assert len(wire.controller.changes) == 0
    answer = wire.ask("paste", **block)
    assert answer["marks"]["[1]"]["cells"] == {"id": 7, "name": "Gil", "country": "IT"}
    assert answer["marks"]["[2]"]["cells"] == {"name": "", "country": "ES"}
    assert answer["marks"][answer["new"][0]]["cells"] == {"name": "Hal", "country": "PT"}
    assert wire.ask("undo")["pending"] == {
        "new": 0,
        "changed": 0,
        "deleted": 0,
        "tables": 0,
        "undo": False,
        "redo": True,
    }


def test_the_exact_statements_are_shown_for_each_alias(wire):
    beside(wire)
    edit(wire, "[2]", "name", "Bo")
    own = wire.ask("review")
    assert own["statements"][0]["sql"] == "UPDATE users SET name=? WHERE users.id = ? AND users.name = ?"
    assert own["statements"][0]["values"] == [["name", "'Bo'"], ["id_1", "2"], ["name_1", "'Bob'"]]
    assert wire.ask("review", alias="new")["target"]["alias"] == "new"
    assert "is read-only" in wire.ask("review", alias="archive")["message"]


def test_changes_go_to_another_alias_and_stay_for_their_own(wire):
    beside(wire)
    edit(wire, "[2]", "country", "NO")
    answer = wire.ask("save", alias="new")
    # Somebody else lives under that key there.
    assert (answer["type"], answer["target"]["alias"]) == ("conflicts", "new")
    wire.ask("resolve", conflicts=answer["conflicts"], choices=[{"row": 0, "keep": "mine"}])
    done = wire.ask("save", alias="new")
    assert done["text"] == "Saved 1 changed to new; still staged for legacy"
    assert (done["epoch"], done["pending"]["changed"]) == (1, 1)


def test_a_save_is_taken_back(wire):
    beside(wire)
    edit(wire, "[2]", "name", "Bo")
    wire.ask("delete", keys=["[1]"])
    done = wire.ask("save")
    assert sorted(names("legacy")) == [2, 3, 4, 5]
    back = wire.ask("unsave", undo=done["undo"])
    assert back["text"].startswith("Undone in legacy: 1 changed, 1 new")
    assert names("legacy") == {1: "Ann", 2: "Bob", 3: "Cyd", 4: "Dan", 5: "Eve"}
    assert "no longer" in wire.ask("unsave", undo=done["undo"])["message"]


def test_production_asks_for_its_alias_in_the_kernel_too(wire):
    beside(wire)
    edit(wire, "[2]", "name", "Bo")
    assert "type its alias" in wire.ask("save", alias="prod", confirmed=True)["message"]
    with mdb.confirmed("prod"):
        run("prod", "INSERT INTO users VALUES (2, 'Bob', NULL)")
    assert wire.ask("save", alias="prod", typed="prod", confirmed=True)["type"] == "saved"
    assert names("prod") == {2: "Bo"}


def test_a_lost_database_keeps_the_edits(wire, shop, tmp_path):
    beside(wire)
    edit(wire, "[2]", "name", "Bo")
    mdb.connect("legacy", "sqlite:////no/such/folder/at_all.db")
    assert wire.ask("save")["type"] == "refused"
    edit(wire, "[3]", "name", "Cy")
    mdb.connect("legacy", shop["legacy"])
    assert wire.ask("save")["text"] == "Saved 2 changed to legacy"


def test_read_only_rows_say_why_and_take_nothing(shop):
    for model, using, why in (
        ("bare", "legacy", "no primary or unique key"),
        ("french", "legacy", "view"),
        ("users", "archive", "is read-only"),
    ):
        queryset = mdb.reflect(model, using=using).objects
        wire = grid_of(queryset, mdb.ChangeSet("legacy"))
        assert why in wire.controller.state["parts"]["edit"]["refused"]
        assert wire.ask("edit", items=[{"key": "[1]", "col": "id", "text": "9"}])["type"] == "err"
        assert wire.ask("insert")["type"] == "err"
        with pytest.raises(mdb.errors.WriteRefused):
            changes_for(queryset, editable=True)
    assert changes_for(mdb.reflect("users", using="archive").objects, None) is None
    assert "not among" in why_read_only(mdb.reflect("users", using="legacy").objects.values("name"))


def test_a_foreign_key_is_found_by_its_label(shop):
    run("legacy", "INSERT INTO users VALUES (40, 'Eva', 'SE')")
    wire = grid_of(mdb.reflect("orders", using="legacy").objects)
    beside(wire)
    found = wire.ask("refer", col="user_id", search="ev")
    assert [(one["values"], one["label"]) for one in found["choices"]] == [
        ({"user_id": "40"}, "Eva"), ({"user_id": "5"}, "Eve")
    ]  # fmt: skip
    assert wire.ask("refer_label", col="user_id", key="[1]", text="5")["label"] == "Eve"


def test_a_long_value_is_edited_whole(wire):
    run("legacy", "UPDATE users SET country = printf('%1000c', 'x') WHERE id = 2")
    beside(wire)
    assert len(wire.ask("edit_text", key="[2]", col="country")["text"]) == 1000
    # Also where it is not among the rows that were shown lately.
    wire.controller.parts["edit"].shown._rows.clear()
    assert len(wire.ask("edit_text", key="[2]", col="country")["text"]) == 1000


@pytest.mark.parametrize("key", [None, 5, "[", "[1,2]", '["x"]', "{}", "+none", '[{"int": "x"}]'])
def test_a_row_that_is_none_is_answered(wire, key):
    beside(wire)
    assert edit(wire, key, "name", "x")["type"] == "err"
