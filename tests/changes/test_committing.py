"""Committing: the exact statements, one transaction, the order of rows, and what is refused and by whom."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.records import Delete, Insert, Update
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import (
    ConfirmationRequired,
    NotSupportedError,
    ProtectedRows,
    RowsRejected,
    WriteRefused,
)
from multidb_explorer.schema.inspector import catalog_of


@pytest.fixture
def changes(office: Any) -> ChangeSet:
    return ChangeSet("office")


def written(sent: list[Any]) -> list[Any]:
    return [s for s in sent if s.sql.split()[0] in ("INSERT", "UPDATE", "DELETE")]


def test_everything_is_written_and_told(changes: ChangeSet, office: Any, rows: Any) -> None:
    changes.update("people", 1, name="Anna", salary="11.00")
    new = changes.insert("people", {"team_id": 2, "name": "Di"})
    changes.delete("desks", ("b", 1))
    before = dt.datetime.now(dt.UTC)
    done = changes.commit()

    assert rows("people", "id", "name")[0] == (1, "Anna")
    assert rows("people", "name")[-1] == ("Di",)
    assert rows("desks", "room", "place") == [("a", 1), ("a", 2)]
    assert (done.alias, done.fingerprint) == ("office", office.fingerprint)
    assert done.counts == {"people": (1, 1, 0), "desks": (0, 0, 1)}
    assert before <= done.at <= dt.datetime.now(dt.UTC)
    assert len(done.id) == 32
    assert not changes
    assert not changes.undo()
    images = {type(one.change): one for one in done.changes}
    assert images[Insert].before is None
    assert images[Insert].change.token == new.token
    assert images[Insert].after["name"] == "Di"
    assert images[Insert].after["id"] is not None
    assert images[Update].before["name"] == "Ann"
    assert images[Update].after["name"] == "Anna"
    assert set(images[Update].after) == {"id", "team_id", "name", "email", "boss_id", "salary", "code"}
    assert images[Delete].before == {"room": "b", "place": 1, "owner": None}
    assert images[Delete].after is None
    assert "Committed to 'office' at" in str(done)
    assert "1 changed, 1 new, 1 deleted" in done._repr_html_()


def test_what_is_previewed_is_what_is_sent(changes: ChangeSet, office: Any, run: Any) -> None:
    run("INSERT INTO pages (id, title, score, seen, day) VALUES (1, 'a', 0.5, '2026-01-02 03:04:05', '2026-01-02')")
    changes.update("pages", 1, title="b", score=1.5, seen=dt.datetime(2026, 1, 2), day=None, data='{"a": 1}')
    changes.update("people", 2, name="Bob", email=None)
    changes.insert("people", {"id": 7, "team_id": 2, "name": "Di"})
    changes.delete("people", 3)
    changes.delete("desks", [("a", 1), ("b", 1)])
    preview = changes.preview()
    with statements(office) as sent:
        done = changes.commit()

    assert [s.sql for s in written(sent)] == [s.sql for s in preview.statements]
    assert [len(s.parameters) for s in written(sent)] == [len(s.parameters) for s in preview.statements]
    assert done.statements == preview.statements
    assert preview.counts == {"office": done.counts}


def test_the_exact_statements(new_database: Any) -> None:
    mdb.connect("shop", new_database("sqlite"))
    with databases["shop"].begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, x FLOAT, day DATE, data JSON)"
        )
        connection.exec_driver_sql("INSERT INTO things VALUES (1, 'a', NULL, 0.5, '2026-01-02', '{}')")
        connection.exec_driver_sql("INSERT INTO things VALUES (2, 'b', 2, 0.5, '2026-01-02', '{}')")
    changes = ChangeSet("shop")
    changes.update("things", 1, name="it's", n=5, x=1.5, day=None, data=[1])
    changes.insert("things", {"name": "new"})
    changes.insert("things", {})
    changes.delete("things", 2)

    assert str(changes.preview()).splitlines() == [
        "-- shop: 1 changed, 2 new, 1 deleted, 4 statements",
        "INSERT INTO things (name) VALUES (?) RETURNING id",
        "  [name='new']",
        "INSERT INTO things DEFAULT VALUES RETURNING id",
        "UPDATE things SET name=?, n=?, x=?, day=NULL, data=? WHERE things.id = ? AND things.name = ? AND things.n IS NULL",  # noqa: E501
        "  [name=\"it's\", n=5, x=1.5, data='[1]', id_1=1, name_1='a']",
        "DELETE FROM things WHERE things.id = ? AND things.name = ? AND things.n = ?",
        "  [id_1=2, name_1='b', n_1=2]",
    ]
    assert "it&#x27;s" in changes.preview()._repr_html_()
    changes.commit()


def test_long_values_are_cut_on_the_screen_only(changes: ChangeSet) -> None:
    body = "x" * 10_000
    changes.insert("pages", {"id": 1, "body": body})
    preview = changes.preview()

    assert preview.statements[0].parameters["body"] == body
    assert body not in str(preview)
    assert "10,000 characters" in str(preview)
    assert body not in preview._repr_html_()


def test_the_statements_are_few(changes: ChangeSet, office: Any) -> None:
    changes.insert("teams", {"name": "pink"})
    changes.commit()
    changes.update("desks", [("a", 1), ("a", 2)], {"owner": "x"})
    with statements(office) as sent:
        changes.commit()

    kinds = [s.sql.split()[0] for s in sent]
    assert [kind for kind in kinds if kind in ("SELECT", "UPDATE")] == ["SELECT", "UPDATE", "UPDATE", "SELECT"]


def test_new_rows_come_after_the_rows_they_refer_to(changes: ChangeSet, rows: Any) -> None:
    changes.insert("people", {"id": 20, "team_id": 10, "name": "Under", "boss_id": 21})
    changes.insert("people", {"id": 21, "team_id": 10, "name": "Over"})
    changes.insert("teams", {"id": 10, "name": "pink"})
    changes.commit()

    assert rows("people", "id", "boss_id")[-2:] == [(20, 21), (21, None)]


def test_a_new_row_can_refer_to_one_that_has_no_number_yet(changes: ChangeSet, rows: Any) -> None:
    team = changes.insert("teams", {"name": "pink"})
    boss = changes.insert("people", {"team_id": team, "name": "Over"})
    changes.insert("people", {"team_id": team, "name": "Under", "boss_id": boss})
    changes.update("people", 3, team_id=team)
    assert "(id of the new teams row)" in str(changes.preview())
    changes.commit()

    ((number,),) = [row[1:] for row in rows("teams", "name", "id") if row[0] == "pink"]
    people = {
        name: (team_id, boss_id, key)
        for name, team_id, boss_id, key in rows("people", "name", "team_id", "boss_id", "id")
    }
    assert people["Over"][:2] == (number, None)
    assert people["Under"][:2] == (number, people["Over"][2])
    assert people["Cy"][0] == number


def test_a_row_that_waits_for_a_reverted_one_is_rejected(changes: ChangeSet) -> None:
    team = changes.insert("teams", {"name": "pink"})
    changes.insert("people", {"team_id": team, "name": "Di"})
    changes.revert("teams", team)
    with pytest.raises(RowsRejected, match="refers to a new row of 'teams' that is staged no more"):
        changes.commit()


def test_who_refers_goes_before_what_it_refers_to(changes: ChangeSet, target: Target, rows: Any) -> None:
    changes.delete("people", [1, 2, 3])
    if target.name == "duckdb":
        with pytest.raises(NotSupportedError, match="Commit the changes in 'people' first"):
            changes.commit()
        return
    changes.delete("teams", 1)
    changes.commit()

    assert rows("people", "id") == []
    assert rows("teams", "id") == [(2,), (3,)]


def test_rows_that_others_refer_to_are_protected(changes: ChangeSet, rows: Any) -> None:
    changes.delete("people", 1)
    with pytest.raises(ProtectedRows, match="row id=1 of table 'people'") as caught:
        changes.commit()
    assert caught.value.counts == {"people": 2}
    changes.revert()
    changes.delete("teams", [1, 3])
    with pytest.raises(ProtectedRows) as caught:
        changes.commit()
    assert caught.value.counts == {"people": 2}
    assert len(rows("teams", "id")) == 3


def test_who_turns_away_in_the_same_set_is_not_in_the_way(changes: ChangeSet, rows: Any, target: Target) -> None:
    changes.update("people", 3, team_id=1)
    changes.delete("teams", 2)
    if target.name == "duckdb":
        with pytest.raises(NotSupportedError, match="Commit the changes in 'people' first"):
            changes.commit()
        return
    changes.commit()

    assert rows("teams", "id") == [(1,), (3,)]


def test_references_are_looked_up_before_anything_is_written(changes: ChangeSet, office: Any) -> None:
    changes.insert("people", [{"team_id": 77, "name": "Di"}, {"team_id": 1, "name": "Ed", "boss_id": 88}])
    changes.update("people", 1, team_id=79)
    with statements(office) as sent, pytest.raises(RowsRejected) as caught:
        changes.commit()

    assert [(one.column, one.rule) for one in caught.value.rejections] == [
        ("team_id", "foreign_key"),
        ("boss_id", "foreign_key"),
        ("team_id", "foreign_key"),
    ]
    assert "team_id=77 of table 'people' on alias 'office' refers to a row of table 'teams', and there is none" in str(
        caught.value
    )
    assert written(sent) == []


def test_a_row_can_not_refer_to_one_that_goes(changes: ChangeSet) -> None:
    changes.delete("teams", 3)
    changes.insert("people", {"team_id": 3, "name": "Di"})
    with pytest.raises(RowsRejected, match="which is staged for deletion"):
        changes.commit()


def test_missing_values_are_all_listed_before_any_sql(changes: ChangeSet, office: Any) -> None:
    changes.insert("people", {"name": "Di"})
    changes.insert("people", {"team_id": 1})
    with statements(office) as sent, pytest.raises(RowsRejected) as caught:
        changes.commit()
    assert [(one.row, one.column, one.rule) for one in caught.value.rejections] == [
        (0, "team_id", "missing"),
        (1, "name", "missing"),
    ]
    assert sent == []


def test_unique_and_check_violations_name_their_rows(changes: ChangeSet, target: Target, rows: Any) -> None:
    changes.insert("people", {"team_id": 1, "name": "Di", "email": "ann@x"})
    changes.update("people", 2, salary=-1)
    changes.insert("teams", {"name": "red"})
    with pytest.raises(RowsRejected) as caught:
        changes.commit()

    found = [(one.column, one.rule) for one in caught.value.rejections]
    expected = [("name", "unique"), ("email", "unique"), ("salary", "check")]
    assert found == (expected[:1] if target.name == "duckdb" else expected)
    assert "has a row with name='red' already (id=1)" in str(caught.value)
    assert len(rows("people", "id")) == len(rows("teams", "id")) == 3
    assert len(changes) == 3


def test_a_unique_value_can_go_from_one_row_to_another(changes: ChangeSet, rows: Any, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB keeps a unique value that was given up until the transaction ends")
    changes.update("people", 3, email="bo@x")
    changes.update("people", 2, email=None)
    changes.commit()

    assert rows("people", "id", "email")[1:] == [(2, None), (3, "bo@x")]


def test_unique_values_can_be_swapped(changes: ChangeSet, rows: Any, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB keeps a unique value that was given up until the transaction ends")
    changes.update("people", 1, email="bo@x")
    changes.update("people", 2, email="ann@x", name="Bob")
    changes.commit()

    assert rows("people", "id", "email", "name")[:2] == [(1, "bo@x", "Ann"), (2, "ann@x", "Bob")]


def test_a_swap_without_a_place_in_between_is_refused(changes: ChangeSet) -> None:
    changes.update("teams", 1, name="blue")
    changes.update("teams", 2, name="red")
    with pytest.raises(WriteRefused, match="teams id=.; teams id=.*wait for each other|wait for each other"):
        changes.commit()


def test_a_deleted_row_leaves_its_unique_value_to_a_new_one(changes: ChangeSet, rows: Any, target: Target) -> None:
    changes.delete("teams", 3)
    changes.insert("teams", {"id": 30, "name": "green"})
    if target.name == "duckdb":
        pytest.skip("DuckDB keeps a deleted unique value until the transaction ends")
    changes.commit()
    assert rows("teams", "id") == [(1,), (2,), (30,)]


def test_two_tables_that_refer_to_each_other(
    changes: ChangeSet, run: Any, rows: Any, target: Target, office: Any
) -> None:
    if target.name in ("duckdb", "sqlite"):
        pytest.skip("no key can be added to a table that is there")
    run(
        "ALTER TABLE teams ADD COLUMN lead_id INTEGER",
        "ALTER TABLE teams ADD CONSTRAINT leads FOREIGN KEY (lead_id) REFERENCES people (id)",
    )
    catalog_of(office).refresh()
    team = changes.insert("teams", {"name": "pink"})
    lead = changes.insert("people", {"team_id": team, "name": "Di"})
    changes.update("teams", team, lead_id=lead)
    done = changes.commit()

    assert [s.sql.split()[0] for s in done.statements] == ["INSERT", "INSERT", "UPDATE"]
    key = done.changes[0].after["id"]
    assert done.changes[0].after["lead_id"] == done.changes[1].after["id"]
    changes.delete("teams", key)
    changes.delete("people", done.changes[1].after["id"])
    changes.commit()
    assert len(rows("teams", "id")) == 3


def test_a_row_that_is_its_own_boss(changes: ChangeSet, rows: Any, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB sees a row only from the next transaction on")
    new = changes.insert("people", {"team_id": 1, "name": "Di"})
    changes.update("people", new, boss_id=new)
    done = changes.commit()
    key = done.changes[0].after["id"]
    assert done.changes[0].after["boss_id"] == key
    changes.delete("people", key)
    changes.commit()
    assert len(rows("people", "id")) == 3


def test_bosses_in_a_circle_go_together(changes: ChangeSet, run: Any, rows: Any, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB deletes no families")
    run("UPDATE people SET boss_id = 2 WHERE id = 1", "UPDATE people SET boss_id = NULL WHERE id = 3")
    changes.delete("people", [1, 2])
    changes.commit()
    assert rows("people", "id") == [(3,)]


def test_a_key_can_be_changed(changes: ChangeSet, rows: Any) -> None:
    changes.update("desks", ("a", 1), place=9)
    changes.insert("desks", {"room": "a", "place": 1, "owner": "new"})
    done = changes.commit()

    assert rows("desks", "room", "place", "owner") == [("a", 1, "new"), ("a", 2, "Bo"), ("a", 9, "Ann"), ("b", 1, None)]
    assert {one.after["place"] for one in done.changes} == {1, 9}


def test_values_that_sql_compares_badly_are_guarded_and_written(changes: ChangeSet, run: Any, rows: Any) -> None:
    run(
        "INSERT INTO pages (id, title, score, data, seen, day, body) VALUES "
        "(1, 'a', 0.1, '{\"b\": 1, \"a\": 2}', '2026-01-02 03:04:05.123456', '2026-01-02', 'long')"
    )
    changes.update("pages", 1, score=0.3, data='{"a": 3}', photo=b"\x00\xff", body="y" * 5000)
    changes.commit()
    changes.update("pages", 1, score=0.5, data=None, photo=None, seen=None, day="2026-05-05")
    changes.commit()
    changes.delete("pages", 1)
    changes.commit()
    assert rows("pages", "id") == []


def test_char_columns_are_matched(changes: ChangeSet, rows: Any) -> None:
    changes.update("people", 1, code="cd")
    changes.commit()
    changes.delete("people", 3)
    changes.commit()
    assert rows("people", "id", "code")[0][1].rstrip() == "cd"


def test_an_empty_set_has_nothing_to_commit(changes: ChangeSet) -> None:
    with pytest.raises(WriteRefused, match="Nothing is staged"):
        changes.commit()
    assert str(changes.preview()) == "Nothing is staged."
    assert repr(changes) == "nothing staged"


def test_an_alias_that_asks_first_is_asked(office: Any, url: str) -> None:
    office.dispose()
    mdb.connect("prod", url, confirm="writes")
    changes = ChangeSet("prod")
    changes.update("people", 1, name="Anna")
    with pytest.raises(ConfirmationRequired):
        changes.commit()
    with pytest.raises(ConfirmationRequired):
        changes.commit(confirm="office")
    assert changes.commit(confirm="prod").counts == {"people": (0, 1, 0)}


def test_a_block_around_the_commit_decides(changes: ChangeSet, rows: Any) -> None:
    changes.update("people", 1, name="Anna")
    with pytest.raises(RuntimeError), mdb.atomic("office"):
        changes.commit()
        assert not changes
        raise RuntimeError
    assert rows("people", "id", "name")[0] == (1, "Ann")
    assert changes.value("people", 1, "name") == "Anna"
    with mdb.atomic("office"):
        changes.commit()
    assert rows("people", "id", "name")[0] == (1, "Anna")
    assert not changes


def test_a_failed_commit_leaves_the_block_around_it_usable(changes: ChangeSet, rows: Any, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB has no savepoints")
    changes.update("people", 1, salary=-1)
    with mdb.atomic("office"):
        with pytest.raises(RowsRejected):
            changes.commit()
        changes.update("people", 1, salary=1)
        changes.commit()
    assert rows("people", "id", "salary")[0][1] == 1


def test_another_alias_gets_the_same_changes(changes: ChangeSet, other_office: Any, rows: Any) -> None:
    other_office(rows=True)
    changes.update("people", 1, name="Anna")
    changes.insert("teams", {"id": 9, "name": "pink"})
    changes.delete("desks", ("b", 1))
    assert {s.alias for s in changes.preview("other").statements} == {"other"}
    done = changes.commit(using="other")

    assert done.alias == "other"
    assert rows("people", "id", "name", alias="other")[0] == (1, "Anna")
    assert rows("people", "id", "name")[0] == (1, "Ann")
    assert len(changes) == 3
    changes.commit()
    assert rows("people", "id", "name")[0] == (1, "Anna")


def test_another_engine_gets_the_same_changes(changes: ChangeSet, new_database: Any) -> None:
    mdb.connect("elsewhere", new_database("sqlite"))
    with databases["elsewhere"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE People (ID INTEGER PRIMARY KEY, Name VARCHAR(5))")
        connection.exec_driver_sql("INSERT INTO People VALUES (1, 'Ann')")
    changes.update("people", 1, name="Anna")
    assert changes.commit(using="elsewhere").counts == {"People": (0, 1, 0)}
    changes.update("people", 1, name="Anastasia")
    with pytest.raises(RowsRejected, match="keeps 5"):
        changes.preview("elsewhere")


def test_an_alias_that_became_another_database_is_refused(changes: ChangeSet, other_office: Any) -> None:
    changes.update("people", 1, name="Anna")
    other = other_office("other")
    url = other.settings.connect_url().render_as_string(hide_password=False)
    mdb.connect("office", url)
    with pytest.raises(WriteRefused, match="is another database now"):
        changes.commit()


def test_large_sets(changes: ChangeSet, rows: Any) -> None:
    changes.insert("desks", [{"room": "x", "place": number} for number in range(300)])
    changes.commit()
    changes.update("desks", [("x", number) for number in range(300)], {"owner": "me"})
    changes.commit()
    changes.delete("desks", [("x", number) for number in range(300)])
    assert changes.commit().counts == {"desks": (0, 0, 300)}
    assert len(rows("desks", "room")) == 3


def test_meta_key_of_a_model_tells_rows_apart(office: Any) -> None:
    class Named(mdb.Model):
        name = sa.Column(sa.String(20))
        email = sa.Column(sa.String(40))

        class Meta:
            table = "people"
            using = "office"
            key = ("email",)

    changes = ChangeSet("office")
    changes.update(Named, "bo@x", name="Bob")
    assert changes.commit().changes[0].after["id"] == 2
