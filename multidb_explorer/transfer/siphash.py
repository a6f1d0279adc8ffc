"""SipHash-1-3 with 128 bits for many rows at once, each in a lane of its own (Aumasson and Bernstein, 2012).

Unlike sums and products of words it has no structure by which two near-by rows, or columns that changed places, could
meet. The key is no secret: whoever can write to both databases needs no collision.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["Lanes", "Words"]

Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
"""One or more words of 64 bits for each row."""

_KEY = (0x6D756C7469646221, 0x726F77206D6F7665)
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


class Lanes:
    """The states of as many hashes as there are rows.

    Parameters
    ----------
    count
        How many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._words = 0
        starts = [start ^ _KEY[place % 2] for place, start in enumerate(_START)]
        starts[1] ^= 0xEE
        self._state = [np.full(count, start, np.uint64) for start in starts]
        self._spare = np.empty(count, np.uint64)

    def absorb(self, words: Words, rows: np.ndarray[Any, np.dtype[np.int64]] | None = None) -> None:
        """Take the next word of each row, or of some rows."""
        if rows is None or len(rows) == self.count:
            self._absorb(self._state, words, self._spare)
            return
        state = [part[rows] for part in self._state]
        self._absorb(state, words, self._spare[: len(rows)])
        for part, found in zip(self._state, state, strict=True):
            part[rows] = found

    @staticmethod
    def _absorb(state: list[Words], words: Words, spare: Words) -> None:
        state[3] ^= words
        _round(state, spare)
        state[0] ^= words

    def digests(self) -> Words:
        """Give two words for each row, and leave the states unusable."""
        found = np.empty((self.count, 2), np.uint64)
        v0, v1, v2, v3 = self._state
        for half, mark in enumerate((0xEE, 0xDD)):
            (v1 if half else v2).__ixor__(np.uint64(mark))
            for _ in range(3):
                _round(self._state, self._spare)
            np.bitwise_xor(v0, v1, out=found[:, half])
            found[:, half] ^= v2
            found[:, half] ^= v3
        return found


def _rotate(part: Words, bits: int, spare: Words) -> None:
    np.right_shift(part, np.uint64(64 - bits), out=spare)
    np.left_shift(part, np.uint64(bits), out=part)
    part |= spare


def _round(state: list[Words], spare: Words) -> None:
    v0, v1, v2, v3 = state
    _half(v0, v1, 13, spare)
    _rotate(v0, 32, spare)
    _half(v2, v3, 16, spare)
    _half(v0, v3, 21, spare)
    _half(v2, v1, 17, spare)
    _rotate(v2, 32, spare)


def _half(one: Words, two: Words, bits: int, spare: Words) -> None:
    one += two
    _rotate(two, bits, spare)
    two ^= one
