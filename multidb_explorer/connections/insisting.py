"""Order a statement to stop, again and again until it has: an order that comes between two statements is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

__all__ = ["Limit", "insist"]

_STEP = 0.1


def insist(order: Callable[[], object], over: threading.Event) -> None:
    """Repeat an order until its end is set."""
    while not over.is_set():
        order()
        over.wait(_STEP)


class Limit:
    """Time that each statement of a session may take, for products whose server does not count it.

    Parameters
    ----------
    seconds
        The time.
    stop
        Stops the session's running statement.

    Examples
    --------
    >>> with Limit(60, stop=print) as limit:
    ...     limit.restart()
    """

    def __init__(self, seconds: float, stop: Callable[[], object]) -> None:
        self._seconds = seconds
        self._stop = stop
        self._over = threading.Event()
        self._until = 0.0
        self._thread = threading.Thread(target=self._watch, name="multidb-limit", daemon=True)

    def __enter__(self) -> Self:
        self.restart()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        # The next one to borrow the connection shall not be stopped.
        self._thread.join()

    def restart(self) -> None:
        """Count anew, for the next statement."""
        self._until = time.monotonic() + self._seconds

    def _watch(self) -> None:
        while (left := self._until - time.monotonic()) > 0:
            if self._over.wait(left):
                return
        insist(self._stop, self._over)
