"""The demo shop: the same on every machine, as untidy as promised, never in the way of anybody's own files."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys

import pytest

import multidb_explorer as mdb
from multidb_explorer import demo
from multidb_explorer.demo.dice import Dice
from multidb_explorer.demo.people import CONFLICTING, MOVED
from multidb_explorer.errors import (
    ImproperlyConfigured,
    ProtectedRows,
    ReadOnlyAlias,
    RowConflict,
    ValueNotRepresentable,
)

ALIASES = ["default", "legacy_users", "new_users", "warehouse", "archive"]
SQLITE_FILES = ["archive.db", "legacy.db", "new.db", "shop.db"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Give a folder with the demo in it, for tests that only read."""
    folder = tmp_path_factory.mktemp("built")
    demo.build(folder)
    return folder


@pytest.fixture
def shop(built):
    """Register the demo's aliases, for tests that only read."""
    return demo.start(built)


@pytest.fixture
def own_shop(built, tmp_path):
    """Register a demo that the test may write to."""
    return demo.start(shutil.copytree(built, tmp_path / "demo"))


def users(alias="legacy_users"):
    return mdb.reflect("users", using=alias).objects


def test_dice_fall_alike_on_every_python():
    dice = Dice(2026)
    assert [dice.whole(1, 6) for _ in range(12)] == [1, 4, 4, 6, 1, 2, 4, 4, 5, 4, 5, 5]


def contents(path):
    """Give all of a database as SQL; the indexes of a table are created in no particular order."""
    connection = sqlite3.connect(path)
    lines = sorted(connection.iterdump())
    connection.close()
    return lines


def test_two_builds_give_the_same_rows(built, tmp_path):
    demo.build(tmp_path)
    for name in SQLITE_FILES:
        assert contents(built / name) == contents(tmp_path / name), name


def test_two_builds_give_the_same_facts(built, tmp_path):
    demo.start(built)
    first = mdb.reflect("sales", using="warehouse").objects.order_by("sale_id").to_arrow()
    demo.start(tmp_path)
    assert mdb.reflect("sales", using="warehouse").objects.order_by("sale_id").to_arrow().equals(first)


def test_each_alias_has_its_label_colour_and_rights(shop):
    assert list(shop) == ALIASES
    databases = [alias.database for alias in shop.values()]
    assert all(database.label != database.alias and database.color for database in databases)
    assert [database.alias for database in databases if database.read_only] == ["archive"]
    assert [database.alias for database in databases if database.confirm == "writes"] == ["default"]


def test_there_is_enough_to_explore(shop):
    counts = {
        ("default", "products"): 180,
        ("default", "orders"): 6_000,
        ("legacy_users", "users"): 2_400,
        ("legacy_users", "login_log"): 4_000,
        ("warehouse", "sales"): 50_000,
        ("archive", "orders"): 2_000,
    }
    for (alias, table), rows in counts.items():
        assert mdb.reflect(table, using=alias).objects.count() == rows
    assert mdb.reflect("order_items").objects.count() > 10_000


def test_there_are_keys_references_indexes_and_views(shop):
    addresses, items = shop["legacy_users"].tables["addresses"], shop["default"].tables["order_items"]
    assert items.primary_key == ("order_id", "line")
    assert ("user_id", "kind") in addresses.uniques
    assert addresses.foreign_keys[0].target_table == "users"
    assert shop["legacy_users"].tables["login_log"].key == ()
    assert any(index.columns == ("country",) for index in shop["legacy_users"].tables["users"].indexes)
    views = {alias: [t.name for t in shop[alias].tables.summaries if t.kind == "view"] for alias in shop}
    assert views["default"] == ["price_list"]
    assert views["legacy_users"] == ["recent_users"]
    assert views["warehouse"] == ["revenue"]


def test_every_reference_leads_somewhere(built):
    for name in SQLITE_FILES:
        connection = sqlite3.connect(built / name)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    demo.start(built)
    buyers = set(mdb.reflect("orders").objects.to_pandas()["user_id"])
    assert buyers <= set(users().to_pandas()["id"])


