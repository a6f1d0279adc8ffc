"""The canonical form of every value: numbers in fixed words, everything else as bytes.

Two values have the same form if and only if they are the same value of their kind. -0.0 is 0.0, which several databases
store in its place, and a NaN is a NaN.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.casting import declared
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.transfer.siphash import Words

__all__ = ["Forms", "binary_form", "forms"]

_Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Forms:
    """The canonical forms of a column of values.

    Attributes
    ----------
    marks
        0 for NULL, else 1, or 2 where a value is written in the second way of its kind.
    words
        Of a kind of fixed size: its words, which are zero for NULL.
    sized
        Whether values are of any size.
    starts, lengths, data
        Of such a kind: where each value's bytes are; NULL has none. Eight more bytes follow the last value.
    """

    marks: _Array
    words: tuple[Words, ...] = ()
    sized: bool = False
    starts: _Array = field(default_factory=lambda: np.empty(0, np.int64))
    lengths: _Array = field(default_factory=lambda: np.empty(0, np.int64))
    data: _Array = field(default_factory=lambda: np.empty(0, np.uint8))

    @cached_property
    def octets(self) -> Words:
        """The eight bytes from each place of the data on."""
        return np.ndarray((max(len(self.data) - 7, 0),), "<u8", self.data.data, strides=(1,))


def forms(array: pa.Array, kind: Kind) -> Forms:
    """Give the canonical forms of an array as values of a kind.

    Raises
    ------
    ValueError, pyarrow.ArrowInvalid
        For what is no value of that kind.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        array = array.cast(pa.string() if kind.name not in ("uuid", "interval", "array") else pa.binary())
        return _FORMS[kind.name](array, kind) if kind.name in _SIZED else _nothing(len(array), _WORDS.get(kind.name, 1))
    return _FORMS[kind.name](array, kind)


def binary_form(array: pa.Array, kind: Kind) -> pa.Array:
    """Give the canonical form of each value of an array as bytes.

    Examples
    --------
    >>> one, other = pa.array([7, None], pa.int16()), pa.array([7, None], pa.int64())
    >>> binary_form(one, Kind("integer")) == binary_form(other, Kind("integer"))
    True
    """
    found = forms(array, kind)
    heads = found.marks.astype(np.uint8).tobytes()
    if not found.sized:
        rows = np.stack(found.words, axis=1).tobytes()
        size = 8 * len(found.words)
        cut = [(place * size, size) for place in range(len(heads))]
    else:
        rows, cut = found.data.tobytes(), list(zip(found.starts.tolist(), found.lengths.tolist(), strict=True))
    made = [
        heads[place : place + 1] + rows[at : at + size] if heads[place] else None
        for place, (at, size) in enumerate(cut)
    ]
    return pa.array(made, pa.binary())


def _nothing(count: int, words: int) -> Forms:
    return Forms(np.zeros(count, np.uint8), tuple(np.zeros(count, np.uint64) for _ in range(words)))


# Fixed sizes


def _numbers(array: pa.Array, type_: Any) -> _Array:
    """Give the values of a primitive array, zero for NULL."""
    if array.null_count:
        array = array.fill_null(pa.scalar(0, array.type))
    return np.frombuffer(array.buffers()[1], type_)[array.offset : array.offset + len(array)]


def _marks(array: pa.Array) -> _Array:
    if not array.null_count:
        return np.ones(len(array), np.uint8)
    return np.asarray(array.is_valid().cast(pa.uint8()))


def _integers(array: pa.Array, kind: Kind) -> Forms:  # noqa: ARG001 -- one signature for all
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    elif not pa.types.is_integer(array.type):
        array = array.cast(pa.int64())
    marks = _marks(array)
    if array.type == pa.uint64():
        found = _numbers(array, np.uint64)
        # What no signed integer reaches must not look like a negative one.
        return Forms(marks + (found >> np.uint64(63)).astype(np.uint8), (found,))
    return Forms(marks, (_numbers(array.cast(pa.int64()), np.uint64),))


def _floats(array: pa.Array, kind: Kind) -> Forms:  # noqa: ARG001
    found = _numbers(array.cast(pa.float64()), np.float64) + 0.0
    found[np.isnan(found)] = np.nan
    return Forms(_marks(array), (found.view(np.uint64),))


def _ticks(type_: pa.DataType) -> Callable[[pa.Array, Kind], Forms]:
    def made(array: pa.Array, kind: Kind) -> Forms:  # noqa: ARG001
        if array.type != type_:
            array = array.cast(type_)
        width: Any = np.int32 if type_.bit_width == 32 else np.int64
        return Forms(_marks(array), (_numbers(array, width).astype(np.int64).view(np.uint64),))

    return made


