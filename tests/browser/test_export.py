"""Exports from the grid in JupyterLab."""

from __future__ import annotations

import json
import re

from browser.test_barriers import FIND
from playwright.sync_api import expect


def export(page):
    """Open the dialog."""
    page.get_by_role("button", name="Export the rows").click()
    dialog = page.get_by_role("dialog", name="Export users")
    expect(dialog.get_by_label("Format")).to_be_focused()
    return dialog


def test_rows_become_a_file_or_a_download(notebook, shop, axe):
    book = notebook(
        shop.setup, "grid = mdb.TableGrid(mdb.reflect('users', using='legacy_users').objects.filter(id__lte=3)); grid"
    )
    page, folder = book.page, book.path.parent
    dialog = export(page)
    dialog.get_by_label("Format").select_option("jsonl")
    expect(dialog.get_by_label("File")).to_have_value("users.jsonl")
    book.shot("export")
    page.evaluate(axe)
    assert page.evaluate(FIND) == []
    dialog.get_by_label("File").press("Enter")
    expect(page.locator(".mdb-status")).to_contain_text("Wrote 3 rows of users to users.jsonl")
    lines = (folder / "users.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2, 3]

    # Never over a file unasked.
    dialog = export(page)
    dialog.get_by_label("Format").select_option("jsonl")
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is a file users.jsonl already")
    dialog.get_by_role("button", name="Replace it").click()
    expect(dialog).to_be_hidden()

    dialog = export(page)
    dialog.get_by_label("To", exact=True).select_option("download")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "users.csv"
    assert download.value.path().read_text().startswith("id,name,country")


def test_a_long_export_tells_how_far_it_is_and_is_stopped(notebook, shop):
    book = notebook(shop.setup, "mdb.TableGrid(mdb.reflect('users'))")
    page = book.page
    dialog = export(page)
    dialog.get_by_label("Format").select_option("excel")
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text(re.compile(r"\d,000 rows of about 300,000"))
    book.shot("export_running")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Stopped")
    assert [path.name for path in book.path.parent.iterdir() if "xlsx" in path.name] == []
