"""Database functions in queries, on every engine, beside what Django calls them and refuses."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import django.db.models.functions
import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer import functions as f
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError

PLACED = dt.datetime(2024, 2, 29, 23, 30, 5)
ROW = {
    "id": 1,
    "name": "Zoë",
    "note": None,
    "n": 7,
    "x": 2.5,
    "price": Decimal("19.99"),
    "day": dt.date(2024, 12, 30),
    "placed": PLACED,
    "flag": True,
}


@pytest.fixture
def items(url) -> Any:
    """One row of a reflected table on the test's engine."""
    mdb.connect("default", url)
    metadata = sa.MetaData()
    table = sa.Table(
        "items",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(30)),
        sa.Column("note", sa.String(30)),
        sa.Column("n", sa.Integer),
        sa.Column("x", sa.Double),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("day", sa.Date),
        sa.Column("placed", sa.DateTime),
        sa.Column("flag", sa.Boolean),
    )
    metadata.create_all(databases["default"].engine)
    with databases["default"].begin() as connection:
        connection.execute(table.insert(), [ROW])
    return mdb.reflect("items").objects


def text(value: str) -> Any:
    return mdb.Value(value)


INSTANT = f.Cast("placed", sa.DateTime(timezone=True))

CALLS: list[tuple[Any, Any]] = [
    (f.Upper("name"), "ZOË"),
    (f.Lower("name"), "zoë"),
    (f.Upper("n"), "7"),
    (f.Length("name"), 3),
    (f.Length("flag"), 1),
    (f.Concat("name", text("-"), "note", text("-"), "n"), "Zoë--7"),
    (f.ConcatPair("name", "note"), "Zoë"),
    (f.Left("name", 2), "Zo"),
    (f.Right("name", 2), "oë"),
    (f.LPad("name", 5), "  Zoë"),
    (f.RPad("name", 5, text("*")), "Zoë**"),
    (f.Trim(text(" a ")), "a"),
    (f.LTrim(text(" a ")), "a "),
    (f.RTrim(text(" a ")), " a"),
    (f.Repeat("name", 2), "ZoëZoë"),
    (f.Replace("name", text("o"), text("ö")), "Zöë"),
    (f.Replace("name", text("o")), "Zë"),
    (f.Reverse("name"), "ëoZ"),
    (f.StrIndex("name", text("ë")), 3),
    (f.Substr("name", 2), "oë"),
    (f.Substr("name", 2, 1), "o"),
    (f.Chr(mdb.Value(235)), "ë"),
    (f.Ord(text("ë")), 235),
    (f.Ord(text("")), None),
    (f.MD5(text("a")), "0cc175b9c0f1b6a831c399e269772661"),
    (f.SHA256("note"), None),
    (f.Abs(mdb.F("n") * -1), 7),
    (f.Ceil("price"), 20),
    (f.Floor("price"), 19),
    (f.Ceil("n"), 7),
    (f.Round("price"), 20),
    (f.Round("price", 1), 20),
    (f.Round("x", precision=0), 3.0),
    (f.Round("n", -1), 10),
    (f.Sign("x"), 1),
    (f.Sqrt("n"), math.sqrt(7)),
    (f.Ln("price"), math.log(19.99)),
    (f.Log(10, "n"), math.log10(7)),
    (f.Log(0, "n"), None),
    (f.Exp("x"), math.exp(2.5)),
    (f.Power("n", 2), 49.0),
    (f.Mod("n", 4), 3),
    (f.Mod("n", 0), None),
    (f.Pi(), math.pi),
    (f.ATan2("x", "n"), math.atan2(2.5, 7)),
    (f.ACos("n"), None),
    (f.Degrees("x"), math.degrees(2.5)),
    (f.Cot("x"), 1 / math.tan(2.5)),
    (f.Greatest("n", 9), 9),
    (f.Greatest("name", "note"), None),
    (f.Least("n", 9), 7),
    (f.Least("name", text("a")), "Zoë"),
    (f.NullIf("n", 7), None),
    (f.NullIf("n", 8), 7),
    (f.Coalesce("note", "name"), "Zoë"),
    (f.Coalesce("note", text("none")), "none"),
    (f.Cast("price", int), 19),
    (f.Cast("n", str), "7"),
    (f.Cast("n", sa.Numeric(10, 2)), Decimal("7.00")),
    (f.Cast("placed", dt.date), dt.date(2024, 2, 29)),
    (f.Cast(text("12abc"), int), 12),
    (f.ExtractYear("placed"), 2024),
    (f.Extract("day", "iso_year"), 2025),
    (f.ExtractWeek("day"), 1),
    (f.ExtractWeekDay("day"), 2),
    (f.ExtractIsoWeekDay("day"), 1),
    (f.ExtractQuarter("day"), 4),
    (f.ExtractHour("placed"), 23),
    (f.ExtractHour(INSTANT, tzinfo="Asia/Kolkata"), 5),
    (f.ExtractDay(INSTANT, tzinfo=ZoneInfo("Europe/Paris")), 1),
    (f.ExtractMinute(INSTANT, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45))), 15),
    (f.TruncMonth("placed"), dt.datetime(2024, 2, 1)),
    (f.TruncMonth("placed", output_field=dt.date), dt.date(2024, 2, 1)),
    (f.TruncQuarter("day"), dt.date(2024, 10, 1)),
    (f.TruncWeek("day"), dt.date(2024, 12, 30)),
    (f.TruncDate("placed"), dt.date(2024, 2, 29)),
    (f.TruncTime("placed"), dt.time(23, 30, 5)),
    (f.TruncDate(INSTANT, tzinfo="Europe/Paris"), dt.date(2024, 3, 1)),
    (f.TruncDay(INSTANT, tzinfo="Europe/Paris"), dt.datetime(2024, 2, 29, 23, tzinfo=dt.UTC)),
    (f.Trunc("placed", "minute"), dt.datetime(2024, 2, 29, 23, 30)),
]


