"""A password planted in every kind of setting shows up nowhere: no repr, traceback, log, widget or saved notebook."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
import servers
from nbclient import NotebookClient

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

SECRET = "pl4nt3d/p@ss wörd"
ENCODED = quote(SECRET, safe="")
LEAKS = (SECRET, ENCODED, quote(SECRET), SECRET.encode("unicode_escape").decode(), "pl4nt3d")


def assert_no_secret(text: object) -> None:
    for leak in LEAKS:
        assert leak not in str(text)


def settings(url: str, port: int, tmp_path: Path) -> dict[str, Any]:
    """Give every way of planting a password; none of them is right, so that every failure is met too."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    parts = {
        "ENGINE": url.partition(":")[0].partition("+")[0],
        "NAME": "nowhere",
        "USER": "ann",
        "HOST": "127.0.0.1",
        "PORT": port,
    }
    base = f"{url.partition('@')[2].partition('/')[0]}/nowhere"
    scheme = url.partition("://")[0]
    return {
        "in_url": f"{scheme}://ann:{ENCODED}@{base}",
        "as_key": {**parts, "PASSWORD": SECRET},
        "from_environment": {**parts, "PASSWORD": "env:PLANTED"},
        "from_file": {**parts, "PASSWORD": f"file:{path}"},
        "from_function": {**parts, "PASSWORD": lambda: SECRET},
        "in_query": f"{scheme}://ann@{base}?password={ENCODED}",
    }


@pytest.fixture(params=["postgresql", "mariadb"])
def planted(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    server: servers.Server = request.getfixturevalue(request.param)
    monkeypatch.setenv("PLANTED", SECRET)
    ways = settings(server.url("nowhere"), server.port, tmp_path)
    mdb.configure({"default": {}, **ways})
    return list(ways)


def test_no_representation_shows_it(planted: list[str]) -> None:
    assert_no_secret(repr(mdb.aliases) + mdb.aliases._repr_html_())
    for alias in planted:
        database = databases[alias]
        shown: list[Callable[[], object]] = [
            lambda d=database: d,
            lambda d=database: d.settings,
            lambda d=database: vars(d.settings),
            lambda d=database: d.safe_url,
            lambda d=database: d.url,
            lambda d=database: d.engine,
            lambda d=database: d.engine.url,
            lambda d=database: d.engine.pool.__dict__,
            lambda a=alias: mdb.aliases[a],
            lambda a=alias: mdb.aliases[a]._repr_html_(),
        ]
        for show in shown:
            assert_no_secret(repr(show()))
            assert_no_secret(show())


def test_no_failure_shows_it(planted: list[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for alias in planted:
        with pytest.raises(mdb.errors.ConnectionFailed) as caught:
            mdb.aliases[alias].check()
        assert_no_secret(caught.value)
        assert_no_secret("".join(traceback.format_exception(caught.value)))
        with pytest.raises(mdb.errors.ConnectionFailed):
            mdb.aliases[alias].tables.keys() and list(mdb.aliases[alias].tables)
    assert_no_secret(caplog.text)


def test_a_verbose_traceback_with_every_local_variable_does_not_show_it(planted: list[str]) -> None:
    from IPython.core.ultratb import VerboseTB

    for alias in planted:
        try:
            mdb.aliases[alias].check()
        except mdb.errors.ConnectionFailed as error:
            text = VerboseTB(theme_name="nocolor").text(type(error), error, error.__traceback__, context=5)
            assert alias in text
            assert_no_secret(text)


def test_no_widget_keeps_it(planted: list[str]) -> None:
    picker, explorer = mdb.AliasPicker(), mdb.explore()
    for alias in planted:
        picker.receive({"t": "choose", "id": 1, "alias": alias}) if hasattr(picker, "receive") else None
    for widget in (picker, explorer):
        assert_no_secret(widget.get_state())
        assert_no_secret(repr(widget))


def test_no_saved_notebook_holds_it(planted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook reads aliases from a file, meets every failure, shows widgets, and is saved with its outputs."""
    server_url = databases["in_url"].url
    config = tmp_path / "multidb.toml"
    config.write_text(
        f"""
        [aliases.default]
        URL = "{server_url.render_as_string(hide_password=False).replace("ann@", f"ann:{ENCODED}@")}"
        [aliases.other]
        URL = "{server_url}"
        PASSWORD = "env:PLANTED"
        """
    )
    cells = [
        "import multidb_explorer as mdb\nmdb.configure()\nmdb.aliases",
        "%load_ext multidb_explorer\n%db",
        "%%db other\nselect 1",
        "mdb.aliases['default'].check()",
        "%xmode Verbose\nmdb.aliases['other'].check()",
        "mdb.explore()",
        "mdb.AliasPicker()",
        "from multidb_explorer.connections.registry import databases",
        "[databases['default'].settings, databases['other'].engine]",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, metadata={"tags": ["raises-exception"]}) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()

    saved = nbformat.writes(notebook)
    assert "Can't reach alias" in saved
    assert "application/vnd.jupyter.widget-view+json" in saved
    assert_no_secret(saved)
