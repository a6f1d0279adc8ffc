"""One statement reads one database: every mix is refused, before any SQL, also those that Django lets through.

What instances refuse (assigning a relative of elsewhere, saving with one) is tested in
``tests/models/test_relations_instances.py``; here it is what QuerySets refuse. The rows of the two databases have the
same keys, so each of these would give a plausible wrong answer if it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import library
import pytest
import sqlalchemy as sa
from library import Author, Book, Review, Shelf

import multidb_explorer as mdb
from multidb_explorer import Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, Value, When, Window
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import Sent, statements
from multidb_explorer.errors import CrossDatabaseError
from multidb_explorer.functions import Coalesce

Ask = Callable[[], Any]


@pytest.fixture
def two(target: object, new_database: Any) -> None:
    """Two libraries of one engine, whose tables were looked at already."""
    for alias in ("lib", "branch"):
        library.make(alias, new_database(target))
        for model in (Author, Book, Review, Shelf):
            for each in (model, mdb.reflect(model._meta.table, using=alias)):
                model.objects.using(alias).first()
                assert dir(each)


@pytest.fixture
def lite(new_database: Any) -> None:
    library.make("lib", new_database("sqlite"))
    library.make("branch", new_database("sqlite"))


@pytest.fixture
def sent(two: None) -> Iterator[list[Sent]]:
    """What either database is sent during the test."""
    with statements(databases["lib"], databases["branch"]) as collected:
        yield collected


def there(model: type[mdb.Model]) -> mdb.QuerySet[Any]:
    """The same table in the other database."""
    return model.objects.using("branch")


def read(asked: Any) -> Any:
    """Ask the question, if it was not asked yet."""
    return list(asked) if isinstance(asked, mdb.QuerySet) else asked


def refused(ask: Ask, sent: list[Sent]) -> str:
    """Check that a question is refused before any SQL, with both aliases and the way over frames; give the message."""
    sent.clear()
    with pytest.raises(CrossDatabaseError) as caught:
        read(ask())
    assert sent == []
    assert isinstance(caught.value, ValueError)
    message = str(caught.value)
    assert "'lib'" in message
    assert "'branch'" in message
    assert "to_pandas()" in message
    assert "merge()" in message
    return message


# Queries inside queries

MEMBERSHIPS: dict[str, Ask] = {
    "chosen by using()": lambda: Book.objects.filter(author__in=there(Author)),
    "one column": lambda: Book.objects.filter(author_id__in=there(Author).values("id")),
    "a slice": lambda: Book.objects.filter(author__in=there(Author)[:1]),
    "chosen by Meta.using": lambda: there(Book).filter(author__in=Author.objects.filter(name="Ada")),
    "a reflected model": lambda: Book.objects.filter(
        id__in=mdb.reflect("books", using="branch").objects.values("id")
    ),
    "a reflected model around": lambda: mdb.reflect("books", using="branch").objects.filter(
        author_id__in=Author.objects.values("id")
    ),
    "a union": lambda: Book.objects.filter(author_id__in=there(Author).values("id").union(there(Author).values("id"))),
    "an empty-looking filter": lambda: Book.objects.filter(author__in=there(Author).filter(id__in=[99])),
    "under exclude()": lambda: Book.objects.exclude(author__in=there(Author)),
    "under Q and ~": lambda: Book.objects.filter(Q(id=1) | ~Q(author__in=there(Author))),
    "backward": lambda: Author.objects.filter(works__in=there(Book)),
    "backward, excluded": lambda: Author.objects.exclude(works__in=there(Book)),
    "over a link table": lambda: Book.objects.filter(tags__in=mdb.reflect("tags", using="branch").objects.all()),
    "one value": lambda: Book.objects.filter(author=there(Author)[:1]),
    "greater than one value": lambda: Book.objects.filter(author_id__gt=there(Author).values("id")[:1]),
    "get()": lambda: Book.objects.get(author__in=there(Author)),
    "the rows of an instance": lambda: Author.objects.get(pk=1).works.filter(id__in=there(Book)),
}


@pytest.mark.parametrize("ask", MEMBERSHIPS.values(), ids=MEMBERSHIPS)
def test_a_queryset_of_elsewhere_is_no_list_of_values(ask: Ask, lite: None) -> None:
    warmed(ask)
    with statements(databases["lib"], databases["branch"]) as sent:
        refused(lambda: ask(), [each for each in sent])


def warmed(ask: Ask) -> None:
    """Ask once, so that what is read of the catalog is known."""
    with pytest.raises(CrossDatabaseError):
        read(ask())
