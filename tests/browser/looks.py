"""What several browser tests look for on the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

# One theme in each run, the other one in the soak: each opens a JupyterLab of its own.
BOTH_THEMES = pytest.mark.parametrize(
    "dark", [pytest.param(False, id="light"), pytest.param(True, id="dark", marks=pytest.mark.slow)]
)


def rows(page):
    """Give the rows in view."""
    return page.locator(".mdb-body .mdb-row:not([hidden])")


def cell(page, row, column):
    """Give a cell in view by its place on the screen."""
    return rows(page).nth(row).locator(".mdb-cell").nth(column)


def go_to(page, row):
    """Use the box for a row number."""
    page.locator(".mdb-goto").fill(row)
    page.locator(".mdb-goto").press("Enter")


def choose(page, alias):
    """Choose an alias in the dropdown."""
    page.locator(".mdb-picker-button").first.click()
    page.locator(f".mdb-picker .mdb-option[data-alias={alias}]").click()


def switch(page, alias, table):
    """Choose another alias and one of its tables, as a user would: looking before each click."""
    choose(page, alias)
    expect(page.locator(".mdb-picker-name")).to_have_text(alias)
    page.locator(".mdb-line", has_text=re.compile(f"^{table}")).click()
    expect(page.locator(".mdb-name")).to_have_text(table)


def copy_to(page, alias):
    """Press "Copy rows to" and choose where."""
    page.get_by_role("button", name="Copy rows to").click()
    page.locator(f".mdb-actions .mdb-option[data-alias={alias}]").click()
