"""Families of Chinook between every ordered pair of engines: nothing is lost, nothing else changes."""

from __future__ import annotations

from itertools import permutations

import pytest
import travels

import multidb_explorer as mdb

ENGINES = ["sqlite", "duckdb", "postgresql", "mariadb"]
RING = [("sqlite", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "duckdb"), ("duckdb", "sqlite")]
PAIRS = [pytest.param(*pair, marks=[] if pair in RING else pytest.mark.slow) for pair in permutations(ENGINES, 2)]


def merged(*some):
    return {table: set().union(*(rows[table] for rows in some)) for table in travels.TABLES}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_family_is_copied_there_and_moved_back(places_of, one, other):
    home = places_of("home", one, "home")
    away, back = places_of("away", other), places_of("back", one)
    artist = mdb.reflect("Artist", home).objects.filter(ArtistId=8)

    copied = mdb.copy(artist, to=away, related="all")

    there = travels.rows(away)
    assert copied.reconciles
    assert copied.inserted == copied.planned == sum(map(len, there.values()))
    assert len(there["Track"]) == 40
    assert all(there[table] <= rows for table, rows in travels.rows(home).items())

    moved = mdb.move(mdb.reflect("Artist", away).objects.all(), to=back, related="all")

    assert moved.reconciles
    assert travels.rows(back) == there
    left = travels.rows(away)
    taken = {"Artist", "Album", "Track", "InvoiceLine", "PlaylistTrack"}
    assert left == {table: set() if table in taken else rows for table, rows in there.items()}
    assert moved.deleted == sum(len(there[table]) for table in taken)
    assert mdb.transfers() == []


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), list(permutations(ENGINES, 2)))
def test_a_customer_is_moved_with_all_that_hangs_on_it(places_of, one, other):
    home = places_of("home", one, "home")
    away, back = places_of("away", other), places_of("back", one)
    mdb.copy(mdb.reflect("Customer", home).objects.filter(CustomerId=2), to=away, related="all")
    before = travels.rows(away)

    moved = mdb.move(mdb.reflect("Customer", away).objects.filter(CustomerId=2), to=back, related="all")

    assert travels.rows(back) == before
    left = travels.rows(away)
    assert not left["Customer"]
    assert not left["Invoice"]
    assert not left["InvoiceLine"]
    assert merged(left, travels.rows(back)) == before
    assert moved.table("Track").deleted == 0
    assert moved.table("Track").kept
    assert moved.table("Employee").inserted == len(before["Employee"]) > 1
