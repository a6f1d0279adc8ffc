"""Looks at the values of a column for what a type alone does not tell: which of them a target would change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "Test",
    "beyond",
    "empty",
    "is_nan",
    "not_encodable",
    "other_text",
    "shorter",
    "too_many_octets",
    "trimmed",
]


@dataclass(frozen=True)
class Test:
    """A question to each value.

    Attributes
    ----------
    reason
        What is wrong with those that are found, as a sentence.
    rows
        Gives the rows of an array that are.
    """

    reason: str
    rows: Callable[[pa.Array], Iterable[int]]

    __test__ = False


def _marked(reason: str, mark: Callable[[pa.Array], Any]) -> Test:
    def rows(array: pa.Array) -> Iterable[int]:
        found = pc.fill_null(mark(array), fill_value=False)
        return [int(row) for row in np.flatnonzero(np.asarray(found))]

    return Test(reason, rows)


def empty() -> Test:
    """Find NULL.

    Examples
    --------
    >>> list(empty().rows(pa.array([1, None])))
    [1]
    """
    return _marked("It is NULL.", lambda array: array.is_null())


def is_nan() -> Test:
    """Find NaN, which would become NULL."""
    return _marked("It is NaN.", pc.is_nan)


def beyond(low: int, high: int) -> Test:
    """Find numbers outside of a range."""

    def mark(array: pa.Array) -> Any:
        numbers = array if pa.types.is_floating(array.type) else array.cast(pa.decimal128(38, 0), safe=False)
        return pc.or_(pc.less(numbers, low), pc.greater(numbers, high))

    return _marked(f"It is beyond {low:,} to {high:,}.", mark)


def trimmed() -> Test:
    """Find texts with a blank at their end."""
    return _marked("It ends with a blank.", lambda array: pc.ends_with(_plain(array), " "))


def shorter(length: int) -> Test:
    """Find what would be filled up."""

    def mark(array: pa.Array) -> Any:
        array = _plain(array)
        size = pc.utf8_length(array) if pa.types.is_string(array.type) else pc.binary_length(array)
        return pc.less(size, length)

    return _marked(f"It is shorter than {length:,}.", mark)


def too_many_octets(most: int, codec: str) -> Test:
    """Find what has too many bytes; in an encoding other than UTF-8 each text is written out."""

    def mark(array: pa.Array) -> Any:
        array = _plain(array)
        if codec not in ("", "bmp") and pa.types.is_string(array.type):
            return pa.array(
                [text is not None and len(text.encode(codec, "ignore")) > most for text in array.to_pylist()]
            )
        return pc.greater(pc.binary_length(array), most)

    return _marked(f"It has more than {most:,} bytes.", mark)


def not_encodable(codec: str) -> Test:
    """Find texts with a letter that an encoding lacks."""

    def rows(array: pa.Array) -> Iterable[int]:
        array = _plain(array)
        # ASCII is everywhere.
        foreign = pc.fill_null(pc.invert(pc.string_is_ascii(array)), fill_value=False)
        places = np.flatnonzero(np.asarray(foreign))
        texts = array.take(pa.array(places)).to_pylist()
        return [int(row) for row, text in zip(places, texts, strict=True) if not _encodes(text, codec)]

    return Test(f"It has a letter that the encoding {codec} lacks.", rows)


def _encodes(text: str, codec: str) -> bool:
    if codec == "bmp":
        return max(text) < "\U00010000"
    try:
        text.encode(codec)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def other_text(read: Callable[[pa.Array], pa.Array]) -> Test:
    """Find texts that are another one when they are read as values and written again: 007, for one."""

    def rows(array: pa.Array) -> Iterable[int]:
        texts, values = array.to_pylist(), read(array).to_pylist()
        pairs = zip(texts, values, strict=True)
        return [row for row, (text, value) in enumerate(pairs) if text is not None and _written(value) != text]

    return Test("It is written otherwise than its value is.", rows)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
