"""One row: inserted, read or inserted, changed or inserted; also when somebody else is faster."""

from __future__ import annotations

import threading
from collections.abc import Callable

import library
import pytest
import shop
from library import Author, Book
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import CrossDatabaseError, FieldError, IntegrityError, ValueNotRepresentable


@pytest.fixture
def world(url: str) -> None:
    """The shop in ``legacy``."""
    shop.make("legacy", url)


def verbs(sent: list[object]) -> list[str]:
    found = [each.sql.split()[0].upper() for each in sent]
    return [verb for verb in found if verb in ("SELECT", "INSERT", "UPDATE", "DELETE")]


def test_create_inserts_a_row_and_gives_its_instance(world: None) -> None:
    User.objects.create(id=8, name="Warm")
    with statements(databases["legacy"]) as sent:
        eve = User.objects.create(id=9, name="Eve", country="FR", score=1, boss_id=1)
    assert verbs(sent) == ["INSERT"]
    assert (eve.pk, eve._state.db, eve._state.adding) == (9, "legacy", False)
    assert User.objects.get(pk=9) == eve


def test_create_never_changes_a_row_that_is_there(world: None) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(pk=1, name="Other")
    assert User.objects.get(pk=1).name == "Ann"


def test_create_refuses_what_the_table_can_not_hold(world: None) -> None:
    with pytest.raises(FieldError, match="Did you mean 'name'"):
        User.objects.create(id=9, nme="x")
    with pytest.raises(ValueNotRepresentable, match="'name'"):
        User.objects.create(id=9)


def test_create_refuses_a_relative_of_another_database(url: str, new_database: Callable[..., str]) -> None:
    library.make("lib", url)
    library.make("copy", new_database())
    ada = Author.objects.using("copy").get(pk=1)
    with pytest.raises(CrossDatabaseError):
        Book.objects.create(id=99, isbn="i-99", author=ada)
    assert Book.objects.using("copy").create(id=99, isbn="i-99", author=ada)._state.db == "copy"
    assert not Book.objects.filter(pk=99).exists()


def test_a_row_that_is_there_is_given(world: None) -> None:
    User.objects.get_or_create(id=1)
    with statements(databases["legacy"]) as sent:
        ann, created = User.objects.get_or_create(id=1, defaults={"name": "Nobody"})
    assert (ann.name, created) == ("Ann", False)
    assert verbs(sent) == ["SELECT"]


def test_a_row_that_is_not_there_is_inserted_with_the_defaults(world: None) -> None:
    asked: list[int] = []

    def score() -> int:
        asked.append(1)
        return 7

    defaults = {"id": 9, "score": score}
    eve, created = User.objects.get_or_create(name="Eve", country__isnull=True, defaults=defaults)
    assert (eve.pk, eve.score, eve.country, created) == (9, 7, None, True)
    assert User.objects.get_or_create(name="Eve", defaults=defaults) == (eve, False)
    assert asked == [1]


def test_several_rows_are_an_error(world: None) -> None:
    with pytest.raises(User.MultipleObjectsReturned):
        User.objects.get_or_create(country="FR", defaults={"id": 9})


def test_unknown_fields_are_refused_before_anything_is_asked(world: None) -> None:
    with pytest.raises(FieldError):
        User.objects.create(nme="x")
    with statements(databases["legacy"]) as sent:
        with pytest.raises(FieldError, match="'nme'"):
            User.objects.get_or_create(id=1, defaults={"nme": "x"})
        with pytest.raises(FieldError, match="'nme'"):
            User.objects.update_or_create(id=1, defaults={"nme": "x"})
        with pytest.raises(FieldError, match="'nme'"):
            User.objects.update_or_create(id=1, defaults={"name": "x"}, create_defaults={"nme": "x"})
    assert verbs(sent) == []


def test_what_is_missing_of_a_new_row_is_said(world: None) -> None:
    with pytest.raises(ValueNotRepresentable, match="'name'"):
        User.objects.get_or_create(id=9)


def test_a_rule_of_the_table_that_hides_no_row_is_an_error(world: None) -> None:
    with pytest.raises(IntegrityError):
        User.objects.get_or_create(name="Eve", defaults={"id": 1})
    assert User.objects.count() == 4


def test_somebody_faster_breaks_no_block(world: None) -> None:
    if not databases["legacy"].backend.features.savepoints:
        pytest.skip("no savepoints")
    with mdb.atomic("legacy"):
        User.objects.create(id=9, name="Eve")
        with pytest.raises(IntegrityError):
            User.objects.get_or_create(name="Max", defaults={"id": 9})
        User.objects.create(id=10, name="Max")
    assert User.objects.filter(pk__in=[9, 10]).count() == 2


def test_a_row_is_changed_or_inserted(world: None) -> None:
    ann, created = User.objects.update_or_create(id=1, defaults={"name": "Anna", "score": lambda: 11})
    assert (ann.name, ann.score, ann.country, created) == ("Anna", 11, "FR", False)
    assert User.objects.get(pk=1).name == "Anna"

    eve, created = User.objects.update_or_create(id=9, defaults={"name": "Eve"})
    assert (eve.name, created) == ("Eve", True)
    max_, created = User.objects.update_or_create(id=10, defaults={"score": 1}, create_defaults={"name": "Max"})
    assert (max_.name, max_.score, created) == ("Max", None, True)
    assert User.objects.update_or_create(id=10)[1] is False


def test_only_the_fields_that_are_set_are_written(world: None) -> None:
    User.objects.update_or_create(id=1, defaults={"score": 1})
    with statements(databases["legacy"]) as sent:
        User.objects.update_or_create(id=1, defaults={"score": 2})
    assert verbs(sent)[-1] == "UPDATE"
    assert "name" not in next(each.sql for each in sent if each.sql.startswith("UPDATE"))


