"""Nothing that comes from a database, or from settings, is ever run in the page."""

from __future__ import annotations

import re

import duckdb
import pytest
import sqlalchemy as sa
from browser.looks import cell
from browser.shop import execute
from hostile import BREAKS_OUT, IMAGE, LINK, PAYLOADS, SCRIPT
from playwright.sync_api import expect

ALIAS = f"a{IMAGE}"
# What the kernel's texts must never become: an element that loads or runs something, or an attribute that does.
MARKUP = """() => [...document.querySelectorAll('.mdb, .mdb *')].filter((node) =>
    ['IMG', 'SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE', 'LINK', 'A', 'FORM'].includes(node.tagName) &&
        !node.matches('form.mdb-sheet-form, a[download]') ||
    [...node.attributes].some(({ name, value }) =>
        /^on|^srcdoc$/.test(name) || /^(href|src|action|xlink:href)$/.test(name) && /^\\s*javascript:/i.test(value))
).map((node) => node.outerHTML.slice(0, 200))"""


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def all_text(page):
    """See that everything on the page is text, and that nothing of it has run."""
    assert page.evaluate(MARKUP) == []
    assert page.evaluate("window.hacked") is None


@pytest.fixture
def hostile(tmp_path):
    """Make a database in which every name and every text is hostile, and the cell that registers it."""
    table, column, other = quoted(f"t{IMAGE}"), quoted(f"c{IMAGE}"), quoted(f"u{BREAKS_OUT}")
    path = tmp_path / f"d{BREAKS_OUT.replace('/', '')[:20]}.db"
    rule = f"CONSTRAINT {quoted(IMAGE)} CHECK ({column} <> 'never{LINK}')"
    parent = f"{quoted(LINK)} INTEGER REFERENCES {other} (id)"
    text = f"{column} TEXT NOT NULL DEFAULT '{IMAGE}'"
    execute(
        path,
        (f"CREATE TABLE {other} (id INTEGER PRIMARY KEY, name TEXT)",),
        (f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {text}, {parent}, {rule})",),
        (f"CREATE INDEX {quoted(f'i{IMAGE}')} ON {table} ({column})",),
        (f"CREATE VIEW {quoted(f'v{IMAGE}')} AS SELECT *, '{IMAGE}' AS {quoted(BREAKS_OUT)} FROM {table}",),
        *((f"INSERT INTO {other} VALUES (?, ?)", n, text) for n, text in enumerate(PAYLOADS)),
        *((f"INSERT INTO {table} VALUES (?, ?, ?)", n, text, n) for n, text in enumerate(PAYLOADS)),
    )
    url = sa.URL.create("sqlite", database=str(path)).render_as_string()
    settings = {"default": {}, ALIAS: {"URL": url, "label": IMAGE}, "clean": {"URL": "sqlite://", "label": BREAKS_OUT}}
    return f"import multidb_explorer as mdb\nmdb.configure({settings!r})"


def test_nothing_from_a_database_becomes_markup(notebook, hostile):
    page = notebook(hostile, f"mdb.explore({ALIAS!r}, {f't{IMAGE}'!r})").page
    expect(cell(page, 0, 1)).to_have_text(IMAGE)
    expect(page.locator(".mdb-th-name").nth(1)).to_have_text(f"c{IMAGE}")
    expect(page.locator(".mdb-line").first).to_contain_text(f"t{IMAGE}")
    all_text(page)
    for tab in page.locator(".mdb-tabs").get_by_role("tab").all():
        tab.click()
        expect(page.locator(".mdb-notice-busy")).to_have_count(0)
        all_text(page)
    page.get_by_role("tab", name="Data").click()

    page.locator(".mdb-picker-button").click()
    expect(page.locator(".mdb-float .mdb-option-label").first).to_have_text(IMAGE)
    all_text(page)
    page.keyboard.press("Escape")
    cell(page, 1, 1).click(button="right")
    expect(page.get_by_role("menu", name="Actions")).to_be_visible()
    all_text(page)
    page.keyboard.press("Escape")


