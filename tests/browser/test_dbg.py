from browser.looks import cell, go_to
from playwright.sync_api import expect
def test_dbg(notebook, shop, lab):
    lab._setting("services-extension/kernel-settings" , {"commsOverSubshells":"disabled"})
    book = notebook(shop.setup, "grid = mdb.TableGrid(mdb.reflect('users')); grid")
    page = book.page
    expect(page.locator(".mdb-count")).to_have_text("300,000 rows")
    book.run_more("import time; time.sleep(8)")
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status","busy")
    go_to(page, "123,456")
    expect(page.locator(".mdb-status")).to_contain_text("Waiting for the kernel")
    book.shot("waiting", page.locator(".mdb-table"))
    expect(cell(page,0,0)).to_have_text("123456")
    expect(page.locator(".mdb-status")).to_have_text("")
