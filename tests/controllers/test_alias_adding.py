"""Adding an alias from the panel: what was typed is checked, tested and registered, and its secret told to nobody."""

from __future__ import annotations

import tomllib

import pytest
from controllers.wire import Wire

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.alias_picker import AliasPickerController
from multidb_explorer.errors import ImproperlyConfigured

SECRET = "hunter2typed"
SERVER = {"alias": "crm", "engine": "postgresql", "host": "127.0.0.1", "port": "1", "name": "shop", "user": "ann"}


@pytest.fixture
def wire(shop):
    return Wire(AliasPickerController())


def test_the_engines_are_those_that_are_registered(wire):
    engines = {each["name"]: each for each in wire.ask("engines")["engines"]}
    assert list(engines) == ["duckdb", "mysql", "postgresql", "sqlite"]
    assert engines["mysql"] == {"name": "mysql", "title": "MySQL", "also": ["mariadb"], "file": False, "port": 3306}
    assert engines["sqlite"]["file"]


def test_a_file_becomes_an_alias_with_its_looks(wire, tmp_path):
    (tmp_path / "notes.db").touch()
    added = wire.ask(
        "add_alias", alias=" notes ", engine="sqlite", name=str(tmp_path / "notes.db"), label="My notes", color="teal",
        read_only=False, confirm="writes",
    )  # fmt: skip
    assert (added["alias"], added["mark"]["label"], added["mark"]["color"]) == ("notes", "My notes", "teal")
    assert databases["notes"].confirm == "writes"
    assert wire.ask("choose", alias="notes")["type"] == "chosen"


def test_a_typed_secret_works_and_is_told_nowhere(wire, url, caplog):
    if "@" not in url:
        pytest.skip("files have no password")
    caplog.set_level("DEBUG")
    secret = databases.connect("probe", url).settings.password.reveal()
    mdb.disconnect("probe")
    said = [wire.ask("test_alias", alias="typed", url=url), wire.ask("describe_alias", alias="typed", url=url)]
    plain = url.replace(f":{secret}@", "@")
    said += [wire.ask("add_alias", alias="typed", url=plain, secret=secret), wire.ask("choose", alias="typed")]
    assert [answer["type"] for answer in said] == ["tested", "described", "added", "chosen"]
    assert "answered" in said[0]["text"]
    assert 'PASSWORD = "env:TYPED_PASSWORD"' in said[1]["toml"]
    assert secret not in str(said)
    assert secret not in caplog.text
    assert secret not in f"{databases['typed'].settings!r}{vars(wire.controller)!r}"
    assert "typed_in_the_panel" in repr(databases["typed"].settings.password)


@pytest.mark.parametrize("kind", ["test_alias", "add_alias", "describe_alias"])
@pytest.mark.parametrize(
    "broken", [{"port": "x"}, {"color": "url(evil)"}, {"alias": ""}, {"url": f"postgresql://a:{SECRET}@h/x"}]
)
def test_what_is_refused_never_quotes_the_secret(wire, kind, broken):
    answer = wire.ask(kind, **{**SERVER, "secret": SECRET, **broken})
    assert answer["type"] == "err"
    assert SECRET not in answer["message"]


def test_a_server_that_can_not_be_reached_says_why_without_the_secret(wire):
    message = wire.ask("test_alias", **SERVER, secret=SECRET)["message"]
    assert message.startswith("Can't reach alias 'crm'")
    assert SECRET not in message
    assert "crm" not in databases


def test_a_reference_is_kept_as_one(wire, monkeypatch):
    monkeypatch.setenv("CRM_PW", SECRET)
    assert 'PASSWORD = "env:CRM_PW"' in wire.ask("describe_alias", **SERVER, reference="env:CRM_PW")["toml"]
    wire.ask("add_alias", **SERVER, reference="env:CRM_PW")
    assert databases["crm"].settings.password.reference == "env:CRM_PW"
    assert "keyring:" in wire.ask("add_alias", **{**SERVER, "alias": "b"}, reference=SECRET)["message"]


def test_a_missing_file_is_not_made_by_a_test(wire, tmp_path):
    answer = wire.ask("test_alias", alias="typo", engine="sqlite", name=str(tmp_path / "tpyo.db"))
    assert answer["new_file"]
    assert "no file" in answer["text"]
    assert list(tmp_path.glob("tpyo*")) == []


def test_an_alias_that_exists_is_never_replaced(wire, shop):
    before = databases["legacy"]
    assert "already" in wire.ask("add_alias", alias="legacy", engine="sqlite", name="x.db")["message"]
    assert databases["legacy"] is before


def test_the_entry_for_the_file_means_the_same_alias(wire, tmp_path):
    said = {**SERVER, "alias": 'my "shop"', "label": "Ünï", "read_only": True, "secret": SECRET}
    text = wire.ask("describe_alias", **said)["toml"]
    assert SECRET not in text
    (entry,) = tomllib.loads(text)["aliases"].items()
    assert entry == (
        'my "shop"',
        {"ENGINE": "postgresql", "NAME": "shop", "HOST": "127.0.0.1", "PORT": 1, "USER": "ann", "label": "Ünï",
         "read_only": True, "PASSWORD": "env:MY__SHOP__PASSWORD"},
    )  # fmt: skip
    path = tmp_path / "multidb.toml"
    path.write_text(text)
    mdb.configure(path)
    assert databases['my "shop"'].read_only
    with pytest.raises(ImproperlyConfigured, match="MY__SHOP__PASSWORD"):
        databases['my "shop"'].settings.connect_url()
