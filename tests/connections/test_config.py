from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import make_url

from multidb_explorer.connections.redaction import redact, safe_url
from multidb_explorer.connections.secrets import Secret
from multidb_explorer.connections.sources import gather, gather_one
from multidb_explorer.errors import ConnectionDoesNotExist, ImproperlyConfigured

SERVER = "postgresql://ann@db/shop"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Give every test a project folder of its own to work in."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def user_file(tmp_path, monkeypatch):
    """Give the user's settings file, still to be written."""
    monkeypatch.setattr("platformdirs.user_config_path", lambda name, appauthor: tmp_path / "config" / name)
    path = tmp_path / "config" / "multidb_explorer" / "multidb.toml"
    path.parent.mkdir(parents=True)
    return path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# One alias, said in the call


def test_a_url_is_enough():
    settings = gather_one("shop", "postgresql://ann@db:5433/shop?sslmode=require")

    assert settings.url == make_url("postgresql://ann@db:5433/shop?sslmode=require")
    assert settings.password is None
    assert (settings.read_only, settings.confirm, settings.label, settings.color) == (False, "never", None, None)


def test_the_url_may_be_one_of_sqlalchemy():
    assert gather_one("shop", make_url(SERVER)).url == make_url(SERVER)


def test_a_mapping_with_a_url_is_the_same_as_the_url():
    assert gather_one("shop", {"URL": SERVER}) == gather_one("shop", SERVER)


def test_the_password_of_a_url_is_taken_out_of_it():
    settings = gather_one("shop", "postgresql://ann:p%40ss%3A@db/shop")

    assert settings.url == make_url(SERVER)
    assert settings.password.reveal() == "p@ss:"
    assert settings.connect_url() == make_url("postgresql://ann:p%40ss%3A@db/shop")


def test_settings_of_django_are_understood():
    settings = gather_one(
        "shop",
        {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "shop",
            "USER": "ann",
            "PASSWORD": "pw-9921",
            "HOST": "db",
            "PORT": "5433",
            "OPTIONS": {"sslmode": "require"},
        },
    )

    assert settings.connect_url() == make_url("postgresql://ann:pw-9921@db:5433/shop")
    assert settings.connect_args() == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("engine", "dialect"),
    [
        ("sqlite", "sqlite"),
        ("SQLite", "sqlite"),
        ("postgresql", "postgresql"),
        ("mysql", "mysql"),
        ("mariadb", "mariadb"),
        ("duckdb", "duckdb"),
        ("oracle+oracledb", "oracle+oracledb"),
        ("django.db.backends.sqlite3", "sqlite"),
        ("django.db.backends.mysql", "mysql"),
        ("django.db.backends.oracle", "oracle"),
        ("django.db.backends.postgresql_psycopg2", "postgresql"),
    ],
)
def test_engines_may_be_named_in_three_ways(engine, dialect):
    assert gather_one("shop", {"ENGINE": engine}).url.drivername == dialect


