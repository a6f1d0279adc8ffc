"""Somebody else was faster: every kind of conflict between two connections, and every way to resolve it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.records import Insert, Update
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ChangeConflict, FieldError, FieldValueError, OperationalError, WriteRefused


@pytest.fixture
def changes(office: Any) -> ChangeSet:
    return ChangeSet("office")


def conflicts(changes: ChangeSet, using: str | None = None) -> ChangeConflict:
    with pytest.raises(ChangeConflict) as caught:
        changes.commit(using)
    return caught.value


def test_every_conflict_is_listed_and_nothing_is_written(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.update("people", 2, name="Bob")
    changes.update("people", 3, name="Cyd", salary=3)
    changes.delete("desks", ("a", 1))
    changes.update("desks", ("a", 2), owner="me")
    changes.update("teams", 3, name="lime")
    run(
        "UPDATE people SET name = 'Cyn' WHERE id = 3",
        "UPDATE desks SET owner = NULL WHERE room = 'a' AND place = 1",
        "DELETE FROM desks WHERE room = 'a' AND place = 2",
    )
    error = conflicts(changes)

    assert [(one.kind, dict(one.cells)) for one in error.conflicts] == [
        ("changed", {"name": ("Cy", "Cyd", "Cyn")}),
        ("changed", {"owner": ("Ann", None, None)}),
        ("deleted", {"owner": ("Bo", "me", None)}),
    ]
    assert rows("people", "id", "name")[1:] == [(2, "Bo"), (3, "Cyn")]
    assert len(changes) == 5
    assert "people  id=3" in str(error)
    assert "base" in error.conflicts._repr_html_()
    assert "&#x27;Cyn&#x27;" in error.conflicts[0]._repr_html_()


def test_other_cells_of_the_row_may_change(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.update("people", 2, name="Bob")
    run("UPDATE people SET salary = 99 WHERE id = 2")
    done = changes.commit()

    assert done.changes[0].before["salary"] == done.changes[0].after["salary"] == 99
    assert rows("people", "id", "name", "salary")[1] == (2, "Bob", 99)


def test_mine_writes_over_theirs(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.update("people", 2, name="Bob")
    changes.delete("desks", ("a", 1))
    run("UPDATE people SET name = 'Bert' WHERE id = 2", "UPDATE desks SET owner = 'x' WHERE room = 'a' AND place = 1")
    changes.resolve(conflicts(changes), "mine")
    changes.commit()

    assert rows("people", "id", "name")[1] == (2, "Bob")
    assert len(rows("desks", "room")) == 2


def test_theirs_drops_my_cell_and_the_row_where_nothing_is_left(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.update("people", 2, name="Bob", salary=1)
    changes.update("people", 3, name="Cyd")
    changes.delete("desks", ("a", 1))
    run("UPDATE people SET name = 'new' WHERE id IN (2, 3)", "UPDATE desks SET owner = 'x' WHERE place = 1")
    error = conflicts(changes)
    changes.resolve(error, "theirs")

    assert [(change.key, change.values) for change in changes.changes] == [({"id": 2}, {"salary": 1})]
    changes.commit()
    assert [row[1] for row in rows("people", "id", "name")] == ["Ann", "new", "new"]
    assert len(rows("desks", "room")) == 3


def test_cells_are_resolved_one_by_one_and_undone(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.update("people", 2, name="Bob", salary=1)
    run("UPDATE people SET name = 'Bert', salary = 7 WHERE id = 2")
    (conflict,) = conflicts(changes).conflicts
    changes.resolve(conflict, "mine", column="name")
    (again,) = conflicts(changes).conflicts
    assert set(again.cells) == {"salary"}
    changes.resolve(again, value="2.5", column="salary")
    assert changes.undo()
    assert changes.value("people", 2, "salary") == 1
    assert changes.redo()
    changes.commit()
    assert rows("people", "id", "name", "salary")[1] == (2, "Bob", 2.5)


def test_a_row_that_is_gone_can_come_back(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.update("desks", ("a", 2), owner="me")
    changes.delete("desks", ("b", 1))
    run("DELETE FROM desks WHERE owner = 'Bo'", "DELETE FROM desks WHERE room = 'b'")
    error = conflicts(changes)
    assert [one.kind for one in error.conflicts] == ["deleted", "deleted"]
    changes.resolve(error, "mine")

    (insert,) = changes.changes
    assert isinstance(insert, Insert)
    changes.commit()
    assert rows("desks", "room", "place", "owner") == [("a", 1, "Ann"), ("a", 2, "me")]


def test_a_row_that_is_there_already(changes: ChangeSet, run: Any, rows: Any) -> None:
    changes.insert("desks", {"room": "c", "place": 1, "owner": "mine"})
    changes.insert("teams", {"id": 9, "name": "pink"})
    run("INSERT INTO desks VALUES ('c', 1, 'theirs')", "INSERT INTO teams (id, name) VALUES (9, 'rose')")
    error = conflicts(changes)
    assert [one.kind for one in error.conflicts] == ["exists", "exists"]
    assert error.conflicts[0].cells["owner"] == (None, "mine", "theirs")

    changes.resolve(error.conflicts[0], "mine")
    changes.resolve(error.conflicts[1], "theirs")
    (update,) = changes.changes
    assert isinstance(update, Update)
    changes.commit()
    assert rows("desks", "room", "place", "owner")[-1] == ("c", 1, "mine")
    assert rows("teams", "id", "name")[-1] == (9, "rose")


def test_a_new_key_makes_room_for_a_new_row(changes: ChangeSet, run: Any, rows: Any) -> None:
    new = changes.insert("desks", {"room": "c", "place": 1})
    run("INSERT INTO desks VALUES ('c', 1, 'theirs')")
    conflicts(changes)
    changes.update("desks", new, place=2)
    changes.commit()
    assert rows("desks", "room", "place")[-2:] == [("c", 1), ("c", 2)]


def test_a_version_column_guards_the_whole_row(office: Any, run: Any, rows: Any) -> None:
    run("INSERT INTO pages (id, title, body) VALUES (1, 'a', 'x'), (2, 'b', 'y')")
    changes = ChangeSet("office", version="version")
    changes.update("pages", 1, title="A")
    changes.update("people", 1, name="Anna")
    assert "version=(pages.version + " in changes.preview().statements[0].sql
    changes.commit()
    assert rows("pages", "id", "version") == [(1, 2), (2, 1)]

    changes.update("pages", 1, title="AA")
    changes.delete("pages", 2)
    run("UPDATE pages SET version = version + 1, body = 'changed'")
    error = conflicts(changes)
    assert [set(one.cells) for one in error.conflicts] == [{"version"}, {"version"}]
    changes.resolve(error, "mine")
    changes.commit()
    assert rows("pages", "id", "version", "title") == [(1, 4, "AA")]
    with pytest.raises(FieldError, match="counts versions"):
        changes.update("pages", 1, version=9)
    with pytest.raises(FieldError, match="can't count versions"):
        ChangeSet("office", version={"pages": "title"}).update("pages", 1, body="x")


def test_values_that_sql_compares_badly_conflict_too(changes: ChangeSet, run: Any) -> None:
    run("INSERT INTO pages (id, score, data, body) VALUES (1, 0.1, '{\"a\": 1}', 'old')")
    changes.update("pages", 1, score=0.2)
    run("UPDATE pages SET score = 0.3")
    assert conflicts(changes).conflicts[0].cells == {"score": (0.1, 0.2, 0.3)}
    changes.revert()
    changes.update("pages", 1, data='{"a": 2}')
    run("UPDATE pages SET data = '{\"a\": 3}'")
    assert set(conflicts(changes).conflicts[0].cells) == {"data"}
    changes.revert()
    changes.update("pages", 1, body="y" * 3000)
    run("UPDATE pages SET body = 'z'")
    assert set(conflicts(changes).conflicts[0].cells) == {"body"}


def test_letters_of_another_case_are_another_value(changes: ChangeSet, run: Any) -> None:
    changes.update("people", 2, name="Bob")
    run("UPDATE people SET name = 'BO' WHERE id = 2")
    assert conflicts(changes).conflicts[0].cells == {"name": ("Bo", "Bob", "BO")}


def test_null_is_a_value_like_others(changes: ChangeSet, run: Any) -> None:
    changes.update("people", 3, email="cy@x")
    changes.update("people", 2, salary=None)
    run("UPDATE people SET email = 'c@x' WHERE id = 3", "UPDATE people SET salary = NULL WHERE id = 2")
    assert [dict(one.cells) for one in conflicts(changes).conflicts] == [
        {"email": (None, "cy@x", "c@x")},
        {"salary": (20, None, None)},
    ]


def test_conflicts_on_another_alias_are_decided_for_it_alone(
    changes: ChangeSet, other_office: Any, run: Any, rows: Any
) -> None:
    other_office()
    changes.update("people", 2, name="Bob")
    changes.update("people", 3, name="Cyd")
    run("UPDATE people SET name = 'Bert' WHERE id = 2", "UPDATE people SET name = 'Cal' WHERE id = 3", alias="other")
    error = conflicts(changes, "other")
    assert {one.alias for one in error.conflicts} == {"other"}
    changes.resolve(error.conflicts[0], "mine")
    changes.resolve(error.conflicts[1], "theirs")
    changes.commit("other")
    assert [row[1] for row in rows("people", "id", "name", alias="other")] == ["Ann", "Bob", "Cal"]
    changes.commit()
    assert [row[1] for row in rows("people", "id", "name")] == ["Ann", "Bob", "Cyd"]


def test_what_can_not_be_resolved_is_said(changes: ChangeSet, run: Any) -> None:
    changes.update("people", 2, name="Bob")
    run("UPDATE people SET name = 'Bert' WHERE id = 2")
    error = conflicts(changes)
    with pytest.raises(FieldValueError, match="by 'mine', by 'theirs', or by value"):
        changes.resolve(error, "ours")
    with pytest.raises(FieldValueError, match="for one cell"):
        changes.resolve(error, value="x")
    with pytest.raises(FieldValueError, match="'salary' is in no conflict"):
        changes.resolve(error, "mine", column="salary")
    changes.revert()
    with pytest.raises(FieldValueError, match="staged no more"):
        changes.resolve(error, "mine")


def test_two_sets_at_once_lose_no_update(office: Any, rows: Any, target: Target) -> None:
    """Threads add one to a number through change sets of their own until each has done so ten times."""
    conflicts_met = []

    def work() -> None:
        for _ in range(10):
            changes = ChangeSet("office")
            while True:
                changes.revert()
                with databases["office"].connect() as connection:
                    (now,) = connection.exec_driver_sql("SELECT salary FROM people WHERE id = 2").one()
                changes.update("people", 2, {"salary": now + 1}, original={"salary": now})
                try:
                    changes.commit()
                    break
                except ChangeConflict as error:
                    conflicts_met.append(error.conflicts[0].kind)
                except OperationalError as error:
                    # Where others do not wait for a row, the one that is second is told to try again.
                    assert "try again" in str(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert rows("people", "id", "salary")[1] == (2, 40)
    assert set(conflicts_met) <= {"changed"}


def test_a_set_is_left_alone_while_it_is_committed(changes: ChangeSet, monkeypatch: pytest.MonkeyPatch) -> None:
    from multidb_explorer.changes import changeset

    seen: list[str] = []

    def meanwhile(*_: Any) -> Any:
        def stage() -> None:
            try:
                changes.update("people", 1, {"name": "x"}, original={"name": "Ann"})
            except WriteRefused as error:
                seen.append(str(error))

        thread = threading.Thread(target=stage)
        thread.start()
        thread.join()
        raise RuntimeError

    changes.update("people", 2, name="Bob")
    monkeypatch.setattr(changeset, "commit", meanwhile)
    with pytest.raises(RuntimeError):
        changes.commit()
    assert seen == ["This change set is being committed; change it when that is over."]
    changes.update("people", 1, name="x")


def test_a_row_that_is_gone_comes_back_without_what_the_database_computes(new_database: Any) -> None:
    mdb.connect("shop", new_database("sqlite"))
    with databases["shop"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, twice INTEGER AS (2 * n))")
        connection.exec_driver_sql("INSERT INTO t (id, n) VALUES (1, 1)")
    changes = ChangeSet("shop")
    changes.update("t", 1, n=5)
    with databases["shop"].begin() as connection:
        connection.exec_driver_sql("DELETE FROM t")
    changes.resolve(conflicts(changes), "mine")
    assert changes.commit().changes[0].after == {"id": 1, "n": 5, "twice": 10}