def test_every_function_in_a_query(items) -> None:
    for call, wanted in CALLS:
        found = items.annotate(found=call).values_list("found", flat=True)[0]
        if isinstance(wanted, float):
            assert found == pytest.approx(wanted, rel=1e-12), call
        else:
            assert found == wanted, call


def test_functions_can_be_filtered_ordered_and_grouped_by(items) -> None:
    assert items.annotate(size=f.Length("name")).filter(size__gte=3).count() == 1
    assert items.filter(n__lt=f.Length(text("12345678"))).exists()
    assert items.order_by(f.Lower("name").desc()).first().name == "Zoë"
    grouped = items.annotate(month=f.TruncMonth("placed")).values("month").annotate(number=mdb.Count("id"))
    assert list(grouped) == [{"month": dt.datetime(2024, 2, 1), "number": 1}]


def test_the_present_and_chance(items) -> None:
    now = items.annotate(now=f.Now()).values_list("now", flat=True)[0]
    assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    naive = items.annotate(now=f.Now(output_field=sa.DateTime())).values_list("now", flat=True)[0]
    assert naive.tzinfo is None
    assert 0 <= items.annotate(chance=f.Random()).values_list("chance", flat=True)[0] < 1


def test_arguments_of_the_wrong_kind_are_refused_before_any_sql(items) -> None:
    for call in (f.Sqrt("name"), f.Abs("day"), f.Left("name", mdb.F("x")), f.Round("n", mdb.F("x")), f.Mod("name", 2)):
        with pytest.raises(FieldError, match="takes"):
            items.annotate(found=call).sql  # noqa: B018
    for call in (f.Coalesce("name", "n"), f.Greatest("n", "day"), f.Cast("day", int), f.TruncYear("n")):
        with pytest.raises(FieldError):
            items.annotate(found=call).sql  # noqa: B018


def test_dates_have_no_hours_and_no_time_zone(items) -> None:
    refused = [
        f.ExtractHour("day"),
        f.ExtractYear("n"),
        f.TruncHour("day"),
        f.TruncDay("day", output_field=sa.DateTime()),
        f.ExtractYear("day", tzinfo="Europe/Paris"),
        f.TruncDay("placed", tzinfo="Europe/Paris"),
        f.Extract(INSTANT, "hour", tzinfo="Europe/Atlantis"),
    ]
    for call in refused:
        with pytest.raises(FieldError):
            items.annotate(found=call).sql  # noqa: B018


@pytest.mark.parametrize(
    "make",
    [
        lambda: f.Left("name", 0),
        lambda: f.Right("name", 0),
        lambda: f.Substr("name", 0),
        lambda: f.LPad("name", -1),
        lambda: f.RPad("name", -1),
        lambda: f.Repeat("name", -1),
        lambda: f.Concat("name"),
        lambda: f.Coalesce("name"),
        lambda: f.Greatest("name"),
        lambda: f.Least("name"),
        lambda: f.Collate("name", "nocase; drop table items"),
        lambda: f.Collate("name", ""),
        lambda: f.Extract("placed"),
        lambda: f.Extract("placed", "century"),
        lambda: f.Trunc("placed", "century"),
        lambda: f.TruncYear("placed", output_field=int),
        lambda: f.ExtractYear("placed", tzinfo=5),
    ],
)
def test_what_django_refuses_with_a_value_error_is_refused_with_one(make) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        make()


def test_wrong_numbers_of_arguments_are_type_errors() -> None:
    for make in (lambda: f.Upper("a", "b"), lambda: f.NullIf("a"), lambda: f.Log("a"), lambda: f.Now("a")):
        with pytest.raises(TypeError):
            make()


def test_every_function_of_django_is_here_by_its_name() -> None:
    assert set(django.db.models.functions.__all__) - set(f.__all__) == {"JSONArray", "JSONObject"}


def test_collations_are_the_databases_own(tmp_path) -> None:
    mdb.connect("default", f"sqlite:///{tmp_path / 'c.db'}")
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        connection.exec_driver_sql("INSERT INTO items (name) VALUES ('b'), ('A'), ('a'), ('B')")
    items = mdb.reflect("items").objects
    ordered = items.order_by(f.Collate("name", "nocase"), "id").values_list("name", flat=True)
    assert list(ordered) == ["A", "a", "b", "B"]
