"""Staging: what is checked at once, how steps are merged, taken back and done again. Nothing is written."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.records import Delete, Insert, Update
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import (
    ConnectionDoesNotExist,
    FieldError,
    FieldTypeError,
    FieldValueError,
    KeyRequired,
    ReadOnlyAlias,
    RowsRejected,
    StaleRow,
    TableDoesNotExist,
    ValueNotRepresentable,
    WriteRefused,
)
from multidb_explorer.schema.inspector import catalog_of


@pytest.fixture
def changes(office: Any) -> ChangeSet:
    return ChangeSet("office")


def test_an_update_knows_what_the_row_held(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Anna")

    (update,) = changes.changes
    assert isinstance(update, Update)
    assert (update.key, update.values) == ({"id": 1}, {"name": "Anna"})
    assert (update.original["name"], update.original["salary"]) == ("Ann", Decimal("10.50"))
    assert changes.counts == {"office": {"people": (0, 1, 0)}}
    assert len(changes) == 1
    assert changes


def test_many_rows_are_read_by_one_statement(changes: ChangeSet, office: Any) -> None:
    with statements(office) as sent:
        changes.update("people", [1, 2, 3], {"salary": 5})
        changes.delete("desks", [("a", 1), ("a", 2)])

    assert [s.sql.split()[0] for s in sent] == ["SELECT", "SELECT"]
    assert changes.counts == {"office": {"people": (0, 3, 0), "desks": (0, 0, 2)}}
    assert changes.undo()
    assert changes.counts == {"office": {"people": (0, 3, 0)}}


def test_nothing_is_read_where_the_original_is_given(changes: ChangeSet, office: Any) -> None:
    changes.update("people", 1, {"name": "x"}, original={"name": "Ann"})
    with statements(office) as sent:
        changes.update("people", 2, {"name": "Bob"}, original={"name": "Bo"})
        changes.delete("desks", ("a", 1), original={"owner": "Ann"})

    assert sent == []


def test_a_list_of_values_has_one_for_each_key(changes: ChangeSet) -> None:
    changes.update("people", [1, 2], [{"name": "A"}, {"name": "B"}])
    assert [change.values for change in changes.changes] == [{"name": "A"}, {"name": "B"}]
    with pytest.raises(FieldValueError, match="2 keys need as many values, and 1 were given"):
        changes.update("people", [1, 2], [{"name": "A"}])


def test_two_updates_of_a_row_are_one(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Anna")
    changes.update("people", 1, name="Anne", salary="7.00")

    (update,) = changes.changes
    assert update.values == {"name": "Anne", "salary": Decimal("7.00")}


def test_an_update_back_to_the_original_disappears(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Anna", salary=3)
    changes.update("people", 1, name="Ann")
    assert changes.changes[0].values == {"salary": Decimal(3)}
    changes.update("people", 1, salary="10.5")
    assert not changes
    assert changes.undo()
    assert changes.changes[0].values == {"salary": Decimal(3)}


def test_an_update_that_changes_nothing_is_no_step(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Ann")
    assert not changes
    assert not changes.undo()


def test_an_update_of_a_new_row_changes_the_insert(changes: ChangeSet) -> None:
    new = changes.insert("people", {"team_id": 1, "name": "Di"})
    named = changes.insert("people", {"id": 50, "team_id": 1, "name": "Ed"})
    changes.update("people", new, name="Dee")
    changes.update("people", 50, name="Edd")

    assert [change.values["name"] for change in changes.changes] == ["Dee", "Edd"]
    assert changes.counts == {"office": {"people": (2, 0, 0)}}
    changes.delete("people", named)
    changes.delete("people", new)
    assert not changes


def test_a_deleted_row_can_not_be_changed(changes: ChangeSet) -> None:
    changes.delete("people", 3)
    with pytest.raises(WriteRefused, match=r"id=3 .* is staged for deletion"):
        changes.update("people", 3, name="x")
    changes.delete("people", 3)
    assert changes.counts == {"office": {"people": (0, 0, 1)}}


def test_a_delete_takes_the_place_of_an_update_and_keeps_its_original(changes: ChangeSet) -> None:
    changes.update("people", 3, name="Cyd")
    changes.delete("people", 3)

    (delete,) = changes.changes
    assert isinstance(delete, Delete)
    assert delete.original["name"] == "Cy"
    assert changes.undo()
    assert changes.value("people", 3, "name") == "Cyd"


def test_an_insert_under_the_key_of_a_deleted_row_is_an_update(changes: ChangeSet) -> None:
    changes.delete("desks", ("a", 1))
    changes.insert("desks", {"room": "a", "place": 1})

    (update,) = changes.changes
    assert isinstance(update, Update)
    assert update.values == {"owner": None}


def test_where_a_default_is_left_out_the_deletion_and_the_insert_are_both_kept(changes: ChangeSet, run: Any) -> None:
    run("INSERT INTO pages (id, version, title) VALUES (1, 7, 'a')")
    changes.delete("pages", 1)
    changes.insert("pages", {"id": 1, "title": "b"})

    assert [type(change) for change in changes.changes] == [Delete, Insert]


def test_two_new_rows_with_one_key_are_refused(changes: ChangeSet) -> None:
    changes.insert("desks", {"room": "z", "place": 1})
    with pytest.raises(WriteRefused, match="staged already"):
        changes.insert("desks", {"room": "z", "place": 1})


def test_values_are_checked_at_once(changes: ChangeSet) -> None:
    with pytest.raises(ValueNotRepresentable, match=r"'salary' .* keeps 2") as caught:
        changes.update("people", 1, salary="1.234")
    assert caught.value.column == "salary"
    with pytest.raises(ValueNotRepresentable, match="'name' .* can't be NULL"):
        changes.update("people", 1, name=None)
    with pytest.raises(RowsRejected) as rejected:
        changes.insert("people", [{"team_id": "x"}, {"name": "ok", "salary": "abc"}, {"name": None}])
    assert [(one.row, one.column) for one in rejected.value.rejections] == [(0, "team_id"), (1, "salary"), (2, "name")]
    assert not changes


def test_names_are_looked_up(changes: ChangeSet) -> None:
    with pytest.raises(FieldError, match="no column 'nmae'. Did you mean 'name'"):
        changes.update("people", 1, nmae="x")
    with pytest.raises(TableDoesNotExist, match="Did you mean 'people'"):
        changes.insert("poeple", {"name": "x"})
    with pytest.raises(ConnectionDoesNotExist, match="'offize'"):
        changes.insert("people", {"name": "x"}, using="offize")
    with pytest.raises(ConnectionDoesNotExist):
        ChangeSet("nowhere")
    with pytest.raises(FieldTypeError, match="by its name or by a model, not by int"):
        changes.insert(7, {"name": "x"})
    with pytest.raises(FieldValueError, match="has the columns 'room', 'place'"):
        changes.update("desks", "a", owner="x")
    with pytest.raises(StaleRow, match="Table 'people' on alias 'office' has no row id=99"):
        changes.update("people", 99, name="x")


def test_tables_without_a_key_views_and_read_only_aliases_are_refused(
    changes: ChangeSet, run: Any, url: str, office: Any
) -> None:
    with pytest.raises(KeyRequired):
        changes.insert("log", {"line": "x"})
    run("CREATE VIEW names AS SELECT id, name FROM people")
    catalog_of(office).refresh()
    with pytest.raises(KeyRequired, match="is a view"):
        changes.update("names", 1, name="x")
    office.dispose()
    mdb.connect("closed", url, read_only=True)
    with pytest.raises(ReadOnlyAlias):
        ChangeSet("closed").update("people", 1, name="x")


def test_states_and_values_of_cells(changes: ChangeSet) -> None:
    new = changes.insert("people", {"id": 9, "team_id": 1, "name": "Di"})
    changes.update("people", 1, name="Anna")
    changes.delete("people", 3)

    assert changes.state("people", new) == changes.state("people", 9, "name") == "new"
    assert changes.state("people", 1, "name") == changes.state("people", 1) == "changed"
    assert changes.state("people", 1, "salary") == changes.state("people", 2, "name") == ""
    assert changes.state("people", 3, "name") == "deleted"
    assert changes.value("people", 1, "name") == "Anna"
    assert changes.value("people", 1, "salary", "none") == "none"


def test_reverting_cells_rows_tables_and_all(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Anna", salary=3)
    changes.update("people", 2, name="Bob")
    changes.update("desks", ("b", 1), owner="Cy")

    changes.revert("people", 1, "name")
    assert changes.value("people", 1, "name") is None
    assert changes.value("people", 1, "salary") == 3
    changes.revert("people", 1, "salary")
    assert changes.state("people", 1) == ""
    changes.revert("people")
    assert changes.counts == {"office": {"desks": (0, 1, 0)}}
    changes.revert()
    assert not changes
    for _ in range(4):
        assert changes.undo()
    assert changes.counts == {"office": {"people": (0, 2, 0), "desks": (0, 1, 0)}}
    assert changes.redo()
    assert changes.value("people", 1, "name") is None


def test_an_alias_that_does_not_exist_is_not_reverted_in_silence(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Anna")
    with pytest.raises(ConnectionDoesNotExist, match="'offcie'"):
        changes.revert(using="offcie")
    changes.revert(using="office")
    assert not changes


def test_what_fails_half_way_is_one_step_too(changes: ChangeSet) -> None:
    with pytest.raises(StaleRow), changes.one_step():
        changes.update("people", 1, name="Anna")
        changes.update("people", 2, name="Bob")
        changes.update("people", 99, name="Nobody")
    assert changes.counts == {"office": {"people": (0, 2, 0)}}
    assert changes.undo()
    assert (changes.can_undo, changes.can_redo, len(changes)) == (False, True, 0)


def test_a_step_ends_with_a_commit_in_it(changes: ChangeSet) -> None:
    with changes.one_step():
        changes.update("people", 1, name="Anna")
        changes.commit()
        changes.update("people", 2, name="Bob")
    assert changes.undo()
    assert not changes
    assert not changes.can_undo


def test_a_new_step_ends_redo(changes: ChangeSet) -> None:
    changes.update("people", 1, name="Anna")
    changes.undo()
    changes.update("people", 2, name="Bob")
    assert not changes.redo()
    assert changes.state("people", 1) == ""


def test_records_can_be_staged(changes: ChangeSet, office: Any) -> None:
    with statements(office) as sent:
        changes.stage(Insert("teams", {"name": "pink"}))
        changes.stage(Update("people", {"id": 1}, {"name": "Anna"}, {"name": "Ann"}))
    assert sent == []
    changes.stage(Delete("desks", {"room": "a", "place": 1}))
    assert changes.counts == {"office": {"teams": (1, 0, 0), "people": (0, 1, 0), "desks": (0, 0, 1)}}
    with pytest.raises(FieldTypeError):
        changes.stage("people")


def test_a_model_and_its_instances_stand_for_table_and_row(changes: ChangeSet, office: Any) -> None:
    class Person(mdb.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        team = sa.Column("team_id", sa.Integer)
        name = sa.Column(sa.String(20))

        class Meta:
            table = "people"
            using = "office"

    ann = Person.objects.get(pk=1)
    ann.name = "Anna"
    changes.update(ann)
    changes.update(Person, 2, team=2)
    changes.delete(Person.objects.get(pk=3))
    changes.insert(Person(name="Di", team=1))

    assert [getattr(change, "values", None) for change in changes.changes] == [
        {"name": "Anna"},
        {"team_id": 2},
        None,
        {"team_id": 1, "name": "Di"},
    ]


def test_a_set_looks_like_its_changes(changes: ChangeSet) -> None:
    changes.update("people", 1, name="<b>", salary=None)
    changes.insert("teams", {"name": "pink"})
    changes.delete("desks", ("a", 1))

    assert repr(changes).splitlines() == [
        "1 changed, 1 new, 1 deleted on 'office'",
        "table   key                change   column  before  after",
        "people  id=1               changed  name    'Ann'   '<b>'",
        "people  id=1               changed  salary  10.50   NULL",
        "teams                      new      name            'pink'",
        "desks   room='a', place=1  deleted",
    ]
    assert "&lt;b&gt;" in changes._repr_html_()
    assert "1 changed, 1 new, 1 deleted" in changes._repr_html_()


def test_threads_may_stage_at_the_same_time(changes: ChangeSet) -> None:
    def stage(start: int) -> None:
        for number in range(start, start + 50):
            changes.insert("desks", {"room": "t", "place": number})

    threads = [threading.Thread(target=stage, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert changes.counts == {"office": {"desks": (150, 0, 0)}}
    while changes.undo():
        pass
    assert not changes


def test_several_aliases_in_one_set(changes: ChangeSet, other_office: Any) -> None:
    other_office()
    changes.update("people", 1, name="Anna")
    changes.update("people", 1, name="Anne", using="other")

    assert changes.counts == {"office": {"people": (0, 1, 0)}, "other": {"people": (0, 1, 0)}}
    with pytest.raises(WriteRefused, match=r"several aliases \('office', 'other'\)"):
        changes.commit()
    assert [one.alias for one in changes.commit_all()] == ["office", "other"]
    assert not changes
    assert databases["other"] is not databases["office"]
