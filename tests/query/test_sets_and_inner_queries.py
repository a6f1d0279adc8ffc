"""Sets of rows meet: as the right side of a condition, or by the signs of set algebra."""

from __future__ import annotations

import pytest
import toys
from toys import Maker

from multidb_explorer import Count, Q, Value


@pytest.fixture
def makers(url: str) -> None:
    """Ada is Bob's boss; Cid has none."""
    people = [(901, "Ada", None), (902, "Bob", 901), (903, "Cid", None)]
    columns = ("id", "name", "boss_id")
    toys.make("default", url, {"makers": [dict(zip(columns, row, strict=True)) for row in people]})


def names(queryset: object) -> list[str]:
    return sorted(queryset.values_list("name", flat=True))  # type: ignore[attr-defined]


@pytest.mark.usefixtures("makers")
def test_not_in_leaves_null_out():
    # With one NULL among the bosses, NOT IN holds for nobody: the naive SQL finds no maker.
    people = Maker.objects.filter(pk__gt=900)
    bosses = people.values("boss")

    assert names(people.filter(pk__in=bosses)) == ["Ada"]
    assert names(people.exclude(pk__in=bosses)) == ["Bob", "Cid"]
    assert names(people.filter(~Q(pk__in=bosses))) == ["Bob", "Cid"]


@pytest.mark.usefixtures("makers")
def test_all_rows_are_a_set_too():
    people = Maker.objects.filter(pk__gt=900)
    ada, everyone = people.filter(name="Ada"), Maker.objects.all()

    assert names(ada | people) == ["Ada", "Bob", "Cid"]
    assert names(ada & people) == ["Ada"]
    assert names(ada ^ people) == ["Bob", "Cid"]
    assert names(everyone ^ everyone.all()) == []
    assert (everyone | ada).count() == everyone.count()
    assert names(ada | Maker.objects.none()) == ["Ada"]


@pytest.mark.usefixtures("makers")
def test_no_rows_make_no_groups():
    nobody = Maker.objects.filter(pk=-1)

    assert list(nobody.values("name").annotate(n=Count("id"))) == []
    assert list(nobody.annotate(one=Value(1) + 1).values("one").annotate(n=Count("id"))) == []
    assert nobody.aggregate(n=Count("id")) == {"n": 0}
