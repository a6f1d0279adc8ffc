"""Relatives of one row: read once, assigned, and never mixed from two databases."""

from __future__ import annotations

import pickle

import library
import pytest
import sqlalchemy as sa
from library import Author, Book, Review

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import Sent, statements
from multidb_explorer.errors import CrossDatabaseError, FieldError, IntegrityError


def reads(sent: list[Sent]) -> list[str]:
    """Leave out what a session begins with."""
    return [one.sql for one in sent if one.sql.startswith("SELECT")]


@pytest.fixture
def lib(url: str) -> None:
    library.make("lib", url)


@pytest.fixture
def lite(new_database: object) -> None:
    """Two libraries of one engine, for what needs no other one."""
    library.make("lib", new_database("sqlite"))
    library.make("branch", new_database("sqlite"))


def test_a_forward_relative_is_read_once(lib: None) -> None:
    book = Book.objects.get(pk=10)
    with statements(databases["lib"]) as sent:
        assert (book.author.name, book.author.pk, book.author._state.db) == ("Ada", 1, "lib")
        assert book.author is book.author
    assert len(reads(sent)) == 1
    assert book.editor.name == "Bea"
    assert Book.objects.get(pk=11).editor is None
    assert Author.objects.get(pk=2).mentor.name == "Ada"


def test_keys_of_two_columns_and_to_another_column_than_the_key(lib: None) -> None:
    book = Book.objects.get(pk=10)
    assert (book.place.label, Book.objects.get(pk=12).place) == ("left", None)
    assert [one.pk for one in book.place.book_set] == [10]
    assert Review.objects.get(pk=1001).book.pk == 10
    assert {review.stars for review in book.review_set} == {3, 5}


def test_backward_relatives_are_a_queryset_of_the_same_database(lib: None) -> None:
    author = Author.objects.get(pk=1)
    assert author.works.db == "lib"
    assert [book.title for book in author.works.order_by("title")] == ["Engine", "Loom"]
    assert author.works.filter(title="Loom").get().pk == 10
    assert author.author_set.count() == 2
    assert list(Author.objects.get(pk=3).works) == []
    with statements(databases["lib"]) as sent:
        assert {book.author is author for book in author.works} == {True}
        assert {book.author is author for book in author.works.filter(title="Loom")} == {True}
    assert len(reads(sent)) == 2


def test_linked_rows_are_a_queryset_too(lib: None) -> None:
    book = Book.objects.get(pk=10)
    assert sorted(tag["label"] for tag in book.tags) == ["old", "rare"]
    rare = mdb.reflect("tags", using="lib").objects.get(pk=101)
    assert sorted(book["title"] for book in rare.books_set) == ["Engine", "Loom"]
    assert list(Book.objects.get(pk=12).tags) == []


def test_reflected_rows_have_the_same_attributes(lib: None) -> None:
    book = mdb.reflect("books", using="lib").objects.get(pk=10)
    assert (book.author.name, book.shelves.label) == ("Ada", "left")
    assert {review.stars for review in book.reviews_set} == {3, 5}
    assert book.author.books_by_author_set.count() == 2


def test_relatives_come_from_where_the_row_came_from(lite: None) -> None:
    with databases["branch"].begin() as connection:
        connection.execute(sa.text("UPDATE authors SET name = 'Branch Ada' WHERE id = 1"))
    book = Book.objects.using("branch").get(pk=10)
    assert (book.author.name, book.author._state.db) == ("Branch Ada", "branch")
    assert book.author.works.db == "branch"


def test_a_missing_row_is_said_and_not_taken_for_none(lite: None) -> None:
    with pytest.raises(Author.DoesNotExist, match="id=99"):
        _ = Book(id=1, author_id=99).author


def test_assigning_sets_the_columns_and_keeps_the_object(lite: None) -> None:
    book, bea = Book.objects.get(pk=10), Author.objects.get(pk=2)
    with statements(databases["lib"]) as sent:
        book.author = bea
        assert (book.author_id, book.author is bea) == (2, True)
        book.editor = None
        book.place = None
        assert (book.editor_id, book.editor, book.room, book.shelf) == (None, None, None, None)
    assert sent == []
    book.save()
    assert Book.objects.get(pk=10).author == bea


