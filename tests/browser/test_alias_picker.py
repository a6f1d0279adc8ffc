"""The dropdown of aliases in JupyterLab."""

from __future__ import annotations

from browser.looks import choose
from playwright.sync_api import expect
from sqlalchemy.engine import make_url

PICKER = "picker = mdb.AliasPicker('legacy_users'); picker"


def test_an_unreachable_alias_says_why_and_the_old_one_stays(notebook, shop):
    book = notebook(shop.setup, PICKER)
    page = book.page
    choose(page, "gone")
    expect(page.locator(".mdb-picker-error")).to_contain_text("Can't reach alias 'gone'")
    expect(page.locator(".mdb-picker-name")).to_have_text("legacy_users")
    book.shot("picker_error", page.locator(".jp-OutputArea-output").last)
    book.run_more("picker.value")
    expect(book.output()).to_have_text("'legacy_users'")


def test_a_choice_by_keyboard_reaches_python(notebook, shop):
    book = notebook(shop.setup, PICKER)
    page = book.page
    button = page.get_by_role("combobox", name="Database")
    button.focus()
    button.press("ArrowDown")
    button.press("a")
    here = page.locator(".mdb-float .mdb-here")
    expect(here).to_have_attribute("data-alias", "archive")
    assert button.get_attribute("aria-activedescendant") == here.get_attribute("id")
    book.shot("picker_open")
    button.press("Enter")
    expect(page.locator(".mdb-picker-name")).to_have_text("archive")
    book.run_more("picker.value")
    expect(book.output()).to_have_text("'archive'")


def test_escape_leaves_everything_as_it_was(notebook, shop):
    page = notebook(shop.setup, PICKER).page
    button = page.get_by_role("combobox", name="Database")
    button.click()
    expect(page.get_by_role("listbox")).to_be_visible()
    button.press("ArrowDown")
    button.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(button).to_be_focused()
    expect(page.locator(".mdb-picker-name")).to_have_text("legacy_users")


def test_an_alias_added_later_is_offered_and_many_can_be_searched(notebook, shop):
    book = notebook(shop.setup, PICKER)
    page = book.page
    expect(page.locator(".mdb-picker-name")).to_have_text("legacy_users")
    book.run_more("for n in range(8):\n    mdb.connect(f'scratch_{n}', 'sqlite://', color='teal')")
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
    page.get_by_role("combobox", name="Database").click()
    search = page.get_by_role("combobox", name="search")
    expect(search).to_be_focused()
    search.fill("scratch_5")
    expect(page.locator(".mdb-float .mdb-option:not(.mdb-option-more)")).to_have_count(1)
    book.shot("picker_search")
    search.press("Enter")
    expect(page.locator(".mdb-picker-name")).to_have_text("scratch_5")


def opened_by_keys(page, button):
    button.focus()
    for key in ("ArrowDown", "End"):
        button.press(key)
    # The list is renewed under the user's hands as each database answers.
    options = page.locator(".mdb-float .mdb-option:not(.mdb-option-more)")
    expect(options.locator(".mdb-health")).to_have_count(options.count())
    button.press("Enter")
    return page.get_by_role("dialog", name="Add an alias")


def test_an_alias_is_added_by_keyboard_and_its_password_is_nowhere(notebook, shop, new_database):
    book = notebook(shop.setup, PICKER)
    page = book.page
    server = make_url(new_database("postgresql"))
    button = page.get_by_role("combobox", name="Database")
    dialog = opened_by_keys(page, button)
    expect(dialog.get_by_label("Alias", exact=True)).to_be_focused()
    page.keyboard.type("crm")
    dialog.get_by_label("Engine").select_option("postgresql")
    dialog.get_by_label("Host, port").fill(server.host)
    dialog.get_by_label("Port", exact=True).fill(str(server.port))
    dialog.get_by_label("Database").fill(server.database)
    dialog.get_by_label("User").fill(server.username)
    dialog.get_by_role("textbox", name="Password").fill("wrong")
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Can't reach alias 'crm'")
    dialog.get_by_role("textbox", name="Password").fill(server.password)
    dialog.get_by_label("Colour").select_option("teal")
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.get_by_role("status")).to_contain_text("PostgreSQL")
    dialog.get_by_role("button", name="Show as multidb.toml").click()
    expect(dialog.locator(".mdb-code")).to_contain_text('PASSWORD = "env:CRM_PASSWORD"')
    book.shot("picker_add")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".mdb-picker-name")).to_have_text("crm")
    book.run_more("picker.value, mdb.aliases['crm'].tables is not None")
    expect(book.output()).to_have_text("('crm', True)")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-DocumentWidget.jp-mod-dirty")).to_have_count(0)
    assert server.password not in book.path.read_text()
    assert server.password not in page.content()
