"""The form of one row: what is typed is checked and kept in the kernel; saving and deleting follow the models."""

from __future__ import annotations

import json

import pytest
from controllers.wire import Wire, names, run

import multidb_explorer as mdb
from multidb_explorer.controllers.row_form import RowFormController
from multidb_explorer.errors import ConnectionDoesNotExist, DoesNotExist


def users(alias="legacy"):
    return mdb.reflect("users", using=alias)


def form_of(source, using=None):
    return Wire(RowFormController(source, using))


def fields(answer):
    """Give what the editors hold."""
    return json.loads(answer[1][0])


def edit(wire, column, text=None, **how):
    """Type into a field and give what is said beside it."""
    body = how or ({"null": True} if text is None else {"text": text})
    message, buffers = wire.whole("set", column=column, **body)
    assert message["type"] == "set", message
    return json.loads(buffers[0])[column]


# What is shown


def test_the_row_is_shown_as_texts_and_nothing_of_it_is_in_the_state(shop):
    wire = form_of(users().objects.get(pk=2))
    answer = wire.whole("row")
    assert {name: field["text"] for name, field in fields(answer).items()} == {
        "id": "2", "name": "Bob", "country": None,
    }  # fmt: skip
    assert json.loads(answer[1][1]) == {"key": "2", "db": "legacy"}
    assert "Bob" not in json.dumps(wire.controller.state)
    assert [field["name"] for field in wire.controller.state["fields"]] == ["id", "name", "country"]


def test_a_foreign_key_shows_whom_it_means(shop):
    wire = form_of(mdb.reflect("orders", using="legacy").objects.get(pk=1))
    _, (labels,) = wire.whole("labels")
    assert json.loads(labels) == {"user_id": "Eve"}
    assert wire.controller.state["fields"][1]["references"] == "users"


def test_fields_that_were_left_out_are_read(shop):
    wire = form_of(users().objects.only("id").get(pk=1))
    assert fields(wire.whole("row"))["name"]["text"] == "Ann"


@pytest.mark.parametrize("source", ["users", 5, None])
def test_only_rows_models_and_querysets_have_forms(shop, source):
    with pytest.raises(TypeError, match="an instance, a model or a QuerySet"):
        RowFormController(source)


def test_an_unknown_alias_is_refused(shop):
    with pytest.raises(ConnectionDoesNotExist, match="legacy"):
        RowFormController(users(), "legcy")
    with pytest.raises(DoesNotExist):
        RowFormController(users().objects.filter(id=99))


# Editing


def test_what_is_typed_is_a_draft_until_it_is_saved(shop):
    bob = users().objects.get(pk=2)
    wire = form_of(bob)
    assert edit(wire, "name", "Bobby") == {"changed": True, "problem": "", "default": False, "text": "Bobby"}
    assert bob.name == "Bob"
    assert not edit(wire, "name", "Bob")["changed"]
    edit(wire, "country", "PT")
    assert fields(wire.whole("revert", column="country"))["country"]["text"] is None
    edit(wire, "country", "PT")
    assert not any(field["changed"] for field in fields(wire.whole("revert")).values())


@pytest.mark.parametrize(
    ("table", "column", "text", "says"),
    [
        ("users", "name", None, "can't be NULL"),
        ("orders", "user_id", "x", "whole number"),
        ("orders", "user_id", "99", "There is no row 99 in users"),
        ("orders", "user_id", str(2**70), "reaches from"),
        ("orders", "total", "1.234", "3 decimal places"),
        ("orders", "total", "", "set NULL"),
    ],
)
def test_what_does_not_fit_is_said_beside_the_field_and_not_saved(shop, table, column, text, says):
    wire = form_of(mdb.reflect(table, using="legacy").objects.get(pk=1))
    assert says in edit(wire, column, text)["problem"]
    refused = wire.ask("write", action="save", target="legacy")
    assert (refused["type"], refused["fields"]) == ("refused", [column])


def test_the_key_of_a_row_that_exists_stays(shop):
    assert "stays as it is" in form_of(users().objects.get(pk=2)).ask("set", column="id", text="7")["message"]


