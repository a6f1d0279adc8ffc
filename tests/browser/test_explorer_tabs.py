"""The explorer's tabs in JupyterLab: relations there and back, SQL that is stopped, code that gives the rows."""

from __future__ import annotations

import re

from browser.looks import BOTH_THEMES, cell
from playwright.sync_api import expect

ENDLESS = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def run_sql(page, sql):
    box = page.locator(".mdb-sql-text")
    box.fill(sql)
    box.press("Control+Enter")


def test_from_a_row_to_its_relations_and_to_code_that_gives_the_rows(notebook, shop):
    book = notebook(shop.setup, "explorer = mdb.explore('legacy_users', 'orders'); explorer")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("6 rows")
    cell(page, 4, 1).click()
    tab(page, "Relations")
    expect(page.locator("button.mdb-box", has_text="users")).to_contain_text("102")
    page.locator("button.mdb-box", has_text="users").click()
    expect(page.locator(".mdb-name")).to_have_text("users")
    expect(page.locator(".mdb-count")).to_have_text("1 row")
    expect(cell(page, 0, 0)).to_have_text("102")
    tab(page, "Relations")
    expect(page.locator("button.mdb-box", has_text="orders")).to_contain_text("2 rows")
    page.locator("button.mdb-box", has_text="orders").click()
    expect(page.locator(".mdb-count")).to_have_text("2 rows")

    tab(page, "Code")
    code = page.get_by_role("region", name="Python code").inner_text()
    assert "filter(user_id=102)" in code
    book.run_more(f"{code.removesuffix('rows')}print(sorted(row.id for row in rows), rows.db)")
    expect(book.output()).to_have_text("[2, 5] legacy_users\n")
    page.get_by_role("textbox", name="Variable").fill("mine")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".mdb-said")).to_contain_text("mine holds 2 rows")
    book.run_more("print(list(mine.id))")
    expect(book.output()).to_have_text("[2, 5]\n")

    trail = page.get_by_role("navigation", name="The way back")
    trail.get_by_role("button", name="orders").click()
    expect(page.locator(".mdb-count")).to_have_text("6 rows")
    expect(trail).to_be_hidden()
    tab(page, "Data")
    expect(page.locator(".mdb-cell.mdb-active")).to_have_text("102")


def test_sql_while_a_cell_runs_fails_in_words_and_is_stopped(notebook, shop):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    book.run_more("import time; time.sleep(60)")
    tab(page, "SQL")
    run_sql(page, "select country, count(*) as people from users group by 1 order by 2 desc")
    expect(page.locator(".mdb-sql-status")).to_contain_text("5 rows")
    run_sql(page, "select *\nfrom userz")
    expect(page.locator(".mdb-sql .mdb-notice-text")).to_contain_text("Alias 'legacy_users': no such table: userz")
    run_sql(page, "delete from users")
    expect(page.locator(".mdb-sql .mdb-notice-text")).to_contain_text("typed SQL only reads")
    run_sql(page, ENDLESS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".mdb-sql .mdb-notice-text")).to_contain_text("was stopped")
    page.locator(".mdb-sql-text").fill("")
    page.locator(".mdb-sql-text").press("ArrowUp")
    expect(page.locator(".mdb-sql-text")).to_have_value(ENDLESS)
    page.locator(".mdb-sql-text").fill("select u.na from users u")
    page.locator(".mdb-sql-text").evaluate("(box) => box.setSelectionRange(11, 11)")
    page.keyboard.press("Control+Space")
    expect(page.locator(".mdb-sql .mdb-option").first).to_contain_text("name")
    page.keyboard.press("Tab")
    expect(page.locator(".mdb-sql-text")).to_have_value("select u.name from users u")


@BOTH_THEMES
def test_each_tab_looks_right(notebook, shop, dark):
    book = notebook(shop.setup, "mdb.explore('legacy_users', 'users')", dark=dark)
    page, theme = book.page, "dark" if dark else "light"
    explorer = page.locator(".mdb-explorer")
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    tab(page, "Structure")
    expect(page.get_by_role("region", name=re.compile("statement"))).to_contain_text("CREATE TABLE users")
    book.shot(f"tab_structure_{theme}", explorer)
    tab(page, "Relations")
    expect(page.locator("button.mdb-box")).to_contain_text("0 rows")
    book.shot(f"tab_relations_{theme}", explorer)
    tab(page, "Profile")
    expect(page.locator(".mdb-profile-bar")).to_be_hidden()
    expect(page.locator(".mdb-fact-waiting")).to_have_count(0)
    expect(page.locator(".mdb-bars")).to_have_count(2)
    book.shot(f"tab_profile_{theme}", explorer)
    tab(page, "SQL")
    run_sql(page, "select country, count(*) as people, round(avg(balance), 2) as mean\nfrom users\ngroup by country")
    expect(page.locator(".mdb-sql-status")).to_contain_text("5 rows")
    book.shot(f"tab_sql_{theme}", explorer)
    tab(page, "Code")
    expect(page.get_by_role("region", name="Python code")).to_contain_text("legacy_users")
    book.shot(f"tab_code_{theme}", explorer)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="SQL")).to_be_focused()
