"""What psycopg is taught so that nothing is rounded, guessed or built into objects that nobody asked for."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any

__all__ = ["EXACT", "interval_text", "parse_instant", "parse_interval", "read_exactly"]

# Types that psycopg reads exactly; any other arrives as the server's own text.
EXACT = frozenset(
    "int2 int4 int8 oid float4 float8 numeric bool text varchar bpchar char name date time timestamp timestamptz uuid "  # noqa: SIM905
    "bytea interval".split()
)


def read_exactly(connection: Any) -> None:
    """Replace the conversions of a psycopg connection that round, guess, or build objects that nobody asked for."""
    text, interval, instant, dumper = _conversions()
    for info in connection.adapters.types:
        if info.name not in EXACT:
            connection.adapters.register_loader(info.oid, text)
            if info.array_oid and info.name not in ("json", "jsonb"):
                connection.adapters.register_loader(info.array_oid, text)
    connection.adapters.register_loader("interval", interval)
    connection.adapters.register_loader("timestamptz", instant)
    connection.adapters.register_dumper("builtins.MonthDayNano", dumper)


@cache
def _conversions() -> tuple[Any, Any, Any, Any]:
    """Make the conversion classes; only here, since their bases come with the driver."""
    import psycopg
    from psycopg.adapt import Dumper, Loader
    from psycopg.pq import Format

    types = psycopg.adapters.types
    text = psycopg.adapters.get_loader(types["text"].oid, Format.TEXT)
    quick: Any = psycopg.adapters.get_loader(types["timestamptz"].oid, Format.TEXT)

    class IntervalLoader(Loader):
        def load(self, data: Any) -> Any:
            return parse_interval(bytes(data).decode())

    class InstantLoader(Loader):
        """Reads instants whose local time lies outside Python's years while their time in UTC does not."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._quick = quick(oid, context)

        def load(self, data: Any) -> Any:
            try:
                return self._quick.load(data)
            except psycopg.DataError:
                found = parse_instant(bytes(data).decode())
                if found is None:
                    raise
                return found

    class MonthDayNanoDumper(Dumper):
        oid = types["interval"].oid

        def dump(self, obj: Any) -> bytes:
            return interval_text(obj).encode()

    return text, IntervalLoader, InstantLoader, MonthDayNanoDumper


_INTERVAL = re.compile(
    r"(?:(?P<years>[+-]?\d+) years? ?)?(?:(?P<months>[+-]?\d+) mons? ?)?(?:(?P<days>[+-]?\d+) days? ?)?"
    r"(?:(?P<sign>[+-])?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?"
)


def parse_interval(text: str) -> Any:
    """Read an interval without ever taking a month for thirty days."""
    import psycopg

    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise psycopg.DataError(f"{text!r} is not an interval that can be read")
    part = {name: int(value) for name, value in found.groupdict("0").items() if name not in ("sign", "fraction")}
    micros = ((part["hours"] * 60 + part["minutes"]) * 60 + part["seconds"]) * 1_000_000
    micros += int((found["fraction"] or "").ljust(6, "0"))
    nanos = micros * (-1000 if found["sign"] == "-" else 1000)
    if not -(2**63) <= nanos < 2**63:
        raise psycopg.DataError(f"the interval {text!r} has more hours than 64-bit nanoseconds hold")
    return _make_interval(part["years"] * 12 + part["months"], part["days"], nanos)


def _make_interval(months: int, days: int, nanoseconds: int) -> Any:
    import pyarrow as pa

    return pa.MonthDayNano([months, days, nanoseconds])


def interval_text(value: Any) -> str:
    """Write an interval, each of its three parts with its own sign."""
    seconds, micros = divmod(abs(value.nanoseconds) // 1000, 1_000_000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}"
    return f"{value.months} mons {value.days} days {'-' if value.nanoseconds < 0 else '+'}{clock}"


_INSTANT = re.compile(r"(\d+)-(\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d){0,2})( BC)?")


def parse_instant(text: str) -> dt.datetime | None:
    """Read an instant one year outside Python's range, if it lies inside the range in UTC."""
    found = _INSTANT.fullmatch(text)
    year = 0 if found is None else 1 - int(found[1]) if found[4] else int(found[1])
    if found is None or year not in (0, 10_000):
        return None
    # The calendar repeats every 400 years.
    shift = 400 if year == 0 else -400
    local = dt.datetime.fromisoformat(f"{year + shift:04}-{found[2]}{found[3]}")
    instant = local.astimezone(dt.UTC)
    return instant.replace(year=instant.year - shift) if 1 <= instant.year - shift <= 9999 else None
