"""How many statements each use of a QuerySet takes: no hidden one for each row, and none that is not needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import toys
from toys import Maker, Sale, Toy, World

import multidb_explorer as mdb
from multidb_explorer import Count, Exists, F, Max, OuterRef, Q, Sum
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import Sent, statements
from multidb_explorer.errors import FieldError
from multidb_explorer.models import Prefetch

SELECTS = ("SELECT", "WITH", "EXPLAIN")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def world(request: pytest.FixtureRequest, new_database: Any) -> World:
    """Toys in a database that was asked before, so that its catalog is known."""
    made = World(1)
    toys.make("default", new_database(request.param), made.rows)
    for model in toys.MODELS:
        assert model.objects.count() > 0
        assert dir(model.objects.first())
    return made


class Watched:
    """What the database is asked; a session's own statements left out."""

    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent

    def asked(self) -> list[str]:
        """Give what was asked since the last time."""
        found = [each.sql for each in self._sent if each.sql.lstrip().upper().startswith(SELECTS)]
        self._sent.clear()
        return found

    def of(self, ask: Callable[[], Any]) -> int:
        """Count what one use asks."""
        self.asked()
        ask()
        return len(self.asked())

    def others(self, uses: list[Callable[[Any], Any]], *, than: int) -> dict[str, int]:
        """Give the uses of all toys that ask another number of times."""
        counted = {place: self.of(lambda use=use: use(Toy.objects.all())) for place, use in enumerate(uses)}
        return {f"{place}: {_text(uses[place])}": n for place, n in counted.items() if n != than}


def _text(use: Callable[[Any], Any]) -> str:
    return inspect.getsource(use).strip() if inspect.isfunction(use) else repr(use)


@pytest.fixture
def watched(world: World) -> Iterator[Watched]:
    with statements(databases["default"]) as sent:
        yield Watched(sent)


# Rows


def test_rows_are_read_once_and_kept(watched: Watched) -> None:
    cheap = Toy.objects.filter(price__lt=3).order_by("id")
    assert watched.asked() == []

    rows = list(cheap)
    assert len(watched.asked()) == 1
    assert (len(cheap), list(cheap), bool(cheap), cheap[0]) == (len(rows), rows, True, rows[0])
    assert (cheap.count(), cheap.exists(), cheap.contains(rows[0]), rows[0] in cheap) == (len(rows), True, True, True)
    assert [toy.name for toy in cheap] == [toy.name for toy in rows]
    assert watched.asked() == []


ONE: list[Callable[[Any], Any]] = [
    len,
    list,
    bool,
    lambda q: q[2],
    lambda q: list(q[1:3]),
    lambda q: q.first(),
    lambda q: q.last(),
    lambda q: q.earliest("price"),
    lambda q: q.latest("price", "id"),
    lambda q: q.get(pk=12),
    lambda q: q.count(),
    lambda q: q[:5].count(),
    lambda q: q.distinct().count(),
    lambda q: q.exists(),
    lambda q: q.in_bulk([11, 12, 99]),
    lambda q: q.in_bulk(range(20_000)),
    lambda q: q.in_bulk(),
    lambda q: list(q.values("name")),
    lambda q: list(q.values_list("name", "maker__name", "maker__boss__name")),
    lambda q: list(q.only("name")),
    lambda q: [toy.name for toy in q.only("name")],
    lambda q: [(toy.id, toy.maker_id) for toy in q.defer("name", "price")],
    lambda q: list(q.iterator(chunk_size=2)),
    lambda q: q.aggregate(n=Count("id"), dearest=Max("price")),
    lambda q: q.aggregate(n=Count("sale"), m=Count("themes"), worth=Sum("price")),
    lambda q: q[:3].aggregate(n=Count("id")),
    lambda q: list(q.annotate(n=Count("sale"), m=Count("themes")).filter(n__gt=0)),
    lambda q: list(q.filter(maker__in=Maker.objects.filter(name="Ada"))),
    lambda q: list(q.filter(Exists(Sale.objects.filter(toy=OuterRef("pk"))))),
    lambda q: list(q.exclude(sale__number__gt=2).exclude(themes__label="red")),
    lambda q: list(q.filter(price=1).union(q.filter(price=2), q.filter(price=3))),
    lambda q: list(q.filter(price=1) | q.filter(price=2)),
    lambda q: q.explain(),
    lambda q: q.to_pandas(),
    lambda q: q.to_arrow(),
    lambda q: repr(q),
    lambda q: q._repr_mimebundle_(),
    lambda q: list(Sale.objects.dates("sold", "month")),
    lambda q: list(Sale.objects.datetimes("sold", "hour")),
    lambda q: q.value_counts("name"),
]


