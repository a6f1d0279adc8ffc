"""What a person sees of writes: staged changes, conflicts, rejected rows, and the question that production asks."""

from __future__ import annotations

from browser.looks import BOTH_THEMES
from browser.shop import names_in
from playwright.sync_api import expect

STAGED = """
changes = mdb.ChangeSet("legacy_users")
changes.update("users", 5, name="Zoë <b>", country="FR")
changes.insert("users", {"id": 90_001, "name": "New & old", "country": None})
changes.delete("users", 1100)
changes
"""
CONFLICT = """
mdb.reflect("users", using="legacy_users").objects.filter(pk=5).update(name="the colleague's")
try:
    changes.commit()
except mdb.errors.ChangeConflict as conflict:
    found = conflict.conflicts
found
"""
SETTLED = """
changes.resolve(found, "mine")
changes.commit()
"""
REJECTED = """
rows = [{"id": 90_010, "name": "fits"}, {"id": "twelve", "name": "<i>no number</i>"}, {"id": 90_012, "name": None}]
mdb.write(rows, "users", using="legacy_users", errors="collect")
"""


@BOTH_THEMES
def test_changes_look_right(notebook, shop, dark):
    cells = [shop.setup, STAGED, "changes.preview()", CONFLICT, SETTLED, REJECTED]
    book = notebook(*cells, dark=dark, height=1900)
    outputs = book.page.locator(".jp-OutputArea-output")
    expect(outputs.last).to_contain_text("rejections of table 'users'")
    expect(outputs.first).to_contain_text("1 new, 1 deleted")
    expect(book.page.locator(".jp-OutputArea-output b:has-text('Zoë'), .jp-OutputArea-output i")).to_have_count(0)
    book.shot(f"changes_{'dark' if dark else 'light'}")
    assert "Zoë <b>" in names_in(shop.legacy)


def test_production_asks_for_its_alias(notebook, shop):
    write = "mdb.write([{'id': 1, 'name': 'Ann'}], 'users', using='new_users').inserted"
    book = notebook(shop.setup, write)
    question = book.page.locator(".jp-Stdin-input")
    expect(book.page.locator(".jp-Stdin-prompt")).to_contain_text("Write to alias 'new_users', which is production?")
    book.shot("production_asks")
    assert names_in(shop.new) == []

    question.fill("yes")
    question.press("Enter")
    expect(book.page.locator(".jp-OutputArea-output").last).to_contain_text("this one was not confirmed")
    assert names_in(shop.new) == []

    book.run_more(write)
    question.fill("new_users")
    question.press("Enter")
    expect(book.output()).to_have_text("1")
    assert names_in(shop.new) == ["Ann"]
