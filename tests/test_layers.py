"""The layering rule: contracts on the source, and a look at what a fresh interpreter loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "multidb_explorer"
JUPYTER = ("IPython", "anywidget", "ipywidgets", "traitlets")
DRIVERS = ("duckdb", "duckdb_engine", "psycopg", "pymysql")
FRAMES = ("dask", "numpy", "pandas", "polars", "pyarrow")
HEAVY = (*JUPYTER, *DRIVERS, *FRAMES, "sqlalchemy")
TOP = {"widgets", "magics", "cli"}
PRODUCTS = re.compile(r"\b(sqlite|mysql|mariadb|postgresql|postgres|duckdb)\b", re.IGNORECASE)
STATEMENTS = re.compile(
    r"^\s*(select\s.+\sfrom|insert into|update\s\w+\sset|delete from|create table)\b", re.IGNORECASE
)


def fresh_interpreter(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(statement, names):
    """Give those of the packages that a fresh interpreter has loaded after the statement."""
    return fresh_interpreter(
        f"import sys\n{statement}\nprint(*(n for n in {tuple(names)!r} if n in sys.modules))"
    ).split()


def modules_below_the_top():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        layer = parts[1]
        if layer not in TOP and layer != "__main__":
            yield ".".join(part for part in parts if part != "__init__")


def test_imports_keep_to_the_layers():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import multidb_explorer", HEAVY) == []


def test_listing_the_public_names_loads_nothing_heavy():
    assert loaded_by("import multidb_explorer; dir(multidb_explorer)", HEAVY) == []


def test_no_module_below_the_top_layer_loads_jupyter():
    code = f"""
import importlib, sys
for module in {list(modules_below_the_top())!r}:
    importlib.import_module(module)
    if loaded := sorted(set(sys.modules) & set({JUPYTER!r})):
        sys.exit(f"{{module}} loads {{loaded}}")
"""
    fresh_interpreter(code)


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(PACKAGE.rglob("*.py")) if p.relative_to(PACKAGE).parts[0] not in ("backends", "demo")],
    ids=str,
)
def test_products_and_sql_text_stand_only_in_the_backends(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    # An example in a message to people names a product that everybody has.
    texts = [
        node.value.replace("sqlite:///shop.db", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    assert [text for text in texts if PRODUCTS.search(text) or STATEMENTS.search(text)] == []
