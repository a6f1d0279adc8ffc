"""The inverse of a committed change set brings every value of every table back to what it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from changes.world import World
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.changes import recording
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.committed import Committed
from multidb_explorer.changes.history import clear_history, history, recorded
from multidb_explorer.changes.inverse import inverse
from multidb_explorer.changes.records import Change
from multidb_explorer.connections.registry import databases

pytestmark = pytest.mark.timeout(900)


# Whatever was changed


def made(target: Target, url: str, seed: int) -> World:
    mdb.connect("world", url)
    return World("world", target.name, Random(seed)).create().fill()


def staged(world: World, changes: list[Change]) -> ChangeSet:
    found = ChangeSet(world.alias)
    for change in changes:
        found.stage(change)
    return found


def go_there_and_back(world: World, times: int) -> None:
    """Commit random changes, undo them, and do them again, which the next ones then start from."""
    done = 0
    while done < times:
        before, changes = world.dump(), world.changes()
        there = staged(world, changes)
        if not len(there):
            # Every new value was the old one.
            continue
        committed = there.commit()
        after = world.dump()
        back = committed.inverse().commit()
        assert world.dump() == before, changes
        inverse(back.id).commit()
        assert world.dump() == after, changes
        done += 1


def held_open(world: World) -> AbstractContextManager[Any]:
    """Keep one session of a DuckDB file, which is opened anew for each where none is open."""
    return world.database.connect() if world.engine == "duckdb" else nullcontext()


def test_random_changes_are_undone_exactly_and_done_again(target: Target, url: str) -> None:
    world = made(target, url, seed=7)
    with held_open(world):
        go_there_and_back(world, 20)


@pytest.mark.slow
def test_two_hundred_random_changes_are_undone_exactly_and_done_again(target: Target, url: str) -> None:
    world = made(target, url, seed=200)
    with held_open(world):
        go_there_and_back(world, 200)


def test_many_changes_are_undone_one_after_the_other_from_the_history(target: Target, url: str) -> None:
    world = made(target, url, seed=3)
    dumps = []
    with held_open(world):
        while len(dumps) < 6:
            before, there = world.dump(), staged(world, world.changes())
            if len(there):
                there.commit()
                dumps.append(before)
        for id_, before in zip(history("world")["id"], reversed(dumps), strict=True):
            inverse(id_).commit()
            assert world.dump() == before

    ids = list(history("world")["id"])
    assert list(history("world")["undone_by"][6:]) == ids[:6][::-1]
    assert list(history("world")["undoes"][:6]) == ids[6:][::-1]


def test_a_family_comes_back_together(target: Target, url: str) -> None:
    world = made(target, url, seed=1)
    world.read()
    customer = next(row for row in world.rows["customers"] if len(list(world._family("customers", row))) > 2)
    there = ChangeSet("world")
    for table, row in world._family("customers", customer):
        there.delete(table, row)
    before = world.dump()
    if not world.families:
        with pytest.raises(mdb.errors.NotSupportedError, match=r"DuckDB can't delete rows and.*the rows that they"):
            there.commit()
        assert world.dump() == before
        return
    committed = there.commit()
    assert world.dump() != before
    committed.inverse().commit()

    assert world.dump() == before


def test_new_rows_that_refer_to_each_other_go_together(target: Target, url: str) -> None:
    world = made(target, url, seed=1)
    before = world.dump()
    there = ChangeSet("world")
    there.insert("customers", world.customer(900))
    there.insert("orders", world.order(901, 900))
    there.insert("order_lines", world.line(901, 1))
    committed = there.commit()
    if not world.families:
        with pytest.raises(mdb.errors.NotSupportedError, match=r"DuckDB can't delete rows and.*the rows that they"):
            committed.inverse().commit()
        return
    committed.inverse().commit()

    assert world.dump() == before


def test_a_row_comes_back_under_the_number_that_it_had(target: Target, url: str) -> None:
    world = made(target, url, seed=1)
    for table in {"numbered", "always_numbered"}.intersection(world.tables):
        before = world.dump()
        there = ChangeSet("world")
        there.delete(table, 2)
        there.insert(table, name="new")
        committed = there.commit()
        committed.inverse().commit()
        assert world.dump() == before

        there.insert(table, name="newer")
        number = there.commit().changes[0].after["id"]
        assert number not in {1, 2, 3, 4}


def test_values_that_other_rows_took_meanwhile_come_back(target: Target, url: str) -> None:
    world = made(target, url, seed=1)
    there = ChangeSet("world")
    for number, email in ((2, "two"), (3, "three"), (4, "four")):
        there.update("customers", number, email=email)
    if not world.database.backend.features.updates_indexed_columns:
        with pytest.raises(mdb.errors.RowsRejected, match="still referenced by a foreign key"):
            there.commit()
        return
    there.commit()
    before = world.dump()
    there.update("customers", 2, email=None)
    there.update("customers", 3, email="two")
    there.insert("customers", {**world.customer(900), "email": "three"})
    committed = there.commit()
    committed.inverse().commit()

    assert world.dump() == before


def test_keys_that_wander_come_back(target: Target, url: str) -> None:
    world = made(target, url, seed=1)
    with world.database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO computed (id, price, quantity) VALUES (50, 1, 1), (51, 2, 2), (52, 3, 3)"
        )
    before = world.dump()
    there = ChangeSet("world")
    there.delete("computed", 50)
    there.update("computed", 51, id=50)
    there.update("computed", 52, id=51, price=9)
    there.insert("computed", world.priced(52))
    committed = there.commit()
    committed.inverse().commit()

    assert world.dump() == before


def test_a_table_of_another_schema_is_undone_there(new_database: Any) -> None:
    mdb.connect("default", new_database("postgresql"))
    with databases["default"].begin() as connection:
        for schema in ("public", "sales"):
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            connection.exec_driver_sql(f"CREATE TABLE {schema}.users (id int PRIMARY KEY, name text)")
            connection.exec_driver_sql(f"INSERT INTO {schema}.users VALUES (1, '{schema}')")
    there = ChangeSet()
    there.update("sales.users", 1, name="x")
    there.commit()
    inverse(history()["id"][0]).commit()

    with databases["default"].connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM public.users UNION SELECT name FROM sales.users")
        assert {name for (name,) in found} == {"public", "sales"}


def test_what_the_database_sets_by_itself_on_an_update_comes_back(new_database: Any) -> None:
    mdb.connect("default", new_database("mariadb"))
    with databases["default"].begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE t (id int PRIMARY KEY, n int, "
            "at datetime(6) DEFAULT '2001-01-01' ON UPDATE CURRENT_TIMESTAMP(6))"
        )
        connection.exec_driver_sql("INSERT INTO t (id, n) VALUES (1, 1)")
    there = ChangeSet()
    there.update("t", 1, n=2)
    committed = there.commit()
    committed.inverse().commit()

    assert dict(committed.changes[0].after)["at"].year > 2001
    with databases["default"].connect() as connection:
        assert str(connection.exec_driver_sql("SELECT at FROM t").scalar()) == "2001-01-01 00:00:00"


# Who was there meanwhile, and what is known


@pytest.fixture
def users(tmp_path: Path) -> ChangeSet:
    """Give a change set for a table with Ann and Bo."""
    mdb.configure({"default": f"sqlite:///{tmp_path / 'users.db'}"})
    make_users("default")
    return ChangeSet()


def make_users(alias: str) -> None:
    with databases[alias].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)")
        connection.exec_driver_sql("INSERT INTO users VALUES (1, 'Ann', 30), (2, 'Bo', 40)")


def run(sql: str, alias: str = "default") -> list[tuple[Any, ...]]:
    with databases[alias].begin() as connection:
        found = connection.exec_driver_sql(sql)
        return [tuple(row) for row in found] if found.returns_rows else []


def names(alias: str = "default") -> list[str]:
    return [name for (name,) in run("SELECT name FROM users ORDER BY id", alias)]


def anna(users: ChangeSet) -> Committed:
    users.update("users", 1, name="Anna")
    return users.commit()


def test_it_is_shown_before_it_is_committed(users: ChangeSet) -> None:
    back = anna(users).inverse()

    assert "UPDATE users SET name=?" in str(back.preview())
    assert names() == ["Anna", "Bo"]


def test_what_somebody_else_changed_since_is_left_alone(users: ChangeSet) -> None:
    users.delete("users", 2)
    committed = anna(users)
    run("UPDATE users SET name = 'Annabel' WHERE id = 1")
    back = committed.inverse()

    with pytest.raises(mdb.errors.ChangeConflict) as caught:
        back.commit()
    assert names() == ["Annabel"]
    back.resolve(caught.value, "theirs")
    back.commit()
    assert names() == ["Annabel", "Bo"]


def test_a_new_row_that_somebody_changed_since_does_not_go(users: ChangeSet) -> None:
    users.insert("users", name="Cy")
    committed = users.commit()
    run("UPDATE users SET age = 1 WHERE name = 'Cy'")

    with pytest.raises(mdb.errors.ChangeConflict):
        committed.inverse().commit()
    assert names() == ["Ann", "Bo", "Cy"]


def test_a_column_that_was_not_changed_may_have_changed_since(users: ChangeSet) -> None:
    committed = anna(users)
    run("UPDATE users SET age = 31 WHERE id = 1")
    committed.inverse().commit()

    assert run("SELECT name, age FROM users WHERE id = 1") == [("Ann", 31)]


def test_another_database_under_the_alias_is_left_alone(users: ChangeSet, tmp_path: Path) -> None:
    committed = anna(users)
    mdb.connect("default", f"sqlite:///{tmp_path / 'other.db'}")
    make_users("default")
    run("UPDATE users SET name = 'Anna' WHERE id = 1")

    for of in (committed, committed.id):
        with pytest.raises(mdb.errors.WriteRefused, match=r"another database now(?s:.)*using='default'"):
            inverse(of)
    inverse(committed.id, using="default").commit()
    assert names() == ["Ann", "Bo"]
    # Where it was committed, it is not undone.
    assert history()["undone_by"].isna().all()


def test_a_column_that_is_gone_by_now_is_named(users: ChangeSet) -> None:
    users.delete("users", 1)
    committed = users.commit()
    run("ALTER TABLE users DROP COLUMN age")
    mdb.aliases["default"].refresh()

    with pytest.raises(mdb.errors.FieldError, match="no column 'age'"):
        committed.inverse()


def test_a_row_that_was_not_seen_cannot_be_brought_back(users: ChangeSet) -> None:
    committed = anna(users)
    unseen = replace(committed, changes=(replace(committed.changes[0], before=None),))

    with pytest.raises(mdb.errors.WriteRefused, match="not known how a row of table 'users' was"):
        unseen.inverse()


def test_it_can_be_undone_on_another_alias(users: ChangeSet, tmp_path: Path) -> None:
    mdb.connect("copy", f"sqlite:///{tmp_path / 'copy.db'}")
    make_users("copy")
    users.update("users", 1, name="Anna")
    committed = users.commit("copy")
    users.commit()
    committed.inverse(using="default").commit()

    assert names() == ["Ann", "Bo"]
    assert names("copy") == ["Anna", "Bo"]


def test_what_is_undone_already_is_said(users: ChangeSet, capsys: pytest.CaptureFixture[str]) -> None:
    committed = anna(users)
    back = committed.inverse().commit()
    assert capsys.readouterr().err == ""
    assert committed.inverse().changes
    assert f"undone already, by {back.id!r}" in capsys.readouterr().err

    back.inverse().commit()
    committed.inverse()
    assert capsys.readouterr().err == ""
    assert recorded(committed.id).undone_by is None


def test_the_history_tells_which_undoes_which(users: ChangeSet) -> None:
    committed = anna(users)
    back = inverse(committed.id).commit()
    found = history().set_index("id")

    assert found.loc[committed.id, "undone_by"] == back.id
    assert found.loc[back.id, "undoes"] == committed.id


def test_without_images_it_cannot_be_undone_later(users: ChangeSet, tmp_path: Path) -> None:
    mdb.connect("default", f"sqlite:///{tmp_path / 'users.db'}", history="statements")
    committed = anna(ChangeSet())

    assert not any(b"Ann" in path.read_bytes() for path in recording.history_folder().iterdir())
    with pytest.raises(mdb.errors.WriteRefused, match="history='images'"):
        inverse(committed.id)
    committed.inverse().commit()
    assert names() == ["Ann", "Bo"]


def test_without_a_history_it_can_be_undone_while_it_is_at_hand(users: ChangeSet, tmp_path: Path) -> None:
    mdb.connect("default", f"sqlite:///{tmp_path / 'users.db'}", history="off")
    committed = anna(ChangeSet())

    with pytest.raises(mdb.errors.WriteRefused, match="no change set"):
        inverse(committed.id)
    committed.inverse().commit()
    assert names() == ["Ann", "Bo"]
    assert len(history()) == 0


def test_an_update_that_changed_nothing_has_nothing_to_undo(users: ChangeSet) -> None:
    users.update("users", 1, {"name": "Ann"}, original={"name": "An"})
    with pytest.raises(mdb.errors.ChangeConflict) as caught:
        users.commit()
    users.resolve(caught.value, "mine")

    if len(users):
        assert len(users.commit().inverse()) == 0


# What happens to the history when a commit does not get through


def test_a_commit_whose_history_cannot_be_written_writes_nothing(
    users: ChangeSet, monkeypatch: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MULTIDB_STATE_DIR", str(tmp_path / "file"))

    with pytest.raises(mdb.errors.WriteRefused, match=r"Nothing was committed(?s:.)*history='off'"):
        anna(users)
    assert names() == ["Ann", "Bo"]


def test_a_commit_that_the_database_refuses_is_not_in_the_history(users: ChangeSet) -> None:
    run("CREATE UNIQUE INDEX one_name ON users (name)")
    users.update("users", 1, name="Bo")
    with pytest.raises(mdb.errors.RowsRejected):
        users.commit()

    assert len(history()) == 0


def test_a_commit_in_a_block_that_is_rolled_back_is_not_in_the_history(users: ChangeSet) -> None:
    with pytest.raises(ZeroDivisionError), mdb.atomic():
        anna(users)
        assert list(history()["state"]) == ["unknown"]
        raise ZeroDivisionError

    assert len(history()) == 0
    assert names() == ["Ann", "Bo"]


def test_a_commit_in_a_block_is_in_the_history_when_the_block_is_committed(users: ChangeSet) -> None:
    with mdb.atomic():
        committed = anna(users)
        committed.inverse().commit()

    assert list(history()["state"]) == ["committed", "committed"]
    assert names() == ["Ann", "Bo"]


# Processes

PROGRAM = """
import os, signal, sys
import multidb_explorer as mdb
from multidb_explorer.changes import recording
from multidb_explorer.changes.changeset import ChangeSet

