"""One whole value: however long it is, by the key of its row."""

from __future__ import annotations

import pytest
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.controllers import grid_value
from multidb_explorer.controllers.grid import GridController


@pytest.fixture
def wire(shop):
    run(
        "legacy",
        "CREATE TABLE papers (id INTEGER PRIMARY KEY, body TEXT, data JSON, scan BLOB)",
        "INSERT INTO papers VALUES (1, replace(hex(zeroblob(5000)), '0', 'ä'), NULL, x'00ff')",
        "UPDATE papers SET data = '{\"a\": 12345678901234567890}'",
        "INSERT INTO papers VALUES (2, NULL, NULL, NULL)",
    )
    wire = Wire(GridController(mdb.reflect("papers", using="legacy").objects))
    wire.rows()
    return wire


def test_a_long_text_comes_whole(wire):
    message, (data,) = wire.whole("value", epoch=1, row=0, column="body")
    assert (message["form"], message["size"], message["cut"], message["key"]) == ("text", 20_000, False, "1")
    assert data.decode() == "ä" * 10_000


def test_json_and_bytes_come_as_they_are(wire):
    message, (data,) = wire.whole("value", epoch=1, row=0, column="data")
    assert (message["form"], data) == ("json", b'{"a": 12345678901234567890}')
    message, (data,) = wire.whole("value", epoch=1, row=0, column="scan")
    assert (message["form"], data) == ("bytes", b"\x00\xff")
    assert wire.ask("value", epoch=1, row=1, column="scan")["form"] == "null"


def test_what_is_too_long_is_cut_and_says_so(wire, monkeypatch):
    monkeypatch.setattr(grid_value, "MOST_BYTES", 100)
    message, (data,) = wire.whole("value", epoch=1, row=0, column="body")
    assert (message["size"], message["cut"], len(data)) == (20_000, True, 100)


def test_the_row_that_was_shown_is_read_and_no_other(wire):
    run("legacy", "DELETE FROM papers WHERE id = 1")
    assert "deleted meanwhile" in wire.ask("value", epoch=1, row=0, column="body")["message"]


def test_a_table_without_key_is_read_by_row(shop):
    wire = Wire(GridController(mdb.reflect("bare", using="legacy").objects))
    message, (data,) = wire.whole("value", epoch=1, row=1, column="n")
    assert (message["key"], data) == (None, b"2")


def test_what_is_no_cell_is_answered(wire):
    assert wire.ask("value", epoch=1, row=0, column="nope")["type"] == "err"
