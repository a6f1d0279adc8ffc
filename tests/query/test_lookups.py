"""Text and date lookups: the same answer on every engine, whatever its collation thinks of letters."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS

TEXTS = ["Ann", "ann", "ANN ", "Äpfel", "äpfel", "100%", "100x", "a_b", "axb", "back\\slash", "Élan", "élan", "", None]
MOMENTS = [
    dt.datetime(2026, 1, 1, 0, 0),
    dt.datetime(2024, 12, 30, 23, 59, 59, 999999),
    dt.datetime(2024, 2, 29, 12, 30, 15, 500000),
    dt.datetime(2021, 1, 3, 6, 7, 8),
    None,
]


@pytest.fixture
def things(url: str) -> type[mdb.Model]:
    mdb.connect("legacy", url)
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    table = sa.Table(
        "things",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.String(20)),
        sa.Column("moment", moment),
        sa.Column("day", sa.Date),
    )
    table.metadata.create_all(databases["legacy"].engine)
    rows = [{"id": n, "text": text, "moment": None, "day": None} for n, text in enumerate(TEXTS)]
    rows += [
        {"id": 100 + n, "text": None, "moment": moment, "day": moment.date() if moment else None}
        for n, moment in enumerate(MOMENTS)
    ]
    with databases["legacy"].begin() as connection:
        connection.execute(table.insert(), rows)
    return mdb.reflect("things", using="legacy")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"text": "Ann"}, ["Ann"]),
        ({"text": "ANN"}, []),
        ({"text__in": ["Ann", "ÄPFEL", "Élan"]}, ["Ann", "Élan"]),
        ({"text__iexact": "ANN"}, ["Ann", "ann"]),
        ({"text__iexact": "ÄPFEL"}, ["Äpfel", "äpfel"]),
        ({"text__contains": "nn"}, ["Ann", "ann"]),
        ({"text__contains": "NN"}, ["ANN "]),
        ({"text__icontains": "nN"}, ["Ann", "ann", "ANN "]),
        ({"text__icontains": "ÉL"}, ["Élan", "élan"]),
        ({"text__contains": "%"}, ["100%"]),
        ({"text__contains": "_"}, ["a_b"]),
        ({"text__contains": "\\"}, ["back\\slash"]),
        ({"text__startswith": "A"}, ["Ann", "ANN "]),
        ({"text__startswith": "100%"}, ["100%"]),
        ({"text__istartswith": "ä"}, ["Äpfel", "äpfel"]),
        ({"text__endswith": "n"}, ["Ann", "ann", "Élan", "élan"]),
        ({"text__endswith": " "}, ["ANN "]),
        ({"text__iendswith": "LAN"}, ["Élan", "élan"]),
        ({"text__endswith": "longer than any of them"}, []),
        ({"text__regex": "^[A-Z]nn"}, ["Ann"]),
        ({"text__iregex": "^[a-z]NN"}, ["Ann", "ann", "ANN "]),
        ({"text__contains": ""}, [text for text in TEXTS if text is not None]),
    ],
)
def test_text_lookups(things: type[mdb.Model], conditions: dict[str, object], expected: list[str]) -> None:
    found = {row.text for row in things.objects.filter(**conditions)}
    assert found == set(expected)
    kept = {row.text for row in things.objects.filter(id__lt=100).exclude(**conditions)}
    assert kept == set(TEXTS) - set(expected)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"moment__year": 2024}, [101, 102]),
        ({"moment__year__gte": 2024}, [100, 101, 102]),
        ({"moment__iso_year": 2025}, [101]),
        ({"moment__iso_year": 2020}, [103]),
        ({"moment__quarter": 1}, [100, 102, 103]),
        ({"moment__month": 12}, [101]),
        ({"moment__week": 53}, [103]),
        ({"moment__week__in": [1, 9]}, [100, 101, 102]),
        ({"moment__week_day": 1}, [103]),
        ({"moment__iso_week_day": 7}, [103]),
        ({"moment__iso_week_day": 1}, [101]),
        ({"moment__day": 29}, [102]),
        ({"moment__hour": 12}, [102]),
        ({"moment__minute": 59}, [101]),
        ({"moment__second": 15}, [102]),
        ({"moment__second": 59}, [101]),
        ({"moment__date": dt.date(2024, 2, 29)}, [102]),
        ({"moment__date__lt": "2024-01-01"}, [103]),
        ({"moment__time": dt.time(0, 0)}, [100]),
        ({"moment__time__gt": dt.time(12, 30, 15)}, [101, 102]),
        ({"day__year": 2024}, [101, 102]),
        ({"day__month__range": (1, 2)}, [100, 102, 103]),
        ({"day__week_day": 1}, [103]),
    ],
)
def test_parts_of_dates(things: type[mdb.Model], conditions: dict[str, object], expected: list[int]) -> None:
    dated = things.objects.filter(id__gte=100)

    assert [row.pk for row in dated.filter(**conditions).order_by("id")] == expected
    assert [row.pk for row in dated.exclude(**conditions).order_by("id")] == [
        pk for pk in range(100, 105) if pk not in expected
    ]


def test_conditions_combine(things: type[mdb.Model]) -> None:
    def texts(*parts: Q, **conditions: object) -> set[object]:
        return {row.text for row in things.objects.filter(*parts, id__lt=100, **conditions)}

    assert texts(Q(text="Ann") | Q(text="a_b")) == {"Ann", "a_b"}
    assert texts(Q(text__startswith="1") & ~Q(text__contains="%")) == {"100x"}
    assert texts(~(Q(text__icontains="n") | Q(text__contains="0"))) == {
        "Äpfel",
        "äpfel",
        "a_b",
        "axb",
        "back\\slash",
        "",
        None,
    }
    assert texts(Q(text="Ann") ^ Q(text__startswith="A")) == {"ANN "}
    assert texts(~~Q(text="Ann")) == {"Ann"}
    assert texts(Q() | Q(text="Ann")) == texts(Q(text="Ann") & Q()) == {"Ann"}
    assert len(texts(~Q())) == len(TEXTS)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ({"id__contains": "1"}, "can't be searched as text"),
        ({"text__contains": None}, "isnull=True"),
        ({"text__year": 2024}, "has no year"),
        ({"day__hour": 1}, "has no hour"),
        ({"moment__yaer": 2024}, "no lookup 'yaer'"),
        ({"text__regex": 5}, "searches text"),
    ],
)
def test_what_makes_no_sense_is_refused(things: type[mdb.Model], use: dict[str, object], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        things.objects.filter(**use).count()


def test_every_lookup_says_itself_in_words() -> None:
    assert all(lookup.phrase and lookup.name == name for name, lookup in LOOKUPS.items())
    assert all(transform.phrase and transform.name == name for name, transform in TRANSFORMS.items())
