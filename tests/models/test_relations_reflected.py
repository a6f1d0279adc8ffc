"""Relations of reflected models: by the foreign keys of the alias, on every engine."""

from __future__ import annotations

from pathlib import Path

import chinook
import library
import pytest
import shop
import sqlalchemy as sa
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import FieldError, ImproperlyConfigured
from multidb_explorer.schema.inspector import catalog_of


def names(model: type[mdb.Model], using: str | None = None) -> dict[str, tuple[str, str, str]]:
    return {info.name: (info.attribute, info.kind, info.to) for info in model.relations(using)}


def test_every_kind_of_key_gives_its_relation(url: str) -> None:
    library.make("lib", url)

    assert names(mdb.reflect("books", using="lib")) == {
        "author": ("author", "forward", "Authors"),
        "editor": ("editor", "forward", "Authors"),
        "shelves": ("shelves", "forward", "Shelves"),
        "book_tags": ("book_tags_set", "backward", "BookTags"),
        "reviews": ("reviews_set", "backward", "Reviews"),
        "tags": ("tags_set", "link", "Tags"),
    }
    assert names(mdb.reflect("authors", using="lib")) == {
        "mentor": ("mentor", "forward", "Authors"),
        "authors": ("authors_set", "backward", "Authors"),
        "books_by_author": ("books_by_author_set", "backward", "Books"),
        "books_by_editor": ("books_by_editor_set", "backward", "Books"),
    }
    assert names(mdb.reflect("tags", using="lib"))["books"] == ("books_set", "link", "Books")
    assert names(mdb.reflect("reviews", using="lib")) == {"books": ("books", "forward", "Books")}
    shelf = mdb.reflect("books", using="lib").shelves.relation.hops[0]
    assert (shelf.columns, shelf.target_columns) == (("room", "shelf"), ("room", "number"))
    review = mdb.reflect("books", using="lib").reviews_set.relation.hops[0]
    assert (review.columns, review.target_columns) == (("isbn",), ("isbn",))


def test_a_table_is_one_class_until_the_catalog_is_refreshed(url: str) -> None:
    library.make("lib", url)
    books = mdb.reflect("books", using="lib")

    assert mdb.reflect("books", using="lib") is books
    assert type(books.objects.get(pk=10).author) is mdb.reflect("authors", using="lib")
    assert mdb.reflect("books", using="lib", key="isbn") is not books
    catalog_of(databases["lib"]).refresh()
    assert mdb.reflect("books", using="lib") is not books
    assert type(books.objects.get(pk=10).author) is mdb.reflect("authors", using="lib")


def test_reflecting_reads_no_other_table(url: str) -> None:
    library.make("lib", url)
    catalog_of(databases["lib"]).table("books")

    with statements(databases["lib"]) as sent:
        books = mdb.reflect("books", using="lib")
        assert "author" in books._source.relations(databases["lib"])
        assert repr(books.author) == "<Books.author: forward relation to row of Authors (author_id = id)>"
    assert sent == []


def test_listing_names_asks_the_database_once(url: str) -> None:
    library.make("lib", url)
    book = mdb.reflect("books", using="lib").objects.get(pk=10)
    assert {"title", "author", "reviews_set", "tags_set"} <= set(dir(book))

    with statements(databases["lib"]) as sent:
        assert set(dir(book)) >= {"tags_set"}
        assert set(dir(type(book))) >= {"tags_set"}
        assert not hasattr(book, "nothing")
    assert sent == []


def test_a_refresh_shows_new_foreign_keys(url: str) -> None:
    database = library.make("lib", url)
    tags = mdb.reflect("tags", using="lib")
    assert "notes" not in names(tags)

    metadata = library.tables()
    sa.Table(
        "notes", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("tag_id", sa.ForeignKey("tags.id"))
    )
    metadata.create_all(database.engine, [metadata.tables["notes"]])
    catalog_of(database).refresh()
    assert "notes" in names(tags)


