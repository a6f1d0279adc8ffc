"""One statement reads one database: every mix is refused, before any SQL, also those that Django lets through.

What instances refuse (assigning a relative of elsewhere, saving with one) is tested in
``tests/models/test_relations_instances.py``; here it is what QuerySets refuse. Both databases hold rows of the same
keys, so each of these questions would give a plausible wrong answer if it ran.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import library
import pytest
import sqlalchemy as sa
from library import Author, Book, Review, Shelf

import multidb_explorer as mdb
from multidb_explorer import Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When, Window
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import CrossDatabaseError
from multidb_explorer.query.functions import Coalesce

Ask = Callable[[], Any]


@pytest.fixture
def two(target: object, new_database: Any) -> None:
    """Two libraries of one engine."""
    library.make("lib", new_database(target))
    library.make("branch", new_database(target))


@pytest.fixture
def lite(new_database: Any) -> None:
    """Two libraries of one engine, for what is decided before any engine is asked."""
    library.make("lib", new_database("sqlite"))
    library.make("branch", new_database("sqlite"))


def there(model: type[mdb.Model]) -> mdb.QuerySet[Any]:
    """The same table in the other database."""
    return model.objects.using("branch")


def reflected(table: str, alias: str = "branch") -> mdb.QuerySet[Any]:
    return mdb.reflect(table, using=alias).objects.all()


def read(asked: Any) -> Any:
    return list(asked) if isinstance(asked, mdb.QuerySet) else asked


def refused(ask: Ask) -> str:
    """Check that a question is refused before any SQL, naming both aliases and the way over frames."""
    with pytest.raises(CrossDatabaseError):
        # The first time, the tables may be looked up in the catalog.
        read(ask())
    with statements(databases["lib"], databases["branch"]) as sent, pytest.raises(CrossDatabaseError) as caught:
        read(ask())
    assert sent == []
    assert isinstance(caught.value, ValueError)
    message = str(caught.value)
    for word in ("'lib'", "'branch'", "using()", "to_pandas()", "merge()"):
        assert word in message
    return message


def all_refused(asks: dict[str, Ask]) -> None:
    let_through = {}
    for name, ask in asks.items():
        try:
            refused(ask)
        except (pytest.fail.Exception, AssertionError) as error:
            let_through[name] = str(error)
    assert let_through == {}


# Queries inside queries

MEMBERSHIPS: dict[str, Ask] = {
    "by using()": lambda: Book.objects.filter(author__in=there(Author)),
    "one column": lambda: Book.objects.filter(author_id__in=there(Author).values("id")),
    "a slice": lambda: Book.objects.filter(author__in=there(Author)[:1]),
    "by Meta.using": lambda: there(Book).filter(author__in=Author.objects.filter(name="Ada")),
    "a reflected model": lambda: Book.objects.filter(id__in=reflected("books").values("id")),
    "in a reflected model": lambda: reflected("books").filter(author_id__in=Author.objects.values("id")),
    "a union": lambda: Book.objects.filter(author_id__in=there(Author).values("id").union(there(Author).values("id"))),
    "groups": lambda: Book.objects.filter(author_id__in=there(Book).values("author_id").annotate(n=Count("id"))),
    "excluded": lambda: Book.objects.exclude(author__in=there(Author)),
    "under Q and ~": lambda: Book.objects.filter(Q(id=1) | ~Q(author__in=there(Author))),
    "backward": lambda: Author.objects.filter(works__in=there(Book)),
    "backward, excluded": lambda: Author.objects.exclude(works__in=there(Book)),
    "over a link table": lambda: Book.objects.filter(tags__in=reflected("tags")),
    "one value": lambda: Book.objects.filter(author=there(Author)[:1]),
    "more than one value": lambda: Book.objects.filter(author_id__gt=there(Author).values("id")[:1]),
    "get()": lambda: Book.objects.get(author__in=there(Author)),
    "an annotation": lambda: Book.objects.annotate(who=F("author_id")).filter(who__in=there(Author)),
    "after grouping": lambda: Author.objects.annotate(n=Count("works")).filter(works__in=there(Book)),
}


def test_a_queryset_of_elsewhere_is_no_list_of_values(two: None) -> None:
    all_refused(MEMBERSHIPS)


def theirs() -> mdb.QuerySet[Any]:
    """Books of the other database, that refer to authors outside."""
    return there(Book).filter(author_id=OuterRef("pk"))


def ours(**inside: Any) -> mdb.QuerySet[Any]:
    """Books of this database, that refer to authors outside."""
    return Book.objects.filter(author_id=OuterRef("pk"), **inside)


SUBQUERIES: dict[str, Ask] = {
    "Exists": lambda: Author.objects.filter(Exists(theirs())),
    "~Exists": lambda: Author.objects.filter(~Exists(theirs())),
    "Exists excluded": lambda: Author.objects.exclude(Exists(theirs())),
    "Exists in Q": lambda: Author.objects.filter(Q(name="Ada") | Exists(theirs())),
    "Exists as a value": lambda: Author.objects.annotate(wrote=Exists(theirs())),
    "Subquery as a value": lambda: Author.objects.annotate(title=Subquery(theirs().values("title")[:1])),
    "Subquery in values()": lambda: Author.objects.values(title=Subquery(theirs().values("title")[:1])),
    "Subquery in alias()": lambda: Author.objects.alias(title=Subquery(theirs().values("title")[:1])),
    "Subquery compared": lambda: Book.objects.filter(author_id=Subquery(there(Author).values("id")[:1])),
    "in a function": lambda: Author.objects.annotate(t=Coalesce(Subquery(theirs().values("title")[:1]), Value("-"))),
    "in arithmetic": lambda: Author.objects.annotate(n=F("id") + Subquery(theirs().values("id")[:1])),
    "in Case, condition": lambda: Author.objects.annotate(n=Case(When(Exists(theirs()), then=1), default=0)),
    "in Case, result": lambda: Author.objects.annotate(
        n=Case(When(name="Ada", then=Subquery(theirs().values("id")[:1])), default=0)
    ),
    "in order_by()": lambda: Author.objects.order_by(Subquery(theirs().values("title")[:1]).desc()),
    "in an aggregate": lambda: Author.objects.aggregate(n=Count("id", filter=Q(Exists(theirs())))),
    "in a window": lambda: Author.objects.annotate(n=Window(Count("id", filter=Q(Exists(theirs()))))),
    "two deep, __in": lambda: Author.objects.filter(Exists(ours(id__in=there(Book).values("id")))),
    "two deep, Exists": lambda: Author.objects.filter(
        Exists(ours().filter(Exists(there(Review).filter(isbn=OuterRef("isbn")))))
    ),
    "two deep, as a value": lambda: Author.objects.annotate(
        n=Subquery(ours().annotate(s=Subquery(there(Review).values("stars")[:1])).values("s")[:1])
    ),
    "back home inside": lambda: Author.objects.filter(Exists(theirs().filter(id__in=Book.objects.values("id")))),
}


def test_a_query_inside_another_one_is_of_the_same_database(two: None) -> None:
    all_refused(SUBQUERIES)


def test_every_way_to_ask_refuses_alike(lite: None) -> None:
    mixed, here = Book.objects.filter(author__in=there(Author)), Book.objects.get(pk=10)
    all_refused(
        {
            "len()": lambda: len(mixed.all()),
            "bool()": lambda: bool(mixed.all()),
            "[0]": lambda: mixed.all()[0],
            "first()": mixed.first,
            "last()": mixed.last,
            "earliest()": lambda: mixed.earliest("id"),
            "count()": mixed.count,
            "exists()": mixed.exists,
            "contains()": lambda: mixed.contains(here),
            "in_bulk()": lambda: mixed.in_bulk([10]),
            "iterator()": lambda: list(mixed.iterator()),
            "aggregate()": lambda: mixed.aggregate(n=Count("id")),
            "values()": lambda: mixed.values("id"),
            "explain()": mixed.explain,
            "to_pandas()": mixed.to_pandas,
            "to_arrow()": mixed.to_arrow,
            "describe()": mixed.describe,
            "sample()": lambda: mixed.sample(1),
            "value_counts()": lambda: mixed.value_counts("title"),
            "sql": lambda: mixed.sql,
            "in another query": lambda: Review.objects.filter(book__in=mixed),
            "in a union": lambda: Book.objects.union(mixed),
        }
    )


def test_a_mixed_set_shown_in_a_cell_says_so_and_asks_nothing(lite: None) -> None:
    mixed = Book.objects.filter(author__in=there(Author))
    with statements(databases["lib"], databases["branch"]) as sent:
        assert "CrossDatabaseError" in repr(mixed)
    assert sent == []


# Several QuerySets

COMBINED: dict[str, Ask] = {
    "&": lambda: Book.objects.filter(id=10) & there(Book).filter(id=11),
    "|": lambda: Book.objects.filter(id=10) | there(Book).filter(id=11),
    "^": lambda: Book.objects.filter(id=10) ^ there(Book).filter(id=11),
    "& of everything": lambda: Book.objects.all() & there(Book),
    "| of nothing": lambda: Book.objects.none() | there(Book),
    "& of nothing": lambda: Book.objects.all() & there(Book).none(),
    "the other way": lambda: there(Book) | Book.objects.all(),
    "union()": lambda: Book.objects.union(there(Book)),
    "union(all=True)": lambda: Book.objects.union(there(Book), all=True),
    "the third of a union": lambda: Book.objects.union(Book.objects.all(), there(Book)),
    "a union of nothing": lambda: Book.objects.union(there(Book).none()),
    "intersection()": lambda: Book.objects.intersection(there(Book)),
    "difference()": lambda: Book.objects.difference(there(Book)),
    "a union of a union": lambda: Book.objects.union(there(Book).union(there(Book))),
    "reflected": lambda: Book.objects.values("id").union(reflected("books").values("id")),
    "two reflected": lambda: reflected("books", "lib").difference(reflected("books")),
}


def test_rows_of_two_databases_are_not_combined(two: None) -> None:
    all_refused(COMBINED)
    author = Author.objects.get(pk=1)
    refused(lambda: author.works.all() | there(Book))
    refused(lambda: author.works.union(there(Book)))


# Instances


@pytest.fixture
def strangers(two: None) -> dict[str, Any]:
    """Rows of the other database, whose keys are in use in this one."""
    return {
        "author": there(Author).get(pk=1),
        "book": there(Book).get(pk=10),
        "shelf": there(Shelf).get(pk=("A", 1)),
        "tag": reflected("tags").get(pk=100),
        "home": Author.objects.get(pk=2),
    }


def test_an_instance_of_elsewhere_is_not_its_key(strangers: dict[str, Any]) -> None:
    ada, book, shelf, tag, home = strangers.values()
    all_refused(
        {
            "filter(fk=)": lambda: Book.objects.filter(author=ada),
            "filter(fk_id=)": lambda: Book.objects.filter(author_id=ada),
            "exclude(fk=)": lambda: Book.objects.exclude(author=ada),
            "Q": lambda: Book.objects.filter(Q(title="Loom") | ~Q(author=ada)),
            "get(fk=)": lambda: Book.objects.get(author=ada),
            "in": lambda: Book.objects.filter(author__in=[ada]),
            "in, among others": lambda: Book.objects.filter(author__in=[home, ada]),
            "in, a set": lambda: Book.objects.filter(author__in={ada}),
            "in, a generator": lambda: Book.objects.filter(author__in=(each for each in [ada])),
            "not in": lambda: Book.objects.exclude(author__in=[ada]),
            "in a range": lambda: Book.objects.filter(author_id__range=(ada, home)),
            "greater than": lambda: Book.objects.filter(author_id__gt=ada),
            "pk": lambda: Author.objects.filter(pk=ada),
            "pk in": lambda: Author.objects.filter(pk__in=[ada]),
            "get(pk=)": lambda: Author.objects.get(pk=ada),
            "in_bulk()": lambda: Author.objects.in_bulk([ada]),
            "to itself": lambda: Author.objects.filter(mentor=ada),
            "over two relations": lambda: Review.objects.filter(book__author=ada),
            "backward": lambda: Author.objects.filter(works=book),
            "backward, excluded": lambda: Author.objects.exclude(works=book),
            "backward, in": lambda: Author.objects.filter(works__in=[book]),
            "by a unique column": lambda: Review.objects.filter(book=book),
            "by two columns": lambda: Book.objects.filter(place=shelf),
            "by two columns, in": lambda: Book.objects.filter(place__in=[shelf]),
            "over a link table": lambda: Book.objects.filter(tags=tag),
            "not over a link table": lambda: Book.objects.exclude(tags=tag),
            "an annotation": lambda: Book.objects.annotate(who=F("author_id")).filter(who=ada),
            "Case": lambda: Book.objects.annotate(n=Case(When(author=ada, then=1), default=0)),
            "filter of an aggregate": lambda: Book.objects.aggregate(n=Count("id", filter=Q(author=ada))),
            "inside Exists": lambda: Author.objects.filter(Exists(ours(editor=ada))),
            "after grouping": lambda: Author.objects.annotate(n=Count("works")).filter(works=book),
            "the home row there": lambda: there(Book).filter(author=home),
        }
    )


def test_an_instance_of_elsewhere_is_no_row_of_here(strangers: dict[str, Any]) -> None:
    author = strangers["author"]
    evaluated = Author.objects.all()
    assert len(evaluated) == 3
    with statements(databases["lib"], databases["branch"]) as sent:
        assert Author.objects.contains(author) is False
        assert Author.objects.order_by("id")[:2].contains(author) is False
        assert evaluated.contains(author) is False
        assert (author in evaluated, author in list(evaluated)) == (False, False)
    assert sent == []
    assert there(Author).contains(author) is True


# What is no mix


class Unbound:
    """Models that belong to no database, so that each query says where it goes."""

    def __init__(self) -> None:
        class Writer(mdb.Model):
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String(20))

            class Meta:
                table = "authors"

        class Work(mdb.Model):
            id = sa.Column(sa.Integer, primary_key=True)
            title = sa.Column(sa.String(40))
            author_id = sa.Column(sa.Integer, sa.ForeignKey("authors.id"))

            class Meta:
                table = "books"

        self.writers, self.works = Writer.objects, Work.objects
        self.models = Writer, Work


@pytest.fixture
def unbound(target: object, new_database: Any) -> Unbound:
    """Of Cem there is a book in the branch alone."""
    library.make("default", new_database(target))
    library.make("branch", new_database(target))
    with databases["branch"].begin() as connection:
        connection.execute(sa.text("INSERT INTO books (id, isbn, title, author_id) VALUES (90, 'i-90', 'Branch', 3)"))
    return Unbound()


def test_an_unbound_inner_query_follows_the_outer_one(unbound: Unbound) -> None:
    writers, works = unbound.writers.using("branch").order_by("id"), unbound.works
    written = works.filter(author_id=OuterRef("pk"))
    deep = works.filter(author_id=OuterRef("pk"), id__in=works.filter(title="Branch").values("id"))

    assert [w.name for w in writers.filter(id__in=works.values("author_id"))] == ["Ada", "Bea", "Cem"]
    assert [w.name for w in writers.filter(Exists(written))] == ["Ada", "Bea", "Cem"]
    assert [w.name for w in writers.exclude(Exists(written))] == []
    assert list(writers.values_list("name", Subquery(written.order_by("-id").values("title")[:1]))) == [
        ("Ada", "Engine"),
        ("Bea", "Notes"),
        ("Cem", "Branch"),
    ]
    assert [w.name for w in writers.filter(Exists(deep))] == ["Cem"]
    assert [w.name for w in unbound.writers.filter(Exists(written)).order_by("id")] == ["Ada", "Bea"]


def test_an_unbound_union_inside_follows_too(unbound: Unbound) -> None:
    works = unbound.works
    either = works.filter(title="Branch").values("author_id").union(works.filter(title="Loom").values("author_id"))

    assert [w.name for w in unbound.writers.using("branch").filter(id__in=either).order_by("id")] == ["Ada", "Cem"]
    assert [w.name for w in unbound.writers.filter(id__in=either)] == ["Ada"]


def test_a_set_operation_can_be_asked_elsewhere(unbound: Unbound) -> None:
    both = unbound.works.filter(title="Loom").union(unbound.works.filter(title="Branch"))

    assert [work.title for work in both] == ["Loom"]
    assert {work.title for work in both.using("branch")} == {"Loom", "Branch"}
    assert {work._state.db for work in both.using("branch")} == {"branch"}


def test_bound_on_both_sides_to_the_same_is_no_mix(lite: None) -> None:
    inner = there(Author).filter(name="Ada")

    assert {book.title for book in there(Book).filter(author__in=inner)} == {"Loom", "Engine"}
    assert {book._state.db for book in there(Book).filter(author__in=inner)} == {"branch"}
    assert there(Book).filter(author=there(Author).get(pk=2)).get().title == "Notes"
    assert len(there(Book).filter(id=10) | there(Book).filter(id=11)) == 2
    assert len(there(Book).union(reflected("books"))) == 3


def test_what_was_read_can_be_asked_for_as_a_list(lite: None) -> None:
    keys = list(there(Author).filter(name="Ada").values_list("id", flat=True))

    assert {book.title for book in Book.objects.filter(author_id__in=keys)} == {"Loom", "Engine"}
    unsaved = Author(id=1, name="Ada")
    assert {book.title for book in Book.objects.filter(author=unsaved)} == {"Loom", "Engine"}


def test_related_rows_are_of_the_database_that_was_asked(two: None) -> None:
    with statements(databases["lib"]) as sent:
        for book in there(Book).select_related("author").prefetch_related("review_set"):
            assert {book._state.db, book.author._state.db} == {"branch"}
            assert all(review._state.db == "branch" for review in book.review_set.all())
    assert sent == []
