from __future__ import annotations

import gc
import logging
import threading
import traceback

import pytest

from multidb_explorer.connections import registry as registry_module
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import Registry, databases
from multidb_explorer.connections.secrets import Secret, getpass
from multidb_explorer.errors import ConnectionDoesNotExist, ConnectionFailed, ImproperlyConfigured

SERVER = "postgresql://ann:pl4nted-pw@127.0.0.1:1/shop"


class FakeDatabase(Database):
    """A database that records that it was closed."""

    disposed = 0

    def dispose(self):
        self.disposed += 1
        super().dispose()


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registry():
    return Registry(FakeDatabase)


# A mapping


def test_the_registry_of_the_process_is_a_mapping_of_aliases_to_databases():
    databases.configure({"default": "sqlite://", "archive": {"URL": "sqlite:///archive.db", "read_only": True}})

    assert list(databases) == ["default", "archive"]
    assert len(databases) == 2
    assert isinstance(databases["archive"], Database)
    assert databases["archive"].read_only
    assert "archive" in databases
    assert "nope" not in databases
    assert databases.get("nope") is None
    assert [alias for alias, database in databases.items() if database.read_only] == ["archive"]


def test_an_unknown_alias_is_refused_with_near_names(registry):
    registry.configure({"default": "sqlite://", "legacy_users": "sqlite://"})

    with pytest.raises(
        ConnectionDoesNotExist, match=r"no database alias 'legacy_user'\. Did you mean 'legacy_users'\?"
    ):
        registry["legacy_user"]


@pytest.mark.parametrize("alias", [None, 5, ["default"], {}])
def test_what_is_no_text_is_no_alias(registry, alias):
    registry.configure({"default": "sqlite://"})

    with pytest.raises(ConnectionDoesNotExist, match="An alias is a string"):
        registry[alias]
    assert alias not in registry


def test_nothing_can_be_assigned_by_index(registry):
    with pytest.raises(TypeError):
        registry["default"] = "sqlite://"


def test_an_iteration_is_not_disturbed_by_changes(registry):
    registry.configure({"default": "sqlite://", "a": "sqlite://", "b": "sqlite://"})

    for alias in registry:
        registry.disconnect(alias)

    assert list(registry) == []


# configure


def test_configure_replaces_all_aliases_and_closes_the_old_ones(registry):
    registry.configure({"default": "sqlite://", "old": "sqlite://"})
    default, old = registry["default"], registry["old"]

    registry.configure({"default": "sqlite:///other.db", "new": "sqlite://"})

    assert list(registry) == ["default", "new"]
    assert registry["default"] is not default
    assert (default.disposed, old.disposed) == (1, 1)


def test_configure_keeps_the_connections_of_aliases_that_stay_the_same(registry):
    settings = {"default": {"ENGINE": "sqlite", "NAME": "a.db"}, "shop": {"URL": SERVER, "PASSWORD": lambda: "pw"}}
    registry.configure(settings)
    before = dict(registry)

    registry.configure({"shop": settings["shop"], "default": "sqlite:///a.db"})

    assert list(registry) == ["shop", "default"]
    assert dict(registry) == before
    assert not any(database.disposed for database in before.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"default": "sqlite://", "shop": {"URL": "sqlite://", "color": "nope"}},
        {"shop": "sqlite://"},
        {"default": "sqlite://", "": "sqlite://"},
        {"default": "sqlite://", "shop": {}},
        "no-such-file.toml",
    ],
    ids=str,
)
def test_where_anything_is_wrong_nothing_changes(registry, wrong):
    registry.configure({"default": "sqlite://", "archive": "sqlite://"})
    before = dict(registry)

    with pytest.raises(ImproperlyConfigured):
        registry.configure(wrong)

    assert dict(registry) == before
    assert not any(database.disposed for database in before.values())


def test_configure_by_a_path_reads_that_file(registry, project):
    path = project / "team.toml"
    path.write_text('[aliases]\ndefault = "sqlite:///team.db"')

    registry.configure(path)

    assert registry["default"].safe_url == f"sqlite:///{project}/team.db"


