"""How far a read is: a bar for people who wait longer than a second, or a report to whoever wants to draw it himself.

What reads only adds to two numbers. Looking at them, and drawing, is done by one thread of the package, four times a
second and only while something is read.
"""

from __future__ import annotations

import contextvars
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, Self

from multidb_explorer.options import options

__all__ = ["Meter", "Progress", "Sink", "reporting"]

_log = logging.getLogger(__name__)
_PERIOD = 0.25
"""Seconds between two looks."""
_QUIET = 1.0
"""Seconds that pass before a bar appears."""
_clock: Callable[[], float] = time.perf_counter


@dataclass(frozen=True)
class Progress:
    """How far the read of one alias is.

    Attributes
    ----------
    rows, bytes
        What has arrived.
    seconds
        Since it began.
    estimate
        How many rows there will be, where the database has an idea.
    over
        Whether this is the last word: the read is over, be it complete or not.
    """

    alias: str
    rows: int
    bytes: int
    seconds: float
    estimate: int | None = None
    over: bool = False


Sink = Callable[[Progress], None]

_sink: contextvars.ContextVar[Sink | None] = contextvars.ContextVar("multidb_progress", default=None)


@contextmanager
def reporting(sink: Sink) -> Iterator[None]:
    """Report every read of the block instead of drawing bars.

    Parameters
    ----------
    sink
        Called four times a second by a thread of the package, and once by the reading thread when a read is over.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, text
    >>> mdb.configure({"default": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    >>> with mdb.aliases["default"].database.begin() as connection:
    ...     _ = connection.execute(text("CREATE TABLE user (id INTEGER PRIMARY KEY)"))
    >>> with reporting(lambda told: print(told.alias, told.rows, told.over)):
    ...     _ = User.objects.to_arrow()
    default 0 True
    """
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


class Meter:
    """Counts what one read gives, from its beginning to its end.

    Parameters
    ----------
    alias
        Who is read.

    Attributes
    ----------
    on
        Whether anybody wants to know how far it is.
    estimate
        How many rows there will be, as soon as somebody knows.
    """

    def __init__(self, alias: str) -> None:
        self.estimate: int | None = None
        self._alias = alias
        self._rows = 0
        self._bytes = 0
        self._began = 0.0
        self._sink = _sink.get()
        self._bar: _Bar | None = None
        self._lock = threading.Lock()
        self._over = False
        self.on = self._sink is not None or options.progress
        # A bar belongs to the cell that reads, which Jupyter knows by the context and not by the thread.
        self._context = contextvars.copy_context() if self.on else None

    def __enter__(self) -> Self:
        if self.on:
            self._began = _clock()
            _ticker.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.on:
            return
        _ticker.forget(self)
        with self._lock:
            self._over = True
            if self._bar is not None:
                _unless_broken(self._bar.close)
            elif self._sink is not None:
                self._tell(self._sink)

    def add(self, rows: int, size: int) -> None:
        """Note what arrived."""
        self._rows += rows
        self._bytes += size

    @property
    def now(self) -> Progress:
        """How far it is."""
        seconds = _clock() - self._began
        return Progress(self._alias, self._rows, self._bytes, seconds, self.estimate, self._over)

    def tick(self) -> None:
        """Show or report how far it is; called by the package's thread."""
        with self._lock:
            if self._over or self._context is None:
                return
            if self._sink is not None:
                self._context.run(self._tell, self._sink)
            elif self.now.seconds >= _QUIET:
                self._context.run(_unless_broken, self._draw)

    def _tell(self, sink: Sink) -> None:
        _unless_broken(lambda: sink(self.now))

    def _draw(self) -> None:
        if self._bar is None:
            self._bar = _new_bar(self.now)
        self._bar.show(self.now)


def _unless_broken(draw: Callable[[], object]) -> None:
    """Draw; a screen that is gone is no reason to lose what is read."""
    try:
        draw()
    except Exception as error:  # noqa: BLE001 -- whatever a sink or a terminal raises
        _log.debug("progress can't be shown: %s", error)


# The thread that looks


class _Ticker:
    """Looks at the meters of running reads. Its thread sleeps for good where there are none."""

    def __init__(self) -> None:
        self._meters: set[Meter] = set()
        self._condition = threading.Condition()
        self._awake = False
        self._thread: threading.Thread | None = None

    def watch(self, meter: Meter) -> None:
        """Look at a meter from now on."""
        self._meters.add(meter)
        # Between two quick reads it has not fallen asleep yet, so that only the first one wakes it.
        if not self._awake:
            self._wake()

    def forget(self, meter: Meter) -> None:
        """Look at a meter no more."""
        self._meters.discard(meter)

    def tick(self) -> None:
        """Look once."""
        for meter in list(self._meters):
            meter.tick()

    def _wake(self) -> None:
        with self._condition:
            self._awake = True
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="multidb-progress", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._awake = bool(self._meters)
                while not self._awake:
                    self._condition.wait()
            time.sleep(_PERIOD)
            self.tick()


_ticker = _Ticker()


def _after_fork() -> None:
    """Begin anew in a forked process, which has neither the thread nor the reads of its parent."""
    global _ticker  # noqa: PLW0603 -- one for the process
    _ticker = _Ticker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# The bar


class _Bar(Protocol):
    def show(self, now: Progress) -> None: ...

    def close(self) -> None: ...


_WAITING = "{desc}: waiting for the database… {elapsed_s:.0f} s"
_COUNTING = "{desc}: {n_fmt} rows [{elapsed}, {rate_fmt}]"
_FILLING = "{desc}: {percentage:.0f}%|{bar}| {n_fmt} of ~{total_fmt} rows [{elapsed}<{remaining}, {rate_fmt}]"


class _Tqdm:
    """A bar of tqdm, in the form that the place where it is shown has for it."""

    def __init__(self, bars: Any, now: Progress) -> None:
        # It is told to draw by us alone, so it needs no thread of its own that looks after it.
        class Bar(bars):  # type: ignore[misc]
            monitor_interval = 0

        self._bar = Bar(
            desc=now.alias,
            total=now.estimate,
            unit=" rows",
            unit_scale=True,
            leave=False,
            dynamic_ncols=True,
            delay=1e-9,  # It is not drawn before it knows what to show.
        )
        self._bar.start_t -= now.seconds

    def show(self, now: Progress) -> None:
        bar = self._bar
        bar.n = now.rows
        # An estimate that is exceeded was wrong; what comes after it nobody knows.
        bar.total = now.estimate if now.estimate and now.estimate >= now.rows else None
        bar.bar_format = _WAITING if not now.rows else _FILLING if bar.total else _COUNTING
        bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _NoBar:
    def show(self, now: Progress) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Close nothing."""


def _new_bar(now: Progress) -> _Bar:
    """Make a bar where somebody looks: in a terminal or a notebook, and not in the log file of a script."""
    if not _in_notebook() and not sys.stderr.isatty():
        return _NoBar()
    try:
        return _Tqdm(import_module("tqdm.auto").tqdm, now)
    except ImportError:
        return _NoBar()


def _in_notebook() -> bool:
    # Whoever runs in a notebook has loaded this module long ago.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")
