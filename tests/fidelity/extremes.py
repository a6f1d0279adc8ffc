"""Every column type of every engine with values at its ends: how SQL writes them, and what they are."""

# ruff: noqa: E501 -- a case reads best in one line.

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyarrow import MonthDayNano

__all__ = ["CASES", "PREPARE", "Case", "create", "expected"]


@dataclass(frozen=True)
class Case:
    """One column: its declaration, which of its ends is looked at, and the values.

    Attributes
    ----------
    form
        What the values are, by the name of a kind.
    values
        Pairs of a literal of SQL and the value that it stands for.
    nullable
        Whether the last row holds NULL.
    beyond
        Whether no Python or Arrow value is equal to it, so that refusing it is right.
    """

    declared: str
    label: str
    form: str
    values: tuple[tuple[str, Any], ...]
    nullable: bool = True
    beyond: bool = False


def quoted(text: Any) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def escaped(text: Any) -> str:
    """Write a text where a backslash has a meaning (MariaDB)."""
    return quoted(str(text).replace("\\", "\\\\"))


def plainly(*values: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((str(value), value) for value in values)


def as_text(*values: Any, write: Any = quoted) -> tuple[tuple[str, Any], ...]:
    return tuple((write(value), value) for value in values)


def whole(declared: str, bits: int, *, unsigned: bool = False, write: Any = str) -> Case:
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return Case(declared, "its ends", "integer", tuple((write(value), value) for value in (low, high, 1)))


def beyond_doubles(declared: str) -> list[Case]:
    values = plainly(2**53 + 1, -(2**53) - 1, 2**63 - 1)
    return [
        Case(declared, "2⁵³+1 beside NULL", "integer", values),
        Case(f"{declared} NOT NULL", "2⁵³+1, no NULL", "integer", values, nullable=False),
    ]


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


MEGABYTE = "0123456789abcdeé" * 61_000
ODD_TEXTS = (
    'it\'s "so" 100% :a $1 ? \\ {x}',
    "two\nlines\tand\r\nthree",
    "é 😀 中 \u200d",
    " blanks around ",
    "NULL",
    "nan",
)
DIGITS38 = ("1234567890123456789012345678.0123456789", "-9999999999999999999999999999.9999999999", "0.0000000001")
JSON = '{"b": 123456789012345678901234567890.5, "a": [null, true, "é😀"],   "n": 1.10}'
# As jsonb writes it: keys in its own order, one blank.
JSONB = '{"a": [null, true, "é😀"], "b": 123456789012345678901234567890.5, "n": 1.10}'
ALL_BYTES = bytes(range(256))
UUIDS = (uuid.UUID(int=0), uuid.UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), uuid.UUID(int=2**128 - 1))
OFFSETS = ("2024-06-30 23:30:00.000001+05:30", "2024-01-01 00:00:00-08:00")


def texts(declared: str, write: Any = quoted) -> list[Case]:
    return [
        Case(declared, "'' beside NULL", "text", as_text("", "x", write=write)),
        Case(declared, "quotes, line breaks, emoji", "text", as_text(*ODD_TEXTS, write=write)),
        Case(declared, "a megabyte", "text", as_text(MEGABYTE, write=write)),
    ]


def decimals(declared: str = "decimal") -> list[Case]:
    def exact(*values: str) -> tuple[tuple[str, Decimal], ...]:
        return tuple((quoted(value), Decimal(value)) for value in values)

    return [
        Case(f"{declared}(38, 10)", "38 digits", "decimal", exact(*DIGITS38)),
        Case(f"{declared}(12, 2)", "zeros at the end", "decimal", exact("1.50", "-0.10", "9999999999.99", "0.00")),
        Case(f"{declared}(20, 0)", "whole, beyond 64 bits", "decimal", exact("99999999999999999999", "-1")),
        Case(
            f"{declared}(38, 38)",
            "all digits after the point",
            "decimal",
            exact("0." + "1" * 38, "-0." + "0" * 37 + "1"),
        ),
    ]


