"""The form of one row in JupyterLab."""

from __future__ import annotations

from browser.looks import BOTH_THEMES
from browser.shop import PAYLOAD, column, execute, names_in
from browser.test_barriers import FIND
from playwright.sync_api import expect

ROW = "form = mdb.RowForm(mdb.reflect('users', using='legacy_users').objects.get(pk=101)); form"


def line(page, name):
    """Give the line of a field."""
    return page.get_by_role("group", name=name, exact=True)


def field(page, name):
    """Give what is typed into."""
    return line(page, name).locator(".mdb-editor-field")


def status(page):
    return page.locator(".mdb-form-foot .mdb-status").first


@BOTH_THEMES
def test_a_row_is_edited_while_a_cell_runs(notebook, shop, axe, tmp_path, dark):
    book = notebook(shop.setup, ROW, dark=dark)
    page, go = book.page, tmp_path / "go"
    expect(field(page, "name")).to_have_value(names_in(shop.legacy, "id = 101")[0])
    book.run_more(
        f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)\nprint('over')"
    )
    field(page, "balance").fill("12.345")
    expect(line(page, "balance").get_by_role("alert")).to_contain_text("3 decimal places")
    field(page, "name").fill("Tomasz")
    line(page, "country").get_by_role("button", name="set NULL").click()
    expect(page.locator(".mdb-form-changed")).to_have_count(3)
    page.get_by_role("button", name="Save to legacy_users").click()
    expect(status(page)).to_contain_text("look at balance")
    book.shot(f"form_{'dark' if dark else 'light'}", page.locator(".mdb-form"))
    page.evaluate(axe)
    assert page.evaluate(FIND) == []
    field(page, "balance").fill("12.30")
    field(page, "balance").press("Control+Enter")
    expect(status(page)).to_contain_text("Saved to legacy_users")
    expect(page.locator(".mdb-form-changed")).to_have_count(0)
    saved = "SELECT name || ' ' || balance || ' ' || (country IS NULL) FROM users WHERE id = 101"
    assert column(shop.legacy, saved) == ["Tomasz 12.3 1"]
    expect(page.get_by_text("over", exact=True)).to_have_count(0)
    go.touch()
    expect(book.output()).to_have_text("over\n")


def test_a_row_goes_to_production_and_from_the_old_database(notebook, shop):
    book = notebook(shop.setup, ROW)
    page = book.page
    page.get_by_role("button", name="Save to", exact=True).click()
    page.locator(".mdb-form .mdb-option[data-alias=archive][aria-disabled=true]").wait_for()
    page.locator(".mdb-form .mdb-option[data-alias=new_users]:visible").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("This is production")
    question.get_by_role("textbox").fill("new_users")
    book.shot("form_production", page.locator(".mdb-form"))
    question.get_by_role("textbox").press("Enter")
    expect(page.locator(".mdb-form .mdb-title .mdb-chip-name")).to_have_text("new_users")
    assert names_in(shop.new) == names_in(shop.legacy, "id = 101")
    page.get_by_role("button", name="Delete from").click()
    page.locator(".mdb-form .mdb-option[data-alias=legacy_users]:visible").click()
    question.get_by_role("button", name="Delete 1 row from legacy_users").click()
    expect(question).to_contain_text("2 rows of orders")
    question.get_by_role("button", name="Delete those rows too").click()
    expect(status(page)).to_contain_text("with 2 rows of orders")
    assert names_in(shop.legacy, "id = 101") == []
    book.run_more("form.instance.pk, form.instance._state.db, form.edited")
    expect(book.output()).to_have_text("(101, 'new_users', ())")


def test_a_foreign_key_is_chosen_by_name_and_a_conflict_is_decided(notebook, shop):
    execute(shop.legacy, ("UPDATE users SET name = ? WHERE id = 7", PAYLOAD))
    book = notebook(
        shop.setup,
        "form = mdb.RowForm(mdb.reflect('orders', using='legacy_users').objects.order_by('id')); form",
        width=640,
    )
    page = book.page
    expect(line(page, "user_id").locator(".mdb-editor-label")).not_to_be_empty()
    field(page, "user_id").fill("onerror")
    option = page.get_by_role("listbox", name="Rows of users").get_by_role("option").first
    expect(option).to_contain_text("<img src=x")
    field(page, "user_id").press("ArrowDown")
    field(page, "user_id").press("Enter")
    expect(field(page, "user_id")).to_have_value("7")
    field(page, "user_id").fill("99999")
    field(page, "user_id").press("Tab")
    expect(line(page, "user_id").get_by_role("alert")).to_contain_text("There is no row 99999 in users")
    book.shot("form_foreign_key", page.locator(".mdb-form"))
    field(page, "user_id").fill("8")
    field(page, "user_id").press("Tab")
    field(page, "total").fill("5.25")
    expect(status(page)).to_contain_text("2 fields changed")
    # What was typed is in the kernel: another view shows it too.
    book.run_more("form")
    expect(
        page.locator(".mdb-form").nth(1).get_by_role("group", name="total").locator(".mdb-editor-field")
    ).to_have_value("5.25")
    execute(shop.legacy, ("UPDATE orders SET total = 3 WHERE id = 1",))
    page.get_by_role("button", name="Save to legacy_users").first.click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("Somebody else changed this row")
    book.shot("form_conflict", page.locator(".mdb-form").first)
    question.get_by_role("button", name="Write mine over it").click()
    expect(status(page)).to_contain_text("Saved to legacy_users")
    assert column(shop.legacy, "SELECT user_id || ' ' || total FROM orders WHERE id = 1") == ["8 5.25"]
    page.get_by_role("button", name="Next row").first.click()
    expect(page.locator(".mdb-form-steps").first).to_contain_text("row 2 of 6")


def test_a_read_only_alias_offers_no_write(notebook, shop):
    book = notebook(shop.setup, "mdb.RowForm(mdb.reflect('users', using='archive').objects.get(pk=4))")
    page = book.page
    expect(line(page, "name").locator(".mdb-form-value")).to_be_visible()
    expect(page.locator(".mdb-form").get_by_text("read-only")).to_be_visible()
    expect(page.locator(".mdb-form :is(input, textarea, select):visible")).to_have_count(0)
    for name in ("Delete from", "Revert", "Save to archive"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    book.shot("form_read_only", page.locator(".mdb-form"))
