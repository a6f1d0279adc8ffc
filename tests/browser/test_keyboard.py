"""A panel without a mouse, as docs/keyboard.md says; wherever one is, the focus is somewhere inside."""

from __future__ import annotations

from browser.looks import cell
from browser.shop import names_in
from playwright.sync_api import expect

FOCUS = """() => {
    const node = document.activeElement;
    const inside = Boolean(node?.closest('.mdb'));
    const ids = node?.getAttribute('aria-labelledby')?.split(' ') ?? [];
    const words = ids.map((id) => document.getElementById(id)?.textContent).join(' ');
    const own = () => node.getAttribute('aria-label') || node.labels?.[0]?.textContent || node.textContent.trim();
    return inside ? words || own() : null;
}"""


def focus(page):
    """Name what has the focus; None outside of the panel."""
    return page.evaluate(FOCUS)


def tab_to(page, name, key="Tab"):
    """Press Tab until something has the focus."""
    seen = []
    for _ in range(40):
        page.keyboard.press(key)
        seen.append(focus(page))
        assert seen[-1] is not None, f"the focus left the panel: {seen}"
        if name in seen[-1]:
            return
    raise AssertionError(f"never came to {name!r}: {seen}")


def test_find_edit_and_save_by_keys_alone(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('default')").page
    expect(page.locator(".mdb-count")).not_to_be_empty()
    page.get_by_role("combobox", name="Database").focus()
    for key in ("ArrowDown", "l", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".mdb-picker-name")).to_have_text("legacy_users")
    assert focus(page) == "Database"
    tab_to(page, "Search tables")
    page.keyboard.type("users")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-name")).to_have_text("users")
    expect(page.locator(".mdb-count")).to_have_text("1,204 rows")
    expect(page.get_by_role("grid")).to_be_focused()

    edit_by_keys(page)
    save_by_keys(page)
    assert names_in(shop.legacy, "id IN (1, 2)") == ["Anna", "Łukasz Nowak"]


# What the browser sends arrives late, as it does at a server that is far away.
DELAYED = """() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) { setTimeout(() => send.call(this, data), 1500); };
}"""


def test_enter_is_not_lost_while_the_tables_come(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('default')").page
    expect(page.locator(".mdb-count")).not_to_be_empty()
    page.evaluate(DELAYED)
    page.get_by_role("combobox", name="Database").focus()
    for key in ("ArrowDown", "l", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".mdb-picker-name")).to_have_text("legacy_users")
    tab_to(page, "Search tables")
    page.keyboard.type("users")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-name")).to_have_text("users")
    expect(page.get_by_role("grid")).to_be_focused()


def edit_by_keys(page):
    for key in ("Control+Home", "ArrowRight", "F2"):
        page.keyboard.press(key)
    page.keyboard.press("Control+a")
    page.keyboard.type("Anna")
    page.keyboard.press("Enter")
    grid, pending = page.get_by_role("grid"), page.locator(".mdb-pending")
    expect(pending).to_contain_text("1 changed")
    expect(grid).to_be_focused()
    # What was typed and not entered is dropped; what is staged stays.
    page.keyboard.type("never")
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("Escape")
    expect(cell(page, 1, 1)).to_have_text("Łukasz Nowak")
    page.keyboard.press("Control+Delete")
    expect(pending).to_contain_text("1 deleted")
    page.keyboard.press("Control+z")
    expect(pending).to_have_attribute("aria-label", "Not saved: 1 changed")
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu", name="Actions")).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("F4")
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("Control+f")
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    expect(pending).to_have_attribute("aria-label", "Not saved: 1 changed")


def save_by_keys(page):
    tab_to(page, "Review")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.mdb-sheet")).to_contain_text("UPDATE users SET")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Review")).to_be_focused()
    tab_to(page, "Save to")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-status")).to_contain_text("Saved 1 changed to legacy_users")
    assert focus(page) is not None, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_headers_tabs_and_the_way_back_by_keys_alone(notebook, shop):
    page = notebook(shop.setup, "mdb.explore('legacy_users', 'orders')").page
    grid = page.get_by_role("grid")
    expect(page.locator(".mdb-count")).to_have_text("6 rows")
    grid.focus()
    for key in ("Control+Home", "ArrowUp", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("columnheader", name="user_id")).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_role("menu", name="Actions")).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("Control+Shift+F")
    assert focus(page) == "Filter user_id"
    page.keyboard.type("101")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-count")).to_have_text("2 rows")
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".mdb-name")).to_have_text("users")
    expect(cell(page, 0, 0)).to_have_text("101")
    assert focus(page) is not None, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")

    page.get_by_role("tab", name="Data").focus()
    for tab in ("Structure", "Relations"):
        page.keyboard.press("ArrowRight")
        assert focus(page) == tab
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    tab_to(page, "orders", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".mdb-name")).to_have_text("orders")
    assert focus(page) is not None, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