def dates(first: int) -> list[Case]:
    ends = (dt.date(first, 1, 1), dt.date(9999, 12, 31))
    return [
        Case("date", "usual", "date", as_text(dt.date(2024, 2, 29), dt.date(1970, 1, 1))),
        Case("date", f"years {first} and 9999", "date", as_text(*ends)),
    ]


def moments(declared: str, first: int) -> list[Case]:
    micros = as_text(moment("2024-02-29 12:30:00.000001"), moment("1969-12-31 23:59:59.999999"))
    ends = as_text(moment(f"{first:04}-01-01 00:00:00"), moment("9999-12-31 23:59:59.999999"))
    return [
        Case(declared, "microseconds", "timestamp", micros),
        Case(declared, f"years {first} and 9999", "timestamp", ends),
    ]


def clock(declared: str) -> Case:
    return Case(declared, "its ends", "time", as_text(dt.time(0), dt.time(23, 59, 59, 999_999), dt.time(12, 30)))


def flags(declared: str, write: Any = str) -> list[Case]:
    values = tuple((write(value), value) for value in (True, False))
    return [
        Case(declared, "beside NULL", "boolean", values),
        Case(f"{declared} NOT NULL", "no NULL", "boolean", values, nullable=False),
    ]


def hexed(value: bytes) -> str:
    return f"x'{value.hex()}'"


def blobs(declared: str, write: Any = hexed) -> list[Case]:
    return [
        Case(declared, "every byte", "binary", as_text(ALL_BYTES, b"\x00ab\x00 ", write=write)),
        Case(declared, "empty beside NULL", "binary", as_text(b"", b"\xff", write=write)),
    ]


def floats(declared: str, write: Any = repr) -> list[Case]:
    values = (0.1, -1.7976931348623157e308, 5e-324, 123456789.123456789)
    return [
        Case(declared, "its ends", "float", as_text(*values, write=write)),
        Case(declared, "minus zero", "float", as_text(-0.0, 1.0, write=write)),
    ]


def unusual_floats(declared: str, *, nan: bool = True) -> list[Case]:
    ends = as_text(float("inf"), float("-inf"))
    made = [Case(declared, "infinities", "float", ends)]
    both = as_text(float("nan"), 1.5)
    return [*made, Case(declared, "NaN beside NULL", "float", both)] if nan else made


INTERVALS = (
    ("1 year 2 months -3 days 04:00:00.000005", MonthDayNano([14, -3, 14_400_000_005_000])),
    ("-1 month 40 days -24:00:00", MonthDayNano([-1, 40, -86_400_000_000_000])),
)
LONG_SPANS = (
    ("400 days 00:00:00.000001", MonthDayNano([0, 400, 1000])),
    ("36:00:00", MonthDayNano([0, 0, 129_600 * 10**9])),
)


def spans(declared: str) -> list[Case]:
    return [
        Case(declared, "months, days and hours", "interval", tuple((quoted(text), value) for text, value in INTERVALS)),
        Case(declared, "days and hours", "interval", tuple((quoted(text), value) for text, value in LONG_SPANS)),
    ]


def instants(declared: str, first: str, last: str) -> list[Case]:
    ends = tuple((quoted(text), instant(text)) for text in (first, last))
    return [
        Case(declared, "offsets", "instant", tuple((quoted(text), instant(text)) for text in OFFSETS)),
        Case(declared, "its ends", "instant", ends),
    ]


def other(declared: str, *pairs: Any) -> Case:
    """Make a case of a type without an exact form: a text, with the objects that are as good."""
    return Case(declared, "as text", "other", tuple((quoted(pair[0]), pair) for pair in pairs))


