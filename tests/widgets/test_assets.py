"""The browser's modules, joined into the one text that anywidget imports."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from multidb_explorer.widgets import assets

MODULES = sorted(path.stem for path in assets.STATIC.glob("*.js"))
STEMS = ("alias_picker", "explorer", "grid", "row_form", "transfer_panel")


@pytest.mark.parametrize("stem", STEMS)
def test_what_is_imported_stands_before_what_imports_it(stem):
    names = assets.module_names(stem)
    assert names[0] == "core"
    assert names[-1] == stem
    for place, name in enumerate(names):
        for needed in re.findall(r'from "\./(\w+)\.js"', (assets.STATIC / f"{name}.js").read_text()):
            assert needed in names[:place]


@pytest.mark.parametrize("stem", STEMS)
def test_a_joined_module_stands_alone(stem):
    text = assets.script(stem)
    assert not re.search(r"^import\b", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == [re.search(r"^export default .*", text, re.MULTILINE)[0]]


@pytest.mark.parametrize("stem", STEMS)
def test_no_two_modules_use_one_name(stem):
    names = re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", assets.script(stem), re.MULTILINE)
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("stem", STEMS)
def test_a_joined_module_is_valid(stem, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    path = tmp_path / f"{stem}.mjs"
    path.write_text(assets.script(stem))
    done = subprocess.run([node, "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_belongs_to_a_widget():
    assert sorted({name for stem in STEMS for name in assets.module_names(stem)}) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_ever_written_as_markup(name):
    text = (assets.STATIC / f"{name}.js").read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\b|srcdoc", text
    )


@pytest.mark.parametrize("path", sorted(assets.STATIC.glob("*")), ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path):
    addresses = set(re.findall(r"https?://[^\s\"')]+", path.read_text()))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("stem", STEMS)
def test_what_a_front_end_gets_asks_the_network_for_nothing(stem):
    """VS Code, Colab and machines without a network get one text each of code and style, and need nothing more."""
    text = re.sub(r"/\*.*?\*/", "", assets.script(stem) + assets.style(stem), flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\s\"')]+", text)) <= {"http://www.w3.org/2000/svg"}
    asking = r"(?<!\.)(?<!async )\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\(|importScripts"
    assert re.findall(rf"{asking}|@import|(?<!ObjectURL\()\burl\(", text) == []


@pytest.mark.parametrize("path", sorted(assets.STATIC.glob("*.css")), ids=lambda path: path.name)
def test_colours_come_from_the_theme(path):
    for line in path.read_text().splitlines():
        bare = re.sub(r"var\((?:[^()]|\([^()]*\))*\)", "", line)
        fixed = re.findall(r"#[0-9a-fA-F]{3,8}\b", bare)
        # White on a filled button and the red of a delete are the same in every theme.
        assert set(fixed) <= {"#fff", "#000", "#c62828", "#a31f1f"}, line


def test_a_class_gets_its_look_in_one_stylesheet():
    """All sheets of a widget are one text, so a second look of the same name would spoil the first one."""
    looks: dict[str, set[str]] = {}
    for path in assets.STATIC.glob("*.css"):
        for name in re.findall(r"^(?:\.mdb )?\.(mdb-[\w-]+) \{", path.read_text(), re.MULTILINE):
            looks.setdefault(name, set()).add(path.stem)
    assert {name: files for name, files in looks.items() if len(files) > 1} == {}
