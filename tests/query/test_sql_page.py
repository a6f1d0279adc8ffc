"""A page of representative queries and the exact SQL of each, per engine.

Each text is what a person would write: no join, subquery, cast or order that the question does not need. Where
engines agree the text stands once; `?` stands for a value, and `JOIN` for what one engine calls `INNER JOIN`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import toys
from targets import Target
from toys import Maker, Sale, Toy, ToyTheme

import multidb_explorer as mdb
from multidb_explorer import Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, Value, When, Window
from multidb_explorer.query.functions import Rank

# A value as each driver takes it, in PostgreSQL with its type.
PARAMETER = re.compile(r"\?|\$\d+|%\(\w+\)s(::[A-Z]+( WITHOUT TIME ZONE)?)?")


@pytest.fixture
def engine(target: Target, url: str) -> str:
    toys.make("default", url)
    return target.name


def flat(queryset: mdb.QuerySet[Any]) -> str:
    """Give the SQL in one line."""
    text = " ".join(queryset.sql.partition("\n-- parameters")[0].split())
    return PARAMETER.sub("?", text).replace("INNER JOIN", "JOIN")


TOYS = "SELECT toys.id, toys.name, toys.price, toys.maker_id FROM toys"
MAKERS = "SELECT makers.id, makers.name, makers.boss_id FROM makers"
SALES = "SELECT sales.id, sales.toy_id, sales.number, sales.sold FROM sales"
LINKS = "SELECT toy_themes.toy_id, toy_themes.theme_id FROM toy_themes"

DEAREST = Toy.objects.filter(maker=OuterRef("pk")).order_by("-price").values("id")[:1]
PAGE: dict[str, tuple[Callable[[], mdb.QuerySet[Any]], dict[str, str]]] = {
    "forward": (
        lambda: Toy.objects.filter(maker__name="Ada"),
        {
            "sqlite, duckdb, postgresql": f"{TOYS} JOIN makers ON toys.maker_id = makers.id WHERE makers.name = ?",
            "mariadb": (
                f"{TOYS} JOIN makers ON toys.maker_id = makers.id WHERE makers.name = ? AND "
                "CAST(convert(makers.name USING utf8mb4) AS BINARY) = ?"
            ),
        },
    ),
    "forward key needs no join": (
        lambda: Toy.objects.filter(maker=7, maker__id__lt=9),
        {
            "every engine": f"{TOYS} WHERE toys.maker_id = ? AND toys.maker_id < ?",
        },
    ),
    "two relations forward": (
        lambda: Sale.objects.filter(toy__maker__boss=7),
        {
            "every engine": (
                f"{SALES} JOIN toys ON sales.toy_id = toys.id JOIN makers ON toys.maker_id = makers.id WHERE "
                "makers.boss_id = ?"
            ),
        },
    ),
    "backward": (
        lambda: Maker.objects.filter(toy__price__gt=5),
        {
            "every engine": f"{MAKERS} JOIN toys ON makers.id = toys.maker_id WHERE toys.price > ?",
        },
    ),
    "link table needs no end": (
        lambda: Toy.objects.filter(themes=100),
        {
            "every engine": f"{TOYS} JOIN toy_themes ON toys.id = toy_themes.toy_id WHERE toy_themes.theme_id = ?",
        },
    ),
    "one call, one related row": (
        lambda: Maker.objects.filter(toy__price__gt=5, toy__id__lt=9),
        {
            "every engine": f"{MAKERS} JOIN toys ON makers.id = toys.maker_id WHERE toys.price > ? AND toys.id < ?",
        },
    ),
    "two calls, two related rows": (
        lambda: Maker.objects.filter(toy__price__gt=5).filter(toy__id__lt=9),
        {
            "every engine": (
                f"{MAKERS} JOIN toys ON makers.id = toys.maker_id JOIN toys AS toys_1 ON makers.id = "
                "toys_1.maker_id WHERE toys.price > ? AND toys_1.id < ?"
            ),
        },
    ),
    "exclude": (
        lambda: Toy.objects.exclude(price__gt=5),
        {
            "every engine": f"{TOYS} WHERE NOT (toys.price > ? AND toys.price IS NOT NULL)",
        },
    ),
    "exclude over a link table": (
        lambda: Toy.objects.exclude(themes=100),
        {
            "every engine": (
                f"{TOYS} WHERE NOT (EXISTS (SELECT 1 FROM toy_themes AS toy_themes_1 WHERE "
                "toy_themes_1.toy_id = toys.id AND toy_themes_1.theme_id = ?))"
            ),
        },
    ),
    "either of two tables": (
        lambda: Maker.objects.filter(Q(boss__id__gt=3, boss__boss__isnull=False) | Q(id=1)),
        {
            "every engine": (
                f"{MAKERS} LEFT OUTER JOIN makers AS makers_1 ON makers.boss_id = makers_1.id WHERE "
                "makers.boss_id > ? AND makers_1.boss_id IS NOT NULL OR makers.id = ?"
            ),
        },
    ),
    "no relative": (
        lambda: Maker.objects.filter(toy__isnull=True),
        {
            "every engine": f"{MAKERS} LEFT OUTER JOIN toys ON makers.id = toys.maker_id WHERE toys.id IS NULL",
        },
    ),
    "groups": (
        lambda: Toy.objects.values("maker").annotate(n=Count("id"), worth=Sum("price")),
        {
            "every engine": (
                "SELECT toys.maker_id AS maker, count(toys.id) AS n, sum(toys.price) AS worth FROM toys "
                "GROUP BY toys.maker_id"
            ),
        },
    ),
    "groups by a text": (
        lambda: Toy.objects.values("name").annotate(n=Count("id")),
        {
            "sqlite, duckdb, postgresql": "SELECT toys.name, count(toys.id) AS n FROM toys GROUP BY toys.name",
            "mariadb": (
                "SELECT toys.name, count(toys.id) AS n FROM toys GROUP BY (CONVERT(toys.name USING utf8mb4) "
                "COLLATE utf8mb4_nopad_bin), toys.name"
            ),
        },
    ),
    "a number a row, filtered": (
        lambda: Maker.objects.annotate(n=Count("toy")).filter(n__gt=2),
        {
            "sqlite, postgresql, mariadb": (
                "SELECT makers.id, makers.name, makers.boss_id, count(toys.id) AS n FROM makers LEFT OUTER "
                "JOIN toys ON makers.id = toys.maker_id GROUP BY makers.id HAVING count(toys.id) > ?"
            ),
            "duckdb": (
                "SELECT makers.id, makers.name, makers.boss_id, count(toys.id) AS n FROM makers LEFT OUTER "
                "JOIN toys ON makers.id = toys.maker_id GROUP BY makers.id, makers.name, makers.boss_id "
                "HAVING count(toys.id) > ?"
            ),
        },
    ),
    "an aggregate of some": (
        lambda: Maker.objects.annotate(n=Count("toy", filter=Q(toy__price__gt=5))),
        {
            "sqlite, postgresql": (
                "SELECT makers.id, makers.name, makers.boss_id, count(toys.id) FILTER (WHERE toys.price > "
                "?) AS n FROM makers LEFT OUTER JOIN toys ON makers.id = toys.maker_id GROUP BY makers.id"
            ),
            "duckdb": (
                "SELECT makers.id, makers.name, makers.boss_id, count(toys.id) FILTER (WHERE toys.price > "
                "?) AS n FROM makers LEFT OUTER JOIN toys ON makers.id = toys.maker_id GROUP BY makers.id, "
                "makers.name, makers.boss_id"
            ),
            "mariadb": (
                "SELECT makers.id, makers.name, makers.boss_id, count(CASE WHEN (toys.price > ?) THEN "
                "toys.id END) AS n FROM makers LEFT OUTER JOIN toys ON makers.id = toys.maker_id GROUP BY "
                "makers.id"
            ),
        },
    ),
    "distinct by a foreign order": (
        lambda: Toy.objects.values("price").distinct().order_by("maker__boss"),
        {
            "sqlite, mariadb": (
                "SELECT anon_1.price AS price FROM (SELECT DISTINCT toys.price AS price, makers.boss_id AS "
                "order_0 FROM toys LEFT OUTER JOIN makers ON toys.maker_id = makers.id) AS anon_1 ORDER BY "
                "anon_1.order_0 ASC, anon_1.price ASC"
            ),
            "duckdb, postgresql": (
                "SELECT anon_1.price AS price FROM (SELECT DISTINCT toys.price AS price, makers.boss_id AS "
                "order_0 FROM toys LEFT OUTER JOIN makers ON toys.maker_id = makers.id) AS anon_1 ORDER BY "
                "anon_1.order_0 ASC NULLS FIRST, anon_1.price ASC NULLS FIRST"
            ),
        },
    ),
    "window filtered": (
        lambda: Toy.objects.annotate(place=Window(Rank(), partition_by="maker", order_by="-id")).filter(place__lte=3),
        {
            "every engine": (
                "SELECT anon_1.id AS id, anon_1.name AS name, anon_1.price AS price, anon_1.maker_id AS "
                "maker_id, anon_1.place AS place FROM (SELECT toys.id AS id, toys.name AS name, toys.price "
                "AS price, toys.maker_id AS maker_id, rank() OVER (PARTITION BY toys.maker_id ORDER BY "
                "toys.id DESC) AS place FROM toys) AS anon_1 WHERE place <= ?"
            ),
        },
    ),
    "value of an inner query": (
        lambda: Maker.objects.annotate(best=Subquery(DEAREST)),
        {
            "sqlite": (
                "SELECT makers.id, makers.name, makers.boss_id, (SELECT toys_1.id FROM toys AS toys_1 WHERE "
                "toys_1.maker_id = makers.id ORDER BY toys_1.price DESC, toys_1.id ASC LIMIT ? OFFSET ?) AS "
                "best FROM makers"
            ),
            "duckdb, mariadb": (
                "SELECT makers.id, makers.name, makers.boss_id, (SELECT toys_1.id FROM toys AS toys_1 WHERE "
                "toys_1.maker_id = makers.id ORDER BY toys_1.price DESC, toys_1.id ASC LIMIT ?) AS best "
                "FROM makers"
            ),
            "postgresql": (
                "SELECT makers.id, makers.name, makers.boss_id, (SELECT toys_1.id FROM toys AS toys_1 WHERE "
                "toys_1.maker_id = makers.id ORDER BY toys_1.price DESC NULLS LAST, toys_1.id ASC LIMIT ?) "
                "AS best FROM makers"
            ),
        },
    ),
    "existence": (
        lambda: Maker.objects.filter(Exists(Toy.objects.filter(maker=OuterRef("pk"), price__gt=5))),
        {
            "every engine": (
                f"{MAKERS} WHERE EXISTS (SELECT 1 AS found FROM toys AS toys_1 WHERE toys_1.maker_id = "
                "makers.id AND toys_1.price > ?)"
            ),
        },
    ),
    "absence": (
        lambda: Maker.objects.filter(~Exists(Toy.objects.filter(maker=OuterRef("pk")))),
        {
            "every engine": (
                f"{MAKERS} WHERE NOT (EXISTS (SELECT 1 AS found FROM toys AS toys_1 WHERE toys_1.maker_id = makers.id))"
            ),
        },
    ),
    "in a slice": (
        lambda: Sale.objects.filter(toy__in=Toy.objects.order_by("-id")[:3]),
        {
            "sqlite": (
                f"{SALES} WHERE sales.toy_id IN (SELECT anon_1.id FROM (SELECT toys_1.id AS id FROM toys AS "
                "toys_1 ORDER BY toys_1.id DESC LIMIT ? OFFSET ?) AS anon_1 WHERE anon_1.id IS NOT NULL)"
            ),
            "duckdb, postgresql, mariadb": (
                f"{SALES} WHERE sales.toy_id IN (SELECT anon_1.id FROM (SELECT toys_1.id AS id FROM toys AS "
                "toys_1 ORDER BY toys_1.id DESC LIMIT ?) AS anon_1 WHERE anon_1.id IS NOT NULL)"
            ),
        },
    ),
    "relatives along": (
        lambda: Sale.objects.select_related("toy__maker"),
        {
            "every engine": (
                "SELECT sales.id, sales.toy_id, sales.number, sales.sold, toys.id AS toy__id, toys.name AS "
                "toy__name, toys.price AS toy__price, toys.maker_id AS toy__maker_id, makers.id AS "
                "toy__maker__id, makers.name AS toy__maker__name, makers.boss_id AS toy__maker__boss_id "
                "FROM sales LEFT OUTER JOIN toys ON sales.toy_id = toys.id LEFT OUTER JOIN makers ON "
                "toys.maker_id = makers.id"
            ),
        },
    ),
    "some fields": (
        lambda: Toy.objects.only("name"),
        {
            "every engine": "SELECT toys.id, toys.name FROM toys",
        },
    ),
    "from a moment on": (
        lambda: Sale.objects.filter(sold__gte=dt.datetime(2026, 1, 2)),
        {
            "every engine": f"{SALES} WHERE sales.sold >= ?",
        },
    ),
    "a text": (
        lambda: Toy.objects.filter(name="Bear"),
        {
            "sqlite, duckdb, postgresql": f"{TOYS} WHERE toys.name = ?",
            "mariadb": f"{TOYS} WHERE toys.name = ? AND CAST(convert(toys.name USING utf8mb4) AS BINARY) = ?",
        },
    ),
    "part of a text": (
        lambda: Toy.objects.filter(name__contains="50%"),
        {
            "sqlite": f"{TOYS} WHERE instr(toys.name, ?) > ?",
            "duckdb": f"{TOYS} WHERE contains(toys.name, ?)",
            "postgresql": f"{TOYS} WHERE (toys.name LIKE '%%' || ? || '%%' ESCAPE '/')",
            "mariadb": (
                f"{TOYS} WHERE ((convert(toys.name USING utf8mb4) COLLATE utf8mb4_bin) LIKE concat('%%', ?, "
                "'%%') ESCAPE '/')"
            ),
        },
    ),
    "in any case": (
        lambda: Toy.objects.filter(name__icontains="bear"),
        {
            "sqlite": f"{TOYS} WHERE instr(multidb_lower(toys.name), ?) > ?",
            "duckdb": f"{TOYS} WHERE contains(lower(toys.name), ?)",
            "postgresql": f"{TOYS} WHERE (lower(toys.name COLLATE \"und-x-icu\") LIKE '%%' || ? || '%%' ESCAPE '/')",
            "mariadb": (
                f"{TOYS} WHERE ((convert(lower(convert(toys.name USING utf8mb4)) USING utf8mb4) COLLATE "
                "utf8mb4_bin) LIKE concat('%%', ?, '%%') ESCAPE '/')"
            ),
        },
    ),
    "start of a text": (
        lambda: Toy.objects.filter(name__startswith="B"),
        {
            "sqlite": f"{TOYS} WHERE substr(toys.name, ?, ?) = ?",
            "duckdb": f"{TOYS} WHERE starts_with(toys.name, ?)",
            "postgresql": f"{TOYS} WHERE (toys.name LIKE ? || '%%' ESCAPE '/')",
            "mariadb": (
                f"{TOYS} WHERE ((convert(toys.name USING utf8mb4) COLLATE utf8mb4_bin) LIKE concat(?, '%%') ESCAPE '/')"
            ),
        },
    ),
    "arithmetic": (
        lambda: Sale.objects.annotate(more=F("number") * 2 + 1).filter(more__gt=F("toy")),
        {
            "every engine": (
                "SELECT sales.id, sales.toy_id, sales.number, sales.sold, (sales.number * ?) + ? AS more "
                "FROM sales WHERE (sales.number * ?) + ? > sales.toy_id"
            ),
        },
    ),
    "case": (
        lambda: Toy.objects.annotate(cost=Case(When(price__gt=5, then=Value(2)), default=Value(1))).order_by("cost"),
        {
            "every engine": (
                "SELECT toys.id, toys.name, toys.price, toys.maker_id, CASE WHEN (toys.price > ?) THEN ? "
                "ELSE ? END AS cost FROM toys ORDER BY CASE WHEN (toys.price > ?) THEN ? ELSE ? END ASC, "
                "toys.id ASC"
            ),
        },
    ),
    "composite key": (
        lambda: ToyTheme.objects.filter(pk=(1, 2)),
        {
            "every engine": f"{LINKS} WHERE toy_themes.toy_id = ? AND toy_themes.theme_id = ?",
        },
    ),
    "composite keys": (
        lambda: ToyTheme.objects.filter(pk__in=[(1, 2), (3, 4)]),
        {
            "sqlite": (
                f"{LINKS} WHERE toy_themes.toy_id = ? AND toy_themes.theme_id = ? OR toy_themes.toy_id = ? "
                "AND toy_themes.theme_id = ?"
            ),
            "postgresql, duckdb, mariadb": (
                f"{LINKS} WHERE (toy_themes.toy_id, toy_themes.theme_id) IN ((?, ?), (?, ?))"
            ),
        },
    ),
    "nulls last": (
        lambda: Toy.objects.order_by(F("price").desc(nulls_last=True)),
        {
            "sqlite, duckdb, mariadb": f"{TOYS} ORDER BY toys.price DESC, toys.id ASC",
            "postgresql": f"{TOYS} ORDER BY toys.price DESC NULLS LAST, toys.id ASC",
        },
    ),
    "nulls first": (
        lambda: Toy.objects.order_by(F("price").desc(nulls_first=True)),
        {
            "sqlite, duckdb": f"{TOYS} ORDER BY toys.price DESC NULLS FIRST, toys.id ASC",
            "postgresql": f"{TOYS} ORDER BY toys.price DESC, toys.id ASC",
            "mariadb": f"{TOYS} ORDER BY toys.price IS NULL DESC, toys.price DESC, toys.id ASC",
        },
    ),
    "order over a relation": (
        lambda: Toy.objects.order_by("maker__boss", "-id"),
        {
            "sqlite, mariadb": (
                f"{TOYS} LEFT OUTER JOIN makers ON toys.maker_id = makers.id ORDER BY makers.boss_id ASC, toys.id DESC"
            ),
            "duckdb, postgresql": (
                f"{TOYS} LEFT OUTER JOIN makers ON toys.maker_id = makers.id ORDER BY makers.boss_id ASC "
                "NULLS FIRST, toys.id DESC"
            ),
        },
    ),
    "a page": (
        lambda: Toy.objects.order_by("-price")[20:30],
        {
            "sqlite, duckdb": f"{TOYS} ORDER BY toys.price DESC, toys.id ASC LIMIT ? OFFSET ?",
            "postgresql": f"{TOYS} ORDER BY toys.price DESC NULLS LAST, toys.id ASC LIMIT ? OFFSET ?",
            "mariadb": f"{TOYS} ORDER BY toys.price DESC, toys.id ASC LIMIT ?, ?",
        },
    ),
    "a range": (
        lambda: Toy.objects.filter(price__range=(1, 5)),
        {
            "every engine": f"{TOYS} WHERE toys.price >= ? AND toys.price <= ?",
        },
    ),
    "in a list": (
        lambda: Toy.objects.filter(id__in=[1, 2]),
        {
            "every engine": f"{TOYS} WHERE toys.id IN (?, ?)",
        },
    ),
}


def expected(texts: dict[str, str], engine: str) -> str:
    return next(text for engines, text in texts.items() if engines == "every engine" or engine in engines.split(", "))


def test_the_sql_is_exactly_this(engine: str) -> None:
    written = {name: flat(ask()) for name, (ask, _) in PAGE.items()}

    assert written == {name: expected(texts, engine) for name, (_, texts) in PAGE.items()}


def test_it_runs(engine: str) -> None:
    for ask, _ in PAGE.values():
        assert list(ask()) == []


# What a planner needs to see


def test_two_aggregates_get_a_grouped_table_each_joined_by_a_plain_equality(engine: str) -> None:
    """Only ``=`` between columns can be hashed, merged or looked up on every engine; the key is never NULL."""
    text = flat(Toy.objects.annotate(sold=Sum("sale__number"), n=Count("themes")))

    assert text.count("GROUP BY") == 2
    assert text.count("(SELECT toys.id") == 2
    assert text.endswith("ON anon_1.key_0 = anon_2.key_0")


def test_an_inner_query_stands_in_its_place(engine: str) -> None:
    """A column that is never NULL needs no derived table around it that keeps NULLs out."""
    dear = Toy.objects.filter(price__gt=5)

    inner = "(SELECT toys_1.id FROM toys AS toys_1 WHERE toys_1.price > ?)"
    assert flat(Sale.objects.filter(toy__in=dear)).replace(" AS id", "") == f"{SALES} WHERE sales.toy_id IN {inner}"
    without = flat(Sale.objects.exclude(toy__in=dear)).replace(" AS id", "")
    assert without == f"{SALES} WHERE (sales.toy_id NOT IN {inner})"


def test_a_year_and_a_day_are_ranges_that_an_index_finds(engine: str) -> None:
    for asked in (Sale.objects.filter(sold__year=2026), Sale.objects.filter(sold__date=dt.date(2026, 1, 2))):
        assert re.fullmatch(rf"{SALES} WHERE sales.sold >= \? AND sales.sold < \?", flat(asked))


def test_a_union_is_ordered_by_each_column_once(engine: str) -> None:
    both = Toy.objects.filter(price=1).values("id").union(Maker.objects.values("id")).order_by("-id")

    assert flat(both).startswith(
        "SELECT anon_1.id AS id FROM (SELECT toys.id AS id FROM toys WHERE toys.price = ? "
        "UNION SELECT makers.id AS id FROM makers) AS anon_1 ORDER BY anon_1.id DESC"
    )
    assert flat(both).partition("ORDER BY")[2].count("anon_1.id") == 1