def test_an_empty_mapping_leaves_no_aliases_and_does_not_look_for_others(registry, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    registry.configure({})

    assert list(registry) == []


def test_an_empty_default_can_be_looked_at_but_not_used(registry):
    registry.configure({"default": {}, "archive": "sqlite://"})

    assert registry["default"].safe_url == "(not configured)"
    with pytest.raises(ImproperlyConfigured, match="Alias 'default' is registered without a database"):
        registry["default"].check()


# First use


def test_used_before_anything_was_configured_it_configures_itself(registry, project, monkeypatch):
    (project / "multidb.toml").write_text('[aliases]\nshop = "sqlite://"')
    monkeypatch.setenv("DATABASE_URL", "sqlite:///env.db")

    assert list(registry) == ["shop", "default"]


def test_connect_adds_to_what_environment_and_files_say(registry, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    registry.connect("scratch", "sqlite://")

    assert list(registry) == ["default", "scratch"]


def test_making_and_configuring_a_registry_opens_nothing(project, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", SERVER)
    registry = Registry()
    registry.configure(
        {"default": SERVER, "file": "sqlite:///not-there.db", "secret": {"URL": SERVER, "PASSWORD": "env:NO"}}
    )

    assert [database.state for database in registry.values()] == ["idle"] * 3
    assert not (project / "not-there.db").exists()


# connect and disconnect


def test_connect_adds_an_alias_and_gives_its_database(registry):
    registry.configure({"default": "sqlite://"})

    scratch = registry.connect("scratch", "sqlite://", label="my scratch", color="green", read_only=True)

    assert registry["scratch"] is scratch
    assert (scratch.label, scratch.color, scratch.read_only) == ("my scratch", "green", True)
    assert list(registry) == ["default", "scratch"]


def test_connect_takes_a_mapping_of_settings_too(registry):
    registry.connect("shop", {"ENGINE": "postgresql", "HOST": "db", "NAME": "shop"}, user="ann")

    assert registry["shop"].safe_url == "postgresql://ann@db/shop"


def test_connect_again_with_the_same_settings_changes_nothing(registry):
    first = registry.connect("shop", SERVER, read_only=True)

    assert registry.connect("shop", SERVER, read_only=True) is first
    assert first.disposed == 0


def test_connect_again_with_other_settings_replaces_the_alias_in_its_place(registry):
    registry.configure({"default": "sqlite://", "shop": SERVER, "archive": "sqlite://"})
    first = registry["shop"]

    second = registry.connect("shop", SERVER, read_only=True)

    assert registry["shop"] is second is not first
    assert list(registry) == ["default", "shop", "archive"]
    assert first.disposed == 1


def test_a_failed_connect_leaves_the_alias_as_it_was(registry):
    first = registry.connect("shop", SERVER)

    with pytest.raises(ImproperlyConfigured):
        registry.connect("shop", SERVER, colour="red")

    assert registry["shop"] is first
    assert first.disposed == 0


def test_a_replaced_database_is_closed_when_the_new_one_stands(registry):
    seen = []

    class Watching(FakeDatabase):
        def dispose(self):
            seen.append(registry["shop"].safe_url)
            super().dispose()

    registry._factory = Watching
    registry.connect("shop", "sqlite:///a.db")
    registry.connect("shop", "sqlite:////b.db")

    assert seen == ["sqlite:////b.db"]


def test_disconnect_removes_and_closes(registry):
    registry.configure({"default": "sqlite://", "old": "sqlite://"})
    old = registry["old"]

    registry.disconnect("old")

    assert list(registry) == ["default"]
    assert old.disposed == 1
    with pytest.raises(ConnectionDoesNotExist, match="'old'"):
        registry.disconnect("old")


def test_clear_forgets_everything_and_the_next_use_starts_anew(registry, monkeypatch):
    registry.configure({"default": "sqlite://"})
    default = registry["default"]

    registry.clear()
    monkeypatch.setenv("MULTIDB_SHOP_URL", "sqlite://")

    assert default.disposed == 1
    assert list(registry) == ["shop"]


def test_a_typed_password_is_not_kept_for_another_server_of_the_same_name(registry, monkeypatch):
    asked = []

    def answer(prompt):
        asked.append(prompt)
        return f"answer {len(asked)}"

    monkeypatch.setattr(getpass, "getpass", answer)
    first = registry.connect("shop", "postgresql://ann@one/x", PASSWORD="prompt")
    assert first.settings.connect_url().password == "answer 1"
    assert registry.connect("shop", "postgresql://ann@one/x", PASSWORD="prompt") is first
    assert first.settings.connect_url().password == "answer 1"

    second = registry.connect("shop", "postgresql://ann@two/x", PASSWORD="prompt")

    assert second.settings.connect_url().password == "answer 2"
    registry.disconnect("shop")
    assert Secret("prompt", alias="shop").reveal() == "answer 3"


# Listeners


def test_listeners_hear_of_every_change_and_of_nothing_else(registry):
    registry.configure({"default": "sqlite://"})
    heard = []

    def listen():
        heard.append(list(registry))

    registry.on_change(listen)
    registry.connect("shop", SERVER)
    registry.connect("shop", SERVER)
    _ = registry["shop"], len(registry), repr(registry)
    registry.disconnect("shop")
    with pytest.raises(ImproperlyConfigured):
        registry.configure({"x": "sqlite://"})
    registry.configure({"default": "sqlite://", "archive": "sqlite://"})

    assert heard == [["default", "shop"], ["default"], ["default", "archive"]]


def test_a_listener_can_be_taken_off(registry):
    heard = []

    def listen():
        heard.append(1)

    stop = registry.on_change(listen)
    stop()
    stop()
    registry.connect("shop", SERVER)

    assert heard == []


def test_a_widget_that_is_gone_is_not_held_and_not_called(registry):
    heard = []

    class Widget:
        def refresh(self):
            heard.append(self)

    widget = Widget()
    registry.on_change(widget.refresh)
    registry.connect("a", SERVER)
    assert heard == [widget]

    heard.clear()
    del widget
    gc.collect()
    registry.connect("b", SERVER)

    assert heard == []


def test_a_listener_that_fails_stops_neither_the_change_nor_the_others(registry, caplog):
    heard = []

    def broken():
        raise RuntimeError("no screen for postgresql://ann:pl4nted-pw@db/shop")

    def listen():
        heard.append(1)

    registry.on_change(broken)
    registry.on_change(listen)
    with caplog.at_level(logging.WARNING, logger=registry_module.__name__):
        registry.connect("shop", SERVER)

    assert heard == [1]
    assert "RuntimeError: no screen for postgresql://ann:***@db/shop" in caplog.text
    assert "pl4nted-pw" not in caplog.text


def test_a_listener_may_change_the_registry(registry):
    def listen():
        if "b" not in registry:
            registry.connect("b", SERVER)

    registry.on_change(listen)
    registry.connect("a", SERVER)

    assert list(registry) == ["a", "b"]


# Threads


def test_threads_that_connect_at_once_lose_no_alias(registry):
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        for index in range(10):
            registry.connect(f"a{number}_{index}", "sqlite://")
            registry.connect("shared", SERVER)
            assert registry[f"a{number}_{index}"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(registry) == 81


def test_the_first_use_by_many_threads_configures_once(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite://")
    made = []

    def factory(settings):
        made.append(settings.alias)
        return FakeDatabase(settings)

    registry = Registry(factory)
    threads = [threading.Thread(target=lambda: registry["default"]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == ["default"]


# Showing it


def test_it_shows_aliases_as_a_table(registry):
    registry.configure({"default": "sqlite://", "shop": {"URL": SERVER, "read_only": True}})

    assert repr(registry).splitlines() == [
        "alias    engine      database                           state  access",
        "default  sqlite      sqlite://                          idle   read and write",
        "shop     postgresql  postgresql://ann@127.0.0.1:1/shop  idle   read-only",
    ]


def test_a_name_is_text_in_a_notebook_and_never_html(registry):
    registry.configure({"default": {}, "<script>": "sqlite://"})

    assert "<script>" not in registry._repr_html_()
    assert "&lt;script&gt;" in registry._repr_html_()


@pytest.mark.parametrize("url", [SERVER, "mysql://ann:pl4nted-pw@127.0.0.1:1/shop"])
def test_a_password_shows_neither_in_the_registry_nor_in_a_failed_connection(registry, url):
    registry.configure({"default": url})

    with pytest.raises(ConnectionFailed) as caught:
        registry["default"].check()

    shown = [repr(registry), registry._repr_html_(), repr(dict(registry)), str(caught.value)]
    shown += traceback.format_exception(caught.value)
    assert not [text for text in shown if "pl4nted-pw" in text]


def test_an_empty_registry_says_what_to_do(registry):
    registry.configure({})

    assert repr(registry) == "No aliases. Add one: mdb.connect('default', url)"


def test_a_notebook_completes_aliases(registry):
    registry.configure({"default": "sqlite://", "shop": SERVER})

    assert registry._ipython_key_completions_() == ["default", "shop"]


def test_showing_it_connects_to_nothing(registry):
    registry.configure({"default": SERVER})

    _ = repr(registry), registry._repr_html_()

    assert registry["default"].state == "idle"
