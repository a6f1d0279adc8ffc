"""SQLite keeps timestamps as text, and programs spell them differently: with or without a fraction that is zero."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

NOON = dt.datetime(2026, 5, 1, 12)


def test_a_moment_is_found_however_it_is_spelt():
    mdb.configure({"default": "sqlite://"})
    with databases["default"].begin() as connection:
        connection.execute(sa.text("CREATE TABLE visits (id INTEGER PRIMARY KEY, at TIMESTAMP)"))
        for key, text in enumerate(["2026-05-01 12:00:00", "2026-05-01 12:00:00.000000", "2026-05-01 12:00:00.5"]):
            connection.execute(sa.text("INSERT INTO visits VALUES (:key, :text)"), {"key": key, "text": text})
    visits = mdb.reflect("visits").objects.order_by("pk")

    def found(**conditions: object) -> list[int]:
        return list(visits.filter(**conditions).values_list("id", flat=True))

    assert found(at=NOON) == [0, 1]
    assert found(at__in=[NOON]) == [0, 1]
    assert found(at__gt=NOON) == [2]
    assert found(at__gte=NOON) == [0, 1, 2]
    assert found(at__lt=NOON) == []
    assert found(at__lte=NOON) == [0, 1]
    assert list(visits.exclude(at=NOON).values_list("id", flat=True)) == [2]