def test_a_question_and_its_answer_are_text(notebook, hostile):
    page = notebook(hostile, f"mdb.explore({ALIAS!r}, {f't{IMAGE}'!r})").page
    page.locator(".mdb-body .mdb-tick").first.click()
    page.get_by_role("button", name="Delete from").click()
    expect(page.locator(".mdb-facts dd").first).to_have_text(f"t{IMAGE}")
    all_text(page)
    page.get_by_role("button", name="Delete 1 row from").click()
    expect(page.locator(".mdb-status")).to_contain_text(f"Deleted 1 row of t{IMAGE}")
    all_text(page)
    page.locator(".mdb-body .mdb-tick").first.click()
    page.get_by_role("button", name="Copy rows to").click()
    page.locator(".mdb-actions .mdb-option[data-alias=clean]").click()
    page.get_by_role("button", name="Copy 1 row to clean").click()
    expect(page.locator(".mdb-problem")).to_contain_text(f"t{IMAGE}")
    all_text(page)


def test_statements_and_their_errors_are_text(notebook, hostile):
    page = notebook(hostile, f"mdb.explore({ALIAS!r}, {f't{IMAGE}'!r})").page
    expect(cell(page, 0, 1)).to_have_text(IMAGE)
    page.get_by_role("tab", name="SQL").click()
    box = page.get_by_role("textbox", name="SQL")
    box.fill(f"SELECT '{IMAGE}' AS {quoted(BREAKS_OUT)}")
    box.press("Control+Enter")
    expect(page.locator(".mdb-sql .mdb-cell").first).to_have_text(IMAGE)
    all_text(page)
    box.fill(f"SELECT {quoted(IMAGE)}.x")
    box.press("Control+Enter")
    expect(page.locator(".mdb-sql .mdb-notice-error")).to_contain_text(IMAGE)
    all_text(page)
    page.get_by_role("button", name="History").click()
    expect(page.locator(".mdb-menu .mdb-option").nth(1)).to_contain_text(IMAGE)
    all_text(page)
    page.keyboard.press("Escape")
    box.fill("SELECT * FROM t")
    box.press("Control+Space")
    # In quotes, so that those of the name stand twice.
    expect(page.get_by_role("option").filter(has_text=IMAGE.replace('"', '""')).first).to_be_visible()
    all_text(page)
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Code").click()
    expect(page.get_by_role("region", name="Python code")).to_contain_text("window.hacked")
    page.get_by_role("textbox", name="Variable").fill(IMAGE)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".mdb-said")).to_contain_text(IMAGE)
    all_text(page)


def test_edits_and_moves_are_text(notebook, hostile, tmp_path):
    execute(tmp_path / "there.db", (f"CREATE TABLE {quoted(f't{IMAGE}')} (id INTEGER, {quoted(f'c{IMAGE}')} TEXT)",))
    there = f"mdb.connect('there', 'sqlite:///{tmp_path}/there.db', label={IMAGE!r});"
    page = notebook(f"{hostile}\n{there}", f"mdb.explore({ALIAS!r}, {f't{IMAGE}'!r})").page
    cell(page, 1, 1).click()
    page.keyboard.type(IMAGE)
    all_text(page)
    page.keyboard.press("Enter")
    cell(page, 2, 0).click()
    page.keyboard.type(IMAGE)
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-editor-problem")).to_contain_text("window.hacked")
    all_text(page)
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Filter id").fill(IMAGE)
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-filter-wrong")).to_contain_text("window.hacked")
    all_text(page)
    page.get_by_role("button", name="Review").click()
    expect(page.locator("dialog.mdb-sheet")).to_contain_text(IMAGE)
    all_text(page)
    page.keyboard.press("Escape")
    page.locator(".mdb-body .mdb-tick").nth(1).click()
    page.get_by_role("button", name="Copy or move").click()
    page.locator(".mdb-move-target").click()
    page.locator(".mdb-move .mdb-option[data-alias=there]").click()
    expect(page.locator("dialog.mdb-sheet")).to_contain_text("1 row of 1 table")
    all_text(page)


@pytest.fixture
def moods(tmp_path):
    """Make a DuckDB file whose table, enum, texts and labels are hostile, and the cell that registers it."""
    members = ", ".join("'" + text.replace("'", "''") + "'" for text in (IMAGE, BREAKS_OUT, LINK))
    table, column, labels = (quoted(f"{letter}{IMAGE}") for letter in "tcu")
    parent = f"{quoted(LINK)} INTEGER REFERENCES {labels} (id)"
    made = [
        f"CREATE TYPE mood AS ENUM ({members})",
        f"CREATE TABLE {labels} (id INTEGER PRIMARY KEY, name VARCHAR)",
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column} VARCHAR, mood mood, n INTEGER, {parent})",
    ]
    filled = [(labels, [1, IMAGE]), (labels, [2, SCRIPT]), *((table, [n, IMAGE, IMAGE, n, 1]) for n in range(1, 4))]
    with duckdb.connect(str(tmp_path / "moods.duckdb")) as connection:
        for sql in made:
            connection.execute(sql)
        for name, row in filled:
            connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
    configure = f"mdb.configure({{'default': 'duckdb:///{tmp_path}/moods.duckdb'}})"
    return f"import multidb_explorer as mdb\n{configure}\nrows = mdb.reflect({f't{IMAGE}'!r}).objects.order_by('id')"


