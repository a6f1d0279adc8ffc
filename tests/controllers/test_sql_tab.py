"""The tab "SQL": statements that only read, results of any size, completion and history."""

from __future__ import annotations

import json
import threading

import pytest
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers import result
from multidb_explorer.controllers.explorer import ExplorerController
from multidb_explorer.controllers.sql_completion import complete_sql
from multidb_explorer.controllers.sql_history import SqlHistory

NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT i FROM n"


@pytest.fixture
def wire(url, monkeypatch, tmp_path):
    monkeypatch.setenv("MULTIDB_STATE_DIR", str(tmp_path / "state"))
    mdb.configure({"default": url})
    run(
        "default",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40))",
        "INSERT INTO users VALUES (1, 'Ann')",
    )
    return Wire(ExplorerController("default"))


def page(wire, ran, start=0, count=200):
    message, (buffer,) = wire.whole("win", to="sql", epoch=ran["epoch"], start=start, count=count)
    return message, [column["values"] for column in json.loads(buffer)["columns"]]


def test_a_statement_opens_in_a_grid(wire):
    ran = wire.ask("sql_run", sql="select id, name, ';' as sign from users ;\n")
    assert [column["name"] for column in ran["columns"]] == ["id", "name", "sign"]
    assert (ran["row_count"], ran["gives_rows"]) == (1, True)
    assert page(wire, ran)[1] == [[1], ["Ann"], [";"]]
    # What every grid asks once its rows are there.
    assert [wire.ask(kind, to="sql", epoch=ran["epoch"])["type"] for kind in ("prepare", "columns")] == [
        "prepare",
        "columns",
    ]


def test_nothing_is_written(wire):
    for sql in ("DELETE FROM users", "COMMIT; DELETE FROM users", "DROP TABLE users"):
        assert wire.ask("sql_run", sql=sql)["type"] in ("err", "ran")
    assert wire.ask("sql_run", sql="select count(*) from users")["row_count"] == 1
    with databases["default"].connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar_one() == 1


def test_an_error_names_the_alias(wire):
    answer = wire.ask("sql_run", sql="select * from nobody")
    assert "Alias 'default'" in answer["message"]
    assert "nobody" in answer["message"]


def test_a_big_result_is_read_as_far_as_it_is_looked_at(wire, monkeypatch):
    monkeypatch.setattr(result, "FIRST_ROWS", 50)
    monkeypatch.setattr(result, "MOST_ROWS", 400)
    ran = wire.ask("sql_run", sql=NUMBERS.format(most=900))
    assert (ran["row_count"], ran["row_estimate"]) == (None, 50)
    message, (numbers,) = page(wire, ran, 100, 20)
    assert (numbers, "row_count" in message) == (list(range(101, 121)), False)
    assert wire.ask("count", to="sql", epoch=ran["epoch"])["row_count"] == 400
    assert page(wire, ran, 390, 50)[1] == [list(range(391, 401))]


def test_the_grid_of_an_older_result_is_stale(wire):
    old = wire.ask("sql_run", sql="select 1 as one")
    wire.ask("sql_run", sql="select 2 as two")
    assert wire.ask("win", to="sql", epoch=old["epoch"], start=0, count=5)["stale"] is True


def test_cancel_stops_it_in_the_database(wire):
    # MariaDB ends a recursion by itself at a thousand rounds, so there rows are multiplied.
    endless = "select count(*) from ({0}) a, ({0}) b, ({0}) c, ({0}) d".format(NUMBERS.format(most=900))
    wire.controller.receive({"type": "sql_run", "id": "long", "sql": endless})
    timer = threading.Timer(0.4, lambda: wire.controller.receive({"type": "cancel", "id": "c", "target": "long"}))
    timer.start()
    answers = [wire.answers.get(timeout=30).message for _ in range(2)]
    timer.join()
    stopped = next(answer for answer in answers if answer["id"] == "long")
    assert (stopped["type"], stopped.get("cancelled")) == ("err", True)


def test_what_was_run_is_remembered_by_alias_and_without_secrets(wire, tmp_path):
    wire.ask("sql_run", sql="select 1 as a")
    wire.ask("sql_run", sql="select 'postgresql://ann:Sesame@host/db' as url")
    wire.ask("sql_run", sql="select 1 as a")
    statements = wire.ask("sql_history")["statements"]
    assert [text.split(" as ")[-1] for text in statements] == ["url", "a"]
    (path,) = (tmp_path / "state" / "sql").iterdir()
    assert "Sesame" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_an_alias_that_keeps_no_images_keeps_no_statements(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIDB_STATE_DIR", str(tmp_path))
    mdb.configure({"default": {"URL": "sqlite://", "history": "off"}})
    SqlHistory(databases["default"]).add("select 5")
    assert SqlHistory(databases["default"]).statements() == ["select 5"]
    assert not (tmp_path / "sql").exists()


def choices(sql, cursor=None):
    _, found = complete_sql(databases["default"], sql, len(sql) if cursor is None else cursor)
    return [choice["text"] for choice in found]


def test_tables_columns_and_words_are_offered(wire):
    assert choices("select na from users", 9)[0] == "name"
    assert choices("select * from us")[0] == "users"
    assert "select" in choices("sel")
    assert "SELECT" in choices("SEL")
    assert choices("select u. from users as u", 9) == ["id", "name"]
    assert choices("select x. from users as u", 9) == []


def test_names_that_need_quotes_are_offered_in_quotes(wire):
    quote = databases["default"].engine.dialect.identifier_preparer.quote
    run("default", f"CREATE TABLE {quote('my users')} (id INTEGER PRIMARY KEY)")
    assert quote("my users") in choices("select * from my")


def test_completion_is_silent_where_the_database_is_not_there():
    mdb.configure({"default": "sqlite:////no/such/folder/x.db"})
    found = Wire(ExplorerController("default")).ask("sql_complete", sql="sel", cursor=3)
    assert found["choices"] == []