def test_settings_that_django_leaves_empty_are_not_given():
    empty = {"ENGINE": "sqlite", "NAME": "", "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "OPTIONS": {}}

    assert gather_one("shop", empty) == gather_one("shop", {"ENGINE": "sqlite"})


def test_keys_may_be_written_in_any_case():
    assert gather_one("shop", {"engine": "sqlite", "Name": ":memory:", "READ_ONLY": True}) == gather_one(
        "shop", {"ENGINE": "sqlite", "NAME": ":memory:", "read_only": True}
    )


def test_everything_else_that_may_be_said():
    settings = gather_one(
        "shop",
        SERVER,
        {
            "label": "The shop",
            "color": "Orange",
            "read_only": True,
            "confirm": "production",
            "statement_timeout": 30,
            "pool_size": 3,
            "schema": "sales",
        },
    )

    assert settings.label == "The shop"
    assert settings.color == "orange"
    assert settings.read_only is True
    assert settings.confirm == "production"
    assert settings.statement_timeout == 30.0
    assert settings.pool_size == 3
    assert settings.schema == "sales"


def test_a_path_object_may_be_a_name(project):
    assert gather_one("shop", {"ENGINE": "sqlite", "NAME": Path("shop.db")}).url.database == str(project / "shop.db")


@pytest.mark.parametrize("color", ["#fa0", "#ffaa00", "#ffaa0080", "rebeccapurple"])
def test_colours_are_names_or_codes(color):
    assert gather_one("shop", SERVER, {"color": color}).color == color


REFUSED = [
    ({"colour": "red"}, r"'colour' is no setting.* Did you mean color\?"),
    ({"PASSWROD": "x"}, r"'PASSWROD' is no setting.* Did you mean PASSWORD\?"),
    ({5: "x"}, "5 is no setting"),
    ({"CONN_MAX_AGE": 60}, "CONN_MAX_AGE is a setting of Django's that has no meaning here"),
    ({"color": "red;background:url(x)"}, "color must be a CSS colour name"),
    ({"color": "orage"}, "Did you mean orange"),
    ({"color": "#12"}, "color must be a CSS colour name"),
    ({"color": 5}, "color must be text, not 5"),
    ({"label": "two\nlines"}, "label must not contain control characters"),
    ({"label": 5}, "label must be text, not 5"),
    ({"read_only": "yes"}, "read_only must be true or false, not 'yes'"),
    ({"read_only": 1}, "read_only must be true or false, not 1"),
    ({"confirm": "always"}, "confirm must be one of 'never', 'writes', 'production', not 'always'"),
    ({"confirm": ["writes"]}, "confirm must be one of"),
    ({"history": "everything"}, "history must be one of 'images', 'statements', 'off', not 'everything'"),
    ({"history": False}, "history must be one of"),
    ({"statement_timeout": -1}, "statement_timeout must be a number of seconds above 0, not -1"),
    ({"statement_timeout": 0}, "statement_timeout must be a number of seconds above 0"),
    ({"statement_timeout": True}, "statement_timeout must be a number of seconds"),
    ({"statement_timeout": float("inf")}, "statement_timeout must be a number of seconds"),
    ({"statement_timeout": "30"}, "statement_timeout must be a number of seconds"),
    ({"pool_size": 0}, "pool_size must be a whole number of at least 1, not 0"),
    ({"pool_size": 2.5}, "pool_size must be a whole number"),
    ({"schema": 3}, "schema must be text"),
    ({"OPTIONS": "sslmode=require"}, "OPTIONS must be a mapping of names to values, not str"),
    ({"OPTIONS": {1: 2}}, "OPTIONS must be a mapping of names"),
    ({"PASSWORD": 12345}, "PASSWORD must be text, a reference such as env:NAME or a function, not int"),
    ({"USER": 5}, "USER must be text"),
    ({"ENGINE": "sqlite"}, "URL can't be given together with 'ENGINE': say where the database is once"),
    ({"HOST": "other"}, "URL can't be given together with 'HOST'"),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSED, ids=str)
def test_a_wrong_setting_is_refused_with_alias_key_and_source(wrong, message):
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        gather_one("shop", {"URL": SERVER, **wrong})

    assert str(caught.value).startswith("Alias 'shop': ")
    assert str(caught.value).endswith("It was given by: argument.")


@pytest.mark.parametrize("port", [0, 70_000, "http", -1, 1.5, True])
def test_a_port_is_a_number_of_a_port(port):
    with pytest.raises(ImproperlyConfigured, match="PORT must be a port from 1 to 65535"):
        gather_one("shop", {"ENGINE": "postgresql", "PORT": port})


@pytest.mark.parametrize(
    "engine", ["", "django.contrib.gis.db.backends.postgis", "post gres", 5, "django.db.backends.3"]
)
def test_an_engine_is_a_name(engine):
    with pytest.raises(ImproperlyConfigured, match="ENGINE"):
        gather_one("shop", {"ENGINE": engine, "NAME": "shop"})


@pytest.mark.parametrize(
    "url", ["shop.db", "postgresql", "postgresql://ann:secr3t@db:port/x", "://x", "postgresql:/x", 5, b"x"]
)
def test_a_url_that_cannot_be_parsed_is_refused_without_being_shown(url):
    with pytest.raises(ImproperlyConfigured, match=r"Alias 'shop': URL (can't be parsed|must be a URL)") as caught:
        gather_one("shop", url)

    assert "secr3t" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://ann:se@cr3t@db/x", "postgresql://ann:a@cr3t/b@db/x"])
def test_an_unencoded_at_sign_in_a_password_is_noticed(url):
    with pytest.raises(ImproperlyConfigured, match=r"unencoded @ in its password\. Write it as %40") as caught:
        gather_one("shop", url)

    assert "cr3t" not in str(caught.value)


def test_an_at_sign_elsewhere_is_fine():
    assert gather_one("shop", "postgresql://ann@corp:pw@db/shop").url.username == "ann@corp"
    assert gather_one("shop", "sqlite:////data/a@b.db").url.database == "/data/a@b.db"


def test_a_key_said_twice_is_refused():
    with pytest.raises(ImproperlyConfigured, match="label is given twice, in two spellings"):
        gather_one("shop", {"URL": SERVER, "label": "a", "Label": "b"})
    with pytest.raises(ImproperlyConfigured, match="LABEL is given twice"):
        gather_one("shop", {"URL": SERVER, "label": "a"}, {"LABEL": "b"})


def test_an_alias_without_a_place_is_refused():
    with pytest.raises(ImproperlyConfigured, match="Alias 'shop': URL is missing, and so is ENGINE"):
        gather_one("shop", None, {"read_only": True})
    with pytest.raises(ImproperlyConfigured, match="Alias 'shop': ENGINE is missing"):
        gather_one("shop", {"NAME": "shop.db"})


@pytest.mark.parametrize("alias", ["", " shop", "shop ", "a\nb", "a\x00", "\u2028", "a\x1b[31m"])
def test_an_alias_is_text_without_control_characters(alias):
    with pytest.raises(ImproperlyConfigured, match="can't be an alias"):
        gather_one(alias, SERVER)


@pytest.mark.parametrize("alias", [None, 5, b"shop", ("shop",)])
def test_an_alias_is_text(alias):
    with pytest.raises(ConnectionDoesNotExist, match="An alias is a string"):
        gather_one(alias, SERVER)


@pytest.mark.parametrize("alias", ["shop", "Läden Süd", "店", "🛒", 'quo"te', "a/b", "default"])
def test_an_alias_may_be_any_other_text(alias):
    assert gather_one(alias, SERVER).alias == alias


# Paths


def test_a_relative_path_stays_where_it_was_when_the_working_directory_changes(project, monkeypatch):
    settings = gather_one("shop", "sqlite:///data/shop.db")

    monkeypatch.chdir("/")

    assert settings.url.database == str(project / "data" / "shop.db")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert gather_one("shop", "sqlite:///~/shop.db").url.database == str(tmp_path / "shop.db")
    assert gather_one("shop", {"ENGINE": "sqlite", "NAME": "~/shop.db"}).url.database == str(tmp_path / "shop.db")
    pg = gather_one("pg", f"{SERVER}?sslrootcert=~/ca.pem", {"OPTIONS": {"sslcert": "~/ann.pem", "x": ["~/y"]}})
    assert pg.url.query["sslrootcert"] == str(tmp_path / "ca.pem")
    assert pg.connect_args() == {"sslcert": str(tmp_path / "ann.pem"), "x": [str(tmp_path / "y")]}


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x.db?uri=true", "sqlite:////abs/x.db"]
)
def test_names_that_are_no_relative_path_are_left_alone(url):
    assert gather_one("shop", url).url == make_url(url)