def _timestamps(array: pa.Array, kind: Kind) -> Forms:
    zone = "UTC" if kind.tz else None
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        found, marks = _numbers(array, np.int64), _marks(array)
        micros, rest = np.divmod(found, 1000)
        odd = rest != 0
        return Forms(marks + (odd & (marks > 0)).astype(np.uint8), (np.where(odd, found, micros).view(np.uint64),))
    return _ticks(pa.timestamp("us", zone))(array, kind)


def _intervals(array: pa.Array, kind: Kind) -> Forms:  # noqa: ARG001
    if pa.types.is_duration(array.type):
        micros = _numbers(array.cast(pa.duration("us")), np.int64)
        days, rest = np.divmod(micros, 86_400_000_000)
        return Forms(_marks(array), ((days << 32).view(np.uint64), (rest * 1000).view(np.uint64)))
    return _pairs(array)


def _uuids(array: pa.Array, kind: Kind) -> Forms:
    batch = pa.RecordBatch.from_arrays([array], names=[""])
    return _pairs(declared(batch, [ResultColumn("", kind)]).column(0).storage)


def _sixteen(array: pa.Array, type_: Any) -> _Array:
    """Give values of sixteen bytes as two words each."""
    return np.frombuffer(array.buffers()[1], type_).reshape(-1, 2)[array.offset : array.offset + len(array)]


def _pairs(array: pa.Array) -> Forms:
    marks, pairs = _marks(array), _sixteen(array, np.uint64)
    if array.null_count:
        pairs = np.where(marks[:, None] > 0, pairs, np.uint64(0))
    return Forms(marks, (np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])))


# Decimals


def _decimals(array: pa.Array, kind: Kind) -> Forms:  # noqa: ARG001
    if pa.types.is_integer(array.type) and array.type != pa.uint64():
        return _shortened(_marks(array), _numbers(array.cast(pa.int64()), np.int64), 0)
    if pa.types.is_decimal128(array.type):
        filled = array.fill_null(Decimal(0)) if array.null_count else array
        pairs = _sixteen(filled, np.int64)
        fits = pairs[:, 1] == pairs[:, 0] >> 63
        if fits.all():
            return _shortened(_marks(array), np.ascontiguousarray(pairs[:, 0]), array.type.scale)
    return _wide(array)


def _shortened(marks: _Array, digits: _Array, scale: int) -> Forms:
    """Write numbers as their digits without the zeros at the end, and the power of ten that they are multiplied by."""
    digits, powers = digits.copy(), np.full(len(digits), -scale, np.int64)
    rows = np.flatnonzero(digits)
    while len(rows):
        shorter, rest = np.divmod(digits[rows], 10)
        rows, shorter = rows[rest == 0], shorter[rest == 0]
        digits[rows] = shorter
        powers[rows] += 1
    powers[digits == 0] = 0
    return Forms(marks, (digits.view(np.uint64), powers.view(np.uint64)))


_NARROW = pa.decimal128(38, 6)
_MOST_PLACES = 64


def _wide(array: pa.Array) -> Forms:
    """Look at each value by itself where its digits are too many for a word; most of them are not."""
    marks = _marks(array).copy()
    words = tuple(np.zeros(len(array), np.uint64) for _ in range(2))
    left = np.flatnonzero(marks)
    if pa.types.is_decimal(array.type) and array.type.scale <= _MOST_PLACES:
        narrow, easy = _narrowed(array)
        short = _shortened(marks, narrow, _NARROW.scale)
        for part, found in zip(words, short.words, strict=True):
            part[easy] = found[easy]
        left = np.setdiff1d(left, easy)
    values = array.take(pa.array(left)).to_pylist() if len(left) else []
    for row, value in zip(left.tolist(), values, strict=True):
        marks[row], words[0][row], words[1][row] = _by_digits(value)
    return Forms(marks, words)


def _narrowed(array: pa.Array) -> tuple[_Array, _Array]:
    """Give the values as numbers of millionths, and the rows in which they are just that."""
    wide = array.cast(pa.decimal256(76, array.type.scale))
    small = pc.less(pc.abs(wide), pa.scalar(Decimal(10**11), wide.type))
    small = pc.if_else(pc.fill_null(small, fill_value=False), wide, pa.scalar(Decimal(0), wide.type))
    narrow = small.cast(_NARROW, safe=False)
    easy = pc.fill_null(pc.equal(narrow.cast(wide.type), wide), fill_value=False)
    return np.ascontiguousarray(_sixteen(narrow, np.int64)[:, 0]), np.flatnonzero(np.asarray(easy))


