"""The grid in JupyterLab: it reaches every row, sorts in the database, and hands its selection to Python."""

from __future__ import annotations

import pytest
from browser.looks import BOTH_THEMES, cell, go_to, rows
from browser.shop import execute
from playwright.sync_api import expect

GRID = "grid = mdb.TableGrid(mdb.reflect('users')); grid"


@pytest.fixture
def book(notebook, shop):
    book = notebook(shop.setup, GRID)
    expect(book.page.locator(".mdb-count")).to_have_text("300,000 rows")
    expect(cell(book.page, 0, 0)).to_have_text("1")
    return book


def test_it_scrolls_and_jumps_exactly(book):
    page = book.page
    grid = page.get_by_role("grid")
    grid.click(position={"x": 300, "y": 60})
    page.mouse.wheel(0, 2600)
    expect(rows(page).first).to_have_attribute("aria-rowindex", "103")
    expect(cell(page, 0, 0)).to_have_text("101")
    page.mouse.wheel(0, 26)
    expect(cell(page, 0, 0)).to_have_text("102")
    go_to(page, "250,000")
    expect(cell(page, 0, 0)).to_have_text("250000")
    go_to(page, "50%")
    expect(cell(page, 0, 0)).to_have_text("150001")
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.locator(".mdb-body .mdb-active")).to_have_text("note 299999")
    expect(page.locator(".mdb-place")).to_contain_text("300,000 of 300,000")
    page.keyboard.press("Control+Home")
    expect(cell(page, 0, 0)).to_have_text("1")


def test_the_thumb_reaches_both_ends(book):
    page = book.page
    box = page.locator(".mdb-bar-y").bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] / 2)
    expect(page.locator(".mdb-bar-y .mdb-bubble")).to_be_visible()
    book.shot("grid_bubble", page.locator(".mdb-table"))
    page.mouse.move(x, box["y"] + box["height"] + 50)
    page.mouse.up()
    expect(page.locator(".mdb-place")).to_contain_text("300,000 of 300,000")
    expect(page.locator(".mdb-body .mdb-cell", has_text="note 299999")).to_be_visible()


def test_a_header_sorts_in_the_database(book):
    page = book.page
    name = page.get_by_role("columnheader", name="name")
    name.click()
    expect(name).to_have_attribute("aria-sort", "ascending")
    expect(cell(page, 0, 1)).to_have_text("Ann Chen")
    name.click()
    expect(name).to_have_attribute("aria-sort", "descending")
    expect(cell(page, 0, 1)).to_have_text("Łukasz Nowak")
    page.get_by_role("columnheader", name="id").click(modifiers=["Shift"])
    page.get_by_role("columnheader", name="id").click(modifiers=["Shift"])
    expect(cell(page, 0, 0)).to_have_text("299962")
    book.shot("grid_sorted", page.locator(".mdb-table"))
    name.click()
    expect(name).to_have_attribute("aria-sort", "none")
    expect(cell(page, 0, 1)).to_have_text("Ann Larsson")


def test_the_order_of_a_queryset_is_marked_until_another_is_chosen(notebook, shop):
    page = notebook(shop.setup, "mdb.TableGrid(mdb.reflect('users').objects.order_by('-id'))").page
    number = page.get_by_role("columnheader", name="id")
    expect(number).to_have_attribute("aria-sort", "descending")
    expect(cell(page, 0, 0)).to_have_text("300000")
    page.get_by_role("columnheader", name="name").click()
    expect(number).to_have_attribute("aria-sort", "none")
    expect(cell(page, 0, 1)).to_have_text("Ann Chen")


def test_the_keyboard_goes_everywhere(book):
    page = book.page
    page.get_by_role("grid").focus()
    active = page.locator(".mdb-active")
    expect(active).to_have_text("1")
    for key in ("ArrowDown", "ArrowRight", "PageDown", "End", "Home"):
        page.keyboard.press(key)
    expect(active).to_have_attribute("aria-colindex", "2")
    page.keyboard.press("Control+ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="name")).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".mdb-status")).to_have_text("1 row selected")
    page.keyboard.press("Control+a")
    expect(page.locator(".mdb-status")).to_have_text("300,000 rows selected")
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-activedescendant") == active.get_attribute("id")
    assert grid.get_attribute("aria-rowcount") == "300002"


def test_a_selection_reaches_python(book):
    page = book.page
    heads = page.locator(".mdb-body .mdb-rowhead")
    heads.nth(1).click()
    heads.nth(3).click(modifiers=["Shift"])
    heads.nth(6).click(modifiers=["Control"])
    expect(page.locator(".mdb-status")).to_have_text("4 rows selected")
    book.run_more("print(grid.selected_keys, [user.pk for user in grid.selected().order_by('-id')])")
    expect(book.output()).to_have_text("[2, 3, 4, 7] [7, 4, 3, 2]\n")


def test_a_range_is_copied_for_a_spreadsheet(book):
    page = book.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell(page, 0, 0).click()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(f"Shift+{key}")
    book.shot("grid_range", page.locator(".mdb-table"))
    page.keyboard.press("Control+c")
    expect(page.locator(".mdb-status")).to_contain_text("Copied")
    copied = "1\tAnn Larsson\tSE\n2\tŁukasz Nowak\tPL\n3\tZoë Fischer\t"
    assert page.evaluate("navigator.clipboard.readText()") == copied


def test_it_answers_while_a_cell_is_running(book):
    page = book.page
    book.run_more("import time; time.sleep(600)")
    busy = page.locator(".jp-Notebook-ExecutionIndicator")
    expect(busy).to_have_attribute("data-status", "busy")
    go_to(page, "123,456")
    expect(cell(page, 0, 0)).to_have_text("123456")
    expect(busy).to_have_attribute("data-status", "busy")


@pytest.fixture
def without_subshells(lab):
    """Have Lab send messages of widgets behind the running cell, as other front ends do."""
    lab.set("apputils-extension/kernels-settings", {"commsOverSubshells": "disabled"})
    yield
    lab.set("apputils-extension/kernels-settings", {})


def test_where_it_must_wait_for_a_cell_it_says_so(without_subshells, notebook, shop, tmp_path):
    book = notebook(shop.setup, GRID)
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    flag = tmp_path / "go on"
    book.run_more(f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.05)")
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "busy")
    go_to(page, "123,456")
    expect(page.locator(".mdb-status")).to_contain_text("Waiting for the kernel")
    book.shot("grid_waiting", page.locator(".mdb-table"))
    flag.touch()
    expect(cell(page, 0, 0)).to_have_text("123456")
    expect(page.locator(".mdb-status")).to_have_text("")


