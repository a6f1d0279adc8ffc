"""The users of the demo shop, their addresses and notes: invented, and as untidy as real ones."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from multidb_explorer.demo.dice import Dice

__all__ = ["CONFLICTING", "COUNTRIES", "MOVED", "addresses", "logins", "notes", "users"]

Row = dict[str, Any]

COUNTRIES: dict[str, tuple[str, str, str, float]] = {
    "FR": ("France", "Europe", "EUR", 20),
    "DE": ("Germany", "Europe", "EUR", 18),
    "GB": ("United Kingdom", "Europe", "GBP", 12),
    "ES": ("Spain", "Europe", "EUR", 10),
    "PL": ("Poland", "Europe", "PLN", 8),
    "SE": ("Sweden", "Europe", "SEK", 7),
    "CZ": ("Czechia", "Europe", "CZK", 6),
    "IE": ("Ireland", "Europe", "EUR", 5),
    "BR": ("Brazil", "Americas", "BRL", 8),
    "JP": ("Japan", "Asia", "JPY", 6),
}
"""Name, region, currency and weight by code."""

_NAMES: dict[str, tuple[str, str, str]] = {
    "FR": (
        "Élodie Chloé Mathis Noé Zoé Hélène Gaëtan Anaïs Rémi Inès",
        "Marchand Lefèvre Beaumont Garçon Noël Dubreuil Faÿ Delacour",
        "Lyon Nantes Besançon Nîmes Orléans Rennes",
    ),
    "DE": (
        "Jürgen Käthe Sören Änne Lukas Mia Jörg Heike Björn Ute",
        "Müller Groß Schäfer Köhler Weiß Brandt Lindner Vogt",
        "Köln Münster Lübeck Görlitz Ulm Gießen",
    ),
    "GB": (
        "Harriet Oscar Imogen Rhys Freya Alistair Poppy Callum Esme Nigel",
        "Ashworth Pemberton Llewellyn Hartley Fairweather Blythe Thorne Whitlock",
        "Leeds Bath Cardiff Dundee York Norwich",
    ),
    "ES": (
        "Íñigo Lucía Begoña Raúl Nuria Ángel Sofía Joaquín Inés Óscar",
        "Núñez Ibáñez Peña Ordóñez Gálvez Quiroga Muñoz Arias",
        "Málaga Cádiz León Logroño Girona Mérida",
    ),
    "PL": (
        "Łukasz Żaneta Jędrzej Małgorzata Paweł Zofia Bożena Tomasz Ewa Ścibor",
        "Wiśniewska Dąbrowski Wójcik Żak Szymański Łęcka Góral Nowicka",
        "Łódź Gdańsk Poznań Białystok Kraków Rzeszów",
    ),
    "SE": (
        "Åsa Örjan Märta Björn Linnéa Göran Elsa Nils Freja Sixten",
        "Åkerblom Öberg Sjögren Hällström Lindqvist Nyström Ekdahl Palm",
        "Malmö Umeå Västerås Örebro Lund Gävle",
    ),
    "CZ": (
        "Jiří Žofie Řehoř Šárka Václav Ludmila Ondřej Tereza Zdeněk Ňusa",
        "Dvořáčková Černý Říha Šťastná Kučera Žáček Hájek Benešová",
        "Brno Plzeň Olomouc Žďár Třebíč Zlín",
    ),
    "IE": (
        "Siobhán Pádraig Niamh Oisín Róisín Eoghan Caoimhe Fionn Gráinne Tadhg",
        "O'Malley O'Shea Brennan MacNamara Fitzgerald D'Arcy Keane Ní-Dhomhnaill",
        "Cork Galway Limerick Sligo Dún-Laoghaire Ennis",
    ),
    "BR": (
        "João Conceição Thaís Luís Antônia César Débora Mário Lívia Renê",
        "Gonçalves Araújo Assunção Brandão Simões Falcão Queirós Leitão",
        "Goiânia Maceió Niterói Belém Cuiabá Olinda",
    ),
    "JP": (
        "さくら 陽翔 葵 蓮 美咲 大輔 結衣 健太 千尋 直樹",
        "田中 佐藤 山本 小林 中村 渡辺 石川 斎藤",
        "札幌 名古屋 京都 仙台 金沢 那覇",
    ),
}
"""First names, last names and cities by country."""

_BIOS = (
    "Buys tea for the whole office.",
    "Prefers parcels on Saturdays 📦",
    "Said: “never again”, then ordered twice.",
    "Allergic to glitter ✨ and to newsletters.",
    "Two cats 🐈🐈‍⬛, one small kitchen.",
    "Line one\nLine two\tand a tab",
    "100 % wool; 50 \\ 50 % of it blue_green",
    "Robert'); DROP TABLE parcels; --",
)
_MARKUP = "<b>Not bold</b> & not a <script>alert('script')</script> either"
_NOTES = (
    "Called about a late parcel.",
    "Wants an invoice with the VAT number.",
    "Very happy with the kettle ☕",
    "Moved house, see the new address.",
    "Asked to be called back after 17:00.",
    "Returned one item, refund sent.",
)
_LANGUAGES = {"FR": "fr", "DE": "de", "ES": "es", "PL": "pl", "SE": "sv", "CZ": "cs", "BR": "pt", "JP": "ja"}
_LONG_NAME = "von Hohenfels-Rabenstein zu Unterwaldbach und Oberlindenau"

COUNT = 2_400
MOVED = (12, 13, *range(101, 113))
"""Users who are in the new place already."""
CONFLICTING = 13
"""The one among them who was changed there since."""
_ALONE = (5, 12, 13)
"""Users with neither addresses nor notes, so that nothing stands in the way of a move."""
_CROWDED = 7
"""A user with both."""

_FIRST_DAY = dt.datetime.fromisoformat("2018-03-01 08:00")
_LAST_DAY = dt.datetime.fromisoformat("2025-10-31")
_LONG_AGO = dt.datetime.fromisoformat("2016-01-01")


def users(count: int = COUNT, *, seed: int = 1, first: int = 1) -> Iterator[Row]:
    """Give users one by one.

    Parameters
    ----------
    count, first
        How many, and the first id.
    seed
        Users of the same seed are the same users.

    Examples
    --------
    >>> next(users())["id"]
    1
    """
    dice = Dice(seed)
    weights = [country[3] for country in COUNTRIES.values()]
    for number in range(first, first + count):
        country = dice.weighed([*COUNTRIES], weights)
        yield {"id": number} | _person(dice, number, country) | _habits(dice, number, country)


def _person(dice: Dice, number: int, country: str) -> Row:
    first_names, last_names, cities = (names.split() for names in _NAMES[country])
    first_name, last_name = dice.pick(first_names), dice.pick(last_names)
    if number == 21:
        last_name = _LONG_NAME
    birth = dt.date(1945, 1, 1) + dt.timedelta(days=dice.whole(0, 22_000))
    return {
        "email": _email(dice, first_name, last_name, number),
        "first_name": first_name,
        "last_name": last_name,
        "country": country,
        "city": None if dice.chance(0.05) else dice.pick(cities).replace("-", " "),
        "phone": _phone(dice),
        "birth_date": None if dice.chance(0.12) else birth,
    }


def _email(dice: Dice, first_name: str, last_name: str, number: int) -> str:
    spelt = unicodedata.normalize("NFKD", f"{first_name}.{last_name.rpartition(' ')[2]}")
    name = spelt.encode("ascii", "ignore").decode().replace("'", "").lower().strip(".") or "user"
    return f"{name}.{number}@{dice.pick(['example.org', 'example.com', 'example.net'])}"


def _phone(dice: Dice) -> str | None:
    # Nobody asked, or they were asked and gave none: two things that an analyst must be able to tell apart.
    if dice.chance(0.25):
        return dice.pick([None, None, ""])
    return f"+{dice.whole(30, 99)} {dice.whole(100, 999)} {dice.whole(100_000, 999_999)}"


def _habits(dice: Dice, number: int, country: str) -> Row:
    registered = _FIRST_DAY + dt.timedelta(days=number, seconds=dice.whole(0, 80_000))
    if number > COUNT:
        registered = _LONG_AGO + dt.timedelta(days=dice.whole(0, 700), seconds=dice.whole(0, 80_000))
    seen = registered + (_LAST_DAY - registered) * dice.random()
    return {
        "registered_at": registered,
        "last_seen": None if dice.chance(0.08) else seen.replace(microsecond=0),
        "credit": Decimal(dice.whole(0, 12_000) if dice.chance(0.3) else 0).scaleb(-2),
        "points": None if dice.chance(0.2) else dice.whole(0, 5_000),
        "rating": None if dice.chance(0.4) else round(1 + 4 * dice.random(), 1),
        "newsletter": dice.pick([True, False, None]),
        "preferences": _preferences(dice, country),
        "bio": _bio(dice, number),
    }


def _preferences(dice: Dice, country: str) -> str | None:
    if dice.chance(0.3):
        return None
    likes = [like for like in ("tea", "coffee", "camping", "writing", "garden") if dice.chance(0.3)]
    return json.dumps({"language": _LANGUAGES.get(country, "en"), "likes": likes}, ensure_ascii=False)


def _bio(dice: Dice, number: int) -> str | None:
    if number % 100 == 9:
        return _MARKUP
    if dice.chance(0.75):
        return dice.pick([None, None, None, ""])
    return " ".join(dice.pick(_BIOS) for _ in range(40 if dice.chance(0.1) else 1))


def addresses(people: list[Row], *, seed: int = 2) -> Iterator[Row]:
    """Give the addresses of some people, none to three each.

    Examples
    --------
    >>> [address["kind"] for address in addresses([next(users())])][:1]
    ['home']
    """
    dice = Dice(seed)
    number = 0
    for person in people:
        wanted = _how_many(dice, person["id"], (0.35, 0.4, 0.2, 0.05), 2)
        for kind in ("home", "billing", "delivery")[:wanted]:
            number += 1
            city = dice.pick(_NAMES[person["country"]][2].split()).replace("-", " ")
            yield {
                "id": number,
                "user_id": person["id"],
                "kind": kind,
                "street": f"{dice.pick(['Lindenweg', 'Rue du Port', 'Mill Lane', 'Calle Nueva'])} {dice.whole(1, 180)}",
                "postcode": None if dice.chance(0.05) else f"{dice.whole(0, 99_999):05}",
                "city": person["city"] or city,
                "country": person["country"],
            }


def notes(people: list[Row], *, seed: int = 3) -> Iterator[Row]:
    """Give what the shop wrote down about some people.

    Examples
    --------
    >>> list(notes([]))
    []
    """
    dice = Dice(seed)
    number = 0
    for person in people:
        for _ in range(_how_many(dice, person["id"], (0.6, 0.2, 0.15, 0.05), 3)):
            number += 1
            later = dt.timedelta(days=dice.whole(0, 90), seconds=dice.whole(0, 80_000))
            yield {
                "id": number,
                "user_id": person["id"],
                "written_at": person["registered_at"] + later,
                "author": dice.pick(["ann", "bob", "chloé"]),
                "body": dice.pick(_NOTES),
            }


def _how_many(dice: Dice, number: int, weights: tuple[float, ...], crowd: int) -> int:
    wanted = dice.weighed(range(len(weights)), weights)
    return 0 if number in _ALONE else crowd if number == _CROWDED else wanted


def logins(people: list[Row], count: int = 4_000, *, seed: int = 4) -> Iterator[Row]:
    """Give a log in which nothing tells two rows apart.

    Examples
    --------
    >>> len(list(logins([next(users())], 3)))
    3
    """
    dice = Dice(seed)
    at = dt.datetime.fromisoformat("2025-01-01")
    for _ in range(count):
        at += dt.timedelta(seconds=dice.whole(1, 13_000))
        yield {
            "at": at,
            "user_id": dice.pick(people)["id"],
            "device": dice.pick(["phone", "laptop", "tablet", None]),
            "succeeded": dice.chance(0.93),
        }
