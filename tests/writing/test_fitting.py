"""Whole columns are cast as each of their values would be stored: the quick way and the slow way give the same."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pyarrow as pa
import pytest

from multidb_explorer.backends import backend_for
from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.writing.into import Slot
from multidb_explorer.writing.validating import _Judge, _objects, _one_by_one, fit

WHOLE = [Kind("integer", bits=bits, unsigned=unsigned) for bits in (8, 16, 32, 64) for unsigned in (False, True)]
KINDS = [
    *WHOLE,
    Kind("float"),
    Kind("float", bits=32),
    Kind("decimal", precision=10, scale=2),
    Kind("decimal", precision=38, scale=10),
    Kind("decimal", precision=20, scale=0),
    Kind("decimal"),
    Kind("decimal", precision=65, scale=30),
    Kind("decimal", precision=100, scale=2),
    Kind("boolean"),
    Kind("text"),
    Kind("text", length=3),
    Kind("enum", choices=("a", "b")),
    Kind("enum"),
    Kind("date"),
    Kind("time"),
    Kind("time", scale=0),
    Kind("timestamp"),
    Kind("timestamp", tz=True),
    Kind("timestamp", scale=3),
    Kind("timestamp", scale=9),
    Kind("interval"),
    Kind("uuid"),
    Kind("json"),
    Kind("binary"),
    Kind("binary", length=2),
    Kind("array", item=Kind("integer", bits=32)),
    Kind("other"),
]

FLOATS = [0.0, 1.0, -0.0, 2.5, 1e300, -1e300, 5e-324, math.nan, math.inf, 2.0**53, 2.0**63, -(2.0**63), 2.0**64, 0.1]
DECIMALS = ["1.50", "12345678.90", "12345678901234567.12", "-0.01", "999999999999999", "1000000000000001"]
TEXTS = ["a", "b", "c", "abc", "abcd", "é😀x", "\x00", "1", "1.5", "true", "null", "{}", '"\\u0000"', '"\\\\u0000"', ""]
TIME_TEXTS = ["2026-11-22", "12:00:00", "2026-11-22 10:00:00", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]
DATES = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2020, 1, 1), dt.date(999, 1, 1)]
MOMENTS = [
    dt.datetime(2024, 2, 29, 12, 30, 1, 5),
    dt.datetime(1, 1, 1),
    dt.datetime(9999, 12, 31),
    dt.datetime(2020, 1, 1),
    dt.datetime(2020, 1, 1, 1, 1, 1, 5000),
]
INSTANTS = [
    dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1969, 1, 1, tzinfo=dt.UTC),
]
SPANS = [pa.MonthDayNano([1, 2, 3]), pa.MonthDayNano([1, 2, 3000])]

SIGNED, UNSIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64()), (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())


def whole(type_: pa.DataType) -> pa.Array:
    low, high = Kind("integer", bits=type_.bit_width, unsigned=type_ in UNSIGNED).integer_range
    return pa.array([low, high, 0, 1, 5, None], type_)


ARRAYS = [
    *map(whole, (*SIGNED, *UNSIGNED)),
    pa.array([2**53, 2**53 + 1, -(2**53) - 1]),
    pa.array([*FLOATS, 255.0, 256.0, 0.07, None], pa.float64()),
    pa.array([0.5, 1.0, 0.1, math.nan, 3e38, None], pa.float32()),
    pa.array([*map(Decimal, DECIMALS), None], pa.decimal128(38, 10)),
    pa.array([Decimal(10) ** 30, Decimal(5), None], pa.decimal256(60, 2)),
    # Between two values that doubles hold lies one with more digits than they have.
    pa.array([Decimal(10) ** 20, Decimal("1234567890.1234567891"), Decimal(0)], pa.decimal128(38, 10)),
    pa.array([True, False, None]),
    pa.array([*TEXTS, *TIME_TEXTS, None]),
    # JSON each for itself; or only together, as the items of one list or as parts of one text.
    pa.array(["{}", " [1] ", '"a"', None, "-1e5", "NaN"]),
    *(
        pa.array([*some, None])
        for some in (["1, 2", "[3", "4]"], ['"a', 'b"'], ["1", "\ufeff2"], ["1", ""], ["]", "["])
    ),
    pa.array(["a", "b", None], pa.large_string()),
    pa.array(["a", "zz", None], pa.string_view()),
    pa.array(["a", "b", None], pa.dictionary(pa.int32(), pa.string())),
    pa.array(["a", "c"], pa.dictionary(pa.int8(), pa.large_string())),
    pa.array([1, None, 1], pa.dictionary(pa.int8(), pa.int64())),
    pa.array([b"", b"ab", b"abc", bytes(16), None]),
    pa.array([b"ab", None], pa.binary(2)),
    pa.array([bytes(range(16)), None], pa.binary(16)),
    pa.array([*DATES, None]),
    pa.array(DATES[2:3], pa.date64()),
    pa.array([0, 10_000_000, None], pa.date32()),
    pa.array([dt.time(0), dt.time(23, 59, 59, 999_999), None]),
    pa.array([1, 1000, 86_399_999_999_999], pa.time64("ns")),
    pa.array([dt.time(1, 2)], pa.time32("s")),
    pa.array([*MOMENTS, None], pa.timestamp("us")),
    pa.array([0, 1, 1000, -1, 86_400_000_000_000, None], pa.timestamp("ns")),
    pa.array([0, 86_400, 10**15, -(10**12)], pa.timestamp("s")),
    pa.array([0, 86_400_000], pa.timestamp("ms")),
    pa.array([*INSTANTS, None], pa.timestamp("us", "UTC")),
    pa.array(INSTANTS[:1], pa.timestamp("us", "Europe/Paris")),
    pa.array([1, 1000], pa.timestamp("ns", "UTC")),
    pa.array([dt.timedelta(days=1, microseconds=1), None]),
    pa.array([*SPANS, None]),
    pa.array([[1, 2], [], None]),
    pa.array([{"a": 1}, None]),
    pa.nulls(2),
    pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(range(16)), None], pa.binary(16))),
]
WAYS = [*ARRAYS, *(part for array in ARRAYS for part in (array[:1], array[1:2], array[2:]))]
OBJECTS = [
    [1, 2.5, "x", None],
    [2**63, 1],
    [math.nan, None, 1],
    ["\ud800", "a"],
    [Decimal("NaN"), Decimal(1)],
    [b"a", bytearray(b"b")],
]


def same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and math.isnan(ours):
        return isinstance(theirs, float) and math.isnan(theirs)
    return ours == theirs and (ours is None) == (theirs is None)


def check(values: object, slot: Slot, product: str) -> None:
    backend = backend_for(product)
    slow = _one_by_one(_objects(values), _Judge(slot, backend, "table 't'"))
    quick = fit(values, slot, backend, "table 't'")
    quick.array.validate(full=True)
    assert quick.array.type == arrow_type(slot.kind)
    assert quick.reasons == slow.reasons
    pairs = zip(_objects(quick.array), _objects(slow.array), strict=True)
    assert all(same(ours, theirs) for ours, theirs in pairs), (values, quick.array, slow.array)


@pytest.mark.parametrize("product", ["sqlite", "duckdb", "postgresql", "mysql"])
@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_the_quick_way_gives_what_the_slow_way_gives(kind, product) -> None:
    for array in WAYS:
        check(array, Slot("c", kind), product)
        objects = _objects(array)
        if not any(type(value).__name__ == "_Unreadable" for value in objects):
            check(objects, Slot("c", kind), product)
    for objects in OBJECTS:
        check(objects, Slot("c", kind), product)


def test_many_plain_values_never_meet_python(monkeypatch) -> None:
    asked = []
    backend = backend_for("postgresql")
    real = type(backend).to_column
    monkeypatch.setattr(type(backend), "to_column", lambda *a, **k: asked.append(a[1]) or real(*a, **k))
    for kind, array in (
        (Kind("integer", bits=16), pa.array(range(10_000))),
        (Kind("decimal", precision=12, scale=2), pa.array([0.07] * 10_000)),
        (Kind("text", length=4), pa.array(["abcd"] * 10_000)),
        (Kind("timestamp"), pa.array(MOMENTS * 2_000, pa.timestamp("us"))),
    ):
        asked.clear()
        assert fit(array, Slot("c", kind), backend, "t").reasons == {}
        assert len(asked) <= 3
