"""What a read will be, told before it: its reader, its size, and the types of its columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.backends.readers import Reader, Request
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import FrameTooLarge
from multidb_explorer.results import memory


class Elsewhere(Reader):
    """A reader that can't."""

    name = "elsewhere"
    title = "an express"

    def refusal(self, request: Request) -> str:
        return "it does not stop here" if request.columns else ""

    def batches(self, request: Request) -> Iterator[Any]:
        raise NotImplementedError


@pytest.fixture
def legacy(url: str) -> Database:
    return shop.make("legacy", url)


@pytest.fixture
def guess(legacy: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    def set_(rows: int | None) -> None:
        monkeypatch.setattr(type(legacy.backend), "estimated", lambda *_: rows)

    return set_


def test_its_dtypes_are_those_of_the_frame(legacy: Database) -> None:
    orders = mdb.reflect("orders", using="legacy").objects.annotate(twice=mdb.F("total") * 2)
    plan, frame, table = orders.explain_fetch(), orders.to_pandas(), orders.to_arrow()

    assert {each.name: each.pandas for each in plan.columns} == {n: str(t) for n, t in frame.dtypes.items()}
    assert [each.arrow for each in plan.columns] == [str(field.type) for field in table.schema]
    assert [each.nullable for each in plan.columns] == [field.nullable for field in table.schema]
    assert [each.name for each in plan.columns if each.computed] == ["twice"]


def test_nothing_is_run_but_the_estimate(legacy: Database, guess: Callable[[int | None], None]) -> None:
    users = User.objects.filter(name="Ann")
    users.explain_fetch()
    guess(3)

    with statements(legacy) as sent:
        users.explain_fetch()
    assert [each.sql for each in sent if "users" in each.sql] == []


def test_it_names_the_reader_and_why_faster_ones_were_passed_over(
    legacy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(legacy.backend), "readers", (Elsewhere(),))
    plan = User.objects.explain_fetch()
    assert plan.reader == "the driver's plain cursor"
    assert plan.passed_over == (("an express", "it does not stop here"),)

    monkeypatch.setattr(mdb.options, "fast_readers", False)
    assert User.objects.explain_fetch().passed_over == (("an express", "options.fast_readers is off"),)
    shown = User.objects.explain_fetch()._repr_mimebundle_()
    assert "passed over: an express: options.fast_readers is off" in shown["text/plain"]
    assert "<td" in shown["text/html"]


def test_it_tells_whether_the_guard_would_stop_it(
    legacy: Database, guess: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1_000)
    guess(48_000_000)
    plan = User.objects.explain_fetch()
    assert (plan.rows, plan.allowed, plan.fits) == (48_000_000, 500, False)
    assert "about 48,000,000 rows, " in repr(plan)
    assert "a frame may take 500 bytes: too large, if that is true" in repr(plan)

    assert User.objects.all()[:2].explain_fetch().fits
    assert "at most 2 rows, " in repr(User.objects.all()[:2].explain_fetch())

    guess(None)
    assert User.objects.explain_fetch().fits is None
    assert "nobody knows how many rows there are" in repr(User.objects.explain_fetch())

    monkeypatch.setattr(mdb.options, "memory_share", None)
    assert User.objects.explain_fetch().fits
    assert "nothing bounds what a frame may take" in repr(User.objects.explain_fetch())


def test_the_estimate_of_an_engine_is_near_enough_for_a_small_table(legacy: Database) -> None:
    plan = User.objects.explain_fetch()
    assert plan.rows is None or 0 <= plan.rows < 100_000
    try:
        assert len(User.objects.to_pandas()) == 4
    except FrameTooLarge:  # pragma: no cover
        pytest.fail("a small table was refused")


def test_a_plan_can_not_be_changed(legacy: Database) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        User.objects.explain_fetch().rows = 1  # type: ignore[misc]
