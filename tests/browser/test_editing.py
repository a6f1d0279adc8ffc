"""Editing in the grid as a person does it: typed, pasted, reviewed, saved here and elsewhere, and taken back."""

from __future__ import annotations

import re

import pytest
from browser.looks import BOTH_THEMES, cell, rows, switch
from browser.shop import column, execute, names_in
from browser.test_barriers import FIND, found_in
from playwright.sync_api import expect

GRID = "grid = mdb.TableGrid(mdb.reflect('users', using='legacy_users')); grid"
KINDS = """
from multidb_explorer.connections.registry import databases
with databases["legacy_users"].begin() as connection:
    connection.exec_driver_sql(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, n BIGINT, price NUMERIC(12, 2), rate FLOAT, flag BOOLEAN,"
        " born DATE, at TIMESTAMP, wake TIME, doc JSON, raw BLOB, note TEXT, user_id INTEGER REFERENCES users (id),"
        " made TEXT NOT NULL DEFAULT 'by the server')"
    )
    connection.exec_driver_sql("INSERT INTO things (id, n, note) VALUES (1, 5, 'first'), (2, 6, NULL)")
grid = mdb.TableGrid(mdb.reflect("things", using="legacy_users"))
grid
"""
# The first count never ends, and keeps everybody from writing to the file.
COUNTING = """
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.paging import Pager
quick, counted = Pager.count, []
def slow_once(pager, most=None):
    counted.append(most)
    if len(counted) == 1:
        with databases["legacy_users"].connect() as connection:
            endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            connection.exec_driver_sql(endless)
    return quick(pager, most)
Pager.count = slow_once
"""

STORED = (
    "SELECT n || '|' || price || '|' || rate || '|' || flag || '|' || born || '|' || at || '|' || wake || '|' || doc"
    " || '|' || hex(raw) || '|' || note FROM things WHERE id = 1"
)


@pytest.fixture
def book(notebook, shop):
    book = notebook(shop.setup, GRID)
    expect(cell(book.page, 0, 0)).to_have_text("1")
    return book


def type_into(page, row, column, text):
    """Choose a cell and type over it."""
    cell(page, row, column).click()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def pending(page):
    return page.locator(".mdb-pending")


def staged(page):
    type_into(page, 1, 1, "Lucja Nowak")
    type_into(page, 2, 3, "19.99")
    cell(page, 4, 2).click()
    page.keyboard.press("Delete")
    cell(page, 5, 1).click()
    page.keyboard.press("Control+Delete")
    expect(pending(page)).to_contain_text("1 deleted")
    # One value for all selected cells, and back.
    cell(page, 7, 2).click()
    cell(page, 8, 2).click(modifiers=["Shift"])
    page.keyboard.type("XX")
    page.keyboard.press("Control+Enter")
    expect(pending(page)).to_contain_text("5 changed")
    page.keyboard.press("Control+z")
    expect(pending(page)).to_contain_text("3 changed")
    yield "staged"


def refused(page):
    type_into(page, 6, 3, "a lot")
    expect(page.locator(".mdb-editor-problem")).to_contain_text("is no decimal(12, 2)")
    yield "refused"
    page.keyboard.press("Escape")


def chosen(page):
    cell(page, 1, 4).click()
    page.keyboard.press("F2")
    expect(page.locator(".mdb-cell-editor select")).to_be_focused()
    yield "list_editor"
    page.keyboard.press("Escape")


def added(page):
    page.get_by_role("button", name="Row", exact=True).click()
    expect(pending(page)).to_contain_text("1 new")
    page.keyboard.type("Nina")
    yield "editor"
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-row-new")).to_contain_text("Nina")
    yield "new_row"
    page.keyboard.press("Shift+F10")
    yield "edit_menu"
    page.keyboard.press("Escape")


def reviewed(page):
    page.get_by_role("button", name="Review").click()
    expect(page.locator(".mdb-statements")).to_contain_text("UPDATE users SET name=?")
    yield "review"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save to another alias").click()
    expect(page.locator(".mdb-pending .mdb-option[data-alias=archive]")).to_contain_text("read-only")
    yield "save_targets"
    page.keyboard.press("Escape")


