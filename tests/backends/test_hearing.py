"""An interrupt that Python can only print is sent again while a session is lent."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from multidb_explorer.backends.hearing import begin_to_hear, end_hearing


class Finalized:
    """Its end is the moment at which something goes wrong."""

    def __init__(self, error: type[BaseException] = KeyboardInterrupt) -> None:
        self._error = error

    def __del__(self) -> None:
        raise self._error


class Slow:
    """Its end is the moment at which the button is pressed."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)


class Asleep:
    """Its end takes until an interrupt comes."""

    def __del__(self) -> None:
        time.sleep(30)


@pytest.fixture(autouse=True)
def printed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What would be printed, while somebody hears, also where the tests were started by a shell that ignores it."""
    found: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: found.append(unraisable.exc_type))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    assert begin_to_hear()
    yield found
    end_hearing()
    signal.signal(signal.SIGINT, before)


def test_what_got_lost_comes_again(printed: list[Any]) -> None:
    with pytest.raises(KeyboardInterrupt):
        Slow()
        time.sleep(30)
    assert printed == []


def test_what_gets_lost_twice_comes_a_third_time() -> None:
    with pytest.raises(KeyboardInterrupt):
        Slow()
        Asleep()
        time.sleep(30)


def test_it_wakes_who_waits_for_a_server() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(KeyboardInterrupt):
        Slow()
        ours.recv(1)


def test_all_else_is_told_as_before(printed: list[Any]) -> None:
    Finalized(LookupError)
    assert printed == [LookupError]


def test_nobody_is_interrupted_who_does_not_want_to_be() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Finalized()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()


def test_an_interrupt_concerns_the_main_thread_alone(printed: list[Any]) -> None:
    found: list[bool] = []

    def work() -> None:
        found.append(begin_to_hear())
        Finalized()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
    assert printed == [KeyboardInterrupt]


def test_the_hook_comes_back(printed: list[Any]) -> None:
    assert not begin_to_hear()
    end_hearing()

    Finalized()
    assert printed == [KeyboardInterrupt]


def test_a_hook_of_somebody_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", print)
    end_hearing()
    assert sys.unraisablehook is print
