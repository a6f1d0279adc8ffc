"""Pages by key: whatever the order and wherever one jumps, they are the pages of the whole sorted table."""

from __future__ import annotations

import datetime as dt
import itertools
import random

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.controllers import paging
from multidb_explorer.controllers.paging import Pager

ROWS = 1500


def fill(table, rows):
    with databases["default"].begin() as connection:
        table.metadata.create_all(connection)
        connection.execute(table.insert(), rows)


@pytest.fixture
def people(url):
    """A table with ties, NULLs and gaps in its key, in a shuffled insertion order."""
    mdb.configure({"default": url})
    table = sa.Table(
        "people",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("country", sa.String(2)),
        sa.Column("score", sa.Integer),
        sa.Column("weight", sa.Double),
        sa.Column("born", sa.DateTime),
    )
    generator = random.Random(5)
    rows = [
        {
            "id": n * 3 + n % 2,
            "country": generator.choice(["FR", "DE", "SE", None]),
            "score": generator.choice([None, *range(7)]),
            "weight": generator.choice([None, 0.1, 1 / 3, 2.5, -1e10]),
            "born": generator.choice([None, dt.datetime(2020, 1, 1), dt.datetime(1999, 12, 31, 23, 59, 59, 123456)]),
        }
        for n in range(ROWS)
    ]
    generator.shuffle(rows)
    fill(table, rows)
    return mdb.reflect("people").objects


SORTS = [
    (),
    ("-id",),
    ("country",),
    ("-country",),
    ("score", "-country"),
    ("-score", "country", "-id"),
    ("weight",),
    ("-born", "score"),
]
SCROLLED = [(0, 200), (200, 200), (1400, 200), (1200, 200)]
JUMPS = [*SCROLLED, (700, 100), (600, 100), (800, 100), (5, 3), (1499, 10), (1000, 7)]


@pytest.mark.parametrize("sort", SORTS, ids=lambda names: "+".join(names) or "own order")
@pytest.mark.parametrize("counted", [False, True])
def test_every_page_is_the_page_of_the_whole_sorted_table(people, sort, counted, monkeypatch):
    monkeypatch.setattr(paging, "_NEAR", 50)
    monkeypatch.setattr(paging, "_STRIDE", 300)
    whole = (people.order_by(*sort) if sort else people.order_by("pk")).to_arrow().to_pylist()
    pager = Pager(people, sort)
    if counted:
        pager.row_count = pager.count()
    for start, count in JUMPS:
        assert pager.page(start, count).to_pylist() == whole[start : start + count], (start, count)
    assert pager._mismatches == 0


def test_scrolling_up_and_down_after_a_jump_reads_by_key_alone(people):
    pager = Pager(people)
    pager.row_count = pager.count()
    pager.page(800, 200)
    with statements(databases["default"]) as seen:
        pager.page(1000, 200)
        pager.page(600, 200)
        pager.page(400, 200)
    pages = [statement.sql for statement in seen if "FROM people" in statement.sql]
    assert len(pages) == 3
    assert all("WHERE" in page for page in pages)


def test_a_composite_key_pages_like_any_other(url):
    mdb.configure({"default": url})
    table = sa.Table(
        "pairs",
        sa.MetaData(),
        sa.Column("a", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("b", sa.String(10), primary_key=True),
        sa.Column("n", sa.Integer),
    )
    fill(table, [{"a": a, "b": b, "n": a % 3} for a, b in itertools.product(range(60), ["x", "y", "z"])])
    pairs = mdb.reflect("pairs").objects
    for sort in ((), ("-n",), ("b", "-a")):
        whole = pairs.order_by(*(sort or ("pk",))).to_arrow().to_pylist()
        pager = Pager(pairs, sort)
        found = list(itertools.chain.from_iterable(pager.page(start, 25).to_pylist() for start in range(0, 180, 25)))
        assert found == whole
    assert pager.keys(pager.page(0, 1)) == [(whole[0]["a"], whole[0]["b"])]


def test_a_key_without_gaps_is_found_by_arithmetic(url):
    mdb.configure({"default": url})
    table = sa.Table("dense", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    fill(table, [{"id": n + 100} for n in range(5000)])
    pager = Pager(mdb.reflect("dense").objects)
    pager.row_count = 5000
    with statements(databases["default"]) as seen:
        assert pager.page(2600, 2).to_pylist() == [{"id": 2700}, {"id": 2701}]
    # The first key, the last key, and the page itself.
    assert len([statement for statement in seen if "FROM dense" in statement.sql]) == 3


def test_rows_deleted_meanwhile_lose_no_other_row(people):
    pager = Pager(people)
    first = pager.page(0, 200).to_pylist()
    people.get(pk=first[-1]["id"]).delete()
    assert pager.page(200, 3).to_pylist() == people.order_by("pk")[200:203].to_arrow().to_pylist()


def test_a_table_without_key_is_read_by_offset(url):
    mdb.configure({"default": url})
    fill(sa.Table("bare", sa.MetaData(), sa.Column("n", sa.Integer)), [{"n": n} for n in range(30)])
    pager = Pager(mdb.reflect("bare").objects, ("-n",))
    assert [row["n"] for row in pager.page(10, 5).to_pylist()] == [19, 18, 17, 16, 15]


def test_a_slice_stays_a_slice(people):
    pager = Pager(people.order_by("-id")[100:250])
    assert pager.page(140, 50).num_rows == 10
    assert pager.row_count == 150


def test_a_short_page_tells_how_many_rows_there_are(people):
    pager = Pager(people)
    pager.page(1400, 200)
    assert pager.row_count == ROWS


def test_a_page_behind_the_end_is_empty_and_counts(people):
    pager = Pager(people)
    assert pager.page(9000, 200).num_rows == 0
    assert pager.row_count == ROWS


def test_stored_text_that_no_date_finds_again_is_paged_all_the_same(tmp_path):
    mdb.configure({"default": f"sqlite:///{tmp_path / 'odd.db'}"})
    with databases["default"].begin() as connection:
        connection.execute(sa.text("CREATE TABLE odd (id INTEGER PRIMARY KEY, day DATETIME)"))
        # One form without seconds' fractions, one with: equal days, unequal text.
        for n in range(60):
            text = f"2020-01-{1 + n % 20:02} 00:00:00" + (".000000" if n % 2 else "")
            connection.execute(sa.text("INSERT INTO odd VALUES (:n, :text)"), {"n": n, "text": text})
    odd = mdb.reflect("odd").objects
    pager = Pager(odd, ("day",))
    found = [row["id"] for start in range(0, 60, 7) for row in pager.page(start, 7).to_pylist()]
    assert found == [row["id"] for row in odd.order_by("day").to_arrow().to_pylist()]


def test_a_page_behind_a_known_end_asks_nothing(people):
    pager = Pager(people[:10])
    pager.page(0, 200)
    with statements(databases["default"]) as seen:
        assert pager.page(200, 200).num_rows == 0
    assert seen == []
