"""Aliases that ask before writes: in code, from a notebook cell, and where nobody can answer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer import errors
from multidb_explorer.connections.confirming import confirmed
from multidb_explorer.connections.registry import databases
from multidb_explorer.results.typed import read_sql_text

ASKING = ("writes", "production")


def ids() -> set[int]:
    return {user.pk for user in User.objects.all()}


@pytest.mark.parametrize("setting", ASKING)
def test_a_write_that_nobody_confirmed_is_refused_before_a_connection_is_opened(
    new_database: Any, setting: str
) -> None:
    url = new_database("sqlite")
    shop.make("legacy", url, confirm=setting)
    mdb.disconnect("legacy")
    mdb.connect("legacy", url, confirm=setting)
    database = databases["legacy"]

    def block() -> None:
        with mdb.atomic("legacy"):
            pass

    for write in (lambda: database.begin().__enter__(), lambda: read_sql_text(database, "x", write=True), block):
        with pytest.raises(errors.ConfirmationRequired) as caught:
            write()
        for part in ("'legacy'", setting, "mdb.confirmed('legacy')", "confirm='legacy'"):
            assert part in str(caught.value)
    assert database.state == "idle"


def test_a_refused_save_writes_nothing(url: str) -> None:
    shop.make("legacy", url, confirm="production")
    user = User.objects.get(pk=2)
    user.name = "changed"
    with pytest.raises(errors.ConfirmationRequired):
        user.save()
    with pytest.raises(errors.ConfirmationRequired):
        user.delete()
    with pytest.raises(errors.ConfirmationRequired):
        User(id=50, name="new").save()

    assert ids() == {1, 2, 3, 4}
    assert User.objects.get(pk=2).name == "Bo"


def test_reading_asks_nothing(url: str) -> None:
    database = shop.make("legacy", url, confirm="production")

    assert User.objects.count() == 4
    assert read_sql_text(database, "SELECT count(*) AS n FROM users").to_pylist() == [{"n": 4}]


def test_the_alias_is_a_word_for_one_call(url: str) -> None:
    shop.make("legacy", url, confirm="production")
    user = User(id=50, name="new")
    user.save(confirm="legacy")
    with pytest.raises(errors.ConfirmationRequired):
        User(id=51, name="new").save()
    user.delete(confirm="legacy")

    assert ids() == {1, 2, 3, 4}


def test_a_block_is_confirmed_once_for_all_that_is_written_in_it(url: str) -> None:
    shop.make("legacy", url, confirm="production")
    with mdb.atomic("legacy", confirm="legacy"):
        User(id=50, name="new").save()
        with mdb.atomic("legacy"):
            User(id=51, name="new").save()
    with confirmed("legacy"):
        User(id=52, name="new").save()
        User(id=53, name="new").save()
    with pytest.raises(errors.ConfirmationRequired):
        User(id=54, name="new").save()

    assert ids() >= {50, 51, 52, 53}
    assert 54 not in ids()


@pytest.mark.parametrize("setting", ["never", *ASKING])
def test_the_word_for_another_alias_is_refused(url: str, setting: str) -> None:
    shop.make("legacy", url, confirm=setting)
    with pytest.raises(errors.ConfirmationRequired, match="confirm='new' does not name the alias"):
        User(id=50, name="new").save(confirm="new")
    with pytest.raises(errors.ConfirmationRequired, match="confirm='new'"):
        User.objects.get(pk=2).delete(confirm="new")
    with pytest.raises(errors.ConfirmationRequired, match="confirm='new'"), mdb.atomic("legacy", confirm="new"):
        pass

    assert ids() == {1, 2, 3, 4}


def test_one_alias_that_is_confirmed_confirms_no_other(new_database: Any) -> None:
    shop.make("legacy", new_database("sqlite"), confirm="writes")
    shop.make("new", new_database("sqlite"), confirm="writes")
    with confirmed("new"), pytest.raises(errors.ConfirmationRequired, match="'legacy'"):
        User(id=50, name="x").save()
    with confirmed("new", "legacy"):
        User(id=50, name="x").save()
    with pytest.raises(errors.ConnectionDoesNotExist, match="'nwe'"), confirmed("nwe"):
        pass


def test_an_error_ends_what_was_confirmed(new_database: Any) -> None:
    shop.make("legacy", new_database("sqlite"), confirm="writes")
    with pytest.raises(RuntimeError), confirmed("legacy"):
        raise RuntimeError

    with pytest.raises(errors.ConfirmationRequired):
        User(id=50, name="x").save()


def test_what_is_confirmed_in_one_thread_counts_there(new_database: Any) -> None:
    shop.make("legacy", new_database("sqlite"), confirm="writes")
    raised: list[BaseException] = []

    def write() -> None:
        try:
            User(id=50, name="x").save()
        except errors.ConfirmationRequired as error:
            raised.append(error)

    with confirmed("legacy"):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    assert len(raised) == 1
    assert ids() == {1, 2, 3, 4}


def test_a_read_only_alias_is_not_asked_about(new_database: Any) -> None:
    url = new_database("sqlite")
    shop.make("legacy", url)
    mdb.connect("legacy", url, read_only=True, confirm="production")
    with pytest.raises(errors.ReadOnlyAlias):
        User(id=50, name="x").save()


# From a notebook


class Notebook:
    """One kernel, in the hands of `asking`."""

    def __init__(self, url: str) -> None:
        program = [sys.executable, str(Path(__file__).with_name("asking.py"))]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.run(
            f"""
            import sqlalchemy as sa
            import multidb_explorer as mdb
            from multidb_explorer.connections.registry import databases
            from multidb_explorer.errors import ConfirmationRequired
            class User(mdb.Model):
                id = sa.Column(sa.Integer, primary_key=True)
                name = sa.Column(sa.String(20), nullable=False)
                class Meta:
                    table = "users"
            mdb.configure({{"default": {{"URL": {url!r}, "confirm": "production", "label": "the shop"}}}})
            def write(number):
                User(id=number, name="new").save()
            """
        )

    def run(self, cell: str, *answers: str, allowed: bool = True) -> dict[str, Any]:
        """Run a cell to its end and give what came of it."""
        asked = {"cell": "\n".join(line[12:] or line for line in cell.splitlines()) if "\n" in cell else cell}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**asked, "answers": [*answers] if allowed else None}) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def close(self) -> None:
        """Stop the kernel."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def notebook(new_database: Any) -> Iterator[Notebook]:
    url = new_database("sqlite")
    shop.make("legacy", url)
    held = Notebook(url)
    yield held
    held.close()


