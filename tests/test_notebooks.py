"""Every notebook runs from top to bottom, as often as one likes, and is kept without its outputs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SECRET = "hunter2planted"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def executed(path):
    """Run a notebook in its folder, as `jupyter execute` does, and save it."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=True,
    )
    client.execute()
    nbformat.write(notebook, path)
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.fixture
def planted(monkeypatch):
    """Plant a password wherever settings come from, and treat warnings of the kernel as errors."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ann:{SECRET}@127.0.0.1:1/shop")
    monkeypatch.setenv("MULTIDB_NEW_USERS_URL", f"mysql://ann@127.0.0.1:1/crm?password={SECRET}")
    monkeypatch.setenv("LEGACY_PASSWORD", SECRET)
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "multidb_explorer"
    config.mkdir(parents=True)
    config.joinpath("multidb.toml").write_text(f'[aliases.archive]\nPASSWORD = "{SECRET}"\n')


@every_notebook
def test_it_runs_twice_in_the_same_folder_and_keeps_no_secret(path, planted, tmp_path):
    copy = Path(shutil.copy(path, tmp_path))
    for _ in range(2):
        notebook = executed(copy)
        assert [output for output in outputs(notebook) if output.output_type == "error"] == []
        assert [output.text for output in outputs(notebook) if output.get("name") == "stderr"] == []
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


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