def test_the_name_of_a_database_on_a_server_is_no_path():
    assert gather_one("shop", "postgresql:///shop").url.database == "shop"
    assert gather_one("shop", "postgresql://db/shop.db").url.database == "shop.db"


# Secrets


def test_a_password_may_be_a_reference_which_is_looked_up_when_connecting(monkeypatch):
    settings = gather_one("shop", SERVER, {"PASSWORD": "env:SHOP_PASSWORD"})
    with pytest.raises(ImproperlyConfigured, match="Alias 'shop': the PASSWORD env:SHOP_PASSWORD is not there"):
        settings.connect_url()

    monkeypatch.setenv("SHOP_PASSWORD", "pw-3312")

    assert settings.connect_url().password == "pw-3312"
    assert settings.url.password is None


def test_a_key_password_goes_before_the_one_in_the_url():
    assert gather_one("shop", "postgresql://ann:old@db/x", {"password": "new-pw"}).connect_url().password == "new-pw"


def test_options_may_hold_secrets_and_references(monkeypatch):
    monkeypatch.setenv("KEY_PASS", "kp-1234")
    given = {
        "sslpassword": "plain-77",
        "sslmode": "require",
        "anything": "env:KEY_PASS",
        "ssl": {"key": "/k.pem", "password": "deep-88", "list": [{"token": "deeper-99"}]},
        "private_key": lambda: "made-66",
        "converter": str,
        "secret": {"below": "nested-55", "flag": True},
        "timeout": 5,
        "pair": (1, "two"),
    }
    settings = gather_one("shop", SERVER, {"OPTIONS": given})

    assert settings.connect_args() == {
        "sslpassword": "plain-77",
        "sslmode": "require",
        "anything": "kp-1234",
        "ssl": {"key": "/k.pem", "password": "deep-88", "list": [{"token": "deeper-99"}]},
        "private_key": "made-66",
        "converter": str,
        "secret": {"below": "nested-55", "flag": True},
        "timeout": 5,
        "pair": (1, "two"),
    }
    shown = repr(settings)
    assert not [
        value for value in ("plain-77", "kp-1234", "deep-88", "deeper-99", "made-66", "nested-55") if value in shown
    ]
    assert "Secret('env:KEY_PASS')" in shown


