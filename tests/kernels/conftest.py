"""A kernel as a notebook has it: it runs cells, and its stop button is pressed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 20.0
"""Seconds without a word until a kernel counts as lost."""


@dataclass(frozen=True)
class Answer:
    """What a cell printed, the error that ended it and how it was shown, and the seconds since the button."""

    text: str
    error: str
    shown: str
    seconds: float
    lost: bool


class Notebook:
    """One kernel, in the hands of `button`."""

    def __init__(self) -> None:
        program = [sys.executable, str(Path(__file__).with_name("button.py")), str(PATIENCE)]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.lost = False

    def run(self, cell: str) -> str:
        """Run a cell to its end and give what it printed."""
        answer = self._ask(cell=cell, after=None)
        assert not answer.error, answer.shown
        return answer.text.strip()

    def stop(self, cell: str, after: float = 0.4) -> Answer:
        """Run a cell and press the stop button a moment after it has begun."""
        return self._ask(cell=f"print('begun', flush=True)\n{cell}", after=after)

    def _ask(self, **asked: Any) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        answer = Answer(**json.loads(self._process.stdout.readline()))
        self.lost = answer.lost
        assert not self.lost, f"no word from this cell for {PATIENCE:.0f} s: {asked['cell']}"
        return answer

    def close(self) -> None:
        """End the kernel and its holder."""
        self._process.communicate(timeout=PATIENCE)


class _Shelf:
    """The kernel of a file's tests: starting one takes longer than any of them."""

    def __init__(self) -> None:
        self._notebook: Notebook | None = None

    def take(self) -> Notebook:
        if self._notebook is not None and self._notebook.lost:
            self.clear()
        if self._notebook is None:
            self._notebook = Notebook()
        return self._notebook

    def clear(self) -> None:
        if self._notebook is not None:
            self._notebook.close()
            self._notebook = None


@pytest.fixture(scope="module")
def shelf() -> Iterator[_Shelf]:
    """Keep a kernel from test to test."""
    kept = _Shelf()
    yield kept
    kept.clear()


@pytest.fixture
def kernel(shelf: _Shelf) -> Iterator[Notebook]:
    """Give a kernel, without an alias after the test."""
    notebook = shelf.take()
    yield notebook
    if not notebook.lost:
        notebook.run("import multidb_explorer as mdb; mdb.configure({})")
