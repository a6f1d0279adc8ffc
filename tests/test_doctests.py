"""Every example in a docstring runs, and every public name has one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import re
from importlib import import_module

import pytest

import multidb_explorer as mdb

MODULES = [name for _, name, _ in pkgutil.walk_packages(mdb.__path__, "multidb_explorer.") if "__main__" not in name]


@pytest.mark.parametrize("module", ["multidb_explorer", *MODULES])
def test_the_examples_of_a_module_run(module: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    outcome = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)

    assert outcome.failed == 0


def test_the_export_list_is_sorted_and_complete() -> None:
    assert mdb.__all__ == sorted(mdb.__all__)
    for name in mdb.__all__:
        assert getattr(mdb, name) is not None
    assert set(mdb.__all__) <= set(dir(mdb))
    with pytest.raises(AttributeError, match="no attribute 'modle'"):
        _ = mdb.modle


@pytest.mark.parametrize("name", [name for name in mdb.__all__ if callable(getattr(mdb, name))])
def test_public_names_are_documented_with_an_example(name: str) -> None:
    found = getattr(mdb, name)
    doc = inspect.getdoc(found) or ""

    assert doc, f"{name} has no docstring"
    assert ">>>" in doc or re.search(r"``?%", doc) or _any_method_has(found), f"{name} has no example"


def _any_method_has(found: object) -> bool:
    return any(">>>" in (inspect.getdoc(member) or "") for _, member in inspect.getmembers(found))
