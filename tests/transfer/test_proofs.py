"""Proofs: which columns take whatever others hold, which never do, and of which only the values tell."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import product

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from multidb_explorer.backends import backend_for
from multidb_explorer.backends.arrow import to_array
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.moving import Keeps
from multidb_explorer.schema.catalog import Column
from multidb_explorer.transfer.proofs import NeedsCheck, Objection, Proof, proof

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")


def whole(bits: int, *, unsigned: bool = False) -> Kind:
    return Kind("integer", bits=bits, unsigned=unsigned)


def number(precision: int | None = None, scale: int | None = None) -> Kind:
    return Kind("decimal", precision=precision, scale=scale)


def text(length: int | None = None) -> Kind:
    return Kind("text", length=length)


def stamp(scale: int | None = None, *, tz: bool = False) -> Kind:
    return Kind("timestamp", scale=scale, tz=tz)


def judged(source: Kind, target: Kind, engine: str = "postgresql", keeps: Keeps | None = None, **columns: bool):
    made = [
        Column("c", sa.Text(), kind, nullable=columns.get(side, True))
        for side, kind in (("mine", source), ("theirs", target))
    ]
    return proof(made[0], made[1], backend_for(engine), keeps)


SINGLE, DOUBLE = Kind("float", bits=32), Kind("float")
DATE, TIME, SPAN, UUID, JSON, OTHER = (Kind(name) for name in ("date", "time", "interval", "uuid", "json", "other"))
BYTES, FLAG = Kind("binary"), Kind("boolean")
MOODS = Kind("enum", choices=("sad", "it's"))

PROVEN = [
    (whole(16), whole(32), ENGINES),
    (whole(32, unsigned=True), whole(64), ENGINES),
    (whole(64), number(19, 0), ("postgresql", "mariadb", "duckdb")),
    (whole(32), DOUBLE, ENGINES),
    (whole(64), text(), ENGINES),
    (FLAG, whole(16), ENGINES),
    (FLAG, FLAG, ENGINES),
    (number(9, 2), number(12, 4), ENGINES),
    (number(38, 10), number(38, 10), ("postgresql", "mariadb", "duckdb")),
    (number(), number(), ("postgresql",)),
    (number(9, 0), whole(32), ENGINES),
    (number(15, 2), DOUBLE, ENGINES),
    (number(38, 10), text(), ENGINES),
    (SINGLE, DOUBLE, ("postgresql", "duckdb")),
    (DOUBLE, DOUBLE, ("postgresql", "duckdb")),
    (text(40), text(40), ENGINES),
    (text(), text(), ENGINES),
    (MOODS, text(4), ENGINES),
    (MOODS, Kind("enum", choices=("it's", "sad", "happy")), ENGINES),
    (OTHER, text(), ENGINES),
    (JSON, JSON, ENGINES),
    (JSON, text(), ENGINES),
    (UUID, UUID, ENGINES),
    (UUID, text(32), ENGINES),
    (UUID, text(36), ENGINES),
    (BYTES, BYTES, ENGINES),
    (Kind("binary", length=5), Kind("binary", length=9), ENGINES),
    (DATE, DATE, ("sqlite", "duckdb", "postgresql")),
    (DATE, stamp(), ("sqlite", "duckdb", "postgresql")),
    (DATE, text(10), ENGINES),
    (TIME, TIME, ENGINES),
    (Kind("time", scale=0), Kind("time", scale=3), ENGINES),
    (stamp(), stamp(), ("sqlite", "duckdb", "postgresql")),
    (stamp(tz=True), stamp(tz=True), ("duckdb", "postgresql")),
    (stamp(3), stamp(3), ("sqlite", "duckdb", "postgresql")),
    (SPAN, SPAN, ("duckdb", "postgresql")),
    (Kind("array", item=whole(32)), Kind("array", item=whole(64)), ("duckdb", "postgresql")),
]


@pytest.mark.parametrize(("source", "target", "engines"), PROVEN, ids=lambda one: str(one).replace(" ", "-"))
def test_what_is_proven(source, target, engines) -> None:
    for engine in engines:
        found = judged(source, target, engine)
        assert isinstance(found, Proof), (engine, str(found))
        assert str(found)[0].islower() or str(found).startswith(("UUID", "JSON"))


OBJECTED = [
    (DOUBLE, SINGLE, "postgresql", "a double would be rounded to a single"),
    (number(16, 2), DOUBLE, "postgresql", "a floating-point number keeps 15 digits, and a decimal(16, 2) has more"),
    (number(), DOUBLE, "postgresql", "keeps 15 digits"),
    (stamp(tz=True), stamp(), "sqlite", "a moment in time would be kept as a date and time of UTC without saying so"),
    (stamp(), stamp(tz=True), "postgresql", "without a time zone is no moment in time"),
    (DATE, stamp(tz=True), "postgresql", "would be taken for midnight of UTC"),
    (stamp(tz=True), DATE, "postgresql", "depends on the time zone"),
    (SPAN, text(), "sqlite", "SQLite would keep intervals as text, from which they are not read again"),
    (Kind("array", item=whole(32)), text(), "mariadb", "MySQL would keep arrays as text"),
    (Kind("array", item=whole(32)), Kind("array", item=text()), "postgresql", ""),
    (BYTES, text(), "postgresql", "binary is not kept as text"),
    (text(), BYTES, "postgresql", "text is not kept as binary"),
    (text(), SPAN, "postgresql", "text is not kept as an interval"),
    (UUID, text(20), "postgresql", "a UUID has 32 digits, and the column keeps 20 characters"),
    (OTHER, OTHER, "postgresql", ""),
    (FLAG, text(), "postgresql", "a boolean is not kept as text"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "engine", "reason"), OBJECTED, ids=str)
def test_what_is_objected_to(source, target, engine, reason) -> None:
    found = judged(source, target, engine)
    if (source.name, target.name) in (("other", "other"), ("array", "array")):
        assert isinstance(found, Proof | Objection)
        return
    assert isinstance(found, Objection)
    assert reason in str(found)


NAN = float("nan")
CODE = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
DAY = dt.datetime(2024, 1, 1)

# Source, target, engine, a part of the reason, values that fit, values that don't.
CHECKED = [
    (whole(64), whole(32), "postgresql", "beyond -2,147,483,648 to 2,147,483,647", [1, -(2**31)], [2**31]),
    (whole(64, unsigned=True), whole(64), "duckdb", "beyond", [2**63 - 1], [2**63, 2**64 - 1]),
    (whole(32), whole(32, unsigned=True), "mariadb", "beyond 0 to 4,294,967,295", [0], [-1]),
    (whole(16), FLAG, "postgresql", "only 0 and 1", [0, 1], [2, -1]),
    (whole(64), DOUBLE, "postgresql", "beyond 2^53 would be rounded", [2**53], [2**53 + 1]),
    (whole(64), number(10, 2), "postgresql", "more digits", [10**8 - 1], [10**8]),
    (whole(64), number(19, 0), "sqlite", "more digits", [10**15, 2**63 - 1], [-(2**63)]),
    (number(38, 10), number(12, 2), "postgresql", "more digits", ["1.50"], ["1.505", "1E+11"]),
    (number(), number(38, 10), "duckdb", "more digits", ["1.50"], ["1E-11", "1E+30"]),
    (number(38, 10), number(38, 10), "sqlite", "of SQLite keeps", ["1.5"], ["12345678901234567.5"]),
    (number(38, 10), number(), "postgresql", "", None, None),
    (number(12, 2), whole(32), "mariadb", "may have a fraction", ["7.00"], ["7.50", "9999999999"]),
    (DOUBLE, DOUBLE, "sqlite", "SQLite keeps no NaN", [1.0, float("inf")], [NAN]),
    (DOUBLE, DOUBLE, "mariadb", "MySQL keeps no NaN, and MySQL keeps no infinity", [1e308], [NAN, float("inf")]),
    (DOUBLE, number(10, 2), "postgresql", "or be NaN", [0.25], [0.125, NAN, float("inf")]),
    (DOUBLE, whole(32), "postgresql", "may have a fraction", [3.0], [3.5, NAN, 1e12]),
    (text(80), text(40), "postgresql", "longer than 40 characters", ["é" * 40], ["é" * 41]),
    (text(), text(3), "mariadb", "longer than 3 characters", ["😀😀😀"], ["abcd"]),
    (text(), MOODS, "postgresql", "none of the target's members", ["sad"], ["Sad", ""]),
    (text(), JSON, "postgresql", "may be no JSON", ["{}", "1"], ["{", ""]),
    (text(), whole(32), "postgresql", "written otherwise", ["7", "-1"], ["007", " 7", "x", "7.0"]),
    (text(), number(10, 2), "postgresql", "written otherwise", ["7.25"], ["7.250", "1e2", "x"]),
    (text(), DATE, "postgresql", "written otherwise", ["2024-02-29"], ["2024-2-29", "2024-02-30"]),
    (text(), UUID, "postgresql", "written otherwise", [CODE], [CODE.upper()]),
    (text(), FLAG, "postgresql", "written otherwise", ["true", "false"], ["True", "yes", "1"]),
    (Kind("binary", length=9), Kind("binary", length=5), "postgresql", "longer than 5 bytes", [b"12345"], [b"123456"]),
    (DATE, DATE, "mariadb", "does not keep every date", [dt.date(1000, 1, 1)], [dt.date(999, 12, 31)]),
    (stamp(), stamp(6), "mariadb", "does not keep every date", [dt.datetime(1000, 1, 1)], [dt.datetime(1, 1, 1)]),
    (stamp(), stamp(0), "mariadb", "the column keeps 0 digits of a second", [DAY], [DAY.replace(microsecond=5)]),
    (stamp(), DATE, "duckdb", "a time of day would be lost", [dt.datetime(2024, 1, 1)], [dt.datetime(2024, 1, 1, 1)]),
    (TIME, Kind("time", scale=3), "postgresql", "keeps 3 digits", [dt.time(1, 1, 1, 5000)], [dt.time(1, 1, 1, 5)]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "engine", "reason", "good", "bad"), CHECKED, ids=str)
def test_what_the_values_tell(source, target, engine, reason, good, bad) -> None:
    found = judged(source, target, engine)
    if good is None:
        assert isinstance(found, Proof)
        return
    assert isinstance(found, NeedsCheck)
    assert reason in str(found)
    values = [Decimal(value) if source.name == "decimal" else value for value in [*good, *bad]]
    array = to_array([None, *values], source)
    assert list(found.misfits(array, "table 't'")) == list(range(1 + len(good), 1 + len(values)))
    assert found.misfits(array.slice(0, 1 + len(good))) == {}


def test_moments_of_mariadb_end_early() -> None:
    found = judged(stamp(tz=True), stamp(6, tz=True), "mariadb")
    assert isinstance(found, NeedsCheck)
    moments = [dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (1, 1969, 1971, 2037)]
    assert list(found.misfits(to_array(moments, stamp(tz=True)))) == [0, 1]


def test_null_where_none_may_stand() -> None:
    found = judged(text(), text(), mine=True, theirs=False)
    assert isinstance(found, NeedsCheck)
    assert found.misfits(pa.array(["", None])) == {1: "It is NULL."}
    assert isinstance(judged(text(), text(), mine=False, theirs=False), Proof)


KEPT = [
    (Keeps(octets=255), text(), text(), "longer than 255 bytes", ["é" * 127], ["é" * 128]),
    (Keeps(octets=255, codec="cp1252"), text(), text(), "does not have every letter", ["é" * 255], ["é" * 256, "中"]),
    (Keeps(octets=160, codec="bmp"), text(40), text(40), "encoding (bmp)", ["é中"], ["😀"]),
    (Keeps(octets=40, trims=True), text(10), text(10), "blanks at the end", [" a", ""], ["a "]),
    (Keeps(fills=True), text(3), text(3), "filled up with blanks", ["abc", "é😀x"], ["ab", ""]),
    (Keeps((-(2**23), 2**23 - 1)), whole(32), whole(32), "beyond -8,388,608", [2**23 - 1], [2**23]),
    (Keeps((1901, 2155)), whole(16), whole(16), "beyond 1,901 to 2,155", [1901], [0, 1900]),
    (Keeps(fills=True), BYTES, Kind("binary", length=5), "filled up with zeros", [b"12345"], [b"1", b"123456"]),
]  # fmt: skip


@pytest.mark.parametrize(("keeps", "source", "target", "reason", "good", "bad"), KEPT, ids=str)
def test_what_a_column_does_beyond_its_kind(keeps, source, target, reason, good, bad) -> None:
    found = judged(source, target, "mariadb", keeps)
    assert isinstance(found, NeedsCheck)
    assert reason in str(found)
    assert list(found.misfits(to_array([*good, None, *bad], source))) == [len(good) + 1 + n for n in range(len(bad))]


def test_types_that_only_their_own_product_knows() -> None:
    address = Column("a", pg.INET(), OTHER)
    assert isinstance(proof(address, Column("b", pg.INET(), OTHER), backend_for("postgresql")), Proof)
    assert isinstance(proof(address, Column("b", pg.CIDR(), OTHER), backend_for("postgresql")), Objection)


def test_a_verdict_on_every_pair_of_kinds() -> None:
    kinds = [whole(32), whole(64, unsigned=True), SINGLE, DOUBLE, number(), number(9, 2), FLAG, text(), text(9), MOODS]
    kinds += [DATE, TIME, stamp(), stamp(0, tz=True), SPAN, UUID, JSON, BYTES, OTHER, Kind("array", item=text())]
    for source, target, engine in product(kinds, kinds, ENGINES):
        assert str(judged(source, target, engine))
