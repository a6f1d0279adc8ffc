"""Instances and routers: where they are saved, deleted and read again, and whom they may refer to."""

from __future__ import annotations

from typing import Any

import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer import errors
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements


class Replica:
    """Reads from the replica, writes to the primary; both are one."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "primary"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


@pytest.fixture
def routed(url: str, new_database: Any) -> None:
    """Give a primary on the engine of the test and a replica that never hears of a change."""
    other = new_database("sqlite")
    databases.configure({"default": {}, "primary": url, "replica": other}, routers=[Replica()])
    shop.make("primary", url)
    shop.make("replica", other)
    mdb.connect("replica", other, read_only=True)


def name_on(alias: str, key: int) -> str:
    return str(User.objects.using(alias).get(pk=key).name)


@pytest.mark.usefixtures("routed")
def test_a_row_that_was_read_from_the_replica_is_saved_to_the_primary() -> None:
    user = User.objects.get(pk=2)
    assert user._state.db == "replica"
    user.name = "changed"
    user.save()

    assert user._state.db == "primary"
    assert (name_on("primary", 2), name_on("replica", 2)) == ("changed", "Bo")


@pytest.mark.usefixtures("routed")
def test_a_row_with_fields_left_out_is_saved_in_part() -> None:
    user = User.objects.only("name").get(pk=3)
    user.name = "changed"
    with statements(databases["replica"]) as sent:
        user.save()

    assert sent == []
    assert (name_on("primary", 3), User.objects.using("primary").get(pk=3).score) == ("changed", 30)


@pytest.mark.usefixtures("routed")
def test_a_new_row_is_saved_to_the_primary_and_deleted_from_it() -> None:
    user = User(id=50, name="new")
    user.save()
    assert user._state.db == "primary"
    assert User.objects.using("primary").filter(pk=50).exists()
    assert user.delete() == (1, {"users": 1})
    assert (user.pk, user._state.db) == (None, None)


@pytest.mark.usefixtures("routed")
def test_a_row_that_was_read_from_the_replica_is_deleted_from_the_primary() -> None:
    user = User.objects.get(pk=4)
    assert user.delete() == (1, {"users": 1})

    assert user.pk is None
    assert not User.objects.using("primary").filter(pk=4).exists()
    assert User.objects.using("replica").filter(pk=4).exists()


@pytest.mark.usefixtures("routed")
def test_an_alias_that_is_named_beats_the_router() -> None:
    with pytest.raises(errors.ReadOnlyAlias, match="'replica'"):
        User(id=50, name="new").save(using="replica")
    user = User.objects.get(pk=2)
    user.name = "changed"
    with pytest.raises(errors.RowConflict):
        user.save(using="primary")


@pytest.mark.usefixtures("routed")
def test_inside_a_block_the_row_is_read_again_from_the_primary() -> None:
    user = User.objects.get(pk=2)
    with mdb.atomic("primary"):
        user.name = "changed"
        user.save()
        user.name = "?"
        user.refresh_from_db()
        assert (user.name, user._state.db) == ("changed", "primary")
    user.refresh_from_db()
    assert (user.name, user._state.db) == ("Bo", "replica")


@pytest.mark.usefixtures("routed")
def test_relatives_are_read_where_the_router_says() -> None:
    Reflected = mdb.reflect("orders", using="primary")  # noqa: N806 - a class
    order = Reflected.objects.using("primary").get(pk=10)
    assert order.user._state.db == "replica"
    with mdb.atomic("primary"):
        order = Reflected.objects.get(pk=10)
        assert (order._state.db, order.user._state.db) == ("primary", "primary")


@pytest.mark.usefixtures("routed")
def test_rows_of_one_instance_are_read_and_written_where_the_router_says() -> None:
    Users = mdb.reflect("users", using="primary")  # noqa: N806 - a class
    user = Users.objects.get(pk=3)
    assert user._state.db == "replica"
    assert user.orders_set.db == "replica"
    assert user.orders_set.filter(pk=12).update(total=5) == 1
    order = user.orders_set.using("primary").get()

    assert (int(order.total), order._state.db) == (5, "primary")
    assert int(user.orders_set.get().total) == 12345678


@pytest.mark.usefixtures("routed")
def test_rows_of_two_aliases_may_refer_to_each_other_where_a_router_allows_it() -> None:
    Reflected = mdb.reflect("orders", using="primary")  # noqa: N806 - a class
    order = Reflected.objects.using("primary").get(pk=12)
    order.user = User.objects.get(pk=3)
    order.save()

    assert Reflected.objects.using("primary").get(pk=12).user_id == 3


def test_a_router_may_forbid_what_one_database_would_allow(url: str) -> None:
    class Strict:
        def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
            return False if other.pk == 3 else None

    databases.configure({"default": {}, "one": url, "two": url}, routers=[Strict()])
    shop.make("one", url)
    Orders = mdb.reflect("orders", using="one")  # noqa: N806 - a class
    order = Orders.objects.get(pk=10)
    order.user = User.objects.using("two").get(pk=2)
    with pytest.raises(errors.CrossDatabaseError):
        order.user = User.objects.using("two").get(pk=3)