def test_a_missing_option_is_named():
    settings = gather_one("shop", SERVER, {"OPTIONS": {"ssl": {"password": "env:NOT_THERE"}}})

    with pytest.raises(
        ImproperlyConfigured, match=r"Alias 'shop': the OPTIONS ssl\.password env:NOT_THERE is not there"
    ):
        settings.connect_args()


@pytest.mark.parametrize("value", [b"bytes-secret", 12345])
def test_a_secret_option_that_could_not_be_hidden_is_refused(value):
    with pytest.raises(ImproperlyConfigured, match="OPTIONS password must be text") as caught:
        gather_one("shop", SERVER, {"OPTIONS": {"password": value}})

    assert str(value) not in str(caught.value)


def test_secret_parameters_of_a_url_come_back_when_connecting():
    url = "postgresql://ann@db/shop?sslmode=require&sslpassword=x%26y"
    settings = gather_one("shop", url)

    assert settings.url == make_url("postgresql://ann@db/shop?sslmode=require")
    assert settings.connect_url() == make_url(url)


def test_an_odbc_string_is_secret_as_a_whole():
    odbc = "DRIVER={ODBC 18};SERVER=db;UID=ann;PWD={a;b}}c};Encrypt=yes"
    settings = gather_one("shop", f"mssql+pyodbc:///?odbc_connect={quote_plus(odbc)}")

    assert settings.connect_url().query["odbc_connect"] == odbc
    assert redact("login failed for ann with a;b}c") == "login failed for ann with ***"


def test_a_parameter_that_holds_a_password_in_its_text_is_secret():
    settings = gather_one("shop", f"x+y://h/d?dsn={quote_plus('host=a password=inn3r')}")

    assert "inn3r" not in repr(settings)
    assert settings.connect_url().query["dsn"] == "host=a password=inn3r"


@pytest.mark.parametrize(
    "url", ["postgresql://ann:env:PW@db/x", "postgresql://ann:prompt@db/x", "postgresql://db/x?password=env:PW"]
)
def test_a_url_holds_no_references(url):
    with pytest.raises(ImproperlyConfigured, match="looks like a reference, and a URL can't hold one"):
        gather_one("shop", url)


def test_a_secret_given_twice_in_a_url_is_refused():
    with pytest.raises(ImproperlyConfigured, match="gives the parameter 'password' more than once"):
        gather_one("shop", "postgresql://db/x?password=a&password=b")


