"""Saving a row: UPDATE what matched, INSERT what did not, and overwrite nothing of another database by surprise."""

from __future__ import annotations

import uuid

import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import (
    ConnectionDoesNotExist,
    FieldError,
    IntegrityError,
    KeyRequired,
    ReadOnlyAlias,
    RowConflict,
    StaleRow,
    TableDoesNotExist,
    ValueNotRepresentable,
)
from multidb_explorer.schema.inspector import catalog_of


@pytest.fixture
def two(url: str, new_database: object, target: Target) -> None:
    """Two databases of one engine: ``legacy`` full, ``new`` empty."""
    shop.make("legacy", url)
    shop.make("new", new_database(target), rows=False)


def table(alias: str, name: str = "users") -> list[tuple[object, ...]]:
    """Every row as the database has it, read past the package."""
    database = databases[alias]
    with database.engine.connect() as connection:
        found = sa.Table(name, sa.MetaData(), *(sa.Column(c) for c in ("id", "name", "country", "score")))
        return [tuple(row) for row in connection.execute(sa.select(found).order_by(found.c.id))]


def writes(sent: list[object]) -> list[str]:
    return [s.sql.split()[0].upper() for s in sent if s.sql.split()[0].upper() in ("INSERT", "UPDATE", "DELETE")]


def test_the_headline_example(two: None) -> None:
    user = User.objects.get(pk=4)

    user.save(using="new")
    assert user._state.db == "new"
    assert user.delete(using="legacy") == (1, {"users": 1})
    assert table("new") == [(4, "", "FR", 40)]
    assert [row[0] for row in table("legacy")] == [1, 2, 3]


def test_a_new_row_is_inserted_and_a_known_one_updated(two: None) -> None:
    user = User(id=50, name="Eve")
    with statements(databases["new"]) as sent:
        user.save(using="new")
        user.score = 7
        user.save()
    assert writes(sent) == ["UPDATE", "INSERT", "UPDATE"]
    assert user._state.db == "new"
    assert user._state.adding is False
    assert table("new") == [(50, "Eve", None, 7)]


def test_saving_unchanged_values_matches_the_row_and_does_not_insert(two: None) -> None:
    user = User.objects.get(pk=1)
    user.save()
    user.save()

    assert len(table("legacy")) == 4


def test_an_equal_row_elsewhere_is_no_conflict(two: None) -> None:
    user = User.objects.get(pk=1)
    user.save(using="new")
    again = User.objects.get(pk=1)
    again.save(using="new")

    assert again._state.db == "new"
    assert table("new") == [(1, "Ann", "FR", 10)]


def test_a_different_row_elsewhere_is_a_conflict_that_names_the_columns(two: None) -> None:
    User(id=1, name="Other", country="FR", score=10).save(using="new")
    user = User.objects.get(pk=1)

    with pytest.raises(RowConflict) as caught:
        user.save(using="new")

    assert caught.value.differences == {"name": ("Ann", "Other")}
    assert (caught.value.alias, caught.value.table, caught.value.key) == ("new", "users", {"id": 1})
    assert "on_conflict='overwrite'" in str(caught.value)
    assert user._state.db == "legacy"
    assert table("new") == [(1, "Other", "FR", 10)]


def test_a_conflict_can_be_overwritten_or_skipped(two: None) -> None:
    User(id=1, name="Other").save(using="new")
    user = User.objects.get(pk=1)

    user.save(using="new", on_conflict="skip")
    assert user._state.db == "legacy"
    assert table("new") == [(1, "Other", None, None)]

    user.save(using="new", on_conflict="overwrite")
    assert user._state.db == "new"
    assert table("new") == [(1, "Ann", "FR", 10)]

    with pytest.raises(ValueError, match="on_conflict is one of"):
        user.save(using="new", on_conflict="replace")


def test_a_copy_with_pk_none_gets_a_key_of_its_own(url: str) -> None:
    mdb.connect("legacy", url)
    notes = _notes(numbered_by_sequence=databases["legacy"].backend.title == "DuckDB")
    notes.metadata.create_all(databases["legacy"].engine)
    note = mdb.reflect("notes", using="legacy")

    first = note()
    first.save()
    assert first.pk is not None
    assert first.text == "nothing yet"
    first.pk = None
    first.text = "a copy"
    first.save()
    assert sorted(row.text for row in note.objects.all()) == ["a copy", "nothing yet"]
    assert len({row.pk for row in note.objects.all()}) == 2


