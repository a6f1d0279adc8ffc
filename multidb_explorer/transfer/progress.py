"""How far a transfer is, for a bar, a panel, or whoever asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import Self

from multidb_explorer.options import options
from multidb_explorer.results.progress import Meter

__all__ = ["Cancelled", "Observer", "TransferProgress"]


@dataclass(frozen=True)
class TransferProgress:
    """How far a transfer is.

    Attributes
    ----------
    state
        What is being done: ``PLANNED``, ``COPIED`` and so on name the last state of the present unit.
    rows, bytes
        What was written so far.
    planned
        How many rows there are in all.

    Examples
    --------
    >>> TransferProgress("1f", "COPIED", 50, 4_000, 100, 2.0).left
    2.0
    """

    id: str
    state: str
    rows: int
    bytes: int
    planned: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that it will take, if it goes on like this."""
        return (self.planned - self.rows) / self.rate if self.rate else None


class Cancelled(Exception):
    """The user asked to stop; whatever transaction is open is rolled back."""


class Observer:
    """Tells of progress, and stops when it is asked to.

    Parameters
    ----------
    tell
        Called with how far it is, instead of a bar.
    bar
        Whether a bar is drawn; as the options say if not given.
    """

    def __init__(
        self,
        tell: Callable[[TransferProgress], object] | None = None,
        bar: bool | None = None,
        stop: Event | None = None,
    ) -> None:
        self._tell = tell
        self._stop = stop
        self._meter: Meter | None = None
        self._draws = tell is None and (options.progress if bar is None else bar)
        self.id = ""
        self.name = ""
        self.planned = self.rows = self.bytes = 0
        self.began = time.perf_counter()

    def __enter__(self) -> Self:
        if self._draws:
            self._meter = Meter(self.name)
            self._meter.estimate = self.planned
            self._meter.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._meter is not None:
            self._meter.__exit__(kind, error, traceback)

    def wrote(self, rows: int, size: int) -> None:
        """Note what was written."""
        self.rows += rows
        self.bytes += size
        if self._meter is not None:
            self._meter.add(rows, size)
        self.reached("COPIED")

    def reached(self, state: str) -> None:
        """Tell of a state.

        Raises
        ------
        Cancelled
            When the user asked to stop.
        """
        if self._tell is not None:
            seconds = time.perf_counter() - self.began
            self._tell(TransferProgress(self.id, state, self.rows, self.bytes, self.planned, seconds))
        self.check()

    def check(self) -> None:
        """Stop where the user asked for it."""
        if self._stop is not None and self._stop.is_set():
            raise Cancelled
