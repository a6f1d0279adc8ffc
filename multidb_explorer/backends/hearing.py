"""The stop button, pressed at a moment when Python can't tell anybody.

Python runs a signal's handler between any two steps of the main thread. What it raises inside a finalizer, or in the
callback of a weak reference or of the collector, is only printed, and whatever was read would go on. So while a
session is lent, an interrupt that gets lost is sent again.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["begin_to_hear", "end_hearing"]

_SOON = 0.02
"""Seconds until the finalizer has very likely ended; if not, the interrupt gets lost again and is sent once more."""


class _Told:
    """Who is told of all else that gets lost, and whether an interrupt is about to be sent."""

    pending = False
    hook: Callable[[Any], Any] = sys.__unraisablehook__


def _hearing(unraisable: Any) -> None:
    if _is_main() and issubclass(unraisable.exc_type, KeyboardInterrupt):
        if _Told.pending:
            return
        _Told.pending = True
        timer = threading.Timer(_SOON, _interrupt)
        timer.daemon = True
        timer.start()
    else:
        _Told.hook(unraisable)


def _interrupt() -> None:
    _Told.pending = False
    if not callable(signal.getsignal(signal.SIGINT)):
        # Nobody wants to hear it any more.
        return
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # It wakes the thread also where a driver waits for its server.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def begin_to_hear() -> bool:
    """Hear what gets lost from now on, and tell whether `end_hearing` shall end that.

    Examples
    --------
    >>> if begin_to_hear():
    ...     end_hearing()
    """
    hook = sys.unraisablehook
    if hook is _hearing or not _is_main():
        return False
    _Told.hook = hook
    sys.unraisablehook = _hearing
    return True


def end_hearing() -> None:
    """Let others be told again, unless they have seen to it themselves."""
    if sys.unraisablehook is _hearing:
        sys.unraisablehook = _Told.hook


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
