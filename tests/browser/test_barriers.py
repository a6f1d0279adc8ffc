"""axe-core looks at every panel, dialog and menu in both themes, and finds nothing that keeps a person out.

A scene brings something onto the page, yields its name to have it looked at, and leaves the page as it was.
"""

from __future__ import annotations

from browser.looks import BOTH_THEMES, cell, choose, copy_to
from browser.shop import execute
from playwright.sync_api import expect

FIND = """async () => {
    const found = await axe.run({ include: ['.mdb'] }, { resultTypes: ['violations'] });
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
        `${id} at ${target.join(' ')}: ${failureSummary.replace(/\\s+/g, ' ')}`));
}"""


def found_in(book, axe, scenes, dark):
    """Play the scenes on one page, and give what axe-core finds in each."""
    found = {}
    book.page.evaluate(axe)
    for scene in scenes:
        for name in scene(book.page):
            book.shot(f"barriers_{name}_{'dark' if dark else 'light'}")
            found[name] = book.page.evaluate(FIND)
    return {name: barriers for name, barriers in found.items() if barriers}


def open_table(page, table):
    page.locator(".mdb-line", has_text=table).click()
    expect(page.locator(".mdb-name")).to_have_text(table)
    expect(page.locator(".mdb-row:not([hidden]) .mdb-wait")).to_have_count(0)


def at_first(page):
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    yield "explorer"


def selection_and_menu(page):
    page.locator(".mdb-body .mdb-tick").nth(2).click()
    cell(page, 4, 1).click()
    page.keyboard.press("Shift+ArrowDown")
    yield "selected"
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu", name="Actions")).to_be_visible()
    yield "cell_menu"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")


def copying_selected_rows(page):
    page.get_by_role("button", name="Copy rows to").click()
    expect(page.locator(".mdb-actions .mdb-option[data-alias=archive]")).to_contain_text("read-only")
    yield "targets"
    page.keyboard.press("Escape")
    copy_to(page, "new_users")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    yield "confirm"
    page.get_by_role("button", name="Cancel").click()


def order(page):
    page.get_by_role("columnheader", name="name").click()
    expect(cell(page, 0, 1)).to_have_text("Ann Chen")
    yield "sorted"


def filters_and_columns(page):
    page.get_by_role("textbox", name="Filter name").fill("^ann")
    expect(page.locator(".mdb-filter-chip")).to_have_count(1)
    page.get_by_role("textbox", name="Filter id").fill("five")
    expect(page.locator(".mdb-filter-wrong")).to_be_visible()
    yield "filters"
    page.locator(".mdb-filter-button").click()
    page.get_by_role("button", name="+ Group").click()
    yield "filter_builder"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("columnheader", name="country").click(button="right")
    page.get_by_role("menuitem", name="Pin to the left").click()
    page.get_by_role("columnheader", name="name").click(button="right")
    expect(page.get_by_role("menuitem", name="Sort ascending")).to_be_visible()
    yield "column_menu"
    page.keyboard.press("Escape")
    page.locator(".mdb-columns-button").click()
    yield "columns"
    page.keyboard.press("Escape")
    page.get_by_role("columnheader", name="country").click(button="right")
    page.get_by_role("menuitem", name="Unpin").click()
    page.get_by_role("textbox", name="Filter id").fill("")
    page.locator(".mdb-chip-close").first.click()
    expect(page.locator(".mdb-filter-chip")).to_have_count(0)


def whole_values(page):
    cell(page, 2, 1).click()
    page.keyboard.press("F4")
    expect(page.locator(".mdb-viewer-text")).to_be_visible()
    page.keyboard.press("Control+f")
    page.keyboard.type("note 1")
    expect(page.locator(".mdb-find-note")).to_contain_text("in all")
    yield "viewer_and_find"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")


def structure(page):
    open_table(page, "orders")
    page.get_by_role("tab", name="Structure").click()
    expect(page.get_by_role("table", name="Foreign keys")).to_be_visible()
    yield "structure"
    page.get_by_role("tab", name="Data").click()


def tree_of_columns(page):
    page.locator(".mdb-line", has_text="orders").locator(".mdb-fold").click()
    expect(page.locator(".mdb-line-column", has_text="user_id")).to_be_visible()
    yield "columns_in_the_tree"
    page.locator(".mdb-line", has_text="orders").first.locator(".mdb-fold").click()


