"""From a product's own Arrow types to the declared ones: nothing is inferred and nothing rounded."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.readers import Unreadable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["declared"]


def declared(batch: pa.RecordBatch, columns: Sequence[ResultColumn]) -> pa.RecordBatch:
    """Bring a batch to the types that its columns are declared with.

    Raises
    ------
    Unreadable
        For a value that the declared type can't hold.

    Examples
    --------
    >>> import pyarrow as pa
    >>> batch = pa.record_batch({"n": pa.array([1, 2], pa.int16())})
    >>> declared(batch, [ResultColumn("n", Kind("integer"))]).schema
    n: int64
    """
    import pyarrow as pa

    arrays = []
    for array, column in zip(batch.columns, columns, strict=True):
        try:
            arrays.append(_cast(array, column.kind))
        except (pa.ArrowException, ValueError, KeyError) as error:
            raise Unreadable(column, error) from None
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def _cast(array: pa.Array, kind: Kind) -> pa.Array:
    import pyarrow as pa

    wanted = arrow_type(kind)
    if kind.name == "enum" and kind.choices:
        return _members(array, kind.choices)
    if array.type == wanted:
        return array
    if kind.name == "uuid":
        return _uuids(array)
    if kind.name == "decimal" and pa.types.is_floating(array.type):
        return to_array([None if value is None else Decimal(repr(value)) for value in array.to_pylist()], kind)
    return to_array(array.to_pylist(), kind) if kind.name == "interval" else array.cast(wanted)


def _members(array: pa.Array, choices: Sequence[str]) -> pa.Array:
    """Give an enum's members the numbers of their declared order, so that every batch has the same categories."""
    import pyarrow as pa
    import pyarrow.compute as pc

    declared_members = pa.array(choices, pa.string())
    if pa.types.is_dictionary(array.type):
        places = pc.index_in(array.dictionary.cast(pa.string()), declared_members).take(array.indices)
    else:
        places = pc.index_in(array.cast(pa.string()), declared_members)
    if places.null_count > array.null_count:
        stranger = array.filter(pc.and_(places.is_null(), array.is_valid()))[0]
        raise ValueError(f"{stranger.as_py()!r} is none of its members")
    return pa.DictionaryArray.from_arrays(places, declared_members)


def _uuids(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = _spelled_out(array)
    fixed = _side_by_side(array) if pa.types.is_binary(array.type) else None
    return pa.ExtensionArray.from_storage(pa.uuid(), array.cast(pa.binary(16)) if fixed is None else fixed)


def _side_by_side(array: pa.Array) -> pa.Array | None:
    """Take the bytes of UUIDs as they lie, where none is missing or has another length."""
    import numpy as np
    import pyarrow as pa

    if array.null_count or not len(array):
        return None
    _, ends, data = array.buffers()
    places = np.frombuffer(ends, np.int32)[array.offset : array.offset + len(array) + 1]
    if not (np.diff(places) == 16).all():
        return None
    return pa.Array.from_buffers(pa.binary(16), len(array), [None, data.slice(int(places[0]))])


def _spelled_out(texts: pa.Array) -> pa.Array:
    """Read UUIDs all at once where they are spelled as databases do, and one by one where not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = texts.drop_null()
    try:
        found = pa.Array.from_buffers(pa.binary(16), len(given), [None, pa.py_buffer(_bytes_of(given))])
    except ValueError:
        values = [None if value is None else UUID(value).bytes for value in texts.to_pylist()]
        return pa.array(values, pa.binary(16))
    if texts.null_count == 0:
        return found
    places = pc.cumulative_sum(texts.is_valid().cast(pa.int64()))
    return found.take(pc.if_else(texts.is_valid(), pc.subtract(places, 1), None))


def _bytes_of(texts: pa.Array) -> bytes:
    """Give the bytes of UUIDs in a row.

    Raises
    ------
    ValueError
        Unless each is written as 36 characters with a hyphen at the four usual places.
    """
    import numpy as np
    import pyarrow as pa

    fixed = texts.cast(pa.binary()).cast(pa.binary(36))
    written = memoryview(fixed.buffers()[1])[fixed.offset * 36 : (fixed.offset + len(fixed)) * 36].tobytes()
    hyphens = np.frombuffer(written, np.uint8).reshape(-1, 36)[:, [8, 13, 18, 23]]
    found = unhexlify(written.translate(None, b"-"))
    if len(found) != 16 * len(texts) or not (hyphens == ord("-")).all():
        raise ValueError("spelled otherwise")
    return found
