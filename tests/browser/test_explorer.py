"""The explorer in JupyterLab: rows go from one database to another, and nothing is written unasked."""

from __future__ import annotations

from browser.looks import BOTH_THEMES, cell, choose, copy_to, go_to, rows, switch
from browser.shop import execute, fill, names_in
from playwright.sync_api import expect


def test_a_row_moves_from_one_database_to_another(notebook, shop):
    book = notebook(shop.setup, "mdb.explore('default', 'users')")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    switch(page, "legacy_users", "users")
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")

    page.locator(".mdb-body .mdb-tick").nth(2).click()
    expect(page.locator(".mdb-status")).to_have_text("1 row selected")
    page.get_by_role("button", name="Copy rows to").click()
    expect(page.locator(".mdb-actions .mdb-option[data-alias=archive]")).to_contain_text("read-only")
    book.shot("copy_to", page.locator(".mdb-explorer"))
    page.locator(".mdb-actions .mdb-option[data-alias=new_users]").click()
    card = page.locator(".mdb-card")
    expect(card.locator(".mdb-card-title")).to_contain_text("Copy 1 row to")
    expect(card.locator(".mdb-card-title .mdb-chip-name")).to_have_text("new_users")
    copy = card.get_by_role("button", name="Copy 1 row to new_users")
    expect(copy).to_be_disabled()
    card.get_by_role("textbox").fill("new_users")
    book.shot("dialog_copy", page.locator(".mdb-explorer"))
    copy.click()
    expect(page.locator(".mdb-status")).to_have_text("Copied 1 row of users to new_users")
    assert names_in(shop.new) == ["Zoë Fischer"]

    page.get_by_role("button", name="Delete from legacy_users").click()
    book.shot("dialog_delete", page.locator(".mdb-explorer"))
    page.get_by_role("button", name="Delete 1 row from legacy_users").click()
    expect(page.locator(".mdb-status")).to_have_text("Deleted 1 row of users from legacy_users")
    expect(page.locator(".mdb-count")).to_have_text("1,203 rows")
    expect(cell(page, 2, 0)).to_have_text("4")
    assert names_in(shop.legacy, "id = 3") == []
    assert len(names_in(shop.legacy)) == 1203


def test_a_different_row_there_is_not_overwritten_unasked(notebook, shop, tmp_path):
    other = fill(tmp_path / "other.db", 1)
    execute(other, ("UPDATE users SET name = ?, country = 'DE'", "Somebody Else"))
    book = notebook(shop.setup, f"mdb.connect('other', 'sqlite:///{other}'); mdb.explore('legacy_users', 'users')")
    page = book.page
    page.locator(".mdb-body .mdb-tick").first.click()
    copy_to(page, "other")
    page.get_by_role("button", name="Copy 1 row to other").click()
    expect(page.locator(".mdb-problem")).to_contain_text("Nothing was written.")
    expect(page.locator(".mdb-compare tbody tr").first).to_have_text("nameAnn LarssonSomebody Else")
    book.shot("dialog_conflict", page.locator(".mdb-explorer"))
    assert names_in(other) == ["Somebody Else"]
    page.get_by_role("button", name="Overwrite it").click()
    expect(page.locator(".mdb-status")).to_have_text("Copied 1 row of users to other")
    assert names_in(other) == ["Ann Larsson"]


def test_rows_that_others_depend_on_ask_twice(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('legacy_users', 'users')").page
    go_to(page, "101")
    expect(cell(page, 0, 0)).to_have_text("101")
    rows(page).first.locator(".mdb-tick").click()
    page.get_by_role("button", name="Delete from legacy_users").click()
    page.get_by_role("button", name="Delete 1 row from legacy_users").click()
    expect(page.locator(".mdb-problem")).to_contain_text("2 rows of orders")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".mdb-card")).to_have_count(0)
    assert names_in(shop.legacy, "id = 101") != []


def test_keys_on_a_button_leave_the_notebook_alone(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('legacy_users', 'users')").page
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    for name in ("Show or hide the tables", "Read again from the database"):
        page.get_by_role("button", name=name).focus()
        for key in ("d", "d", "x", "b"):
            page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == 2


def test_escape_leaves_the_question_and_nothing_is_written(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('legacy_users', 'users')").page
    page.locator(".mdb-body .mdb-tick").first.click()
    page.get_by_role("button", name="Delete from legacy_users").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".mdb-card")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete from legacy_users")).to_be_focused()
    assert len(names_in(shop.legacy)) == 1204


def test_an_alias_that_can_not_be_reached_is_shown_with_a_way_on(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('gone')").page
    expect(page.locator(".mdb-notice-title")).to_contain_text("can’t be read")  # noqa: RUF001
    expect(page.locator(".mdb-notice-text")).to_contain_text("Can't reach alias 'gone'")
    switch(page, "archive", "users")
    expect(page.locator(".mdb-count")).to_have_text("50 rows")


def test_two_thousand_tables_are_a_short_list(notebook, tmp_path):
    execute(tmp_path / "wide.db", *((f"CREATE TABLE table_{n} (id INTEGER PRIMARY KEY)",) for n in range(2000)))
    configure = f"mdb.configure({{'default': 'sqlite:///{tmp_path / 'wide.db'}'}})"
    page = notebook(f"import multidb_explorer as mdb\n{configure}\nmdb.explore()").page
    expect(page.locator(".mdb-search-count")).to_have_text("2,000")
    assert page.locator(".mdb-line").count() < 60
    page.get_by_role("combobox", name="Search tables").fill("table_1999")
    expect(page.locator(".mdb-line")).to_contain_text("table_1999")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-name")).to_have_text("table_1999")
    expect(page.locator(".mdb-notice-title")).to_have_text("No rows")


@BOTH_THEMES
def test_it_looks_right(notebook, shop, dark):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')", dark=dark)
    page = book.page
    theme = "dark" if dark else "light"
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    for row in (2, 4, 5):
        page.locator(".mdb-body .mdb-tick").nth(row).click()
    expect(page.locator(".mdb-status")).to_have_text("3 rows selected")
    assert page.locator("body").get_attribute("data-jp-theme-light") == str(not dark).lower()
    book.shot(f"explore_{theme}", page.locator(".mdb-explorer"))
    book.shot(f"explore_{theme}_page")
    switch(page, "archive", "users")
    expect(page.locator(".mdb-count")).to_have_text("50 rows")
    expect(page.locator(".mdb-main > .mdb-title .mdb-pill")).to_have_text("read-only")
    expect(page.get_by_role("button", name="Delete from archive")).to_have_count(0)
    book.shot(f"explore_{theme}_read_only", page.locator(".mdb-explorer"))


@BOTH_THEMES
def test_beside_another_notebook_the_tables_are_a_drawer(notebook, shop, dark):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')", dark=dark, width=760)
    page = book.page
    theme = "dark" if dark else "light"
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    expect(page.locator(".mdb-side")).to_be_hidden()
    book.shot(f"narrow_{theme}", page.locator(".mdb-explorer"))
    page.get_by_role("button", name="Show or hide the tables").click()
    book.shot(f"narrow_{theme}_tables", page.locator(".mdb-explorer"))
    page.locator(".mdb-line", has_text="orders").click()
    expect(page.locator(".mdb-count")).to_have_text("6 rows")
    expect(page.locator(".mdb-side")).to_be_hidden()
    choose(page, "archive")
    expect(page.locator(".mdb-name")).to_have_text("orders")
