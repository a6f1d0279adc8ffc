"""Digests of rows that are equal where the values are, whatever database and Arrow type they came from.

A digest decides whether a row may be deleted. So every value has one canonical form, from which it could be told
again; a row is its columns' forms behind each other with their lengths, hashed with SipHash-1-3 to 128 bits. All of
it is done for many rows at once; only what is long, or can't be told by its bytes alone (JSON), is looked at by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.transfer.canonical import Forms, forms
from multidb_explorer.transfer.canonical import binary_form as canonical
from multidb_explorer.transfer.siphash import Lanes, Words

__all__ = ["Digest", "canonical", "row_digests"]

_BLOCK = 8_192
"""So many rows at a time stay in the processor's cache."""

_LONG = 256
"""Values of more bytes are hashed by themselves; the others eight bytes of all rows at a time."""

_IS_LONG = 1 << 63


def row_digests(batch: pa.RecordBatch, kinds: Sequence[Kind]) -> pa.Array:
    """Give a digest of 16 bytes for each row.

    Parameters
    ----------
    kinds
        What each column is compared as; the same for both sides of a comparison.

    Examples
    --------
    >>> ours = pa.record_batch({"n": pa.array([1, None], pa.int16()), "t": ["é", ""]})
    >>> theirs = pa.record_batch({"n": pa.array([1, None], pa.int64()), "t": pa.array(["é", ""]).dictionary_encode()})
    >>> kinds = [Kind("integer"), Kind("text")]
    >>> row_digests(ours, kinds).equals(row_digests(theirs, kinds))
    True
    """
    count = batch.num_rows
    found = np.empty((count, 2), np.uint64)
    for start in range(0, count, _BLOCK):
        part = batch.slice(start, _BLOCK)
        columns = [forms(array, kind) for array, kind in zip(part.columns, kinds, strict=True)]
        found[start : start + part.num_rows] = _hashed(columns, part.num_rows)
    return pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(found)])


@dataclass
class Digest:
    """What any number of rows come to, in whatever order.

    Parameters
    ----------
    kinds
        What each column is compared as.

    Examples
    --------
    >>> one, other = Digest((Kind("integer"),)), Digest((Kind("integer"),))
    >>> _ = one.add(pa.record_batch({"n": [1, 2]})), other.add(pa.record_batch({"n": [2, 1]}))
    >>> one == other, one.count
    (True, 2)
    """

    kinds: Sequence[Kind] = field(compare=False)
    count: int = 0
    total: int = 0

    def add(self, batch: pa.RecordBatch) -> pa.Array:
        """Add the rows of a batch, and give the digest of each."""
        found = row_digests(batch, self.kinds)
        self.add_digests(found)
        return found

    def add_digests(self, digests: pa.Array) -> None:
        """Add rows by their digests."""
        words = np.frombuffer(digests.buffers()[1], np.uint32).reshape(-1, 4)
        words = words[digests.offset : digests.offset + len(digests)]
        sums = words.sum(axis=0, dtype=np.uint64).tolist()
        self.count += len(digests)
        self.total = (self.total + sum(part << 32 * place for place, part in enumerate(sums))) % (1 << 128)

    @property
    def hex(self) -> str:
        """The sum of the rows' digests as 32 digits."""
        return f"{self.total:032x}"


# Hashing


def _hashed(columns: Sequence[Forms], count: int) -> Words:
    lanes = Lanes(count)
    for start in range(0, len(columns), 32):
        _absorb_marks(lanes, columns[start : start + 32])
    for column in columns:
        for words in column.words:
            lanes.absorb(words)
        if column.sized:
            _absorb_octets(lanes, column)
    return lanes.digests()


def _absorb_marks(lanes: Lanes, columns: Sequence[Forms]) -> None:
    """Tell NULL, and values in the one form or the other, apart: two bits a column."""
    marks = np.zeros(lanes.count, np.uint64)
    for place, column in enumerate(columns):
        marks |= column.marks.astype(np.uint64) << np.uint64(2 * place)
    lanes.absorb(marks)


def _absorb_octets(lanes: Lanes, column: Forms) -> None:
    """Take values of any length: how long each is, and then its bytes."""
    starts, lengths, octets = column.starts, column.lengths, column.octets
    long = np.flatnonzero(lengths > _LONG)
    heads = lengths.astype(np.uint64)
    heads[long] |= np.uint64(_IS_LONG)
    lanes.absorb(heads)
    _absorb_long(lanes, column, long)
    rows = np.flatnonzero((lengths > 0) & (lengths <= _LONG))
    place = 0
    while len(rows):
        taken = octets[starts[rows] + place] & _TAILS[np.minimum(lengths[rows] - place, 8)]
        lanes.absorb(taken, rows)
        place += 8
        rows = rows[lengths[rows] > place]


def _absorb_long(lanes: Lanes, column: Forms, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    if not len(rows):
        return
    data = column.data.data
    ends = zip(column.starts[rows].tolist(), column.lengths[rows].tolist(), strict=True)
    made = b"".join(hashlib.blake2b(data[at : at + size], digest_size=16).digest() for at, size in ends)
    pairs = np.frombuffer(made, np.uint64).reshape(-1, 2)
    lanes.absorb(pairs[:, 0], rows)
    lanes.absorb(pairs[:, 1], rows)


_TAILS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
"""What is left of eight bytes of which only the first few belong to a value."""
