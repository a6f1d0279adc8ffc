"""A bookshop, made by chance from a fixed seed: the data that both sides are asked about.

Ties, NULLs, empty texts, ``%``, ``_`` and letters beyond ASCII are common in it. Some columns are tamer, because two
databases (or Django and we) may differ about their contents on purpose:

- ``slug`` and ``label`` hold lower-case ASCII: Django's ``contains`` ignores the case on SQLite.
- ``isbn`` holds digits: a text that is no number is cast differently everywhere.
- Decimals are never whole: SQLite stores a whole one as an integer, and Django then divides integers.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

SEED = 20_260_101

NAMES = (
    *(
        "Ann",
        "ann",
        "Bo",
        "Bo Lee",
        "ann lee",
        "Çağla",
        "Zoë",
        "",
        "100%",
        "a_b",
        "O'Neil",
        "日本",
        " pad ",
        "back\\slash",
    ),
    *('quo"te', "Émile 2", "x%y_z", "🙂 fine", "Ann-Lee", "BO"),
)
SLUGS = ("alpha", "beta", "alpha-2", "gamma_x", "100%", "b_1", "zeta", "", "mix 1", "beta b")
COUNTRIES = ("FR", "TR", "DE", "", None)
INTEGERS = (None, 0, 1, 2, 3, 7, 10, 40, 41, 120, 300, -5)
FLOATS = (None, 0.0, 0.5, 1.25, 2.0, 3.75, 4.5, -1.5, 100.125)
DECIMALS = (None, *map(Decimal, ("9.25", "19.99", "0.01", "5.50", "-3.75", "120.10", "19.95")))
DATES = (None, *(dt.date(*day) for day in ((2019, 12, 30), (2020, 2, 29), (2021, 1, 1), (2021, 1, 3), (2024, 7, 15))))
TIMES = (
    None,
    dt.datetime(2020, 2, 29, 23, 59, 59),
    dt.datetime(2021, 1, 1),
    dt.datetime(2021, 1, 1, 13, 30, 5),
    dt.datetime(2021, 1, 3, 0, 0, 0, 250_000),
    dt.datetime(2024, 7, 15, 8, 5, 59, 999_999),
)
BOOLEANS = (True, False, None)

AUTHORS, PUBLISHERS, BOOKS, TAGS, REVIEWS = 24, 8, 48, 9, 72

Rows = list[dict[str, Any]]


def _text(length: int) -> sa.types.TypeEngine[Any]:
    """Give a text type that is ordered and compared by code points on every engine."""
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    plain = sa.String(length)
    return plain.with_variant(exact, "mysql", "mariadb").with_variant(sa.String(length, collation="C"), "postgresql")


def _time() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _key() -> sa.Column[Any]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)


def _link(name: str, target: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{target}.id"), nullable=nullable)


@cache
def tables() -> sa.MetaData:
    """Describe the tables, in a form that can be created on any engine."""
    metadata = sa.MetaData()
    sa.Table(
        "authors",
        metadata,
        _key(),
        sa.Column("name", _text(80), nullable=False),
        sa.Column("nick", _text(80)),
        sa.Column("slug", _text(40), nullable=False),
        sa.Column("country", _text(2)),
        sa.Column("age", sa.Integer),
        sa.Column("rating", sa.Double),
        sa.Column("born", sa.Date),
        sa.Column("active", sa.Boolean),
        _link("mentor_id", "authors", nullable=True),
    )
    sa.Table(
        "publishers",
        metadata,
        _key(),
        sa.Column("name", _text(80), nullable=False),
        sa.Column("founded", sa.Integer),
        sa.Column("revenue", sa.Numeric(12, 2)),
    )
    sa.Table(
        "books",
        metadata,
        _key(),
        sa.Column("title", _text(80), nullable=False),
        sa.Column("slug", _text(40)),
        sa.Column("isbn", _text(20), nullable=False),
        sa.Column("pages", sa.Integer),
        sa.Column("copies", sa.Integer, nullable=False),
        sa.Column("price", sa.Numeric(8, 2)),
        sa.Column("weight", sa.Double),
        sa.Column("published", sa.Date),
        sa.Column("printed", _time()),
        sa.Column("in_print", sa.Boolean, nullable=False),
        _link("author_id", "authors"),
        _link("editor_id", "authors", nullable=True),
        _link("publisher_id", "publishers", nullable=True),
        _link("prequel_id", "books", nullable=True),
    )
    sa.Table("tags", metadata, _key(), sa.Column("label", _text(40), nullable=False), sa.Column("rank", sa.Integer))
    sa.Table("book_tags", metadata, _key(), _link("book_id", "books"), _link("tag_id", "tags"))
    sa.Table(
        "reviews",
        metadata,
        _key(),
        _link("book_id", "books"),
        _link("reviewer_id", "authors", nullable=True),
        sa.Column("stars", sa.Integer),
        sa.Column("note", _text(80)),
        sa.Column("score", sa.Numeric(8, 2), nullable=False),
        sa.Column("at", _time(), nullable=False),
    )
    return metadata


@cache
def rows() -> dict[str, Rows]:
    """Make the rows of every table, the same ones each time."""
    chance = random.Random(SEED)
    makers = {"authors": _author, "publishers": _publisher, "books": _book, "tags": _tag, "reviews": _review}
    counts = (AUTHORS, PUBLISHERS, BOOKS, TAGS, REVIEWS)
    made = {
        name: [{"id": number, **make(chance.choice, number)} for number in range(1, count + 1)]
        for (name, make), count in zip(makers.items(), counts, strict=True)
    }
    made["book_tags"] = _book_tags(chance)
    return made


Choose = Callable[[Sequence[Any]], Any]


def _present(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _author(choose: Choose, number: int) -> dict[str, Any]:
    return {
        "name": choose(NAMES),
        "nick": choose((*NAMES, None, None, None, None)),
        "slug": choose(SLUGS),
        "country": choose(COUNTRIES),
        "age": choose(INTEGERS),
        "rating": choose(FLOATS),
        "born": choose(DATES),
        "active": choose(BOOLEANS),
        "mentor_id": choose((None, None, *range(1, number))),
    }


def _publisher(choose: Choose, number: int) -> dict[str, Any]:
    return {"name": choose(NAMES), "founded": choose(INTEGERS), "revenue": choose(DECIMALS)}


def _book(choose: Choose, number: int) -> dict[str, Any]:
    return {
        "title": choose(NAMES),
        "slug": choose((*SLUGS, None, None)),
        "isbn": choose(("1", "20", "0300", "4", "55")),
        "pages": choose(INTEGERS),
        "copies": choose(_present(INTEGERS)),
        "price": choose(DECIMALS),
        "weight": choose(FLOATS),
        "published": choose(DATES),
        "printed": choose(TIMES),
        "in_print": choose((True, False)),
        # The last authors write nothing.
        "author_id": choose(range(1, AUTHORS - 4)),
        "editor_id": choose((None, *range(1, AUTHORS + 1))),
        "publisher_id": choose((None, *range(1, PUBLISHERS))),
        "prequel_id": choose((None, None, *range(1, number))),
    }


def _tag(choose: Choose, number: int) -> dict[str, Any]:
    return {"label": choose(SLUGS), "rank": choose(INTEGERS)}


def _review(choose: Choose, number: int) -> dict[str, Any]:
    return {
        "book_id": choose(range(1, BOOKS - 8)),
        "reviewer_id": choose((None, *range(1, AUTHORS + 1))),
        "stars": choose((None, 1, 2, 3, 4, 5)),
        "note": choose((*NAMES, None, None)),
        "score": choose(_present(DECIMALS)),
        "at": choose(_present(TIMES)),
    }


def _book_tags(chance: random.Random) -> Rows:
    # The last books and the last tag have none.
    pairs = [(book, tag) for book in range(1, BOOKS - 5) for tag in range(1, TAGS)]
    chosen = sorted(chance.sample(pairs, 90))
    return [{"id": number, "book_id": book, "tag_id": tag} for number, (book, tag) in enumerate(chosen, 1)]


def fill(engine: sa.Engine) -> None:
    """Create the tables in an empty database and put the rows in."""
    metadata = tables()
    with engine.begin() as connection:
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            # One by one: a row may refer to one before it, which not every engine sees within a statement.
            for row in rows()[table.name]:
                connection.execute(table.insert(), row)