def test_a_new_column_value_means_another_relative(lite: None) -> None:
    book = Book.objects.get(pk=10)
    assert book.author.name == "Ada"
    book.author_id = 3
    assert book.author.name == "Cem"
    book["author_id"] = 2
    assert book.author.name == "Bea"


def test_relatives_are_given_to_a_new_row(lite: None) -> None:
    ada = Author.objects.get(pk=1)
    book = Book(id=20, isbn="i-20", author=ada)
    assert (book.author_id, book._state.db, repr(book)) == (1, "lib", "<Book pk=20, not saved>")
    book.save()
    assert ada.works.count() == 3
    with pytest.raises(FieldError, match="Did you mean"):
        Book(id=21, autor=ada)


def test_a_relative_gets_its_key_before_the_row_is_saved(lite: None) -> None:
    dan = Author(name="Dan")
    book = Book(id=20, isbn="i-20", author=dan)
    assert book.author is dan
    with pytest.raises(ValueError, match="save that first"):
        book.save()
    dan.save()
    book.save()
    assert Book.objects.get(pk=20).author_id == dan.pk


@pytest.mark.parametrize("wrong", [7, "Ada", object()])
def test_only_a_row_of_the_table_can_be_assigned(lite: None, wrong: object) -> None:
    book = Book.objects.get(pk=10)
    with pytest.raises(ValueError, match="must be a Author instance"):
        book.author = wrong
    with pytest.raises(ValueError, match="must be a Author instance"):
        book.author = book
    with pytest.raises(TypeError, match=r"assign the other side: row\.author_id"):
        Author.objects.get(pk=1).works = []
    assert book.author_id == 1


def test_a_row_of_the_same_table_may_be_of_another_class(lite: None) -> None:
    book = Book.objects.get(pk=10)
    book.author = mdb.reflect("authors", using="lib").objects.get(pk=3)
    book.save()
    assert Book.objects.get(pk=10).author.name == "Cem"


def test_two_databases_are_never_mixed(lite: None) -> None:
    book, elsewhere = Book.objects.get(pk=10), Author.objects.using("branch").get(pk=2)
    with pytest.raises(CrossDatabaseError, match="'lib' and .* of alias 'branch'"):
        book.author = elsewhere
    assert book.author_id == 1

    new = Book(id=20, isbn="i-20", author=elsewhere)
    with pytest.raises(CrossDatabaseError, match="can't be saved to alias 'lib'"):
        new.save(using="lib")
    new.save()
    assert (new._state.db, Book.objects.using("branch").get(pk=20).author_id) == ("branch", 2)


def test_two_aliases_of_one_database_are_no_mix(lite: None) -> None:
    mdb.connect("again", databases["lib"].url.render_as_string())
    book = Book.objects.get(pk=10)
    book.author = Author.objects.using("again").get(pk=2)
    book.save()
    assert Book.objects.get(pk=10).author_id == 2


def test_looking_at_a_relative_does_not_stop_the_row_from_moving(lite: None) -> None:
    with databases["branch"].begin() as connection:
        for table in ("book_tags", "reviews", "books"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
        connection.execute(sa.text("UPDATE authors SET name = 'Branch Ada' WHERE id = 1"))
    book = Book.objects.get(pk=10)
    assert book.author.name == "Ada"
    book.save(using="branch")
    assert book.author.name == "Branch Ada"


def test_a_row_without_a_key_has_no_backward_relatives_yet(lite: None) -> None:
    with pytest.raises(ValueError, match="save the instance first"):
        _ = Author(name="Eve").works
    assert list(Book(isbn=None, id=5).review_set) == []


def test_rows_with_relatives_are_pickled_and_compared(lite: None) -> None:
    book = Book.objects.get(pk=10)
    assert book.author.name == "Ada"
    again = pickle.loads(pickle.dumps(book))  # noqa: S301 - written here
    assert again == book
    with statements(databases["lib"]) as sent:
        assert again.author == book.author
    assert sent == []


def test_a_refused_save_changes_nothing(lite: None) -> None:
    book = Book(id=30, isbn="i-10", author=Author.objects.get(pk=1))
    with pytest.raises(IntegrityError):
        book.save()
    assert book._state.adding
    assert book.author.name == "Ada"
