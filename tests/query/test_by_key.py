"""One row by its key: a statement that is kept, and asks what every other query would."""

from __future__ import annotations

from typing import Any

import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import Sent, statements


@pytest.fixture
def legacy(url: str) -> Any:
    return shop.make("legacy", url)


def selects(sent: list[Sent]) -> list[str]:
    return [" ".join(each.sql.split()) for each in sent if each.sql.lstrip().startswith("SELECT")]


def test_each_call_reads_the_row_of_its_own_key(legacy: Any) -> None:
    assert [User.objects.get(pk=number).name for number in (3, 1, 3)] == [
        User.objects.filter(id=number).first().name for number in (3, 1, 3)
    ]
    assert User.objects.get(id=2) == User.objects.get(pk=2)


def test_the_kept_statement_is_the_one_that_a_filter_makes(legacy: Any) -> None:
    with statements(databases["legacy"]) as sent:
        User.objects.get(pk=1)
        User.objects.filter(pk=1).get()
    kept, usual = selects(sent)
    assert kept.replace("key", "id_1") == usual.replace("key", "id_1")


def test_the_row_knows_where_it_came_from(legacy: Any) -> None:
    found = User.objects.using("legacy").get(pk=1)
    assert found._state.db == "legacy"
    assert found.get_deferred_fields() == set()
    found.name = "Changed"
    found.save()
    assert User.objects.get(pk=1).name == "Changed"


def test_a_key_without_a_row_is_named(legacy: Any) -> None:
    with pytest.raises(User.DoesNotExist, match=r"matches pk=99"):
        User.objects.get(pk=99)


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_other_values_find_the_row_as_a_filter_does(legacy: Any, value: object) -> None:
    assert User.objects.get(pk=value) == User.objects.get(pk=1)


def test_a_number_beyond_the_column_has_no_row(legacy: Any) -> None:
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=2**70)


def test_everything_else_that_was_asked_counts(legacy: Any) -> None:
    with pytest.raises(User.DoesNotExist):
        User.objects.none().get(pk=1)
    with pytest.raises(User.DoesNotExist):
        User.objects.exclude(pk=1).get(pk=1)
    assert User.objects.values_list("name", flat=True).get(pk=1) == User.objects.get(pk=1).name
    assert User.objects.only("id").get(pk=1).get_deferred_fields() >= {"name"}
    with pytest.raises(TypeError, match="slice"):
        User.objects.order_by("id")[:2].get(pk=1)


def test_a_key_of_a_view_may_stand_for_several_rows(legacy: Any) -> None:
    with legacy.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW twice AS SELECT id, name FROM users UNION ALL SELECT id, name FROM users"
        )
    twice = mdb.reflect("twice", using="legacy", key="id")
    with pytest.raises(twice.MultipleObjectsReturned):
        twice.objects.get(pk=1)
