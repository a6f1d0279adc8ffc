"""Rows that were read in part, or with more than their fields, and relatives that were read ahead."""

from __future__ import annotations

import library
import pytest
import sqlalchemy as sa
from library import Author, Book

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import FieldError, KeyRequired, RowConflict, StaleRow
from multidb_explorer.models import Prefetch


@pytest.fixture
def lib(url: str) -> None:
    library.make("lib", url)


@pytest.fixture
def lite(new_database: object) -> None:
    """Two libraries of one engine, for what needs no other one."""
    library.make("lib", new_database("sqlite"))
    library.make("branch", new_database("sqlite"))


def part(alias: str = "lib", **values: object) -> Book:
    """Give a book of which only some fields were read."""
    return Book._from_row(values, alias)


def prefetched(rows: list[mdb.Model], *names: str | Prefetch) -> int:
    """Read relatives ahead and say how many queries that took."""
    with statements(databases["lib"]) as sent:
        type(rows[0])._source.prefetch(rows, names, "lib")
    return len([one for one in sent if one.sql.startswith("SELECT")])


# In part


def test_a_field_that_was_left_out_is_read_when_it_is_asked_for(lib: None) -> None:
    book = part(id=10, title="Loom")
    assert book.get_deferred_fields() == {"isbn", "author_id", "editor_id", "room", "shelf"}
    with statements(databases["lib"]) as sent:
        assert book.title == "Loom"
        assert sent == []
        assert book.isbn == "i-10"
        assert book.isbn == "i-10"
    assert len([one for one in sent if one.sql.startswith("SELECT")]) == 1
    assert "isbn" not in book.get_deferred_fields()
    assert book.author.name == "Ada"
    with statements(databases["lib"]) as sent:
        assert book.to_dict()["room"] == "A"
        assert book["shelf"] == 1
    assert len([one for one in sent if one.sql.startswith("SELECT")]) == 1
    assert book.get_deferred_fields() == set()


def test_showing_a_row_reads_nothing(lite: None) -> None:
    with statements(databases["lib"]) as sent:
        assert "(not read)" in part(id=10, title="Loom")._repr_html_()
        assert repr(part(id=10)) == "<Book pk=10, on 'lib'>"
    assert sent == []


def test_a_field_is_read_where_the_row_came_from(lite: None) -> None:
    with databases["branch"].begin() as connection:
        connection.execute(sa.text("UPDATE books SET title = 'Branch' WHERE id = 10"))
    assert part("branch", id=10).title == "Branch"
    with pytest.raises(Book.DoesNotExist):
        _ = part("branch", id=99).title
    lost = part(id=10)
    lost.pk = None
    with pytest.raises(KeyRequired, match="title can't be read"):
        _ = lost.title


def test_saving_a_part_writes_that_part(lite: None) -> None:
    book = part(id=10, title="Loom")
    with databases["lib"].begin() as connection:
        connection.execute(sa.text("UPDATE books SET room = 'A', shelf = 2 WHERE id = 10"))
    book.title = "Frame"
    book.save()
    again = Book.objects.get(pk=10)
    assert (again.title, again.shelf, again.author_id) == ("Frame", 2, 1)
    with pytest.raises(StaleRow):
        part(id=99, title="x").save()


