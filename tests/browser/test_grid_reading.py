"""Reading in the grid, in JupyterLab: filters, columns as one likes them, orders that cost much, whole values, find."""

from __future__ import annotations

import struct
import zlib

import pytest
from browser.looks import BOTH_THEMES, cell, go_to
from browser.shop import PAYLOAD, execute
from playwright.sync_api import expect

GRID = "grid = mdb.TableGrid(mdb.reflect('users')); grid"
HUGE = "from multidb_explorer.controllers import sorting; sorting.ASKED_FROM = 1000"


def chips(page):
    return page.locator(".mdb-filter-chip")


def names(page):
    return page.locator(".mdb-th-name").all_inner_texts()


def line(page, number):
    """Give a condition of the builder."""
    return page.locator(".mdb-build-line").nth(number)


def picture(width, height):
    """Make a PNG."""
    rows = b"".join(b"\0" + bytes([60, 120, y % 256] * width) for y in range(height))

    def part(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


@pytest.fixture
def book(notebook, shop):
    book = notebook(shop.setup, HUGE, GRID)
    expect(book.page.locator(".mdb-count")).to_have_text("300,000 rows")
    expect(cell(book.page, 0, 0)).to_have_text("1")
    return book


def type_filters(page):
    """Use the row under the header from the keyboard, once wrongly."""
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+Shift+F")
    expect(page.get_by_role("textbox", name="Filter id")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("^ann")
    expect(chips(page)).to_have_text("name: ^ann")
    expect(cell(page, 1, 1)).to_have_text("Ann García")
    balance = page.get_by_role("textbox", name="Filter balance")
    balance.fill("much")
    expect(page.locator(".mdb-filter-wrong")).to_contain_text("balance: 'much' is no")
    expect(balance).to_have_attribute("aria-invalid", "true")
    expect(cell(page, 1, 1)).to_have_text("Ann García")
    balance.fill("100..200")
    expect(chips(page)).to_have_count(2)
    expect(page.locator(".mdb-count")).to_have_text("3,338 rows")


def build_filter(page):
    """Take a value of the table, then use the builder, once wrongly."""
    cell(page, 0, 2).click(button="right")
    page.get_by_role("menuitem", name="Only this value").click()
    expect(chips(page)).to_have_count(3)
    page.locator(".mdb-filter-button").click()
    line(page, 0).get_by_role("combobox", name="Field").select_option("id")
    line(page, 0).get_by_role("combobox", name="Comparison").select_option("range")
    line(page, 0).get_by_role("textbox", name="Lowest").fill("100")
    line(page, 0).get_by_role("textbox", name="Highest").fill("x")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("whole number")
    line(page, 0).get_by_role("textbox", name="Highest").fill("400")
    page.get_by_role("button", name="Apply").click()
    expect(chips(page).last).to_contain_text("id is between 100 and 400")


def arrange(page):
    """Pin one column, hide one, drag one."""
    page.get_by_role("columnheader", name="country").click(button="right")
    page.get_by_role("menuitem", name="Pin to the left").click()
    page.get_by_role("columnheader", name="notes").click(button="right")
    page.get_by_role("menuitem", name="Hide").click()
    expect(page.locator(".mdb-th-name")).to_have_count(5)
    source, target = (page.get_by_role("columnheader", name=name).bounding_box() for name in ("active", "name"))
    page.mouse.move(source["x"] + 30, source["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 10, target["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator(".mdb-th-name").nth(2)).to_have_text("active")


def test_filters_and_columns_are_chosen_and_stay(book):
    page = book.page
    type_filters(page)
    build_filter(page)
    arrange(page)
    book.shot("grid_filtered", page.locator(".mdb-table"))
    wanted = ["country", "id", "active", "name", "balance"]
    assert names(page) == wanted
    # The kernel is told a moment after the last change.
    page.wait_for_timeout(800)
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)
    page.reload()
    expect(chips(page)).to_have_count(4)
    expect(cell(page, 0, 3)).to_have_text("Ann García")
    assert names(page) == wanted
    book.run_more("print(grid.queryset.count(), grid.queryset.order_by('id')[0].country)")
    expect(book.output()).to_have_text("2 ES\n")
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")


def test_a_huge_sort_asks_first_and_can_be_stopped(book):
    page = book.page
    name = page.get_by_role("columnheader", name="name")
    name.click()
    expect(page.locator(".mdb-ask")).to_contain_text("No index sorts by name.")
    expect(cell(page, 0, 0)).to_have_text("1")
    book.shot("grid_sort_asks", page.locator(".mdb-table"))
    page.get_by_role("button", name="First 1,000 only").click()
    expect(cell(page, 0, 1)).to_have_text("Ann Chen")
    expect(page.locator(".mdb-count")).to_have_text("1,000 rows")
    page.get_by_role("button", name="Sort all in the background").click()
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    expect(name).to_have_attribute("aria-sort", "ascending")
    go_to(page, "300,000")
    expect(page.locator(".mdb-body .mdb-cell", has_text="Łukasz Nowak").last).to_be_visible()
    # From the keyboard: the header's menu, and an index is used without a question.
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Alt+ArrowDown")
    page.get_by_role("menuitem", name="Sort descending").click()
    expect(cell(page, 0, 0)).to_have_text("300000")
    expect(page.locator(".mdb-ask")).to_be_hidden()


def test_a_value_is_viewed_whole_and_found(notebook, tmp_path):
    path = tmp_path / "papers.db"
    schema = "CREATE TABLE papers (id INTEGER PRIMARY KEY, body TEXT, data JSON, scan BLOB, ok BOOLEAN)"
    values = ("Long text " * 300 + PAYLOAD, f'{{"n": 12345678901234567890, "deep": [1, "{PAYLOAD[:4]}"]}}')
    more = [(f"INSERT INTO papers (id, body) VALUES ({n}, 'paper {n}')",) for n in range(2, 900)]
    execute(path, (schema,), ("INSERT INTO papers VALUES (1, ?, ?, ?, 1)", *values, picture(60, 40)), *more)
    configure = f"import multidb_explorer as mdb\nmdb.configure({{'default': 'sqlite:///{path}'}})"
    book = notebook(configure, "mdb.TableGrid(mdb.reflect('papers'))")
    page = book.page
    expect(cell(page, 0, 0)).to_have_text("1")
    cell(page, 0, 1).click()
    page.keyboard.press("F4")
    expect(page.locator(".mdb-viewer-text")).to_have_text("Long text " * 300 + PAYLOAD)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mdb-json-line", has_text="n: ").first).to_have_text("n: 12345678901234567890")
    book.shot("grid_viewer", page.locator(".mdb-table"))
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mdb-viewer-picture")).to_have_js_property("naturalWidth", 60)
    expect(page.locator(".mdb-viewer-hex")).to_contain_text("89 50 4e 47")
    page.keyboard.press("Escape")
    expect(page.locator(".mdb-viewer")).to_be_hidden()
    page.keyboard.press("Control+f")
    page.keyboard.type("PAPER 77")
    expect(page.locator(".mdb-find-note")).to_have_text("Row 77 · 11 rows in all")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-find-note")).to_contain_text("Row 770")
    expect(page.locator(".mdb-body .mdb-active")).to_have_text("paper 770")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".mdb-find-note")).to_have_text("Row 77 · 11 rows in all")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".mdb-find-note")).to_contain_text("went on from the other end")
    book.shot("grid_find", page.locator(".mdb-table"))
    page.keyboard.press("Escape")
    expect(page.locator(".mdb-find")).to_be_hidden()
    assert page.evaluate("window.hacked") is None


@BOTH_THEMES
def test_it_looks_right(notebook, shop, dark):
    book = notebook(shop.setup, GRID, dark=dark)
    page = book.page
    theme = "dark" if dark else "light"
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    page.get_by_role("textbox", name="Filter name").fill("ann")
    page.get_by_role("combobox", name="Filter active").select_option("true")
    expect(chips(page)).to_have_count(2)
    book.shot(f"grid_filter_{theme}", page.locator(".mdb-table"))
    page.get_by_role("columnheader", name="name").click(button="right")
    book.shot(f"grid_column_menu_{theme}")
    page.keyboard.press("Escape")
    page.locator(".mdb-filter-button").click()
    page.get_by_role("button", name="+ Group").click()
    book.shot(f"grid_builder_{theme}")