mdb.configure({"default": sys.argv[1]})

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def start(program: str, url: str, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM + program, url, *more])


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("moment", "left"), [("before", ["Ann", "Bo"]), ("after", ["Anna", "Bo"])])
def test_a_process_killed_around_its_commit_leaves_it_unknown(users: ChangeSet, moment: str, left: list[str]) -> None:
    program = """
if sys.argv[2] == "before":
    begin = recording.begin
    recording.begin = lambda committed: kill(begin(committed))
else:
    recording.done = kill
changes = ChangeSet()
changes.update("users", 1, name="Anna")
changes.commit()
"""
    assert start(program, str(databases["default"].url), moment).wait() == -signal.SIGKILL

    assert names() == left
    found = history()
    assert list(found["state"]) == ["unknown"]
    with pytest.raises(mdb.errors.WriteRefused, match=r"not known whether(?s:.)*'users'"):
        inverse(found["id"][0])


def test_processes_that_commit_at_once_are_all_in_the_history(users: ChangeSet) -> None:
    program = """
for number in range(8):
    changes = ChangeSet()
    changes.insert("users", name=sys.argv[2] + str(number))
    changes.commit()
"""
    running = [start(program, str(databases["default"].url), name) for name in "xy"]

    assert [process.wait() for process in running] == [0, 0]
    found = history()
    assert set(found["state"]) == {"committed"}
    for id_ in found["id"]:
        inverse(id_).commit()
    assert len(found) == 16
    assert names() == ["Ann", "Bo"]


# Secrets


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_no_file_of_the_history_holds_a_password(engine: str, new_database: Any) -> None:
    url = new_database(engine)
    secret = str(sa.make_url(url).password)
    mdb.connect("default", url, label="a shop")
    run("CREATE TABLE users (id int PRIMARY KEY, name varchar(20))")
    users = ChangeSet()
    users.insert("users", id=1, name="Ann")
    users.commit()
    texts = [path.read_bytes() for path in recording.history_folder().iterdir()]

    assert len(texts) == 1
    assert b"a shop" in texts[0]
    assert secret.encode() not in texts[0]
    assert quote(secret, safe="").encode() not in texts[0]
    assert clear_history() == 1
