"""The reference of queries is true: its code runs, what it says of a line comes out, and it names all there is."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import multidb_explorer as mdb
from multidb_explorer import functions
from multidb_explorer.models.relation_options import relation_options
from multidb_explorer.query import aggregates, windows
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "queries.md"
TEXT = PAGE.read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(TEXT)
PROSE = FENCE.sub("", TEXT)
WORDS = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PROSE))))
"""Every name that stands in code letters, examples left out."""
INNER = {
    "bound", "compiled", "has_key", "in_any_order", "key_required", "ordered_by", "reading", "row_by_row", "whole",
}  # fmt: skip
"""What other parts of the package ask a QuerySet, and users don't."""


def lines() -> Iterator[tuple[str, str | None]]:
    """Give each statement of the page, and what it says comes out."""
    for _, block in BLOCKS:
        for statement in ast.parse(block).body:
            source = ast.get_source_segment(block, statement) or ""
            said = re.search(r"# → (.*)$", block.splitlines()[(statement.end_lineno or 1) - 1])
            yield source, said[1] if said else None


def test_it_has_nothing_but_python_in_its_blocks():
    assert {language for language, _ in BLOCKS} == {"python"}


def test_what_it_says_comes_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    checked = 0
    for source, said in lines():
        if said is None:
            exec(source, names)  # noqa: S102 -- the page's own code
        else:
            found = repr(eval(source, names))  # noqa: S307 -- the page's own code
            assert (source, found) == (source, said)
            checked += 1
    assert checked > 20
    assert "one statement can't read two databases" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(functions.__all__))
def test_it_names_every_function(name):
    assert name in WORDS


@pytest.mark.parametrize("name", sorted({*aggregates.__all__, *windows.__all__} - {"Aggregate", "WindowFunction"}))
def test_it_names_every_aggregate_and_window(name):
    assert name in WORDS


@pytest.mark.parametrize("name", [*LOOKUPS, *TRANSFORMS])
def test_it_names_every_lookup_and_transform(name):
    assert name in WORDS


@pytest.mark.parametrize("name", sorted(name for name in dir(mdb.QuerySet) if not name.startswith("_")))
def test_it_names_every_method_of_querysets(name):
    assert name in WORDS or name in INNER


def test_it_calls_nothing_by_a_name_that_does_not_exist():
    called = set(re.findall(r"`([A-Z]\w*[a-z]\w*)(?:\(|`)", PROSE))
    known = {*dir(functions), *dir(mdb), *dir(mdb.errors), *dir(builtins)}
    assert called - known <= {"Decimal", "Numeric", "Meta", "Order", "Id", "FilteredRelation"}


@pytest.mark.parametrize("given", re.findall(r"^\| `(\{.*?\})`", PROSE, re.MULTILINE))
def test_the_relations_that_it_shows_can_be_given(given):
    assert relation_options(ast.literal_eval(given), "the page")


def test_its_links_lead_somewhere():
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", PROSE):
        assert target[1:] in headings if target.startswith("#") else (PAGE.parent / target).exists(), target
