"""QuerySets: lazy, immutable, exact SQL, NULL as in Django, on every engine."""

from __future__ import annotations

import pytest
import shop
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import ConnectionDoesNotExist, FieldError


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


def ids(queryset: mdb.QuerySet[User]) -> list[int]:
    return [user.pk for user in queryset.order_by("id")]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"country": "FR"}, [1, 4]),
        ({"country": None}, [2]),
        ({"country__isnull": False}, [1, 3, 4]),
        ({"name": ""}, [4]),
        ({"score": 10.0}, [1]),
        ({"score": 10.5}, []),
        ({"score__gt": 10}, [3, 4]),
        ({"score__gt": 9.5}, [1, 3, 4]),
        ({"score__gte": 10.5}, [3, 4]),
        ({"score__lt": 10.5}, [1]),
        ({"score__lte": 30}, [1, 3]),
        ({"score__lt": 2**70}, [1, 3, 4]),
        ({"score__gt": -(2**70)}, [1, 3, 4]),
        ({"score": 2**70}, []),
        ({"score__range": (10, 30)}, [1, 3]),
        ({"score__in": [10, None, 40, 3.5]}, [1, 4]),
        ({"score__in": []}, []),
        ({"pk__in": [1, 3]}, [1, 3]),
        ({"pk": 3}, [3]),
        ({"country": "FR", "score__gt": 10}, [4]),
        ({}, [1, 2, 3, 4]),
    ],
)
def test_filter_keeps_what_fulfils_all_and_exclude_keeps_the_rest(
    legacy: object, conditions: dict[str, object], expected: list[int]
) -> None:
    assert ids(User.objects.filter(**conditions)) == expected
    if conditions:
        assert ids(User.objects.exclude(**conditions)) == [pk for pk in (1, 2, 3, 4) if pk not in expected]


def test_lists_may_be_longer_than_any_limit_on_parameters(legacy: object) -> None:
    everything = range(-50_000, 50_000)

    assert ids(User.objects.filter(id__in=everything)) == [1, 2, 3, 4]
    assert ids(User.objects.exclude(name__in=[f"nobody {n}" for n in everything])) == [1, 2, 3, 4]


def test_numpy_and_pandas_values_are_converted_by_the_column(legacy: object) -> None:
    import numpy as np
    import pandas as pd

    assert ids(User.objects.filter(id=np.int64(3))) == [3]
    assert ids(User.objects.filter(id__in=pd.Series([1, 4]))) == [1, 4]
    assert ids(User.objects.filter(country=pd.NA)) == [2]
    assert ids(User.objects.filter(name=np.str_("Ann"))) == [1]


def test_slices_compose_and_are_in_key_order(legacy: object) -> None:
    assert [user.pk for user in User.objects.all()[1:3]] == [2, 3]
    assert [user.pk for user in User.objects.order_by("-id")[1:][1:2]] == [2]
    assert User.objects.all()[2].pk == 3
    assert list(User.objects.all()[2:2]) == []
    assert User.objects.all()[1:3].count() == 2
    with pytest.raises(IndexError):
        _ = User.objects.all()[99]


def test_an_order_with_ties_is_completed_by_the_key(legacy: object) -> None:
    pages = [user.pk for start in range(4) for user in User.objects.order_by("country")[start : start + 1]]

    assert sorted(pages) == [1, 2, 3, 4]


def test_get_first_last_count_exists(legacy: object) -> None:
    assert User.objects.get(name="Bo").pk == 2
    assert User.objects.first().pk == 1
    assert User.objects.last().pk == 4
    assert User.objects.order_by("-score", "id").filter(score__isnull=False).first().pk == 4
    assert User.objects.filter(country="XX").first() is None
    assert User.objects.filter(country="FR").count() == 2
    assert User.objects.filter(country="XX").exists() is False
    with pytest.raises(User.DoesNotExist, match="No row of User on alias 'legacy' matches id=99"):
        User.objects.get(id=99)
    with pytest.raises(User.MultipleObjectsReturned, match="country='FR'"):
        User.objects.get(country="FR")