POSTGRESQL = [
    whole("smallint", 16),
    whole("integer", 32),
    whole("bigint", 64),
    *beyond_doubles("bigint"),
    Case("oid", "its ends", "integer", plainly(0, 2**32 - 1)),
    Case("real", "its ends", "single", as_text(0.5, -3.4028234663852886e38, 16_777_215.0, 0.1, write=repr)),
    *floats("double precision", quoted),
    *unusual_floats("double precision"),
    *decimals("numeric"),
    Case("numeric", "no limit", "decimal", tuple((quoted(v), Decimal(v)) for v in ("1E+30", "1E-30", "-1.50"))),
    Case("numeric(70, 35)", "70 digits", "decimal", (("9" * 35 + "." + "9" * 35, Decimal("9" * 35 + "." + "9" * 35)),)),
    Case(
        "numeric(100, 90)", "beyond every Arrow decimal", "decimal text", (("1." + "9" * 90, Decimal("1." + "9" * 90)),)
    ),
    Case("numeric", "NaN", "decimal", (("'NaN'", None),), beyond=True),
    *flags("boolean"),
    *texts("text"),
    Case("varchar(10)", "blanks at the end", "text", as_text("ends  ", "é😀34567890")),
    Case("char(5)", "filled with blanks", "text", (("'ab'", "ab   "), ("'é😀x'", "é😀x  "))),
    Case("mood", "every member", "enum", as_text("sad", "it's", "😀")),
    *dates(1),
    Case("date", "infinity", "date", (("'infinity'", None),), beyond=True),
    clock("time"),
    *moments("timestamp", 1),
    Case("timestamp", "infinity", "timestamp", (("'-infinity'", None),), beyond=True),
    *instants("timestamptz", "0001-01-01 00:00:00+00:00", "9999-12-31 23:59:59.999999+00:00"),
    *spans("interval"),
    Case("uuid", "its ends", "uuid", as_text(*UUIDS)),
    Case("json", "long numbers, order, blanks", "json", as_text(JSON)),
    Case("json", "JSON null beside NULL", "json", as_text("null", '"text"', "[]", "1.10")),
    Case("jsonb", "long numbers", "json", as_text(JSONB)),
    *blobs("bytea", lambda value: f"'\\x{value.hex()}'::bytea"),
    Case("integer[]", "NULL inside, empty", "array", (("'{}'", []), ("'{1,NULL,-5}'", [1, None, -5]))),
    Case("bigint[]", "2⁵³+1", "array", (("'{9007199254740993,NULL}'", [2**53 + 1, None]),)),
    Case(
        "text[]",
        "quotes, NULL inside",
        "array",
        (("ARRAY['', NULL, 'a\"b,{}\\', 'NULL', '😀']", ["", None, 'a"b,{}\\', "NULL", "😀"]),),
    ),
    Case("numeric(10,2)[]", "NULL inside", "array", (("'{1.50,NULL}'", [Decimal("1.50"), None]),)),
    Case(
        "timestamptz[]", "its ends", "array", (("'{0001-01-01 00:00:00+00}'", [instant("0001-01-01 00:00:00+00:00")]),)
    ),
    Case("positive", "a domain", "integer", plainly(1, 2**31 - 1)),
    other("inet", ("10.0.0.1",), ("::1/64",)),
    other("cidr", ("10.0.0.0/8",)),
    other("macaddr", ("08:00:2b:01:02:03",)),
    other("int4range", ("[1,5)",), ("empty",)),
    other("bit(3)", ("101",)),
    other("money", ("$1,234.50",)),
    other("point", ("(1,2)",)),
    other("mood[]", ("{sad,it's}", ["sad", "it's"])),
    other("timetz", ("12:30:00+02", dt.time(12, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))))),
    other("pair", ('(1,"a b")', (1, "a b"), {"a": 1, "b": "a b"})),
    other("tsvector", ("'a':1 'b':2",)),
    other("xml", ("<a>é</a>",)),
]

