"""Many instances at once: inserted, updated, or either, all or none, with Django's options on every engine."""

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
from multidb_explorer import F, Value
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import FieldError, IntegrityError, KeyRequired, RowsRejected, StaleRow

DECLARED = {
    "sqlite": "INTEGER PRIMARY KEY",
    "duckdb": "INTEGER PRIMARY KEY DEFAULT nextval('numbers')",
    "postgresql": "SERIAL PRIMARY KEY",
    "mariadb": "INTEGER PRIMARY KEY AUTO_INCREMENT",
}


@pytest.fixture
def world(url: str) -> None:
    """The shop in ``legacy``."""
    shop.make("legacy", url)


@pytest.fixture
def item(url: str, target: Target) -> type[mdb.Model]:
    """A model of a table that numbers its rows, has defaults, and two unique keys."""
    mdb.connect("default", url)
    with databases["default"].begin() as connection:
        if target.name == "duckdb":
            connection.exec_driver_sql("CREATE SEQUENCE numbers")
        connection.exec_driver_sql(
            f"CREATE TABLE items (id {DECLARED[target.name]}, code VARCHAR(20) UNIQUE, name VARCHAR(20) UNIQUE, "
            "price DECIMAL(8, 2), state VARCHAR(10) DEFAULT 'new', stock INTEGER DEFAULT 5)"
        )
    return mdb.reflect("items")


def rows(*names: str, alias: str = "default", table: str = "items") -> list[tuple[object, ...]]:
    """Every row as the database has it, read past the package."""
    with databases[alias].engine.connect() as connection:
        found = sa.Table(table, sa.MetaData(), *(sa.Column(name) for name in names))
        return [tuple(row) for row in connection.execute(sa.select(found).order_by(*found.c))]


def verbs(sent: list[object]) -> list[str]:
    found = [each.sql.split()[0].upper() for each in sent]
    return [verb for verb in found if verb in ("SELECT", "INSERT", "UPDATE", "DELETE")]


# Inserting


def test_instances_of_a_block_that_is_rolled_back_are_new_again(item: type[mdb.Model]) -> None:
    given = [item(code=f"c{n}") for n in range(3)]
    with pytest.raises(ZeroDivisionError), mdb.atomic():
        item.objects.bulk_create(given)
        assert all(each.pk for each in given)
        _ = 1 / 0

    assert [(each.pk, each._state.db, each._state.adding) for each in given] == [(None, None, True)] * 3
    assert len({each.pk for each in item.objects.bulk_create(given)}) == 3


def test_new_rows_learn_their_keys(item: type[mdb.Model]) -> None:
    given = [item(code=f"c{n}", price=Decimal(n)) for n in range(2_500)]
    made = item.objects.bulk_create(given)
    assert all(mine is theirs for mine, theirs in zip(made, given, strict=True))
    assert len({each.pk for each in made}) == 2_500
    assert {(each._state.db, each._state.adding) for each in made} == {("default", False)}
    read = item.objects.in_bulk([each.pk for each in made[::100]])
    assert [read[each.pk].code for each in made[::100]] == [each.code for each in made[::100]]


def test_few_statements_insert_many_rows(item: type[mdb.Model], target: Target) -> None:
    item.objects.bulk_create([item(code="warm")])
    with statements(databases["default"]) as sent:
        item.objects.bulk_create([item(id=n, code=f"c{n}") for n in range(100_000, 100_900)])
        item.objects.bulk_create([item(code=f"d{n}") for n in range(100, 1_000)])
    # Some products tell the keys that they made only row by row.
    assert len(verbs(sent)) <= (2 if target.name in ("postgresql", "mariadb") else 901)


def test_what_no_row_gives_is_made_by_the_database(item: type[mdb.Model]) -> None:
    one, two = item.objects.bulk_create([item(code="a"), item(code="b", state="old", stock=None)])
    assert rows("code", "state", "stock") == [("a", "new", 5), ("b", "old", None)]
    assert (one.state, one.stock, one.price) == ("new", 5, None)
    assert (two.state, two.stock) == ("old", None)
    assert item.objects.bulk_create([item()])[0].state == "new"


def test_rows_with_and_without_a_key_go_together(item: type[mdb.Model]) -> None:
    one, two, three = item.objects.bulk_create([item(code="a"), item(id=700, code="b"), item(code="c")])
    assert two.pk == 700
    assert one.pk != three.pk
    assert {each[0] for each in rows("code")} == {"a", "b", "c"}


