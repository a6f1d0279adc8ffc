"""What reaches the browser is exact, or says what it leaves out."""

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.controllers.values import TEXT_SHOWN, encode_table, encode_values, key_text

NOON = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
SPAN = pa.MonthDayNano([14, 3, -1_500_000_000])


def encoded(values, type_, kind):
    return encode_values(pa.chunked_array([pa.array(values, type_)]), kind)


@pytest.mark.parametrize(
    ("values", "type_", "kind", "shown"),
    [
        ([1, None, -5], pa.int64(), Kind("integer"), [1, None, -5]),
        ([2**53 - 1, 2**53], pa.int64(), Kind("integer"), [9007199254740991, "9007199254740992"]),
        ([-(2**63)], pa.int64(), Kind("integer"), ["-9223372036854775808"]),
        ([2**64 - 1], pa.uint64(), Kind("integer", unsigned=True), ["18446744073709551615"]),
        ([0.1, math.nan, math.inf, -math.inf], pa.float64(), Kind("float"), [0.1, "NaN", "Infinity", "-Infinity"]),
        ([0.1], pa.float32(), Kind("float", bits=32), [0.1]),
        ([Decimal("1.50"), None], pa.decimal128(10, 2), Kind("decimal", precision=10, scale=2), ["1.50", None]),
        ([Decimal("0.0000000001")], pa.decimal128(38, 10), Kind("decimal", precision=38, scale=10), ["0.0000000001"]),
        ([Decimal("1.5"), Decimal(100)], pa.decimal256(76, 38), Kind("decimal"), ["1.5", "100"]),
        ([True, False, None], pa.bool_(), Kind("boolean"), [True, False, None]),
        (["", "NULL", None], pa.string(), Kind("text"), ["", "NULL", None]),
        ([dt.date(1, 1, 1)], pa.date32(), Kind("date"), ["0001-01-01"]),
        ([dt.time(8, 5, 7, 10)], pa.time64("us"), Kind("time"), ["08:05:07.000010"]),
        ([dt.datetime(2026, 3, 10, 8, 5)], pa.timestamp("us"), Kind("timestamp"), ["2026-03-10 08:05:00"]),
        ([NOON], pa.timestamp("us", "UTC"), Kind("timestamp", tz=True), ["2026-03-10 12:00:00+00:00"]),
        ([b"\x00\xff"], pa.binary(), Kind("binary"), [{"size": 2, "hex": "00ff"}]),
        ([[1, None]], pa.list_(pa.int64()), Kind("array", item=Kind("integer")), ["[1, null]"]),
        (['{"a": 1.10}'], pa.string(), Kind("json"), ['{"a": 1.10}']),
        ([SPAN], pa.month_day_nano_interval(), Kind("interval"), ["14 mon 3 d -00:00:01.5"]),
        ([pa.MonthDayNano([0, 0, 0])], pa.month_day_nano_interval(), Kind("interval"), ["00:00:00"]),
    ],
)
def test_a_value_is_sent_exactly(values, type_, kind, shown):
    assert encoded(values, type_, kind) == shown


def test_a_uuid_is_its_text():
    value = uuid.UUID("12345678123456781234567812345678")
    array = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([value.bytes], pa.binary(16)))
    assert encode_values(pa.chunked_array([array]), Kind("uuid")) == [str(value)]


def test_an_enum_is_its_member():
    array = pa.array(["red", None]).dictionary_encode()
    assert encode_values(pa.chunked_array([array]), Kind("enum", choices=("red",))) == ["red", None]


def test_a_date_that_python_does_not_know_is_text():
    far = pa.array([10**17], pa.timestamp("us"))
    assert encode_values(pa.chunked_array([far]), Kind("timestamp"))[0].startswith("5138-11-16")
    farther = pa.array([9 * 10**17], pa.timestamp("us"))
    assert encode_values(pa.chunked_array([farther]), Kind("timestamp"))[0].startswith("30489-")


def test_a_long_text_says_how_long_it_is():
    (cut,) = encoded(["x" * 5000], pa.string(), Kind("text"))
    assert cut == {"text": "x" * TEXT_SHOWN, "length": 5000}
    assert encoded(["x" * TEXT_SHOWN], pa.string(), Kind("text")) == ["x" * TEXT_SHOWN]


def test_long_bytes_are_a_preview():
    (cut,) = encoded([bytes(10_000)], pa.binary(), Kind("binary"))
    assert cut["size"] == 10_000
    assert len(cut["hex"]) == 48


def test_a_block_is_columns_with_tags_and_valid_json():
    table = pa.table({"id": pa.array([], pa.int64()), "x": pa.array([], pa.string())})
    block = json.loads(encode_table(table, [Kind("integer"), Kind("text")]))
    assert block == {"rows": 0, "columns": [{"tag": "integer", "values": []}, {"tag": "text", "values": []}]}


def test_markup_travels_as_the_text_that_it_is():
    payload = "<img src=x onerror=alert(1)>\u2028</script>"
    assert encoded([payload], pa.string(), Kind("text")) == [payload]


def test_a_key_is_named_shortly():
    assert key_text(("a", 1)) == "(a, 1)"
    assert len(key_text("x" * 500)) == 40
