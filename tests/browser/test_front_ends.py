"""The other places where panels run: Notebook 7, Voila, and a JupyterLab without subshells."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from browser.conftest import Notebook, notebook_of
from browser.looks import cell, go_to, rows
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
# What these front ends say on any page of theirs.
THEIR_OWN = ("Failed to load resource", "reading 'schema'", "/voila/static/", "'filebrowser:open-path' not registered")
# What Voila's own page asks a CDN for, icons and formulas; nothing here lets it, and our panels need none of it.
VOILAS = ("cdn.jsdelivr.net/npm/@fortawesome/", "cdnjs.cloudflare.com/ajax/libs/mathjax/")


@pytest.fixture
def page_of(lab, chrome):
    """Open a page of the running server, and at the end see that nothing of ours failed and nothing was fetched."""
    opened = []

    def open_page(address, text):
        lab.end_kernels()
        lab.choose_theme(False)
        path = lab.folder / secrets.token_hex(4) / "test.ipynb"
        path.parent.mkdir()
        path.write_text(text)
        page = chrome.new_context(viewport={"width": 1100, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        book = Notebook(page, lab, path)
        book.watch()
        page.route(
            lambda address: "//127.0.0.1:" not in address and address.startswith("http"), lambda route: route.abort()
        )
        opened.append(book)
        page.goto(f"{lab.url}/{address}/{path.parent.name}/{path.name}?token={lab.token}")
        return book

    yield open_page
    for book in opened:
        book.page.context.close()
    lab.end_kernels()
    allowed = (*THEIR_OWN, *VOILAS)
    ours = [each for book in opened for each in book.troubles if not any(words in each for words in allowed)]
    assert ours == []


def connected(book):
    """Wait until the page talks to its kernel; to run before that asks which kernel to take."""
    for _ in range(300):
        kernels = [session["kernel"] for session in book.lab.api("sessions")]
        if any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels):
            return
        book.page.wait_for_timeout(200)
    raise AssertionError("no kernel was connected in a minute")


def cells(*sources):
    return json.dumps(notebook_of(sources))


def test_notebook_7_shows_a_grid_and_saves_from_a_form(page_of, shop):
    row = "form = mdb.RowForm(mdb.reflect('users', using='legacy_users').objects.get(pk=7)); form"
    book = page_of("notebooks", cells(shop.setup, "mdb.TableGrid(mdb.reflect('users'))", row))
    page = book.page
    connected(book)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(rows(page).first).to_be_visible()
    go_to(page, "250,000")
    expect(cell(page, 0, 0)).to_have_text("250000")
    name = page.get_by_role("group", name="name", exact=True).locator(".mdb-editor-field")
    name.fill("Seven")
    name.press("Control+Enter")
    expect(page.locator(".mdb-form-foot .mdb-status")).to_contain_text("Saved to legacy_users")
    book.shot("notebook_7")


def test_voila_shows_the_explorer_as_an_app(page_of):
    book = page_of("voila/render", (ROOT / "notebooks" / "explorer_app.ipynb").read_text())
    page = book.page
    expect(page.locator(".mdb-explorer .mdb-picker-name")).to_have_text("default", timeout=90_000)
    page.locator(".mdb-line", has_text="products").first.click()
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_text("import multidb_explorer")).to_have_count(0)
    book.shot("voila")


def test_without_subshells_a_grid_waits_politely(lab, notebook, shop, tmp_path):
    lab.set("apputils-extension/kernels-settings", {"commsOverSubshells": "disabled"})
    try:
        go = tmp_path / "go"
        book = notebook(shop.setup, "mdb.TableGrid(mdb.reflect('users'))")
        page = book.page
        expect(rows(page).first).to_be_visible()
        book.run_more(f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)")
        expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "busy")
        go_to(page, "200,000")
        expect(page.locator(".mdb-status")).to_contain_text("Waiting for the kernel: it may be running another cell")
        book.shot("no_subshells")
        go.touch()
        expect(cell(page, 0, 0)).to_have_text("200000")
        expect(page.locator(".mdb-status")).not_to_contain_text("Waiting")
    finally:
        lab.set("apputils-extension/kernels-settings", {})
