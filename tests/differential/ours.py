"""The bookshop as we declare it, and the names that a program may use here."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

import sqlalchemy as sa
from outcomes import told
from sqlalchemy import Boolean, Column, Date, DateTime, Double, ForeignKey, Integer, Numeric, String

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

__all__ = ["answer", "names", "open_bookshop", "statements"]

ALIAS = "bookshop"


class Author(mdb.Model):
    id = Column(Integer, primary_key=True)
    name = Column(String(80), nullable=False)
    nick = Column(String(80))
    slug = Column(String(40), nullable=False)
    country = Column(String(2))
    age = Column(Integer)
    rating = Column(Double)
    born = Column(Date)
    active = Column(Boolean)
    mentor_id = Column(Integer, ForeignKey("authors.id"))

    class Meta:
        table = "authors"
        using = ALIAS
        relations: ClassVar = {"mentor_id": {"related_name": "mentees"}}


class Publisher(mdb.Model):
    id = Column(Integer, primary_key=True)
    name = Column(String(80), nullable=False)
    founded = Column(Integer)
    revenue = Column(Numeric(12, 2))

    class Meta:
        table = "publishers"
        using = ALIAS


class Tag(mdb.Model):
    id = Column(Integer, primary_key=True)
    label = Column(String(40), nullable=False)
    rank = Column(Integer)

    class Meta:
        table = "tags"
        using = ALIAS


class Book(mdb.Model):
    id = Column(Integer, primary_key=True)
    title = Column(String(80), nullable=False)
    slug = Column(String(40))
    isbn = Column(String(20), nullable=False)
    pages = Column(Integer)
    copies = Column(Integer, nullable=False)
    price = Column(Numeric(8, 2))
    weight = Column(Double)
    published = Column(Date)
    printed = Column(DateTime)
    in_print = Column(Boolean, nullable=False)
    author_id = Column(Integer, ForeignKey("authors.id"), nullable=False)
    editor_id = Column(Integer, ForeignKey("authors.id"))
    publisher_id = Column(Integer, ForeignKey("publishers.id"))
    prequel_id = Column(Integer, ForeignKey("books.id"))

    class Meta:
        table = "books"
        using = ALIAS
        relations: ClassVar = {
            "author_id": {"related_name": "books"},
            "editor_id": {"related_name": "edited"},
            "prequel_id": {"related_name": "sequels"},
            "tags": {"through": "book_tags"},
        }


class BookTag(mdb.Model):
    id = Column(Integer, primary_key=True)
    book_id = Column(Integer, ForeignKey("books.id"), nullable=False)
    tag_id = Column(Integer, ForeignKey("tags.id"), nullable=False)

    class Meta:
        table = "book_tags"
        using = ALIAS


class Review(mdb.Model):
    id = Column(Integer, primary_key=True)
    book_id = Column(Integer, ForeignKey("books.id"), nullable=False)
    reviewer_id = Column(Integer, ForeignKey("authors.id"))
    stars = Column(Integer)
    note = Column(String(80))
    score = Column(Numeric(8, 2), nullable=False)
    at = Column(DateTime, nullable=False)

    class Meta:
        table = "reviews"
        using = ALIAS
        relations: ClassVar = {
            "book_id": {"related_name": "reviews"},
            "reviewer_id": {"related_name": "reviews_written"},
        }


MODELS = (Author, Publisher, Tag, Book, Review)

TYPES = {
    "INTEGER": Integer(),
    "FLOAT": Double(),
    "DECIMAL": Numeric(24, 12),
    "TEXT": String(200),
    "BOOLEAN": Boolean(),
    "DATE": Date(),
    "DATETIME": DateTime(),
}

SHARED = {"date": dt.date, "datetime": dt.datetime, "time": dt.time, "timedelta": dt.timedelta, "Decimal": Decimal}


@cache
def names() -> dict[str, Any]:
    """Give what a program may name: expressions and functions by Django's names, the models, types and values."""
    functions = mdb.functions
    expressions = "Avg Case Count Exists ExpressionWrapper F Func Max Min OuterRef Q RowRange StdDev Subquery Sum"
    expressions += " Value ValueRange Variance When Window"
    return (
        {name: getattr(functions, name) for name in functions.__all__}
        | {name: getattr(mdb, name) for name in expressions.split()}
        | {model.__name__: model for model in MODELS}
        | TYPES
        | SHARED
    )


def open_bookshop(url: str) -> None:
    """Let the models read a database."""
    # No program may run without an end.
    databases.connect(ALIAS, url, statement_timeout=60)


def answer(text: str) -> Any:
    """Give what a program says."""
    return eval(text, dict(names()))  # noqa: S307


def statements(text: str) -> list[str]:
    """Give the SQL that a program runs, whether or not it succeeds."""
    engine, ran = databases[ALIAS].engine, []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *others: Any) -> None:
        ran.append(f"{statement}\n    -- {parameters}")

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        found = answer(text)
        _ = list(found) if isinstance(found, mdb.QuerySet) else found
    except Exception as error:  # noqa: BLE001
        ran.append(told(error))
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return ran
