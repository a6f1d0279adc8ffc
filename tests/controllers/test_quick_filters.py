"""The language of the filter row, kind by kind."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from multidb_explorer import Q
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.controllers.quick_filters import quick_condition
from multidb_explorer.controllers.typed_values import Unreadable

UTC = dt.UTC
TEXT, WHOLE, DAY = Kind("text"), Kind("integer"), Kind("date")
MOMENT, INSTANT, ENUM = Kind("timestamp"), Kind("timestamp", tz=True), Kind("enum", choices=("new", "old"))


@pytest.mark.parametrize(
    ("kind", "typed", "means"),
    [
        (TEXT, "an", Q(c__icontains="an")),
        (TEXT, "  a b ", Q(c__icontains="a b")),
        (TEXT, "=Ann", Q(c="Ann")),
        (TEXT, "=", Q(c="")),
        (TEXT, "!an", ~Q(c__icontains="an")),
        (TEXT, "!=Ann", ~Q(c="Ann")),
        (TEXT, "^An", Q(c__istartswith="An")),
        (TEXT, "nn$", Q(c__iendswith="nn")),
        (TEXT, "^Ann$", Q(c__iexact="Ann")),
        (TEXT, "/^A.n$/", Q(c__regex="^A.n$")),
        (TEXT, "/^a.n$/i", Q(c__iregex="^a.n$")),
        (TEXT, "null", Q(c__isnull=True)),
        (TEXT, "!NULL", Q(c__isnull=False)),
        (TEXT, '"NULL"', Q(c__icontains="NULL")),
        (TEXT, "<img", Q(c__icontains="<img")),
        (TEXT, "a, b", Q(c__icontains="a, b")),
        (WHOLE, "5", Q(c=5)),
        (WHOLE, ">= 5", Q(c__gte=5)),
        (WHOLE, "<5.5", Q(c__lt=Decimal("5.5"))),
        (WHOLE, "1..5", Q(c__range=(1, 5))),
        (WHOLE, "..5", Q(c__lte=5)),
        (WHOLE, "-3, 4,5", Q(c__in=[-3, 4, 5])),
        (WHOLE, "!5", ~Q(c=5)),
        (WHOLE, "!=5", ~Q(c=5)),
        (Kind("boolean"), "yes", Q(c=True)),
        (ENUM, "new, old", Q(c__in=["new", "old"])),
        (DAY, "2026-11-22", Q(c=dt.date(2026, 11, 22))),
        (DAY, "2026", Q(c__gte=dt.date(2026, 1, 1), c__lt=dt.date(2027, 1, 1))),
        (DAY, "> 2026-02", Q(c__gte=dt.date(2026, 3, 1))),
        (DAY, "2026-01..2026-03", Q(c__gte=dt.date(2026, 1, 1)) & Q(c__lt=dt.date(2026, 4, 1))),
        (MOMENT, "2026-12-31", Q(c__gte=dt.datetime(2026, 12, 31), c__lt=dt.datetime(2027, 1, 1))),
        (MOMENT, ">2026-11-22 14:30", Q(c__gt=dt.datetime(2026, 11, 22, 14, 30))),
        (INSTANT, ">2026-11-22T14:30", Q(c__gt=dt.datetime(2026, 11, 22, 14, 30, tzinfo=UTC))),
        (INSTANT, "<2026", Q(c__lt=dt.datetime(2026, 1, 1, tzinfo=UTC))),
    ],
)
def test_signs_around_a_value(kind, typed, means):
    assert quick_condition("c", typed, kind) == means


def test_blank_asks_nothing():
    assert quick_condition("c", "  ", TEXT) is None


@pytest.mark.parametrize(
    ("kind", "typed", "says"),
    [
        (WHOLE, "five", "'five' is no 64-bit integer: write a whole number such as 42"),
        (WHOLE, ">", "Nothing is typed"),
        (WHOLE, "..", "a lowest and a highest value"),
        (DAY, "2026-13", "No calendar has that"),
        (MOMENT, "soon", "such as 2026-11-22 14:30:00"),
        (TEXT, "/(/", "no regular expression"),
        (TEXT, "!", "must not contain"),
        (ENUM, "young", "is not one of new, old"),
        (Kind("uuid"), ">1", "has no order"),
    ],
)
def test_what_can_not_be_read_is_said_with_an_example(kind, typed, says):
    with pytest.raises(Unreadable, match=says):
        quick_condition("c", typed, kind)
