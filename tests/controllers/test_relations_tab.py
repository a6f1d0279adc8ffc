"""The tab "Relations": links both ways, the rows behind them, and tables that open as they were left."""

from __future__ import annotations

import pytest
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.controllers import explorer
from multidb_explorer.controllers.explorer import ExplorerController

AUTHORS = "CREATE TABLE authors (country VARCHAR(20), no INTEGER, mentor INTEGER, PRIMARY KEY (country, no))"
BOOKS = (
    "CREATE TABLE books (id INTEGER PRIMARY KEY, country VARCHAR(20), author INTEGER, sequel_of INTEGER, "
    "FOREIGN KEY (country, author) REFERENCES authors (country, no), FOREIGN KEY (sequel_of) REFERENCES books (id))"
)


@pytest.fixture
def wire(url):
    mdb.configure({"default": url})
    run("default", AUTHORS, BOOKS, "INSERT INTO authors VALUES ('it''s \"%', 1, NULL), ('fr', 2, NULL)")
    run("default", "INSERT INTO books VALUES (1, 'it''s \"%', 1, NULL)")
    run("default", "INSERT INTO books VALUES (2, 'it''s \"%', 1, 1), (3, 'fr', 2, 1)")
    return Wire(ExplorerController("default"))


def opened(wire, table, **more):
    return wire.ask("open", alias="default", table=table, schema=None, **more)


def links(wire):
    found = wire.ask("neighbours")["links"]
    return {(link["forward"], link["table"], tuple(link["columns"])): at for at, link in enumerate(found)}


def test_a_table_has_links_both_ways(wire):
    opened(wire, "books")
    assert set(links(wire)) == {
        (True, "authors", ("country", "author")),
        (True, "books", ("sequel_of",)),
        (False, "books", ("id",)),
    }


def test_a_row_says_what_it_refers_to_and_how_many_refer_to_it(wire):
    epoch, found = opened(wire, "books")["epoch"], links(wire)
    row = wire.ask("row_links", epoch=epoch, row=0)
    assert (row["key"], row["values"][found[True, "authors", ("country", "author")]]) == ("1", ["it's \"%", "1"])
    assert row["values"][found[True, "books", ("sequel_of",)]] == [None]
    counted = wire.ask("link_count", epoch=epoch, row=0, link=found[False, "books", ("id",)])
    assert counted["count"] == 2


def test_following_opens_the_rows_and_their_filter(wire):
    epoch, found = opened(wire, "books")["epoch"], links(wire)
    there = wire.ask("follow", epoch=epoch, row=1, link=found[True, "authors", ("country", "author")])
    assert (there["type"], there["table"]) == ("opened", "authors")
    assert [row[:2] for row in wire.rows(epoch=there["epoch"])] == [("it's \"%", 1)]
    assert len(there["parts"]["filter"]["items"]) == 2
    back = wire.ask("follow", epoch=there["epoch"], row=0, link=links(wire)[False, "books", ("country", "no")])
    assert [row[0] for row in wire.rows(epoch=back["epoch"])] == [1, 2]


def test_a_foreign_key_is_followed_by_its_column(wire):
    epoch = opened(wire, "books")["epoch"]
    there = wire.ask("follow", epoch=epoch, row=2, column="sequel_of")
    assert [row[0] for row in wire.rows(epoch=there["epoch"])] == [1]
    assert "refers to nothing" in wire.ask("follow", epoch=there["epoch"], row=0, column="sequel_of")["message"]


def test_the_way_back_leads_to_the_same_rows_in_the_same_order(wire):
    epoch = opened(wire, "books")["epoch"]
    first = wire.controller.grid
    wire.ask("sort", epoch=epoch + 1, keys=[{"column": "id", "descending": True}])
    there = wire.ask("follow", epoch=first.epoch, row=0, column="sequel_of")
    again = opened(wire, "books", visit=epoch)
    assert wire.controller.grid is first
    assert (again["kept"], again["sort"]) == (True, [{"column": "id", "descending": True}])
    assert again["epoch"] > there["epoch"]
    assert [row[0] for row in wire.rows(epoch=again["epoch"])] == [3, 2, 1]


def test_a_table_that_was_left_long_ago_opens_anew(wire, monkeypatch):
    monkeypatch.setattr(explorer, "_VISITS", 2)
    visit = opened(wire, "books")["visit"]
    opened(wire, "authors")
    opened(wire, "books")
    assert "kept" not in opened(wire, "books", visit=visit)


def test_old_rows_and_unknown_links_are_refused(wire):
    epoch = opened(wire, "books")["epoch"]
    assert wire.ask("row_links", epoch=epoch - 1, row=0)["stale"] is True
    assert wire.ask("row_links", epoch=epoch, row=99)["type"] == "err"
    assert "no such relation" in wire.ask("follow", epoch=epoch, row=0, link=7)["message"]
    assert "no such relation" in wire.ask("follow", epoch=epoch, row=0, column="id")["message"]