def test_building_a_queryset_asks_nothing_and_reading_it_asks_once(legacy: object) -> None:
    with statements(legacy) as sent:
        queryset = User.objects.filter(country="FR").exclude(score=1).order_by("-id")[:10]
        assert sent == []
        assert len(queryset) == len(list(queryset)) == len(list(queryset)) == 2
    assert len([s for s in sent if s.sql.lstrip().upper().startswith("SELECT")]) == 1


def test_the_preview_asks_one_limited_query(legacy: object) -> None:
    from multidb_explorer.options import options

    with statements(legacy) as sent:
        bundle = User.objects.filter(score__isnull=False)._repr_mimebundle_()
    selects = [s for s in sent if "SELECT" in s.sql.upper()]
    assert len(selects) == 1
    assert "LIMIT" in selects[0].sql
    assert options.preview_rows + 1 in _values(selects[0].parameters)
    assert "users on legacy" in bundle["text/plain"]
    assert "Çağla" in bundle["text/html"]


def _values(parameters: object) -> list[object]:
    return list(parameters.values()) if isinstance(parameters, dict) else list(parameters)


def test_chains_never_change_their_start(legacy: object) -> None:
    start = User.objects.filter(country="FR")
    start.exclude(score=10), start.order_by("-id"), start[:1], start.using(None), start.none()

    assert ids(start) == [1, 4]


def test_empty_sets_ask_nothing_and_keep_their_types(legacy: object) -> None:
    with statements(legacy) as sent:
        assert list(User.objects.none()) == []
        assert User.objects.none().count() == 0
        assert User.objects.none().exists() is False
    assert sent == []
    assert list(User.objects.none().to_pandas().dtypes.astype(str)) == ["int64", "str", "str", "Int64", "Int64"]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: User.objects.filter(nme="x"), "no field 'nme'. Did you mean 'name'"),
        (lambda: User.objects.filter(name__contians="x"), "no lookup 'contians'"),
        (lambda: User.objects.filter(score__gt=None), "score__isnull=True"),
        (lambda: User.objects.filter(score="ten"), "not a whole number"),
        (lambda: User.objects.filter(score__in=5), "takes a list"),
        (lambda: User.objects.filter(name__in="abc"), "takes a list"),
        (lambda: User.objects.filter(score__isnull="yes"), "True or False"),
        (lambda: User.objects.filter(score__range=5), "two values"),
        (lambda: User.objects.order_by("-scor"), "no field 'scor'. Did you mean 'score'"),
    ],
)
def test_bad_questions_are_refused_before_any_sql(legacy: object, use: object, message: str) -> None:
    # An unknown name may be a relation that only the database knows of, so its catalog is read, once.
    User.relations()
    with statements(legacy) as sent, pytest.raises(FieldError, match=message.replace("(", r"\(")):
        list(use())
    assert sent == []


def test_after_a_slice_nothing_can_be_filtered_or_ordered(legacy: object) -> None:
    page = User.objects.all()[:2]

    for use in (lambda: page.filter(id=1), lambda: page.exclude(id=1), lambda: page.order_by("id"), page.reverse):
        with pytest.raises(TypeError, match="after a slice"):
            use()
    with pytest.raises(ValueError, match="Negative indexing"):
        _ = User.objects.all()[-1]


def test_using_chooses_the_database_anywhere_in_the_chain(legacy: object, new_database: object, target: Target) -> None:
    shop.make("other", new_database(target), rows=False)
    User(id=7, name="Zoe", country="FR").save(using="other")

    assert ids(User.objects.filter(country="FR").using("other")) == [7]
    assert ids(User.objects.using("other").using("legacy").filter(country="FR")) == [1, 4]
    assert ids(User.objects.using("other").using(None).filter(country="FR")) == [1, 4]
    assert [user.pk for user in User.objects.all()[:1].using("other")] == [7]
    assert User.objects.using("other").db == "other"
    assert User.objects.filter(country="FR").using("other").get()._state.db == "other"


def test_an_unknown_alias_is_refused_at_once(legacy: object) -> None:
    with pytest.raises(ConnectionDoesNotExist, match="Did you mean 'legacy'"):
        User.objects.using("legcy")