def test_a_cell_asks_once_and_takes_the_answer(notebook: Notebook) -> None:
    told = notebook.run("write(50); write(51)", "default")
    assert told["error"] == ""
    assert told["asked"] == [
        "Write to alias 'default' (the shop), which is production? Type its alias to go on: ",
    ]
    assert ids() >= {50, 51}

    told = notebook.run("write(52)", "yes")
    assert told["error"].startswith("ConfirmationRequired: Alias 'default'")
    told = notebook.run(
        """
            for number in (53, 54):
                try:
                    write(number)
                except ConfirmationRequired:
                    print("refused")
            """,
        "",
        "default",
    )
    assert (told["text"], len(told["asked"])) == ("refused\nrefused\n", 1)
    assert ids().isdisjoint({52, 53, 54})

    told = notebook.run("write(55)", allowed=False)
    assert told["asked"] == []
    assert "ConfirmationRequired" in told["error"]
    assert notebook.run("with mdb.atomic(confirm='default'): write(56)")["asked"] == []

    notebook.run("mdb.connect('default', databases['default'].url, confirm='writes')")
    assert notebook.run("write(57)", "y")["asked"] == ["Write to alias 'default'? [y/N] "]
    assert "ConfirmationRequired" in notebook.run("write(58)", "")["error"]
    assert ids() & set(range(50, 60)) == {50, 51, 56, 57}


def test_no_word_and_no_block_outlives_its_cell(notebook: Notebook) -> None:
    # What an interrupt leaves behind that comes between two steps of Python.
    notebook.run("from multidb_explorer.connections.confirming import confirmed; confirmed('default').__enter__()")
    assert "ConfirmationRequired" in notebook.run("write(50)", allowed=False)["error"]

    told = notebook.run("block = mdb.atomic(confirm='default'); block.__enter__(); write(51)")
    assert told["error"] == ""
    assert notebook.run("write(52)", "default")["error"] == ""
    assert "was left open by the cell" in notebook.run("block.__exit__(None, None, None)")["error"]
    assert ids() & {51, 52} == {52}
