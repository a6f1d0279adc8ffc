"""Processes that are killed, and servers of a test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The modules beside the tests call each other by their plain names, as their programs do.
sys.path.insert(0, str(Path(__file__).parent))

from forking import Workers


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Give a program that forks workers."""
    made = Workers(tmp_path_factory.mktemp("workers"))
    yield made
    made.close()
