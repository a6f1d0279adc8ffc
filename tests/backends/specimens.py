"""Every column type of every engine, with the kind that it is and values at its ends."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.kinds import Kind


@dataclass(frozen=True)
class Specimen:
    """One column: its declaration, its kind, and values that must come back as they went in."""

    declared: str
    kind: Kind
    values: tuple[Any, ...]


def whole(bits: int, *, unsigned: bool = False) -> tuple[Kind, tuple[int, ...]]:
    kind = Kind("integer", bits=bits, unsigned=unsigned)
    return kind, (*kind.integer_range, 0)


MEGABYTE = "0123456789abcdef" * 65_536
TEXTS = ("", "é 😀 中", 'it\'s "so" 100% :a $1 ? \\ \n\t%s', " spaces ", MEGABYTE)
JSONS = ('{"a": 123456789012345678901234567890.5, "b": [null, true, "é😀"]}', "null", '"text"', "[]")
BYTES = (b"", b"\x00\xff\x00'\\", bytes(range(256)))
DATES = (dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29))
TIMES = (dt.time(0, 0), dt.time(23, 59, 59, 999_999), dt.time(12, 30))
TIMESTAMPS = (dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), dt.datetime(2024, 2, 29, 12, 30))
INSTANTS = tuple(value.replace(tzinfo=dt.UTC) for value in TIMESTAMPS)
UUIDS = (uuid.UUID(int=0), uuid.UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))
FLOATS = (0.1, -1.7976931348623157e308, 5e-324, 123456789.123456789)
SINGLES = (0.5, -3.4028234663852886e38, 16_777_215.0)
INTERVALS = (
    pa.MonthDayNano([14, -3, 4_000_005_000]),
    pa.MonthDayNano([-1, 40, -86_400_000_000_000]),
    dt.timedelta(days=400, microseconds=1),
)
DIGITS38 = (Decimal("1234567890123456789012345678.0123456789"), Decimal("-9" * 1 + "9" * 27), Decimal("0.0000000001"))

SQLITE = {
    "whole": Specimen("BIGINT", *whole(64)),
    "small": Specimen("SMALLINT", *whole(64)),
    "double": Specimen("REAL", Kind("float"), FLOATS),
    "decimal": Specimen("NUMERIC(15, 2)", Kind("decimal", precision=15, scale=2), (Decimal("9999999999999.99"),)),
    "flag": Specimen("BOOLEAN", Kind("boolean"), (True, False)),
    "words": Specimen("TEXT", Kind("text"), TEXTS),
    "short": Specimen("VARCHAR(10)", Kind("text", length=10), ("", "é😀45678901"[:10])),
    "day": Specimen("DATE", Kind("date"), DATES),
    "clock": Specimen("TIME", Kind("time"), TIMES),
    "moment": Specimen("TIMESTAMP", Kind("timestamp"), TIMESTAMPS),
    "document": Specimen("JSON", Kind("json"), JSONS),
    "bytes": Specimen("BLOB", Kind("binary"), BYTES),
}

POSTGRESQL = {
    "small": Specimen("smallint", *whole(16)),
    "whole": Specimen("integer", *whole(32)),
    "big": Specimen("bigint", *whole(64)),
    "object": Specimen("oid", *whole(32, unsigned=True)),
    "single": Specimen("real", Kind("float", bits=32), SINGLES),
    "double": Specimen("double precision", Kind("float"), (*FLOATS, float("inf"))),
    "decimal": Specimen("numeric(38, 10)", Kind("decimal", precision=38, scale=10), DIGITS38),
    "free": Specimen("numeric", Kind("decimal"), (Decimal("1E+30"), Decimal("1E-30"), Decimal("-1.50"))),
    "flag": Specimen("boolean", Kind("boolean"), (True, False)),
    "words": Specimen("text", Kind("text"), TEXTS),
    "short": Specimen("varchar(10)", Kind("text", length=10), ("", "é😀34567890")),
    "fixed": Specimen("char(3)", Kind("text", length=3), ("abc", "é😀x")),
    "mood": Specimen("mood", Kind("enum", choices=("sad", "it's", "😀")), ("sad", "it's", "😀")),
    "day": Specimen("date", Kind("date"), DATES),
    "clock": Specimen("time", Kind("time"), TIMES),
    "seconds": Specimen("time(0)", Kind("time", scale=0), (dt.time(23, 59, 59),)),
    "moment": Specimen("timestamp", Kind("timestamp"), TIMESTAMPS),
    "instant": Specimen("timestamptz", Kind("timestamp", tz=True), INSTANTS),
    "millis": Specimen("timestamptz(3)", Kind("timestamp", tz=True, scale=3), (INSTANTS[2].replace(microsecond=5000),)),
    "span": Specimen("interval", Kind("interval"), INTERVALS),
    "identity": Specimen("uuid", Kind("uuid"), UUIDS),
    "document": Specimen("json", Kind("json"), JSONS),
    "tree": Specimen("jsonb", Kind("json"), JSONS),
    "bytes": Specimen("bytea", Kind("binary"), BYTES),
    "wholes": Specimen("integer[]", Kind("array", item=Kind("integer", bits=32)), ([], [1, None, -5])),
    "texts": Specimen("text[]", Kind("array", item=Kind("text")), (["", None, 'a"b,{}\\', "NULL", "😀"],)),
    "decimals": Specimen(
        "numeric(10,2)[]", Kind("array", item=Kind("decimal", precision=10, scale=2)), ([Decimal("1.50"), None],)
    ),
    "moments": Specimen("timestamptz[]", Kind("array", item=Kind("timestamp", tz=True)), (list(INSTANTS),)),
    "positive": Specimen("positive", Kind("integer", bits=32), (1, 5)),
    "address": Specimen("inet", Kind("other"), ("10.0.0.1", "::1/64")),
    "period": Specimen("int4range", Kind("other"), ("[1,5)", "empty")),
    "bits": Specimen("bit(3)", Kind("other"), ("101",)),
    "money": Specimen("money", Kind("other"), ("$1,234.50",)),
    "point": Specimen("point", Kind("other"), ("(1,2)",)),
    "moods": Specimen("mood[]", Kind("other"), ("{sad,it's}",)),
    "zoned": Specimen("timetz", Kind("other"), ("12:30:00+02",)),
    "pair": Specimen("pair", Kind("other"), ('(1,"a b")',)),
    "search": Specimen("tsvector", Kind("other"), ("'a':1 'b':2",)),
    "markup": Specimen("xml", Kind("other"), ("<a>é</a>",)),
}

MARIADB = {
    "tiny": Specimen("tinyint", *whole(8)),
    "utiny": Specimen("tinyint unsigned", *whole(8, unsigned=True)),
    "small": Specimen("smallint", *whole(16)),
    "usmall": Specimen("smallint unsigned", *whole(16, unsigned=True)),
    "medium": Specimen("mediumint", Kind("integer", bits=32), (-8_388_608, 8_388_607)),
    "whole": Specimen("int", *whole(32)),
    "uwhole": Specimen("int unsigned", *whole(32, unsigned=True)),
    "big": Specimen("bigint", *whole(64)),
    "ubig": Specimen("bigint unsigned", *whole(64, unsigned=True)),
    "single": Specimen("float", Kind("float", bits=32), SINGLES),
    "double": Specimen("double", Kind("float"), FLOATS),
    "decimal": Specimen("decimal(38, 10)", Kind("decimal", precision=38, scale=10), DIGITS38),
    "widest": Specimen(
        "decimal(65, 30)",
        Kind("decimal", precision=65, scale=30),
        (Decimal("9" * 35 + "." + "9" * 30), Decimal("1E-30"), Decimal("1E+34")),
    ),
    "flag": Specimen("boolean", Kind("boolean"), (True, False)),
    "bit": Specimen("bit(1)", Kind("boolean"), (True, False)),
    "bits": Specimen("bit(12)", Kind("integer", bits=16, unsigned=True), (4095, 1)),
    "year": Specimen("year", Kind("integer", bits=16), (1901, 2155)),
    "words": Specimen("longtext", Kind("text"), TEXTS),
    "short": Specimen("varchar(10)", Kind("text", length=10), ("", "é😀34567890", "ends ")),
    "fixed": Specimen("char(3)", Kind("text", length=3), ("abc", "é😀")),
    "mood": Specimen("enum('sad','it''s','é')", Kind("enum", choices=("sad", "it's", "é")), ("sad", "it's", "é")),
    # The server can't name such a member in a declaration, so any text is taken for one.
    "smile": Specimen("enum('sad','😀')", Kind("enum"), ("sad", "😀")),
    "set": Specimen("set('a','b','c')", Kind("text"), ("a,c", "")),
    "day": Specimen("date", Kind("date"), (dt.date(1000, 1, 1), *DATES[1:])),
    "clock": Specimen("time(6)", Kind("time", scale=6), TIMES),
    "seconds": Specimen("time", Kind("time", scale=0), (dt.time(23, 59, 59),)),
    "moment": Specimen("datetime(6)", Kind("timestamp", scale=6), (dt.datetime(1000, 1, 1), *TIMESTAMPS[1:])),
    "instant": Specimen(
        "timestamp(6) null",
        Kind("timestamp", tz=True, scale=6),
        (dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC), dt.datetime(2038, 1, 19, 3, 14, 7, 999_999, tzinfo=dt.UTC)),
    ),
    "document": Specimen("json", Kind("text"), JSONS),
    "bytes": Specimen("longblob", Kind("binary"), BYTES),
    "tail": Specimen("varbinary(5)", Kind("binary", length=5), (b"", b"\x00ab\x00 ")),
    "identity": Specimen("uuid", Kind("uuid"), UUIDS),
    "address": Specimen("inet6", Kind("other"), ("::1", "2001:db8::ff00:42:8329")),
}

DUCKDB = {
    "tiny": Specimen("tinyint", *whole(8)),
    "utiny": Specimen("utinyint", *whole(8, unsigned=True)),
    "small": Specimen("smallint", *whole(16)),
    "usmall": Specimen("usmallint", *whole(16, unsigned=True)),
    "whole": Specimen("integer", *whole(32)),
    "uwhole": Specimen("uinteger", *whole(32, unsigned=True)),
    "big": Specimen("bigint", *whole(64)),
    "ubig": Specimen("ubigint", *whole(64, unsigned=True)),
    "huge": Specimen("hugeint", Kind("decimal", precision=39, scale=0), (Decimal(2**127 - 1), Decimal(-(2**127)))),
    "uhuge": Specimen("uhugeint", Kind("decimal", precision=39, scale=0), (Decimal(2**128 - 1), Decimal(0))),
    "single": Specimen("float", Kind("float", bits=32), SINGLES),
    "double": Specimen("double", Kind("float"), (*FLOATS, float("inf"))),
    "decimal": Specimen("decimal(38, 10)", Kind("decimal", precision=38, scale=10), DIGITS38),
    "flag": Specimen("boolean", Kind("boolean"), (True, False)),
    "words": Specimen("varchar", Kind("text"), TEXTS),
    "mood": Specimen("mood", Kind("enum", choices=("sad", "it's", "😀")), ("sad", "it's", "😀")),
    "day": Specimen("date", Kind("date"), DATES),
    "clock": Specimen("time", Kind("time"), TIMES),
    "moment": Specimen("timestamp", Kind("timestamp"), TIMESTAMPS),
    "instant": Specimen("timestamptz", Kind("timestamp", tz=True), INSTANTS),
    "seconds": Specimen("timestamp_s", Kind("timestamp", scale=0), (dt.datetime(2024, 2, 29, 12, 30, 1),)),
    "millis": Specimen("timestamp_ms", Kind("timestamp", scale=3), (dt.datetime(2024, 2, 29, 12, 30, 1, 5000),)),
    "nanos": Specimen("timestamp_ns", Kind("timestamp", scale=9), (dt.datetime(2024, 2, 29, 12, 30, 1, 123_456),)),
    "span": Specimen("interval", Kind("interval"), INTERVALS),
    "identity": Specimen("uuid", Kind("uuid"), UUIDS),
    "document": Specimen("json", Kind("json"), JSONS),
    "bytes": Specimen("blob", Kind("binary"), BYTES),
    "wholes": Specimen("integer[]", Kind("array", item=Kind("integer", bits=32)), ([], [1, None, -5])),
    "texts": Specimen("varchar[]", Kind("array", item=Kind("text")), (["", None, 'a"b,{}\\', "NULL", "😀"],)),
    "decimals": Specimen(
        "decimal(10,2)[]", Kind("array", item=Kind("decimal", precision=10, scale=2)), ([Decimal("1.50"), None],)
    ),
    "three": Specimen("integer[3]", Kind("array", item=Kind("integer", bits=32)), ([1, 2, 3],)),
    "moments": Specimen("timestamptz[]", Kind("array", item=Kind("timestamp", tz=True)), (list(INSTANTS),)),
    "record": Specimen("struct(a integer, b varchar)", Kind("other"), ("{'a': 1, 'b': x}",)),
    "map": Specimen("map(varchar, integer)", Kind("other"), ("{a=1}",)),
    "bits": Specimen("bit", Kind("other"), ("101",)),
    "nested": Specimen("integer[][]", Kind("other"), ("[[1, 2], [3]]",)),
    "uuids": Specimen("uuid[]", Kind("other"), (f"[{UUIDS[0]}]",)),
    "zoned": Specimen("timetz", Kind("other"), ("12:30:00+02",)),
}

SPECIMENS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "mariadb": MARIADB, "duckdb": DUCKDB}

PREPARE = {
    "sqlite": (),
    "mariadb": (),
    "duckdb": ("CREATE TYPE mood AS ENUM ('sad', 'it''s', '😀')",),
    "postgresql": (
        "CREATE TYPE mood AS ENUM ('sad', 'it''s', '😀')",
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
        "CREATE TYPE pair AS (a integer, b text)",
    ),
}


def stored(value: Any) -> Any:
    """Give the form in which a value comes back: a duration as months, days and nanoseconds."""
    if isinstance(value, dt.timedelta):
        return pa.MonthDayNano([0, value.days, value.seconds * 10**9 + value.microseconds * 1000])
    return value
