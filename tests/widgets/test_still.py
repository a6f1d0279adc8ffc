"""What a panel leaves in a saved notebook: readable without a kernel, and no row of a table unless asked for."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

ROW, SECRET = "Sesame-in-a-row", "hunter2typed"
SETUP = f"""
import multidb_explorer as mdb
from IPython.display import display
from multidb_explorer.connections.registry import databases
mdb.configure({{'default': {{'URL': 'sqlite:///still.db', 'color': 'teal'}}}})
with databases['default'].begin() as connection:
    connection.exec_driver_sql('CREATE TABLE "u<i>" (id INTEGER PRIMARY KEY, name TEXT NOT NULL)')
    connection.exec_driver_sql('INSERT INTO "u<i>" VALUES (1, ?), (2, ?)', ('{ROW}', 'x'))
"""
# As the browser would: a page, a draft, an alias with its password.
PANELS = f"""
users = mdb.reflect('u<i>')
grid, form, picker = mdb.TableGrid(users), mdb.RowForm(users.objects.get(pk=1)), mdb.AliasPicker('default')
explorer = mdb.explore('default', 'u<i>')
grid.controller.answer({{'type': 'win', 'epoch': 1, 'start': 0, 'count': 200}})
form.controller.answer({{'type': 'set', 'column': 'name', 'text': '{ROW}!'}})
picker.controller.answer({{'type': 'add_alias', 'alias': 'crm', 'engine': 'postgresql', 'secret': '{SECRET}'}})
display(grid, form, picker, explorer)
"""
CELLS = (SETUP.strip(), PANELS.strip())


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A notebook that ran headless and was saved with the state of its widgets."""
    folder = tmp_path_factory.mktemp("still")
    last = "mdb.options.saved_rows = 1\ngrid"
    notebook = new_notebook(cells=[new_code_cell(source) for source in (*CELLS, last)])
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=place, store_widget_state=True).execute()
    return notebook


def bundles(notebook, cell):
    return [output["data"] for output in notebook.cells[cell].outputs]


def test_a_saved_notebook_holds_no_row_and_no_secret(saved):
    kept = saved.cells[-1].outputs
    saved.cells[-1].outputs = []
    text = nbformat.writes(saved)
    saved.cells[-1].outputs = kept
    assert "application/vnd.jupyter.widget-state+json" in text
    assert text.count(ROW) == sum(source.count(ROW) for source in CELLS)
    assert text.count(SECRET) == sum(source.count(SECRET) for source in CELLS)


def test_without_widgets_it_says_what_was_there(saved):
    grid, form, picker, explorer = bundles(saved, 1)
    assert grid["text/plain"] == "TableGrid(u<i> on 'default')"
    assert "u&lt;i&gt; on default · 2 rows · a live panel: run the cell" in grid["text/html"]
    assert all(f">{name}</th>" in grid["text/html"] for name in ("id", "name"))
    assert form["text/plain"] == "RowForm(a row of u<i> on 'default')"
    assert "Database: default" in picker["text/html"]
    assert "alias default · table u&lt;i&gt;" in explorer["text/html"]
    assert all("teal" in bundle["text/html"] for bundle in (grid, form, picker, explorer))


def test_rows_are_kept_for_whoever_asks(saved):
    (grid,) = bundles(saved, 2)
    assert ROW in grid["text/html"]
    assert "<td" in grid["text/html"]


def test_a_preview_that_fails_is_no_failure_of_the_panel(tmp_path):
    mdb.configure({"default": f"sqlite:///{tmp_path}/a.db"})
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    grid = mdb.TableGrid(mdb.reflect("t"))
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("DROP TABLE t")
    mdb.options.saved_rows = 5
    assert "<td" not in grid._repr_mimebundle_()[0]["text/html"]
