"""The README is true: its code runs in order, its commands and files exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import multidb_explorer as mdb
from multidb_explorer import demo
from multidb_explorer.backends import backend_for
from multidb_explorer.connections.entries import KEYS
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CELLS = [text for language, text in BLOCKS if language in ("python", "")]
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines() if line]


@pytest.fixture
def shell():
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    yield shell
    shell.run_line_magic("unload_ext", "multidb_explorer")
    InteractiveShell.clear_instance()


def test_its_code_runs_in_order(shell, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert len(CELLS) == 12
    for cell in CELLS:
        done = shell.run_cell(cell)
        assert done.success, cell
    seen = capsys.readouterr().out
    assert "'email':" in seen
    assert "{'addresses': 2, 'notes': 3}" in seen
    assert "it has 58 characters and the column keeps 40" in seen
    assert (shell.user_ns["irish"].inserted, shell.user_ns["irish"].deleted) == (316, 316)
    assert list(mdb.aliases) == ["default", "crm", "archive", "scratch"]
    assert shell.user_ns["user"]._state.db == "new_users"
    assert shell.user_ns["picker"].value == "legacy_users"
    assert list(shell.user_ns["top"]) == ["city", "users"]


def test_the_dtypes_are_those_of_its_table(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for cell in CELLS[:4]:
        shell.run_cell(cell)
    dtypes = shell.user_ns["frame"].dtypes.astype(str)
    expected = {
        "id": "int64",
        "points": "Int64",
        "credit": "decimal128(10, 2)[pyarrow]",
        "newsletter": "boolean",
        "country": "str",
        "registered_at": "datetime64[us]",
        "birth_date": "date32[day][pyarrow]",
        "preferences": "str",
    }
    assert {name: dtypes[name] for name in expected} == expected


def multidb(*words):
    done = subprocess.run(
        [sys.executable, "-m", "multidb_explorer", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("multidb ")])
def test_its_commands_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    demo.build("demo")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///demo/shop.db")
    _, *words = shlex.split(command, comments=True)
    assert multidb(*words)


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_its_make_targets_exist(command):
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_it_knows_every_command_that_it_shows():
    assert {command.split()[0] for command in COMMANDS} == {"make", "multidb"}


def test_it_names_every_lookup():
    text = README.replace("\n", " ")
    lookups = re.search(r"Lookups: `([a-z ]+)`", text)[1]
    parts = re.search(r"parts of dates before them \(`[^`]+`\): `([a-z_ ]+)`", text)[1]

    assert sorted(lookups.split()) == sorted(LOOKUPS)
    assert sorted(parts.split()) == sorted(TRANSFORMS)


def test_it_names_every_setting():
    for key in set(KEYS) - {"PORT"}:
        assert re.search(rf"\b{key}\b", README), key


@pytest.mark.parametrize("extra", sorted(EXTRAS - {"dev"}))
def test_it_names_every_extra(extra):
    assert f"`{extra}`" in README


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mysql", "mariadb", "duckdb"])
def test_its_table_has_every_engine(name):
    backend = backend_for(name)
    assert backend.title.partition(" ")[0] in README
    assert backend.extra is None or f"| `{backend.extra}` |" in README


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_pictures_are_those_of_the_two_themes():
    assert set(re.findall(r"docs/images/\w+\.png", README)) == {
        "docs/images/explore_light.png",
        "docs/images/explore_dark.png",
    }