def relations(page):
    open_table(page, "orders")
    page.get_by_role("tab", name="Relations").click()
    expect(page.locator("button.mdb-box .mdb-box-rows").first).to_be_visible()
    yield "relations"
    page.locator("button.mdb-box").first.click()
    expect(page.get_by_role("navigation", name="The way back")).to_be_visible()
    expect(page.locator(".mdb-count")).to_have_text("1 row")
    yield "followed"
    page.get_by_role("navigation", name="The way back").get_by_role("button", name="orders").click()
    expect(page.locator(".mdb-name")).to_have_text("orders")
    page.get_by_role("tab", name="Data").click()


def profile(page):
    page.get_by_role("tab", name="Profile").click()
    expect(page.locator(".mdb-profile-bar")).to_be_hidden()
    expect(page.get_by_role("img").first).to_be_visible()
    yield "profile"
    page.get_by_role("tab", name="Data").click()


def code(page):
    page.get_by_role("tab", name="Code").click()
    expect(page.get_by_role("region", name="Python code")).to_be_visible()
    page.get_by_role("textbox", name="Variable").fill("not a name")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".mdb-said[data-tone=bad]")).to_be_visible()
    yield "code"
    page.get_by_role("tab", name="Data").click()


def statements(page):
    page.get_by_role("tab", name="SQL").click()
    box = page.get_by_role("tabpanel", name="SQL").locator("textarea")
    box.fill("SELECT name, balance FROM users")
    box.press("Control+Enter")
    expect(page.locator(".mdb-sql .mdb-count, .mdb-sql-status")).to_contain_text("1,204 rows")
    yield "sql"
    box.fill("SELECT nam FROM users")
    box.press("Control+Enter")
    expect(page.locator(".mdb-sql .mdb-notice-error")).to_be_visible()
    yield "sql_error"
    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("menu", name="Statements that were run")).to_be_visible()
    yield "sql_history"
    page.keyboard.press("Escape")
    box.fill("SELECT * FROM us")
    box.press("Control+Space")
    expect(page.locator(".mdb-sql .mdb-option").first).to_be_visible()
    yield "sql_completion"
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Data").click()


def no_key_no_rows_and_a_view(page):
    for table in ("log", "empty", "active_users"):
        open_table(page, table)
        yield table


def no_table_matches(page):
    search = page.get_by_role("combobox", name="Search tables")
    search.fill("nothing like it")
    yield "no_table"
    search.fill("")


def aliases(page):
    page.get_by_role("combobox", name="Database").click()
    expect(page.locator(".mdb-float .mdb-option").first).to_be_visible()
    yield "picker"
    page.keyboard.press("Escape")
    choose(page, "gone")
    expect(page.locator(".mdb-picker-error")).to_be_visible()
    yield "unreachable"
    for alias in ("archive", "new_users"):
        choose(page, alias)
        expect(page.locator(".mdb-picker-name")).to_have_text(alias)
        expect(page.locator(".mdb-count")).not_to_be_empty()
        yield alias


def adding_an_alias(page):
    page.get_by_role("combobox", name="Database").click()
    page.locator(".mdb-float").get_by_text("Add an alias").click()
    dialog = page.get_by_role("dialog", name="Add an alias")
    expect(dialog.get_by_label("File")).to_be_visible()
    yield "add_alias"
    dialog.get_by_role("button", name="Show as multidb.toml").click()
    expect(dialog.locator(".mdb-sheet-note")).to_be_visible()
    yield "add_alias_refused"
    dialog.get_by_role("button", name="Cancel").click()


FRAME = (
    at_first,
    selection_and_menu,
    copying_selected_rows,
    order,
    no_key_no_rows_and_a_view,
    no_table_matches,
    adding_an_alias,
    aliases,
)
TABS = (structure, tree_of_columns, relations, profile, code, statements)


@BOTH_THEMES
def test_nothing_in_the_explorer_keeps_a_person_out(notebook, shop, axe, dark):
    execute(shop.legacy, ("CREATE TABLE log (line TEXT)",), ("CREATE TABLE empty (id INTEGER PRIMARY KEY)",))
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')", dark=dark)
    assert found_in(book, axe, FRAME, dark) == {}


@BOTH_THEMES
def test_nothing_in_the_tabs_keeps_a_person_out(notebook, shop, axe, dark):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')", dark=dark)
    assert found_in(book, axe, TABS, dark) == {}


@BOTH_THEMES
def test_nothing_in_the_grid_keeps_a_person_out(notebook, shop, axe, dark):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')", dark=dark)
    assert found_in(book, axe, (at_first, filters_and_columns, whole_values), dark) == {}
