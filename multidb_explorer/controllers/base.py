"""Controller: takes messages of a panel's browser side and answers every one of them, errors too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from multidb_explorer.errors import MultiDBError, QueryCancelled

__all__ = [
    "BadRequest",
    "Controller",
    "Handler",
    "Intervals",
    "Job",
    "Message",
    "Reply",
    "intervals",
    "whole",
]

_log = logging.getLogger(__name__)

Message = dict[str, Any]
Intervals = list[tuple[int, int]]


@dataclass(frozen=True)
class Reply:
    """One message to the browser, with the binary buffers that travel beside it."""

    message: Message
    buffers: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Job:
    """An answer that takes long: it is worked out in a thread of its own, so that other messages need not wait.

    Attributes
    ----------
    work
        Gives the answer.
    stop
        Ends the work early, called in another thread; the browser's ``cancel`` and the end of the panel ask for it.
    """

    work: Callable[[], Reply]
    stop: Callable[[], object] | None = None


Handler = Callable[[Message], Reply | Job]


class BadRequest(Exception):
    """A message that no browser side of ours sends; its text is fit to be shown."""


@dataclass
class _Outlet:
    """Where answers go and who hears of a new state; a widget fills it in."""

    send: Callable[[Reply], None] = field(default=lambda _: None)
    changed: Callable[[], None] = field(default=lambda: None)


class Controller:
    """Base of all controllers.

    Messages arrive in a thread of the kernel that is not the one of the cells, often while a cell runs; so a controller
    holds its state under `lock`, and every read takes its own connection.

    Attributes
    ----------
    intents : dict
        What the browser may ask for, by the ``type`` of the message.

    Examples
    --------
    >>> controller = Controller()
    >>> controller.attach(lambda reply: print(reply.message["message"]))
    >>> controller.receive({"type": "dance", "id": "1"})
    This panel can't do 'dance'.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.intents: dict[str, Handler] = {"cancel": self._cancel}
        self._outlet = _Outlet()
        self._running: dict[object, Callable[[], object]] = {}

    def attach(self, send: Callable[[Reply], None], changed: Callable[[], None] | None = None) -> None:
        """Say where answers go, and whom to tell when what `state` gives has changed."""
        self._outlet = _Outlet(send, changed or self._outlet.changed)

    @property
    def state(self) -> Message:
        """The small state that a new view of the panel starts from; never rows."""
        return {}

    def changed(self) -> None:
        """Tell the widget that `state` has changed."""
        self._outlet.changed()

    def send(self, reply: Reply) -> None:
        """Tell the browser something that it did not ask for."""
        self._outlet.send(reply)

    def receive(self, message: object) -> None:
        """Answer one message of the browser."""
        request = dict(message) if isinstance(message, Mapping) else {}
        answer = self._guarded(request, lambda: self._named(request))
        if isinstance(answer, Reply):
            self._outlet.send(answer)
            return
        if answer.stop is not None:
            self._running[request.get("id")] = answer.stop
        threading.Thread(target=self._run, args=(request, answer), name="multidb-panel", daemon=True).start()

    def _named(self, request: Message) -> Reply | Job:
        if not isinstance(request.get("id"), str | int | None):
            raise BadRequest("The id of a request is a text or a whole number.")
        return self.handle(request)

    def answer(self, message: Message) -> Reply:
        """Give the answer to one message, worked out in this thread however long it takes."""
        found = self._guarded(message, lambda: self.handle(message))
        return found if isinstance(found, Reply) else self._finished(message, found.work)

    def _run(self, request: Message, job: Job) -> None:
        answer = self._finished(request, job.work)
        self._running.pop(request.get("id"), None)
        self._outlet.send(answer)

    def tell(self, request: Message, **what: Any) -> None:
        """Tell the browser how far the work on a request has come."""
        self._outlet.send(Reply({"type": "progress", "id": request.get("id"), **what}))

    def _cancel(self, request: Message) -> Reply:
        """Stop the work on another request; that one is answered too, with an error that says so."""
        target = request.get("target")
        if not isinstance(target, str | int):
            raise BadRequest("Name the request that shall be stopped by its id.")
        stop = self._running.get(target)
        if stop is not None:
            # Not here: a server may take its time to take the order.
            threading.Thread(target=stop, name="multidb-stop", daemon=True).start()
        return Reply({"type": "cancel", "stopped": stop is not None})

    def close(self) -> None:
        """Stop all work: the panel is gone, and its connections go back."""
        for stop in list(self._running.values()):
            threading.Thread(target=stop, name="multidb-stop", daemon=True).start()

    def handle(self, request: Message) -> Reply | Job:
        """Work out the answer to one message; errors are raised, and put into words by `receive`."""
        handler = self.intents.get(str(request.get("type")))
        if handler is None:
            raise BadRequest(f"This panel can't do {str(request.get('type'))[:40]!r}.")
        return handler(request)

    def _finished(self, request: Message, work: Callable[[], Reply]) -> Reply:
        done = self._guarded(request, work)
        return done if isinstance(done, Reply) else error_reply(request, "The answer never came.")

    def _guarded(self, request: Message, work: Callable[[], Reply | Job]) -> Reply | Job:
        """Give the answer, or the error in words: a panel that waits for ever helps nobody."""
        try:
            answer = work()
        except (MultiDBError, BadRequest) as error:
            stopped = isinstance(error, QueryCancelled)
            return error_reply(request, str(error), stale=isinstance(error, Stale), cancelled=stopped)
        except Exception as error:  # noqa: BLE001 - whatever it is, the browser must hear that it failed
            # The text of an unknown error may hold anything, a password too: only its class is shown.
            _log.warning("a panel failed at %r: %s", request.get("type"), type(error).__name__)
            _log.debug("the panel's error", exc_info=True)
            return error_reply(request, f"Something unexpected went wrong here ({type(error).__name__}).")
        if isinstance(answer, Job):
            return answer
        return Reply({"id": request.get("id"), **answer.message}, answer.buffers)


class Stale(BadRequest):
    """A request about rows that were since sorted or changed; the browser drops the answer."""


def error_reply(request: Message, text: str, *, stale: bool = False, cancelled: bool = False) -> Reply:
    """Give the answer that says what went wrong."""
    answer = {"type": "err", "id": request.get("id"), "message": text, "stale": stale}
    return Reply({**answer, "cancelled": True} if cancelled else answer)


def whole(request: Message, name: str, *, most: int = 2**53) -> int:
    """Take a whole number that is not negative out of a message; a browser counts no further than to 2**53."""
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequest(f"A request lacks its number {name!r}.")
    return min(value, most)


def intervals(rows: object) -> Intervals:
    """Check the row intervals of a message.

    Examples
    --------
    >>> intervals([[3, 5], [9, 9]])
    [(3, 5), (9, 9)]
    """
    if not isinstance(rows, Iterable) or isinstance(rows, str | bytes):
        raise BadRequest("A selection is a list of row intervals.")
    found = []
    for pair in rows:
        first, last = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (None, None)
        if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last:
            raise BadRequest("A selection is a list of row intervals.")
        found.append((first, last))
    return found
