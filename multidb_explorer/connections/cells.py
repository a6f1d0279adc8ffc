"""The notebook cell that is running, and a question to the person who runs it.

A running kernel puts its own ``input`` in the place of Python's for as long as a cell runs; nothing of Jupyter is
imported to find that out.
"""

from __future__ import annotations

import builtins
import sys
import threading
from typing import Any

__all__ = ["ask", "running_cell"]


def running_cell() -> str | None:
    """Identify the cell that this thread runs; ``None`` outside of notebooks and in other threads.

    Examples
    --------
    >>> running_cell() is None
    True
    """
    kernel = _kernel()
    if kernel is None or threading.current_thread() is not threading.main_thread():
        return None
    if builtins.input != kernel.raw_input:
        return None
    return str(kernel.get_parent("shell").get("header", {}).get("msg_id", ""))


def ask(question: str) -> str | None:
    """Ask the person who runs the cell; ``None`` where there is nobody to answer.

    Examples
    --------
    >>> ask("Write? ") is None
    True
    """
    if running_cell() is None:
        return None
    try:
        return input(question)
    except NotImplementedError:
        # The cell is run by a program (nbclient, papermill), which allows no input.
        return None


def _kernel() -> Any:
    """Give this process's kernel, if it is one."""
    module = sys.modules.get("ipykernel.kernelapp")
    if module is None or not module.IPKernelApp.initialized():
        return None
    return getattr(module.IPKernelApp.instance(), "kernel", None)
