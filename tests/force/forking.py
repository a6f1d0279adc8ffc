"""Workers that are killed: a program that has imported everything once and forks a new process for each order.

`Workers` is the side of the tests; ``python forking.py`` is the program, which gets orders on its standard input, one
in a line of JSON. It opens no connection itself, so that its forks share nothing with each other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Worker", "Workers", "eventually"]

PATIENCE = 60.0


def eventually(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen in {seconds:.0f} s that {what}"
        time.sleep(0.01)


@dataclass
class Worker:
    """A process that follows one order.

    Attributes
    ----------
    log
        Where it says what it has done, a line each; what it said before it was killed stands there.
    """

    pid: int
    log: Path
    workers: Workers

    def said(self, word: str) -> list[list[str]]:
        """Give the rest of each whole line that begins with a word."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [rest for first, *rest in (line.split() for line in whole.splitlines()) if first == word]

    def kill(self) -> None:
        """End it without a last word."""
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Wait for its end: 0, the number of the signal that killed it as a negative one, or 1 for an error."""
        return int(self.workers.ask("wait", pid=self.pid))

    def finished(self) -> None:
        """Wait for its good end."""
        code = self.ended()
        assert code == 0, f"the worker ended with {code}:\n{self.log.read_text()}"


class Workers:
    """The program that forks, in the hands of the tests.

    Parameters
    ----------
    folder
        Where the logs of the workers are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, task: str, **order: Any) -> Worker:
        """Let a new process follow an order; it keeps its state where the test does."""
        self._number += 1
        log = self._folder / f"worker{self._number}.log"
        log.touch()
        state = os.environ["MULTIDB_STATE_DIR"]
        return Worker(int(self.ask("start", task=task, log=str(log), state=state, order=order)), log, self)

    def ask(self, what: str, **asked: Any) -> Any:
        """Ask the program, and give its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps({'what': what, **asked})}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self._process.communicate(timeout=PATIENCE)


# The program


def main() -> None:
    """Answer until the input ends; workers that are left are killed."""
    import tasks

    left: set[int] = set()
    try:
        for line in sys.stdin:
            asked = json.loads(line)
            if asked["what"] == "wait":
                answer = os.waitstatus_to_exitcode(os.waitpid(asked["pid"], 0)[1])
                left.discard(asked["pid"])
            else:
                answer = os.fork()
                if answer == 0:
                    _work(asked, tasks.TASKS[asked["task"]])
                left.add(answer)
            print(json.dumps(answer), flush=True)
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def _work(asked: dict[str, Any], task: Callable[..., None]) -> NoReturn:
    """Follow an order in the new process, which never returns into the program's loop."""
    code = 1
    try:
        # Whoever waits for the program's answers must not wait for this copy of its output to be closed.
        log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, ours in enumerate((nothing, log, log)):
            os.dup2(ours, number)
        os.environ["MULTIDB_STATE_DIR"] = asked["state"]
        task(lambda *words: os.write(log, f"{' '.join(map(str, words))}\n".encode()), **asked["order"])
        code = 0
    except BaseException:  # noqa: BLE001 -- told in the log, as the end of a process is
        os.write(log, traceback.format_exc().encode())
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    main()
