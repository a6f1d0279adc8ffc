"""Choosing a database."""

from __future__ import annotations

import pytest
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer.controllers.alias_picker import AliasPickerController
from multidb_explorer.errors import ConnectionDoesNotExist


def test_the_choices_are_the_aliases_with_their_marks(shop):
    marks = {mark["alias"]: mark for mark in Wire(AliasPickerController()).ask("aliases")["choices"]}
    assert list(marks) == list(mdb.aliases)
    assert marks["prod"]["color"] == "red"
    assert marks["prod"]["label"] == "The real one"
    assert marks["archive"]["read_only"]


def test_marks_tell_nothing_about_where_a_database_is(shop):
    assert "sqlite:" not in str(Wire(AliasPickerController()).ask("aliases"))


def test_a_choice_counts_once_the_database_answered(shop):
    wire = Wire(AliasPickerController("legacy"))
    assert wire.ask("choose", alias="new") == {"id": "q1", "type": "chosen", "alias": "new"}
    assert wire.controller.value == "new"


def test_an_unreachable_alias_says_why_and_the_old_one_stays(shop):
    wire = Wire(AliasPickerController("legacy"))
    message = wire.ask("choose", alias="gone")["message"]
    assert message.startswith("Can't reach alias 'gone'")
    assert wire.controller.value == "legacy"


@pytest.mark.parametrize("alias", ["nowhere", None, 5])
def test_an_alias_that_was_never_offered_is_refused(shop, alias):
    wire = Wire(AliasPickerController("legacy"))
    assert wire.ask("choose", alias=alias)["type"] == "err"
    assert wire.controller.value == "legacy"


def test_an_unknown_alias_to_start_with_names_the_near_ones(shop):
    with pytest.raises(ConnectionDoesNotExist, match="legacy"):
        AliasPickerController("legcy")


def test_an_alias_with_nothing_in_it_is_listed(shop):
    mdb.configure({"default": {}})
    wire = Wire(AliasPickerController())
    assert wire.ask("aliases")["choices"][0]["engine"] == "not configured"
    assert "registered without a database" in wire.ask("choose", alias="default")["message"]


# Health


def test_a_database_that_answers_says_how_soon(shop):
    found = Wire(AliasPickerController("legacy")).ask("health", alias="legacy")
    assert (found["answers"], found["ms"] >= 1, "SQLite" in found["text"]) == (True, True, True)


def test_one_that_does_not_answer_says_why(shop):
    found = Wire(AliasPickerController()).ask("health", alias="gone")
    assert found["answers"] is False
    assert "Can't reach alias 'gone'" in found["text"]


def test_nobody_is_asked_for_a_password_only_to_look(monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda *_: pytest.fail("asked"))
    mdb.configure({"default": {"URL": "postgresql://ann@127.0.0.1:9/none", "PASSWORD": "prompt"}})
    assert Wire(AliasPickerController()).ask("health", alias="default")["answers"] is None


def test_an_unknown_alias_has_no_health(shop):
    assert Wire(AliasPickerController()).ask("health", alias="nobody")["type"] == "err"
    assert Wire(AliasPickerController()).ask("health")["type"] == "err"
