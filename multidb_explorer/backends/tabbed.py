r"""Arrow arrays as lines of text: a tab between two columns, \N for NULL, a backslash before what would mean more.

PostgreSQL's COPY and MySQL's LOAD DATA both read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.pieces import binary_array, flat, joined, plain

__all__ = ["hexadecimal", "lines", "texts"]

_NULL = b"\\N"
_SPECIAL = ("\\", "\t", "\n", "\r")


def lines(columns: Sequence[pa.Array]) -> memoryview:
    r"""Write rows, from a text for each value.

    Examples
    --------
    >>> bytes(lines([pa.array(["1", "2"]), pa.array([None, "a\tb"])]))
    b'1\t\\N\n2\ta\\\tb\n'
    """
    parts: list[pa.Array | bytes] = []
    for column in columns:
        parts += [_marked(_escaped(column)), b"\t"]
    return joined([*parts[:-1], b"\n"])


def _marked(array: pa.Array) -> pa.Array:
    array = array.cast(pa.binary())
    return array.fill_null(_NULL) if array.null_count else array


def _escaped(array: pa.Array) -> pa.Array:
    """Put a backslash before characters that mean more, where there are any at all."""
    octets, _ = flat(array)
    for character in _SPECIAL:
        if (octets == ord(character)).any():
            array = pc.replace_substring(array, character, f"\\{character}")
    return array


def texts(array: pa.Array) -> pa.Array:
    """Write numbers, flags, dates, times and UUIDs as their usual text, which has all of their digits.

    Examples
    --------
    >>> texts(pa.array([0.1, None, 1e300])).to_pylist()
    ['0.1', None, '1e+300']
    """
    array = plain(array)
    type_ = array.type
    if pa.types.is_fixed_size_binary(type_):
        array = hexadecimal(array)
    elif pa.types.is_boolean(type_):
        array = array.cast(pa.int8())
    elif pa.types.is_timestamp(type_):
        # An instant in UTC, without a word about it.
        array = array.cast(pa.timestamp("us"))
    elif pa.types.is_float32(type_):
        # The shortest digits of a single are another number when they are read as a double.
        array = array.cast(pa.float64())
    return array.cast(pa.string())


def hexadecimal(array: pa.Array, prefix: str = "") -> pa.Array:
    r"""Write bytes as two digits each.

    Examples
    --------
    >>> hexadecimal(pa.array([b"\x00\xff", None]), "0x").to_pylist()
    [b'0x00ff', None]
    """
    array = plain(array)
    if pa.types.is_fixed_size_binary(array.type):
        array = array.cast(pa.binary())
    data, lengths = flat(array)
    digits = np.frombuffer(data.tobytes().hex().encode(), np.uint8)
    found: Any = binary_array(digits, lengths * 2)
    if prefix:
        given = pa.scalar(prefix.encode(), pa.binary())
        found = pc.binary_join_element_wise(given, found, pa.scalar(b"", pa.binary()))
    return pc.if_else(array.is_valid(), found, None) if array.null_count else found