def test_names_are_given_when_a_table_is_reflected(url: str) -> None:
    library.make("lib", url)
    books = mdb.reflect(
        "books",
        using="lib",
        relations={
            "author_id": {"related_name": "works"},
            "editor_id": {"name": "reviser", "related_name": "+"},
            ("room", "shelf"): {"related_query_name": "volume"},
            "tags": {"through": "book_tags", "related_name": "tagged"},
        },
    )

    assert {"author", "reviser", "tags"} <= set(names(books))
    assert names(books)["tags"] == ("tags", "link", "Tags")
    authors = mdb.reflect("authors", using="lib")
    assert names(authors)["works"] == ("works", "backward", "Books")
    assert not any(name.startswith("books") for name in names(authors))
    assert names(mdb.reflect("shelves", using="lib")) == {"volume": ("books_set", "backward", "Books")}
    assert names(mdb.reflect("tags", using="lib"))["tagged"] == ("tagged", "link", "Books")
    assert authors._source.relations(databases["lib"])["works"].target.model is books


def test_a_relation_can_be_told_that_the_database_does_not_know(url: str) -> None:
    library.make("lib", url)
    reviews = mdb.reflect("reviews", using="lib", relations={"stars": {"to": "tags.id", "name": "shade"}})

    assert names(reviews)["shade"] == ("shade", "forward", "Tags")
    assert names(mdb.reflect("tags", using="lib"))["reviews"] == ("reviews_set", "backward", "Reviews")
    assert reviews.shade.relation.hops[0].optional


def test_typing_errors_are_said_at_once(url: str) -> None:
    library.make("lib", url)

    with pytest.raises(FieldError, match="Did you mean 'author_id'"):
        mdb.reflect("books", using="lib", relations={"autor_id": {"name": "x"}})
    with pytest.raises(ImproperlyConfigured, match="is no foreign key"):
        mdb.reflect("books", using="lib", relations={"title": {"name": "x"}})
    assert len(mdb.reflect("books", using="lib").relations()) == 6


def test_relations_are_called_alike_on_another_alias(url: str, new_database: object) -> None:
    library.make("lib", url)
    other = library.make("other", new_database())
    books = mdb.reflect("books", using="lib")

    assert names(books, "other") == names(books, "lib")
    relation = books._source.relations(other)["author"]
    assert relation.hops[0].optional
    assert relation.target.bind(other).database is other
    assert not books._source.relations(databases["lib"])["author"].hops[0].optional


def test_a_declared_model_has_the_relations_that_only_the_database_knows(url: str) -> None:
    shop.make("legacy", url)

    found = names(User)
    assert found["orders"] == ("orders_set", "backward", "Orders")
    assert found["boss"] == ("boss", "forward", "User")
    assert User.objects.get(pk=1).orders_set.count() == 2
    assert User._source.relations(databases["legacy"])["orders"].target.name == "Orders"


