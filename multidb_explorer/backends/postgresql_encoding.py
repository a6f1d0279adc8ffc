"""Arrow arrays in PostgreSQL's binary form, whole columns at a time.

A row of COPY is the number of its fields and then, for each, its length and its bytes. The lengths and the bytes of a
column become two arrays, and Arrow joins those of all columns row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.pieces import binary_array, flat, joined, plain

__all__ = ["SIGNATURE", "TRAILER", "Encoder", "encoder", "rows"]

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Numbers = np.ndarray[Any, Any]

_DAYS_TO_2000 = 10_957
_MICROSECONDS_TO_2000 = _DAYS_TO_2000 * 86_400_000_000
_NEGATIVE = 0x4000


@dataclass(frozen=True)
class Encoder:
    """How the values of one column are written.

    Attributes
    ----------
    encode
        Takes an array without NULLs; gives one row of bytes a value where all have one length, else an array.
    """

    encode: Callable[[pa.Array], Numbers | pa.Array]

    def parts(self, array: pa.Array) -> list[pa.Array]:
        """Give the lengths and the bytes of every value."""
        array = plain(array)
        if array.null_count == len(array):
            return [_fixed(_octets(np.full(len(array), -1), ">i4"))]
        encoded = self.encode(array.drop_null() if array.null_count else array)
        if isinstance(encoded, np.ndarray) and not array.null_count:
            # One array in place of two.
            count, width = encoded.shape
            whole = np.empty((count, width + 4), np.uint8)
            whole[:, :4] = _octets(np.full(count, width), ">i4")
            whole[:, 4:] = encoded
            return [_fixed(whole)]
        if isinstance(encoded, np.ndarray):
            data, known = encoded.ravel(), np.full(len(encoded), encoded.shape[1], np.int32)
        else:
            data, known = flat(encoded)
        lengths = np.full(len(array), -1, np.int32)
        lengths[array.is_valid().to_numpy(zero_copy_only=False)] = known
        return [_fixed(_octets(lengths, ">i4")), binary_array(data, np.maximum(lengths, 0))]


def rows(arrays: Sequence[pa.Array], encoders: Sequence[Encoder]) -> memoryview:
    """Encode whole rows."""
    parts: list[pa.Array | bytes] = [len(arrays).to_bytes(2, "big")]
    for array, each in zip(arrays, encoders, strict=True):
        parts += each.parts(array)
    return joined(parts)


def encoder(type_: str, *, item: str = "", item_oid: int = 0, scaled: bool = True) -> Encoder | None:
    """Give the encoder for a type of the server, or ``None`` for a type without one.

    Parameters
    ----------
    type_
        The server's own name of the type.
    item, item_oid
        The type of the elements of an array.
    scaled
        Whether the type of a number says how many digits stand behind the point.

    Examples
    --------
    >>> encoder("int2").encode(pa.array([1, -2])).tolist()
    [[0, 1], [255, 254]]
    """
    if item:
        inner = encoder(item, scaled=scaled)
        return None if inner is None else Encoder(lambda array: _list(array, inner, item_oid))
    if type_ == "numeric":
        return Encoder(lambda array: _numeric(array, scaled=scaled))
    return Encoder(_ENCODE[type_]) if type_ in _ENCODE else None


def _octets(numbers: Numbers, type_: str) -> Numbers:
    """Give the bytes of each number, in a row each."""
    found = np.ascontiguousarray(numbers.astype(type_, copy=False))
    return found.view(np.uint8).reshape(len(found), found.dtype.itemsize)


def _fixed(octets: Numbers) -> pa.Array:
    count, width = octets.shape
    buffers = [None, pa.py_buffer(np.ascontiguousarray(octets))]
    return pa.Array.from_buffers(pa.binary(width), count, buffers).cast(pa.binary())


def _view(array: pa.Array, type_: Any) -> Numbers:
    """Look at the memory of an array of fixed width."""
    dtype = np.dtype(type_)
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _number(type_: pa.DataType, written: str) -> Callable[[pa.Array], Numbers]:
    return lambda array: _octets(array.cast(type_).to_numpy(zero_copy_only=False), written)


def _boolean(array: pa.Array) -> Numbers:
    return _octets(array.to_numpy(zero_copy_only=False), "u1")


def _text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(pa.binary())


def _jsonb(array: pa.Array) -> pa.Array:
    # The number of the format's version stands before the text.
    version, nothing = pa.scalar(b"\x01", pa.binary()), pa.scalar(b"", pa.binary())
    return pc.binary_join_element_wise(version, _text(array), nothing)


def _date(array: pa.Array) -> Numbers:
    return _octets(_view(array, "<i4") - _DAYS_TO_2000, ">i4")


def _time(array: pa.Array) -> Numbers:
    return _octets(_view(array.cast(pa.time64("us")), "<i8"), ">i8")


def _timestamp(array: pa.Array) -> Numbers:
    return _octets(_view(array.cast(pa.timestamp("us", array.type.tz)), "<i8") - _MICROSECONDS_TO_2000, ">i8")


def _interval(array: pa.Array) -> Numbers:
    given = _view(array, [("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    found = np.empty(len(given), [("micros", ">i8"), ("days", ">i4"), ("months", ">i4")])
    found["micros"], found["days"], found["months"] = given["nanos"] // 1000, given["days"], given["months"]
    return found.view(np.uint8).reshape(len(found), 16)


def _uuid(array: pa.Array) -> Numbers:
    return _view(array, (np.uint8, 16)).reshape(len(array), 16)


def _numeric(array: pa.Array, *, scaled: bool) -> Numbers:
    """Write decimals: groups of four digits, of which the server drops those that are zeros at an end."""
    scale = array.type.scale
    behind = -scale % 4
    width = -(-(array.type.precision + behind) // 4) * 4
    digits = np.zeros((len(array), width), np.uint8)
    digits[:, : width - behind], negative = _digits(array, width - behind)
    groups = digits.reshape(len(array), width // 4, 4) @ np.array([1000, 100, 10, 1], np.uint16)
    head = np.empty((len(array), 4), np.int64)
    head[:, 0] = width // 4
    head[:, 1] = (width - behind - scale) // 4 - 1
    head[:, 2] = np.where(negative, _NEGATIVE, 0)
    head[:, 3] = scale if scaled else _places(digits[:, width - behind - scale : width - behind])
    words = np.concatenate([head, groups], axis=1)
    return np.ascontiguousarray(words.astype(">i2")).view(np.uint8).reshape(len(array), 2 * words.shape[1])


def _digits(array: pa.Array, width: int) -> tuple[Numbers, Numbers]:
    """Give the digits of decimals without their point, filled with zeros to one width, and which are negative."""
    size = array.type.byte_width
    negative = _view(array, (np.uint8, size)).reshape(len(array), size)[:, -1] >= 128
    type_ = pa.decimal128(38, 0) if size == 16 else pa.decimal256(76, 0)
    whole = pa.Array.from_buffers(type_, len(array), [None, array.buffers()[1]], offset=array.offset)
    texts = pc.ascii_lpad(pc.ascii_ltrim(whole.cast(pa.string()), "-"), width, "0")
    return flat(texts)[0].reshape(len(array), width) - ord("0"), negative


def _places(digits: Numbers) -> Numbers | int:
    """Count the digits behind the point, without zeros at the end."""
    if not digits.shape[1]:
        return 0
    is_digit = digits[:, ::-1] != 0
    return np.where(is_digit.any(axis=1), digits.shape[1] - is_digit.argmax(axis=1), 0)


def _list(array: pa.Array, inner: Encoder, item_oid: int) -> pa.Array:
    """Write arrays of one dimension: a head and the elements, as those of a row; an empty one has no dimension."""
    values = array.flatten()
    elements = binary_array(*_elements(values, inner))
    counts = array.value_lengths().to_numpy(zero_copy_only=False)
    ends = np.concatenate([[0], np.cumsum(counts)])
    data, lengths = flat(elements)
    sizes = np.diff(np.concatenate([[0], np.cumsum(lengths)])[ends])
    heads = np.zeros((len(array), 5), np.int64)
    heads[:, 0], heads[:, 2], heads[:, 3], heads[:, 4] = counts > 0, item_oid, counts, 1
    # The flag that says whether a NULL is among them.
    heads[:, 1] = _any_null(values, ends)
    octets = _octets(heads.astype(np.int32).ravel(), ">i4").reshape(len(array), 20)
    kept = np.ones((len(array), 20), bool)
    kept[counts == 0, 12:] = False
    head = binary_array(octets[kept], kept.sum(axis=1))
    return pc.binary_join_element_wise(head, binary_array(data, sizes), pa.scalar(b"", pa.binary()))


def _elements(values: pa.Array, inner: Encoder) -> tuple[Numbers, Numbers]:
    if not len(values):
        return np.empty(0, np.uint8), np.zeros(0, np.int32)
    return flat(pc.binary_join_element_wise(*inner.parts(values), pa.scalar(b"", pa.binary())))


def _any_null(values: pa.Array, ends: Numbers) -> Numbers:
    missing = np.concatenate([[0], np.cumsum(values.is_null().to_numpy(zero_copy_only=False))])
    return np.diff(missing[ends]) > 0


_ENCODE: dict[str, Callable[[pa.Array], Numbers | pa.Array]] = {
    "int2": _number(pa.int16(), ">i2"),
    "int4": _number(pa.int32(), ">i4"),
    "int8": _number(pa.int64(), ">i8"),
    "oid": _number(pa.uint32(), ">u4"),
    "float4": _number(pa.float32(), ">f4"),
    "float8": _number(pa.float64(), ">f8"),
    "bool": _boolean,
    "text": _text,
    "varchar": _text,
    "bpchar": _text,
    "enum": _text,
    "json": _text,
    "jsonb": _jsonb,
    "bytea": lambda array: array.cast(pa.binary()),
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamp,
    "interval": _interval,
    "uuid": _uuid,
}
