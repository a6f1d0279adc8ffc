"""Instances of the rows of SQL that a person wrote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import ConnectionDoesNotExist, FieldError, MultiDBError, ReadOnlyAlias

NewDatabase = Callable[..., str]


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


class Order(mdb.Model):
    """An order, declared, with a field that is called otherwise than its column."""

    id = sa.Column(sa.Integer, primary_key=True)
    buyer = sa.Column("user_id", sa.Integer)
    total = sa.Column(sa.Numeric(10, 2))
    placed = sa.Column(sa.DateTime)

    class Meta:
        table = "orders"
        using = "legacy"


def test_rows_become_instances_of_the_alias(legacy: object) -> None:
    found = User.objects.raw("select * from users where country = :country order by id", {"country": "FR"})

    assert [(user.pk, user.name, user._state.db) for user in found] == [(1, "Ann", "legacy"), (4, "", "legacy")]
    assert len(found) == 2
    assert found[1].pk == 4
    assert [user.pk for user in found[:1]] == [1]


def test_nothing_is_asked_before_it_is_needed_and_then_once(legacy: object) -> None:
    with statements(legacy) as sent:
        found = User.objects.raw("select * from users")
        assert sent == []
        assert "select * from users" in repr(found)
        assert (len(list(found)), len(found), found.columns[:2]) == (4, 4, ["id", "name"])
    assert len([s for s in sent if s.sql == "select * from users"]) == 1


def test_values_are_those_of_the_fields_on_every_engine(legacy: object) -> None:
    first, *_ = Order.objects.raw("select * from orders order by id")

    assert (first.buyer, first.total, first.placed) == (1, Decimal("19.99"), dt.datetime(2026, 1, 2, 3, 4, 5))
    assert Order.objects.get(pk=10).to_dict() == first.to_dict()


def test_other_columns_become_attributes(legacy: object) -> None:
    sql = "select users.*, (select count(*) from orders where user_id = users.id) as orders_n from users order by id"
    ann, *_ = User.objects.raw(sql)

    assert ann.orders_n == 2
    assert "orders_n" not in ann._source.names


def test_fields_without_a_column_are_read_when_they_are_asked_for(legacy: object) -> None:
    (ann,) = User.objects.raw("select id from users where id = 1")

    with statements(legacy) as sent:
        assert ann.name == "Ann"
    assert len([s for s in sent if "FROM users" in s.sql]) == 1


def test_columns_can_be_translated(legacy: object) -> None:
    sql = "select id as number, name as called from users where id = 1"
    (ann,) = User.objects.raw(sql, translations={"number": "id", "called": "name"})

    assert (ann.pk, ann.name) == (1, "Ann")
    with pytest.raises(FieldError, match="no field 'nme'. Did you mean 'name'"):
        list(User.objects.raw(sql, translations={"number": "nme"}))


def test_parameters_are_bound_and_lists_stand_for_their_members(legacy: object) -> None:
    hostile = "'; DROP TABLE users; --"

    assert len(User.objects.raw("select * from users where name = :name", {"name": hostile})) == 0
    assert len(User.objects.raw("select * from users where id in :ids", {"ids": [1, 3, 99]})) == 2
    assert User.objects.count() == 4


def test_another_alias_can_be_asked(legacy: object, target: Target, new_database: NewDatabase) -> None:
    shop.make("crm", new_database(target), rows=False)
    found = User.objects.raw("select * from users")

    assert len(found.using("crm")) == 0
    assert len(found) == 4
    assert len(User.objects.using("crm").raw("select * from users")) == 0
    with pytest.raises(ConnectionDoesNotExist):
        found.using("crn")


def test_frames_need_no_key(legacy: object) -> None:
    found = User.objects.raw("select country, count(*) as n from users where country is not null group by country")

    assert found.columns == ["country", "n"]
    assert sorted(found.to_pandas().itertuples(index=False, name=None)) == [("FR", 2), ("TR", 1)]
    assert found.to_arrow().num_rows == 2
    with pytest.raises(FieldError, match="does not give 'id', the key of User"):
        list(found)


def test_a_name_that_comes_twice_is_refused_and_not_guessed(legacy: object) -> None:
    found = User.objects.raw("select users.id, orders.id from users join orders on user_id = users.id")

    with pytest.raises(FieldError, match="two columns 'id'"):
        list(found)


def test_it_only_reads(legacy: object) -> None:
    with pytest.raises(ReadOnlyAlias):
        list(User.objects.raw("delete from users where id = 2"))
    assert User.objects.count() == 4


def test_what_the_sql_would_not_heed_is_refused(legacy: object) -> None:
    with pytest.raises(TypeError, match="asks what its SQL says and nothing else"):
        User.objects.filter(id=1).raw("select * from users")
    with pytest.raises(TypeError, match="parameters by name"):
        User.objects.raw("select * from users where id = %s", [1])


def test_the_preview_shows_the_first_rows_and_fetches_no_more(legacy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdb.options, "preview_rows", 2)

    shown = User.objects.raw("select id, name from users order by id")._repr_mimebundle_()
    assert "first 2 rows, there are more" in shown["text/plain"]
    assert "Ann" in shown["text/html"]
    assert "Çağla" not in shown["text/html"]
    assert "nonsense" in User.objects.raw("select nonsense from users")._repr_mimebundle_()["text/plain"]


def test_wrong_sql_says_where(legacy: object) -> None:
    with pytest.raises(MultiDBError, match="legacy"):
        list(User.objects.raw("select * from usres"))
    assert databases["legacy"].state == "connected"
