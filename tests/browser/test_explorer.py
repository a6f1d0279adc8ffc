"""What a user does in the explorer, the grid and the picker, in JupyterLab."""

from __future__ import annotations

import re
import sqlite3

import pytest
from playwright.sync_api import expect

PEOPLE = 1204


@pytest.fixture
def databases(tmp_path):
    """Two databases of users, a big one, and an archive that only reads."""
    names = ("legacy", "new", "archive", "big")
    paths = {name: tmp_path / f"{name}.db" for name in names}
    for name in names:
        fill(paths[name], name)
    return paths


def fill(path, name):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country CHAR(2), balance NUMERIC(12, 2), active BOOLEAN, notes TEXT)")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total NUMERIC(10, 2))")
    connection.execute("CREATE VIEW active_users AS SELECT id, name FROM users WHERE active")
    first, last = ["Ann", "Łukasz", "Zoë", "José", "Mei", "Ravi", "Olga", "Tom"], ["Larsson", "Nowak", "Fischer", "García", "Chen"]
    count = {"legacy": PEOPLE, "new": 2, "archive": 50, "big": 300_000}[name]
    connection.executemany(
        "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                (n + 1) if name != "new" else n + 5001, f"{first[n % 8]} {last[n % 5]}", ["SE", "PL", None, "ES", "FR"][n % 5],
                None if n % 9 == 4 else round(n * 79.19 % 1000, 2), n % 3 != 0,
                "<img src=x onerror=\"window.hacked=1\">" if n % 7 == 1 else None if n % 7 == 3 else f"note {n}",
            )
            for n in range(count)
        ),
    )
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", ((n, 100 + n % 3, n * 1.5) for n in range(1, 7 if name == "legacy" else 2)) if name != "new" else ())
    connection.commit()
    connection.close()


def setup(databases):
    aliases = {
        "default": f"sqlite:///{databases['big']}",
        "legacy_users": {"URL": f"sqlite:///{databases['legacy']}", "color": "orange", "label": "Legacy CRM"},
        "new_users": {"URL": f"sqlite:///{databases['new']}", "color": "seagreen", "confirm": "production"},
        "archive": {"URL": f"sqlite:///{databases['archive']}", "color": "slateblue", "read_only": True},
        "gone": {"URL": "sqlite:////no/such/folder/gone.db", "color": "gray"},
    }
    return f"import multidb_explorer as mdb\nmdb.configure({aliases!r})"


def names_in(path, where="1"):
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute(f"SELECT name FROM users WHERE {where} ORDER BY id")]
    finally:
        connection.close()


def first_row(page):
    return page.locator(".mdb-body .mdb-row").first


def choose(page, alias):
    page.locator(".mdb-picker-button").first.click()
    page.locator(f".mdb-float .mdb-option[data-alias={alias}]").click()


def switch(page, alias, table):
    """Choose another alias and one of its tables, as a user would: looking before each click."""
    choose(page, alias)
    expect(page.locator(".mdb-picker-name")).to_have_text(alias)
    page.locator(".mdb-line", has_text=re.compile(f"^{table}")).click()
    expect(page.locator(".mdb-name")).to_have_text(table)


def test_a_row_moves_from_one_database_to_another(notebook, databases):
    book = notebook(setup(databases), "mdb.explore('default', 'users')")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    switch(page, "legacy_users", "users")
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    expect(page.locator(".mdb-cell", has_text="Ann Larsson").first).to_be_visible()

    page.locator(".mdb-body .mdb-tick").nth(2).click()
    expect(page.locator(".mdb-status")).to_have_text("1 row selected")
    page.get_by_role("button", name="Save to").click()
    expect(page.locator(".mdb-actions .mdb-option[data-alias=archive]")).to_contain_text("read-only")
    page.locator(".mdb-actions .mdb-option[data-alias=new_users]").click()
    card = page.locator(".mdb-card")
    expect(card).to_contain_text("Save 1 row to")
    expect(card.locator(".mdb-card-title .mdb-chip-name")).to_have_text("new_users")
    save = card.get_by_role("button", name="Save 1 row to new_users")
    expect(save).to_be_disabled()
    card.get_by_role("textbox").fill("new_users")
    book.shot("dialog_save", page.locator(".mdb-explorer"))
    save.click()
    expect(page.locator(".mdb-status")).to_have_text("Saved 1 row of users to new_users")
    assert names_in(databases["new"], "id = 3") == ["Zoë Fischer"]

    page.get_by_role("button", name="Delete from legacy_users").click()
    book.shot("dialog_delete", page.locator(".mdb-explorer"))
    page.get_by_role("button", name="Delete 1 row from legacy_users").click()
    expect(page.locator(".mdb-status")).to_have_text("Deleted 1 row of users from legacy_users")
    expect(page.locator(".mdb-count")).to_have_text("1,203 rows")
    expect(page.locator(".mdb-body .mdb-row").nth(2).locator(".mdb-cell").first).to_have_text("4")
    assert names_in(databases["legacy"], "id = 3") == []
    assert len(names_in(databases["legacy"])) == PEOPLE - 1


