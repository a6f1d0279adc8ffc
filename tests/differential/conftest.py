"""The bookshop as an SQLite file, read by Django and by us."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The modules beside the tests call each other by their plain names, as run.py does.
sys.path.insert(0, str(Path(__file__).parent))

import judge
import ours
import trials


@pytest.fixture(scope="session")
def bookshop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Make the bookshop, and let Django read it."""
    yield trials.made_bookshop(tmp_path_factory.mktemp("bookshop"))
    judge.close_bookshop()


@pytest.fixture
def on_sqlite(bookshop_url: str) -> str:
    """Let our models read the bookshop."""
    ours.open_bookshop(bookshop_url)
    return bookshop_url
