"""Ask several databases at once, each in a thread of its own."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from concurrent.futures import ALL_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.stopping import Stop, stoppable
from multidb_explorer.errors import MultiDBError

__all__ = ["Answers", "Task", "abreast", "side_by_side"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_MOST = 8
"""Databases asked at once."""
_PATIENCE = 5
"""Seconds that stopped statements get to end."""
FAILURES = (MultiDBError, SQLAlchemyError)

_stops: contextvars.ContextVar[tuple[Stop, ...]] = contextvars.ContextVar("multidb_stops", default=())
"""The switches that watch this thread: a task may ask side by side in its turn, and is stopped as a whole."""


@dataclass(frozen=True)
class Task(Generic[T]):
    """Something to ask, and the aliases that it asks."""

    aliases: tuple[str, ...]
    ask: Callable[[], T]


class Answers(Generic[K, T]):
    """What several databases said.

    Attributes
    ----------
    found, failures
        Results and errors by task, in the order in which they were asked for.
    """

    def __init__(self, keys: Iterable[K], kept: tuple[type[Exception], ...] = FAILURES) -> None:
        self._keys = tuple(keys)
        self._kept = kept
        self._found: dict[K, T] = {}
        self._failures: dict[K, Exception] = {}

    @property
    def found(self) -> dict[K, T]:
        """Results by task."""
        return {key: self._found[key] for key in self._keys if key in self._found}

    @property
    def failures(self) -> dict[K, Exception]:
        """Errors by task."""
        return {key: self._failures[key] for key in self._keys if key in self._failures}

    def take(self, key: K, ask: Callable[[], T]) -> None:
        """Keep what a task answers; an error that has nothing to do with databases is raised."""
        try:
            self._found[key] = ask()
        except self._kept as error:
            self.fail(key, error)

    def fail(self, key: K, error: Exception) -> None:
        """Keep why a task has no answer."""
        self._failures[key] = error


def abreast(tasks: Mapping[str, Callable[[], T]], *, all_or_nothing: bool) -> Answers[str, T]:
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
    asked = {alias: Task((alias,), ask) for alias, ask in tasks.items()}
    return side_by_side(asked, Answers(asked), all_or_nothing=all_or_nothing)


def side_by_side(tasks: Mapping[K, Task[T]], answers: Answers[K, T], *, all_or_nothing: bool = False) -> Answers[K, T]:
    """Run tasks in threads of their own, and stop them all when the user interrupts this one.

    Parameters
    ----------
    answers
        Where their answers go.
    all_or_nothing
        Whether the first failure stops the others.
    """
    with ExitStack() as stack:
        switches = _switches(stack, tasks, answers)
        executor = ThreadPoolExecutor(_MOST, thread_name_prefix="multidb")
        futures = {_submitted(executor, stops, tasks[key].ask): key for key, stops in switches.items()}
        try:
            _collect(tasks, futures, answers, all_or_nothing=all_or_nothing)
        finally:
            # Only after an interrupt or a failure is anything still running.
            _stop([stop for stops in switches.values() for stop in stops], futures)
            executor.shutdown(wait=False, cancel_futures=True)
    return answers


def _switches(stack: ExitStack, tasks: Mapping[K, Task[T]], answers: Answers[K, T]) -> dict[K, tuple[Stop, ...]]:
    """Make the switches of every task that a thread can run.

    What shares one connection, or sees what an open block of this thread wrote, is asked by this thread itself.
    """
    found: dict[K, tuple[Stop, ...]] = {}
    for key, task in tasks.items():
        try:
            asked = [databases[alias] for alias in task.aliases]
            if not any(database.shares_connection for database in asked):
                found[key] = tuple([stack.enter_context(stoppable(database)) for database in asked])
        except FAILURES as error:
            answers.fail(key, error)
    return found


def _submitted(executor: ThreadPoolExecutor, stops: tuple[Stop, ...], ask: Callable[[], T]) -> Future[T]:
    # In a copy of this thread's context: a notebook knows by it which cell a bar belongs to.
    return executor.submit(contextvars.copy_context().run, _watched, stops, ask)


def _watched(stops: tuple[Stop, ...], ask: Callable[[], T]) -> T:
    every = (*_stops.get(), *stops)
    _stops.set(every)
    for stop in every:
        stop.watch_this_thread()
    return ask()


def _collect(
    tasks: Mapping[K, Task[T]], futures: Mapping[Future[T], K], answers: Answers[K, T], *, all_or_nothing: bool
) -> None:
    elsewhere = {*futures.values(), *answers.failures}
    for key in (key for key in tasks if key not in elsewhere):
        answers.take(key, tasks[key].ask)
    if all_or_nothing and answers.failures:
        return
    done, _ = wait(futures, return_when=FIRST_EXCEPTION if all_or_nothing else ALL_COMPLETED)
    for future in done:
        answers.take(futures[future], future.result)


def _stop(switches: Iterable[Stop], futures: Collection[Future[T]]) -> None:
    """Stop what still runs, again and again: between two statements of a thread there is nothing to stop."""
    end = time.monotonic() + _PATIENCE
    switches = list(switches)
    for future in futures:
        future.cancel()
    while not all(future.done() for future in futures) and time.monotonic() < end:
        for stop in switches:
            stop()
        wait(futures, timeout=0.2)
