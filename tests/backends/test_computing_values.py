"""Functions of numbers, comparisons and conversions: the same answer on every engine as Python gives."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from calculator import (
    BOOLEAN,
    DATE,
    FLOAT,
    INSTANT,
    INTEGER,
    KINDS,
    MONEY,
    ROWS,
    TEXT,
    TIME,
    TIMESTAMP,
    Calculator,
    close,
    expected,
    rounded,
)

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError


@pytest.fixture
def calculator(target, bench) -> Calculator:
    return Calculator(bench, target.name)


# Numbers


def maybe(function: Callable[..., float]) -> Callable[..., float | None]:
    def called(*arguments: float) -> float | None:
        try:
            return function(*arguments)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None

    return called


MATHS: list[tuple[tuple[Any, ...], Callable[[float], Any]]] = [
    (("abs", "@x"), abs),
    (("acos", "@x"), math.acos),
    (("asin", "@x"), math.asin),
    (("atan", "@x"), math.atan),
    (("atan2", "@x", 2), lambda x: math.atan2(x, 2)),
    (("ceil", "@x"), math.ceil),
    (("cos", "@x"), math.cos),
    (("cot", "@x"), lambda x: 1 / math.tan(x)),
    (("degrees", "@x"), math.degrees),
    (("exp", "@x"), math.exp),
    (("floor", "@x"), math.floor),
    (("ln", "@x"), math.log),
    (("log", 10, "@x"), math.log10),
    (("log", "@x", 10), lambda x: math.log(10) / math.log(x)),
    (("radians", "@x"), math.radians),
    (("sign", "@x"), lambda x: (x > 0) - (x < 0)),
    (("sin", "@x"), math.sin),
    (("sqrt", "@x"), math.sqrt),
    (("tan", "@x"), math.tan),
    (("power", "@x", 2), lambda x: x**2),
    (("pi",), lambda x: math.pi),
]


def test_functions_of_numbers(calculator) -> None:
    for call, wanted in MATHS:
        found = calculator.all(calculator.call(*call), FLOAT)
        rows = expected(maybe(wanted), "x") if len(call) > 1 else [math.pi] * len(ROWS)
        assert close(found, rows), call


def test_functions_of_whole_and_decimal_numbers(calculator) -> None:
    for name, wanted in (("sqrt", math.sqrt), ("ln", math.log), ("exp", math.exp), ("sin", math.sin)):
        assert close(calculator.all(calculator.call(name, "@m"), FLOAT), expected(maybe(wanted), "m")), name
    assert calculator.all(calculator.call("exp", "@d"), FLOAT)[2] is None
    assert calculator.all(calculator.call("abs", "@d"), MONEY) == expected(abs, "d")
    whole = Kind("decimal", precision=12, scale=0)
    assert calculator.all(calculator.call("ceil", "@d"), whole) == expected(math.ceil, "d")
    assert calculator.all(calculator.call("floor", "@d"), whole) == expected(math.floor, "d")
    assert calculator.all(calculator.call("floor", "@n"), INTEGER) == expected(math.floor, "n")
    assert calculator.all(calculator.call("sign", "@d"), INTEGER) == expected(lambda d: (d > 0) - (d < 0), "d")


@pytest.mark.parametrize("places", [0, 1, 2, -1])
def test_halves_are_rounded_away_from_zero(calculator, places) -> None:
    found = calculator.all(calculator.call("round", "@x", places), FLOAT)
    assert found == expected(lambda x: float(rounded(x, places)), "x")
    found = calculator.all(calculator.call("round", "@n", places), INTEGER)
    assert found == expected(lambda n: int(rounded(n, min(0, places))), "n")
    kind = Kind("decimal", precision=20, scale=max(0, places))
    found = calculator.all(calculator.call("round", "@d", places), kind)
    assert found == expected(lambda d: rounded(d, places), "d")


def test_random_numbers_lie_between_zero_and_one(calculator) -> None:
    found = calculator.all(calculator.call("random"), FLOAT)
    assert all(0 <= number < 1 for number in found)
    assert len(set(found)) > 1


# Comparing


def test_greatest_and_least_are_null_if_any_is(calculator) -> None:
    assert calculator.all(calculator.call("greatest", "@n", "@m"), INTEGER) == expected(max, "n", "m")
    assert calculator.all(calculator.call("least", "@n", "@m", 3), INTEGER) == expected(
        lambda n, m: min(n, m, 3), "n", "m"
    )
    assert calculator.all(calculator.call("greatest", "@t", "@s"), TEXT) == expected(max, "t", "s")
    assert calculator.all(calculator.call("least", "@day", "@other_day"), DATE) == expected(min, "day", "other_day")


def test_null_for_equal_values(calculator) -> None:
    found = calculator.all(calculator.call("nullif", "@n", "@m"), INTEGER)
    assert found == expected(lambda n, m: None if n == m else n, "n", "m")
    found = calculator.all(calculator.call("nullif", "@t", "ANN"), TEXT)
    assert found == [row["t"] for row in ROWS]
    found = calculator.all(calculator.call("nullif", "@s", ""), TEXT)
    assert found == expected(lambda s: s or None, "s")


def test_now_is_an_instant(calculator) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    now = calculator.one(calculator.call("now"), INSTANT)
    assert before < now < before + dt.timedelta(minutes=5)
    earlier = calculator.call("now") > calculator.c.moment
    assert calculator.all(sa.case((earlier, 1), else_=0), INTEGER) == [1, 1, 1, 1, 1, 0, 0]


# Conversions


def test_numbers_become_other_numbers(calculator) -> None:
    c, cast = calculator.c, calculator.backend.cast
    assert calculator.all(cast(c.x, FLOAT, INTEGER), INTEGER) == expected(int, "x")
    assert calculator.all(cast(c.d, MONEY, INTEGER), INTEGER) == expected(int, "d")
    assert calculator.all(cast(c.m, INTEGER, FLOAT), FLOAT) == expected(float, "m")
    assert calculator.all(cast(c.d, MONEY, FLOAT), FLOAT) == expected(float, "d")
    assert calculator.all(cast(c.x, FLOAT, MONEY), MONEY) == expected(lambda x: rounded(x, 2), "x")
    tenths = Kind("decimal", precision=12, scale=1)
    assert calculator.all(cast(c.d, MONEY, tenths), tenths) == expected(lambda d: rounded(d, 1), "d")
    assert calculator.all(cast(c.m, INTEGER, MONEY), MONEY) == expected(lambda m: Decimal(m), "m")
    assert calculator.all(cast(c.m, INTEGER, BOOLEAN), BOOLEAN) == expected(bool, "m")
    assert calculator.all(cast(c.flag, BOOLEAN, INTEGER), INTEGER) == expected(int, "flag")


def test_values_become_text(calculator) -> None:
    c, cast = calculator.c, calculator.backend.cast

    def clock(moment: Any) -> str:
        return moment.isoformat(**({"sep": " "} if isinstance(moment, dt.datetime) else {}))

    wanted: list[tuple[str, Callable[[Any], str]]] = [
        ("n", str),
        ("x", repr),
        ("d", lambda d: f"{d.normalize():f}"),
        ("t", str),
        ("day", str),
        ("at", clock),
        ("moment", lambda moment: clock(moment.replace(tzinfo=None))),
        ("clock", clock),
        ("flag", lambda flag: str(int(flag))),
    ]
    for name, written in wanted:
        assert calculator.all(cast(c[name], KINDS[name], TEXT), TEXT) == expected(written, name), name


NUMBERS = {"12": 12, " -7 ": -7, "+3": 3, "12abc": 12, "3.9": 3, "abc": 0, "": 0, "-": 0}
DECIMALS = {"12.5": "12.5", "-.5x": "-0.5", "7.": "7", "abc": "0", "": "0", "1.005": "1.01"}
DAYS = {
    "2024-02-29": dt.date(2024, 2, 29),
    "2024-02-29 10:00": dt.date(2024, 2, 29),
    "yesterday": None,
    "20240229": None,
}


def of_texts(calculator: Calculator, texts: Sequence[str], to: Kind) -> list[Any]:
    cast = calculator.backend.cast
    return [
        calculator.one(sa.func.max(cast(calculator.literal(text, TEXT), TEXT, to), type_=sa.types.NULLTYPE), to)
        for text in texts
    ]


def test_texts_become_what_they_start_with(calculator) -> None:
    assert of_texts(calculator, list(NUMBERS), INTEGER) == list(NUMBERS.values())
    assert of_texts(calculator, list(DECIMALS), MONEY) == [
        Decimal(value).quantize(Decimal("0.01")) for value in DECIMALS.values()
    ]
    assert of_texts(calculator, ["1.5e3x", "-2", "x"], FLOAT) == [1500.0, -2.0, 0.0]
    null = calculator.backend.cast(calculator.c.t, TEXT, INTEGER)
    assert calculator.all(null, INTEGER)[-1] is None


def test_texts_become_dates_or_nothing(calculator) -> None:
    assert of_texts(calculator, list(DAYS), DATE) == list(DAYS.values())
    assert of_texts(calculator, ["2024-02-29T10:00:01.5", "2024-02-29"], TIMESTAMP) == [
        dt.datetime(2024, 2, 29, 10, 0, 1, 500000),
        dt.datetime(2024, 2, 29),
    ]
    assert of_texts(calculator, ["10:20", "1020"], TIME) == [dt.time(10, 20), None]


def test_dates_become_other_dates(calculator) -> None:
    c, cast = calculator.c, calculator.backend.cast
    assert calculator.all(cast(c.at, TIMESTAMP, DATE), DATE) == expected(dt.datetime.date, "at")
    assert calculator.all(cast(c.at, TIMESTAMP, TIME), TIME) == expected(dt.datetime.time, "at")
    midnight = expected(lambda day: dt.datetime.combine(day, dt.time()), "day")
    assert calculator.all(cast(c.day, DATE, TIMESTAMP), TIMESTAMP) == midnight
    assert calculator.all(cast(c.moment, INSTANT, DATE), DATE) == expected(dt.datetime.date, "moment")
    assert calculator.all(cast(c.at, TIMESTAMP, INSTANT), INSTANT) == expected(
        lambda at: at.replace(tzinfo=dt.UTC), "at"
    )


def test_what_has_no_common_conversion_is_refused(calculator) -> None:
    with pytest.raises(FieldError, match="can't be cast"):
        calculator.backend.cast(calculator.c.day, DATE, INTEGER)


def test_null_of_a_kind(calculator) -> None:
    for kind in (INTEGER, FLOAT, MONEY, TEXT, BOOLEAN, DATE, TIME, TIMESTAMP, INSTANT):
        assert calculator.one(calculator.backend.cast(sa.null(), kind, kind), kind) is None
