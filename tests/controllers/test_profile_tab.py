"""The tab "Profile": facts, spreads and frequent values of what is on screen, on every engine; samples of much."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.controllers import profile_tab
from multidb_explorer.controllers.explorer import ExplorerController
from multidb_explorer.query.histogram import edges_between, histogram


def filled(url):
    """Give a panel on a database with a hundred orders."""
    mdb.configure({"default": url})
    table = sa.Table(
        "orders",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("status", sa.String(20)),
        sa.Column("total", sa.Numeric(10, 2)),
        sa.Column("at", sa.DateTime),
        sa.Column("day", sa.Date),
        sa.Column("weight", sa.Float),
        sa.Column("paid", sa.Boolean),
    )
    with databases["default"].begin() as connection:
        table.create(connection)
        rows = [
            {
                "id": n,
                "status": "paid" if n % 4 else None,
                "total": Decimal(n) / 4,
                "weight": n * 0.5,
                "paid": n % 2 == 0,
            }
            | {"at": dt.datetime(2026, 1, 1) + dt.timedelta(hours=n), "day": dt.date(2026, 1, 1) + dt.timedelta(n % 3)}
            for n in range(1, 101)
        ]
        connection.execute(table.insert(), rows)
    return Wire(ExplorerController("default"))


def facts(wire, *columns, epoch=None):
    found = wire.ask("profile_columns", epoch=epoch or wire.controller.grid.epoch, columns=list(columns))
    return {column["name"]: column for column in found["columns"]}


@pytest.fixture
def wire(url):
    return filled(url)


@pytest.fixture
def small():
    """Give the same on a database in memory, for what is no matter of the engine."""
    wire = filled("sqlite://")
    wire.ask("open", alias="default", table="orders", schema=None)
    return wire


@pytest.fixture
def profile(wire):
    epoch = wire.ask("open", alias="default", table="orders", schema=None)["epoch"]
    return wire.ask("profile", epoch=epoch)


def test_all_columns_and_rows_of_a_small_table(wire, profile):
    assert (profile["rows"], profile["note"]) == (100, "")
    assert [column["name"] for column in profile["columns"]][:2] == ["id", "status"]
    found = facts(wire, "id", "status", "total", "at", "day", "weight", "paid")
    assert (found["id"]["min"], found["id"]["max"], found["id"]["distinct"]) == ("1", "100", 100)
    assert [step["count"] for step in found["id"]["steps"]] == [5] * 20
    assert (found["status"]["nulls"], found["status"]["top"]) == (25, [{"value": "paid", "count": 75}])
    for column in ("total", "at", "weight"):
        assert sum(step["count"] for step in found[column]["steps"]) == 100
        assert min(step["count"] for step in found[column]["steps"]) >= 4
    assert [step["count"] for step in found["day"]["steps"]] == [33, 34, 33]
    assert [top["count"] for top in found["paid"]["top"]] == [50, 50]


def test_it_tells_of_what_the_filters_leave(small):
    epoch = small.controller.grid.epoch + 1
    small.ask("filter", epoch=epoch, items=[{"field": "id", "lookup": "lte", "value": "8"}])
    assert small.ask("profile_columns", epoch=epoch, columns=["id"])["stale"] is True
    assert small.ask("profile", epoch=epoch)["rows"] == 8
    assert facts(small, "id")["id"]["max"] == "8"


def test_of_many_rows_some_are_taken_from_everywhere(wire, profile, monkeypatch):
    monkeypatch.setattr(profile_tab, "MOST_ROWS", 50)
    monkeypatch.setattr(profile_tab, "SAMPLE", 6)
    found = wire.ask("profile", epoch=wire.controller.grid.epoch)
    assert found["note"] == "from about 5 of 100 rows: every 17th number of id"
    told = facts(wire, "id", "status")
    assert (told["id"]["rows"], told["id"]["min"], told["id"]["max"]) == (5, "17", "85")


def test_without_a_key_of_numbers_the_first_rows_stand_for_all(small, monkeypatch):
    monkeypatch.setattr(profile_tab, "MOST_ROWS", 50)
    monkeypatch.setattr(profile_tab, "SAMPLE", 6)
    shown = mdb.reflect("orders", key="status").objects.order_by("id")
    found = profile_tab.profiled(shown, 100)
    assert found.note == "from the first 6 of 100 rows"
    assert found.queryset.count() == 6


def test_a_table_without_rows(small):
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("DELETE FROM orders")
    small.ask("open", alias="default", table="orders", schema=None)
    assert small.ask("profile", epoch=small.controller.grid.epoch)["rows"] == 0
    found = facts(small, "id", "status")
    assert [found[name].keys() & {"steps", "top"} for name in found] == [set(), set()]


def test_what_was_not_offered_is_refused(small):
    for columns in ([], ["nothing"], "id", None):
        assert small.ask("profile_columns", epoch=small.controller.grid.epoch, columns=columns)["type"] == "err"


def test_one_statement_for_a_histogram(small):
    with statements(databases["default"]) as sent:
        histogram(mdb.reflect("orders").objects, "total", Decimal("0.25"), Decimal("25.00"))
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("low", "high"), [(5, 5), (-3, 3), (0, 10**18), (0.0, 1.0), (Decimal(1), Decimal(1)), (dt.date.min, dt.date.max)]
)
def test_edges_begin_at_the_lowest_and_rise(low, high):
    edges = edges_between(low, high)
    assert edges[0] == low
    assert list(edges) == sorted(set(edges))
    assert edges[-1] <= high


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "text", True, None])
def test_what_has_no_steps_has_none(value):
    assert list(edges_between(value, value)) == []
