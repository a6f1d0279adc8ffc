"""Where the packets of MySQL's protocol begin, found for many at once.

Each packet says how long it is, so they can only be walked one after the other. But a list of places that any other
means came up with is proven to be that walk as soon as each place is where the packet before it ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["HEADER", "whole_rows"]

HEADER = 4
"""Octets before a packet: three of its size, the least first, and its number."""

_NO_ROW = 0xFE
"""The least first octet of an end or an error, and of a row whose first field is very long."""

Octets = np.ndarray[Any, np.dtype[np.uint8]]
Places = np.ndarray[Any, np.dtype[np.int64]]


def whole_rows(data: Octets, number: int) -> tuple[Places, int]:
    """Give where packets begin, of the first on, and where the last of them ends.

    It stops before one that is not whole, that is longer than 65,535 octets or that may not be a row, and it may stop
    sooner.

    Parameters
    ----------
    number
        The number that the first one has to have.

    Examples
    --------
    >>> octets = bytes([2, 0, 0, 7, 1, 65, 2, 0, 0, 8, 1, 66, 1, 0, 0, 9])
    >>> places, end = whole_rows(np.frombuffer(octets, np.uint8), 7)
    >>> places.tolist(), end
    ([0, 6], 12)
    """
    places = _likely(data)
    if not len(places) or places[0]:
        return np.empty(0, np.int64), 0
    ends = _ends(data, places)
    right = (ends <= len(data)) & (data[places + HEADER] < _NO_ROW)
    right &= data[places + 3] == (np.arange(number, number + len(places)) & 0xFF)
    right[1:] &= ends[:-1] == places[1:]
    whole = len(right) if right.all() else int(right.argmin())
    return places[:whole], int(ends[whole - 1]) if whole else 0


def _ends(data: Octets, places: Places) -> Places:
    sizes = data[places] + (data[places + 1].astype(np.int64) << 8)
    return places + HEADER + sizes


def _likely(data: Octets) -> Places:
    """Give places that look like headers of packets between two others: by the third octet, sizes and numbers."""
    # An octet has to follow, by which a row is known.
    places = np.flatnonzero(data[2 : max(2, len(data) - 2)] == 0)
    last = len(data) - HEADER - 1
    ends = _ends(data, places)
    # What leads behind the last place may be whole or not.
    behind = ends > last
    headed = np.zeros(len(data), bool)
    headed[places] = True
    following = np.where(behind, 0, ends)
    leads = behind | (headed[following] & (data[following + 3] == data[places + 3] + np.uint8(1)))
    places, ends = places[leads], ends[leads]
    led = np.zeros(len(data) + 1, bool)
    led[ends[ends <= last]] = True
    led[0] = True
    likely: Places = places[led[places]]
    return likely
