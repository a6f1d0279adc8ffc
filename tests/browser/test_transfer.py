"""Copying and moving with the mouse: plan, run, cancel, resume, report, by itself and from the explorer."""

from __future__ import annotations

from browser.looks import BOTH_THEMES
from browser.shop import column, execute, fill
from browser.test_barriers import FIND
from playwright.sync_api import expect

PLACE = "mdb.connect('scratch', 'sqlite:///{0}', color='teal', label='my scratch')"


def target(page, alias):
    page.locator(".mdb-move-target").click()
    page.locator(f".mdb-move .mdb-option[data-alias={alias}]").click()


def looked_at(book, name, panel):
    """Take a picture, and see that axe-core finds nothing."""
    book.shot(name, panel)
    assert book.page.evaluate(FIND) == []


@BOTH_THEMES
def test_a_family_moves_as_planned(notebook, shop, axe, dark):
    theme = "dark" if dark else "light"
    execute(shop.new, ("INSERT INTO users VALUES (101, 'Wilma Other', 'FR', 1, 1, NULL)",))
    rows = "mdb.reflect('users', using='legacy_users').objects.filter(id__gte=100, id__lte=104)"
    book = notebook(shop.setup, f"panel = mdb.TransferPanel({rows}); panel", dark=dark)
    page = book.page
    panel = page.locator(".mdb-transfer")
    expect(panel).to_contain_text("Choose where the rows go")
    page.evaluate(axe)
    looked_at(book, f"transfer_begin_{theme}", panel)
    target(page, "new_users")
    expect(panel).to_contain_text("5 rows of 1 table")

    panel.locator(".mdb-move-kind", has_text="Move").click()
    panel.get_by_label("Relatives").select_option("children")
    expect(panel).to_contain_text("11 rows of 2 tables")
    expect(panel.locator(".mdb-move-foot")).to_contain_text("nothing can be written")
    looked_at(book, f"transfer_refused_{theme}", panel)
    panel.get_by_label("What happens to rows of users that meet others").select_option("newkey")
    button = panel.get_by_role("button", name="Move 11 rows to new_users")
    expect(button).to_be_disabled()
    panel.get_by_label("Type new_users to go on").fill("new_users")
    expect(button).to_be_enabled()
    panel.locator("summary").click()
    looked_at(book, f"transfer_plan_{theme}", panel)
    assert column(shop.legacy, "SELECT count(*) FROM users") == [1204]

    # The cell that runs meanwhile holds nothing up.
    book.run_more("import time; time.sleep(20)")
    button.click()
    expect(panel).to_contain_text("Moved to new_users in")
    looked_at(book, f"transfer_report_{theme}", panel)
    assert column(shop.legacy, "SELECT count(*) FROM users WHERE id BETWEEN 100 AND 104") == [0]
    assert column(shop.legacy, "SELECT count(*) FROM orders") == [0]
    assert column(shop.new, "SELECT name FROM users WHERE id = 101") == ["Wilma Other"]
    assert column(shop.new, "SELECT count(*) FROM users") == [6]
    assert column(shop.new, "SELECT count(*) FROM orders o JOIN users u ON u.id = o.user_id") == [6]


def test_a_long_copy_is_cancelled_and_resumed_after_the_page_was_read_anew(notebook, shop, tmp_path):
    scratch = fill(tmp_path / "scratch.db", 0)
    setup = f"{shop.setup}\n{PLACE.format(scratch)}"
    book = notebook(setup, "panel = mdb.TransferPanel(mdb.reflect('users'), to='scratch'); panel", dark=True)
    page = book.page
    panel = page.locator(".mdb-transfer")
    panel.get_by_role("button", name="Copy 300,000 rows to scratch").click()
    expect(panel.get_by_role("progressbar")).to_be_visible()
    expect(panel.locator(".mdb-move-far")).to_contain_text("rows/s")
    book.shot("transfer_running_dark", panel)
    panel.get_by_role("button", name="Cancel").click()
    expect(panel).to_contain_text("Cancelled")
    there = column(scratch, "SELECT count(*) FROM users")[0]
    assert there < 300_000
    assert there % 50_000 == 0
    book.shot("transfer_cancelled_dark", panel)

    panel.get_by_role("button", name="Resume").click()
    expect(panel).to_contain_text("Copied to scratch in", timeout=60_000)
    expect(panel.locator(".mdb-move-unfinished")).to_be_hidden()
    assert column(scratch, "SELECT count(*) FROM users") == [300_000]


def test_the_explorer_moves_what_is_selected(notebook, shop, axe, tmp_path):
    scratch = fill(tmp_path / "scratch.db", 0)
    book = notebook(f"{shop.setup}\n{PLACE.format(scratch)}", "mdb.explore('legacy_users', 'users')")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    page.locator(".mdb-body .mdb-tick").nth(1).click()
    page.get_by_role("button", name="Copy or move").click()
    dialog = page.locator(".mdb-sheet")
    expect(dialog).to_contain_text("Copy or move 1 selected row of users")
    dialog.locator(".mdb-move-kind", has_text="Move").click()
    target(page, "scratch")
    dialog.get_by_role("button", name="Move 1 row to scratch").click()
    expect(dialog).to_contain_text("Moved to scratch in")
    book.shot("transfer_dialog_light")
    page.evaluate(axe)
    assert page.evaluate(FIND) == []
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".mdb-count")).to_have_text("1,203 rows")
    assert column(scratch, "SELECT id FROM users") == [2]
