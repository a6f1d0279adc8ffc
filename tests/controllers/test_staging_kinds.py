"""Every kind of column, edited on every engine: what is typed comes back from the database exactly."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.grid import GridController

TYPED = {
    "big": "9007199254740993",
    "amount": "12345678901234.56",
    "ratio": "0.1",
    "flag": "yes",
    "label": "two\nlines <b>",
    "born": "1969-07-20",
    "at": "2026-11-22 14:30:05",
    "doc": '{"a": [1, 2.50]}',
    "raw": "0x00ff10",
}
SHOWN = {
    "big": "9007199254740993",
    "amount": "12345678901234.56",
    "ratio": 0.1,
    "flag": True,
    "label": "two\nlines <b>",
    "born": "1969-07-20",
    "at": "2026-11-22 14:30:05",
    "raw": {"size": 3, "hex": "00ff10"},
}


@pytest.fixture
def wire(url):
    mdb.connect("default", url)
    database = databases["default"]
    table = sa.Table(
        "things", sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("big", sa.BigInteger), sa.Column("amount", sa.Numeric(16, 2)), sa.Column("ratio", sa.Double),
        sa.Column("flag", sa.Boolean), sa.Column("label", sa.String(80), nullable=False, server_default="none"),
        sa.Column("born", sa.Date), sa.Column("at", sa.DateTime),
        sa.Column("doc", sa.JSON), sa.Column("raw", sa.LargeBinary),
    )  # fmt: skip
    table.create(database.engine)
    with database.begin() as connection:
        connection.execute(table.insert().values(id=1, big=1, label="first"))
    wire = Wire(GridController(mdb.reflect("things").objects, changes=mdb.ChangeSet()))
    wire.rows()
    return wire


def test_what_is_typed_comes_back(wire):
    items = [{"key": "[1]", "col": name, "text": text} for name, text in TYPED.items()]
    answer = wire.ask("edit", items=items)
    assert answer["errors"] == []
    (new,) = wire.ask("insert")["made"]
    wire.ask("edit", items=[{"key": new, "col": "id", "text": "2"}, {"key": new, "col": "flag", "text": "f"}])
    assert wire.ask("save")["type"] == "saved", answer
    _, (buffer,) = wire.whole("win", epoch=2, start=0, count=10)
    columns = dict(zip([c["name"] for c in wire.controller.columns], json.loads(buffer)["columns"], strict=True))
    stored = {name: column["values"][0] for name, column in columns.items()}
    assert {name: stored[name] for name in SHOWN} == SHOWN
    assert json.loads(wire.ask("edit_text", key="[1]", col="doc")["text"]) == {"a": [1, 2.5]}
    # The default is the server's own.
    assert columns["label"]["values"][1] == "none"
    # The same text typed again is no change.
    assert wire.ask("edit", items=items)["pending"]["changed"] == 0


def test_the_default_of_an_existing_row_is_asked_of_the_database(wire):
    answer = wire.ask("edit", items=[{"key": "[1]", "col": "label", "default": True}])
    assert answer["marks"]["[1]"]["cells"] == {"label": "none"}
    again = wire.ask("edit", items=[{"key": "[1]", "col": "big", "default": True}])
    assert again["errors"][0]["error"] == "This column has no default."