MARIADB = [
    whole("tinyint", 8),
    whole("tinyint unsigned", 8, unsigned=True),
    whole("smallint", 16),
    whole("smallint unsigned", 16, unsigned=True),
    Case("mediumint", "its ends", "integer", plainly(-8_388_608, 8_388_607)),
    whole("int", 32),
    whole("int unsigned", 32, unsigned=True),
    whole("bigint", 64),
    whole("bigint unsigned", 64, unsigned=True),
    *beyond_doubles("bigint"),
    Case("float", "its ends", "single", as_text(0.5, 16_777_215.0, 0.1, write=repr)),
    *floats("double")[:1],
    *decimals(),
    Case("decimal(65, 30)", "65 digits", "decimal", tuple((v, Decimal(v)) for v in ("9" * 35 + "." + "9" * 30, "1E-30"))),
    *flags("boolean"),
    Case("bit(1)", "beside NULL", "boolean", (("1", True), ("0", False))),
    Case("bit(12)", "its ends", "integer", plainly(0, 4095)),
    Case("year", "its ends", "integer", plainly(1901, 2155)),
    *texts("longtext", escaped),
    Case("varchar(10)", "blanks at the end", "text", as_text("ends  ", "é😀34567890")),
    Case("char(5)", "without its blanks", "text", as_text("ab", "é😀x")),
    Case("enum('sad','it''s','é')", "every member", "enum", as_text("sad", "it's", "é")),
    Case("set('a','b','c')", "several, none", "text", as_text("a,c", "")),
    *dates(1000),
    clock("time(6)"),
    Case("time", "beyond a day", "time", (("'-838:59:59'", None),), beyond=True),
    *moments("datetime(6)", 1000),
    Case("timestamp(6)", "its ends", "instant", (
        ("'1970-01-01 00:00:01'", instant("1970-01-01 00:00:01+00:00")),
        ("'2038-01-19 03:14:07.999999'", instant("2038-01-19 03:14:07.999999+00:00")),
    )),
    Case("json", "long numbers, order, blanks", "json", as_text(JSON, write=escaped)),
    *blobs("longblob"),
    Case("varbinary(5)", "zeros at the end", "binary", as_text(b"", b"\x00ab\x00 ", write=hexed)),
    Case("uuid", "its ends", "uuid", as_text(*UUIDS)),
    other("inet6", ("::1",), ("2001:db8::ff00:42:8329",)),
]  # fmt: skip

SQLITE = [
    whole("BIGINT", 64),
    *beyond_doubles("BIGINT"),
    # SQLite and MariaDB themselves store a minus zero as zero.
    *floats("REAL")[:1],
    Case("REAL", "infinities", "float", (("9e999", float("inf")), ("-9e999", float("-inf")))),
    Case(
        "NUMERIC(15, 2)",
        "zeros at the end",
        "decimal in a double",
        tuple((v, Decimal(v)) for v in ("1.50", "9999999999999.99", "-0.10")),
    ),
    *flags("BOOLEAN", lambda value: str(int(value))),
    *texts("TEXT"),
    Case("VARCHAR(10)", "blanks at the end", "text", as_text("ends  ", "é😀34567890")),
    Case("TEXT", "digits", "text", as_text("007", "1e5", "1.50")),
    *dates(1),
    clock("TIME"),
    *moments("TIMESTAMP", 1),
    Case("JSON", "long numbers, order, blanks", "json", as_text(JSON)),
    *blobs("BLOB"),
    Case("GEOMETRY", "no such type", "other", (("'POINT(1 2)'", ("POINT(1 2)",)),)),
    Case(
        "",
        "2⁵³+1 beside a fraction",
        "other",
        (("9007199254740993", ("9007199254740993", 2**53 + 1)), ("0.5", ("0.5", 0.5))),
    ),
    Case(
        "",
        "no type declared",
        "other",
        (("'text'", ("text",)), ("12345678901234567", ("12345678901234567", 12345678901234567))),
    ),
]

