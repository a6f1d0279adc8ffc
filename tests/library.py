"""A library with every kind of reference: two keys to one table, to itself, of two columns, to a unique column."""

from __future__ import annotations

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases

ROWS: dict[str, list[dict[str, object]]] = {
    "authors": [
        {"id": 1, "name": "Ada", "mentor_id": None},
        {"id": 2, "name": "Bea", "mentor_id": 1},
        {"id": 3, "name": "Cem", "mentor_id": 1},
    ],
    "shelves": [{"room": "A", "number": 1, "label": "left"}, {"room": "A", "number": 2, "label": "right"}],
    "books": [
        {"id": 10, "isbn": "i-10", "title": "Loom", "author_id": 1, "editor_id": 2, "room": "A", "shelf": 1},
        {"id": 11, "isbn": "i-11", "title": "Engine", "author_id": 1, "editor_id": None, "room": "A", "shelf": 2},
        {"id": 12, "isbn": "i-12", "title": "Notes", "author_id": 2, "editor_id": 3, "room": None, "shelf": None},
    ],
    "tags": [{"id": 100, "label": "old"}, {"id": 101, "label": "rare"}, {"id": 102, "label": "red"}],
    "book_tags": [{"book_id": 10, "tag_id": 100}, {"book_id": 10, "tag_id": 101}, {"book_id": 11, "tag_id": 101}],
    "reviews": [{"id": 1000, "isbn": "i-10", "stars": 5}, {"id": 1001, "isbn": "i-10", "stars": 3}],
}


def tables() -> sa.MetaData:
    """Authors have mentors; books an author, maybe an editor, maybe a shelf; tags by a link table; reviews by ISBN."""
    metadata = sa.MetaData()

    def table(name: str, *parts: sa.Column[object] | sa.ForeignKeyConstraint) -> None:
        sa.Table(name, metadata, *parts)

    def key(name: str = "id") -> sa.Column[object]:
        return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)

    table("authors", key(), sa.Column("name", sa.String(20)), sa.Column("mentor_id", sa.ForeignKey("authors.id")))
    table("shelves", sa.Column("room", sa.String(5), primary_key=True), key("number"), sa.Column("label", sa.String(9)))
    table(
        "books",
        key(),
        sa.Column("isbn", sa.String(20), nullable=False, unique=True),
        sa.Column("title", sa.String(40)),
        sa.Column("author_id", sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("editor_id", sa.ForeignKey("authors.id")),
        sa.Column("room", sa.String(5)),
        sa.Column("shelf", sa.Integer),
        sa.ForeignKeyConstraint(["room", "shelf"], ["shelves.room", "shelves.number"]),
    )
    table("tags", key(), sa.Column("label", sa.String(9)))
    table(
        "book_tags",
        sa.Column("book_id", sa.ForeignKey("books.id"), primary_key=True),
        sa.Column("tag_id", sa.ForeignKey("tags.id"), primary_key=True),
    )
    table("reviews", key(), sa.Column("isbn", sa.ForeignKey("books.isbn")), sa.Column("stars", sa.Integer))
    return metadata


def make(alias: str, url: str) -> Database:
    """Register an alias and put the library into it."""
    mdb.connect(alias, url)
    database = databases[alias]
    metadata = tables()
    metadata.create_all(database.engine)
    with database.begin() as connection:
        for name, rows in ROWS.items():
            # One at a time: an engine may check a key within its table before the rest of the statement is there.
            for row in rows:
                connection.execute(metadata.tables[name].insert(), row)
    return database


class Author(mdb.Model):
    """An author, declared; may have a mentor."""

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20))
    mentor_id = sa.Column(sa.Integer, sa.ForeignKey("authors.id"))

    class Meta:
        table, using = "authors", "lib"


class Shelf(mdb.Model):
    """A shelf, whose key has two columns."""

    room = sa.Column(sa.String(5), primary_key=True)
    number = sa.Column(sa.Integer, primary_key=True)
    label = sa.Column(sa.String(9))

    class Meta:
        table, using = "shelves", "lib"


class Book(mdb.Model):
    """A book; its author calls it one of the works."""

    id = sa.Column(sa.Integer, primary_key=True)
    isbn = sa.Column(sa.String(20), nullable=False)
    title = sa.Column(sa.String(40))
    author_id = sa.Column(sa.Integer, sa.ForeignKey("authors.id"), nullable=False)
    editor_id = sa.Column(sa.Integer, sa.ForeignKey("authors.id"))
    room = sa.Column(sa.String(5))
    shelf = sa.Column(sa.Integer)
    place = sa.ForeignKeyConstraint(["room", "shelf"], ["shelves.room", "shelves.number"])

    class Meta:
        table, using = "books", "lib"
        relations = {"author_id": {"related_name": "works"}, "tags": {"through": "book_tags"}}  # noqa: RUF012 - read once


class Review(mdb.Model):
    """A review of a book, by its ISBN."""

    id = sa.Column(sa.Integer, primary_key=True)
    isbn = sa.Column(sa.String(20), sa.ForeignKey("books.isbn"))
    stars = sa.Column(sa.Integer)

    class Meta:
        table, using = "reviews", "lib"
