"""An analyst's day in one walk: find, narrow down, edit, review, save elsewhere, settle, follow, take the code."""

from __future__ import annotations

import re
import sqlite3

import pytest
import sqlalchemy as sa
from browser.looks import cell, choose, rows
from playwright.sync_api import expect

COUNTRIES = ("SE", "FR", "PL")
TABLES = (
    "CREATE TABLE teams (id INTEGER PRIMARY KEY, name VARCHAR(20))",
    """CREATE TABLE people (
        id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, country CHAR(2), visits INTEGER, balance NUMERIC(12, 2),
        active BOOLEAN, born DATE, team_id INTEGER REFERENCES teams (id)
    )""",
)
TEAMS = [f"({n}, 'Team {n}')" for n in range(1, 5)]
PEOPLE = [
    f"({n}, 'Person {60 - n}', '{COUNTRIES[n % 3]}', {n * 7}, {n}.5, {'true' if n % 2 else 'false'},"
    f" '1990-01-{n % 28 + 1:02}', {n % 4 + 1})"
    for n in range(1, 31)
]
FILLED = (*TABLES, f"INSERT INTO teams VALUES {', '.join(TEAMS)}", f"INSERT INTO people VALUES {', '.join(PEOPLE)}")
SEEN = "SELECT name, visits, balance, active, born FROM people WHERE id = 30"


@pytest.fixture(params=["sqlite", *(pytest.param(name, marks=pytest.mark.slow) for name in ("postgresql", "mariadb"))])
def other(request, new_database):
    """The URL of the other database, which holds the same people; in the meantime somebody renamed one."""
    url = new_database(request.param)
    engine = sa.create_engine(
        url.replace("mariadb://", "mysql+pymysql://").replace("postgresql://", "postgresql+psycopg://")
    )
    with engine.begin() as connection:
        for statement in FILLED:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("UPDATE people SET name = 'Their name' WHERE id = 30")
    yield url, engine
    engine.dispose()


def in_view(page, column):
    return rows(page).locator(f".mdb-cell:nth-child({column + 1})").all_inner_texts()


def type_into(page, row, column, text):
    """Choose a cell, type over it, and see it staged."""
    cell(page, row, column).click()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(cell(page, row, column)).to_have_class(re.compile("mdb-staged"))


def code_on_screen(page):
    """Copy what the tab Code shows."""
    page.get_by_role("tab", name="Code").click()
    button = page.get_by_role("tabpanel", name="Code").locator(".mdb-copy")
    button.click()
    expect(button).to_have_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


def find_and_narrow_down(page):
    choose(page, "source")
    expect(page.locator(".mdb-picker-name")).to_have_text("source")
    search = page.get_by_role("combobox", name="Search tables")
    search.fill("peo")
    search.press("Enter")
    expect(page.locator(".mdb-count")).to_have_text("30 rows")
    page.get_by_role("textbox", name="Filter country").fill("SE")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-count")).to_have_text("10 rows")
    page.get_by_role("columnheader", name="name").click()
    expect(cell(page, 0, 1)).to_have_text("Person 30")
    expect(cell(page, 0, 0)).to_have_text("30")


def edit_add_and_delete(page):
    for column, text in ((1, "My name"), (3, "99"), (4, "12.34"), (6, "2001-02-03")):
        type_into(page, 0, column, text)
    cell(page, 0, 5).click()
    page.keyboard.press("F2")
    page.get_by_role("combobox", name="active, boolean").select_option("true")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Row", exact=True).click()
    expect(rows(page)).to_have_count(11)
    type_into(page, 10, 0, "900")
    type_into(page, 10, 1, "New person")
    pending = page.locator(".mdb-pending")
    for row in (1, 2):
        cell(page, row, 1).click()
        page.keyboard.press("Control+Delete")
        expect(pending).to_contain_text(f"{row} deleted")
    page.keyboard.press("Control+z")
    for words in ("1 changed", "1 new", "1 deleted"):
        expect(pending).to_contain_text(words)


def review_and_save_elsewhere(book, engine):
    page = book.page
    page.get_by_role("button", name="Review").click()
    sheet = page.locator("dialog.mdb-sheet")
    for word in ("UPDATE people SET", "INSERT INTO people", "DELETE FROM people"):
        expect(sheet).to_contain_text(word)
    book.shot("story_review")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save to another alias").click()
    page.locator(".mdb-pending .mdb-option[data-alias=crm]").click()
    expect(sheet).to_contain_text("Their name")
    book.shot("story_conflict")
    with engine.connect() as there:
        assert there.exec_driver_sql("SELECT count(*) FROM people WHERE id = 900").scalar() == 0
    sheet.get_by_role("radio", name="name: mine").check()
    sheet.get_by_role("button", name="Save to").click()
    expect(page.locator(".mdb-status")).to_contain_text("Saved 1 changed, 1 new, 1 deleted to crm")


def follow_and_take_the_code(book):
    page = book.page
    cell(page, 3, 7).click()
    team = cell(page, 3, 7).inner_text()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".mdb-name")).to_have_text("teams")
    expect(cell(page, 0, 1)).to_have_text(f"Team {team}")
    assert in_view(page, 0) == [team]
    code = code_on_screen(page)
    book.shot("story_code")
    book.run_more(f"{code}\nprint([(row.id, row.name) for row in rows])")
    expect(book.output()).to_have_text(f"[({team}, 'Team {team}')]\n")

    page.get_by_role("navigation", name="The way back").get_by_role("button").first.click()
    expect(page.locator(".mdb-name")).to_have_text("people")
    page.get_by_role("tab", name="Data").click()
    expect(page.locator(".mdb-count")).to_have_text("10 rows")
    ids = in_view(page, 0)[:10]
    book.run_more(f"{code_on_screen(page)}\nprint(*[row.id for row in rows])")
    expect(book.output()).to_have_text(f"{' '.join(ids)}\n")


def test_the_whole_story(notebook, shop, tmp_path, other):
    url, engine = other
    here = sqlite3.connect(tmp_path / "here.db")
    here.executescript(";\n".join(FILLED))
    before = here.execute("SELECT * FROM people ORDER BY id").fetchall()
    aliases = f"""
mdb.connect("source", "sqlite:///{tmp_path}/here.db", color="teal")
mdb.connect("crm", {url!r}, color="orchid");
"""
    book = notebook(shop.setup + aliases, "mdb.explore('default', height=700)", width=1500, height=1100)
    book.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    find_and_narrow_down(book.page)
    edit_add_and_delete(book.page)
    book.shot("story_staged")
    review_and_save_elsewhere(book, engine)
    follow_and_take_the_code(book)

    # Nothing happened here, and there exactly what was agreed to.
    assert here.execute("SELECT * FROM people ORDER BY id").fetchall() == before
    here.close()
    with engine.connect() as there:
        name, visits, balance, active, born = there.exec_driver_sql(SEEN).one()
        assert (name, visits, float(balance), bool(active), str(born)) == ("My name", 99, 12.34, True, "2001-02-03")
        ids = there.exec_driver_sql("SELECT id FROM people ORDER BY id").scalars().all()
        assert ids == [n for n in range(1, 31) if n != 27] + [900]
        assert there.exec_driver_sql("SELECT name FROM people WHERE id = 900").scalar() == "New person"
