"""A program that holds a kernel: it reads cells from its input, one in a line of JSON, and answers what came of each.

It is a process of its own, since a kernel's client leaves event loops and sockets behind.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager


class Kernel:
    """One kernel and its stop button."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._manager = KernelManager()
        self._manager.start_kernel()
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=patience)

    def follow(self, cell: str, after: float | None) -> dict[str, Any]:
        """Run a cell, and press the button so many seconds after it printed ``begun``."""
        answer: dict[str, Any] = {"text": "", "error": "", "shown": "", "seconds": 0.0, "lost": False}
        message, pressed = self._client.execute(cell), []
        while not self._ended(message, answer):
            if after is not None and "begun" in answer["text"]:
                timer = threading.Timer(after, self._press, (pressed,))
                timer.start()
                after = None
        if pressed:
            answer["seconds"] = time.monotonic() - pressed[0]
        return answer

    def _press(self, pressed: list[float]) -> None:
        pressed.append(time.monotonic())
        self._manager.interrupt_kernel()

    def _ended(self, message: str, answer: dict[str, Any]) -> bool:
        try:
            found = self._client.get_iopub_msg(timeout=self._patience)
        except Empty:
            answer["lost"] = True
            return True
        kind, content = found["msg_type"], found["content"]
        if found["parent_header"].get("msg_id") != message:
            return False
        if kind == "stream":
            answer["text"] += content["text"]
        elif kind == "error":
            answer["error"] = content["ename"]
            answer["shown"] = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
        return bool(kind == "status" and content["execution_state"] == "idle")

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def main() -> None:
    """Answer until the input ends."""
    kernel = Kernel(float(sys.argv[1]))
    try:
        for line in sys.stdin:
            print(json.dumps(kernel.follow(**json.loads(line))), flush=True)
    finally:
        kernel.close()


if __name__ == "__main__":
    main()
