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