def test_instances_of_another_database_are_inserted_and_belong_here_then(
    world: None, new_database: Callable[..., str]
) -> None:
    shop.make("new", new_database(), rows=False)
    users = list(User.objects.all())
    deferred = User.objects.only("id").get(pk=1)
    User.objects.using("new").bulk_create([*users[1:], deferred])
    assert {user._state.db for user in users[1:]} == {deferred._state.db} == {"new"}
    assert rows("id", "name", "score", alias="new", table="users") == rows(
        "id", "name", "score", alias="legacy", table="users"
    )


def test_all_rows_that_the_table_can_not_hold_are_listed(world: None) -> None:
    given = [
        User(id=20, name="fine"),
        User(id=21, name="x" * 10, country=b"FR"),
        User(id=22),
        User(id=23, name="y", score="many"),
        User(id=24, name="z", score=2**70),
    ]
    User.objects.bulk_create([])
    with statements(databases["legacy"]) as sent, pytest.raises(RowsRejected, match="nothing was written") as caught:
        User.objects.bulk_create(given)
    assert "INSERT" not in verbs(sent)
    found = [(each.row, each.key, each.column, each.rule) for each in caught.value.rejections]
    assert found == [
        (1, {"id": 21}, "country", "type"),
        (2, {"id": 22}, "name", "missing"),
        (3, {"id": 23}, "score", "type"),
        (4, {"id": 24}, "score", "range"),
    ]
    assert {each._state.db for each in given} == {None}


def test_one_row_that_the_database_refuses_undoes_all(world: None) -> None:
    given = [User(id=20, name="a"), User(id=1, name="taken"), User(id=21, name="b")]
    with pytest.raises(IntegrityError):
        User.objects.bulk_create(given)
    assert User.objects.count() == 4
    assert {(each._state.db, each._state.adding) for each in given} == {(None, True)}
    with pytest.raises(IntegrityError):
        User.objects.bulk_create([User(id=20, name="a"), User(id=21, name="b", boss_id=99)])
    assert User.objects.count() == 4


def test_a_batch_size_divides_the_statements(world: None) -> None:
    User.objects.bulk_create([User(id=19, name="warm")])
    with statements(databases["legacy"]) as sent:
        User.objects.bulk_create([User(id=n, name="x") for n in range(20, 30)], batch_size=4)
    assert verbs(sent) == ["INSERT"] * 3


def test_every_type_arrives_as_it_is(world: None) -> None:
    order = mdb.reflect("orders", using="legacy")
    given = [
        order(id=20, user_id=1, total=Decimal("0.10"), placed=dt.datetime(2026, 1, 1, 1, 1, 1, 5)),
        order(id=21, user_id=1, total="12.34", placed=None),
    ]
    order.objects.bulk_create(given)
    assert list(order.objects.filter(id__gte=20).order_by("id").values_list("total", "placed")) == [
        (Decimal("0.10"), dt.datetime(2026, 1, 1, 1, 1, 1, 5)),
        (Decimal("12.34"), None),
    ]


