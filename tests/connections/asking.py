"""A program that holds a kernel and answers its questions: it reads cells from its input, one in a line of JSON.

It is a process of its own, since a kernel's client leaves event loops and sockets behind.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from jupyter_client.manager import KernelManager

PATIENCE = 30.0


def follow(client: Any, cell: str, answers: list[str] | None) -> dict[str, Any]:
    """Run a cell; what it asks is answered in turn, or is not allowed where there are no answers."""
    told: dict[str, Any] = {"text": "", "error": "", "asked": []}

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        told["text"] += content.get("text", "") if message["msg_type"] == "stream" else ""
        if message["msg_type"] == "error":
            told["error"] = f"{content['ename']}: {content['evalue']}"

    def answer(message: dict[str, Any]) -> None:
        told["asked"].append(message["content"]["prompt"])
        client.input(answers.pop(0) if answers else "")

    client.execute_interactive(
        cell, allow_stdin=answers is not None, stdin_hook=answer, output_hook=hear, timeout=PATIENCE
    )
    return told


def main() -> None:
    """Run cells until there are no more."""
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    try:
        for line in sys.stdin:
            print(json.dumps(follow(client, **json.loads(line))), flush=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
