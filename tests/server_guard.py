"""A guard: the small process that owns one server program of the tests.

The guard runs the program as its child and obeys orders on its standard input. When that input ends,
because the test process closed it or died in whatever way, it stops the program and removes its folder.
So no server outlives the tests, and only a process that the guard itself started is ever signalled.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STOP_WITHIN = 20.0


@dataclass(frozen=True)
class Program:
    """How to run one server program."""

    command: list[str]
    stop_signal: int
    user: str | None = None
    env: dict[str, str] = field(default_factory=dict)


class Guard:
    """Talks to the guard process of one server, which lives in `folder`."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # A Ctrl-C in the terminal is for the tests; it must not reach the server.
            start_new_session=True,
        )
        self._ask(json.dumps(vars(program)))

    def start(self) -> int:
        """Start the server program and return its process id."""
        return int(self._ask("start"))

    def exit_code(self) -> int | None:
        """Return the program's exit code, None while it runs."""
        answer: int | None = self._ask("poll")
        return answer

    def stop(self) -> None:
        """Stop the program in order and wait for its end."""
        self._ask("stop")

    def kill(self) -> None:
        """End the program as a crash would and wait for its end."""
        self._ask("kill")

    def close(self) -> None:
        """Stop the program, remove the folder and end the guard."""
        process = self._process
        if process.stdin and process.stdout and not process.stdin.closed:
            process.stdin.close()
            process.stdout.close()
        process.wait()

    def log(self) -> str:
        """Return the end of the program's output."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else "(no log)"

    def _ask(self, order: str) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            process.stdin.write(order + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())


def guard(folder: Path) -> None:
    """Obey the orders on standard input; at its end stop the server and remove its folder."""
    # A polite end of the guard must go through the `finally` below as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    program = Program(**json.loads(sys.stdin.readline()))
    child: subprocess.Popen[bytes] | None = None
    answer: int | None = None
    try:
        _answer(None)
        for order in sys.stdin:
            match order.strip():
                case "start":
                    child = _run(program, folder)
                    answer = child.pid
                case "poll":
                    answer = child.poll() if child else None
                case "stop":
                    answer = _end(child, program.stop_signal)
                case "kill":
                    answer = _end(child, signal.SIGKILL)
            _answer(answer)
    finally:
        _end(child, program.stop_signal)
        shutil.rmtree(folder, ignore_errors=True)


def _answer(value: int | None) -> None:
    print(json.dumps(value), flush=True)


def _run(program: Program, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, **program.env},
            **as_user(program.user),
        )


def as_user(user: str | None) -> dict[str, Any]:
    """Return the arguments that let subprocess run a program as `user`."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _end(child: subprocess.Popen[bytes] | None, sign: int) -> int | None:
    """Signal exactly this child and wait until it has ended."""
    if child is None:
        return None
    if child.poll() is None:
        child.send_signal(sign)
    try:
        return child.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