def _notes(*, numbered_by_sequence: bool) -> sa.Table:
    sequence = sa.Sequence("notes_id_seq")
    numbering = [sequence] if numbered_by_sequence else []
    default = sequence.next_value() if numbered_by_sequence else None
    return sa.Table(
        "notes",
        sa.MetaData(),
        sa.Column("id", sa.Integer, *numbering, server_default=default, primary_key=True),
        sa.Column("text", sa.String(40), server_default="nothing yet", nullable=False),
    )


def test_force_insert_and_force_update(two: None) -> None:
    with pytest.raises(IntegrityError) as caught:
        User(id=1, name="Twin").save(using="legacy", force_insert=True)
    assert caught.value.alias == "legacy"
    assert "INSERT" in (caught.value.statement or "")
    with pytest.raises(StaleRow, match="no row with id=99"):
        User(id=99, name="Nobody").save(using="legacy", force_update=True)
    with pytest.raises(ValueError, match="can't be combined"):
        User(id=1, name="x").save(force_insert=True, force_update=True)
    with pytest.raises(ValueError, match="without a key"):
        User(name="x").save(force_update=True)
    assert table("legacy")[0] == (1, "Ann", "FR", 10)


def test_update_fields_writes_only_those(two: None) -> None:
    user = User.objects.get(pk=1)
    user.name, user.score = "Changed", 99

    user.save(update_fields=["score"])
    assert table("legacy")[0] == (1, "Ann", "FR", 99)
    with statements(databases["legacy"]) as sent:
        user.save(update_fields=[])
    assert sent == []
    with pytest.raises(FieldError, match="no field 'scor'"):
        user.save(update_fields=["scor"])
    with pytest.raises(ValueError, match="part of the key"):
        user.save(update_fields=["id"])


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"name": "x" * 21}, "name", "21 characters"),
        ({"name": None}, "name", "can't be NULL"),
        ({"country": "FRA"}, "country", "3 characters"),
        ({"score": "many"}, "score", "not a whole number"),
        ({"score": 1.5}, "score", "not a whole number"),
        ({"score": 2**63}, "score", "reaches from"),
        ({"name": b"bytes"}, "name", "not text"),
    ],
)
def test_what_the_target_cannot_hold_is_refused_by_name_before_any_write(
    two: None, changes: dict[str, object], column: str, reason: str
) -> None:
    if "characters" in reason and catalog_of(databases["new"]).table("users").column(column).kind.length is None:
        pytest.skip("this engine keeps text of any length")
    user = User.objects.get(pk=1)
    for name, value in changes.items():
        setattr(user, name, value)

    with statements(databases["new"]) as sent, pytest.raises(ValueNotRepresentable, match=reason) as caught:
        user.save(using="new")

    assert caught.value.column == column
    assert writes(sent) == []
    assert user._state.db == "legacy"


def test_a_row_without_a_value_for_a_required_column_is_refused(two: None) -> None:
    with pytest.raises(ValueNotRepresentable, match="'name' .* can't be NULL"):
        User(id=9).save(using="new")
    assert table("new") == []


def test_the_target_is_looked_at_and_its_columns_found_by_name(url: str, new_database: object, target: Target) -> None:
    shop.make("legacy", url)
    mdb.connect("crm", new_database(target))
    metadata = sa.MetaData()
    sa.Table(
        "Users",
        metadata,
        sa.Column("Id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("Name", sa.String(20), nullable=False),
        sa.Column("COUNTRY", sa.String(2)),
        sa.Column("Score", sa.BigInteger),
        sa.Column("BossId", sa.Integer),
        sa.Column("source", sa.String(10), server_default="legacy"),
    )
    metadata.create_all(databases["crm"].engine)
    user = User.objects.get(pk=1)

    user.save(using="crm")
    there = mdb.reflect(catalog_of(databases["crm"]).find("users"), using="crm").objects.get()
    assert (there["Id"], there["Name"], there["COUNTRY"], there["Score"], there["source"]) == (
        1,
        "Ann",
        "FR",
        10,
        "legacy",
    )


def test_a_value_whose_column_is_missing_there_is_refused(url: str, new_database: object, target: Target) -> None:
    shop.make("legacy", url)
    mdb.connect("new", new_database(target))
    small = sa.Table(
        "users",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(20)),
        sa.Column("score", sa.Integer),
    )
    small.metadata.create_all(databases["new"].engine)

    with pytest.raises(ValueNotRepresentable, match="no column for field 'country'"):
        User.objects.get(pk=1).save(using="new")
    User.objects.get(pk=2).save(using="new")
    with databases["new"].connect() as connection:
        assert connection.execute(sa.select(small)).all() == [(2, "Bo", None)]