def test_a_different_row_there_is_not_overwritten_unasked(notebook, databases):
    connection = sqlite3.connect(databases["archive"].with_name("other.db"))
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country CHAR(2), balance NUMERIC(12, 2), active BOOLEAN, notes TEXT)")
    connection.execute("INSERT INTO users VALUES (1, 'Somebody Else', 'DE', 1, 1, NULL)")
    connection.commit()
    connection.close()
    other = databases["archive"].with_name("other.db")
    book = notebook(setup(databases), f"mdb.connect('other', 'sqlite:///{other}'); mdb.explore('legacy_users', 'users')")
    page = book.page
    page.locator(".mdb-body .mdb-tick").first.click()
    page.get_by_role("button", name="Save to").click()
    page.locator(".mdb-actions .mdb-option[data-alias=other]").click()
    page.get_by_role("button", name="Save 1 row to other").click()
    expect(page.locator(".mdb-problem")).to_contain_text("Nothing was written.")
    expect(page.locator(".mdb-compare tbody tr").first).to_have_text("nameAnn LarssonSomebody Else")
    book.shot("dialog_conflict", page.locator(".mdb-explorer"))
    assert names_in(other) == ["Somebody Else"]
    page.get_by_role("button", name="Overwrite it").click()
    expect(page.locator(".mdb-status")).to_have_text("Saved 1 row of users to other")
    assert names_in(other) == ["Ann Larsson"]


def test_rows_that_others_depend_on_ask_twice(notebook, databases):
    page = notebook(setup(databases), "mdb.explore('legacy_users', 'users')").page
    page.locator(".mdb-goto").fill("101")
    page.locator(".mdb-goto").press("Enter")
    expect(first_row(page).locator(".mdb-cell").first).to_have_text("101")
    first_row(page).locator(".mdb-tick").click()
    page.get_by_role("button", name="Delete from legacy_users").click()
    page.get_by_role("button", name="Delete 1 row from legacy_users").click()
    expect(page.locator(".mdb-problem")).to_contain_text("2 rows of orders")
    page.get_by_role("button", name="Cancel").click()
    assert names_in(databases["legacy"], "id = 101") != []


def test_an_unreachable_alias_says_why_and_the_old_one_stays(notebook, databases):
    book = notebook(setup(databases), "mdb.AliasPicker('legacy_users')", "print(_.value)")
    page = book.page
    choose(page, "gone")
    expect(page.locator(".mdb-picker-error")).to_contain_text("Can't reach alias 'gone'")
    expect(page.locator(".mdb-picker-name")).to_have_text("legacy_users")
    book.shot("picker_error", page.locator(".mdb-picker"))


def test_a_choice_in_the_picker_reaches_python(notebook, databases):
    book = notebook(setup(databases), "picker = mdb.AliasPicker('legacy_users'); picker", run=True)
    page = book.page
    button = page.locator(".mdb-picker-button")
    button.focus()
    button.press("ArrowDown")
    button.press("a")
    expect(page.locator(".mdb-float .mdb-here")).to_have_attribute("data-alias", "archive")
    book.shot("picker_open")
    button.press("Enter")
    expect(page.locator(".mdb-picker-name")).to_have_text("archive")
    add_and_run(page, "picker.value")
    expect(page.locator(".jp-OutputArea-output pre").last).to_have_text("'archive'")


def add_and_run(page, source):
    page.evaluate(
        """async (source) => {
            const { commands, shell } = window.jupyterapp;
            await commands.execute('notebook:insert-cell-below');
            shell.currentWidget.content.activeCell.model.sharedModel.setSource(source);
            void commands.execute('notebook:run-cell');
        }""",
        source,
    )


def test_the_grid_scrolls_jumps_and_sorts(notebook, databases):
    book = notebook(setup(databases), "grid = mdb.TableGrid(mdb.reflect('users')); grid")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    grid = page.get_by_role("grid")
    grid.click(position={"x": 300, "y": 60})
    page.mouse.wheel(0, 2600)
    expect(first_row(page)).to_have_attribute("aria-rowindex", "102")
    expect(first_row(page).locator(".mdb-cell").first).to_have_text("101")

    page.locator(".mdb-goto").fill("250,000")
    page.locator(".mdb-goto").press("Enter")
    expect(first_row(page).locator(".mdb-cell").first).to_have_text("250000")
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.locator(".mdb-body .mdb-active")).to_have_text("note 299999")
    expect(page.locator(".mdb-place")).to_contain_text("300,000 of 300,000")
    page.keyboard.press("Control+Home")
    expect(first_row(page).locator(".mdb-cell").first).to_have_text("1")

    name = page.get_by_role("columnheader", name="name")
    name.click()
    expect(name).to_have_attribute("aria-sort", "ascending")
    expect(first_row(page).locator(".mdb-cell").nth(1)).to_have_text("Ann Chen")
    name.click()
    expect(first_row(page).locator(".mdb-cell").nth(1)).to_have_text("Łukasz Nowak")
    name.click()
    expect(name).to_have_attribute("aria-sort", "none")
    expect(first_row(page).locator(".mdb-cell").nth(1)).to_have_text("Ann Larsson")