def offers_no_write(page):
    cell(page, 0, 1).click()
    page.keyboard.type("x")
    page.keyboard.press("Delete")
    expect(page.locator(".mdb-cell-editor")).to_be_hidden()
    expect(pending(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Row", exact=True)).to_be_hidden()
    expect(page.get_by_role("grid")).to_have_attribute("aria-readonly", "true")


@BOTH_THEMES
def test_edits_look_right(notebook, shop, axe, dark):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users', height=620)", dark=dark)
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    assert found_in(book, axe, (staged, refused, chosen, added, reviewed), dark) == {}
    # What is staged stays while other tables and aliases are looked at.
    switch(page, "archive", "users")
    expect(cell(page, 0, 0)).to_have_text("1")
    offers_no_write(page)
    switch(page, "legacy_users", "orders")
    expect(pending(page)).to_contain_text("3 changed")
    switch(page, "legacy_users", "users")
    expect(cell(page, 1, 1)).to_have_text("Lucja Nowak")
    page.get_by_role("button", name="Save to legacy_users").click()
    expect(page.locator(".mdb-status")).to_contain_text("Saved 3 changed, 1 new, 1 deleted to legacy_users")
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    assert names_in(shop.legacy, "id IN (2, 6, 1205)") == ["Lucja Nowak", "Nina"]


def test_every_kind_is_edited(notebook, shop):  # noqa: PLR0915 - one page for all kinds
    book = notebook(shop.setup, KINDS, width=1700, height=1000)
    page = book.page
    expect(cell(page, 0, 0)).to_have_text("1")
    for place, text in (
        (1, "9007199254740993"),
        (2, "12345678.90"),
        (3, "0.1"),
        (5, "1969-07-20"),
        (6, "2026-11-22 14:30"),
    ):
        type_into(page, 0, place, text)
    # A list of what there is: its first letter chooses, NULL is among it.
    cell(page, 0, 4).click()
    page.keyboard.press("F2")
    page.locator(".mdb-cell-editor").get_by_role("combobox", name="flag").select_option("true")
    page.keyboard.press("Tab")
    expect(cell(page, 0, 5)).to_have_class(re.compile("mdb-active"))
    type_into(page, 0, 7, "06:45")
    # JSON is looked at while it is typed.
    cell(page, 0, 8).click()
    page.keyboard.type('{"a": ')
    expect(page.locator(".mdb-editor-problem")).to_contain_text("Not JSON yet")
    page.keyboard.type("[1, 2]}")
    expect(page.locator(".mdb-editor-problem")).to_be_hidden()
    page.keyboard.press("Enter")
    type_into(page, 0, 9, "00ff")
    # Several lines.
    cell(page, 0, 10).click()
    page.keyboard.press("F2")
    page.keyboard.press("End")
    page.keyboard.press("Alt+Enter")
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    # A foreign key by what its row is called.
    cell(page, 0, 11).click()
    page.keyboard.type("zoë fi")
    choice = page.get_by_role("option").filter(has_text="Zoë Fischer").first
    expect(choice).to_be_visible()
    book.shot("foreign_key")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    # What does not fit says so at the cell, and is typed again.
    cell(page, 1, 1).click()
    page.keyboard.type("six")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-editor-problem")).to_contain_text("is no 64-bit integer")
    book.shot("problem")
    page.keyboard.press("Control+A")
    page.keyboard.type("66")
    page.keyboard.press("Enter")
    expect(pending(page)).to_contain_text("2 changed")
    page.get_by_role("button", name="Save to legacy_users").click()
    expect(page.locator(".mdb-status")).to_contain_text("Saved 2 changed to legacy_users")
    (stored,) = column(shop.legacy, STORED)
    assert stored == (
        '9007199254740993|12345678.9|0.1|1|1969-07-20|2026-11-22 14:30:00|06:45:00.000000|{"a": [1, 2]}|00FF|'
        "first\nsecond"
    )
    assert column(shop.legacy, "SELECT name FROM users WHERE id = (SELECT user_id FROM things WHERE id = 1)") == [
        "Zoë Fischer"
    ]
    assert column(shop.legacy, "SELECT n FROM things WHERE id = 2") == [66]


def test_a_spreadsheet_is_pasted(book, axe):  # noqa: PLR0915 - one page, one running cell
    page = book.page
    # All of it while a cell is running.
    book.run_more("import time; time.sleep(45)")
    expect(page.locator(".jp-InputPrompt").last).to_have_text("[*]:")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate('navigator.clipboard.writeText(\'Anna\\tSE\\t1.50\\n"B""o"\\tDK\\tmuch\\n\')')
    cell(page, 0, 1).click()
    page.keyboard.press("Control+V")
    sheet = page.locator(".mdb-sheet")
    expect(sheet).to_contain_text("5 of 6 cells fit")
    expect(sheet).to_contain_text("Row 2, balance: 'much' is no decimal")
    page.evaluate(axe)
    assert page.evaluate(FIND) == []
    book.shot("paste")
    sheet.get_by_role("button", name="Stage 5 cells").click()
    expect(cell(page, 1, 1)).to_have_text('B"o')
    expect(pending(page)).to_contain_text("2 changed")
    # It was one step.
    page.locator(".mdb-view").focus()
    page.keyboard.press("Control+Z")
    expect(pending(page)).to_contain_text("Nothing staged")
    page.keyboard.press("Control+Shift+Z")
    expect(pending(page)).to_contain_text("2 changed")
    # Copied cells come back as they were pasted.
    cell(page, 0, 1).click()
    cell(page, 1, 2).click(modifiers=["Shift"])
    page.keyboard.press("Control+C")
    assert page.evaluate("navigator.clipboard.readText()") == 'Anna\tSE\n"B""o"\tDK'
    # Below the last row there are new ones.
    page.keyboard.press("Control+End")
    last = page.locator(".mdb-body .mdb-active")
    expect(last).to_have_attribute("aria-colindex", "7")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.evaluate("navigator.clipboard.writeText('Zed\\tNO\\nYan\\tFI')")
    page.keyboard.press("Control+V")
    expect(sheet).to_contain_text("1 new row")
    sheet.get_by_role("button", name="Stage 4 cells").click()
    expect(pending(page)).to_contain_text("1 new")
    expect(page.locator(".jp-InputPrompt").last).to_have_text("[*]:")
    book.page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")


def test_saved_elsewhere_met_by_a_conflict_and_taken_back(book, shop, axe):  # noqa: PLR0915 - one story
    page = book.page
    type_into(page, 0, 1, "Mine")
    type_into(page, 0, 2, "NO")
    cell(page, 3, 1).click()
    page.keyboard.press("Control+Delete")
    expect(pending(page)).to_contain_text("1 deleted")
    # The page is read anew while the kernel lives: what is staged is there again, in its colours.
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)
    page.reload()
    expect(cell(page, 0, 1)).to_have_text("Mine")
    expect(cell(page, 0, 1)).to_have_attribute("aria-description", "Changed, was “Ann Larsson”")
    expect(rows(page).nth(3)).to_have_class(re.compile("mdb-row-deleted"))
    # A colleague is faster.
    execute(shop.legacy, ("UPDATE users SET name = 'Theirs', country = 'DK' WHERE id = 1",))
    page.get_by_role("button", name="Save to legacy_users").click()
    sheet = page.locator(".mdb-sheet")
    expect(sheet).to_contain_text("1 conflict")
    page.evaluate(axe)
    assert page.evaluate(FIND) == []
    sheet.get_by_role("button", name="Later").click()
    expect(cell(page, 0, 1)).to_have_class(re.compile("mdb-conflict-cell"))
    expect(cell(page, 0, 2)).to_have_attribute("title", re.compile("somebody else put 'DK' here"))
    book.shot("conflict_cells")
    page.get_by_role("button", name="Save to legacy_users").click()
    expect(sheet.get_by_role("button", name="Save to")).to_be_disabled()
    sheet.get_by_role("radio", name="name: mine").check()
    sheet.get_by_role("radio", name="country: theirs").check()
    book.shot("conflict")
    sheet.get_by_role("button", name="Save to").click()
    expect(page.locator(".mdb-status")).to_contain_text("Saved 1 changed, 1 deleted to legacy_users")
    assert column(shop.legacy, "SELECT name || country FROM users WHERE id = 1") == ["MineDK"]
    assert column(shop.legacy, "SELECT count(*) FROM users") == [1203]
    page.get_by_role("button", name="Undo save").click()
    expect(page.locator(".mdb-status")).to_contain_text("Undone in legacy_users")
    assert names_in(shop.legacy, "id IN (1, 4)") == ["Theirs", "José García"]
    # To another alias, which is production.
    execute(shop.new, ("INSERT INTO users (id, name) VALUES (2, 'Łukasz Nowak')",))
    type_into(page, 1, 1, "Elsewhere")
    page.get_by_role("button", name="Save to another alias").click()
    page.locator(".mdb-option[data-alias=new_users]").click()
    expect(sheet).to_contain_text("UPDATE users SET name=?")
    expect(sheet.get_by_role("button", name="Save to")).to_be_disabled()
    book.shot("production")
    sheet.get_by_role("textbox").fill("new_users")
    sheet.get_by_role("button", name="Save to").click()
    expect(page.locator(".mdb-status")).to_contain_text("Saved 1 changed to new_users; still staged for legacy_users")
    assert (names_in(shop.new), names_in(shop.legacy, "id = 2")) == (["Elsewhere"], ["Łukasz Nowak"])


def test_a_save_does_not_wait_for_a_count(notebook, shop):
    book = notebook(
        f"{shop.setup}\n{COUNTING}",
        GRID.replace("; grid", "; twin = grid.changes.insert('users', {'id': 5, 'name': 'A twin'}); grid"),
    )
    page = book.page
    expect(cell(page, 0, 0)).to_have_text("1")
    expect(pending(page)).to_contain_text("1 new")
    expect(page.locator(".mdb-count")).not_to_have_text("1,204 rows")
    page.get_by_role("button", name="Save to legacy_users").click()
    # Nothing was written, and so the rows are counted after all.
    page.locator(".mdb-sheet").get_by_role("button", name="Later").click()
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    page.get_by_role("button", name="Undo", exact=True).click()
    type_into(page, 0, 1, "Mine")
    page.get_by_role("button", name="Save to legacy_users").click()
    expect(page.locator(".mdb-status")).to_contain_text("Saved 1 changed to legacy_users")
    assert names_in(shop.legacy, "id = 1") == ["Mine"]
