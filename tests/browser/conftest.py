"""JupyterLab in Chromium: one server for the session, a fresh notebook, kernel and workspace for each test.

Screenshots go to the folder that `MULTIDB_SCREENSHOTS` names; a failed test leaves one there, or beside its own files.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser.shop import fill

ROOT = Path(__file__).parents[2]
SHOTS = os.environ.get("MULTIDB_SCREENSHOTS")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 30_000
CONNECTED = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = context?.isReady ? context.session?.kernel : null;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
RUN_MORE = """async (source) => {
    const { commands, shell } = window.jupyterapp;
    const { content } = shell.currentWidget;
    content.activeCellIndex = content.widgets.length - 1;
    await commands.execute('notebook:insert-cell-below');
    content.activeCell.model.sharedModel.setSource(source);
    void commands.execute('notebook:run-cell');
}"""
# What JupyterLab itself says, on any page: the second when a page is read anew.
HARMLESS = ("ResizeObserver loop", "Could not restore the debugger state")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Lab:
    """The running server."""

    url: str
    token: str
    folder: Path
    settings: Path

    def api(self, path: str, method: str = "GET") -> object:
        request = urllib.request.Request(
            f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def end_kernels(self) -> None:
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")

    def choose_theme(self, dark: bool) -> None:
        self.set("apputils-extension/themes", {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})

    def set(self, name: str, value: object) -> None:
        path = self.settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))


@pytest.fixture(scope="session")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab on a free port, away from everything that the user has configured."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    port, token = free_port(), secrets.token_hex(16)
    lab = Lab(f"http://127.0.0.1:{port}", token, folder, home / "settings")
    # The news pop-up would cover a part of the page.
    lab.set("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
    process = start(port, token, folder, home)
    try:
        wait_for(lab, process, home / "lab.log")
        yield lab
    finally:
        # The kernels are children of the server: its whole group goes.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def start(port: int, token: str, folder: Path, home: Path) -> subprocess.Popen:
    names = {"HOME": "", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "run"}
    names |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    names |= {"XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state", "MULTIDB_STATE_DIR": "multidb"}
    environment = {**os.environ, **{name: str(home / place) for name, place in names.items()}}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"]
    with (home / "lab.log").open("w") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def wait_for(lab: Lab, process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            pytest.fail(f"JupyterLab ended at once:\n{log.read_text()[-3000:]}", pytrace=False)
        try:
            lab.api("status")
        except OSError:
            time.sleep(0.25)
        else:
            return
    pytest.fail(f"JupyterLab did not start in a minute:\n{log.read_text()[-3000:]}", pytrace=False)


@pytest.fixture(scope="session")
def chrome(chromium: str) -> Iterator[object]:
    """Start the browser once."""
    from playwright.sync_api import expect, sync_playwright

    # A busy machine is slow, and a wait that is met ends at once.
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Notebook:
    """A notebook open in the browser, and everything that went wrong in its page."""

    page: object
    lab: Lab
    path: Path
    troubles: list[str] = field(default_factory=list)

    def watch(self) -> None:
        page = self.page
        page.on("pageerror", lambda error: self.note(f"page error: {error}"))
        page.on("console", lambda message: message.type == "error" and self.note(f"console: {message.text}"))
        page.on("request", lambda request: self.look_at(request.url))
        page.on("dialog", lambda dialog: (self.note(f"dialog: {dialog.message}"), dialog.dismiss()))

    def note(self, text: str) -> None:
        if not any(known in text for known in HARMLESS):
            self.troubles.append(text)

    def look_at(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.troubles.append(f"external request: {url}")

    def open(self) -> None:
        workspace = secrets.token_hex(4)
        self.page.goto(
            f"{self.lab.url}/lab/workspaces/{workspace}/tree/{self.path.parent.name}/{self.path.name}?reset&token={self.lab.token}"
        )
        # Not the indicator: it says idle before there is a kernel at all, and running then asks to select one.
        self.page.wait_for_function(CONNECTED, timeout=60_000)
        self.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")

    def run(self, command: str = "notebook:run-all-cells") -> None:
        """Start running; the promise is not awaited, since a cell may be meant to take long."""
        self.page.evaluate(f"void window.jupyterapp.commands.execute('{command}')")

    def run_more(self, source: str) -> None:
        """Add a cell at the end and run it, without waiting for it."""
        self.page.evaluate(RUN_MORE, source)

    def output(self) -> object:
        """Give the last text that a cell put out."""
        return self.page.locator(".jp-OutputArea-output pre").last

    def shot(self, name: str, locator: object = None) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            (locator or self.page).screenshot(path=str(Path(SHOTS) / f"{name}.png"))


class Opener:
    """Opens notebooks for one test."""

    def __init__(self, lab: Lab, chrome: object, folder: Path) -> None:
        self.lab, self.chrome, self.folder = lab, chrome, folder
        self.opened: list[Notebook] = []

    def __call__(
        self, *cells: str, dark: bool = False, width: int = 1100, height: int = 900, run: bool = True
    ) -> Notebook:
        """Open a notebook of these cells."""
        return self.open(json.dumps(notebook_of(cells)), dark=dark, width=width, height=height, run=run)

    def open(
        self, text: str, *, dark: bool = False, width: int = 1100, height: int = 900, run: bool = True
    ) -> Notebook:
        """Open a copy of a notebook, in a folder of its own."""
        self.lab.end_kernels()
        self.lab.choose_theme(dark)
        path = self.lab.folder / secrets.token_hex(4) / "test.ipynb"
        path.parent.mkdir()
        path.write_text(text)
        context = self.chrome.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        notebook = Notebook(page, self.lab, path)
        notebook.watch()
        self.opened.append(notebook)
        notebook.open()
        if run:
            notebook.run()
        return notebook


def notebook_of(cells: tuple[str, ...]) -> dict[str, object]:
    made = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for n, source in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def notebook(lab: Lab, chrome: object, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Open notebooks, and at the end see that their pages had no trouble."""
    opener = Opener(lab, chrome, tmp_path)
    yield opener
    failed = getattr(request.node, "failed", False)
    for number, opened in enumerate(opener.opened):
        if failed:
            place = Path(SHOTS) if SHOTS else tmp_path
            opened.page.screenshot(path=str(place / f"failed_{request.node.name}_{number}.png"))
            errors = opened.page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
            print(f"screenshot: {place}", *opened.troubles, *errors, sep="\n")
        opened.page.context.close()
    lab.end_kernels()
    if not failed:
        assert [trouble for opened in opener.opened for trouble in opened.troubles] == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let the fixture know whether its test failed."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture(scope="session")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with 300,000 users, which no test changes."""
    return fill(tmp_path_factory.mktemp("big") / "big.db", 300_000)


@dataclass
class Shop:
    """The files of the aliases, and the cell that registers them."""

    legacy: Path
    new: Path
    archive: Path
    big: Path

    @property
    def setup(self) -> str:
        aliases = {
            "default": f"sqlite:///{self.big}",
            "legacy_users": {"URL": f"sqlite:///{self.legacy}", "color": "orange", "label": "Legacy CRM"},
            "new_users": {"URL": f"sqlite:///{self.new}", "color": "seagreen", "confirm": "production"},
            "archive": {"URL": f"sqlite:///{self.archive}", "color": "slateblue", "read_only": True},
            "gone": {"URL": "sqlite:////no/such/folder/gone.db", "color": "gray"},
        }
        return f"import multidb_explorer as mdb\nmdb.configure({aliases!r})"


@pytest.fixture
def shop(tmp_path: Path, big: Path) -> Shop:
    """Make databases of users: 1,204 in the old one, none in the new one."""
    return Shop(
        legacy=fill(tmp_path / "legacy.db", 1204, orders=6),
        new=fill(tmp_path / "new.db", 0),
        archive=fill(tmp_path / "archive.db", 50),
        big=big,
    )
