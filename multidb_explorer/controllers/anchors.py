"""Anchors: keys at known row numbers, from which a page is read without counting rows again."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import Any

__all__ = ["Anchor", "Anchors", "dense"]

Key = tuple[Any, ...]

_MOST = 20_000


@dataclass(frozen=True)
class Anchor:
    """A row number and the sort values and key of that row; without a key it is the start or the end itself."""

    row: int
    key: Key | None = None


class Anchors:
    """All anchors of one order of the rows; some are gathered in the background while others serve a page.

    Examples
    --------
    >>> anchors = Anchors()
    >>> anchors.remember(200, (201,))
    >>> anchors.before(350)
    Anchor(row=200, key=(201,))
    >>> anchors.after(150, 1000)
    Anchor(row=200, key=(201,))
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[int] = []
        self._keys: dict[int, Key] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def remember(self, row: int, key: Key) -> None:
        """Keep the key of a row; one with a NaN is left out, since it equals nothing."""
        if any(value != value for value in key):  # noqa: PLR0124 - only a NaN differs from itself
            return
        with self._lock:
            if row not in self._keys:
                insort(self._rows, row)
            self._keys[row] = key
            if len(self._rows) > _MOST:
                self._thin()

    def forget(self, row: int) -> None:
        """Drop an anchor that turned out to be wrong."""
        with self._lock:
            if self._keys.pop(row, None) is not None:
                self._rows.remove(row)

    def before(self, row: int) -> Anchor:
        """Give the nearest anchor at or before a row; the start where there is none."""
        with self._lock:
            at = bisect_right(self._rows, row) - 1
            return Anchor(0) if at < 0 else self._anchor(at)

    def after(self, row: int, row_count: int | None) -> Anchor | None:
        """Give the nearest anchor at or after a row; the end where there is none, if it is known where the end is."""
        with self._lock:
            at = bisect_left(self._rows, row)
            if at < len(self._rows):
                return self._anchor(at)
        return None if row_count is None else Anchor(row_count)

    def _anchor(self, at: int) -> Anchor:
        row = self._rows[at]
        return Anchor(row, self._keys[row])

    def _thin(self) -> None:
        """Keep every second: distances double, memory stays bounded."""
        self._rows = self._rows[::2]
        self._keys = {row: self._keys[row] for row in self._rows}


def dense(low: Anchor, high: Anchor, row: int) -> Anchor | None:
    """Name the key of a row between two anchors whose whole-number keys have no gaps between them.

    Examples
    --------
    >>> dense(Anchor(0, (1,)), Anchor(10, (11,)), 4)
    Anchor(row=4, key=(5,))
    >>> dense(Anchor(0, (1,)), Anchor(10, (12,)), 4) is None
    True
    """
    if low.key is None or high.key is None or not low.row <= row <= high.row:
        return None
    (first,), (last,) = low.key, high.key
    # Different whole numbers, as many as there are rows between: then none can be missing.
    return Anchor(row, (first + row - low.row,)) if last - first == high.row - low.row else None
