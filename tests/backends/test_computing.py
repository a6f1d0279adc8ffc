"""What databases compute: the same answer on every engine as Python gives."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import math
import statistics
import uuid
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError, NotSupportedError
from multidb_explorer.results.stream import Reading, read_rows
from multidb_explorer.results.types import ResultColumn

INTEGER, FLOAT, TEXT, BOOLEAN = Kind("integer"), Kind("float"), Kind("text"), Kind("boolean")
DATE, TIME, TIMESTAMP, INSTANT = Kind("date"), Kind("time"), Kind("timestamp"), Kind("timestamp", tz=True)
INTERVAL, MONEY = Kind("interval"), Kind("decimal", precision=12, scale=2)

KINDS = {
    "id": INTEGER,
    "n": INTEGER,
    "m": INTEGER,
    "x": FLOAT,
    "d": MONEY,
    "t": TEXT,
    "s": TEXT,
    "day": DATE,
    "other_day": DATE,
    "at": TIMESTAMP,
    "moment": INSTANT,
    "clock": TIME,
    "flag": BOOLEAN,
}

ROWS: list[dict[str, Any]] = [
    {
        "n": 7, "m": 2, "x": 2.5, "d": Decimal("2.50"), "t": "Ann", "s": "n", "flag": True,
        "day": dt.date(2024, 2, 29), "other_day": dt.date(2023, 12, 31), "at": dt.datetime(2024, 2, 29, 13, 14, 15, 160000),
        "moment": dt.datetime(2024, 7, 1, 22, 30, 15, 500000, dt.UTC), "clock": dt.time(13, 14, 15, 160000),
    },
    {
        "n": -7, "m": 2, "x": -2.5, "d": Decimal("-1.01"), "t": "Zoë Ångström", "s": "ö", "flag": False,
        "day": dt.date(2021, 1, 3), "other_day": dt.date(2024, 12, 30), "at": dt.datetime(2021, 1, 3, 23, 59, 59),
        "moment": dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC), "clock": dt.time(0, 0),
    },
    {
        "n": 2**53 + 1, "m": 0, "x": 0.1, "d": Decimal("1234567.89"), "t": "", "s": "", "flag": True,
        "day": dt.date(2020, 12, 31), "other_day": dt.date(2020, 12, 31), "at": dt.datetime(1999, 12, 31),
        "moment": dt.datetime(2024, 10, 27, 1, 30, tzinfo=dt.UTC), "clock": dt.time(23, 59, 59, 999999),
    },
    {
        "n": 7, "m": -3, "x": 2.675, "d": Decimal("0.00"), "t": "ann", "s": "A", "flag": None,
        "day": dt.date(2000, 2, 29), "other_day": dt.date(1999, 1, 1), "at": dt.datetime(2005, 1, 1, 0, 0, 1),
        "moment": dt.datetime(2024, 3, 31, 1, 0, tzinfo=dt.UTC), "clock": dt.time(6, 30),
    },
    {
        "n": 0, "m": 5, "x": 0.0, "d": Decimal("5.00"), "t": " ab  ", "s": "  ", "flag": False,
        "day": dt.date(2026, 11, 22), "other_day": dt.date(2026, 11, 23), "at": dt.datetime(2026, 11, 22, 11, 0),
        "moment": dt.datetime(1971, 1, 1, 0, 0, tzinfo=dt.UTC), "clock": dt.time(12, 0, 0, 1),
    },
    {
        "n": 12, "m": 12, "x": -1234.5, "d": Decimal("1.01"), "t": "日本語 e\u0301👩‍👧", "s": "語", "flag": True,
        "day": dt.date(2018, 12, 31), "other_day": dt.date(2019, 1, 1), "at": dt.datetime(2018, 12, 31, 5, 6, 7, 8),
        "moment": dt.datetime(2037, 6, 15, 12, 0, tzinfo=dt.UTC), "clock": dt.time(1, 2, 3),
    },
    dict.fromkeys(KINDS),
]  # fmt: skip
for _number, _row in enumerate(ROWS):
    _row["id"] = _number


def columns(server: bool) -> dict[str, Any]:
    return {
        "id": sa.Integer(), "n": sa.BigInteger(), "m": sa.Integer(), "x": sa.Double(), "d": sa.Numeric(12, 2),
        "t": sa.String(80), "s": sa.String(80), "day": sa.Date(), "other_day": sa.Date(),
        "at": mysql.DATETIME(fsp=6) if server else sa.DateTime(),
        "moment": mysql.TIMESTAMP(fsp=6) if server else sa.DateTime(timezone=True),
        "clock": mysql.TIME(fsp=6) if server else sa.Time(), "flag": sa.Boolean(),
    }  # fmt: skip


class Calculator:
    """A table of samples, and what a database makes of its columns."""

    def __init__(self, bench: Any, name: str) -> None:
        self.bench, self.name = bench, name
        self.backend: Backend = bench.database.backend
        types = columns(name == "mariadb")
        self.table = sa.Table(
            "samples",
            sa.MetaData(),
            *(sa.Column(key, type_, primary_key=key == "id", nullable=key != "id") for key, type_ in types.items()),
        )
        with bench.database.begin() as connection:
            self.table.create(connection)
            for row in ROWS:
                values = {key: self.backend.to_column(value, KINDS[key]) for key, value in row.items()}
                connection.execute(self.table.insert().values(values))

    @property
    def c(self) -> Any:
        return self.table.c

    def literal(self, value: Any, kind: Kind) -> Any:
        return sa.literal(value, self.backend.type_of(kind))

    def all(self, element: Any, kind: Kind, **clauses: Any) -> list[Any]:
        """Give the values in all rows, as the package reads them."""
        statement = sa.select(element.label("found")).select_from(self.table).order_by(self.c.id)
        return [row[0] for row in self.read(statement, kind)]

    def one(self, element: Any, kind: Kind) -> Any:
        return self.read(sa.select(element.label("found")).select_from(self.table), kind)[0][0]

    def read(self, statement: Any, kind: Kind) -> list[tuple[Any, ...]]:
        return read_rows(self.bench.database, Reading(statement, (ResultColumn("found", kind),)))

    def call(self, name: str, *arguments: Any, kind: Kind | None = None) -> Any:
        """Write a function of columns (by name) and constants."""
        given = [self.c[part[1:]] if isinstance(part, str) and part[:1] == "@" else self._constant(part) for part in arguments]
        first = arguments[0] if arguments else None
        known = KINDS[first[1:]] if isinstance(first, str) and first[:1] == "@" else None
        return self.backend.function(name, given, kind or known, self.bench.database.folding)

    def _constant(self, value: Any) -> Any:
        if isinstance(value, sa.ColumnElement):
            return value
        kinds = {int: INTEGER, float: FLOAT, str: TEXT}
        return self.literal(value, kinds[type(value)])


@pytest.fixture
def calculator(target, bench) -> Calculator:
    return Calculator(bench, target.name)


def expected(function: Callable[..., Any], *names: str) -> list[Any]:
    """Give what Python makes of all rows; NULL where a part is NULL."""
    rows = [[row[name] for name in names] for row in ROWS]
    return [None if None in values else function(*values) for values in rows]


def close(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """Compare doubles, of which engines differ in the last digit."""
    return [value is None for value in found] == [value is None for value in wanted] and all(
        math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
        for one, other in zip(found, wanted, strict=True)
        if one is not None
    )


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


def present(name: str, where: Callable[[dict[str, Any]], bool] = lambda row: True) -> list[Any]:
    return [row[name] for row in ROWS if row[name] is not None and where(row)]


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


def rounded(value: Any, places: int) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else value).quantize(
        Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP
    )


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
DAYS = {"2024-02-29": dt.date(2024, 2, 29), "2024-02-29 10:00": dt.date(2024, 2, 29), "yesterday": None, "20240229": None}


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


# Dates

PARTS: dict[str, Callable[[Any], Any]] = {
    "year": lambda moment: moment.year,
    "iso_year": lambda moment: moment.isocalendar().year,
    "quarter": lambda moment: (moment.month + 2) // 3,
    "month": lambda moment: moment.month,
    "week": lambda moment: moment.isocalendar().week,
    "week_day": lambda moment: moment.isoweekday() % 7 + 1,
    "iso_week_day": lambda moment: moment.isoweekday(),
    "day": lambda moment: moment.day,
}
CLOCK_PARTS: dict[str, Callable[[Any], Any]] = {
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
    "second": lambda moment: moment.second,
}
ZONES = ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "+02:00", "-03:30", "UTC", None]


def at_home(zone: str | None) -> Callable[[dt.datetime], dt.datetime]:
    if zone in (None, "UTC"):
        return lambda moment: moment.replace(tzinfo=None)
    if zone[0] in "+-":
        size = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:])) * (1 if zone[0] == "+" else -1)
        return lambda moment: moment.replace(tzinfo=None) + size
    return lambda moment: moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def test_parts_of_dates_and_times(calculator) -> None:
    c, date_part = calculator.c, calculator.backend.date_part
    for part, wanted in PARTS.items():
        for name in ("day", "other_day", "at"):
            found = calculator.all(date_part(c[name], part, KINDS[name]), INTEGER)
            assert found == expected(wanted, name), (part, name)
    for part, wanted in CLOCK_PARTS.items():
        for name in ("clock", "at"):
            found = calculator.all(date_part(c[name], part, KINDS[name]), INTEGER)
            assert found == expected(wanted, name), (part, name)


@pytest.mark.parametrize("zone", ZONES)
def test_parts_of_instants_in_a_time_zone(calculator, zone) -> None:
    c, date_part, home = calculator.c, calculator.backend.date_part, at_home(zone)
    for part, wanted in (PARTS | CLOCK_PARTS).items():
        found = calculator.all(date_part(c.moment, part, INSTANT, zone), INTEGER)
        assert found == expected(lambda moment, w=wanted: w(home(moment)), "moment"), part
    assert calculator.all(date_part(c.moment, "date", INSTANT, zone), DATE) == expected(
        lambda moment: home(moment).date(), "moment"
    )
    assert calculator.all(date_part(c.moment, "time", INSTANT, zone), TIME) == expected(
        lambda moment: home(moment).time(), "moment"
    )


def test_an_unknown_time_zone_is_refused(calculator) -> None:
    for zone in ("Europe/Atlantis", "+2", "../etc/passwd", ""):
        with pytest.raises(FieldError, match="no time zone"):
            calculator.backend.date_part(calculator.c.moment, "hour", INSTANT, zone)
        with pytest.raises(FieldError, match="no time zone"):
            calculator.backend.truncated(calculator.c.moment, "hour", INSTANT, zone)


CUTS: dict[str, Callable[[dt.datetime], dt.datetime]] = {
    "year": lambda t: dt.datetime(t.year, 1, 1),
    "quarter": lambda t: dt.datetime(t.year, (t.month + 2) // 3 * 3 - 2, 1),
    "month": lambda t: dt.datetime(t.year, t.month, 1),
    "week": lambda t: dt.datetime(t.year, t.month, t.day) - dt.timedelta(days=t.weekday()),
    "day": lambda t: dt.datetime(t.year, t.month, t.day),
    "hour": lambda t: t.replace(minute=0, second=0, microsecond=0),
    "minute": lambda t: t.replace(second=0, microsecond=0),
    "second": lambda t: t.replace(microsecond=0),
}


def test_truncated_dates_and_times(calculator) -> None:
    c, truncated = calculator.c, calculator.backend.truncated
    for unit, cut in CUTS.items():
        assert calculator.all(truncated(c.at, unit, TIMESTAMP), TIMESTAMP) == expected(cut, "at"), unit
        if unit in PARTS:
            wanted = expected(lambda day, cut=cut: cut(dt.datetime.combine(day, dt.time())).date(), "day")
            assert calculator.all(truncated(c.day, unit, DATE), DATE) == wanted, unit
        elif unit in CLOCK_PARTS:
            wanted = expected(lambda clock, cut=cut: cut(dt.datetime.combine(dt.date(2000, 1, 1), clock)).time(), "clock")
            assert calculator.all(truncated(c.clock, unit, TIME), TIME) == wanted, unit
    assert calculator.all(truncated(c.at, "date", TIMESTAMP), DATE) == expected(dt.datetime.date, "at")
    assert calculator.all(truncated(c.at, "time", TIMESTAMP), TIME) == expected(dt.datetime.time, "at")


@pytest.mark.parametrize("zone", ZONES)
def test_truncated_instants_in_a_time_zone(calculator, zone) -> None:
    c, truncated, home = calculator.c, calculator.backend.truncated, at_home(zone)

    def cut_there(moment: dt.datetime, unit: str) -> dt.datetime:
        local = home(moment)
        if unit in CLOCK_PARTS:
            return moment - (local - CUTS[unit](local))
        cut = CUTS[unit](local)
        if zone is None or zone[0] in "+-":
            return cut.replace(tzinfo=dt.UTC) - (home(moment) - moment.replace(tzinfo=None))
        return cut.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)

    for unit in CUTS:
        found = calculator.all(truncated(c.moment, unit, INSTANT, zone), INSTANT)
        assert found == expected(lambda moment, u=unit: cut_there(moment, u), "moment"), unit


def test_a_clock_that_is_turned_back(calculator) -> None:
    # 02:30 was there twice in Paris; both hours stay apart.
    hours = calculator.all(calculator.backend.truncated(calculator.c.moment, "hour", INSTANT, "Europe/Paris"), INSTANT)
    assert hours[1] == dt.datetime(2024, 10, 27, 0, 0, tzinfo=dt.UTC)
    assert hours[2] == dt.datetime(2024, 10, 27, 1, 0, tzinfo=dt.UTC)


def spans(found: Sequence[Any]) -> list[Any]:
    """Give intervals as one number of microseconds each, in whatever parts an engine keeps them."""
    return [None if value is None else _span(value) for value in found]


def _span(value: Any) -> dt.timedelta:
    if isinstance(value, dt.timedelta):
        return value
    assert value.months == 0
    return dt.timedelta(days=value.days, microseconds=value.nanoseconds // 1000)


@pytest.mark.parametrize("by", [dt.timedelta(days=1), dt.timedelta(hours=-30, microseconds=5), dt.timedelta(0)])
def test_moved_dates_and_times(calculator, by) -> None:
    c, shifted = calculator.c, calculator.backend.shifted
    assert calculator.all(shifted(c.at, by, TIMESTAMP), TIMESTAMP) == expected(lambda at: at + by, "at")
    assert calculator.all(shifted(c.moment, by, INSTANT), INSTANT) == expected(lambda at: at + by, "moment")
    moved = expected(lambda day: dt.datetime.combine(day, dt.time()) + by, "day")
    assert calculator.all(shifted(c.day, by, DATE), TIMESTAMP) == moved
    round_the_clock = expected(lambda clock: (dt.datetime.combine(dt.date(2000, 1, 9), clock) + by).time(), "clock")
    assert calculator.all(shifted(c.clock, by, TIME), TIME) == round_the_clock


def test_differences(calculator) -> None:
    c, difference = calculator.c, calculator.backend.difference
    found = calculator.all(difference(c.day, c.other_day, DATE), INTERVAL)
    assert spans(found) == expected(lambda one, other: one - other, "day", "other_day")
    other = calculator.literal(dt.datetime(2020, 1, 1, 12), TIMESTAMP)
    found = calculator.all(difference(c.at, other, TIMESTAMP), INTERVAL)
    assert spans(found) == expected(lambda at: at - dt.datetime(2020, 1, 1, 12), "at")
    noon = calculator.literal(dt.time(12), TIME)
    day = dt.date(2000, 1, 1)
    found = calculator.all(difference(c.clock, noon, TIME), INTERVAL)
    assert spans(found) == expected(
        lambda clock: dt.datetime.combine(day, clock) - dt.datetime.combine(day, dt.time(12)), "clock"
    )


def test_differences_are_compared_summed_and_added(calculator) -> None:
    c, backend = calculator.c, calculator.backend
    apart = backend.difference(c.day, c.other_day, DATE)
    longer = apart > sa.literal(dt.timedelta(days=30), sa.Interval())
    assert calculator.all(sa.case((longer, 1), else_=0), INTEGER) == [1, 0, 0, 1, 0, 0, 0]
    summed = calculator.one(backend.aggregate("sum", apart, INTERVAL), INTERVAL)
    assert _span(summed) == sum((row["day"] - row["other_day"] for row in ROWS if row["day"]), dt.timedelta(0))
    back = backend.shifted(c.other_day, apart, DATE)
    assert calculator.all(back, TIMESTAMP) == expected(lambda day: dt.datetime.combine(day, dt.time()), "day")


# Order, quantiles, plans


def test_null_is_smaller_than_everything_unless_told_otherwise(calculator) -> None:
    c, ordered = calculator.c, calculator.backend.ordered

    def rows(*terms: Any) -> list[int]:
        return [row[0] for row in calculator.read(sa.select(c.id).order_by(*terms, c.id), INTEGER)]

    assert rows(*ordered(c.m, descending=False))[0] == 6
    assert rows(*ordered(c.m, descending=True))[-1] == 6
    assert rows(*ordered(c.m, descending=False, nulls="last"))[-1] == 6
    assert rows(*ordered(c.m, descending=True, nulls="first"))[0] == 6
    assert rows(*ordered(c.m, descending=True, nulls="last")) == [5, 4, 0, 1, 2, 3, 6]


def test_a_column_without_null_keeps_its_index(calculator) -> None:
    assert [str(term) for term in calculator.backend.ordered(calculator.c.id, descending=False, nullable=False)] == [
        "samples.id ASC"
    ]


def test_quantiles_or_nothing(calculator) -> None:
    found = calculator.backend.quantile(calculator.c.x, 0.5)
    assert found is None or calculator.one(found, FLOAT) == pytest.approx(statistics.median(present("x")))


def test_plans(calculator) -> None:
    statement = sa.select(calculator.c.id).where(calculator.c.t.in_(["Ann", "Bob"]), calculator.c.n == 5)
    backend = calculator.backend
    with calculator.bench.database.connect() as connection:
        plan = backend.explain(connection, statement, None, {})
        assert isinstance(plan, str)
        assert plan
        for form in backend.features.explain_formats:
            assert backend.explain(connection, statement, form.lower(), {})
        for option in backend.features.explain_options & {"ANALYZE", "VERBOSE"}:
            assert backend.explain(connection, statement, None, {option.lower(): True})
        with pytest.raises(ValueError, match="no format 'purple'"):
            backend.explain(connection, statement, "purple", {})
        with pytest.raises(ValueError, match="no option 'x; drop"):
            backend.explain(connection, statement, None, {"x; drop": True})


def test_identifiers_have_their_order_as_text(bench, target) -> None:
    if target.name == "sqlite":
        pytest.skip("SQLite declares no UUID columns")
    bench.run("CREATE TABLE marks (id INTEGER PRIMARY KEY, u UUID)")
    marks = [uuid.UUID(int=n << 64 | 5) for n in (3, 1, 2)] + [uuid.UUID(int=2**127 + 1)]
    bench.insert("marks", [{"id": n, "u": mark} for n, mark in enumerate(marks)])
    kind = Kind("uuid")
    for name, wanted in (("min", min(marks)), ("max", max(marks))):
        found = bench.database.backend.aggregate(name, bench.table("marks").c.u, kind)
        assert read_rows(bench.database, Reading(sa.select(found), (ResultColumn("u", kind),))) == [(wanted,)]
