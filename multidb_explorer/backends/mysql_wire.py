"""The rows of MySQL's text protocol, found in the bytes of a connection: packets, then fields, column by column."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from multidb_explorer.backends.mysql_packets import HEADER, whole_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARGIN", "Cells", "Inbox", "Rows"]

MARGIN = 32
"""Bytes that stand before the first row and after the last one, so that a few may be looked at beside any field."""

_CHUNK = 1 << 20
"""Bytes of rows that are parsed together: enough for few calls, and few enough for the processor's cache."""

_ROOM = 32 << 10

_SHORT = 80
"""Octets of a row below which a look at all of them takes less time than a step from row to row."""

_SIZED = struct.Struct("<IB")
_LONGEST = 0xFFFFFF

# A field begins with its length, or with one of these, which tell that it is NULL or how wide its length is.
_NULL, _TWO, _THREE, _EIGHT = 0xFB, 0xFC, 0xFD, 0xFE
_ERROR = 0xFF
_WIDTHS = np.zeros(256, np.int64)
_WIDTHS[[_TWO, _THREE, _EIGHT]] = 2, 3, 8


def _garbled(reason: str) -> Exception:
    """Make the driver's error for bytes that are not the rows that the protocol promises."""
    from pymysql.err import InternalError

    error: Exception = InternalError(reason)
    return error


@dataclass(frozen=True, eq=False)
class Cells:
    """The fields of one column: where each begins, how long it is, and which are NULL.

    Attributes
    ----------
    data
        The bytes that they stand in.
    null
        A flag for each row, or ``None`` where no field is NULL.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    begin: np.ndarray[Any, np.dtype[np.int64]]
    length: np.ndarray[Any, np.dtype[np.int64]]
    null: np.ndarray[Any, np.dtype[np.bool_]] | None

    def __len__(self) -> int:
        return len(self.begin)

    def texts(self) -> Iterator[bytes | None]:
        """Give the fields one by one."""
        data: Any = memoryview(cast("Any", self.data))
        nulls = [False] * len(self) if self.null is None else self.null.tolist()
        for begin, length, null in zip(self.begin.tolist(), self.length.tolist(), nulls, strict=True):
            yield None if null else bytes(data[begin : begin + length])


@dataclass(frozen=True, eq=False)
class Rows:
    """Whole rows in the bytes that they came in.

    Attributes
    ----------
    starts
        Where each row's first field begins.
    ends
        Where each row is over.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    starts: np.ndarray[Any, np.dtype[np.int64]]
    ends: np.ndarray[Any, np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.starts)

    def columns(self, count: int) -> list[Cells]:
        """Find the fields of every column.

        Raises
        ------
        pymysql.err.InternalError
            When the fields don't fill their rows exactly.
        """
        found, place = [], self.starts
        try:
            for _ in range(count):
                cells = _cells(self.data, place)
                found.append(cells)
                place = cells.begin + cells.length
        except IndexError:
            raise _garbled("a field ends behind its row") from None
        if not np.array_equal(place, self.ends):
            raise _garbled("the fields don't fill their row")
        return found


def _cells(data: np.ndarray[Any, np.dtype[np.uint8]], place: np.ndarray[Any, np.dtype[np.int64]]) -> Cells:
    first = data[place]
    if len(first) == 0 or first.max() < _NULL:
        return Cells(data, place + 1, first.astype(np.int64), None)
    null = first == _NULL
    length = np.where(null, 0, first).astype(np.int64)
    for code, width in ((_TWO, 2), (_THREE, 3), (_EIGHT, 8)):
        wide = np.flatnonzero(first == code)
        if len(wide):
            octets = data[place[wide, None] + np.arange(1, width + 1)].astype(np.int64)
            length[wide] = (octets << np.arange(0, 8 * width, 8)).sum(axis=1)
    return Cells(data, place + 1 + _WIDTHS[first], length, null if null.any() else None)