def test_a_relation_can_be_set_in_either_way(url: str) -> None:
    library.make("lib", url)
    ada, bea = Author.objects.get(pk=1), Author.objects.get(pk=2)
    book, created = Book.objects.get_or_create(author=ada, isbn="i-99", defaults={"id": 99})
    assert (book.author_id, created) == (1, True)
    book, created = Book.objects.update_or_create(isbn="i-99", defaults={"author": bea, "title": "T"})
    assert (Book.objects.get(pk=99).author_id, book.title, created) == (2, "T", False)


def test_of_many_at_once_one_inserts(world: None, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB lets one writer in and refuses the others")
    with databases["legacy"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE names (name VARCHAR(20) PRIMARY KEY, n INTEGER)")
    name = mdb.reflect("names", using="legacy")
    start, found, failed = threading.Barrier(4), [], []

    def work() -> None:
        start.wait()
        for number in range(20):
            try:
                found.append(name.objects.get_or_create(name=f"n{number}", defaults={"n": 0})[1])
            except Exception as error:  # noqa: BLE001 - told below
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert (len(found), sum(found), name.objects.count()) == (80, 20, 20)


def test_no_update_is_lost_where_rows_are_locked(world: None) -> None:
    if not databases["legacy"].backend.features.row_locks:
        pytest.skip("no locks of rows")
    inside, failed = threading.Event(), []

    def slower() -> None:
        inside.wait(10)
        try:
            User.objects.update_or_create(id=1, defaults={"name": "Second"})
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    def faster() -> str:
        inside.set()
        thread.join(0.3)
        return "First"

    thread = threading.Thread(target=slower)
    thread.start()
    User.objects.update_or_create(id=1, defaults={"name": faster})
    assert thread.is_alive() or User.objects.get(pk=1).name == "Second"
    thread.join()
    assert failed == []
    assert User.objects.get(pk=1).name == "Second"


# Rows of a relation


@pytest.fixture
def lib(url: str) -> None:
    """The library in ``lib``."""
    library.make("lib", url)


def test_rows_of_a_relation_are_made_with_it(lib: None) -> None:
    ada = Author.objects.get(pk=1)
    book = ada.works.create(id=99, isbn="i-99")
    assert (book.author_id, book.author) == (1, ada)
    assert ada.works.get_or_create(isbn="i-99") == (book, False)
    assert ada.works.get_or_create(isbn="i-98", defaults={"id": 98})[0].author_id == 1
    assert ada.works.update_or_create(isbn="i-97", defaults={"id": 97})[0].author_id == 1
    (made,) = ada.works.bulk_create([Book(id=96, isbn="i-96")])
    assert Book.objects.get(pk=96).author_id == made.author_id == 1
    assert Author.objects.get(pk=1).works.count() == 6


def test_rows_are_given_to_an_instance_and_taken_back(lib: None, target: Target) -> None:
    if target.name == "duckdb":
        pytest.skip("DuckDB keeps the foreign keys of rows that others refer to as they are")
    bea, cem = Author.objects.get(pk=2), Author.objects.get(pk=3)
    ada = Author.objects.prefetch_related("author_set").get(pk=1)
    assert len(ada.author_set.all()) == 2
    ada.author_set.remove(cem)
    assert (cem.mentor_id, [each.pk for each in ada.author_set.all()]) == (None, [2])
    with pytest.raises(Author.DoesNotExist):
        ada.author_set.remove(cem)
    bea.author_set.add(cem)
    assert (cem.mentor_id, cem.mentor, Author.objects.get(pk=3).mentor_id) == (2, bea, 2)
    bea.author_set.set([])
    assert Author.objects.get(pk=3).mentor_id is None
    ada.author_set.set([cem])
    assert [each.pk for each in ada.author_set.all()] == [3]
    ada.author_set.clear()
    assert not ada.author_set.exists()


def test_what_can_not_belong_to_an_instance_is_refused(lib: None, new_database: Callable[..., str]) -> None:
    ada, notes = Author.objects.get(pk=1), Book.objects.get(pk=12)
    with pytest.raises(ValueNotRepresentable, match="author_id"):
        ada.works.clear()
    with pytest.raises(TypeError, match="holds Book instances"):
        ada.works.add(ada)
    with pytest.raises(ValueError, match="before it is saved"):
        ada.works.add(Book(id=50, isbn="i-50"))
    with pytest.raises(TypeError, match=r"before filter\(\)"):
        ada.works.filter(id=1).add(notes)
    library.make("copy", new_database())
    with pytest.raises(CrossDatabaseError):
        ada.works.add(Book.objects.using("copy").get(pk=12))
    assert Book.objects.get(pk=12).author_id == 2


def test_rows_are_tied_by_a_link_table(lib: None) -> None:
    book = Book.objects.get(pk=12)
    tag = type(Book.objects.get(pk=10).tags.first())
    old, rare, red = tag.objects.order_by("id")
    book.tags.add(old, 101)
    book.tags.add(old)
    assert [each.label for each in book.tags.order_by("id")] == ["old", "rare"]
    book.tags.remove(old)
    book.tags.set([rare, red])
    assert [each.label for each in book.tags.order_by("id")] == ["rare", "red"]
    new = book.tags.create(id=200, label="new")
    assert book.tags.filter(pk=new.pk).exists()
    book.tags.clear()
    assert not book.tags.exists()
    assert tag.objects.count() == 4
    assert Book.objects.get(pk=10).tags.count() == 2