def test_a_column_is_made_wider_and_fitted(book):
    page = book.page
    grip = page.get_by_role("columnheader", name="name").locator(".mdb-grip")
    box = grip.bounding_box()
    before = cell(page, 0, 1).bounding_box()["width"]
    page.mouse.move(box["x"] + 4, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 84, box["y"] + 10)
    page.mouse.up()
    expect(cell(page, 0, 1)).to_have_css("width", f"{before + 80:g}px")
    page.get_by_role("columnheader", name="name").locator(".mdb-grip").dblclick()
    expect(cell(page, 0, 1)).to_have_css("width", f"{before:g}px")


def test_the_rows_are_there_again_after_the_page_is_read_anew(book):
    page = book.page
    page.get_by_role("columnheader", name="name").click()
    expect(cell(page, 0, 1)).to_have_text("Ann Chen")
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)
    page.reload()
    expect(cell(page, 0, 1)).to_have_text("Ann Chen")
    expect(page.get_by_role("columnheader", name="name")).to_have_attribute("aria-sort", "ascending")


def test_saving_from_inside_works_and_keeps_no_rows(book):
    page = book.page
    cell(page, 0, 1).click()
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)
    saved = book.path.read_text()
    assert "TableGrid(users on 'default')" in saved
    assert "Larsson" not in saved


def test_keys_in_the_grid_leave_the_notebook_alone(book):
    page = book.page
    cell(page, 0, 1).click()
    for place in (page.get_by_role("grid"), page.get_by_role("textbox", name="Go to row")):
        place.focus()
        for key in ("d", "d", "x", "b", "a"):
            page.keyboard.press(key)
        assert page.locator(".jp-Notebook .jp-Cell").count() == 2


def test_two_hundred_columns_are_windowed(notebook, tmp_path):
    path, columns = tmp_path / "wide.db", ", ".join(f"c{n} INTEGER" for n in range(200))
    values = ", ".join(str(c) for c in range(201))
    execute(path, (f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns})",), (f"INSERT INTO wide VALUES ({values})",))
    configure = f"mdb.configure({{'default': 'sqlite:///{path}'}})"
    page = notebook(f"import multidb_explorer as mdb\n{configure}\nmdb.TableGrid(mdb.reflect('wide'))").page
    expect(cell(page, 0, 0)).to_have_text("0")
    assert page.locator(".mdb-body .mdb-cell").count() < 500
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".mdb-body .mdb-active")).to_have_text("200")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_it_is_never_blank_in_fifty_runs_and_fifty_reloads(notebook, shop):
    painted = "output => output.isConnected && output.querySelector('.mdb-body .mdb-cell')?.textContent === '1'"
    for _ in range(10):
        book = notebook(shop.setup, GRID)
        page = book.page
        expect(cell(page, 0, 0)).to_have_text("1")
        for _ in range(5):
            page.locator(".jp-OutputArea-output").last.evaluate("output => output.classList.add('before')")
            page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
            book.run("notebook:run-cell")
            after = page.locator(".jp-OutputArea-output:not(.before)").last
            page.wait_for_function(painted, arg=after.element_handle())
            page.get_by_role("grid").focus()
            page.keyboard.press("Control+s")
            expect(page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)
            page.reload()
            expect(cell(page, 0, 0)).to_have_text("1")
        page.context.close()
        notebook.opened.remove(book)
        assert book.troubles == []


@BOTH_THEMES
def test_it_looks_right(notebook, shop, dark):
    book = notebook(shop.setup, GRID, dark=dark)
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    page.locator(".mdb-body .mdb-tick").nth(9).click()
    cell(page, 6, 1).click()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(f"Shift+{key}")
    book.shot(f"grid_{'dark' if dark else 'light'}", page.locator(".mdb-table"))