class Inbox:
    """Takes bytes as they arrive, cut anywhere, and gives whole rows back.

    Parameters
    ----------
    number
        The number of the first packet, which the others count on from.

    Attributes
    ----------
    ended : bool
        Whether a packet that is no row stands next: the end of the result, or an error.
    number : int
        The number that the next packet has to have.
    ready : int
        How many whole rows are here.

    Examples
    --------
    >>> inbox = Inbox(0)
    >>> inbox.put(bytes([4, 0, 0, 0, 1, 65, 1, 66]) + bytes([5, 0, 0, 1, 0xFE, 0, 0, 0, 0]))
    >>> [list(cells.texts()) for cells in inbox.take().columns(2)], inbox.ended
    ([[b'A'], [b'B']], True)
    """

    def __init__(self, number: int) -> None:
        self.ended = False
        self.number = number
        self.ready = 0
        self._width = float(_SHORT)
        self._data = bytearray(_ROOM * 2 + 2 * MARGIN)
        self._filled = self._place = MARGIN
        self._starts: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        self._missing = 0

    @property
    def plenty(self) -> bool:
        """Whether enough whole rows are here to parse them."""
        return self._place - MARGIN >= _CHUNK

    @property
    def rest(self) -> bytes:
        """What stands behind the last whole row."""
        return bytes(memoryview(self._data)[self._place : self._filled])

    def room(self) -> memoryview:
        """Give a free place for the next bytes; `arrived` tells how many came."""
        free = len(self._data) - MARGIN - self._filled
        if free < max(_ROOM, self._missing):
            # It begins small, for small results.
            self._data += bytes(max(len(self._data), self._missing))
        return memoryview(self._data)[self._filled : len(self._data) - MARGIN]

    def put(self, octets: bytes) -> None:
        """Take bytes that are here already."""
        while octets:
            with self.room() as room:
                count = min(len(room), len(octets))
                room[:count] = octets[:count]
            octets = octets[count:]
            self.arrived(count)

    def arrived(self, count: int) -> None:
        """Look for rows in so many new bytes."""
        self._filled += count
        if self._width < _SHORT:
            places, end = whole_rows(np.frombuffer(self._data, np.uint8)[self._place : self._filled], self.number)
            self._note(places + (self._place + HEADER), self._place + end)
        while self._scan():
            pass

    def _note(self, starts: np.ndarray[Any, np.dtype[np.int64]], place: int, packets: int = 1) -> None:
        """Keep where rows begin, each of so many packets, and where the next packet stands."""
        if len(starts):
            self._starts.append(starts)
            self._width = (place - self._place) / len(starts)
        self.ready += len(starts)
        self.number = (self.number + packets * len(starts)) & 0xFF
        self._place = place

    def _scan(self) -> bool:
        """Walk from packet to packet; tell whether it can go on behind a row of several packets."""
        data, place, filled, number, starts = self._data, self._place, self._filled, self.number, list[int]()
        read, last, self._missing = _SIZED.unpack_from, filled - _SIZED.size, 0
        while place <= last:
            header, first = read(data, place)
            size = header & _LONGEST
            if first >= _EIGHT and (first == _ERROR or size < 9):
                self.ended = True
                break
            if header >> 24 != number:
                raise _garbled(f"packet {header >> 24} came where {number} was expected")
            if size == _LONGEST:
                self._note(np.array(starts, np.int64), place)
                return self._joined()
            following = place + HEADER + size
            if following > filled:
                self._missing = following - filled
                break
            starts.append(place + HEADER)
            number = (number + 1) & 0xFF
            place = following
        self._note(np.array(starts, np.int64), place)
        return False

    def _joined(self) -> bool:
        """Make one of the packets that a long row came in, once all are here."""
        seams, place, size = [], self._place, _LONGEST
        while size == _LONGEST:
            if place + HEADER > self._filled:
                return False
            size = int.from_bytes(self._data[place : place + 3], "little")
            seams.append(place)
            place += HEADER + size
        if place > self._filled:
            self._missing = place - self._filled
            return False
        for seam in reversed(seams[1:]):
            del self._data[seam : seam + HEADER]
        taken = HEADER * (len(seams) - 1)
        self._filled -= taken
        self._note(np.array([self._place + HEADER]), place - taken, len(seams))
        return True

    def take(self) -> Rows:
        """Hand the whole rows over, and go on with what stands behind them."""
        starts = np.concatenate([*self._starts, np.empty(0, np.int64)])
        ends = np.append(starts[1:] - HEADER, self._place)[: len(starts)]
        rows = Rows(np.frombuffer(self._data, np.uint8), starts, ends)
        rest = self.rest
        self._data = bytearray(max(min(len(self._data), 2 * _CHUNK), 2 * len(rest) + 2 * MARGIN))
        self._data[MARGIN : MARGIN + len(rest)] = rest
        self._filled, self._place, self._starts, self.ready = MARGIN + len(rest), MARGIN, [], 0
        return rows
