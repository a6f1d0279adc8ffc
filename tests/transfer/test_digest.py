"""Digests: equal for equal values, whatever type and batch they come in; different for everything else."""

from __future__ import annotations

import datetime as dt
import random
import struct
import uuid
from decimal import Decimal
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from multidb_explorer.backends.arrow import to_array
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.transfer.digest import Digest, canonical, row_digests
from multidb_explorer.transfer.siphash import Lanes

WHOLE, FLOAT, TEXT, NUMBER = Kind("integer"), Kind("float"), Kind("text"), Kind("decimal")
IDS = [uuid.UUID(int=0), uuid.UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), None]
MOMENTS = [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), None]


def decimals(*values: str | None, type_: pa.DataType) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], type_)


def months(*values: tuple[int, int, int] | None) -> pa.Array:
    return pa.array([value and pa.MonthDayNano(value) for value in values], pa.month_day_nano_interval())


NUMBERS = ("1.5", "-0.001", "0", "100", None)

EQUAL = {
    "widths of integers": (WHOLE, [pa.array([1, -1, None], type_) for type_ in (pa.int8(), pa.int32(), pa.int64())]),
    "unsigned ones": (WHOLE, [pa.array([1, 200], type_) for type_ in (pa.uint8(), pa.uint32(), pa.uint64())]),
    "integers and decimals": (WHOLE, [pa.array([7, None]), decimals("7", None, type_=pa.decimal128(20, 2))]),
    "flags and numbers": (Kind("boolean"), [pa.array([True, False, None]), pa.array([1, 0, None], pa.int8())]),
    "scales of decimals": (
        NUMBER,
        [decimals(*NUMBERS, type_=pa.decimal128(12, scale)) for scale in (3, 4, 8)]
        + [decimals(*NUMBERS, type_=pa.decimal128(38, 20)), decimals(*NUMBERS, type_=pa.decimal256(76, 38))]
        + [pa.array(["1.50", "-1E-3", "0.00", "1E+2", None])],
    ),
    "many digits": (
        NUMBER,
        [decimals("9" * 30 + ".25", "1E-20", type_=type_) for type_ in (pa.decimal256(70, 30), pa.decimal256(76, 38))]
        + [pa.array(["9" * 30 + ".2500", "0.00000000000000000001"])],
    ),
    "decimals of integers": (
        NUMBER,
        [pa.array([100, -7, 0, None]), decimals("100", "-7", "0", None, type_=pa.decimal128(9, 4))],
    ),
    "singles and doubles": (FLOAT, [pa.array([0.5, -3.25, None], type_) for type_ in (pa.float32(), pa.float64())]),
    "zeros": (FLOAT, [pa.array([0.0]), pa.array([-0.0])]),
    "NaNs": (FLOAT, [pa.array([float("nan")]), pa.array(np.frombuffer(b"\1\0\0\0\0\0\xf8\xff", np.float64))]),
    "texts": (
        TEXT,
        [
            *(pa.array(["é😀", "", None], type_) for type_ in (pa.string(), pa.large_string(), pa.string_view())),
            pa.array(["é😀", "", None]).dictionary_encode(),
        ],
    ),
    "bytes": (
        Kind("binary"),
        [pa.array([b"ab", b"\0\xff", None], type_) for type_ in (pa.binary(), pa.large_binary(), pa.binary(2))],
    ),
    "dates": (Kind("date"), [pa.array([dt.date(1, 1, 1), None], type_) for type_ in (pa.date32(), pa.date64())]),
    "times": (Kind("time"), [pa.array([dt.time(1, 2, 3), None], type_) for type_ in (pa.time32("s"), pa.time64("us"))]),
    "times in nanoseconds": (
        Kind("time"),
        [pa.array([dt.time(1, 2, 3)], type_) for type_ in (pa.time64("ns"), pa.time64("us"))],
    ),
    "timestamps": (Kind("timestamp"), [pa.array(MOMENTS), pa.array(MOMENTS, pa.timestamp("us"))]),
    "units": (
        Kind("timestamp"),
        [pa.array([dt.datetime(2024, 2, 29), None], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")],
    ),
    "zones": (
        Kind("timestamp", tz=True),
        [pa.array([0, None], pa.timestamp("us", zone)) for zone in ("UTC", "+05:30", "Europe/Paris")],
    ),
    "intervals": (
        Kind("interval"),
        [months((0, 2, 10**9), None), pa.array([dt.timedelta(days=2, seconds=1), None], pa.duration("us"))],
    ),
    "UUIDs": (
        Kind("uuid"),
        [
            to_array(IDS, Kind("uuid")),
            pa.array([each and str(each) for each in IDS]),
            pa.array([each and each.bytes for each in IDS], pa.binary()),
            pa.array([each and each.hex.upper() for each in IDS]),
        ],
    ),
    "JSON": (
        Kind("json"),
        [pa.array(['{"a": 1.0, "b": [null, 1e2]}', None]), pa.array(['{"b":[null,100],"a":1}', None])],
    ),
    "arrays": (
        Kind("array", item=Kind("integer", bits=32)),
        [pa.array([[1, None], [], None], pa.list_(type_)) for type_ in (pa.int32(), pa.int64())]
        + [pa.array([[1, None], [], None], pa.large_list(pa.int64()))],
    ),
}


@pytest.mark.parametrize(("kind", "arrays"), EQUAL.values(), ids=EQUAL)
def test_equal_values_have_equal_digests_and_forms(kind, arrays) -> None:
    expected = digests(arrays[0], kind)
    assert len(set(expected)) == len(expected)
    for array in arrays:
        assert digests(array, kind) == expected
        assert canonical(array, kind).equals(canonical(arrays[0], kind))
        # However the rows are cut, and wherever they stand in their buffers.
        shifted = pa.concat_arrays([array[-1:], array]).slice(1)
        assert digests(shifted, kind) == expected


def digests(array: pa.Array, kind: Kind) -> list[bytes]:
    return row_digests(pa.RecordBatch.from_arrays([array], names=["c"]), [kind]).to_pylist()


DIFFERENT = {
    "integers": (WHOLE, pa.array([None, 0, 1, -1, 255, 256, -(2**63), 2**63 - 1])),
    "the largest": (WHOLE, pa.array([2**63, 2**64 - 1, 2**63 - 1, None], pa.uint64())),
    "decimals": (
        NUMBER,
        pa.array([None, "0", "1", "10", "1E-1", "-1", "1E+30", "1E-30", "9" * 38, "9" * 37 + "8", "1" * 40]),
    ),
    "floats": (FLOAT, pa.array([None, 0.0, 5e-324, 1.0, float("inf"), float("-inf"), float("nan"), 0.1])),
    "texts": (
        TEXT,
        pa.array([None, "", "\0", "\0\0", " ", "a", "a ", "A", "é", "e\u0301", "x" * 256, "x" * 257, "x" * 258]),
    ),
    "long texts": (TEXT, pa.array([letter + "m" * 1_000_000 + end for letter in "ab" for end in ("", "\0", "z")])),
    "timestamps": (Kind("timestamp"), pa.array([None, 0, 1, 1000, -1, 10**18], pa.timestamp("ns"))),
    "intervals": (
        Kind("interval"),
        months(None, (0, 0, 0), (1, 0, 0), (0, 30, 0), (0, 0, 1), (0, 1, 0), (0, 0, 86_400 * 10**9), (0, -1, 0)),
    ),
    "JSON": (
        Kind("json"),
        pa.array([None, "null", "{}", "[]", '""', "0", '"0"', "false", "[[]]", '[["1",0]]', "[1]", '{"a":1}', "{"]),
    ),
    "arrays": (Kind("array", item=TEXT), pa.array([None, [], [None], [""], ["a", "b"], ["ab"], ["b", "a"]])),
}


@pytest.mark.parametrize(("kind", "array"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_values_have_different_digests_and_forms(kind, array) -> None:
    assert len(set(digests(array, kind))) == len(array)
    assert len(set(canonical(array, kind).to_pylist())) == len(array)


def test_values_that_change_places_are_noticed() -> None:
    kinds = [TEXT, TEXT, WHOLE, WHOLE]
    rows = [
        ("ab", "c", 1, 2),
        ("a", "bc", 1, 2),
        ("c", "ab", 1, 2),
        ("ab", "c", 2, 1),
        ("abc", "", 1, 2),
        ("abc", None, 1, 2),
    ]
    rows += [("ab", "c", None, 2), ("ab", "c", 2, None), ("ab", "c", 0, 3), ("ab", "c", 3, 0)]
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in zip(*rows, strict=True)], names=list("abcd"))
    assert len(set(row_digests(batch, kinds).to_pylist())) == len(rows)


def test_many_near_rows_never_meet() -> None:
    numbers = np.arange(60_000)
    batch = pa.record_batch({"a": numbers // 200, "b": numbers % 200, "c": [str(number % 7) for number in numbers]})
    kinds = (WHOLE, WHOLE, TEXT)
    found = row_digests(batch, kinds).to_pylist()
    assert len(set(found)) == len(found)
    # Of either half alone hardly two would meet.
    assert len({one[:8] for one in found}) == len(found) == len({one[8:] for one in found})


def test_digests_of_parts_are_those_of_the_whole_and_their_sum_knows_no_order() -> None:
    batch = pa.record_batch(
        {"n": pa.array([*range(20_000), None]), "t": pa.array(["x" * (n % 50) for n in range(20_001)])}
    )
    kinds = (WHOLE, TEXT)
    whole, parts = Digest(kinds), Digest(kinds)
    found = whole.add(batch)
    cut = [batch.slice(start, 3_001) for start in range(0, 20_001, 3_001)]
    random.Random(3).shuffle(cut)
    for part in cut:
        parts.add(part)
    assert parts == whole
    assert whole.count == 20_001
    assert whole.hex == f"{sum(int.from_bytes(one, 'little') for one in found.to_pylist()) % 2**128:032x}"
    twice = Digest(kinds)
    twice.add_digests(found.slice(5, 1))
    twice.add_digests(found.slice(5, 1))
    assert twice.total == 2 * int.from_bytes(found[5].as_py(), "little") % 2**128


def test_no_rows_and_no_columns() -> None:
    empty = pa.record_batch({"t": pa.array([], pa.string()), "n": pa.array([], pa.null())})
    assert row_digests(empty, [TEXT, NUMBER]).to_pylist() == []
    assert Digest((TEXT,)).hex == "0" * 32
    nothing = pa.record_batch({"t": pa.nulls(2), "n": pa.nulls(2), "i": pa.nulls(2), "u": pa.nulls(2)})
    kinds = [TEXT, NUMBER, Kind("interval"), Kind("array", item=TEXT)]
    other = pa.RecordBatch.from_arrays([to_array([None, None], kind) for kind in kinds], names=list("tniu"))
    assert row_digests(nothing, kinds).equals(row_digests(other, kinds))


def test_more_columns_than_fit_into_one_word_of_marks() -> None:
    names = [f"c{place}" for place in range(70)]
    full = {name: pa.array([1]) for name in names}
    batches = [pa.record_batch(full)] + [pa.record_batch(full | {name: pa.array([None], pa.int64())}) for name in names]
    kinds = [WHOLE] * 70
    assert len({row_digests(batch, kinds)[0].as_py() for batch in batches}) == 71


# The hash itself


def siphash(words: list[int]) -> bytes:
    """SipHash-1-3 of 128 bits as its authors wrote it, without the length at the end."""
    mask, key = 2**64 - 1, (0x6D756C7469646221, 0x726F77206D6F7665)
    v0, v1 = 0x736F6D6570736575 ^ key[0], 0x646F72616E646F6D ^ key[1] ^ 0xEE
    v2, v3 = 0x6C7967656E657261 ^ key[0], 0x7465646279746573 ^ key[1]

    def rotated(value: int, bits: int) -> int:
        return (value << bits | value >> (64 - bits)) & mask

    def sipround() -> None:
        nonlocal v0, v1, v2, v3
        v0 = (v0 + v1) & mask
        v1 = rotated(v1, 13) ^ v0
        v0 = rotated(v0, 32)
        v2 = (v2 + v3) & mask
        v3 = rotated(v3, 16) ^ v2
        v0 = (v0 + v3) & mask
        v3 = rotated(v3, 21) ^ v0
        v2 = (v2 + v1) & mask
        v1 = rotated(v1, 17) ^ v2
        v2 = rotated(v2, 32)

    for word in words:
        v3 ^= word
        sipround()
        v0 ^= word
    made = b""
    for mark in (0xEE, 0xDD):
        v2, v1 = (v2, v1 ^ mark) if made else (v2 ^ mark, v1)
        for _ in range(3):
            sipround()
        made += struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)
    return made


def test_the_lanes_are_siphash() -> None:
    dice = random.Random(7)
    words = np.array([[dice.randrange(2**64) for _ in range(5)] for _ in range(4)], np.uint64)
    lanes = Lanes(5)
    for each in words:
        lanes.absorb(each)
    expected = [siphash([int(word) for word in words[:, lane]]) for lane in range(5)]
    assert [row.tobytes() for row in lanes.digests()] == expected


def test_some_lanes_alone() -> None:
    words = np.arange(3, dtype=np.uint64)
    lanes, other = Lanes(3), Lanes(3)
    lanes.absorb(words[1:], np.array([0, 2]))
    found = lanes.digests()
    other.absorb(np.array([1, 9, 2], np.uint64))
    expected = other.digests()
    assert [(found[place] == expected[place]).all() for place in range(3)] == [True, False, True]


def test_every_pair_of_bits_matters() -> None:
    flipped = [0, *(1 << bit for bit in range(64)), *(1 << one | 1 << two for one, two in combinations(range(64), 2))]
    batch = pa.record_batch({"a": pa.array(flipped, pa.uint64()), "b": pa.array(flipped[::-1], pa.uint64())})
    assert len(set(row_digests(batch, [WHOLE, WHOLE]).to_pylist())) == len(flipped)
