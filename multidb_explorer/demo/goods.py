"""What the demo shop sells and sold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate, count
from typing import Any

from multidb_explorer.demo.dice import Dice
from multidb_explorer.demo.people import COUNT as USERS
from multidb_explorer.demo.people import COUNTRIES

__all__ = ["categories", "orders", "products", "sales"]

Row = dict[str, Any]

_SHELVES = {
    "Kitchen": {
        "Tea": "Teapot Infuser Tin Cup",
        "Coffee": "Grinder Kettle Mug Filter",
        "Baking": "Bowl Whisk Pan Scale",
    },
    "Outdoors": {"Camping": "Tent Stove Lantern Hammock", "Hiking": "Backpack Flask Compass Pole"},
    "Desk": {"Writing": "Notebook Pen Inkwell Pencil", "Office": "Lamp Chair Shelf Tray"},
    "Garden": {"Tools": "Spade Rake Shears Trowel", "Plants": "Pot Trellis Seedbox Sprayer"},
}
_LOOKS = ("Blue", "Oak", "Copper", "Linen", "Little", "Grand", "Café", "Nordic", "Señor", "Folding")
_STATUSES = ("delivered", "shipped", "paid", "cancelled", "returned")
_MONTHS = (0.8, 0.7, 0.9, 1.0, 1.1, 1.0, 0.9, 0.8, 1.0, 1.1, 1.5, 2.1)
"""How busy each month is."""

PRODUCTS = 180
ORDERS = 6_000
SALES = 50_000


def categories() -> Iterator[Row]:
    """Give the shelves, each after the one that it belongs to.

    Examples
    --------
    >>> next(categories())
    {'id': 1, 'name': 'Kitchen', 'parent_id': None}
    """
    numbers = count(1)
    for name, shelves in _SHELVES.items():
        parent = next(numbers)
        yield {"id": parent, "name": name, "parent_id": None}
        for shelf in shelves:
            yield {"id": next(numbers), "name": shelf, "parent_id": parent}


def products(*, seed: int = 11) -> list[Row]:
    """Give everything that is sold.

    Examples
    --------
    >>> products()[0]["sku"]
    'TEA-001'
    """
    dice = Dice(seed)
    shelves = {row["name"]: row["id"] for row in categories()}
    things = [
        (shelf, thing) for group in _SHELVES.values() for shelf, named in group.items() for thing in named.split()
    ]
    found = []
    for number in range(1, PRODUCTS + 1):
        shelf, thing = things[(number - 1) % len(things)]
        look = (number - 1) // len(things) * 2
        found.append(
            {
                "id": number,
                "sku": f"{shelf[:3].upper()}-{number:03}",
                "name": f"{_LOOKS[look % 10]} {_LOOKS[(look + dice.whole(1, 9)) % 10]} {thing}",
                "category_id": shelves[shelf],
                "price": Decimal(dice.whole(3, 160)) + dice.pick([Decimal("0.00"), Decimal("0.50"), Decimal("0.90")]),
                "weight_kg": None if dice.chance(0.1) else round(0.1 + 9 * dice.random(), 2),
                "in_stock": dice.whole(0, 250) if dice.chance(0.9) else 0,
                "active": dice.chance(0.92),
                "launched_on": None if dice.chance(0.1) else _day(dice, 2018, 7),
            }
        )
    return found


def orders(
    goods: list[Row], how_many: int = ORDERS, *, seed: int = 12, first: int = 2_001, years: tuple[int, int] = (2023, 3)
) -> Iterator[tuple[Row, list[Row]]]:
    """Give orders one by one, each with its items.

    Parameters
    ----------
    goods
        What `products` gave.
    how_many, first
        How many, and the first id.
    years
        The first year and how many there are.

    Examples
    --------
    >>> order, items = next(orders(products()))
    >>> order["total"] == sum(item["quantity"] * item["unit_price"] for item in items)
    True
    """
    dice = Dice(seed)
    days = sorted(_day(dice, *years) for _ in range(how_many))
    for number, day in enumerate(days, first):
        items = list(_items(dice, goods, number))
        at = dt.datetime.combine(day, dt.time(dice.whole(6, 23), dice.whole(0, 59)))
        order = {
            "id": number,
            "user_id": dice.whole(1, USERS),
            "ordered_at": at,
            "status": dice.weighed(_STATUSES, (80, 6, 6, 5, 3)),
            "total": sum((item["quantity"] * item["unit_price"] for item in items), Decimal("0.00")),
            "voucher": dice.pick(["SPRING", "WELCOME10", "ÉTÉ25"]) if dice.chance(0.12) else None,
            "comment": dice.pick(["Ring twice 🔔", "", "It's a gift"]) if dice.chance(0.1) else None,
        }
        yield order, items


def _items(dice: Dice, goods: list[Row], order: int) -> Iterator[Row]:
    for line in range(1, dice.weighed((1, 2, 3, 4, 6), (40, 25, 18, 10, 7)) + 1):
        product = goods[int(len(goods) * dice.random() ** 1.7)]
        yield {
            "order_id": order,
            "line": line,
            "product_id": product["id"],
            "quantity": dice.weighed((1, 2, 3, 10), (75, 15, 8, 2)),
            "unit_price": product["price"],
        }


def _day(dice: Dice, year: int, years: int) -> dt.date:
    month = dice.weighed(range(1, 13), _MONTHS)
    # More in the later years.
    return dt.date(year + int(years * dice.random() ** 0.7), month, dice.whole(1, 28))


def sales(goods: list[Row], *, seed: int = 13) -> dict[str, list[Any]]:
    """Give the facts of the warehouse, column by column.

    Examples
    --------
    >>> len(sales(products())["sale_id"]) == SALES
    True
    """
    dice = Dice(seed)
    shelves = {row["id"]: row["name"] for row in categories()}
    weights = list(accumulate(country[3] for country in COUNTRIES.values()))
    shares = [weight / weights[-1] for weight in weights]
    codes = [*COUNTRIES]
    rows = sorted((_sale(dice, goods, codes, shares) for _ in range(SALES)), key=lambda row: row[0])
    names = ("sold_on", "country", "channel", "product", "quantity", "discount", "returned")
    facts: dict[str, list[Any]] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    sold = facts.pop("product")
    facts |= {
        "sale_id": list(range(1, SALES + 1)),
        "sku": [product["sku"] for product in sold],
        "category": [shelves[product["category_id"]] for product in sold],
        "unit_price": [product["price"] for product in sold],
    }
    facts["revenue"] = [
        (price * quantity * (1 - (discount or 0))).quantize(Decimal("0.01"))
        for price, quantity, discount in zip(facts["unit_price"], facts["quantity"], facts["discount"], strict=True)
    ]
    return facts


def _sale(dice: Dice, goods: list[Row], codes: list[str], shares: list[float]) -> tuple[Any, ...]:
    chosen, which = dice.random(), dice.random()
    return (
        _day(dice, 2021, 5),
        codes[next(index for index, share in enumerate(shares) if chosen < share)],
        dice.weighed(("web", "app", "shop", "phone"), (50, 30, 17, 3)),
        goods[int(len(goods) * which**1.7)],
        dice.weighed((1, 2, 3, 10), (75, 15, 8, 2)),
        dice.pick([Decimal("0.10"), Decimal("0.15"), Decimal("0.25")]) if dice.chance(0.15) else None,
        dice.chance(0.04),
    )
