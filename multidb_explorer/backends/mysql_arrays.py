"""From the fields of MySQL's text protocol to Arrow arrays, a whole column at once.

Only what the server writes for a column of that type is read here. Anything else raises, and is then read value by
value, as the plain cursor reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.backends.kinds import Kind

if TYPE_CHECKING:
    from multidb_explorer.backends.columns import ResultColumn
    from multidb_explorer.backends.mysql_wire import Cells

__all__ = ["STRANGE", "array_of", "reads"]

STRANGE = (pa.ArrowException, ValueError, OverflowError)
"""What an unexpected field raises."""

# The protocol's numbers for the types of a result's columns.
_WHOLE = frozenset({1, 2, 3, 8, 9, 13})
_EXACT = frozenset({0, 246})
_ABOUT = frozenset({4, 5})
_BIT = frozenset({16})
_TEXT = frozenset({15, 245, 247, 248, 249, 250, 251, 252, 253, 254})
_STORED = {
    "integer": _WHOLE,
    "float": _ABOUT,
    "decimal": _EXACT,
    "boolean": _WHOLE | _BIT,
    "date": frozenset({10}),
    "time": frozenset({11}),
    "timestamp": frozenset({7, 12}),
}
_COMPUTED = {**_STORED, "integer": _WHOLE | _EXACT, "float": _WHOLE | _EXACT | _ABOUT, "boolean": _WHOLE}
_UTF8 = frozenset({"utf8", "utf-8", "ascii"})


def reads(column: ResultColumn, code: int, encoding: str | None) -> bool:
    """Tell whether a column can be read at once.

    Parameters
    ----------
    code
        The protocol's number for its type.
    encoding
        Of its texts; ``None`` for bytes.
    """
    kind = column.kind
    if kind.name == "binary":
        return code in _TEXT and encoding is None
    if kind.name in ("text", "json", "enum", "uuid"):
        return code in _TEXT and encoding in _UTF8
    return code in (_COMPUTED if column.computed else _STORED).get(kind.name, ())


def array_of(cells: Cells, kind: Kind) -> pa.Array:
    """Make the declared array of a column that `reads` said yes to.

    Raises
    ------
    pyarrow.ArrowException, ValueError, OverflowError
        For a field that is not written as usual.
    """
    return _MAKERS[kind.name](cells, kind)


# Bytes and texts


def _octets(cells: Cells) -> pa.Array:
    """Copy the fields out: with the gaps between them they are one long array, of which each second is taken."""
    count = len(cells)
    if len(cells.data) >= 2**31:
        raise OverflowError("too long for one array")
    edges = np.empty(2 * count, np.int32)
    edges[0::2] = cells.begin
    np.add(cells.begin, cells.length, out=edges[1::2], casting="unsafe")
    both = pa.BinaryArray.from_buffers(
        pa.binary(), 2 * count - 1, [None, pa.py_buffer(edges), pa.py_buffer(cells.data)]
    )
    found = both.take(pa.array(np.arange(0, 2 * count, 2, dtype=np.int32)))
    if cells.null is None:
        return found
    return pa.BinaryArray.from_buffers(pa.binary(), count, [_present(cells), *found.buffers()[1:]])


def _present(cells: Cells) -> pa.Buffer | None:
    return None if cells.null is None else pa.py_buffer(np.packbits(~cells.null, bitorder="little"))


def _text(cells: Cells, _kind: Kind | None = None) -> pa.Array:
    return _octets(cells).cast(pa.string())


def _binary(cells: Cells, _kind: Kind) -> pa.Array:
    return _octets(cells)


def _enum(cells: Cells, kind: Kind) -> pa.Array:
    texts = _text(cells)
    if not kind.choices:
        return texts
    choices = pa.array(kind.choices, pa.string())
    places = pc.index_in(texts, choices)
    if places.null_count != texts.null_count:
        raise ValueError("a text that is no member")
    return pa.DictionaryArray.from_arrays(places, choices)


# Numbers

_ZEROS = np.uint64(0x3030303030303030)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_CARRY = np.uint64(0x0606060606060606)
# By how many digits of a word belong to the number: its last bytes, so the high ones of a little-endian integer.
_KEPT = np.array([0, *((2**64 - 1) ^ (2 ** (64 - 8 * count) - 1) for count in range(1, 9))], np.uint64)
_STEPS = (
    (np.uint64(2561), np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(6553601), np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(42949672960001), np.uint64(32), np.uint64(0xFFFFFFFFFFFFFFFF)),
)


def _words(data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """See each run of eight bytes as one number."""
    return np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))


def _eight_digits(words: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Turn words into numbers, of which so many last bytes are digits: pairs are joined to fours, these to eights."""
    kept = _KEPT[digits]
    words = (words & kept) | (_ZEROS & ~kept)
    if ((words & _HIGH) ^ _ZEROS | ((words + _CARRY) & _HIGH) ^ _ZEROS).any():
        raise ValueError("not a digit")
    words &= np.uint64(0x0F0F0F0F0F0F0F0F)
    for factor, shift, mask in _STEPS:
        words *= factor
        words >>= shift
        words &= mask
    return words