def test_a_table_without_a_key_reads_and_refuses_to_be_written(url: str) -> None:
    mdb.connect("legacy", url)
    loose = sa.Table("loose", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.String(10)))
    loose.metadata.create_all(databases["legacy"].engine)
    with databases["legacy"].begin() as connection:
        connection.execute(loose.insert(), [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 2, "b": "z"}])
    row = mdb.reflect("loose", using="legacy").objects.filter(a=1).get()

    for write in (row.save, lambda: row.delete()):
        with pytest.raises((KeyRequired, ValueError), match="key"):
            write()
    named = mdb.reflect("loose", using="legacy", key="a")
    first = named.objects.get(a=1)
    first.b = "changed"
    first.save()
    assert named.objects.get(a=1).b == "changed"
    with pytest.raises(KeyRequired, match="not unique"):
        named(a=2, b="both").save()
    assert sorted(r.b for r in named.objects.all()) == ["changed", "y", "z"]


def test_refusals_before_any_sql(two: None, new_database: object, target: Target) -> None:
    user = User.objects.get(pk=1)
    url = new_database(target)
    mdb.connect("bare", url)
    with databases["bare"].begin() as connection:
        connection.execute(sa.select(1))

    with pytest.raises(ConnectionDoesNotExist, match="'nowhere'"):
        user.save(using="nowhere")
    with pytest.raises(TableDoesNotExist, match="'users'"):
        user.save(using="bare")
    assert user._state.db == "legacy"


def test_a_read_only_alias_refuses_before_any_sql(url: str) -> None:
    shop.make("legacy", url)
    mdb.connect("frozen", url, read_only=True) if databases["legacy"].backend.title != "DuckDB" else _reopen_read_only(
        url
    )
    user = User.objects.using("frozen").get(pk=1)

    with statements(databases["frozen"]) as sent:
        for write in (lambda: user.save(using="frozen"), lambda: user.delete(using="frozen")):
            with pytest.raises(ReadOnlyAlias, match="'frozen' is read-only"):
                write()
    assert sent == []


def _reopen_read_only(url: str) -> None:
    databases["legacy"].dispose()
    mdb.connect("frozen", url, read_only=True)


def test_an_atomic_block_is_all_or_nothing(two: None) -> None:
    with pytest.raises(RowConflict), mdb.atomic("new"):
        User(id=2, name="Other").save(using="new")
        for user in User.objects.order_by("id"):
            user.save(using="new")
    assert table("new") == []

    with mdb.atomic("new"):
        for user in User.objects.order_by("id"):
            user.save(using="new")
        assert User.objects.using("new").count() == 4
    assert len(table("new")) == 4


def test_misspelt_fields_are_refused_at_once() -> None:
    with pytest.raises(FieldError, match="Did you mean 'country'"):
        User(contry="FR")
    user = User(id=1)
    with pytest.raises(FieldError, match="no field 'nmae'"):
        user.nmae = "x"


def test_a_uuid_is_saved_where_it_has_a_type_and_where_it_has_none(url: str) -> None:
    class Parcel(mdb.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        code = sa.Column(sa.Uuid)

    mdb.connect("default", url)
    metadata, code = sa.MetaData(), uuid.uuid4()
    sa.Table("parcel", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.Uuid))
    with databases["default"].begin() as connection:
        metadata.create_all(connection)
    Parcel(id=1, code=code).save()
    Parcel.objects.bulk_create([Parcel(id=2, code=uuid.uuid4())])

    assert Parcel.objects.get(pk=1).code == code
    assert Parcel.objects.filter(code=code).count() == 1
