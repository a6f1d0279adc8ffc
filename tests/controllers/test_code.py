"""The tab "Code": what it writes, run in a cell, gives the rows on screen; and the rows as a variable."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer import Q
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.code import code_of, literal
from multidb_explorer.controllers.explorer import ExplorerController

ODD = 'od\'d "%s" \\ line\nbreak {x}'


@pytest.fixture
def rows(url):
    """Make a table whose names and values need care."""
    mdb.configure({"default": url})
    table = sa.Table(
        "my Orders",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("class", sa.String(80)),
        sa.Column("se lect", sa.String(80)),
        sa.Column("total", sa.Numeric(10, 2)),
        sa.Column("at", sa.DateTime),
    )
    with databases["default"].begin() as connection:
        table.create(connection)
        for n in range(8):
            values = {"id": n, "class": ODD if n % 2 else None, "se lect": f"x{n}", "total": Decimal(n) / 4}
            connection.execute(table.insert(), values | {"at": dt.datetime(2026, 11, n + 1, 12, 30)})
    return mdb.reflect("my Orders").objects


ASKED = {
    "all": lambda rows: rows,
    "odd names": lambda rows: rows.filter(**{"class": ODD, "se lect__in": ["x1", "x3", "x4"]}),
    "null": lambda rows: rows.filter(class__isnull=True).exclude(id=2),
    "typed": lambda rows: rows.filter(total__gte=Decimal("0.50"), at__lt=dt.datetime(2026, 11, 7)),
    "either": lambda rows: rows.filter(Q(id=1) | (Q(id__gt=4) & ~Q(id=6))).order_by("-total"),
    "neither": lambda rows: rows.exclude(Q(id=1) | Q(id=2)).order_by("-id"),
    "between": lambda rows: rows.filter(id__range=(2, 5)).order_by("class", "-id")[1:3],
}


@pytest.mark.parametrize("asked", ASKED)
def test_the_code_gives_the_same_rows(rows, asked):
    shown = ASKED[asked](rows)
    names = {}
    exec(code_of(shown), names)  # noqa: S102
    assert names["rows"].to_arrow() == shown.to_arrow()


def test_chosen_columns_come_in_their_order(rows):
    names = {}
    exec(code_of(rows.order_by("-id")[:3], ["se lect", "id"]), names)  # noqa: S102
    assert next(iter(names["rows"])) == {"se lect": "x7", "id": 7}
    assert len(names["rows"]) == 3


def test_it_reads_as_a_person_would_write_it(shop):
    shown = mdb.reflect("users", using="legacy").objects.filter(country="FR", id__gt=1).exclude(name="Bob")
    assert code_of(shown.order_by("-id")) == (
        "import multidb_explorer as mdb\n\n"
        'Users = mdb.reflect("users", using="legacy")\n'
        "rows = Users.objects.filter(country='FR', id__gt=1).exclude(name='Bob').order_by('-id')\n"
        "rows"
    )


@pytest.mark.parametrize(
    "value", [float("inf"), -1.5, b"a\x00", dt.timedelta(days=1), dt.time(1, 2), (1,), [None, "x"]]
)
def test_a_literal_is_the_value(value):
    assert eval(literal(value), {"dt": dt, "Decimal": Decimal}) == value  # noqa: S307


@pytest.fixture
def wire(shop):
    wire = Wire(ExplorerController("legacy"))
    wire.controller.namespace = {}
    wire.epoch = wire.ask("open", alias="legacy", table="users", schema=None)["epoch"]
    return wire


def test_the_tab_shows_what_was_filtered_and_sorted(wire):
    wire.ask("sort", epoch=wire.epoch + 1, keys=[{"column": "name", "descending": True}])
    found = wire.ask("code", columns=["name", "id"])
    assert "rows = Users.objects.order_by('-name').values('name', 'id')" in found["code"]


def test_rows_are_sent_to_the_notebook(wire):
    assert wire.ask("send", name="people")["rows"] == 5
    assert list(wire.controller.namespace["people"]["name"]) == ["Ann", "Bob", "Cyd", "Dan", "Eve"]


def test_a_variable_that_exists_is_asked_about(wire):
    wire.controller.namespace["df"] = 5
    assert "df exists already, with a int in it." in wire.ask("send", name="df")["text"]
    assert wire.controller.namespace["df"] == 5
    assert wire.ask("send", name="df", sure=True, columns=["id"])["columns"] == 1
    assert "list is a function of Python itself" in wire.ask("send", name="list")["text"]


@pytest.mark.parametrize("name", ["", "2x", "a b", "class", "x; import os"])
def test_what_is_no_name_is_refused(wire, name):
    assert wire.ask("send", name=name)["type"] == "err"


def test_without_a_notebook_nothing_is_sent(wire):
    wire.controller.namespace = None
    assert wire.ask("code")["can_send"] is False
    assert "no notebook" in wire.ask("send", name="df")["message"]