def test_saving_a_part_elsewhere_writes_the_whole_row(lite: None) -> None:
    with databases["branch"].begin() as connection:
        for table in ("book_tags", "reviews", "books"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    part(id=10, title="Loom").save(using="branch")
    assert Book.objects.using("branch").get(pk=10).isbn == "i-10"


def test_deleting_a_part_elsewhere_compares_the_whole_row(lite: None) -> None:
    with databases["branch"].begin() as connection:
        connection.execute(sa.text("UPDATE books SET isbn = 'other' WHERE id = 12"))
    with pytest.raises(RowConflict) as caught:
        part(id=12, title="Notes").delete(using="branch")
    assert set(caught.value.differences) == {"isbn"}


def test_a_row_is_read_again_whole_or_in_part(lite: None) -> None:
    book = Book.objects.get(pk=10)
    assert book.author.name == "Ada"
    with databases["lib"].begin() as connection:
        connection.execute(sa.text("UPDATE books SET title = 'New', author_id = 3 WHERE id = 10"))
    book.refresh_from_db(fields=["title"])
    assert (book.title, book.author_id) == ("New", 1)
    book.refresh_from_db(fields=["author"])
    assert (book.author_id, book.author.name) == (3, "Cem")
    book.title = book.author_id = None
    book.refresh_from_db()
    assert (book.title, book.author.name) == ("New", "Cem")
    with pytest.raises(FieldError, match="Did you mean 'title'"):
        book.refresh_from_db(fields=["titel"])
    small = part(id=10, title="old")
    small.refresh_from_db()
    assert (small.title, "isbn" in small.get_deferred_fields()) == ("New", True)


# More than fields


def test_what_is_no_field_comes_along_and_is_never_saved(lite: None) -> None:
    values = [10, "i-10", "Loom", 1, None, None, None]
    book = Book._source.instance(Book._source.names, values, "lib", annotations={"n": 7, "save": 8})
    assert (book.n, book["n"], book["save"]) == (7, 7, 8)
    assert callable(book.save)
    assert {"n"} <= set(dir(book))
    assert "n" not in book.to_dict()
    assert book.get_deferred_fields() == set()
    book.n = 9
    book.save()
    assert book.n == 9
    with pytest.raises(FieldError):
        book.m = 1
    with pytest.raises(AttributeError, match="'Book' object has no attribute 'm'"):
        _ = book.m


def test_a_relative_of_the_same_query_is_kept(lite: None) -> None:
    book, ada = Book.objects.get(pk=10), Author.objects.get(pk=1)
    with statements(databases["lib"]) as sent:
        Book._source.related(book, "author", ada)
        assert book.author is ada
    assert sent == []


# Ahead


def test_relatives_are_read_ahead_by_one_query_each(lib: None) -> None:
    authors = list(Author.objects.order_by("pk"))
    list(Author._source.relations(databases["lib"]).complete())
    assert prefetched(authors, "works") == 1
    with statements(databases["lib"]) as sent:
        assert [sorted(book.title for book in author.works) for author in authors] == [
            ["Engine", "Loom"],
            ["Notes"],
            [],
        ]
        assert [len(author.works.all()) for author in authors] == [2, 1, 0]
        assert [author.works.count() for author in authors] == [2, 1, 0]
        assert all(book.author is author for author in authors for book in author.works.all())
    assert sent == []
    assert authors[0].works.filter(title="Loom").count() == 1


def test_forward_relatives_are_read_ahead_too(lib: None) -> None:
    books = list(Book.objects.order_by("pk"))
    list(Book._source.relations(databases["lib"]).complete())
    assert prefetched(books, "author", "editor", "place") == 3
    with statements(databases["lib"]) as sent:
        assert [book.author.name for book in books] == ["Ada", "Ada", "Bea"]
        assert [book.editor and book.editor.name for book in books] == ["Bea", None, "Cem"]
        assert [book.place and book.place.label for book in books] == ["left", "right", None]
    assert sent == []


def test_paths_are_followed_level_by_level(lib: None) -> None:
    authors = list(Author.objects.order_by("pk"))
    list(Author._source.relations(databases["lib"]).complete())
    list(Book._source.relations(databases["lib"]).complete())
    assert prefetched(authors, "works__place", "works", "works__editor") == 3
    with statements(databases["lib"]) as sent:
        assert [book.place.label for book in authors[0].works.all()] == ["left", "right"]
    assert sent == []
    assert prefetched(authors, "works__place") == 0


def test_linked_rows_are_read_ahead(lib: None) -> None:
    books = list(Book.objects.order_by("pk"))
    list(Book._source.relations(databases["lib"]).complete())
    _ = Book.tags.relation.target.bind(databases["lib"]), Book.tags.relation.hops[0].target.bind(databases["lib"])
    assert prefetched(books, "tags") == 2
    with statements(databases["lib"]) as sent:
        assert [sorted(tag["label"] for tag in book.tags) for book in books] == [["old", "rare"], ["rare"], []]
    assert sent == []


def test_a_prefetch_may_choose_rows_and_where_they_go(lib: None) -> None:
    authors = list(Author.objects.order_by("pk"))
    looms = Prefetch("works", queryset=Book.objects.filter(title="Loom"), to_attr="looms")
    ordered = Prefetch("works", queryset=Book.objects.order_by("-title"))
    assert repr(looms) == "Prefetch('works', queryset=..., to_attr='looms')"
    prefetched(authors, looms, ordered, "looms__editor")
    with statements(databases["lib"]) as sent:
        assert [[book.title for book in author.looms] for author in authors] == [["Loom"], [], []]
        assert [book.title for book in authors[0].works.all()] == ["Loom", "Engine"]
        assert authors[0].looms[0].editor.name == "Bea"
    assert sent == []


def test_a_prefetch_may_ask_another_database(lite: None) -> None:
    with databases["branch"].begin() as connection:
        connection.execute(sa.text("UPDATE books SET title = 'Branch'"))
    authors = list(Author.objects.order_by("pk"))
    prefetched(authors, Prefetch("works", queryset=Book.objects.using("branch")))
    book = authors[0].works.all()[0]
    assert (book.title, book._state.db, book.author._state.db) == ("Branch", "branch", "branch")


def test_an_unknown_relation_is_named(lite: None) -> None:
    authors = list(Author.objects.all())
    with pytest.raises(FieldError, match="Did you mean 'works'"):
        prefetched(authors, "work")


def test_reading_ahead_for_many_rows_takes_as_many_queries_as_for_one(lite: None) -> None:
    with databases["lib"].begin() as connection:
        connection.execute(
            library.tables().tables["books"].insert(),
            [{"id": 100 + n, "isbn": f"n{n}", "title": "x", "author_id": 1 + n % 3} for n in range(3000)],
        )
    books = list(Book.objects.all())
    assert prefetched(books, "author") == 1
    assert {book.author.pk for book in books} == {1, 2, 3}


def test_a_dangling_reference_is_said_whether_read_ahead_or_not(lite: None) -> None:
    books = [part(id=1, isbn="x", title="x", author_id=99, editor_id=None, room=None, shelf=None)]
    prefetched(books, "author")
    with pytest.raises(Author.DoesNotExist, match="id=99"):
        _ = books[0].author


# Through QuerySets


def test_querysets_use_all_of_it(lib: None) -> None:
    list(Book._source.relations(databases["lib"]).complete())
    _ = Book.tags.relation.target.bind(databases["lib"]), Book.tags.relation.hops[0].target.bind(databases["lib"])
    asked = Book.objects.select_related("author__mentor", "place").prefetch_related("tags", "author__works")
    with statements(databases["lib"]) as sent:
        books = list(asked.order_by("pk"))
    assert len([one for one in sent if one.sql.startswith("SELECT")]) == 4
    with statements(databases["lib"]) as sent:
        assert [book.author.name for book in books] == ["Ada", "Ada", "Bea"]
        assert [book.author.mentor and book.author.mentor.name for book in books] == [None, None, "Ada"]
        assert [book.place and book.place.label for book in books] == ["left", "right", None]
        assert [sorted(tag.label for tag in book.tags) for book in books] == [["old", "rare"], ["rare"], []]
        assert [len(book.author.works.all()) for book in books] == [2, 2, 1]
    assert sent == []


def test_a_queryset_of_relatives_is_asked_further(lib: None) -> None:
    ada, loom = Author.objects.get(pk=1), Book.objects.get(pk=10)
    assert [book.title for book in ada.works.filter(tags__label="old")] == ["Loom"]
    assert sorted(ada.works.values_list("title", flat=True)) == ["Engine", "Loom"]
    assert ada.works.aggregate(n=mdb.Count("tags")) == {"n": 3}
    assert [tag.label for tag in loom.tags.order_by("-label")] == ["rare", "old"]
    assert loom.tags.filter(label__startswith="o").count() == 1
    assert ada.works.none().count() == 0


def test_only_defer_and_annotations_make_such_instances(lib: None) -> None:
    small = Book.objects.only("title").get(pk=10)
    assert small.get_deferred_fields() == {"isbn", "author_id", "editor_id", "room", "shelf"}
    assert (small.author.name, small.isbn) == ("Ada", "i-10")
    assert Book.objects.defer("title").get(pk=10).get_deferred_fields() == {"title"}
    assert Book.objects.annotate(n=mdb.Count("tags")).get(pk=10).n == 2
