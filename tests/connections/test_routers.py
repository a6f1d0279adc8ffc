"""Routers: who is asked, whose answer counts, and what is refused."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer import errors
from multidb_explorer.connections import routers
from multidb_explorer.connections.registry import databases

ALIASES = {"default": "sqlite://", "archive": "sqlite://", "replica": "sqlite://"}


class Book(mdb.Model):
    """A book of the default alias."""

    id = sa.Column(sa.Integer, primary_key=True)


class Old(mdb.Model):
    """A book of the archive."""

    id = sa.Column(sa.Integer, primary_key=True)

    class Meta:
        using = "archive"


class Replica:
    """Reads from the replica, writes to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


class OnlyBooks:
    """Knows where books are read, and says nothing of other models."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "archive" if model is Book else None


def configure(*given: object) -> None:
    databases.configure(ALIASES, routers=given)


def test_the_first_answer_counts_and_a_missing_method_is_skipped() -> None:
    configure(OnlyBooks(), Replica())

    assert (Book.objects.db, Old.objects.db) == ("archive", "replica")
    assert routers.for_write(Book) == "default"


def test_an_explicit_alias_beats_every_router() -> None:
    configure(Replica())

    assert Book.objects.using("archive").db == "archive"
    assert Book.objects.using("archive").using(None).db == "replica"
    assert routers.for_write(Book, "archive") == "archive"


def test_where_no_router_answers_the_instance_and_then_the_model_say() -> None:
    class Silent:
        def db_for_read(self, model: Any, **hints: Any) -> None:
            """Say nothing."""

    configure(Silent())
    book = Book(id=1)

    assert (Book.objects.db, Old.objects.db) == ("default", "archive")
    assert routers.for_write(Book, None, book) == "default"
    book._state.db = "archive"
    assert routers.for_write(Book, None, book) == "archive"
    assert routers.for_read(Book, None, book) == "archive"


def test_the_instance_is_a_hint() -> None:
    seen: list[tuple[object, dict[str, object]]] = []

    class Curious:
        def db_for_write(self, model: Any, **hints: Any) -> None:
            seen.append((model, hints))

    configure(Curious())
    book = Book(id=1)
    routers.for_write(Book, None, book)
    routers.for_write(Book)

    # A thread that an earlier test left behind may ask for its own models.
    assert [asked for asked in seen if asked[0] is Book] == [(Book, {"instance": book}), (Book, {})]


def test_an_error_inside_a_router_is_seen() -> None:
    class Broken:
        def db_for_read(self, model: Any, **hints: Any) -> str:
            return model.nowhere  # type: ignore[no-any-return]

    configure(Broken())
    with pytest.raises(AttributeError, match="nowhere"):
        _ = Book.objects.db


@pytest.mark.parametrize("answer", ["replcia", 3, ""])
def test_an_answer_that_is_no_alias_names_the_router(answer: Any) -> None:
    class Misspelt:
        def db_for_read(self, model: Any, **hints: Any) -> Any:
            return answer

    configure(Misspelt())
    with pytest.raises(errors.ConnectionDoesNotExist) as caught:
        Book.objects.count()

    assert f"Router Misspelt.db_for_read() answered {answer!r} for Book" in str(caught.value)
    assert "'replica'" in str(caught.value)


def test_routers_are_objects_classes_or_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("routing_of_a_project")
    module.Replica = Replica  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "routing_of_a_project", module)
    for given in (Replica, Replica(), "routing_of_a_project.Replica"):
        configure(given)
        assert Book.objects.db == "replica"


class NeedsMuch:
    """Can't be made without arguments."""

    def __init__(self, alias: str) -> None:
        self.db_for_read = alias


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["no_such_module.Replica"], "there is no module 'no_such_module'"),
        (["multidb_explorer.errors.Replica"], "has no 'Replica'"),
        (["Replica"], "no dotted path"),
        ([object()], "is no router: it has none of the methods 'db_for_read', 'db_for_write', 'allow_relation'"),
        ([NeedsMuch], "can't be made without arguments"),
        ("multidb_explorer.errors", "routers is a list of routers, not str"),
        (3, "routers is a list of routers, not int"),
    ],
)
def test_what_is_no_router_is_refused_and_nothing_changes(given: Any, message: str) -> None:
    configure(Replica())
    with pytest.raises(errors.ImproperlyConfigured, match=message):
        databases.configure({"default": "sqlite://"}, routers=given)

    assert list(databases) == list(ALIASES)
    assert Book.objects.db == "replica"


def test_wrong_settings_leave_the_routers_as_they_were() -> None:
    configure(Replica())
    with pytest.raises(errors.ImproperlyConfigured):
        databases.configure({"archive": "sqlite://"}, routers=[OnlyBooks()])

    assert Book.objects.db == "replica"


def test_to_configure_anew_forgets_the_routers_and_to_connect_keeps_them() -> None:
    configure(Replica())
    mdb.connect("more", "sqlite://")
    assert Book.objects.db == "replica"

    databases.configure(ALIASES)
    assert Book.objects.db == "default"


def test_inside_a_block_reads_stay_where_the_writes_go() -> None:
    configure(Replica())
    with mdb.atomic("archive"):
        assert Book.objects.db == "replica"
    with mdb.atomic("default"):
        assert Book.objects.db == "default"
        assert Book.objects.using("replica").db == "replica"
    assert Book.objects.db == "replica"


def test_reading_rows_asks_the_alias_that_the_router_chose() -> None:
    configure(Replica())
    for alias, number in (("default", 1), ("replica", 2)):
        Book._source.table.create(databases[alias].engine)
        Book(id=number).save(using=alias)

    assert [book.pk for book in Book.objects.all()] == [2]
    assert Book.objects.get()._state.db == "replica"
    assert Book.objects.to_pandas()["id"].tolist() == [2]
    with mdb.atomic():
        assert [book.pk for book in Book.objects.all()] == [1]