def test_a_declared_alias_may_be_missing_until_it_is_used() -> None:
    mdb.configure({})
    queryset = User.objects.filter(country="FR").order_by("name")[:5]

    with pytest.raises(ConnectionDoesNotExist, match="'legacy'"):
        list(queryset)


def test_keys_of_several_columns_are_tuples(legacy: object) -> None:
    line = mdb.reflect("order_lines", using="legacy")

    assert line.objects.get(pk=(10, 2)).product == "mug"
    assert line.objects.get(pk=(10, 1)).pk == (10, 1)
    assert line.objects.filter(pk__in=[(10, 1), (10, 3)]).count() == 1
    assert line.objects.order_by("-pk").first().pk == (10, 2)
    with pytest.raises(FieldError, match="2 values"):
        line.objects.get(pk=10)


def test_equality_needs_the_same_database(legacy: object, new_database: object, target: Target) -> None:
    shop.make("other", new_database(target))
    here, there = User.objects.get(pk=1), User.objects.using("other").get(pk=1)

    assert here == User.objects.get(pk=1)
    assert here != there
    assert len({here, there, User.objects.get(pk=1)}) == 2


def test_objects_keeps_no_answer(legacy: object) -> None:
    assert len(User.objects) == 4
    User(id=9, name="New").save()

    assert len(User.objects) == 5
    assert [user.pk for user in User.objects.order_by("pk")] == [1, 2, 3, 4, 9]
    with pytest.raises(AttributeError, match="belongs to the class"):
        _ = User(id=1).objects


def test_a_replaced_alias_is_asked_where_it_is_now(legacy: object, new_database: object, target: Target) -> None:
    held = User.objects.filter(country="FR")
    assert held.count() == 2
    url = new_database(target)
    shop.make("legacy", url, rows=False)

    assert held.count() == 0
    assert mdb.reflect("users", using="legacy").objects.count() == 0


def test_values_choose_columns_and_the_shape_of_a_row(legacy: object) -> None:
    french = User.objects.filter(country="FR").order_by("id")

    assert list(french.values("id", "name")) == [{"id": 1, "name": "Ann"}, {"id": 4, "name": ""}]
    assert list(french.values_list("name", "id")) == [("Ann", 1), ("", 4)]
    assert list(french.values_list("name", flat=True)) == ["Ann", ""]
    assert list(french.values_list("pk", flat=True)) == [1, 4]
    assert french.values_list("name", "score", named=True)[0].score == 10
    assert list(french.values("score").to_pandas().columns) == ["score"]
    assert french.values("id")[1:].get() == {"id": 4}
    assert len(french.values()[0]) == 5
    with pytest.raises(TypeError, match="one field"):
        french.values_list("id", "name", flat=True)
    with pytest.raises(FieldError, match="no field 'nmae'"):
        list(french.values("nmae"))


def test_rows_by_key_and_rows_without_keeping_them(legacy: object, new_database: object, target: Target) -> None:
    found = User.objects.in_bulk([1, 3, 99])
    assert {key: user.name for key, user in found.items()} == {1: "Ann", 3: "Çağla"}
    assert len(User.objects.in_bulk()) == 4
    assert User.objects.in_bulk([]) == {}

    assert [user.name for user in User.objects.order_by("id").iterator(chunk_size=3)] == ["Ann", "Bo", "Çağla", ""]
    assert list(User.objects.order_by("id").values_list("id", flat=True).iterator()) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="positive"):
        list(User.objects.iterator(chunk_size=0))


def test_contains_knows_the_database(legacy: object, new_database: object, target: Target) -> None:
    shop.make("other", new_database(target))
    ann, stranger = User.objects.get(pk=1), User.objects.using("other").get(pk=1)

    assert User.objects.filter(country="FR").contains(ann)
    assert not User.objects.filter(country="TR").contains(ann)
    assert not User.objects.all().contains(stranger)
    assert User.objects.order_by("id")[:1].contains(ann)
    assert not User.objects.order_by("id")[1:].contains(ann)