def test_json_null_is_not_the_sql_null(url: str, target: Target) -> None:
    mdb.connect("default", url)
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE docs (id INTEGER PRIMARY KEY, doc JSON)")
    doc = mdb.reflect("docs")
    doc.objects.bulk_create([doc(id=1, doc=None), doc(id=2, doc="null"), doc(id=3, doc='{"a": 1}')])
    assert list(doc.objects.filter(doc__isnull=True).values_list("id", flat=True)) == [1]
    doc.objects.bulk_update([doc(id=1, doc='{"b": 2}'), doc(id=2, doc=None), doc(id=3, doc="null")], ["doc"])
    assert list(doc.objects.filter(doc__isnull=True).values_list("id", flat=True)) == [2]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"batch_size": 0}, ValueError, "Batch size must be a positive integer"),
        ({"ignore_conflicts": True, "update_conflicts": True}, ValueError, "mutually exclusive"),
        ({"update_conflicts": True}, ValueError, "Fields that will be updated"),
        ({"update_conflicts": True, "update_fields": ["nme"]}, FieldError, "'name'"),
        ({"update_conflicts": True, "update_fields": ["id"], "unique_fields": ["id"]}, ValueError, "primary keys"),
        ({"update_conflicts": True, "update_fields": ["pk"], "unique_fields": ["id"]}, ValueError, "primary keys"),
        ({"update_conflicts": True, "update_fields": ["name"], "unique_fields": ["score"]}, ValueError, "no unique"),
        ({"update_conflicts": True, "update_fields": ["name"], "unique_fields": ["scr"]}, FieldError, "'score'"),
    ],
)
def test_options_that_do_not_go_together(world: None, options: dict, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        User.objects.bulk_create([User(id=1, name="x")], **options)
    if "batch_size" in options:
        with pytest.raises(error, match=says):
            User.objects.bulk_create([], **options)
        with pytest.raises(error, match=says):
            User.objects.bulk_update([], ["name"], **options)
    else:
        assert User.objects.bulk_create([], **options) == []


def test_only_instances_of_the_model_are_inserted(world: None) -> None:
    with pytest.raises(TypeError, match="takes instances of User"):
        User.objects.bulk_create([{"id": 1}])


@pytest.mark.parametrize("batch_size", [None, 900])
def test_very_many_rows_arrive_by_either_way(world: None, batch_size: int | None) -> None:
    order = mdb.reflect("orders", using="legacy")
    given = [
        order(
            id=n,
            user_id=1 + n % 3,
            total=Decimal(n) / 100,
            placed=None if n % 5 else dt.datetime(2026, 1, 1, 0, 0, n % 60, n),
        )
        for n in range(100, 2_100)
    ]
    order.objects.bulk_create(given, batch_size=batch_size)
    read = order.objects.in_bulk([each.pk for each in given])
    assert [read[each.pk].to_dict() for each in given] == [each.to_dict() for each in given]
    assert {each._state.db for each in given} == {"legacy"}

    again = [order(id=n, user_id=1, total=0) for n in range(2_100, 4_100)]
    again[1_500].user_id = 99
    with pytest.raises(IntegrityError):
        order.objects.bulk_create(again, batch_size=batch_size)
    assert order.objects.filter(id__gte=2_100).count() == 0
    assert {each._state.db for each in again} == {None}


# Rows that are there already


@pytest.mark.parametrize("batch_size", [None, 900])
def test_very_many_rows_are_merged_by_either_way(item: type[mdb.Model], target: Target, batch_size: int | None) -> None:
    item.objects.bulk_create([item(id=n, code=f"c{n}", name=f"n{n}", stock=1) for n in range(1_000, 2_000)])
    given = [item(id=n, code=f"c{n}", stock=n) for n in range(1_500, 2_600)]
    item.objects.upsert(given, unique_fields=["code"], update_fields=["stock"], batch_size=batch_size)
    assert item.objects.count() == 1_600
    assert item.objects.filter(stock=1).count() == 500
    assert item.objects.filter(stock=F("id")).count() == 1_100
    assert item.objects.filter(name__isnull=True).count() == 600

    clash = [item(id=n, code=f"d{n}", name="n1000" if n == 5_500 else None) for n in range(5_000, 6_100)]
    with pytest.raises(IntegrityError):
        item.objects.upsert(clash, unique_fields=["code"], batch_size=batch_size)
    assert item.objects.count() == 1_600


def test_rows_that_are_there_are_left_alone(item: type[mdb.Model]) -> None:
    item.objects.create(code="a", name="A")
    given = [item(code="a", name="other"), item(code="b", name="B")]
    assert item.objects.bulk_create(given, ignore_conflicts=True) == given
    assert rows("code", "name") == [("a", "A"), ("b", "B")]
    assert {(each.pk, each._state.db) for each in given} == {(None, None)}


def test_only_keys_that_are_taken_are_ignored(world: None) -> None:
    with pytest.raises(IntegrityError):
        User.objects.bulk_create([User(id=20, name="x", boss_id=99)], ignore_conflicts=True)
    User.objects.bulk_create([User(id=1, name="x"), User(id=20, name="y")], ignore_conflicts=True)
    assert User.objects.get(pk=1).name == "Ann"
    assert User.objects.count() == 5


def test_rows_that_are_there_are_updated(item: type[mdb.Model]) -> None:
    old = item.objects.create(code="a", name="A", price=Decimal(1), stock=1)
    given = [item(code="a", name="A2", price=Decimal(2)), item(code="b", name="B")]
    item.objects.bulk_create(given, update_conflicts=True, unique_fields=["code"], update_fields=["price"])
    assert rows("code", "name", "price", "stock") == [("a", "A", Decimal(2), 1), ("b", "B", None, 5)]
    assert [each.pk for each in given] == [old.pk, item.objects.get(code="b").pk]
    assert (given[0].stock, given[1].stock) == (1, 5)


def test_an_upsert_goes_by_no_other_key_than_the_one_named(item: type[mdb.Model]) -> None:
    item.objects.create(code="a", name="A", stock=1)
    with pytest.raises(IntegrityError):
        item.objects.bulk_create(
            [item(code="b", name="A", stock=9)],
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=["stock"],
        )
    assert rows("code", "stock") == [("a", 1)]


def test_where_no_key_can_be_named_every_key_counts(item: type[mdb.Model]) -> None:
    item.objects.create(code="a", name="A", stock=1)
    given = [item(code="b", name="A", stock=9)]
    if databases["default"].backend.features.names_conflict_key:
        with pytest.raises(ValueError, match="Unique fields that can trigger the upsert"):
            item.objects.bulk_create(given, update_conflicts=True, update_fields=["stock"])
        return
    item.objects.bulk_create(given, update_conflicts=True, update_fields=["stock"])
    assert rows("code", "stock") == [("a", 9)]


def test_two_rows_of_one_call_can_not_have_one_key(item: type[mdb.Model]) -> None:
    with pytest.raises(RowsRejected, match="Row 0 has the same code") as caught:
        item.objects.upsert([item(code="a", stock=1), item(code="a", stock=2)], unique_fields=["code"])
    assert [each.row for each in caught.value.rejections] == [1]
    assert rows("code") == []


def test_upsert_goes_by_the_primary_key(world: None) -> None:
    made = User.objects.upsert([{"id": 2, "name": "Bob", "score": 2}, User(id=9, name="Eve")])
    assert [(user.pk, user._state.db) for user in made] == [(2, "legacy"), (9, "legacy")]
    assert rows("id", "name", "country", "score", alias="legacy", table="users") == [
        (1, "Ann", "FR", 10),
        (2, "Bob", None, 2),
        (3, "Çağla", "TR", 30),
        (4, "", "FR", 40),
        (9, "Eve", None, None),
    ]


def test_upsert_sets_in_each_row_what_is_given_of_it(world: None) -> None:
    User.objects.upsert([{"id": 1, "name": "Anna"}, {"id": 3, "name": "Cem", "score": 0}])
    assert rows("id", "name", "score", alias="legacy", table="users")[:3] == [
        (1, "Anna", 10),
        (2, "Bo", None),
        (3, "Cem", 0),
    ]
    User.objects.upsert([{"id": 1, "name": "Ann", "score": 5}], update_fields=["score"])
    assert rows("id", "name", "score", alias="legacy", table="users")[0] == (1, "Anna", 5)


def test_upsert_of_keys_alone_inserts_what_is_missing(world: None) -> None:
    line = mdb.reflect("order_lines", using="legacy")
    line.objects.upsert([{"order_id": 10, "line": 1}, {"order_id": 10, "line": 3}])
    assert rows("order_id", "line", "product", alias="legacy", table="order_lines") == [
        (10, 1, "tea"),
        (10, 2, "mug"),
        (10, 3, None),
    ]
    line.objects.upsert([{"order_id": 10, "line": 3, "product": "cup"}, {"order_id": 11, "line": 1, "product": "x"}])
    assert len(rows("order_id", "line", "product", alias="legacy", table="order_lines")) == 4


def test_upsert_numbers_rows_without_a_key(item: type[mdb.Model]) -> None:
    one, two = item.objects.upsert([{"code": "a"}, {"code": "b"}])
    assert one.pk != two.pk
    assert item.objects.upsert([{"id": one.pk, "code": "c"}])[0].pk == one.pk
    assert rows("code") == [("b",), ("c",)]


def test_an_upsert_that_fails_changes_nothing(world: None) -> None:
    with pytest.raises(IntegrityError):
        User.objects.upsert([{"id": 1, "name": "Anna"}, {"id": 20, "name": "x", "boss_id": 99}])
    assert User.objects.get(pk=1).name == "Ann"


# Updating


def test_rows_are_updated_by_their_keys(world: None) -> None:
    users = list(User.objects.order_by("id"))
    for user in users:
        user.name, user.score, user.country = f"n{user.pk}", None if user.pk == 1 else user.pk, "XX"
    assert User.objects.bulk_update(users, ["name", "score"]) == 4
    assert User.objects.bulk_update(users, ["name", "score"]) == 4
    assert rows("id", "name", "score", "country", alias="legacy", table="users") == [
        (1, "n1", None, "FR"),
        (2, "n2", 2, None),
        (3, "n3", 3, "TR"),
        (4, "n4", 4, "FR"),
    ]


def test_rows_that_are_gone_are_not_counted(world: None) -> None:
    assert User.objects.bulk_update([User(id=1, name="a"), User(id=99, name="b")], ["name"]) == 1
    one = User(id=1, name="first")
    assert User.objects.bulk_update([one, User(id=1, name="second")], ["name"]) == 1
    assert User.objects.get(pk=1).name == "first"
    with pytest.raises(StaleRow):
        User(id=99, name="b").save(force_update=True)


def test_values_may_be_computed(world: None) -> None:
    users = [User(id=1, score=F("score") + 1), User(id=3, score=Value(7)), User(id=4, score=F("id"))]
    assert User.objects.bulk_update(users, ["score"]) == 3
    assert [row[1] for row in rows("id", "score", alias="legacy", table="users")] == [11, None, 7, 4]


def test_instances_of_another_database_may_bring_the_values(world: None, new_database: Callable[..., str]) -> None:
    shop.make("new", new_database())
    users = list(User.objects.using("new").order_by("id"))
    for user in users:
        user.name = "from new"
    assert User.objects.bulk_update(users, ["name"]) == 4
    assert {user._state.db for user in users} == {"new"}
    assert set(rows("name", alias="legacy", table="users")) == {("from new",)}


def test_a_row_that_fails_undoes_all(world: None) -> None:
    with pytest.raises(IntegrityError):
        User.objects.bulk_update([User(id=4, boss_id=1), User(id=2, boss_id=99)], ["boss_id"])
    assert not User.objects.filter(boss_id__isnull=False).exists()
    with pytest.raises(RowsRejected) as caught:
        User.objects.bulk_update([User(id=1, name=None), User(id=2, name="b"), User(id=3, name=b"")], ["name"])
    assert [(each.row, each.rule) for each in caught.value.rejections] == [(0, "not_null"), (2, "type")]


def test_a_filter_keeps_other_rows_as_they_are(world: None) -> None:
    users = [User(id=n, score=0) for n in (1, 2, 3, 4)]
    assert User.objects.filter(country="FR").bulk_update(users, ["score"]) == 2
    assert [row[1] for row in rows("id", "score", alias="legacy", table="users")] == [0, None, 30, 0]


@pytest.mark.parametrize("batch_size", [None, 700])
def test_many_rows_are_updated(world: None, batch_size: int | None) -> None:
    users = User.objects.bulk_create([User(id=n, name="x") for n in range(100, 2_100)])
    for user in users:
        user.score = user.pk * 2
    absent = User(id=99_999, score=1)
    assert User.objects.bulk_update([*users, absent], ["score"], batch_size=batch_size) == 2_000
    assert User.objects.filter(id__gte=100, score=F("id") * 2).count() == 2_000
    assert User.objects.filter(id__lt=100).count() == 4


def test_keys_of_two_columns_are_matched_whole(world: None) -> None:
    line = mdb.reflect("order_lines", using="legacy")
    assert line.objects.bulk_update([line(order_id=10, line=2, product="cup")], ["product"]) == 1
    assert rows("order_id", "line", "product", alias="legacy", table="order_lines") == [(10, 1, "tea"), (10, 2, "cup")]


@pytest.mark.parametrize(
    ("objs", "fields", "error", "says"),
    [
        ([User(id=1)], [], ValueError, "Field names must be given to bulk_update"),
        ([User(name="x")], ["name"], ValueError, "must have a primary key set"),
        ([User(id=1)], ["id"], ValueError, "primary key fields"),
        ([User(id=1)], ["pk"], ValueError, "primary key fields"),
        ([User(id=1)], ["nme"], FieldError, "'name'"),
    ],
)
def test_what_can_not_be_updated(world: None, objs: list, fields: list, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        User.objects.bulk_update(objs, fields)


def test_nothing_to_write_asks_nothing(world: None) -> None:
    with statements(databases["legacy"]) as sent:
        assert User.objects.bulk_create([]) == []
        assert User.objects.upsert([]) == []
        assert User.objects.bulk_update([], ["name"]) == 0
    assert sent == []


def test_rows_that_can_not_be_told_apart_can_be_inserted_but_not_updated(world: None) -> None:
    with databases["legacy"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (text VARCHAR(20))")
    note = mdb.reflect("notes", using="legacy")
    note.objects.bulk_create([note(text="a"), note(text="a")])
    assert rows("text", alias="legacy", table="notes") == [("a",), ("a",)]
    with pytest.raises(KeyRequired):
        note.objects.upsert([note(text="a")])
