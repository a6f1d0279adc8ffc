"""The tree: schemas where there are several, their tables, and the columns of one."""

from __future__ import annotations

import json

import pytest
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.explorer import ExplorerController


@pytest.fixture
def wire(url):
    mdb.configure({"default": url})
    run("default", "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40))")
    run(
        "default",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, FOREIGN KEY (user_id) REFERENCES users (id))",
    )
    return Wire(ExplorerController("default"))


def tables(wire, schema=None):
    _, (buffer,) = wire.whole("tables", schema=schema)
    return json.loads(buffer)["columns"][0]["values"]


def test_columns_of_a_table(wire):
    columns = wire.ask("table_columns", table="orders", schema=None)["columns"]
    assert [(column["name"], column["primary_key"], column["refers"]) for column in columns] == [
        ("id", True, None),
        ("user_id", False, "users.id"),
    ]
    assert "'orders'" in wire.ask("table_columns", table="orderz", schema=None)["message"]


def test_schemas_and_their_tables(wire):
    if not databases["default"].backend.features.schemas:
        assert wire.ask("schemas")["schemas"] == []
        return
    run("default", "CREATE SCHEMA sales", "CREATE TABLE sales.leads (id INTEGER PRIMARY KEY)")
    found = wire.ask("schemas")
    assert {"sales", found["own"]} <= set(found["schemas"])
    assert tables(wire, "sales") == ["leads"]
    assert tables(wire) == ["orders", "users"]
    opened = wire.ask("open", alias="default", table="leads", schema="sales")
    assert (opened["title"], opened["schema"]) == ("leads", "sales")
    assert [column["name"] for column in wire.ask("structure")["columns"]] == ["id"]


def test_an_alias_with_a_schema_of_its_own(url):
    mdb.configure({"default": url})
    if not databases["default"].backend.features.schemas:
        return
    run("default", "CREATE SCHEMA sales", "CREATE TABLE sales.leads (id INTEGER PRIMARY KEY)")
    mdb.configure({"default": {"URL": url, "SCHEMA": "sales"}})
    wire = Wire(ExplorerController("default"))
    assert wire.ask("schemas")["own"] == "sales"
    assert tables(wire) == ["leads"]