def test_the_users_are_as_untidy_as_real_ones(shop):
    frame = users().to_pandas()
    phones = [user.phone for user in users()]
    assert None in phones
    assert "" in phones
    assert any(re.search("[^\x00-\x7f]", name) for name in frame["first_name"])
    bios = frame["bio"].dropna()
    for mark in ("<script>", "📦", "\t", "\\", "%", "'"):
        assert bios.str.contains(mark, regex=False).any(), mark
    assert bios.str.len().max() > 1_000
    assert str(frame["points"].dtype) == "Int64"
    assert frame["points"].isna().any()
    assert str(frame["newsletter"].dtype) == "boolean"
    assert {json.loads(text)["language"] for text in frame["preferences"].dropna()} >= {"fr", "de", "ja"}
    assert frame["email"].str.fullmatch(r"[a-z.\-]+\.\d+@example\.(org|com|net)").all()


def test_some_users_moved_already_and_one_changed_since(own_shop):
    assert users("new_users").count() == len(MOVED)
    for user in users().filter(id__in=MOVED):
        if user.id == CONFLICTING:
            with pytest.raises(RowConflict, match=r"(?s)email.*credit"):
                user.save(using="new_users")
        else:
            user.save(using="new_users")


def test_the_headline_example_works_for_a_user_who_is_alone(own_shop):
    user = users().get(pk=5)
    user.save(using="new_users")
    assert user.delete(using="legacy_users") == (1, {"users": 1})
    assert user._state.db == "new_users"


def test_a_user_with_addresses_and_notes_is_protected(own_shop):
    with pytest.raises(ProtectedRows) as refused:
        users().get(pk=7).delete()
    assert refused.value.counts == {"addresses": 2, "notes": 3}


def test_one_name_is_too_long_for_the_new_place(own_shop):
    with pytest.raises(ValueNotRepresentable, match="last_name"):
        users().get(pk=21).save(using="new_users")


def test_the_archive_takes_nothing(shop):
    with pytest.raises(ReadOnlyAlias):
        users().get(pk=5).save(using="archive")


def test_a_second_build_keeps_what_is_there(own_shop, tmp_path):
    users().get(pk=5).delete()
    demo.start(tmp_path / "demo")
    assert not users().filter(pk=5).exists()


def test_a_fresh_start_gives_everything_back_to_open_connections(own_shop, tmp_path):
    open_queryset = users()
    open_queryset.get(pk=5).delete()
    sales = mdb.reflect("sales", using="warehouse").objects
    sales.first().delete()
    demo.start(tmp_path / "demo", fresh=True)
    assert open_queryset.filter(pk=5).exists()
    assert sales.count() == 50_000


def test_a_missing_file_is_made_again(own_shop, tmp_path):
    (tmp_path / "demo" / "new.db").unlink()
    demo.build(tmp_path / "demo")
    assert (tmp_path / "demo" / "new.db").exists()


def test_what_a_crash_left_beside_a_file_is_not_applied_to_the_new_one(own_shop, tmp_path):
    left = tmp_path / "demo" / "legacy.db-journal"
    left.write_bytes(b"half a transaction")
    demo.start(tmp_path / "demo", fresh=True)
    assert not left.exists()
    assert users().count() == 2_400


def test_nothing_is_left_beside_the_files(built):
    assert sorted(path.name for path in built.iterdir()) == sorted([".multidb-demo", "warehouse.duckdb", *SQLITE_FILES])


@pytest.mark.parametrize("fresh", [False, True])
def test_a_shop_of_somebody_elses_is_left_alone(tmp_path, fresh):
    (tmp_path / "shop.db").write_bytes(b"years of work")
    with pytest.raises(ImproperlyConfigured, match=r"shop\.db.*did not make"):
        demo.start(tmp_path, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]
    assert (tmp_path / "shop.db").read_bytes() == b"years of work"


def test_a_folder_with_a_strange_name(tmp_path):
    aliases = demo.start(tmp_path / "50% of & 'my' shöp #1")
    assert "products" in aliases["default"].tables
    assert mdb.reflect("sales", using="warehouse").objects.exists()


def test_without_duckdb_the_demo_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("multidb_explorer.backends.base.find_spec", lambda module: None if "duckdb" in module else True)
    with pytest.warns(UserWarning, match=r"without the alias 'warehouse'.*\[duckdb\]"):
        aliases = demo.start(tmp_path)
    assert list(aliases) == [alias for alias in ALIASES if alias != "warehouse"]


def test_the_demo_loads_no_jupyter():
    assert "multidb_explorer.demo" in sys.modules
    assert list(demo.__all__) == ["build", "start"]