def test_a_selection_reaches_python(notebook, databases):
    page = notebook(setup(databases), "grid = mdb.TableGrid(mdb.reflect('users')); grid").page
    ticks = page.locator(".mdb-body .mdb-rowhead")
    expect(page.locator(".mdb-cell").first).to_have_text("1")
    ticks.nth(1).click()
    ticks.nth(3).click(modifiers=["Shift"])
    ticks.nth(6).click(modifiers=["Control"])
    expect(page.locator(".mdb-status")).to_have_text("4 rows selected")
    add_and_run(page, "print(grid.selected_keys, [user.pk for user in grid.selected().order_by('-id')])")
    expect(page.locator(".jp-OutputArea-output pre").last).to_have_text("[2, 3, 4, 7] [7, 4, 3, 2]\n")


def test_a_range_is_copied_for_a_spreadsheet(notebook, databases):
    page = notebook(setup(databases), "mdb.TableGrid(mdb.reflect('users'))").page
    expect(page.locator(".mdb-cell").first).to_have_text("1")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".mdb-body .mdb-row").nth(0).locator(".mdb-cell").nth(0).click()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Control+c")
    expect(page.locator(".mdb-status")).to_have_text("Copied 3 × 3 cells")
    assert page.evaluate("navigator.clipboard.readText()") == "1\tAnn Larsson\tSE\n2\tŁukasz Nowak\tPL\n3\tZoë Fischer\t"


def test_the_grid_answers_while_a_cell_is_running(notebook, databases):
    book = notebook(setup(databases), "mdb.TableGrid(mdb.reflect('users'))", run=True)
    page = book.page
    expect(page.locator(".mdb-cell").first).to_have_text("1")
    add_and_run(page, "import time; time.sleep(600)")
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "busy")
    page.locator(".mdb-goto").fill("123,456")
    page.locator(".mdb-goto").press("Enter")
    expect(first_row(page).locator(".mdb-cell").first).to_have_text("123456")
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "busy")


def test_nothing_from_a_database_becomes_markup(notebook, tmp_path):
    payload = '<img src=x onerror="window.hacked=1">'
    connection = sqlite3.connect(tmp_path / "bad.db")
    connection.execute(f'CREATE TABLE "t{payload.replace(chr(34), chr(34) * 2)}" (id INTEGER PRIMARY KEY, "c{payload.replace(chr(34), chr(34) * 2)}" TEXT)')
    connection.execute(f'INSERT INTO "t{payload.replace(chr(34), chr(34) * 2)}" VALUES (1, ?), (2, ?)', (payload, "<script>window.hacked=1</script>"))
    connection.commit()
    connection.close()
    source = f"""import multidb_explorer as mdb
mdb.configure({{"default": {{"URL": "sqlite:///{tmp_path / 'bad.db'}", "label": {payload!r}}}, "other": "sqlite://"}})
mdb.explore()"""
    book = notebook(source)
    page = book.page
    expect(page.locator(".mdb-cell").nth(1)).to_have_text(payload)
    page.locator(".mdb-picker-button").click()
    expect(page.locator(".mdb-float .mdb-option-label").first).to_have_text(payload)
    page.keyboard.press("Escape")
    page.locator(".mdb-body .mdb-tick").first.click()
    page.get_by_role("button", name="Delete from default").click()
    expect(page.locator(".mdb-facts dd").first).to_have_text(f"t{payload}")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".mdb img, .mdb script").count() == 0


def test_saving_the_notebook_works_from_inside_and_keeps_no_rows(notebook, databases):
    book = notebook(setup(databases), "mdb.TableGrid(mdb.reflect('users'))")
    page = book.page
    expect(page.locator(".mdb-cell").first).to_have_text("1")
    page.get_by_role("grid").click(position={"x": 300, "y": 60})
    expect(page.locator(".jp-mod-dirty").first).to_be_attached()
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)
    saved = book.path.read_text()
    assert "TableGrid(users on 'default')" in saved
    assert "Larsson" not in saved


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_looks_right(notebook, databases, dark):
    book = notebook(setup(databases), "mdb.explore('legacy_users', 'users')", dark=dark)
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
    expect(page.locator(".mdb-pill")).to_have_text("read-only")
    expect(page.get_by_role("button", name="Delete from archive")).to_have_count(0)
    book.shot(f"explore_{theme}_read_only", page.locator(".mdb-explorer"))
