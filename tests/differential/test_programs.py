"""The programs themselves are sound: they mean something certain, most of them run, and they leave nothing out."""

from __future__ import annotations

import re

import judge
import pytest
from lookups import ORDERED
from outcomes import Failure, is_ordered, judged
from programs import program
from trials import by_django

SEED = 3
SOME = [program(SEED, number) for number in range(1_500)]
TEXT = "\n".join(program(SEED, number) for number in range(6_000))

METHODS = """filter exclude annotate alias values values_list order_by reverse distinct aggregate count exists first
last get earliest latest in_bulk dates datetimes contains union intersection difference none only defer select_related
all iterator"""
LOOKUPS = """exact iexact contains icontains startswith istartswith endswith iendswith in range isnull regex iregex
date time year iso_year quarter month week week_day iso_week_day day hour minute second"""
# Now and Random differ from run to run; Collate, JSON and some mathematics are not the same on all engines.
UNSPOKEN = """Extract Trunc TruncTime TruncHour Now Random Collate JSONArray JSONObject ConcatPair ACos ASin Cot"""


@pytest.fixture
def backwards(bookshop_url: str):
    """Let SQLite give the rows of an uncertain order the other way round."""
    driver = judge.connection.connection
    driver.execute("PRAGMA reverse_unordered_selects = ON")
    yield
    driver.execute("PRAGMA reverse_unordered_selects = OFF")


def test_most_programs_run(bookshop_url: str) -> None:
    found = [by_django(text) for text in SOME]
    failures = [side for side in found if isinstance(side, Failure)]
    stumbles = [failure.message for failure in failures if not failure.kinds]
    assert len(failures) < 0.15 * len(SOME)
    assert len(stumbles) < 0.005 * len(SOME), stumbles


def test_every_program_has_one_answer(bookshop_url: str, request: pytest.FixtureRequest) -> None:
    forwards = [by_django(text) for text in SOME]
    request.getfixturevalue("backwards")
    for text, expected in zip(SOME, forwards, strict=True):
        assert judged(expected, by_django(text), ordered=is_ordered(text)) != "differ", text


@pytest.mark.parametrize("name", METHODS.split())
def test_every_method_is_called(name: str) -> None:
    assert f".{name}(" in TEXT


@pytest.mark.parametrize("name", [*LOOKUPS.split(), *ORDERED])
def test_every_lookup_is_used(name: str) -> None:
    assert re.search(rf"__{name}(__\w+)?=", TEXT)


@pytest.mark.parametrize("name", sorted({*judge.functions.__all__} - {*UNSPOKEN.split()}))
def test_every_function_is_called(name: str) -> None:
    assert f"{name}(" in TEXT