def test_one_statement_is_enough(watched: Watched) -> None:
    assert watched.others(ONE, than=1) == {}


def test_membership_takes_one_statement(watched: Watched) -> None:
    toy = Toy.objects.get(pk=12)

    assert watched.of(lambda: Toy.objects.filter(price__lt=9).contains(toy)) == 1
    assert watched.of(lambda: Toy.objects.order_by("id")[:5].contains(toy)) == 1
    assert watched.of(lambda: Toy.objects.contains(Toy(name="new"))) == 0
    ordered = Toy.objects.order_by("id")[:5]
    assert watched.of(lambda: (list(ordered), ordered.contains(toy))) == 1


NONE: list[Callable[[Any], Any]] = [
    lambda q: q.filter(price=1).exclude(name="x").annotate(n=Count("sale")).order_by("-n")[:5].values("n"),
    lambda q: q.select_related("maker").prefetch_related("sale_set").only("name").distinct().reverse(),
    lambda q: q.filter(maker__in=Maker.objects.filter(name="Ada")).union(q),
    lambda q: q.filter(Exists(Sale.objects.filter(toy=OuterRef("pk")))),
    lambda q: list(q.none()),
    lambda q: (q.none().count(), q.none().exists(), q.none().first(), q.none().aggregate(n=Count("id"))),
    lambda q: list(q[3:3]),
    lambda q: q.in_bulk([]),
    lambda q: list(q.filter(id__in=[]).none()),
    lambda q: q.sql,
    lambda q: q.filter(price__gt=1).db,
    lambda q: (q.fields, q.has_key, q.ordered),
    dir,
    lambda q: [getattr(q, name, None) for name in ("shape", "_ipython_display_", "_repr_png_", "__array__")],
    lambda q: dir(Toy),
    lambda q: hasattr(q, "__dataframe__"),
]


def test_building_looking_and_asking_for_nothing_take_none(watched: Watched) -> None:
    assert watched.others(NONE, than=0) == {}


MISTAKES: list[Callable[[Any], Any]] = [
    lambda q: list(q.filter(nmae="x")),
    lambda q: list(q.filter(name__contians="x")),
    lambda q: list(q.filter(maker__nmae="x")),
    lambda q: list(q.order_by("nmae")),
    lambda q: list(q.values("nmae")),
    lambda q: list(q.only("nmae")),
    lambda q: list(q.annotate(n=Count("nmae"))),
    lambda q: list(q.select_related("nmae")),
    lambda q: q.aggregate(n=Sum("nmae")),
    lambda q: q.filter(nmae="x").count(),
    lambda q: q.filter(nmae="x").exists(),
    lambda q: q.filter(price="dear").first(),
    lambda q: q.get(nmae=Toy.objects.filter(id=11)),
    lambda q: list(q.filter(Exists(Sale.objects.filter(toy=OuterRef("nmae"))))),
]