DUCKDB = [
    whole("tinyint", 8),
    whole("utinyint", 8, unsigned=True),
    whole("smallint", 16),
    whole("usmallint", 16, unsigned=True),
    whole("integer", 32),
    whole("uinteger", 32, unsigned=True),
    whole("bigint", 64),
    whole("ubigint", 64, unsigned=True),
    *beyond_doubles("bigint"),
    Case("hugeint", "its ends", "decimal", tuple((f"'{v}'::hugeint", Decimal(v)) for v in (2**127 - 1, -(2**127)))),
    Case("uhugeint", "its ends", "decimal", tuple((f"'{v}'::uhugeint", Decimal(v)) for v in (2**128 - 1, 0))),
    Case("float", "its ends", "single", as_text(0.5, -3.4028234663852886e38, 16_777_215.0, 0.1)),
    *floats("double", quoted),
    *unusual_floats("double"),
    *decimals(),
    *flags("boolean"),
    *texts("varchar"),
    Case("mood", "every member", "enum", as_text("sad", "it's", "😀")),
    *dates(1),
    Case("date", "infinity", "date", (("'infinity'", None),), beyond=True),
    clock("time"),
    *moments("timestamp", 1),
    Case("timestamp_s", "seconds", "timestamp", as_text(moment("2024-02-29 12:30:01"))),
    Case("timestamp_ms", "milliseconds", "timestamp", as_text(moment("2024-02-29 12:30:01.005"))),
    Case("timestamp_ns", "microseconds", "timestamp", as_text(moment("2024-02-29 12:30:01.123456"))),
    *instants("timestamptz", "0001-01-01 00:00:00+00:00", "9999-12-31 23:59:59.999999+00:00"),
    *spans("interval"),
    Case("uuid", "its ends", "uuid", as_text(*UUIDS)),
    Case("json", "long numbers, order, blanks", "json", as_text(JSON)),
    *blobs("blob", lambda value: quoted("".join(f"\\x{byte:02x}" for byte in value)) + "::blob"),
    Case("integer[]", "NULL inside, empty", "array", (("[]", []), ("[1, NULL, -5]", [1, None, -5]))),
    Case("bigint[]", "2⁵³+1", "array", (("[9007199254740993, NULL]", [2**53 + 1, None]),)),
    Case("varchar[]", "quotes, NULL inside", "array", (("['', NULL, 'a\"b,{}\\', 'NULL', '😀']", ["", None, 'a"b,{}\\', "NULL", "😀"]),)),
    Case("decimal(10,2)[]", "NULL inside", "array", (("[1.50, NULL]", [Decimal("1.50"), None]),)),
    Case("integer[3]", "a fixed length", "array", (("[1, 2, 3]", [1, 2, 3]),)),
    Case("struct(a integer, b varchar)", "as text", "other", (("{'a': 1, 'b': 'x'}", ("{'a': 1, 'b': x}", {"a": 1, "b": "x"})),)),
    Case("map(varchar, integer)", "as text", "other", (("map {'a': 1}", ("{a=1}", {"a": 1}, [("a", 1)])),)),
    other("bit", ("101",)),
    Case("integer[][]", "as text", "other", (("[[1, 2], [3]]", ("[[1, 2], [3]]", [[1, 2], [3]])),)),
    other("timetz", ("12:30:00+02", dt.time(12, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))))),
    Case("union(n integer, t varchar)", "as text", "other", (("1", ("1", 1)), ("'x'", ("x",)))),
]  # fmt: skip

CASES: dict[str, list[Case]] = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "mariadb": MARIADB, "duckdb": DUCKDB}

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


def create(engine: str) -> list[str]:
    """Give the statements that make the table ``cells``: an ``id``, and a column ``c0``, ``c1``, … for each case."""
    cases = CASES[engine]
    rows = max(len(case.values) for case in cases) + 1
    # Without it a timestamp of MariaDB's takes the time of day for NULL.
    null = " NULL" if engine == "mariadb" else ""
    columns = [f"c{n} {case.declared}{null if case.nullable else ''}" for n, case in enumerate(cases)]
    made = [*PREPARE[engine], f"CREATE TABLE cells (id integer PRIMARY KEY, {', '.join(columns)})"]
    for row in range(rows):
        literals = [_literal(case, row, rows) for case in cases]
        made.append(f"INSERT INTO cells VALUES ({row}, {', '.join(literals)})")
    return made


def _literal(case: Case, row: int, rows: int) -> str:
    if case.nullable and row == rows - 1:
        return "NULL"
    return case.values[row % len(case.values)][0]


def expected(engine: str, case: Case) -> Sequence[Any]:
    """Give what stands in the column of a case, row by row."""
    rows = max(len(one.values) for one in CASES[engine]) + 1
    found = [case.values[row % len(case.values)][1] for row in range(rows)]
    return [*found[:-1], None] if case.nullable else found
