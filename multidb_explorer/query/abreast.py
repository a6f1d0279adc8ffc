"""Ask several databases at once, each in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ALL_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.stopping import Stop, stoppable
from multidb_explorer.errors import MultiDBError

__all__ = ["Answers", "abreast"]

T = TypeVar("T")

_MOST = 8
"""Databases asked at once."""
_PATIENCE = 5
"""Seconds that stopped statements get to end."""
FAILURES = (MultiDBError, SQLAlchemyError)


class Answers(Generic[T]):
    """What several databases said.

    Attributes
    ----------
    found, failures
        Results and errors by alias, in the order in which they were asked for.
    """

    def __init__(self, aliases: Iterable[str]) -> None:
        self._aliases = tuple(aliases)
        self._found: dict[str, T] = {}
        self._failures: dict[str, Exception] = {}

    @property
    def found(self) -> dict[str, T]:
        """Results by alias."""
        return {alias: self._found[alias] for alias in self._aliases if alias in self._found}

    @property
    def failures(self) -> dict[str, Exception]:
        """Errors by alias."""
        return {alias: self._failures[alias] for alias in self._aliases if alias in self._failures}

    def take(self, alias: str, ask: Callable[[], T]) -> None:
        """Keep what an alias answers; an error that has nothing to do with databases is raised."""
        try:
            self._found[alias] = ask()
        except FAILURES as error:
            self.fail(alias, error)

    def fail(self, alias: str, error: Exception) -> None:
        """Keep why an alias does not answer."""
        self._failures[alias] = error


def abreast(tasks: Mapping[str, Callable[[], T]], *, all_or_nothing: bool) -> Answers[T]:
    """Run one task an alias, side by side.

    Parameters
    ----------
    all_or_nothing
        Whether the first failure stops the others.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "crm": "sqlite://"})
    >>> abreast({"default": lambda: 1, "crm": lambda: 2}, all_or_nothing=True).found
    {'default': 1, 'crm': 2}
    """
    answers: Answers[T] = Answers(tasks)
    with ExitStack() as stack:
        switches = _switches(stack, tasks, answers)
        executor = ThreadPoolExecutor(_MOST, thread_name_prefix="multidb")
        futures = {executor.submit(_watched, stop, tasks[alias]): alias for alias, stop in switches.items()}
        try:
            _collect(tasks, futures, answers, all_or_nothing=all_or_nothing)
        finally:
            # Only after an interrupt or a failure is anything still running.
            _stop(switches.values(), futures)
            executor.shutdown(wait=False, cancel_futures=True)
    return answers


def _switches(stack: ExitStack, aliases: Iterable[str], answers: Answers[T]) -> dict[str, Stop]:
    """Make a switch for every alias that a thread can ask.

    What shares one connection, or sees what an open block of this thread wrote, is asked by this thread itself.
    """
    found: dict[str, Stop] = {}
    for alias in aliases:
        try:
            if not databases[alias].shares_connection:
                found[alias] = stack.enter_context(stoppable(databases[alias]))
        except FAILURES as error:
            answers.fail(alias, error)
    return found


def _watched(stop: Stop, task: Callable[[], T]) -> T:
    stop.watch_this_thread()
    return task()


def _collect(
    tasks: Mapping[str, Callable[[], T]], futures: Mapping[Future[T], str], answers: Answers[T], *, all_or_nothing: bool
) -> None:
    elsewhere = {*futures.values(), *answers.failures}
    for alias in (alias for alias in tasks if alias not in elsewhere):
        answers.take(alias, tasks[alias])
    if all_or_nothing and answers.failures:
        return
    done, _ = wait(futures, return_when=FIRST_EXCEPTION if all_or_nothing else ALL_COMPLETED)
    for future in done:
        answers.take(futures[future], future.result)


def _stop(switches: Iterable[Stop], futures: Collection[Future[T]]) -> None:
    """Stop what still runs, again and again: between two statements of a thread there is nothing to stop."""
    end = time.monotonic() + _PATIENCE
    for future in futures:
        future.cancel()
    while not all(future.done() for future in futures) and time.monotonic() < end:
        for stop in switches:
            stop()
        wait(futures, timeout=0.2)