def test_a_mistake_is_found_before_any_statement(watched: Watched) -> None:
    def refused(use: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def ask(queryset: Any) -> None:
            with pytest.raises(FieldError):
                use(queryset)

        return ask

    assert watched.others([refused(use) for use in MISTAKES], than=0) == {}


def test_saying_what_was_asked_asks_nothing(watched: Watched) -> None:
    inner = Maker.objects.filter(name="nobody")

    assert watched.of(lambda: repr(Q(maker__in=inner) | Q(maker__in=[1]))) == 0
    assert watched.of(lambda: repr(Toy.objects.union(Toy.objects.all())._state)) == 0
    with pytest.raises(Toy.DoesNotExist, match="Maker"):
        Toy.objects.get(maker__in=inner)
    assert len(watched.asked()) == 1


# Relatives


def test_relatives_of_the_same_statement_take_no_other(watched: Watched) -> None:
    def read() -> None:
        for sale in Sale.objects.select_related("toy__maker__boss"):
            assert (sale.toy.name, sale.toy.maker.boss) == (sale.toy.name, None)

    assert watched.of(read) == 1
    assert watched.of(lambda: Sale.objects.select_related("toy").get(pk=1000).toy.name) == 1
    assert watched.of(lambda: Sale.objects.select_related("toy").first().toy.name) == 1
    assert watched.of(lambda: [s.toy.name for s in Sale.objects.select_related("toy").in_bulk().values()]) == 1


def test_relatives_read_ahead_take_one_statement_each_and_link_tables_two(watched: Watched) -> None:
    def read(*relations: Any) -> Any:
        return [(toy.maker.name, list(toy.sale_set.all())) for toy in Toy.objects.prefetch_related(*relations)]

    assert watched.of(lambda: [list(t.sale_set.all()) for t in Toy.objects.prefetch_related("sale_set")]) == 2
    assert watched.of(lambda: [t.maker.name for t in Toy.objects.prefetch_related("maker")]) == 2
    assert watched.of(lambda: [list(t.themes.all()) for t in Toy.objects.prefetch_related("themes")]) == 3
    assert watched.of(lambda: read("sale_set", "maker")) == 3
    assert watched.of(lambda: read("sale_set", "maker", "themes")) == 5
    deep = Maker.objects.prefetch_related("toy_set__sale_set", "toy_set__themes")
    assert (
        watched.of(lambda: [(list(t.sale_set.all()), list(t.themes.all())) for m in deep for t in m.toy_set.all()]) == 5
    )
    big = Prefetch("sale_set", Sale.objects.filter(number__gt=2), to_attr="big")
    assert watched.of(lambda: [toy.big for toy in Toy.objects.prefetch_related(big)]) == 2
    back = Toy.objects.prefetch_related("sale_set")
    assert watched.of(lambda: [sale.toy.name for toy in back for sale in toy.sale_set.all()]) == 2
    assert watched.of(lambda: list(Toy.objects.filter(id=-1).prefetch_related("sale_set", "themes"))) == 1
    assert watched.of(lambda: len(Toy.objects.prefetch_related("sale_set").get(pk=12).sale_set.all())) == 2
    assert watched.of(lambda: Toy.objects.prefetch_related("sale_set").count()) == 1
    assert watched.of(lambda: list(Toy.objects.prefetch_related("sale_set").values("id"))) == 1


def test_rows_that_stream_take_their_relatives_along_batch_by_batch(watched: Watched) -> None:
    streamed = Toy.objects.prefetch_related("sale_set").order_by("id")

    assert watched.of(lambda: [list(toy.sale_set.all()) for toy in streamed.iterator(chunk_size=100)]) == 2
    assert watched.of(lambda: [list(toy.sale_set.all()) for toy in streamed.iterator(chunk_size=5)]) == 3


def test_what_was_left_out_is_read_once_when_it_is_asked_for(watched: Watched) -> None:
    toy = Toy.objects.only("name").get(pk=12)

    assert watched.of(lambda: (toy.name, toy.pk)) == 0
    assert watched.of(lambda: (toy.price, toy.price)) == 1
    assert watched.of(lambda: (toy.maker_id, toy.maker_id)) == 1
    assert watched.of(lambda: (toy.maker, toy.maker)) == 1


# What is asked


def test_a_test_for_existence_reads_one_row_and_nothing_more(watched: Watched) -> None:
    Toy.objects.annotate(n=Count("sale")).order_by("name", "maker__name").select_related("maker").exists()

    (asked,) = watched.asked()
    assert "JOIN" not in asked
    assert "ORDER BY" not in asked
    assert "LIMIT" in asked


def test_a_count_joins_and_computes_only_what_it_needs(watched: Watched) -> None:
    Toy.objects.annotate(double=F("price") * 2).order_by("maker__name").select_related("maker").count()
    (plain,) = watched.asked()
    assert "JOIN" not in plain
    assert "ORDER BY" not in plain

    Toy.objects.annotate(n=Count("sale"), m=Count("themes")).count()
    (counted,) = watched.asked()
    assert "JOIN" not in counted


def test_one_row_is_not_looked_for_in_an_order(watched: Watched) -> None:
    Toy.objects.get(pk=12)

    (asked,) = watched.asked()
    assert "ORDER BY" not in asked


def test_a_preview_reads_a_page_and_not_the_table(watched: Watched) -> None:
    repr(Toy.objects.all())

    (asked,) = watched.asked()
    assert "LIMIT" in asked


def test_only_what_is_named_is_read(watched: Watched) -> None:
    list(Toy.objects.values_list("name", flat=True))
    list(Toy.objects.only("name"))

    flat, only = watched.asked()
    assert ("price" in flat, "id" in flat.partition("FROM")[0]) == (False, False)
    assert "price" not in only


def test_the_number_of_statements_does_not_grow_with_the_rows(watched: Watched, world: World) -> None:
    def read(rows: Any) -> Any:
        related = rows.select_related("maker").prefetch_related("sale_set", "themes")
        return [(toy.maker.name, len(toy.sale_set.all()), len(toy.themes.all()), repr(toy)) for toy in related]

    assert watched.of(lambda: read(Toy.objects.filter(pk=12))) == 4
    assert watched.of(lambda: read(Toy.objects.all())) == 4


def test_sets_are_not_asked_again_by_being_looked_at(watched: Watched) -> None:
    held = Toy.objects.filter(price=2)
    held.filter(name="x"), held.db, held.sql, hasattr(held, "name")
    assert watched.asked() == []
    assert isinstance(held, mdb.QuerySet)
