"""Dates, order and plans: the same answer on every engine as Python gives."""

from __future__ import annotations

import datetime as dt
import statistics
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from calculator import (
    DATE,
    FLOAT,
    INSTANT,
    INTEGER,
    INTERVAL,
    KINDS,
    ROWS,
    TIME,
    TIMESTAMP,
    Calculator,
    expected,
    present,
)

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows


@pytest.fixture
def calculator(target, bench) -> Calculator:
    return Calculator(bench, target.name)


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
            wanted = expected(
                lambda clock, cut=cut: cut(dt.datetime.combine(dt.date(2000, 1, 1), clock)).time(), "clock"
            )
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
