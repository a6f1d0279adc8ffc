"""Deleting a row: who it is and what hangs on it is looked at first."""

from __future__ import annotations

import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import IntegrityError, NotSupportedError, ProtectedRows, RowConflict


@pytest.fixture
def two(url: str, new_database: object, target: Target) -> None:
    shop.make("legacy", url)
    shop.make("new", new_database(target), rows=False)


def count(alias: str, table: str) -> int:
    with databases[alias].connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one()


def test_deleting_from_its_own_database_leaves_an_instance_of_no_database(two: None) -> None:
    user = User.objects.get(pk=2)

    assert user.delete() == (1, {"users": 1})
    assert (user.pk, user._state.db, user.name) == (None, None, "Bo")
    assert count("legacy", "users") == 3


def test_after_the_headline_example_the_object_lives_in_the_new_database(two: None) -> None:
    user = User.objects.get(pk=4)
    user.save(using="new")

    assert user.delete(using="legacy") == (1, {"users": 1})
    assert (user.pk, user._state.db) == (4, "new")
    assert (count("legacy", "users"), count("new", "users")) == (3, 1)
    user.save()
    assert count("new", "users") == 1


def test_an_absent_row_is_no_error(two: None) -> None:
    user = User.objects.get(pk=2)

    assert user.delete(using="new") == (0, {"users": 0})
    assert user.pk == 2


def test_a_row_without_a_key_set_cannot_be_deleted(two: None) -> None:
    with pytest.raises(ValueError, match="no key set"):
        User(name="x").delete()


def test_a_different_record_elsewhere_is_not_deleted_by_its_key_alone(two: None) -> None:
    User(id=2, name="Somebody else").save(using="new")
    user = User.objects.get(pk=2)

    with pytest.raises(RowConflict, match="force=True") as caught:
        user.delete(using="new")
    assert caught.value.differences == {"name": ("Bo", "Somebody else")}
    assert count("new", "users") == 1

    assert user.delete(using="new", force=True) == (1, {"users": 1})
    assert user._state.db == "legacy"
    assert count("new", "users") == 0


def test_children_are_not_lost_by_surprise(two: None) -> None:
    user = User.objects.get(pk=1)

    with pytest.raises(ProtectedRows) as caught:
        user.delete()
    assert caught.value.counts == {"orders": 2, "order_lines": 2}
    assert "2 of 'orders'" in str(caught.value)
    assert "cascade=True" in str(caught.value)
    assert (count("legacy", "users"), count("legacy", "orders"), count("legacy", "order_lines")) == (4, 3, 2)


def test_cascade_deletes_children_first_and_counts_them(two: None) -> None:
    if not databases["legacy"].backend.features.deletes_families:
        with pytest.raises(NotSupportedError, match="Delete the rows of 'orders', 'order_lines' first"):
            User.objects.get(pk=1).delete(cascade=True)
        assert (count("legacy", "users"), count("legacy", "orders"), count("legacy", "order_lines")) == (4, 3, 2)
        return
    total, counts = User.objects.get(pk=1).delete(cascade=True)

    assert (total, counts) == (5, {"users": 1, "orders": 2, "order_lines": 2})
    assert (count("legacy", "users"), count("legacy", "orders"), count("legacy", "order_lines")) == (3, 1, 0)


def test_a_moved_parent_does_not_take_its_children_with_it(two: None) -> None:
    user = User.objects.get(pk=1)
    user.save(using="new")

    with pytest.raises(ProtectedRows):
        user.delete(using="legacy")
    assert count("legacy", "orders") == 3


def test_trees_and_cycles_inside_one_table_end(url: str) -> None:
    shop.make("legacy", url)
    User(id=100, name="Top").save()
    User(id=101, name="Mid", boss_id=100).save()
    User(id=102, name="Leaf", boss_id=101).save()
    top = User.objects.get(pk=100)

    with pytest.raises(ProtectedRows) as caught:
        top.delete()
    assert caught.value.counts == {"users": 2}
    if not databases["legacy"].backend.features.deletes_families:
        with pytest.raises(NotSupportedError, match="in one transaction"):
            top.delete(cascade=True)
        return
    assert top.delete(cascade=True) == (3, {"users": 3})

    User(id=200, name="Self").save()
    own_boss = User.objects.get(pk=200)
    own_boss.boss_id = 200
    own_boss.save()
    assert own_boss.delete() == (1, {"users": 1})


def test_the_database_own_cascade_is_seen_too(url: str) -> None:
    mdb.connect("legacy", url)
    if databases["legacy"].backend.title == "DuckDB":
        pytest.skip("DuckDB has no ON DELETE actions")
    metadata = sa.MetaData()
    sa.Table("parent", metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    for name, rule in (("gone", "CASCADE"), ("loose", "SET NULL")):
        sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("parent_id", sa.ForeignKey("parent.id", ondelete=rule)),
        )
    metadata.create_all(databases["legacy"].engine)
    parent = mdb.reflect("parent", using="legacy")
    parent(id=1).save()
    for name in ("gone", "loose"):
        for key in (1, 2):
            mdb.reflect(name, using="legacy")(id=key, parent_id=1).save()

    with pytest.raises(ProtectedRows, match="loose would only lose the reference") as caught:
        parent.objects.get(pk=1).delete()
    assert caught.value.counts == {"gone": 2, "loose": 2}
    assert parent.objects.get(pk=1).delete(cascade=True) == (3, {"parent": 1, "gone": 2})
    assert [row.parent_id for row in mdb.reflect("loose", using="legacy").objects.all()] == [None, None]


def test_two_aliases_of_one_database_are_recognised(url: str) -> None:
    shop.make("legacy", url)
    mdb.connect("same", url, label="the same again")
    user = User.objects.get(pk=2)
    user.save(using="same")

    with pytest.raises(RowConflict, match="same database"):
        user.delete(using="legacy")
    assert count("legacy", "users") == 4


def test_what_the_database_refuses_is_an_integrity_error_and_leaves_no_trace(two: None) -> None:
    order = mdb.reflect("orders", using="legacy")

    with pytest.raises(IntegrityError) as caught:
        order(id=99, user_id=12345, total="1.00").save()
    assert caught.value.alias == "legacy"
    assert count("legacy", "orders") == 3
