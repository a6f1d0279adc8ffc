"""The widgets: what they are called with, what they show without a browser, and that their traits carry no rows."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import threading

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer import widgets
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import Controller
from multidb_explorer.errors import ConnectionDoesNotExist
from multidb_explorer.widgets import assets
from multidb_explorer.widgets.base import Panel, css_height

SECRET = "Sesame-in-a-row"


@pytest.fixture
def shop(tmp_path):
    mdb.configure(
        {
            "default": f"sqlite:///{tmp_path / 'a.db'}",
            "other": {"URL": f"sqlite:///{tmp_path / 'b.db'}", "color": "teal"},
        }
    )
    with databases["default"].begin() as connection:
        connection.execute(sa.text("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(sa.text("INSERT INTO users VALUES (1, :name), (2, 'Bob'), (3, NULL)"), {"name": SECRET})
    with databases["other"].begin() as connection:
        connection.execute(sa.text("CREATE TABLE things (id INTEGER PRIMARY KEY)"))
    return mdb.reflect("users")


@pytest.fixture
def made(shop):
    row = mdb.RowForm(shop.objects.get(pk=1))
    return [mdb.AliasPicker("default"), mdb.TableGrid(shop), mdb.explore("default", "users"), row]


def panel_classes():
    modules = [
        importlib.import_module(f"{widgets.__name__}.{found.name}") for found in pkgutil.iter_modules(widgets.__path__)
    ]
    found = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    return sorted(
        (value for value in found if issubclass(value, Panel) and value is not Panel), key=lambda c: c.__name__
    )


def say(widget, message):
    """Send a message as the browser does: in another thread."""
    thread = threading.Thread(target=widget._handle_custom_msg, args=(message, []))
    thread.start()
    thread.join()
    # What takes long is answered from a thread of its own.
    for other in threading.enumerate():
        if other.name == "multidb-panel":
            other.join()


class Sent(list):
    def __call__(self, content, buffers=None):
        self.append((content, buffers))


# One stem


@pytest.mark.parametrize("cls", panel_classes(), ids=lambda cls: cls.__name__)
def test_widget_controller_and_browser_module_share_a_stem(cls):
    assert cls.__module__ == f"multidb_explorer.widgets.{cls.stem}"
    controllers = vars(importlib.import_module(f"multidb_explorer.controllers.{cls.stem}"))
    assert any(inspect.isclass(value) and issubclass(value, Controller) for value in controllers.values())
    assert (assets.STATIC / f"{cls.stem}.js").exists()
    assert ".mdb-" in cls._css
    assert "export default { render: render" in cls._esm


@pytest.mark.parametrize("cls", panel_classes(), ids=lambda cls: cls.__name__)
def test_the_browser_only_reads_traits_that_there_are(cls):
    own = (assets.STATIC / f"{cls.stem}.js").read_text()
    assert set(re.findall(r'model\.get\("(\w+)"\)', own)) <= set(cls.class_trait_names(sync=True))


# Small state


def test_no_trait_carries_rows(made):
    for widget in made:
        say(widget, {"type": "win", "id": "1", "epoch": 1, "start": 0, "count": 200})
        state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
        assert SECRET not in str(state)
        assert len(json.dumps(state, default=str)) < 5000


def test_no_trait_tells_where_a_database_is(made, tmp_path):
    for widget in made:
        assert str(tmp_path) not in str(widget.get_state())


def test_rows_travel_as_buffers(shop):
    grid = mdb.TableGrid(shop)
    grid.send = sent = Sent()
    say(grid, {"type": "win", "id": "1", "epoch": 1, "start": 0, "count": 200})
    ((content, buffers),) = sent
    assert (content["type"], content["rows"]) == ("win", 3)
    assert SECRET in buffers[0].decode()
    assert grid.row_count == 3


def test_an_error_in_a_callback_reaches_the_browser(shop):
    grid = mdb.TableGrid(shop)
    grid.send = sent = Sent()
    say(grid, {"type": "win", "id": "1", "epoch": 7, "start": 0, "count": 200})
    assert sent[0][0]["type"] == "err"


# Without a browser


def test_each_has_a_plain_text(made):
    assert list(map(repr, made)) == [
        "AliasPicker(value='default')",
        "TableGrid(users on 'default')",
        "Explorer(alias='default', table='users')",
        "RowForm(a row of users on 'default')",
    ]
    for widget in made:
        assert widget._repr_mimebundle_()[0]["text/plain"] == repr(widget)


@pytest.mark.parametrize("make", [mdb.AliasPicker, lambda **kw: mdb.TableGrid(mdb.reflect("users"), **kw), mdb.explore])
def test_an_unknown_keyword_is_refused_by_name(shop, make):
    with pytest.raises(TypeError, match="hieght"):
        make(hieght=5)


@pytest.mark.parametrize("height", [0, -5, True, None, 4.5])
def test_a_height_is_pixels_or_css(height):
    with pytest.raises((TypeError, ValueError), match="height"):
        css_height(height)


# AliasPicker


def test_a_value_set_from_python_must_exist(shop):
    picker = mdb.AliasPicker()
    assert picker.value is None
    with pytest.raises(ConnectionDoesNotExist, match="'othr'"):
        picker.value = "othr"
    assert picker.value is None
    picker.value = "other"
    assert picker.controller.value == "other"


def test_an_unknown_alias_to_start_with_is_refused(shop):
    with pytest.raises(ConnectionDoesNotExist):
        mdb.AliasPicker("nowhere")
    with pytest.raises(ConnectionDoesNotExist):
        mdb.explore("nowhere")


def test_a_choice_in_the_browser_is_observed(shop):
    picker, heard = mdb.AliasPicker("default"), []
    picker.observe(lambda change: heard.append(change.new), names="value")
    say(picker, {"type": "choose", "id": "1", "alias": "other"})
    assert heard == ["other"]


def test_a_choice_that_fails_changes_nothing(shop):
    mdb.connect("gone", "sqlite:////no/such/folder/x.db")
    picker = mdb.AliasPicker("default")
    picker.send = sent = Sent()
    say(picker, {"type": "choose", "id": "1", "alias": "gone"})
    assert picker.value == "default"
    assert sent[0][0]["type"] == "err"


def test_the_choices_follow_the_registry(shop):
    picker = mdb.AliasPicker()
    mdb.connect("third", "sqlite://")
    assert [mark["alias"] for mark in picker.choices] == ["default", "other", "third"]
    mdb.disconnect("third")
    assert [mark["alias"] for mark in picker.choices] == ["default", "other"]


# TableGrid


def test_a_selection_is_keys_and_a_queryset(shop):
    grid, heard = mdb.TableGrid(shop), []
    grid.observe(lambda change: heard.append(change.new), names="selected_count")
    say(grid, {"type": "select", "id": "1", "epoch": 1, "rows": [[0, 1]]})
    assert (heard, grid.selected_keys) == ([2], [1, 2])
    assert [user.pk for user in grid.selected().order_by("-id")] == [2, 1]


def test_a_refresh_from_python_tells_the_browser(shop):
    grid = mdb.TableGrid(shop.objects.filter(id__gt=1))
    grid.refresh()
    assert grid.epoch == 2


def test_an_estimate_stands_in_for_the_count(shop):
    assert mdb.TableGrid(shop).row_count is None
    assert mdb.TableGrid(shop.objects.filter(id=1)).row_estimate is None


def test_only_querysets_and_models_are_shown(shop):
    with pytest.raises(TypeError, match="QuerySet or a model"):
        mdb.TableGrid("users")


# explore


def test_the_explorer_opens_on_an_alias_that_can_not_be_reached(shop):
    mdb.connect("gone", "sqlite:////no/such/folder/x.db")
    assert mdb.explore("gone").alias == "gone"


def test_what_is_on_screen_is_there_in_python(shop):
    explorer = mdb.explore("default")
    assert explorer.queryset is None
    say(explorer, {"type": "open", "id": "1", "alias": "default", "table": "users", "schema": None})
    assert explorer.table == "users"
    assert explorer.queryset.count() == 3


def test_a_height_reaches_the_browser(shop):
    assert mdb.explore(height="80vh").height == "80vh"
    assert mdb.TableGrid(shop, height=300).height == "300px"


def test_no_panel_asks_a_database_when_it_hears_of_another_alias(tmp_path):
    mdb.configure({"default": f"sqlite:///{tmp_path / 'one.db'}", "new": f"sqlite:///{tmp_path / 'two.db'}"})
    with databases["default"].begin() as connection:
        connection.execute(sa.text("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(sa.text("INSERT INTO users VALUES (1, 'Ann')"))
    users = mdb.reflect("users")
    panels = [mdb.TableGrid(users), mdb.RowForm(users.objects.get(pk=1)), mdb.TransferPanel(users), mdb.explore()]
    # Whoever asked this one would be asked for a password.
    mdb.configure({"default": {"URL": "postgresql://ann@127.0.0.1:9/none", "PASSWORD": "prompt"}})
    assert [panel.controller.state["choices"] for panel in panels[1:]] == [panels[1].choices] * 3
    for panel in panels:
        panel.close()


def test_the_browser_chooses_the_shell_that_its_messages_go_to(shop):
    from ipykernel.comm.comm import BaseComm

    panel = mdb.TableGrid(shop)
    panel.comm = BaseComm(target_name="jupyter.widget", comm_id="here")
    # Where the kernel would send them once the panel had answered in the main shell.
    panel.comm._reply_subshell_id = None
    assert panel.comm._reply_subshell_for({"content": {"id": "a"}}, "the browser's") == "the browser's"
