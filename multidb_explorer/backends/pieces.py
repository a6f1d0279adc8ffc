"""Arrow batches cut small, and columns of bytes joined into rows without a Python object for any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["binary_array", "flat", "joined", "pieces", "plain"]

_ROWS = 16_384
_OCTETS = 8 << 20


def pieces(batch: pa.RecordBatch, rows: int = _ROWS, octets: int = _OCTETS) -> Iterator[pa.RecordBatch]:
    """Halve a batch until each part is small: the server works on one while the next is being encoded.

    Examples
    --------
    >>> batch = pa.record_batch({"n": [1, 2, 3, 4, 5]})
    >>> [piece.num_rows for piece in pieces(batch, rows=3)]
    [2, 3]
    """
    count = batch.num_rows
    if count > 1 and (count > rows or batch.nbytes > octets):
        yield from pieces(batch.slice(0, count // 2), rows, octets)
        yield from pieces(batch.slice(count // 2), rows, octets)
    elif count:
        yield batch


def plain(array: pa.Array) -> pa.Array:
    """Give the values themselves: those of an extension type, and not the numbers of an enum's members.

    Examples
    --------
    >>> plain(pa.array(["a", "a"]).dictionary_encode()).type
    DataType(string)
    """
    if isinstance(array, pa.ExtensionArray):
        return array.storage
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def joined(parts: Sequence[pa.Array | bytes]) -> memoryview:
    """Put the values of all parts behind each other, row by row; bytes stand in every row.

    Examples
    --------
    >>> bytes(joined([pa.array([b"a", b"b"]), b"=", pa.array([b"1", b"22"]), b";"]))
    b'a=1;b=22;'
    """
    given = [pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part for part in parts]
    found = pc.binary_join_element_wise(*given, pa.scalar(b"", pa.binary()))
    data, _ = flat(found)
    return data.data


def flat(array: pa.Array) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give the bytes of all values behind each other, and the length of each; NULL has none.

    Examples
    --------
    >>> data, lengths = flat(pa.array(["a", None, "bc"]))
    >>> data.tobytes(), lengths.tolist()
    (b'abc', [1, 0, 2])
    """
    _, places, octets = array.buffers()
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    offsets = np.frombuffer(places, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    if octets is None:
        return np.empty(0, np.uint8), np.zeros(len(array), np.int32)
    return np.frombuffer(octets, np.uint8)[offsets[0] : offsets[-1]], np.diff(offsets)


def binary_array(data: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> pa.Array:
    """Make an array of values that stand behind each other.

    Examples
    --------
    >>> binary_array(np.frombuffer(b"abc", np.uint8), np.array([1, 2])).to_pylist()
    [b'a', b'bc']
    """
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.binary(), len(lengths), buffers)
