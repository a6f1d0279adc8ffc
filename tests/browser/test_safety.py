"""Nothing that comes from a database, or from settings, is ever run in the page."""

from __future__ import annotations

from browser.looks import cell
from browser.shop import PAYLOAD, execute
from playwright.sync_api import expect


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def test_nothing_from_a_database_becomes_markup(notebook, tmp_path):
    table = quoted(f"t{PAYLOAD}")
    execute(
        tmp_path / "bad.db",
        (f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {quoted(f'c{PAYLOAD}')} TEXT)",),
        (f"INSERT INTO {table} VALUES (1, ?), (2, ?)", PAYLOAD, "<script>window.hacked=1</script>"),
    )
    settings = {"URL": f"sqlite:///{tmp_path / 'bad.db'}", "label": PAYLOAD}
    book = notebook(f"import multidb_explorer as mdb\nmdb.configure({{'default': {settings!r}}})\nmdb.explore()")
    page = book.page
    expect(cell(page, 0, 1)).to_have_text(PAYLOAD)
    expect(page.locator(".mdb-th-name").nth(1)).to_have_text(f"c{PAYLOAD}")
    expect(page.locator(".mdb-line")).to_contain_text(f"t{PAYLOAD}")
    page.locator(".mdb-picker-button").click()
    expect(page.locator(".mdb-float .mdb-option-label").first).to_have_text(PAYLOAD)
    page.keyboard.press("Escape")
    page.locator(".mdb-body .mdb-tick").first.click()
    page.get_by_role("button", name="Delete from default").click()
    expect(page.locator(".mdb-facts dd").first).to_have_text(f"t{PAYLOAD}")
    page.get_by_role("button", name="Delete 1 row from default").click()
    expect(page.locator(".mdb-status")).to_contain_text(f"Deleted 1 row of t{PAYLOAD}")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".mdb img, .mdb script").count() == 0
