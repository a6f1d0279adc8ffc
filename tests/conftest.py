"""What every test gets: an isolated environment, and databases on the engines that it asks for.

Fixtures for tests:

- ``target``: the test runs once per engine of `targets.TARGETS`.
- ``url``: an empty database on that engine, dropped after the test.
- ``new_database(target=None)``: more empty databases, on that engine or another (its name will do).
- ``postgresql``, ``mariadb``: the session's servers (`servers.Server`).
- ``chromium``: the path of the browser; ``axe``: what looks for barriers in a page.

A test that needs a server or browser that is not here is skipped, and the summary says why; with
`MULTIDB_REQUIRE=all` it fails.
"""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
import servers
from targets import TARGETS, Target, by_name, required

NewDatabase = Callable[..., str]

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
AXE = Path(__file__).parent / "js" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("MULTIDB_TEST_CHROMIUM")
# What a user's shell may set that would change where a connection goes or which settings are read.
OUTSIDE = ("DATABASE_URL", "MULTIDB_", "PG", "MYSQL_", "MARIADB_")

# No test fails for being slow.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

_absent: Counter[str] = Counter()


TURN = os.environ.get("MULTIDB_TEST_TURN")
"""A number, such as that of the day: what is no proof of an engine runs on one of the four, by turns, and the browser
tests every other time."""
ALWAYS_ALL = {"backends", "connections", "fidelity", "force"}
BROWSER_ALWAYS = {"test_safety", "test_story", "test_tour", "test_barriers"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Set the markers ``server`` and ``browser`` by what a test asks for, and leave out what has its turn tomorrow."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"postgresql", "mariadb"}:
            item.add_marker("server")
        if "chromium" in fixtures or "browser" in item.path.parent.parts:
            item.add_marker("browser")

    if TURN is not None:
        later = [item for item in items if not _has_its_turn(item, int(TURN))]
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in set(later)]


def _has_its_turn(item: pytest.Item, turn: int) -> bool:
    if "browser" in item.path.parent.parts:
        return item.path.stem in BROWSER_ALWAYS or (zlib.crc32(item.nodeid.encode()) + turn) % 2 == 0
    target = getattr(getattr(item, "callspec", None), "params", {}).get("target")
    if not isinstance(target, Target) or ALWAYS_ALL.intersection(item.path.parts):
        return True
    case = zlib.crc32(item.nodeid.replace(target.name, "").encode())
    return (TARGETS.index(target) + case + turn) % len(TARGETS) == 0


def pytest_report_header() -> str:
    """Say whose turn it is, so that a run can be repeated."""
    return "engines: all four everywhere" if TURN is None else f"engines by turns: MULTIDB_TEST_TURN={TURN}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what could not be tested on this machine, and why."""
    for reason, times in _absent.items():
        terminalreporter.write_line(f"not tested here ({times} tests): {reason}", yellow=True)


def pytest_sessionfinish() -> None:
    """Stop the servers of this session."""
    servers.stop_shared()


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep a test away from the user's settings, and the next test away from its aliases."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(OUTSIDE):
            monkeypatch.delenv(name)
    folders = {
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "XDG_STATE_HOME": "state",
        "XDG_CACHE_HOME": "cache",
    }
    folders |= {"HOME": ".", "MULTIDB_STATE_DIR": "multidb", "IPYTHONDIR": "ipython"}
    folders |= {
        "JUPYTER_CONFIG_DIR": "jupyter",
        "JUPYTER_DATA_DIR": "jupyter-data",
        "JUPYTER_RUNTIME_DIR": "jupyter-run",
    }
    for name, folder in folders.items():
        monkeypatch.setenv(name, str(home / folder))
    yield
    _forget_aliases()
    _forget_options()


@pytest.fixture(autouse=True)
def own_models(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep a test away from the models that other test files declare: foreign keys find models by their tables."""
    registry = sys.modules.get("multidb_explorer.models.registry")
    if registry is None:
        yield
        return
    everything = registry.declared
    all_models = dict(everything._models)
    near = _modules_of(request.module)
    mine = {key: model for key, model in all_models.items() if (made := model()) and made.__module__ in near}
    everything._models.clear()
    everything._models.update(mine)
    yield
    everything._models.clear()
    everything._models.update(all_models)


def _modules_of(module: object) -> set[str]:
    """Name a test file and the files that it takes names from."""
    named = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values()}
    return {str(name) for name in named} | {"ours", str(getattr(module, "__name__", ""))}


def _forget_aliases() -> None:
    # A test that never loaded the registry need not wait for it to load.
    registry = sys.modules.get("multidb_explorer.connections.registry")
    if registry is not None:
        registry.databases.clear()


def _forget_options() -> None:
    changed = sys.modules.get("multidb_explorer.options")
    if changed is not None:
        vars(changed.options).update(vars(changed.Options()))


@pytest.fixture(params=[pytest.param(t, id=t.name, marks=[] if t.embedded else pytest.mark.server) for t in TARGETS])
def target(request: pytest.FixtureRequest) -> Target:
    """Run the test once per engine."""
    chosen: Target = request.param
    if chosen.server:
        _server(chosen.server)
    return chosen


@pytest.fixture
def url(target: Target, new_database: NewDatabase) -> str:
    """Return the URL of an empty database on the test's engine, password included."""
    return new_database(target)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Return a function that makes an empty database on an engine and gives its URL."""
    made: list[tuple[Target, str]] = []

    def new_database(target: Target | str | None = None, name: str | None = None) -> str:
        if target is None:
            target = request.getfixturevalue("target")
        chosen = by_name(target) if isinstance(target, str) else target
        if chosen.server:
            _server(chosen.server)
        made.append((chosen, chosen.new_database(tmp_path, name)))
        return made[-1][1]

    yield new_database
    # Open connections of the test would hold the databases.
    _forget_aliases()
    for chosen, url in made:
        chosen.drop_database(url)


@pytest.fixture(scope="session")
def postgresql() -> servers.Server:
    """Return the session's PostgreSQL server."""
    return _server("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> servers.Server:
    """Return the session's MariaDB server."""
    return _server("mariadb")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Chromium."""
    found = CHROMIUM or next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or _absence("browser", f"no browser: none of {', '.join(BROWSERS)} on this machine")


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the text of axe-core, which finds what keeps people from using a page."""
    return AXE.read_text() if AXE.exists() else _absence("axe", "no axe-core: `make axe` fetches it, where npm is")


def _server(name: str) -> servers.Server:
    server = servers.shared(name)
    return server if isinstance(server, servers.Server) else _absence(name, server.reason)


def _absence(what: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where `MULTIDB_REQUIRE` asks for what is missing."""
    if required(what):
        pytest.fail(f"MULTIDB_REQUIRE asks for it: {reason}", pytrace=False)
    _absent[reason] += 1
    pytest.skip(reason)
