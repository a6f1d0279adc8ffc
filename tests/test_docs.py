"""The pages of docs/ are true: their code runs, what they say of a line comes out, and they name all there is."""

from __future__ import annotations

import ast
import builtins
import inspect
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
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROSE = FENCE.sub("", PAGES["queries"])
WORDS = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PROSE))))
"""Every name that stands in code letters, examples left out."""
INNER = {
    "bound", "compiled", "has_key", "in_any_order", "key_required", "ordered_by", "reading", "row_by_row", "whole",
}  # fmt: skip
"""What other parts of the package ask a QuerySet, and users don't."""


def lines(page: str) -> Iterator[tuple[str, str | None]]:
    """Give each statement of a page, and what it says comes out."""
    for _, block in FENCE.findall(PAGES[page]):
        for statement in ast.parse(block).body:
            source = ast.get_source_segment(block, statement) or ""
            said = re.search(r"# → (.*)$", block.splitlines()[(statement.end_lineno or 1) - 1])
            yield source, said[1] if said else None


@pytest.mark.parametrize("page", PAGES)
def test_there_is_nothing_but_python_in_blocks(page):
    languages = {language for language, _ in FENCE.findall(PAGES[page])}
    assert languages == ({"python"} if page in {"queries", "moving"} else set())


@pytest.mark.parametrize(
    ("page", "least", "printed"),
    [("queries", 21, "one statement can't read two databases"), ("moving", 8, "it has 58 characters")],
)
def test_what_it_says_comes_out(page, least, printed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    checked = 0
    for source, said in lines(page):
        if said is None:
            exec(source, names)  # noqa: S102 -- the page's own code
        else:
            found = repr(eval(source, names))  # noqa: S307 -- the page's own code
            assert (source, found) == (source, said)
            checked += 1
    assert checked >= least
    assert printed in capsys.readouterr().out


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


@pytest.mark.parametrize("name", sorted(set(inspect.signature(mdb.copy).parameters) - {"source", "to"}))
def test_moving_names_every_option(name):
    assert f"`{name}" in PAGES["moving"]


@pytest.mark.parametrize("name", ["conflicts", "mapped", "objections", "refused", "run", "without"])
def test_moving_names_what_a_plan_can_do(name):
    assert hasattr(mdb.TransferPlan, name) or name in mdb.TransferPlan.__dataclass_fields__
    assert f"`{name}" in PAGES["moving"] or f", `{name}" in PAGES["moving"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = FENCE.sub("", PAGES[page])
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target[1:] in headings if target.startswith("#") else (ROOT / "docs" / target).exists(), target
