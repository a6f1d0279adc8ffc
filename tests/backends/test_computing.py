"""What databases compute: the same answer on every engine as Python gives."""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from calculator import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    KINDS,
    MONEY,
    ROWS,
    TEXT,
    Calculator,
    close,
    expected,
    present,
)

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import NotSupportedError
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows


@pytest.fixture
def calculator(target, bench) -> Calculator:
    return Calculator(bench, target.name)


# Arithmetic


def test_integers_are_divided_toward_zero(calculator) -> None:
    c, divided = calculator.c, calculator.backend.divided
    found = calculator.all(divided(c.n, c.m, INTEGER), INTEGER)
    assert found == expected(lambda n, m: None if m == 0 else int(math.copysign(abs(n) // abs(m), n * m)), "n", "m")


def test_division_by_zero_is_null_whatever_is_divided(calculator) -> None:
    c, backend = calculator.c, calculator.backend
    for left, right, kind in ((c.n, c.m, INTEGER), (c.x, c.x, FLOAT), (c.d, c.d, Kind("decimal")), (c.x, c.m, FLOAT)):
        found = calculator.all(backend.divided(left, right, kind), kind)
        zero = [row[right.name] in (0, None) or row[left.name] is None for row in ROWS]
        assert [value is None for value in found] == zero
        if kind.name != "decimal":
            found = calculator.all(backend.remainder(left, right, kind), kind)
            assert [value is None for value in found] == zero


def test_true_division(calculator) -> None:
    c, backend = calculator.c, calculator.backend
    third = backend.divided(c.x, calculator.literal(3, INTEGER), FLOAT)
    assert close(calculator.all(third, FLOAT), expected(lambda x: x / 3, "x"))
    shared = calculator.all(backend.divided(c.d, calculator.literal(4, INTEGER), Kind("decimal")), Kind("decimal"))
    assert shared == expected(lambda d: Decimal(repr(float(d) / 4)), "d")


def test_a_remainder_has_the_sign_of_the_dividend(calculator) -> None:
    c, remainder = calculator.c, calculator.backend.remainder
    found = calculator.all(remainder(c.n, c.m, INTEGER), INTEGER)
    assert found == expected(lambda n, m: None if m == 0 else int(math.copysign(abs(n) % abs(m), n)), "n", "m")
    found = calculator.all(remainder(c.x, calculator.literal(2, INTEGER), FLOAT), FLOAT)
    assert close(found, expected(lambda x: math.fmod(x, 2), "x"))
    found = calculator.all(remainder(c.d, calculator.literal(2, INTEGER), MONEY), MONEY)
    assert found == expected(lambda d: d % 2, "d")


def test_powers_are_doubles_and_null_where_there_is_none(calculator) -> None:
    c, power = calculator.c, calculator.backend.power
    found = calculator.all(power(c.x, calculator.literal(0.5, FLOAT)), FLOAT)
    assert close(found, expected(lambda x: None if x < 0 else x**0.5, "x"))
    found = calculator.all(power(c.m, calculator.literal(-1, INTEGER)), FLOAT)
    assert close(found, expected(lambda m: None if m == 0 else 1 / m, "m"))
    found = calculator.all(power(c.m, calculator.literal(3, INTEGER)), FLOAT)
    assert close(found, expected(lambda m: float(m**3), "m"))
    huge = power(calculator.literal(10.0, FLOAT), calculator.literal(400, INTEGER))
    assert calculator.all(huge, FLOAT)[0] is None


# Aggregates


def test_sums_are_exact(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate
    assert calculator.one(aggregate("sum", c.n, INTEGER), INTEGER) == sum(present("n"))
    money = Kind("decimal", precision=38, scale=2)
    assert calculator.one(aggregate("sum", c.d, MONEY), money) == sum(present("d"))
    assert calculator.one(aggregate("sum", c.flag, BOOLEAN), INTEGER) == sum(present("flag"))
    assert calculator.one(aggregate("sum", c.x, FLOAT), FLOAT) == pytest.approx(sum(present("x")))


def test_a_mean_is_a_double(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate
    assert calculator.one(aggregate("avg", c.m, INTEGER), FLOAT) == pytest.approx(statistics.mean(present("m")))
    mean = float(sum(present("d"))) / len(present("d"))
    assert calculator.one(aggregate("avg", c.d, MONEY), FLOAT) == pytest.approx(mean, rel=1e-14)
    assert calculator.one(aggregate("avg", c.flag, BOOLEAN), FLOAT) == pytest.approx(0.6)


def test_counting(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate
    assert calculator.one(aggregate("count", None, INTEGER), INTEGER) == len(ROWS)
    assert calculator.one(aggregate("count", c.t, TEXT), INTEGER) == len(ROWS) - 1
    assert calculator.one(aggregate("count", c.n, INTEGER, distinct=True), INTEGER) == 5
    assert calculator.one(aggregate("sum", c.n, INTEGER, distinct=True), INTEGER) == sum({*present("n")})


def test_texts_are_counted_and_compared_by_code_points(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate
    # "Ann" is not "ann", and "  " is not "".
    assert calculator.one(aggregate("count", c.t, TEXT, distinct=True), INTEGER) == 6
    assert calculator.one(aggregate("count", c.s, TEXT, distinct=True), INTEGER) == 6
    assert calculator.one(aggregate("min", c.t, TEXT), TEXT) == min(present("t"))
    assert calculator.one(aggregate("max", c.s, TEXT), TEXT) == max(present("s"))


@pytest.mark.parametrize("name", ["n", "x", "d", "day", "at", "moment", "clock", "flag"])
def test_the_smallest_and_the_largest(calculator, name) -> None:
    aggregate, kind = calculator.backend.aggregate, KINDS[name]
    assert calculator.one(aggregate("min", calculator.c[name], kind), kind) == min(present(name))
    assert calculator.one(aggregate("max", calculator.c[name], kind), kind) == max(present(name))


def test_bytes_have_no_order(calculator) -> None:
    with pytest.raises(NotSupportedError, match="no order"):
        calculator.backend.aggregate("min", calculator.c.t, Kind("binary"))


def test_spreads(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate
    measures = {
        "stddev_pop": statistics.pstdev,
        "stddev_samp": statistics.stdev,
        "var_pop": statistics.pvariance,
        "var_samp": statistics.variance,
    }
    for name, measure in measures.items():
        assert calculator.one(aggregate(name, c.x, FLOAT), FLOAT) == pytest.approx(measure(present("x")))
        assert calculator.one(aggregate(name, c.m, INTEGER), FLOAT) == pytest.approx(measure(present("m")))
        alone = aggregate(name, c.x, FLOAT, where=c.id == 0)
        assert calculator.one(alone, FLOAT) == (0 if name.endswith("pop") else None)


def test_aggregates_of_some_rows_and_of_none(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate
    some = calculator.c.m > 0

    def positive(row: dict[str, Any]) -> bool:
        return row["m"] is not None and row["m"] > 0

    assert calculator.one(aggregate("count", None, INTEGER, where=some), INTEGER) == len(present("m", positive))
    assert calculator.one(aggregate("sum", c.d, MONEY, where=some), MONEY) == sum(present("d", positive))
    assert calculator.one(aggregate("count", c.n, INTEGER, distinct=True, where=some), INTEGER) == 4
    none = calculator.c.id < 0
    assert calculator.one(aggregate("count", None, INTEGER, where=none), INTEGER) == 0
    for name in ("sum", "avg", "min", "max", "stddev_pop", "var_samp"):
        assert calculator.one(aggregate(name, c.d, MONEY, where=none), MONEY) is None


def test_aggregates_over_windows(calculator) -> None:
    c, aggregate = calculator.c, calculator.backend.aggregate

    def running(function: Any) -> Any:
        return function.over(order_by=c.id)

    sums = itertools.accumulate(row["d"] or 0 for row in ROWS)
    assert calculator.all(aggregate("sum", c.d, MONEY, over=running), MONEY) == list(sums)
    means = [statistics.mean(present("m", lambda row, last=last: row["id"] <= last)) for last in range(len(ROWS))]
    assert close(calculator.all(aggregate("avg", c.m, INTEGER, over=running), FLOAT), means)
    spreads = [statistics.pstdev(present("m", lambda row, last=last: row["id"] <= last)) for last in range(len(ROWS))]
    assert close(calculator.all(aggregate("stddev_pop", c.m, INTEGER, over=running), FLOAT), spreads)


def test_decimals_of_thirty_digits_are_summed_exactly(bench, target) -> None:
    if target.name == "sqlite":
        pytest.skip("SQLite stores decimals as doubles")
    kind = Kind("decimal", precision=30, scale=10)
    bench.run("CREATE TABLE wide (id INTEGER PRIMARY KEY, v DECIMAL(30, 10))")
    bench.insert("wide", [{"id": n, "v": Decimal("12345678901234567890.0123456789")} for n in range(3)])
    summed = bench.database.backend.aggregate("sum", bench.table("wide").c.v, kind)
    reading = Reading(sa.select(summed), (ResultColumn("v", Kind("decimal", precision=38, scale=10)),))
    assert read_rows(bench.database, reading) == [(Decimal("37037036703703703670.0370370367"),)]


# Text


def trimmed(sides: str) -> Callable[[str], str]:
    return {"trim": lambda t: t.strip(" "), "ltrim": lambda t: t.lstrip(" "), "rtrim": lambda t: t.rstrip(" ")}[sides]


TEXTS: list[tuple[tuple[Any, ...], Callable[[str], Any]]] = [
    (("upper", "@t"), str.upper),
    (("lower", "@t"), str.lower),
    (("substr", "@t", 2), lambda t: t[1:]),
    (("substr", "@t", 2, 3), lambda t: t[1:4]),
    (("left", "@t", 3), lambda t: t[:3]),
    (("left", "@t", 100), lambda t: t),
    (("right", "@t", 3), lambda t: t[-3:]),
    (("right", "@t", 100), lambda t: t),
    (("lpad", "@t", 5, "*é"), lambda t: ("*é" * 5)[: max(0, 5 - len(t))] + t[:5]),
    (("rpad", "@t", 5, "*é"), lambda t: (t + "*é" * 5)[:5]),
    (("lpad", "@t", 5, ""), lambda t: t[:5]),
    (("rpad", "@t", 5, ""), lambda t: t[:5]),
    (("lpad", "@t", 0, "x"), lambda t: ""),
    (("trim", "@t"), trimmed("trim")),
    (("ltrim", "@t"), trimmed("ltrim")),
    (("rtrim", "@t"), trimmed("rtrim")),
    (("replace", "@t", "n", "NN"), lambda t: t.replace("n", "NN")),
    (("replace", "@t", "A", ""), lambda t: t.replace("A", "")),
    (("replace", "@t", "", "x"), lambda t: t),
    (("reverse", "@t"), lambda t: t[::-1]),
    (("repeat", "@t", 2), lambda t: t * 2),
    (("repeat", "@t", 0), lambda t: ""),
    (("md5", "@t"), lambda t: hashlib.md5(t.encode()).hexdigest()),
    (("sha256", "@t"), lambda t: hashlib.sha256(t.encode()).hexdigest()),
]


def test_functions_of_texts(calculator) -> None:
    for call, wanted in TEXTS:
        assert calculator.all(calculator.call(*call), TEXT) == expected(wanted, "t"), call


def test_functions_of_texts_that_give_numbers(calculator) -> None:
    assert calculator.all(calculator.call("length", "@t"), INTEGER) == expected(len, "t")
    first = expected(lambda t: ord(t[0]) if t else None, "t")
    assert calculator.all(calculator.call("ord", "@t"), INTEGER) == first
    found = calculator.all(calculator.call("strindex", "@t", "@s"), INTEGER)
    assert found == expected(lambda t, s: t.find(s) + 1, "t", "s")
    assert calculator.all(calculator.call("strindex", "@t", "A"), INTEGER) == expected(lambda t: t.find("A") + 1, "t")


def test_counts_and_places_from_columns(calculator) -> None:
    for name, wanted in (
        ("left", lambda t, m: t[: max(0, m)]),
        ("right", lambda t, m: t[-m:] if m > 0 else ""),
        ("repeat", lambda t, m: t * m),
        ("substr", lambda t, m: t[max(1, m) - 1 :]),
    ):
        assert calculator.all(calculator.call(name, "@t", "@m"), TEXT) == expected(wanted, "t", "m"), name
    padded = calculator.all(calculator.call("rpad", "@t", "@m", "-"), TEXT)
    assert padded == expected(lambda t, m: (t + "-" * 20)[: max(0, m)], "t", "m")


def test_joined_texts_take_null_for_nothing(calculator) -> None:
    found = calculator.all(calculator.call("concat", "@t", "-", "@s"), TEXT)
    assert found == [f"{row['t'] or ''}-{row['s'] or ''}" for row in ROWS]


def test_characters_by_number(calculator) -> None:
    for number in (65, 233, 8364, 0x1F600):
        assert calculator.all(calculator.call("chr", number), TEXT)[0] == chr(number)
    assert calculator.all(calculator.call("chr", "@m"), TEXT)[3] is None


DIGESTS = {"sqlite": 6, "duckdb": 3, "postgresql": 5, "mariadb": 6}


def test_digests_or_a_refusal(calculator) -> None:
    there = 0
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        try:
            call = calculator.call(name, "@t")
        except NotSupportedError as error:
            assert name.upper() in str(error)
            continue
        there += 1
        assert calculator.all(call, TEXT) == expected(lambda t, n=name: hashlib.new(n, t.encode()).hexdigest(), "t")
    assert there == DIGESTS[calculator.name]
