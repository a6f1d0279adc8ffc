"""Several windows of one query, on every engine."""

from __future__ import annotations

import toys
from toys import Toy

from multidb_explorer import Sum, Window, functions


def test_a_share_of_the_whole_spoils_no_rank(url: str) -> None:
    # MariaDB 10.11 ranks every row apart, unless the window over all rows is written in another way.
    toys.make("default", url, toys.World(7).rows)
    ranked = Toy.objects.annotate(
        place=Window(functions.DenseRank(), order_by="-price"),
        first=Window(functions.FirstValue("name"), partition_by="maker", order_by=["-price", "pk"]),
        whole=Window(Sum("price")),
    )

    prices = [toy.price for toy in Toy.objects.order_by("pk")]
    places = sorted({price for price in prices if price is not None}, reverse=True)
    found = ranked.order_by("pk").values_list("price", "place", "whole")
    total = sum(price for price in prices if price is not None)
    assert list(found) == [
        (price, len(places) + 1 if price is None else places.index(price) + 1, total) for price in prices
    ]