def test_a_foreign_key_is_found_by_label_or_by_key(shop):
    wire = form_of(mdb.reflect("orders", using="legacy").objects.get(pk=1))

    def found(search):
        return [
            (one["label"], one["values"])
            for one in json.loads(wire.whole("refer", column="user_id", search=search)[1][0])
        ]

    assert found("AN") == [("Ann", {"user_id": "1"}), ("Dan", {"user_id": "4"})]
    assert found("3") == [("Cyd", {"user_id": "3"})]
    assert len(found("")) == 5
    assert found("zzz") == []
    _, (shown, label) = wire.whole("set", column="user_id", text="3")
    assert (json.loads(shown)["user_id"]["problem"], json.loads(label)) == ("", "Cyd")


@pytest.mark.parametrize(
    ("kind", "body"),
    [("set", {"column": "nope", "text": ""}), ("write", {"action": "drop", "target": "legacy"}),
     ("write", {"action": "save", "target": "nowhere"}), ("write", {"action": "save", "target": "archive"}),
     ("write", {"action": "save", "target": "legacy", "choices": {"on_conflict": "always"}}), ("go", {"step": 1})],
)  # fmt: skip
def test_what_no_browser_side_of_ours_asks_is_refused(shop, kind, body):
    assert form_of(users().objects.get(pk=2)).ask(kind, **body)["type"] == "err"


# Saving


def test_a_save_writes_what_was_edited_and_nothing_else(shop):
    bob = users().objects.get(pk=2)
    wire = form_of(bob)
    edit(wire, "name", "Bobby")
    run("legacy", "UPDATE users SET country = 'NL' WHERE id = 2")
    assert not wire.ask("plan", action="save", target="legacy")["ask"]
    done = wire.whole("write", action="save", target="legacy")
    assert done[0]["text"] == "Saved to legacy"
    assert (bob.name, bob.country) == ("Bobby", "NL")
    assert not any(field["changed"] for field in fields(done).values())


@pytest.mark.parametrize(("choice", "name"), [("theirs", "Robert"), ("overwrite", "Bobby")])
def test_somebody_elses_change_of_the_same_field_is_a_choice(shop, choice, name):
    bob = users().objects.get(pk=2)
    wire = form_of(bob)
    edit(wire, "name", "Bobby")
    run("legacy", "UPDATE users SET name = 'Robert' WHERE id = 2")
    refused, (differences,) = wire.whole("write", action="save", target="legacy")
    assert [way["label"] for way in refused["ways"]] == ["Take theirs", "Write mine over it"]
    assert json.loads(differences) == [["name", "Bobby", "Robert"]]
    assert names("legacy")[2] == "Robert"
    assert wire.ask("write", action="save", target="legacy", choices={"on_conflict": choice})["type"] == "done"
    assert names("legacy")[2] == bob.name == name


def test_another_database_with_a_different_row_is_a_choice(shop):
    bob = users().objects.get(pk=2)
    wire = form_of(bob)
    edit(wire, "country", "PT")
    refused, (differences,) = wire.whole("write", action="save", target="new")
    assert json.loads(differences) == [["name", "Bob", "Somebody"], ["country", "PT", "DE"]]
    assert bob.country is None
    kept = wire.ask("write", action="save", target="new", choices={"on_conflict": "skip"})
    assert kept["text"] == "new keeps its own row of users; nothing was written"
    assert (bob._state.db, bob.country) == ("legacy", None)
    wire.ask("write", action="save", target="new", choices=refused["ways"][1]["choices"])
    assert names("new")[2] == "Bob"
    assert bob._state.db == wire.controller.alias == "new"


def test_a_row_goes_to_the_new_database_and_then_from_the_old_one(shop):
    ann = users().objects.get(pk=1)
    wire = form_of(ann)
    assert wire.ask("write", action="save", target="new")["text"] == "Saved this row of users to new"
    assert wire.ask("plan", action="delete", target="legacy")["ask"]
    assert wire.ask("write", action="delete", target="legacy")["text"] == "Deleted this row of users from legacy"
    assert (ann.pk, ann._state.db, 1 in names("legacy")) == (1, "new", False)
    assert wire.ask("write", action="delete", target="legacy")["text"] == "legacy had no such row of users"


def test_what_another_table_can_not_hold_is_said_beside_its_field(shop):
    run(
        "new", "DROP TABLE users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(2) NOT NULL, country TEXT)"
    )
    wire = form_of(users().objects.get(pk=1))
    refused = wire.ask("write", action="save", target="new")
    assert (refused["fields"], refused["reason"]) == (["name"], "It has 3 characters and the column keeps 2.")