def _by_digits(value: Decimal | float | str) -> tuple[int, int, int]:
    """Give the mark and the words of one number."""
    digits, power = _shortest(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    if len(digits) <= 20 and -(2**63) <= (number := int(digits)) < 2**63:
        return 1, number % (1 << 64), power % (1 << 64)
    made = hashlib.blake2b(f"{digits}E{power}".encode(), digest_size=16).digest()
    return 2, int.from_bytes(made[:8], "little"), int.from_bytes(made[8:], "little")


def _shortest(number: Decimal) -> tuple[str, int]:
    """Give the digits of a number without the zeros at their end, and the power of ten that they are multiplied by.

    Not by `Decimal.normalize`, which rounds.
    """
    sign, places, power = number.as_tuple()
    if not isinstance(power, int):
        raise ValueError(f"{number} is not a finite number")  # noqa: TRY004 -- no type is wrong
    written = "".join(map(str, places))
    digits = written.strip("0")
    if not digits:
        return "0", 0
    return f"{'-' if sign else ''}{digits}", power + len(written) - len(written.rstrip("0"))


# Any size


def _octets(array: pa.Array, kind: Kind) -> Forms:  # noqa: ARG001
    if pa.types.is_fixed_size_binary(array.type) or pa.types.is_binary_view(array.type):
        array = array.cast(pa.binary())
    elif pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    if not wide and not pa.types.is_string(array.type) and not pa.types.is_binary(array.type):
        raise ValueError(f"{array.type} holds neither text nor bytes")
    _, places, octets = array.buffers()
    offsets = np.frombuffer(places, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    return _spans(_marks(array), offsets, np.frombuffer(octets, np.uint8) if octets is not None else _NO_BYTES)


_NO_BYTES = np.empty(0, np.uint8)


def _spans(marks: _Array, offsets: _Array, octets: _Array) -> Forms:
    first, last = int(offsets[0]), int(offsets[-1])
    data = np.zeros(last - first + 8, np.uint8)
    data[:-8] = octets[first:last]
    starts = offsets[:-1].astype(np.int64) - first
    lengths = np.where(marks > 0, np.diff(offsets), 0).astype(np.int64)
    return Forms(marks, sized=True, starts=starts, lengths=lengths, data=data)


def _json(array: pa.Array, kind: Kind) -> Forms:
    """Compare JSON by content: the order of members, blanks, and zeros at the end of numbers mean nothing."""
    array = array.cast(pa.large_string()) if not pa.types.is_large_string(array.type) else array
    once = array.dictionary_encode()
    texts = pa.array([None if text is None else _ordered(text) for text in once.dictionary.to_pylist()], pa.string())
    return _octets(texts.take(once.indices), kind)


_SHORT = 200
"""Texts of so many characters are remembered, since what was sent comes back in the same words most of the time."""


def _ordered(text: str) -> str:
    """Spell JSON in one way; what is none, or is nested too deeply, stays what it is."""
    return _remembered(text) if len(text) <= _SHORT else _spelled(text)


def _spelled(text: str) -> str:
    try:
        return f"={_DECODER.decode(text)!r}"
    except (ValueError, RecursionError):
        return "?" + text


_remembered = lru_cache(1 << 16)(_spelled)


def _number(text: str) -> tuple[str, int]:
    """Give a number as `_shortest` does, without making a `Decimal` of it where that is written out."""
    if "e" in text or "E" in text:
        return _shortest(Decimal(text))
    whole, _, places = text.lstrip("-").partition(".")
    written = whole + places
    shorter = written.rstrip("0")
    digits = shorter.lstrip("0")
    if not digits:
        return "0", 0
    return f"-{digits}" if text[0] == "-" else digits, len(written) - len(shorter) - len(places)


def _members(pairs: list[tuple[str, Any]]) -> tuple[dict[str, Any]]:
    # Of a name that comes twice the last value counts, as databases have it. A tuple of one is no number.
    found = dict(pairs)
    return ({name: found[name] for name in sorted(found)},)


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, object_pairs_hook=_members)


def _arrays(array: pa.Array, kind: Kind) -> Forms:
    """Write an array as the digests of its elements."""
    from multidb_explorer.transfer.digest import row_digests

    item = kind.item or Kind("other")
    marks = _marks(array)
    sizes = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
    offsets = np.zeros(len(array) + 1, np.int64)
    np.cumsum(sizes * 16, out=offsets[1:])
    found = row_digests(pa.RecordBatch.from_arrays([array.flatten()], names=[""]), [item])
    return _spans(marks, offsets, np.frombuffer(found.buffers()[1], np.uint8))


_FORMS: dict[str, Callable[[pa.Array, Kind], Forms]] = {
    "integer": _integers,
    "boolean": _integers,
    "float": _floats,
    "decimal": _decimals,
    "date": _ticks(pa.date32()),
    "time": _ticks(pa.time64("us")),
    "timestamp": _timestamps,
    "interval": _intervals,
    "uuid": _uuids,
    "json": _json,
    "array": _arrays,
    "text": _octets,
    "enum": _octets,
    "binary": _octets,
    "other": _octets,
}
_SIZED = frozenset({"json", "text", "enum", "binary", "other"})
_WORDS = {"decimal": 2, "interval": 2, "uuid": 2}
