"""Each number of a query is the one that a loop over the rows gives, however many relations to several rows it follows.

The rules: ``filter()`` before an aggregate decides the rows, each as often as the join gives it; aggregates over
different relations never multiply each other; a filter over a relation to several rows after an aggregate keeps or
drops whole groups and changes no number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import toys
from toys import Maker, Row, Sale, Toy, World

from multidb_explorer import Avg, Count, F, Max, Min, Q, Sum
from multidb_explorer.query.functions import Coalesce


@pytest.fixture(params=[1, 2, 3])
def world(request: pytest.FixtureRequest, url: str) -> World:
    made = World(request.param)
    toys.make("default", url, made.rows)
    return made


def known(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def total(values: Iterable[Any]) -> Any:
    return sum(kept) if (kept := known(values)) else None


def mean(values: Iterable[Any]) -> Any:
    return pytest.approx(sum(kept) / len(kept)) if (kept := known(values)) else None


def most(values: Iterable[Any]) -> Any:
    return max(known(values), default=None)


def numbers(sales: list[Row]) -> list[Any]:
    return [sale["number"] for sale in sales]


def over(sales: list[Row], least: int) -> list[Row]:
    return [sale for sale in sales if sale["number"] is not None and sale["number"] > least]


def red(themes: list[Row]) -> list[Row]:
    return [theme for theme in themes if theme["label"] == "red"]


def by_id(queryset: Any, *names: str) -> dict[Any, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in queryset.values_list("id", *names)}


# One number a row


def test_aggregates_over_two_relations_count_each_row_once(world: World) -> None:
    found = Toy.objects.annotate(
        sales=Count("sale"),
        sold=Sum("sale__number"),
        usual=Avg("sale__number"),
        themes_=Count("themes"),
        label=Max("themes__label"),
        labels=Count("themes__label", distinct=True),
    )

    assert by_id(found, "sales", "sold", "usual", "themes_", "label", "labels") == {
        toy["id"]: (
            len(sales := world.sales_of(toy["id"])),
            total(numbers(sales)),
            mean(numbers(sales)),
            len(themes := world.themes_of(toy["id"])),
            most(theme["label"] for theme in themes),
            len(set(known(theme["label"] for theme in themes))),
        )
        for toy in world.rows["toys"]
    }


def test_a_longer_path_does_not_repeat_what_the_shorter_one_counts(world: World) -> None:
    found = Maker.objects.annotate(
        toys=Count("toy"),
        worth=Sum("toy__price"),
        sold=Sum("toy__sale__number"),
        links=Count("toy__themes"),
        themes_=Count("toy__themes", distinct=True),
        bosses=Count("boss"),
    )

    expected = {}
    for maker in world.rows["makers"]:
        made = world.toys_of(maker["id"])
        sales = [sale for toy in made for sale in world.sales_of(toy["id"])]
        themes = [theme["id"] for toy in made for theme in world.themes_of(toy["id"])]
        worth = total(toy["price"] for toy in made)
        expected[maker["id"]] = (len(made), worth, total(numbers(sales)), len(themes), len(set(themes)), 0)
    assert by_id(found, "toys", "worth", "sold", "links", "themes_", "bosses") == expected


def test_conditions_of_aggregates_are_their_own(world: World) -> None:
    found = Toy.objects.annotate(
        big=Count("sale", filter=Q(sale__number__gt=2)),
        small=Sum("sale__number", filter=~Q(sale__number__gt=2)),
        reds=Count("themes", filter=Q(themes__label="red")),
        pairs=Count("sale", filter=Q(themes__label="red")),
        cheap=Count("sale", filter=Q(price__lt=3)),
        none=Sum("sale__number", filter=Q(name="nobody"), default=0),
    )

    expected = {}
    for toy in world.rows["toys"]:
        sales, reds = world.sales_of(toy["id"]), red(world.themes_of(toy["id"]))
        small = total(number for number in numbers(sales) if number is not None and number <= 2)
        cheap = len(sales) if toy["price"] is not None and toy["price"] < 3 else 0
        expected[toy["id"]] = (len(over(sales, 2)), small, len(reds), len(sales) * len(reds), cheap, 0)
    assert by_id(found, "big", "small", "reds", "pairs", "cheap", "none") == expected


def test_what_is_computed_of_two_aggregates_is_right_too(world: World) -> None:
    found = Toy.objects.annotate(
        more=Count("sale") - Count("themes"),
        both=Coalesce(Sum("sale__number"), 0) * 100 + Count("themes"),
        dear=F("price") + Count("themes") + Count("sale"),
    )

    expected = {}
    for toy in world.rows["toys"]:
        sales, themes = world.sales_of(toy["id"]), world.themes_of(toy["id"])
        dear = None if toy["price"] is None else toy["price"] + len(sales) + len(themes)
        expected[toy["id"]] = (len(sales) - len(themes), (total(numbers(sales)) or 0) * 100 + len(themes), dear)
    assert by_id(found, "more", "both", "dear") == expected


# Filters before


def test_a_filter_before_decides_the_rows(world: World) -> None:
    found = Toy.objects.filter(sale__number__gt=1).annotate(sales=Count("sale"), sold=Sum("sale__number"))

    assert by_id(found, "sales", "sold") == {
        toy["id"]: (len(sales), total(numbers(sales)))
        for toy in world.rows["toys"]
        if (sales := over(world.sales_of(toy["id"]), 1))
    }


def test_a_filter_before_repeats_rows_as_its_join_does_and_aggregates_repeat_none(world: World) -> None:
    found = Toy.objects.filter(sale__number__gt=1).annotate(
        sold=Sum("sale__number"), links=Count("themes"), themes_=Count("themes", distinct=True)
    )

    expected = {}
    for toy in world.rows["toys"]:
        sales, themes = over(world.sales_of(toy["id"]), 1), world.themes_of(toy["id"])
        if sales:
            expected[toy["id"]] = (total(numbers(sales)), len(sales) * len(themes), len(themes))
    assert by_id(found, "sold", "links", "themes_") == expected


def test_a_filter_before_over_one_row_repeats_nothing(world: World) -> None:
    found = Toy.objects.filter(maker__name="Ada", price__gte=2).annotate(sales=Count("sale"), links=Count("themes"))

    adas = [maker["id"] for maker in world.rows["makers"] if maker["name"] == "Ada"]
    assert by_id(found, "sales", "links") == {
        toy["id"]: (len(world.sales_of(toy["id"])), len(world.themes_of(toy["id"])))
        for toy in world.rows["toys"]
        if toy["maker_id"] in adas and (toy["price"] or 0) >= 2
    }


def test_an_exclude_before_repeats_nothing(world: World) -> None:
    found = Toy.objects.exclude(themes__label="red").annotate(sales=Count("sale"), links=Count("themes"))

    assert by_id(found, "sales", "links") == {
        toy["id"]: (len(world.sales_of(toy["id"])), len(themes))
        for toy in world.rows["toys"]
        if not red(themes := world.themes_of(toy["id"]))
    }


# Filters after


def test_a_filter_after_keeps_groups_and_changes_no_number(world: World) -> None:
    counted = Toy.objects.annotate(sales=Count("sale"), links=Count("themes"))

    def expected(keep: Any) -> dict[Any, Any]:
        return {
            toy["id"]: (len(sales), len(themes))
            for toy in world.rows["toys"]
            if keep(sales := world.sales_of(toy["id"]), themes := world.themes_of(toy["id"]))
        }

    def found(queryset: Any) -> dict[Any, Any]:
        rows = list(queryset.values_list("id", "sales", "links"))
        assert len(rows) == len({row[0] for row in rows})
        return {row[0]: row[1:] for row in rows}

    assert found(counted.filter(sale__number__gt=1)) == expected(lambda sales, _: over(sales, 1))
    assert found(counted.filter(themes__label="red")) == expected(lambda _, themes: red(themes))
    assert found(counted.exclude(themes__label="red")) == expected(lambda _, themes: not red(themes))
    assert found(counted.filter(themes__label="red", sale__number__gt=1)) == expected(
        lambda sales, themes: red(themes) and over(sales, 1)
    )
    assert found(counted.filter(themes__label="red").filter(sale__number__gt=1)) == expected(
        lambda sales, themes: red(themes) and over(sales, 1)
    )
    assert found(counted.filter(Q(themes__label="red") | Q(sale__number__gt=3))) == expected(
        lambda sales, themes: red(themes) or over(sales, 3)
    )
    assert found(counted.filter(sales__gt=2, links__gt=0)) == expected(lambda s, t: len(s) > 2 and t)
    assert found(counted.filter(sales__gt=F("links"))) == expected(lambda s, t: len(s) > len(t))
    assert found(counted.filter(sales__gt=1, themes__label="red")) == expected(lambda s, t: len(s) > 1 and red(t))
    assert found(counted.exclude(sales__gt=2)) == expected(lambda s, _: not len(s) > 2)


def test_hidden_aggregates_filter_and_multiply_nothing(world: World) -> None:
    found = Toy.objects.alias(links=Count("themes")).annotate(sold=Sum("sale__number")).filter(links__gt=1)

    assert by_id(found, "sold") == {
        toy["id"]: (total(numbers(world.sales_of(toy["id"]))),)
        for toy in world.rows["toys"]
        if len(world.themes_of(toy["id"])) > 1
    }


def test_order_slice_count_and_exists_see_the_same_numbers(world: World) -> None:
    counted = Toy.objects.annotate(sales=Count("sale"), links=Count("themes"))
    ranked = sorted(
        ((len(world.sales_of(t["id"])), len(world.themes_of(t["id"])), t["id"]) for t in world.rows["toys"]),
        key=lambda row: (-row[0], row[1], row[2]),
    )

    assert list(counted.order_by("-sales", "links").values_list("sales", "links", "id")) == ranked
    assert list(counted.order_by("-sales", "links").values_list("sales", "links", "id")[2:5]) == ranked[2:5]
    assert counted.filter(sales__gt=2).count() == len([row for row in ranked if row[0] > 2])
    assert counted.filter(sales__gt=1, links__gt=1).count() == len([row for row in ranked if row[0] > 1 and row[1] > 1])
    assert counted.filter(sales__gt=1, links__gt=1).exists() is any(row[0] > 1 and row[1] > 1 for row in ranked)
    assert counted.count() == len(ranked)


# Groups


@pytest.mark.parametrize("key", ["maker", "price", "name"])
def test_groups_count_each_row_once(world: World, key: str) -> None:
    found = Toy.objects.values(key).annotate(
        toys=Count("id"), worth=Sum("price"), sales=Count("sale"), sold=Sum("sale__number"), links=Count("themes")
    )

    expected = {}
    column = "maker_id" if key == "maker" else key
    for value in {toy[column] for toy in world.rows["toys"]}:
        group = [toy for toy in world.rows["toys"] if toy[column] == value]
        sales = [sale for toy in group for sale in world.sales_of(toy["id"])]
        links = [theme for toy in group for theme in world.themes_of(toy["id"])]
        worth = total(toy["price"] for toy in group)
        expected[value] = (len(group), worth, len(sales), total(numbers(sales)), len(links))
    rows = list(found.values_list(key, "toys", "worth", "sales", "sold", "links"))
    assert {row[0]: row[1:] for row in rows} == expected
    assert len(rows) == len(expected)


def test_groups_by_a_relative_and_by_two_columns(world: World) -> None:
    names = {maker["id"]: maker["name"] for maker in world.rows["makers"]}
    toy_of = {toy["id"]: toy for toy in world.rows["toys"]}

    found = Sale.objects.values("toy__maker__name").annotate(
        n=Count("id"), sold=Sum("number"), links=Count("toy__themes"), least=Min("number")
    )
    expected: dict[Any, list[Row]] = {}
    for sale in world.rows["sales"]:
        expected.setdefault(names[toy_of[sale["toy_id"]]["maker_id"]], []).append(sale)
    assert {row["toy__maker__name"]: (row["n"], row["sold"], row["links"], row["least"]) for row in found} == {
        name: (
            len(sales),
            total(numbers(sales)),
            sum(len(world.themes_of(sale["toy_id"])) for sale in sales),
            min(known(numbers(sales)), default=None),
        )
        for name, sales in expected.items()
    }

    pairs = Toy.objects.values("name", "price").annotate(sales=Count("sale"), links=Count("themes"))
    groups: dict[Any, list[Row]] = {}
    for toy in world.rows["toys"]:
        groups.setdefault((toy["name"], toy["price"]), []).append(toy)
    assert {(row["name"], row["price"]): (row["sales"], row["links"]) for row in pairs} == {
        key: (
            sum(len(world.sales_of(toy["id"])) for toy in group),
            sum(len(world.themes_of(toy["id"])) for toy in group),
        )
        for key, group in groups.items()
    }


def test_groups_by_several_rows_repeat_as_the_group_does(world: World) -> None:
    found = Toy.objects.values("themes__label").annotate(toys=Count("id"), sold=Sum("sale__number"))

    expected: dict[Any, list[Row]] = {}
    for toy in world.rows["toys"]:
        for theme in world.themes_of(toy["id"]) or [{"label": None}]:
            expected.setdefault(theme["label"], []).append(toy)
    assert {row["themes__label"]: (row["toys"], row["sold"]) for row in found} == {
        label: (len(group), total(n for toy in group for n in numbers(world.sales_of(toy["id"]))))
        for label, group in expected.items()
    }


def test_groups_with_conditions_before_and_after(world: World) -> None:
    found = (
        Toy.objects.filter(price__gte=1)
        .values("maker")
        .annotate(sales=Count("sale"), links=Count("themes"))
        .filter(sales__gt=1)
    )

    expected = {}
    for maker in world.rows["makers"]:
        group = [toy for toy in world.toys_of(maker["id"]) if toy["price"] is not None]
        sales = sum(len(world.sales_of(toy["id"])) for toy in group)
        if sales > 1:
            expected[maker["id"]] = (sales, sum(len(world.themes_of(toy["id"])) for toy in group))
    assert {row["maker"]: (row["sales"], row["links"]) for row in found} == expected


# One number in all


def test_one_number_of_everything(world: World) -> None:
    every, sales = world.rows["toys"], world.rows["sales"]

    assert Toy.objects.aggregate(
        toys=Count("id"), worth=Sum("price"), sold=Sum("sale__number"), links=Count("themes"), all=Count("*")
    ) == {
        "toys": len(every),
        "worth": total(toy["price"] for toy in every),
        "sold": total(numbers(sales)),
        "links": len(world.rows["toy_themes"]),
        "all": len(every),
    }
    found = Toy.objects.filter(sale__number__gt=1).aggregate(sold=Sum("sale__number"), links=Count("themes"))
    assert found == {
        "sold": total(numbers(over(sales, 1))),
        "links": sum(len(world.themes_of(sale["toy_id"])) for sale in over(sales, 1)),
    }


def test_one_number_of_numbers(world: World) -> None:
    counts = [len(world.sales_of(toy["id"])) for toy in world.rows["toys"]]
    links = [len(world.themes_of(toy["id"])) for toy in world.rows["toys"]]
    counted = Toy.objects.annotate(sales=Count("sale"), links=Count("themes"))

    assert counted.aggregate(sales_=Sum("sales"), most=Max("sales"), usual=Avg("links"), n=Count("*")) == {
        "sales_": sum(counts),
        "most": max(counts),
        "usual": mean(links),
        "n": len(counts),
    }
    busiest = sorted(zip(counts, links, strict=True), key=lambda pair: -pair[0])
    assert counted.order_by("-sales")[:2].aggregate(sold=Sum("sales")) == {"sold": sum(n for n, _ in busiest[:2])}
    several = [pair for pair in busiest if pair[0] > 1]
    assert counted.filter(sales__gt=1).aggregate(links_=Sum("links")) == {"links_": total(m for _, m in several)}
