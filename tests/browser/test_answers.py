"""What a person sees of reads: a bar while they last, the stop button, and reports that look right in both themes."""

from __future__ import annotations

import sqlite3

import pytest
from browser.looks import BOTH_THEMES
from playwright.sync_api import expect

ENDLESS = """
CREATE TABLE numbers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO numbers SELECT i, 'n' || i FROM n;
CREATE VIEW endless AS SELECT a.id, a.name FROM numbers a, numbers b, numbers c, numbers d;
"""
SETUP = """
import multidb_explorer as mdb
mdb.connect("here", "sqlite:///{path}")
mdb.options.memory_share = None
Endless, Number = mdb.reflect("endless", using="here"), mdb.reflect("numbers", using="here")
"""


@pytest.fixture
def setup(tmp_path):
    with sqlite3.connect(tmp_path / "here.db") as connection:
        connection.executescript(ENDLESS)
    connection.close()
    return SETUP.format(path=tmp_path / "here.db")


@BOTH_THEMES
def test_a_long_read_shows_a_bar_and_the_stop_button_ends_it(notebook, setup, dark):
    book = notebook(setup, "for frame in Endless.objects.to_pandas_batches():\n    pass", "6 * 7", dark=dark)
    page = book.page
    expect(page.locator(".jp-OutputArea-output").filter(has_text="rows/s")).to_contain_text("here:")
    book.shot(f"bar_{'dark' if dark else 'light'}")
    book.run("notebook:interrupt-kernel")
    # One line, and none of the frames of drivers and pools.
    expect(book.output()).to_have_text("KeyboardInterrupt: The statement on alias 'here' was stopped.")
    book.run_more("Number.objects.count()")
    expect(book.output()).to_have_text("1000")
    book.shot(f"stopped_{'dark' if dark else 'light'}")


@BOTH_THEMES
def test_reports_look_right(notebook, setup, dark):
    book = notebook(
        setup,
        "Number.objects.explain_fetch()",
        "mdb.gather(Number.objects.all(), Number.objects.filter(id__lt=10))",
        dark=dark,
    )
    expect(book.page.locator(".jp-OutputArea-output").last).to_contain_text("2 of 2 queries answered")
    expect(book.page.locator(".jp-OutputArea-output").first).to_contain_text("to_pandas() on here reads with")
    book.shot(f"reports_{'dark' if dark else 'light'}")
