"""The tab "Structure": columns, keys, references both ways, and the statements, on every engine."""

from __future__ import annotations

import sqlalchemy as sa
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.explorer import ExplorerController

AUTHORS = "CREATE TABLE authors (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL DEFAULT 'unknown')"
BOOKS = (
    "CREATE TABLE books (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, pages INTEGER, "
    "CONSTRAINT real_book CHECK (pages > 0), FOREIGN KEY (author_id) REFERENCES authors (id))"
)
INDEX = "CREATE INDEX by_pages ON books (pages)"
VIEW = "CREATE VIEW thick AS SELECT id FROM books WHERE pages > 500"


def structure(table, alias="default"):
    wire = Wire(ExplorerController(alias))
    wire.ask("open", alias=alias, table=table, schema=None)
    return wire.ask("structure")


def test_what_a_table_is_made_of(url):
    mdb.configure({"default": url})
    run("default", AUTHORS, BOOKS, INDEX)
    found = structure("books")
    assert [column["name"] for column in found["columns"]] == ["id", "author_id", "pages"]
    assert [column["nullable"] for column in found["columns"]] == [False, False, True]
    assert found["columns"][1]["targets"] == [{"table": "authors", "schema": None, "column": "id"}]
    assert found["primary_key"] == ["id"]
    assert [(key["columns"], key["table"]) for key in found["foreign_keys"]] == [(["author_id"], "authors")]
    assert ("by_pages", ["pages"]) in [(index["name"], index["columns"]) for index in found["indexes"]]
    assert ["pages" in check["text"] for check in found["checks"]] == [True]
    for part in ("CREATE TABLE", "books", "author_id", "pages"):
        assert part in found["ddl"]


def test_what_refers_to_a_table_and_its_defaults(url):
    mdb.configure({"default": url})
    run("default", AUTHORS, BOOKS)
    found = structure("authors")
    assert [(key["table"], key["columns"]) for key in found["references"]] == [("books", ["author_id"])]
    assert "unknown" in found["columns"][1]["default"]


def test_the_statement_makes_the_table_again(url, new_database, target):
    mdb.configure({"default": url, "again": new_database(target)})
    run("default", AUTHORS, BOOKS, INDEX)
    with databases["again"].begin() as connection:
        for table in ("authors", "books"):
            for statement in structure(table)["ddl"].split(";\n\n"):
                connection.exec_driver_sql(statement.rstrip(";").replace("%", "%%"))
    names = [column["name"] for column in structure("books", "again")["columns"]]
    assert names == ["id", "author_id", "pages"]
    assert len(structure("books", "again")["foreign_keys"]) == 1


def test_a_view_tells_its_query(url):
    mdb.configure({"default": url})
    run("default", AUTHORS, BOOKS, VIEW)
    found = structure("thick")
    assert (found["kind"], found["own_words"]) == ("view", True)
    assert "500" in found["ddl"]


def test_a_trigger_is_shown(url, target):
    mdb.configure({"default": url})
    run("default", AUTHORS)
    statements = {
        "sqlite": ["CREATE TRIGGER loud AFTER INSERT ON authors BEGIN UPDATE authors SET name = upper(name); END"],
        "mariadb": ["CREATE TRIGGER loud BEFORE INSERT ON authors FOR EACH ROW SET NEW.name = upper(NEW.name)"],
        "postgresql": [
            "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            "CREATE TRIGGER loud BEFORE INSERT ON authors FOR EACH ROW EXECUTE FUNCTION loud()",
        ],
    }.get(target.name, [])
    with databases["default"].begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    found = structure("authors")["triggers"]
    assert [trigger["name"] for trigger in found] == (["loud"] if statements else [])
    assert all("authors" in trigger["text"] for trigger in found)


def test_names_that_need_quotes(url):
    mdb.configure({"default": url})
    with databases["default"].begin() as connection:
        table = sa.Table('Odd "%" name', sa.MetaData(), sa.Column("se`lect'", sa.Integer, primary_key=True))
        table.create(connection)
    found = structure('Odd "%" name')
    assert [column["name"] for column in found["columns"]] == ["se`lect'"]
    assert "Odd" in found["ddl"]