def test_a_declared_key_leads_to_a_table_that_nobody_declared(url: str) -> None:
    library.make("lib", url)

    class Volume(mdb.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        author_id = sa.Column(sa.Integer, sa.ForeignKey("authors.id"), nullable=False)

        class Meta:
            table, using = "books", "lib"
            relations = {"labels": {"through": "book_tags"}}  # noqa: RUF012 - read once

    volume = Volume.objects.get(pk=10)
    assert volume.author["name"] == "Ada"
    assert names(Volume)["labels"] == ("labels", "link", "Tags")
    # It refers to a column that the model leaves out.
    assert "reviews" not in names(Volume)


def test_a_model_may_be_declared_before_its_database_exists() -> None:
    class Memo(mdb.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        above_id = sa.Column(sa.Integer, sa.ForeignKey("r20_memos.id"))

        class Meta:
            table, using = "r20_memos", "later"

    top = Memo(id=1)
    assert Memo(id=2, above=top).above_id == 1
    assert set(names(Memo)) == {"above", "memo"}
    mdb.connect("later", "sqlite:////nowhere/at/all.db")
    assert not hasattr(top, "nothing")
    assert "above" in dir(top)


def test_an_odd_table_gets_names_that_can_be_typed(url: str) -> None:
    mdb.connect("lib", url)
    metadata = sa.MetaData()
    numbered = {"primary_key": True, "autoincrement": False}
    sa.Table("Order Details", metadata, sa.Column("id", sa.Integer, **numbered))
    sa.Table(
        "2026__x",
        metadata,
        sa.Column("id", sa.Integer, **numbered),
        sa.Column("ref", sa.ForeignKey("Order Details.id")),
    )
    metadata.create_all(databases["lib"].engine)

    assert list(names(mdb.reflect("2026__x", using="lib"))) == ["order_details"]
    assert list(names(mdb.reflect("Order Details", using="lib"))) == ["table_2026_x"]


def test_other_schemas_are_reached(postgresql: object, new_database: object) -> None:
    mdb.connect("lib", new_database("postgresql"))
    with databases["lib"].begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA crm"))
        connection.execute(sa.text("CREATE TABLE crm.people (id int PRIMARY KEY)"))
        connection.execute(sa.text("CREATE TABLE people (id int PRIMARY KEY, there_id int REFERENCES crm.people)"))
        connection.execute(sa.text("INSERT INTO crm.people VALUES (7)"))
        connection.execute(sa.text("INSERT INTO people VALUES (1, 7)"))
    here = mdb.reflect("people", using="lib")
    there = mdb.reflect("people", using="lib", schema="crm")

    assert type(here.objects.get(pk=1).there) is there
    assert names(there) == {"people": ("people_set", "backward", "People")}
    assert there.objects.get(pk=7).people_set.get().pk == 1


CHINOOK = {
    "Album": {"forward": ["Artist"], "backward": ["track"], "link": []},
    "Artist": {"forward": [], "backward": ["album"], "link": []},
    "Customer": {"forward": ["SupportRep"], "backward": ["invoice"], "link": []},
    "Employee": {"forward": ["employee"], "backward": ["customer", "employee_by_reportsto"], "link": []},
    "Genre": {"forward": [], "backward": ["track"], "link": []},
    "Invoice": {"forward": ["Customer"], "backward": ["invoiceline"], "link": []},
    "InvoiceLine": {"forward": ["Invoice", "Track"], "backward": [], "link": []},
    "MediaType": {"forward": [], "backward": ["track"], "link": []},
    "Playlist": {"forward": [], "backward": ["playlisttrack"], "link": ["track"]},
    "PlaylistTrack": {"forward": ["Playlist", "Track"], "backward": [], "link": []},
    "Track": {
        "forward": ["Album", "Genre", "MediaType"],
        "backward": ["invoiceline", "playlisttrack"],
        "link": ["playlist"],
    },
}


def test_the_relations_of_a_real_database_have_the_names_that_one_expects(tmp_path: Path, new_database: object) -> None:
    chinook.require()
    chinook.load_sqlite("lite", tmp_path)
    chinook.load_script("pg", new_database("postgresql"), "Chinook_PostgreSql.sql")
    chinook.load_script("maria", new_database("mariadb"), "Chinook_MySql.sql")

    def folded(name: str) -> str:
        return name.casefold().replace("_", "")

    for table, kinds in CHINOOK.items():
        for alias in ("lite", "maria", "pg"):
            model = mdb.reflect(catalog_of(databases[alias]).find(table), using=alias)
            relations = model.relations()
            assert len(relations) == sum(map(len, kinds.values()))
            for kind, expected in kinds.items():
                found = [info.name for info in relations if info.kind == kind]
                same = expected if alias != "pg" else [folded(name) for name in expected]
                assert sorted(found if alias != "pg" else map(folded, found)) == sorted(same)
    postgres = mdb.reflect("invoice_line", using="pg").relations()
    assert {info.name for info in postgres} == {"invoice", "track"}
    assert "invoice_line" in {info.name for info in mdb.reflect("invoice", using="pg").relations()}
