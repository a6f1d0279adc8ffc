"""Every notebook runs from top to bottom, as often as one likes, and is kept without its outputs."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SECRET = "hunter2planted"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def executed(path, *, allow_errors=False):
    """Run a notebook in its folder and save it with everything that a headless run saves, widgets' state included."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=True,
    )
    client.execute()
    nbformat.write(notebook, path)
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def twice(path):
    """Make a notebook that goes through all its cells two times, as a reader does who likes it."""
    notebook = nbformat.read(path, as_version=4)
    again = copy.deepcopy(notebook.cells)
    for cell in again:
        cell.id += "-again"
    notebook.cells += again
    nbformat.write(notebook, path)


def files_with(text, folder):
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.fixture
def planted(monkeypatch):
    """Plant a password wherever the kernel's settings may come from."""
    monkeypatch.setenv("CRM_PASSWORD", SECRET)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ann:{SECRET}@127.0.0.1:1/shop")
    monkeypatch.setenv("MULTIDB_REPORTS_URL", f"postgresql://ann@127.0.0.1:1/reports?password={SECRET}")


@every_notebook
@pytest.mark.parametrize("before", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_it_runs_again_and_again_without_a_word_of_complaint(path, planted, tmp_path, before):
    own = Path(shutil.copy(path, tmp_path))
    for _ in range(before):
        executed(own)
    twice(own)
    notebook = executed(own)
    assert [output for output in outputs(notebook) if output.output_type == "error"] == []
    assert [output.text for output in outputs(notebook) if output.get("name") == "stderr"] == []
    assert files_with(SECRET, tmp_path) == []


@every_notebook
def test_it_is_kept_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    assert outputs(notebook) == []
    assert all(cell.get("execution_count") is None for cell in notebook.cells)


@every_notebook
def test_it_has_one_idea_a_cell(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert len(cell.source.splitlines()) <= 16, cell.source


def test_a_notebook_that_meets_secrets_keeps_none(planted, tmp_path):
    cells = [
        "%load_ext multidb_explorer\nimport multidb_explorer as mdb\nmdb.configure()",
        "mdb.connect('crm', 'postgresql://ann@127.0.0.1:1/crm', PASSWORD='env:CRM_PASSWORD')",
        "mdb.aliases",
        "{alias: (vars(found.database), repr(found.database.settings)) for alias, found in mdb.aliases.items()}",
        *[f"mdb.aliases[{alias!r}].tables" for alias in ("default", "reports", "crm")],
        *[f"%%db {alias}\nselect 1" for alias in ("default", "reports", "crm")],
        "%xmode Verbose\nmdb.aliases['crm'].check()",
        "mdb.AliasPicker('crm')",
        "mdb.explore('crm')",
    ]
    path = tmp_path / "secrets.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
    notebook = executed(path, allow_errors=True)
    failed = [output.ename for output in outputs(notebook) if output.output_type == "error"]
    assert set(failed) == {"ConnectionFailed"}
    assert len(failed) >= 4
    # A list of tables says why it can't be read, where a traceback would be printed twice.
    assert str(outputs(notebook)).count("reach alias") >= 7
    assert "application/vnd.jupyter.widget-state+json" in notebook.metadata.widgets
    assert files_with(SECRET, tmp_path) == []
