"""Waiting for a driver that holds signals back: an interrupt stops its call, and only then is it heard."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from multidb_explorer.backends.waiting import interruptibly


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Hear interrupts, also where the tests were started by a shell that ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def nothing() -> None:
    pass


def test_it_gives_what_the_call_gives() -> None:
    assert interruptibly(lambda: 42, nothing) == 42


def test_it_raises_what_the_call_raises() -> None:
    def fail() -> None:
        raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        interruptibly(fail, nothing)


def test_the_call_is_made_elsewhere_only_where_an_interrupt_can_arrive() -> None:
    assert interruptibly(threading.current_thread, nothing) is not threading.main_thread()

    found: list[bool] = []
    thread = threading.Thread(
        target=lambda: found.append(interruptibly(threading.current_thread, nothing) is threading.current_thread())
    )
    thread.start()
    thread.join()
    assert found == [True]

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert interruptibly(threading.current_thread, nothing) is threading.main_thread()


def test_an_interrupt_stops_the_call_and_waits_for_its_end() -> None:
    told, ended = threading.Event(), threading.Event()

    def call() -> None:
        press()
        told.wait(30)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        interruptibly(call, told.set)
    assert ended.is_set()


def test_an_order_that_came_too_early_is_repeated() -> None:
    orders: list[float] = []

    def call() -> None:
        press()
        while len(orders) < 3:
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        interruptibly(call, lambda: orders.append(0.0))
    assert len(orders) >= 3


def test_a_second_interrupt_does_not_leave_the_call_running() -> None:
    orders: list[float] = []
    ended = threading.Event()

    def stop() -> None:
        orders.append(0.0)
        if len(orders) == 1:
            press()

    def call() -> None:
        press()
        while len(orders) < 3:
            time.sleep(0.01)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        interruptibly(call, stop)
    assert ended.is_set()


def test_calls_after_an_interrupt_work() -> None:
    with pytest.raises(KeyboardInterrupt):
        interruptibly(press, nothing)
        time.sleep(1)

    assert [interruptibly(lambda: 1, nothing) for _ in range(100)] == [1] * 100
