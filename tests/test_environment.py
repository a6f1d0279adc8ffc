"""environment.yml asks conda for the same set that pyproject.toml asks pip for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# conda-forge's names where they differ.
PYPI_NAMES = {"python-duckdb": "duckdb"}
CONDA_ITSELF = {"python", "pip"}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def conda_lines():
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def by_name(requirements):
    return {canonicalize_name(wanted.name): wanted.specifier for wanted in map(Requirement, requirements)}


def expand(requirement, extras):
    """Give what an extra of the package itself stands for."""
    wanted = Requirement(requirement)
    if canonicalize_name(wanted.name) != "multidb-explorer":
        return [requirement]
    return [inner for name in wanted.extras for line in extras[name] for inner in expand(line, extras)]


def pip_set():
    extras = project()["optional-dependencies"]
    return by_name(project()["dependencies"] + [inner for line in extras["all"] for inner in expand(line, extras)])


def conda_set():
    wanted = by_name(line for line in conda_lines() if isinstance(line, str))
    return {PYPI_NAMES.get(name, name): specifier for name, specifier in wanted.items() if name not in CONDA_ITSELF}


def test_conda_and_pip_resolve_the_same_set():
    assert conda_set() == pip_set()


def test_conda_takes_the_same_pythons():
    lines = by_name(line for line in conda_lines() if isinstance(line, str))
    assert lines["python"] == SpecifierSet(project()["requires-python"])


def test_conda_installs_the_package_from_this_folder():
    assert {"pip": ["--editable ."]} in conda_lines()


def test_the_extra_all_holds_every_extra_but_dev():
    extras = project()["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == set(extras) - {"all", "dev"}