PLANTED = "Pl4nted: s3cr%t/@'é\"{}"
ENCODED = quote(PLANTED, safe="")
PLACES = {
    "password in the URL": lambda: f"postgresql://ann:{ENCODED}@127.0.0.1:1/shop",
    "PASSWORD": lambda: {"URL": "postgresql://ann@127.0.0.1:1/shop", "PASSWORD": PLANTED},
    "Django's PASSWORD": lambda: {"ENGINE": "postgresql", "HOST": "127.0.0.1", "USER": "ann", "PASSWORD": PLANTED},
    "function": lambda: {"URL": "postgresql://ann@127.0.0.1:1/shop", "PASSWORD": lambda: PLANTED},
    "env": lambda: {"URL": "postgresql://ann@127.0.0.1:1/shop", "PASSWORD": "env:PLANTED_PASSWORD"},
    "file": lambda: {"URL": "postgresql://ann@127.0.0.1:1/shop", "PASSWORD": "file:planted.txt"},
    "query": lambda: f"postgresql://ann@127.0.0.1:1/shop?sslpassword={ENCODED}",
    "OPTIONS": lambda: {"URL": "postgresql://ann@127.0.0.1:1/shop", "OPTIONS": {"sslpassword": PLANTED}},
    "nested OPTIONS": lambda: {"URL": "mysql://ann@127.0.0.1:1/shop", "OPTIONS": {"ssl": {"password": PLANTED}}},
    "OPTIONS by reference": lambda: {"URL": SERVER, "OPTIONS": {"anything": "env:PLANTED_PASSWORD"}},
    "odbc_connect": lambda: (
        f"mssql+pyodbc:///?odbc_connect={quote_plus('UID=ann;PWD={' + PLANTED.replace('}', '}}') + '};')}"
    ),
    "DSN in OPTIONS": lambda: {"URL": SERVER, "OPTIONS": {"dsn": "PWD={" + PLANTED.replace("}", "}}") + "};UID=ann"}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_password_planted_anywhere_is_shown_nowhere(place, project, monkeypatch):
    monkeypatch.setenv("PLANTED_PASSWORD", PLANTED)
    write(project / "planted.txt", f"{PLANTED}\n")

    settings = gather_one("shop", PLACES[place]())
    revealed = f"{settings.connect_url().render_as_string(hide_password=False)} {settings.connect_args()}"
    as_dict = dataclasses.asdict(settings)
    shown = [
        repr(settings),
        str(settings),
        f"{settings}",
        pprint.pformat(settings),
        pprint.pformat(as_dict),
        json.dumps(as_dict, default=str),
        repr(copy.deepcopy(settings)),
        repr(dataclasses.astuple(settings)),
        repr(vars(settings)),
        str(settings.url.render_as_string(hide_password=False)),
        safe_url(settings.url),
        redact(revealed),
        redact(f"driver: connection failed with {PLANTED!r} ({ENCODED}) {PLANTED}"),
    ]

    for text in shown:
        assert "s3cr" not in text
    assert "s3cr" in revealed


def test_settings_with_references_can_be_pickled_and_those_with_plain_secrets_refuse():
    by_reference = gather_one("shop", SERVER, {"PASSWORD": "env:SHOP_PASSWORD", "OPTIONS": {"a": 1}})
    assert pickle.loads(pickle.dumps(by_reference)) == by_reference  # noqa: S301 - written on this line

    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(gather_one("shop", "postgresql://ann:pw@db/shop"))


# Equality


def test_the_same_settings_are_equal_however_they_were_said():
    by_url = gather_one("shop", "postgresql://ann:pw@db:5433/shop", {"read_only": True})
    in_parts = gather_one(
        "shop",
        {
            "engine": "postgresql",
            "user": "ann",
            "password": "pw",
            "host": "db",
            "port": 5433,
            "name": "shop",
            "read_only": True,
        },
    )

    assert by_url == in_parts
    assert hash(by_url) == hash(in_parts)


@pytest.mark.parametrize(
    "other",
    [
        {"PASSWORD": "pw2"},
        {"PASSWORD": "env:PW"},
        {"read_only": True},
        {"label": "x"},
        {"OPTIONS": {"a": 2}},
        {"OPTIONS": {"token": "t2"}},
    ],
)
def test_different_settings_are_not_equal(other):
    first = gather_one("shop", SERVER, {"PASSWORD": "pw1", "OPTIONS": {"a": 1, "token": "t1"}})

    assert first != gather_one("shop", SERVER, {"PASSWORD": "pw1", "OPTIONS": {"a": 1, "token": "t1"}, **other})
    assert first != gather_one("shop2", SERVER, {"PASSWORD": "pw1", "OPTIONS": {"a": 1, "token": "t1"}})


# A mapping of aliases


def test_a_mapping_gives_exactly_its_aliases_in_its_order(project):
    write(project / "multidb.toml", '[aliases.other]\nURL = "sqlite://"')

    settings = gather({"legacy": SERVER, "default": {"ENGINE": "sqlite", "NAME": "shop.db"}, "archive": "sqlite://"})

    assert list(settings) == ["legacy", "default", "archive"]


def test_a_mapping_without_default_is_refused():
    with pytest.raises(ImproperlyConfigured, match="no 'default' among the aliases 'a', 'b'"):
        gather({"a": "sqlite://", "b": "sqlite://"})


def test_an_empty_mapping_means_no_aliases():
    assert gather({}) == {}


def test_default_may_be_empty_and_fails_when_it_is_used():
    settings = gather({"default": {}, "archive": "sqlite://"})["default"]

    assert settings.url is None
    with pytest.raises(ImproperlyConfigured, match="Alias 'default' is registered without a database"):
        settings.connect_url()


def test_default_with_half_a_place_is_refused():
    with pytest.raises(ImproperlyConfigured, match="Alias 'default': ENGINE is missing"):
        gather({"default": {"NAME": "shop.db"}})
    with pytest.raises(ImproperlyConfigured, match="Alias 'default': URL is missing"):
        gather({"default": {"PASSWORD": "x"}})


@pytest.mark.parametrize("target", [5, [("default", "sqlite://")], {"default"}])
def test_only_a_mapping_or_a_path_configures(target):
    with pytest.raises(ImproperlyConfigured, match=r"configure\(\) takes a mapping"):
        gather(target)


def test_a_url_in_place_of_a_mapping_gets_a_hint_without_its_password():
    with pytest.raises(ImproperlyConfigured, match=r"mdb\.configure\(\{'default': url\}\)") as caught:
        gather("postgresql://ann:s3cr3t@db/shop")

    assert "s3cr3t" not in str(caught.value)


# The environment


def test_the_environment_gives_default_and_named_aliases(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:////data/shop.db")
    monkeypatch.setenv("MULTIDB_LEGACY_USERS_URL", "postgresql://ann:pw@db/legacy")
    monkeypatch.setenv("MULTIDB_EMPTY_URL", "")
    monkeypatch.setenv("MULTIDB_STATE_DIR", "/state")

    settings = gather()

    assert list(settings) == ["default", "legacy_users"]
    assert settings["default"].url.database == "/data/shop.db"
    assert settings["legacy_users"].origins == {
        "URL": "environment MULTIDB_LEGACY_USERS_URL",
        "PASSWORD": "environment MULTIDB_LEGACY_USERS_URL",
    }


def test_the_environment_replaces_the_place_that_a_file_names_and_keeps_the_rest(project, monkeypatch):
    write(
        project / "multidb.toml",
        '[aliases.Legacy-Users]\nURL = "sqlite:///old.db"\nlabel = "Old users"\nread_only = true',
    )
    monkeypatch.setenv("MULTIDB_LEGACY_USERS_URL", SERVER)

    settings = gather()

    assert list(settings) == ["Legacy-Users"]
    assert settings["Legacy-Users"].url == make_url(SERVER)
    assert settings["Legacy-Users"].label == "Old users"
    assert settings["Legacy-Users"].read_only is True
    assert settings["Legacy-Users"].origins == {
        "URL": "environment MULTIDB_LEGACY_USERS_URL",
        "label": str(project / "multidb.toml"),
        "read_only": str(project / "multidb.toml"),
    }


@pytest.mark.parametrize("alias", ["my shop", "my-shop", "MY_SHOP", "my_shop"])
def test_a_variable_finds_an_alias_whose_name_it_cannot_spell(alias, monkeypatch):
    monkeypatch.setenv("MULTIDB_MY_SHOP_URL", SERVER)

    assert gather({"default": {}, alias: {"label": "mine"}})[alias].url == make_url(SERVER)


def test_of_two_aliases_that_a_variable_may_mean_the_exact_one_is_meant(monkeypatch):
    monkeypatch.setenv("MULTIDB_MY_SHOP_URL", SERVER)

    settings = gather({"default": {}, "my-shop": "sqlite://", "my_shop": {}})

    assert settings["my_shop"].url == make_url(SERVER)
    assert settings["my-shop"].url == make_url("sqlite://")


def test_the_environment_adds_nothing_to_a_mapping(monkeypatch):
    monkeypatch.setenv("MULTIDB_OTHER_URL", SERVER)

    assert list(gather({"default": {}})) == ["default"]


def test_a_wrong_variable_is_named_and_not_shown(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres//ann:s3cr3t@db")

    with pytest.raises(ImproperlyConfigured, match=r"It was given by: environment DATABASE_URL\.") as caught:
        gather()

    assert "s3cr3t" not in str(caught.value)


def test_an_empty_default_is_filled_from_the_environment(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", SERVER)

    assert gather({"default": {}})["default"].url == make_url(SERVER)


# Files


def test_the_nearest_file_upwards_is_the_projects(project, monkeypatch):
    write(project / "multidb.toml", '[aliases.default]\nURL = "sqlite:///outer.db"')
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert gather()["default"].url.database == str(project / "outer.db")

    write(project / "a" / "pyproject.toml", '[tool.multidb_explorer.aliases.default]\nURL = "sqlite:///inner.db"')

    assert gather()["default"].url.database == str(project / "a" / "inner.db")


def test_a_pyproject_without_our_table_is_passed_by(project, monkeypatch):
    write(project / "multidb.toml", '[aliases.default]\nURL = "sqlite://"')
    (project / "sub").mkdir()
    write(project / "sub" / "pyproject.toml", '[project]\nname = "x"\nthis is not even TOML')
    monkeypatch.chdir(project / "sub")

    assert list(gather()) == ["default"]


def test_a_multidb_toml_goes_before_a_pyproject_beside_it(project):
    write(project / "pyproject.toml", '[tool.multidb_explorer.aliases.default]\nURL = "sqlite:///a.db"')
    write(project / "multidb.toml", '[aliases.default]\nURL = "sqlite:///b.db"')

    assert gather()["default"].url.database == str(project / "b.db")


def test_a_file_keeps_the_order_of_its_aliases_and_others_follow(project, user_file, monkeypatch):
    write(project / "multidb.toml", '[aliases]\nzoo = "sqlite://"\ndefault = "sqlite://"')
    write(user_file, '[aliases]\nmine = "sqlite://"\nzoo = "sqlite:///x.db"')
    monkeypatch.setenv("MULTIDB_ABC_URL", SERVER)

    assert list(gather()) == ["zoo", "default", "mine", "abc"]


def test_settings_are_merged_key_by_key_from_the_strongest_to_the_weakest(project, user_file, monkeypatch):
    monkeypatch.setenv("MULTIDB_SHOP_URL", SERVER)
    write(project / "multidb.toml", '[aliases.shop]\nlabel = "project"\ncolor = "red"\nconfirm = "writes"')
    write(
        user_file, '[aliases.shop]\nURL = "sqlite://"\nlabel = "user"\ncolor = "blue"\nschema = "mine"\npool_size = 2'
    )

    settings = gather_one("shop", None, {"label": "argument"})

    assert (settings.label, settings.color, settings.confirm, settings.schema) == ("argument", "red", "writes", "mine")
    assert settings.origins == {
        "URL": "environment MULTIDB_SHOP_URL",
        "label": "argument",
        "color": str(project / "multidb.toml"),
        "confirm": str(project / "multidb.toml"),
        "pool_size": str(user_file),
        "schema": str(user_file),
    }


def test_a_password_does_not_travel_to_a_server_it_was_not_written_for(project, user_file):
    write(
        user_file,
        '[aliases.shop]\nURL = "postgresql://ann:in-url@safe/shop"\n'
        'USER = "ann"\nPASSWORD = "s3cr3t"\nOPTIONS = {token = "t"}',
    )
    write(project / "multidb.toml", '[aliases.shop]\nENGINE = "postgresql"\nHOST = "elsewhere"')

    settings = gather()["shop"]

    assert settings.connect_url() == make_url("postgresql://elsewhere")
    assert settings.connect_args() == {}


def test_a_password_from_a_stronger_source_goes_to_the_server_of_a_weaker_one(project, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "pw-8123")
    write(project / "multidb.toml", '[aliases.shop]\nURL = "postgresql://ann:old@db/shop"')

    settings = gather_one("shop", None, {"PASSWORD": "env:SHOP_PASSWORD", "OPTIONS": {"sslmode": "require"}})

    assert settings.connect_url() == make_url("postgresql://ann:pw-8123@db/shop")
    assert settings.connect_args() == {"sslmode": "require"}
    assert settings.origins["PASSWORD"] == "argument"


def test_a_file_that_a_folder_brought_along_cannot_redirect_a_password_by_options(project, user_file):
    write(user_file, '[aliases.shop]\nURL = "postgresql://ann:s3cr3t@safe/shop"')
    write(project / "multidb.toml", '[aliases.shop]\nOPTIONS = {host = "elsewhere"}')

    with pytest.raises(
        ImproperlyConfigured, match=r"OPTIONS can't be given without URL or ENGINE beside it.*multidb\.toml"
    ):
        gather()


def test_paths_in_a_file_are_relative_to_that_file(project, monkeypatch):
    write(
        project / "multidb.toml",
        '[aliases.default]\nENGINE = "sqlite"\nNAME = "data/shop.db"\n'
        '[aliases.pg]\nURL = "postgresql://ann@db/x"\nPASSWORD = "file:secrets/pw"',
    )
    (project / "secrets").mkdir()
    write(project / "secrets" / "pw", "from-file\n")
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")

    settings = gather()

    assert settings["default"].url.database == str(project / "data" / "shop.db")
    assert settings["pg"].connect_url().password == "from-file"
    assert settings["pg"].password == Secret(f"file:{project}/secrets/pw", alias="pg")


def test_a_path_names_the_one_file_to_read(project, tmp_path, user_file, monkeypatch):
    write(project / "multidb.toml", '[aliases.ignored]\nURL = "sqlite://"')
    write(user_file, '[aliases.shop]\nlabel = "ignored too"')
    chosen = write(tmp_path / "team.toml", '[aliases.shop]\nURL = "sqlite:///team.db"')
    monkeypatch.setenv("MULTIDB_EXTRA_URL", SERVER)

    settings = gather(chosen)

    assert list(settings) == ["shop", "extra"]
    assert settings["shop"].url.database == str(tmp_path / "team.db")
    assert settings["shop"].label is None
    assert gather(str(chosen)) == settings


def test_a_path_may_be_a_pyproject(tmp_path):
    path = write(tmp_path / "pyproject.toml", '[tool.multidb_explorer.aliases]\ndefault = "sqlite://"')

    assert list(gather(path)) == ["default"]


def test_a_file_that_is_not_there_or_has_nothing_for_us_is_named(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"There is no settings file '.*nope\.toml'"):
        gather(tmp_path / "nope.toml")
    with pytest.raises(ImproperlyConfigured, match=r"pyproject\.toml has no table \[tool\.multidb_explorer"):
        gather(write(tmp_path / "pyproject.toml", "[project]"))


def test_an_error_of_toml_names_file_and_line(project):
    write(project / "multidb.toml", '[aliases.default]\nURL = "sqlite://"\nlabel = broken')

    with pytest.raises(ImproperlyConfigured, match=r"project/multidb\.toml is not valid TOML: .*line 3"):
        gather()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[alias.default]\nURL = "x"', r"there is no setting 'alias'\. Did you mean 'aliases'\?"),
        ("[options]\npage = 1", r"there is no setting 'options'\. Write tables \[aliases\.NAME\]"),
        ("aliases = 5", r"'aliases' must be tables \[aliases\.NAME\], not int"),
        ("[aliases]\ndefault = 5", r"Alias 'default': URL must be a URL.* It was given by: .*multidb\.toml\."),
        (
            '[aliases.default]\nURL = "sqlite://"\nread_only = "yes"',
            r"read_only must be true or false.*multidb\.toml\.",
        ),
        (
            '[aliases.default]\nURL = "sqlite://"\nlable = "x"',
            r"'lable' is no setting\. Did you mean label\?.*multidb\.toml\.",
        ),
        ('[aliases."a\\nb"]\nURL = "sqlite://"', "can't be an alias"),
    ],
)
def test_an_error_in_a_file_names_the_file(project, text, message):
    path = write(project / "multidb.toml", text)

    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        gather()

    assert str(path) in str(caught.value)


def test_a_pyproject_whose_table_is_no_table_is_refused(project):
    write(project / "pyproject.toml", "[tool]\nmultidb_explorer = 5")

    with pytest.raises(ImproperlyConfigured, match=r"tool\.multidb_explorer must be a table"):
        gather()


def test_a_file_that_is_no_text_is_refused(project):
    (project / "multidb.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ImproperlyConfigured, match=r"multidb\.toml can't be read: not UTF-8"):
        gather()


def test_a_wrong_alias_of_a_file_is_not_in_the_way_of_another(project):
    write(project / "multidb.toml", '[aliases.broken]\nread_only = "yes"\n[aliases.shop]\nlabel = "fine"')

    assert gather_one("shop", SERVER).label == "fine"


def test_without_any_source_there_are_no_aliases():
    assert gather() == {}
