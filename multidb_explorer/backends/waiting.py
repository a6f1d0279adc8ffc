"""Calls that hear the stop button: a driver that holds signals back runs in another thread while the main one waits."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar, cast

__all__ = ["interruptibly"]

T = TypeVar("T")

_PATIENCE = 0.05
"""Seconds between two orders to stop: one that comes before the statement has begun is lost."""


def interruptibly(call: Callable[[], T], stop: Callable[[], object]) -> T:
    """Make a call of a driver, and stop it when the user interrupts the main thread.

    Where no interrupt can arrive, in every other thread, the call is made right here.

    Parameters
    ----------
    call
        What the driver shall do.
    stop
        Ends the running call from another thread; it is called until the call has ended.

    Raises
    ------
    KeyboardInterrupt
        After the call has ended.

    Examples
    --------
    >>> interruptibly(lambda: 6 * 7, stop=lambda: None)
    42
    """
    if threading.current_thread() is not threading.main_thread() or not callable(signal.getsignal(signal.SIGINT)):
        return call()
    job = _Job(call)
    try:
        _worker().put(job)
        job.wait()
    except BaseException:
        job.end(stop)
        raise
    return cast("T", job.result())


class _Job:
    """One call, what came of it, and who makes it: the worker, or nobody when it was interrupted before."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._claim = threading.Lock()
        self._running = threading.Lock()
        self._running.acquire()
        self._over = False
        self._found: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call, in the worker."""
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._found = self._call()
        except BaseException as error:  # noqa: BLE001 -- it is raised where the call was asked for
            self._error = error
        self._over = True
        self._running.release()

    def wait(self) -> None:
        """Wait in steps, since Windows lets no signal into a wait without an end."""
        while not self._running.acquire(timeout=_PATIENCE):
            pass

    def end(self, stop: Callable[[], object]) -> None:
        """Let the call not begin, or stop it; whoever interrupts again can't leave it running."""
        begun = not self._claim.acquire(blocking=False)
        while begun and not self._over:
            try:
                stop()
                self._running.acquire(timeout=_PATIENCE)
            except KeyboardInterrupt:
                continue
        # The frames of the interrupt are kept for the traceback, and nothing of the database shall be with them.
        self._found = self._error = None

    def result(self) -> Any:
        """Give what the call gave, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return self._found
        try:
            raise error
        finally:
            # The traceback holds this frame, and would hold the error by it.
            del error


_jobs: dict[int, SimpleQueue[_Job]] = {}


def _worker() -> SimpleQueue[_Job]:
    """Give the queue of this process's worker, which is kept: a new thread costs more than a small query."""
    jobs = _jobs.get(os.getpid())
    if jobs is None:
        # A forked process has the queue of its parent but not its thread.
        jobs = _jobs.setdefault(os.getpid(), SimpleQueue())
        threading.Thread(target=_work, args=(jobs,), name="multidb-driver", daemon=True).start()
    return jobs


def _work(jobs: SimpleQueue[_Job]) -> None:
    while True:
        jobs.get().run()