def test_production_has_to_be_typed(shop):
    wire = form_of(users().objects.get(pk=1))
    assert wire.ask("plan", action="save", target="prod")["type_alias"]
    assert "type its alias" in wire.ask("write", action="save", target="prod")["message"]
    assert names("prod") == {}
    assert wire.ask("write", action="save", target="prod", typed="prod")["type"] == "done"
    assert names("prod") == {1: "Ann"}


def test_a_read_only_alias_takes_no_edit(shop):
    mdb.connect("frozen", shop["legacy"], read_only=True)
    wire = form_of(users("frozen").objects.get(pk=1))
    assert wire.controller.state["refusal"] == "read-only"
    assert "read-only" in wire.ask("set", column="name", text="x")["message"]
    assert "read-only" in wire.ask("write", action="delete", target="frozen")["message"]
    assert wire.ask("write", action="save", target="new")["type"] == "done"


def test_rows_that_hang_on_it_are_counted_before_they_go(shop):
    wire = form_of(users().objects.get(pk=5))
    refused = wire.ask("write", action="delete", target="legacy")
    assert "2 rows of orders" in refused["message"]
    done = wire.ask("write", action="delete", target="legacy", choices=refused["ways"][0]["choices"])
    assert done["text"] == "Deleted this row of users from legacy, with 2 rows of orders"
    assert done["adding"]


def test_a_different_record_elsewhere_is_not_deleted_by_surprise(shop):
    wire = form_of(users().objects.get(pk=2))
    refused = wire.ask("write", action="delete", target="new")
    assert [way["label"] for way in refused["ways"]] == ["Delete it all the same"]
    assert 2 in names("new")
    wire.ask("write", action="delete", target="new", choices={"force": True})
    assert names("new") == {}


# New rows and other rows


def test_a_new_row_is_checked_and_gets_its_key(shop):
    wire = form_of(users(), "new")
    assert fields(wire.whole("row"))["id"]["default"]
    assert "can't be NULL" in wire.ask("write", action="save", target="new")["message"]
    edit(wire, "name", "Flo")
    done = wire.whole("write", action="save", target="new")
    assert done[0]["type"] == "done", done
    assert json.loads(done[1][1]) == {"key": "3", "db": "new"}


def test_a_default_is_left_to_the_database_or_asked_of_it(url):
    mdb.configure({"default": url})
    run(
        "default",
        "CREATE TABLE jobs (id INTEGER NOT NULL PRIMARY KEY, state VARCHAR(9) DEFAULT 'new' NOT NULL, n INT DEFAULT 7)",
    )
    wire = form_of(mdb.reflect("jobs"))
    edit(wire, "id", "1")
    edit(wire, "state", "done")
    assert edit(wire, "state", default=True) == {"changed": True, "problem": "", "default": True, "text": None}
    assert wire.ask("write", action="save", target="default")["type"] == "done"
    assert wire.controller.instance.to_dict() == {"id": 1, "state": "new", "n": 7}
    edit(wire, "n", None)
    wire.ask("write", action="save", target="default")
    assert edit(wire, "n", default=True) == {"changed": True, "problem": "", "default": False, "text": "7"}


def test_one_goes_from_row_to_row(shop):
    wire = form_of(users().objects.filter(id__gt=1).order_by("-id"))
    assert fields(wire.whole("row"))["name"]["text"] == "Eve"
    answer = wire.whole("go", step=1)
    assert (fields(answer)["name"]["text"], answer[0]["place"]) == ("Dan", {"row": 1, "row_count": 4})
    edit(wire, "name", "Dany")
    assert "Save or revert" in wire.ask("go", step=1)["message"]
    wire.ask("revert")
    wire.ask("go", step=-1)
    assert "first row" in wire.ask("go", step=-1)["message"]


def test_what_was_typed_outlives_a_reading_anew(shop):
    wire = form_of(users().objects.get(pk=2))
    edit(wire, "name", "Bobby")
    run("legacy", "UPDATE users SET country = 'NL' WHERE id = 2")
    shown = fields(wire.whole("reread"))
    assert (shown["name"]["text"], shown["country"]["text"]) == ("Bobby", "NL")


def test_a_form_whose_alias_is_gone_says_so(shop):
    wire = form_of(users("new").objects.get(pk=2))
    assert fields(wire.whole("row"))["name"]["text"] == "Somebody"
    mdb.disconnect("new")
    assert wire.controller.state["refusal"] == "no longer connected"
    assert "no database alias 'new'" in wire.ask("set", column="name", text="x")["message"]
    assert wire.ask("write", action="save", target="legacy")["type"] == "refused"
