"""The tour as a user takes it: run everything, then use what the last cells show."""

from __future__ import annotations

from pathlib import Path

from browser.looks import BOTH_THEMES, choose
from browser.shop import column
from playwright.sync_api import expect

TOUR = Path(__file__).parents[2] / "notebooks" / "01_tour.ipynb"


@BOTH_THEMES
def test_the_tour_runs_and_a_user_moves_by_mouse(notebook, dark):
    book = notebook.open(TOUR.read_text(), dark=dark, width=1180, height=1000)
    page = book.page
    folder = book.path.parent / "demo"
    legacy, new = folder / "legacy.db", folder / "new.db"
    explorer = page.locator(".mdb-explorer")
    expect(explorer.locator(".mdb-count")).to_have_text("2,397 rows", timeout=90_000)
    expect(page.locator(".jp-OutputArea-output[data-mime-type$='stderr']")).to_have_count(0)

    choose(page, "new_users")
    expect(page.locator(".mdb-bare .mdb-picker-name")).to_have_text("new_users")

    explorer.scroll_into_view_if_needed()
    explorer.get_by_role("grid").click(position={"x": 300, "y": 60})
    page.mouse.wheel(0, 2600)
    expect(explorer.locator(".mdb-place")).to_contain_text("rows 101")
    explorer.locator(".mdb-goto").fill("1")
    explorer.locator(".mdb-goto").press("Enter")
    row = explorer.locator(".mdb-body .mdb-row", has_text="linnea.palm.9@example.net")
    row.locator(".mdb-tick").click()
    book.shot(f"tour_explorer_{'dark' if dark else 'light'}", explorer)

    explorer.get_by_role("button", name="Copy rows to").click()
    explorer.locator(".mdb-actions .mdb-option[data-alias=new_users]").click()
    card = explorer.locator(".mdb-card")
    expect(card).to_contain_text("Copy 1 row to")
    if card.get_by_role("textbox").count():
        card.get_by_role("textbox").fill("new_users")
    card.get_by_role("button", name="Copy 1 row to new_users").click()
    expect(explorer.locator(".mdb-status")).to_have_text("Copied 1 row of users to new_users")
    assert column(new, "SELECT email FROM users WHERE id = 9") == ["linnea.palm.9@example.net"]

    explorer.get_by_role("button", name="Delete from legacy_users").click()
    explorer.get_by_role("button", name="Delete 1 row from legacy_users").click()
    expect(explorer.locator(".mdb-status")).to_have_text("Deleted 1 row of users from legacy_users")
    assert column(legacy, "SELECT email FROM users WHERE id = 9") == []
    assert column(new, "SELECT count(*) FROM users WHERE id = 9") == [1]
