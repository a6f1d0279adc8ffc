"""Several questions read side by side: each has its frame, and no failure loses the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ConnectionFailed, FieldError, FieldTypeError, FieldValueError, QueryCancelled
from multidb_explorer.query import abreast, gathering
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.results.progress import reporting

NewDatabase = Callable[..., str]


@pytest.fixture
def shops(target: Target, new_database: NewDatabase) -> tuple[str, str]:
    for alias in ("legacy", "crm"):
        shop.make(alias, new_database(target))
    User(id=5, name="Eve", country="DE").save(using="crm")
    return ("legacy", "crm")


@pytest.fixture
def files(tmp_path: object) -> None:
    """Register the shop twice, and an alias whose file is not there."""
    shop.make("legacy", f"sqlite:///{tmp_path}/legacy.db")
    shop.make("crm", f"sqlite:///{tmp_path}/crm.db")
    mdb.connect("gone", f"sqlite:///{tmp_path}/gone.db")


def test_each_query_has_its_frame_in_its_place(shops: tuple[str, str]) -> None:
    users, others, both, typed = mdb.gather(
        User.objects.order_by("id"),
        User.objects.using("crm").filter(id__gt=3).order_by("id"),
        User.objects.across(*shops),
        User.objects.using("crm").raw("select id from users where id > :low order by id", {"low": 4}),
    )

    assert users["id"].tolist() == [1, 2, 3, 4]
    assert others["id"].tolist() == [4, 5]
    assert len(both) == 9
    assert typed["id"].tolist() == [5]


def test_queries_of_one_alias_run_at_the_same_time(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each waits for the other: one after the other, neither would come to an end.
    both = threading.Barrier(2, timeout=20)
    timed = gathering._timed
    monkeypatch.setattr(gathering, "_timed", lambda *args: (both.wait(), timed(*args))[1])

    assert [len(frame) for frame in mdb.gather(User.objects.all(), User.objects.filter(id=1))] == [4, 1]


def test_inside_a_block_a_query_sees_what_the_block_wrote(shops: tuple[str, str]) -> None:
    with mdb.atomic("legacy"):
        User(id=9, name="Zoe").save(using="legacy")
        here, there, both = mdb.gather(
            User.objects.all(), User.objects.using("crm"), User.objects.across(*shops), frame="to_arrow"
        )
    assert (here.num_rows, there.num_rows, both.num_rows) == (5, 5, 10)


def test_memory_databases_take_turns() -> None:
    shop.make("legacy", "sqlite://")

    assert [len(frame) for frame in mdb.gather(User.objects.all(), User.objects.filter(id=1))] == [4, 1]


# Failures


def test_a_failure_is_raised_after_the_others_were_read(files: None) -> None:
    with pytest.raises(ConnectionFailed, match="alias 'gone'") as caught:
        mdb.gather(User.objects.using("gone"), User.objects.all(), User.objects.using("crm"))

    lost, users, others = caught.value.gathered  # type: ignore[attr-defined]
    assert (lost, len(users), len(others)) == (None, 4, 4)
    (note,) = caught.value.__notes__
    assert note.startswith("This was query 0 of 3 that were gathered. Answered: 1, 2; their frames are kept: ")
    assert "errors='report'" in note


def test_a_failure_is_reported_and_its_frame_is_none(files: None) -> None:
    gathered = mdb.gather(
        User.objects.all(), User.objects.using("gone"), User.objects.filter(nme="Ann"), errors="report"
    )

    users, lost, wrong = gathered
    assert (len(users), lost, wrong) == (4, None, None)
    assert {place: type(error) for place, error in gathered.failures.items()} == {1: ConnectionFailed, 2: FieldError}
    assert gathered.report["rows"].tolist() == [4, pd.NA, pd.NA]
    assert gathered.report["alias"].tolist() == ["legacy", "gone", "legacy"]
    assert gathered.report["error"].isna().tolist() == [True, False, False]


def test_an_error_that_no_database_made_loses_nothing_either(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: QuerySet[Any]) -> Any:
        if self.db == "crm":
            raise ZeroDivisionError
        return self.to_arrow()

    monkeypatch.setattr(QuerySet, "to_polars", broken)
    gathered = mdb.gather(User.objects.all(), User.objects.using("crm"), frame="to_polars", errors="report")
    assert gathered[0].num_rows == 4
    assert isinstance(gathered.failures[1], ZeroDivisionError)


def test_what_can_not_work_is_refused_at_once(files: None) -> None:
    with pytest.raises(FieldTypeError, match="number 1 is list. Write gather"):
        mdb.gather(User.objects.all(), [User.objects.all()])  # type: ignore[arg-type]
    with pytest.raises(FieldTypeError, match="number 0 is method"):
        mdb.gather(User.objects.count)  # type: ignore[arg-type]
    with pytest.raises(FieldValueError, match="errors is 'raise' or 'report', not 'ignore'"):
        mdb.gather(User.objects.all(), errors="ignore")
    with pytest.raises(FieldValueError, match="frame is one of 'to_pandas', 'to_arrow', 'to_polars', not 'count'"):
        mdb.gather(User.objects.all(), frame="count")
    with pytest.raises(FieldValueError, match="needs queries"):
        mdb.gather()


# On screen


def test_it_shows_a_line_a_query_without_its_values(files: None) -> None:
    gathered = mdb.gather(
        User.objects.filter(name="<Ann>"), User.objects.using("gone"), User.objects.raw("select 1"), errors="report"
    )
    shown = gathered._repr_mimebundle_()

    text = repr(gathered).splitlines()
    assert text[0] == "gathered · 2 of 3 queries answered"
    assert "FROM users WHERE users.name = ?" in text[2]
    assert "ConnectionFailed: Can't reach alias 'gone'" in text[3]
    assert "select 1" in text[4]
    assert "Ann" not in shown["text/html"] + shown["text/plain"]
    assert "failures" not in shown["text/html"]


def test_every_query_reports_its_progress(files: None) -> None:
    told = []
    with reporting(told.append):
        mdb.gather(User.objects.all(), User.objects.using("crm"))
    assert sorted(now.alias for now in told if now.over) == ["crm", "legacy"]


# Stopping

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
# MariaDB ends a recursion by itself.
LONG = {"mariadb": f"select sum(u0.id * u15.id) from {', '.join(f'users u{i}' for i in range(16))}"}


def test_an_interrupt_stops_them_all_also_those_that_ask_several(
    shops: tuple[str, str], target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Barrier(4, timeout=20)
    ended: list[BaseException] = []

    def endless(self: QuerySet[Any]) -> Any:
        try:
            with databases[self.db].connect() as connection:
                begun.wait()
                connection.execute(sa.text(LONG.get(target.name, ENDLESS)))
        except Exception as error:
            ended.append(error)
            raise

    real, main = abreast.wait, threading.main_thread()
    calls = iter([None])

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is main and next(calls, "again") is None:
            begun.wait()
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(QuerySet, "to_arrow", endless)
    monkeypatch.setattr(abreast, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mdb.gather(User.objects.all(), User.objects.across(*shops), frame="to_arrow")
    assert [type(error) for error in ended] == [QueryCancelled] * 3
    assert User.objects.across(*shops).count() == {"legacy": 4, "crm": 5}
