"""Filters over real databases: what the browser asks for becomes conditions, never SQL of its own."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.grid import GridController
from multidb_explorer.query.lookups import LOOKUPS


@pytest.fixture
def wire(shop):
    return Wire(GridController(mdb.reflect("users", using="legacy").objects))


def found(wire, *items):
    """Filter, and give the names that are left."""
    answer = wire.ask("filter", epoch=wire.controller.epoch + 1, items=list(items))
    assert answer["type"] == "filter", answer
    assert "wrong" not in answer, answer
    return [row[1] for row in wire.rows(epoch=answer["epoch"])]


def test_a_filter_is_applied_in_the_database_and_starts_a_new_epoch(wire):
    assert found(wire, {"field": "country", "text": "=FR"}) == ["Ann", "Eve"]
    assert wire.controller.epoch == 2
    assert wire.ask("win", epoch=1, start=0, count=10)["stale"]
    assert wire.ask("count", epoch=2)["row_count"] == 2
    assert found(wire) == ["Ann", "Bob", "Cyd", "Dan", "Eve"]


def test_exclude_keeps_the_rows_where_nothing_is_known(wire):
    assert found(wire, {"field": "country", "text": "!=FR"}) == ["Bob", "Cyd", "Dan"]
    assert found(wire, {"field": "country", "text": "NULL"}) == ["Bob"]
    assert found(wire, {"field": "country", "text": "="}) == ["Dan"]


def test_a_filter_keeps_the_sort_and_drops_the_selection(wire):
    wire.ask("sort", epoch=2, keys=[{"column": "name", "descending": True}])
    wire.ask("select", epoch=2, rows=[[0, 1]])
    assert found(wire, {"field": "country", "text": "f"}) == ["Eve", "Ann"]
    assert wire.controller.selection == []
    assert wire.controller.sort == ("-name",)


def test_what_is_shown_is_a_queryset(wire):
    found(wire, {"field": "country", "text": "=FR"}, {"field": "id", "lookup": "in", "value": "1, 2", "not": True})
    wire.ask("sort", epoch=3, keys=[{"column": "name"}])
    shown = wire.controller.shown
    assert [user.name for user in shown] == ["Eve"]
    assert "ORDER BY" in shown.sql
    wire.ask("select", epoch=3, rows=[[0, 0]])
    wire.rows(epoch=3)
    assert [user.name for user in wire.controller.selected()] == ["Eve"]


def test_groups_nest(wire):
    french = {"field": "country", "lookup": "exact", "value": "FR"}
    early = {"field": "id", "lookup": "lt", "value": "3"}
    either = {"op": "or", "items": [french, early]}
    assert found(wire, either) == ["Ann", "Bob", "Eve"]
    assert found(wire, {"op": "and", "items": [french, {"op": "or", "not": True, "items": [early]}]}) == ["Eve"]
    assert (
        wire.controller.state["parts"]["filter"]["items"][0]["label"] == "country is FR and (not (id is less than 3))"
    )


def test_related_rows_can_be_asked_for(wire):
    names = {choice["field"] for choice in wire.ask("fields")["fields"]}
    assert {"id", "country", "orders__total"} <= names
    assert found(wire, {"field": "orders__total", "lookup": "gte", "value": "9"}) == ["Eve"]


def test_the_menu_has_every_lookup_of_the_registry_that_fits(wire):
    fields = {choice["field"]: choice for choice in wire.ask("fields")["fields"]}
    assert [choice["name"] for choice in fields["name"]["lookups"]] == list(LOOKUPS)
    assert [choice["name"] for choice in fields["id"]["lookups"]] == [
        "exact", "gt", "gte", "lt", "lte", "in", "range", "isnull",
    ]  # fmt: skip
    assert all(choice["phrase"] and choice["example"] for choice in fields["id"]["lookups"])


@pytest.mark.parametrize(
    ("item", "at", "says"),
    [
        ({"field": "id", "text": "five"}, [0], "whole number"),
        ({"field": "id", "lookup": "range", "value": ["1", ""]}, [0], "highest"),
        ({"op": "or", "items": [{"field": "id", "text": "1"}, {"field": "id", "text": "x"}]}, [0, 1], "whole number"),
        ({"field": "id", "lookup": "contains", "value": "1"}, [0], "can't be searched as text"),
        ({"field": "nme", "text": "x"}, [0], "'name'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_changes_nothing(wire, item, at, says):
    answer = wire.ask("filter", epoch=2, items=[item])
    assert answer["wrong"]["at"] == at
    assert says in answer["wrong"]["text"]
    assert wire.controller.epoch == 1
    assert len(wire.rows()) == 5


@pytest.mark.parametrize("items", [None, "name = 1", [5], [{"lookup": "exact"}], [{"field": "id", "lookup": "raw"}]])
def test_what_no_browser_sends_is_answered(wire, items):
    assert wire.ask("filter", epoch=2, items=items)["type"] == "err"


def test_sql_in_a_filter_is_a_text_like_any_other(wire):
    assert found(wire, {"field": "name", "text": "'; DROP TABLE users; --"}) == []
    assert len(found(wire)) == 5


def test_a_cell_makes_a_filter(wire):
    wire.rows()
    item = wire.ask("same", epoch=1, row=0, column="country")["item"]
    assert found(wire, item) == ["Ann", "Eve"]
    null = wire.ask("same", epoch=2, row=0, column="name", **{"not": True})["item"]
    assert found(wire, item, null) == ["Eve"]


def test_a_slice_can_not_be_filtered(shop):
    wire = Wire(GridController(mdb.reflect("users", using="legacy").objects[:3]))
    assert wire.controller.state["parts"]["filter"]["possible"] is False
    assert "can't be filtered" in wire.ask("filter", epoch=2, items=[])["message"]


def test_every_kind_of_value_is_filtered_on_every_engine(url):
    mdb.configure({"default": url})
    table = sa.Table(
        "things",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(20)),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("made", sa.Date),
        sa.Column("seen", sa.DateTime),
        sa.Column("active", sa.Boolean),
    )
    rows = [
        {
            "id": n,
            "name": f"Thing {n}" if n % 4 else None,
            "price": n * 10 + 0.5,
            "made": dt.date(2026, n, 1),
            "seen": dt.datetime(2026, 1, n, 12),
            "active": n % 2 == 0,
        }
        for n in range(1, 9)
    ]
    with databases["default"].begin() as connection:
        table.metadata.create_all(connection)
        connection.execute(table.insert(), rows)
    wire = Wire(GridController(mdb.reflect("things").objects))

    def ids(**typed):
        items = [{"field": field, "text": text} for field, text in typed.items()]
        answer = wire.ask("filter", epoch=wire.controller.epoch + 1, items=items)
        return [row[0] for row in wire.rows(epoch=answer["epoch"])]

    assert ids(name="THING 3") == [3]
    assert ids(name="/[12]$/") == [1, 2]
    assert ids(price="20.5..40.5") == [2, 3, 4]
    assert ids(price="10.5, 80.50") == [1, 8]
    assert ids(made="2026-03..2026-04") == [3, 4]
    assert ids(seen="2026-01-05") == [5]
    assert ids(active="true", made=">2026-02") == [4, 6, 8]
    assert ids(name="NULL", active="no") == []