def _magnitudes(data: Any, ends: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Read numbers of up to 19 digits by where they end."""
    words, most = _words(data), int(digits.max())
    if most > 19:
        raise OverflowError("too many digits")
    found = _eight_digits(words[ends - 8], np.minimum(digits, 8))
    for block in range(1, (most + 7) // 8):
        part = _eight_digits(words[ends - 8 * (block + 1)], np.clip(digits - 8 * block, 0, 8))
        found += part * np.uint64(10 ** (8 * block))
    return found


def _integers(cells: Cells) -> pa.Array:
    minus = cells.data[cells.begin] == ord("-")
    digits = cells.length - minus
    if cells.null is not None:
        minus &= ~cells.null
        digits = np.where(cells.null, 1, digits)
    if digits.min() < 1:
        raise ValueError("no digits")
    ends = cells.begin + cells.length
    if cells.null is not None:
        # What stands where a field is NULL is the next field's, and no digit.
        return _integers_with_gaps(cells, np.flatnonzero(~cells.null), ends, digits, minus)
    return _signed(_magnitudes(cells.data, ends, digits), minus, None, len(cells))


def _integers_with_gaps(cells: Cells, here: Any, ends: Any, digits: Any, minus: Any) -> pa.Array:
    found = np.zeros(len(cells), np.uint64)
    if len(here):
        found[here] = _magnitudes(cells.data, ends[here], digits[here])
    return _signed(found, minus, _present(cells), len(cells))


def _signed(found: Any, minus: Any, present: pa.Buffer | None, count: int) -> pa.Array:
    if not minus.any():
        return pa.Array.from_buffers(pa.uint64(), count, [present, pa.py_buffer(found)])
    if (found > np.uint64(2**63 - 1) + minus).any():
        raise OverflowError("too large")
    values = found.view(np.int64)
    np.negative(values, out=values, where=minus)
    return pa.Array.from_buffers(pa.int64(), count, [present, pa.py_buffer(values)])


def _integer(cells: Cells, kind: Kind) -> pa.Array:
    try:
        return _integers(cells).cast(arrow_type(kind))
    except OverflowError:
        return _text(cells).cast(arrow_type(kind))


def _number(cells: Cells, kind: Kind) -> pa.Array:
    return _text(cells).cast(arrow_type(kind))


def _float(cells: Cells, kind: Kind) -> pa.Array:
    return _text(cells).cast(pa.float64()).cast(arrow_type(kind), safe=False)


# A flag is written as a digit, a BIT as the byte itself.
_FLAGS = np.full(256, 255, np.uint8)
_FLAGS[[0, ord("0")]] = 0
_FLAGS[[1, ord("1")]] = 1


def _boolean(cells: Cells, _kind: Kind) -> pa.Array:
    if (cells.length != (1 if cells.null is None else ~cells.null)).any():
        raise ValueError("more than one digit")
    found = _FLAGS[cells.data[cells.begin]]
    if cells.null is not None:
        found = np.where(cells.null, 0, found)
    if found.max() > 1:
        raise ValueError("neither 0 nor 1")
    bits = np.packbits(found, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(cells), [_present(cells), pa.py_buffer(bits)])


# Dates and times


def _calendar(array: pa.Array, first: int) -> pa.Array:
    # Arrow knows a year 0, Python doesn't.
    smallest = pc.min(array.view(pa.int64() if array.type.bit_width == 64 else pa.int32())).as_py()
    if smallest is not None and smallest < first:
        raise ValueError("before the year 1")
    return array


_YEAR_ONE = -719_162


def _date(cells: Cells, _kind: Kind) -> pa.Array:
    return _calendar(_text(cells).cast(pa.date32()), _YEAR_ONE)


def _timestamp(cells: Cells, kind: Kind) -> pa.Array:
    found = _calendar(_text(cells).cast(pa.timestamp("us")), _YEAR_ONE * 86_400_000_000)
    return found.view(arrow_type(kind))


def _time(cells: Cells, _kind: Kind) -> pa.Array:
    return _text(cells).cast(pa.time64("us"))


# UUIDs

_NIBBLES = np.full(256, 255, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _NIBBLES[ord(_digit)] = int(_digit, 16)
_DASHES = (8, 13, 18, 23)
_HEX = np.array([place for place in range(36) if place not in _DASHES])


def _uuid(cells: Cells, kind: Kind) -> pa.Array:
    here = np.arange(len(cells)) if cells.null is None else np.flatnonzero(~cells.null)
    if (cells.length[here] != 36).any():
        raise ValueError("not written with dashes")
    octets = np.zeros((len(cells), 16), np.uint8)
    if len(here):
        octets[here] = _uuid_octets(cells.data, cells.begin[here])
    storage = pa.Array.from_buffers(pa.binary(16), len(cells), [_present(cells), pa.py_buffer(octets)])
    return pa.ExtensionArray.from_storage(arrow_type(kind), storage)


def _uuid_octets(data: np.ndarray[Any, Any], begin: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    windows = np.ndarray((len(data) - 35,), "V36", data, strides=(1,))
    digits = windows[begin].view(np.uint8).reshape(-1, 36)
    if (digits[:, _DASHES] != ord("-")).any():
        raise ValueError("not written with dashes")
    nibbles = _NIBBLES[digits[:, _HEX]]
    if (nibbles > 15).any():
        raise ValueError("no hexadecimal digit")
    octets: np.ndarray[Any, Any] = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
    return octets


_MAKERS: dict[str, Callable[[Cells, Kind], pa.Array]] = {
    "integer": _integer,
    "float": _float,
    "decimal": _number,
    "boolean": _boolean,
    "text": _text,
    "json": _text,
    "enum": _enum,
    "binary": _binary,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "uuid": _uuid,
}