def test_choices_pasted_cells_conflicts_and_files_are_text(notebook, moods):  # noqa: PLR0915 - one page for all
    book = notebook(moods, "grid = mdb.TableGrid(rows); grid")
    page = book.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(cell(page, 0, 1)).to_have_text(IMAGE)
    # The members of an enum.
    cell(page, 0, 2).dblclick()
    choices = page.locator("select.mdb-editor-field")
    expect(choices.locator("option").nth(1)).to_have_text(BREAKS_OUT)
    all_text(page)
    choices.select_option(LINK)
    choices.press("Enter")
    expect(cell(page, 0, 2)).to_have_text(LINK)
    # What is pasted, and what of it does not fit.
    cell(page, 1, 1).click()
    line = "\t".join('"' + text.replace('"', '""') + '"' for text in (SCRIPT, IMAGE, BREAKS_OUT))
    page.evaluate("text => navigator.clipboard.writeText(text)", line)
    page.keyboard.press("Control+V")
    sheet = page.locator("dialog.mdb-sheet")
    expect(sheet).to_contain_text("2 of 3 cells fit")
    expect(sheet).to_contain_text("is no 32-bit integer")
    all_text(page)
    sheet.get_by_role("button", name="Stage 2 cells").click()
    expect(cell(page, 1, 1)).to_have_text(SCRIPT)
    # Base, mine and theirs.
    theirs = {f"c{IMAGE}": f"theirs {BREAKS_OUT}", "mood": BREAKS_OUT}
    book.run_more(f"print(rows.filter(id=2).update(**{theirs!r}))")
    expect(book.output()).to_have_text("1\n")
    page.get_by_role("button", name="Save to default").click()
    expect(sheet).to_contain_text(f"theirs {BREAKS_OUT}")
    all_text(page)
    sheet.get_by_role("button", name="Later").click()
    expect(cell(page, 1, 1)).to_have_attribute("title", re.compile("somebody else put"))
    all_text(page)
    # The name of a file.
    page.get_by_role("button", name="Export the rows").click()
    expect(sheet).to_contain_text(f"Export t{IMAGE}")
    expect(sheet.get_by_label("Format")).to_be_focused()
    all_text(page)
    sheet.get_by_label("File").fill(f"{IMAGE}.csv")
    sheet.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator(".mdb-status")).to_contain_text(f"to {IMAGE}.csv")
    all_text(page)
    page.get_by_role("button", name="Export the rows").click()
    expect(sheet.get_by_label("Format")).to_be_focused()
    sheet.get_by_label("File").fill(f"{IMAGE}.csv")
    sheet.get_by_role("button", name="Export", exact=True).click()
    expect(sheet.get_by_role("alert")).to_contain_text(f"There is a file {IMAGE}.csv already")
    all_text(page)
    page.keyboard.press("Escape")


def test_a_form_is_text(notebook, moods):
    page = notebook(moods, "mdb.RowForm(rows)").page
    line = page.get_by_role("group", name=f"c{IMAGE}", exact=True)
    expect(line.locator(".mdb-editor-field")).to_have_value(IMAGE)
    key = page.get_by_role("group", name=LINK, exact=True)
    expect(key.locator(".mdb-editor-label")).to_have_text(IMAGE)
    all_text(page)
    key.locator(".mdb-editor-field").fill("script")
    expect(page.get_by_role("listbox", name="Rows of").get_by_role("option").first).to_contain_text(SCRIPT)
    all_text(page)
    key.locator(".mdb-editor-field").fill("99")
    key.locator(".mdb-editor-field").press("Tab")
    expect(key.get_by_role("alert")).to_contain_text(f"in u{IMAGE}")
    number = page.get_by_role("group", name="n", exact=True)
    number.locator(".mdb-editor-field").fill(IMAGE)
    expect(number.get_by_role("alert")).to_contain_text("window.hacked")
    page.get_by_role("group", name="mood", exact=True).locator("select").select_option(BREAKS_OUT)
    page.get_by_role("button", name="Save to default").click()
    expect(page.locator(".mdb-form-foot .mdb-status").first).to_contain_text("look at")
    all_text(page)
