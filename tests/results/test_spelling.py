"""Values as texts: what is written for many at once is what Python writes for each."""

from __future__ import annotations

import uuid

import pyarrow as pa
import pytest

from multidb_explorer.results.spelling import spelt

KEYS = [None if place % 7 == 3 else uuid.UUID(int=place**9) for place in range(60)]


def column(keys: list[uuid.UUID | None]) -> pa.Array:
    octets = pa.array([None if key is None else key.bytes for key in keys], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), octets)


@pytest.mark.parametrize("keys", [KEYS, [key for key in KEYS if key], [], [None, None]])
@pytest.mark.parametrize("part", [slice(0, None), slice(3, 40), slice(9, 10), slice(5, 5)])
def test_uuids_are_written_as_python_writes_them(keys: list[uuid.UUID | None], part: slice) -> None:
    start, stop, _ = part.indices(len(keys))
    found = spelt(column(keys).slice(start, max(0, stop - start)))
    found.validate(full=True)
    assert found.to_pylist() == [None if key is None else str(key) for key in keys[part]]


@pytest.mark.parametrize(
    ("number", "type_", "text"),
    [
        (3_000_000, pa.date32(), "10183-09-21"),
        (2**31 - 1, pa.date32(), "5881580-07-11"),
        (-(2**31), pa.date32(), "-5877641-06-23"),
        (9_089_348_860_800_000_001, pa.timestamp("us"), "290000-01-01T00:00:00.000001"),
        (9_089_348_860_800_000_000, pa.timestamp("us", "UTC"), "290000-01-01T00:00:00.000000Z"),
        (9_089_348_860_800_000, pa.timestamp("ms", "UTC"), "290000-01-01T00:00:00.000Z"),
        (2**63 - 1, pa.timestamp("ns"), "2262-04-11T23:47:16.854775807"),
        (951_782_400, pa.timestamp("s"), "2000-02-29T00:00:00"),
    ],
)
def test_days_of_any_year_are_written(number: int, type_: pa.DataType, text: str) -> None:
    whole = pa.int32() if type_ == pa.date32() else pa.int64()
    assert spelt(pa.array([0, number, None], whole).cast(type_)).to_pylist()[1:] == [text, None]
