"""The same question to several databases at once: every row with its alias, and no failure that hides the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.stopping import stoppable
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import (
    ConnectionDoesNotExist,
    ConnectionFailed,
    FieldError,
    FieldValueError,
    MultiDBError,
    QueryCancelled,
    ValueNotRepresentable,
)

NewDatabase = Callable[..., str]


@pytest.fixture
def shops(target: Target, new_database: NewDatabase) -> tuple[str, str]:
    """Register two shops on one engine; the second one has one user more."""
    for alias in ("legacy", "crm"):
        shop.make(alias, new_database(target))
    User(id=5, name="Eve", country="DE").save(using="crm")
    return ("legacy", "crm")


@pytest.fixture
def files(tmp_path: object) -> None:
    """Register the shop on two engines, and an alias whose file is not there."""
    shop.make("legacy", f"sqlite:///{tmp_path}/legacy.db")
    shop.make("duck", f"duckdb:///{tmp_path}/duck.db")
    mdb.connect("gone", f"sqlite:///{tmp_path}/gone.db")


def make_table(alias: str, url: str, type_: sa.types.TypeEngine[object], *values: object) -> None:
    """Put a table with one column beside its key on an alias."""
    mdb.connect(alias, url)
    metadata = sa.MetaData()
    key = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
    table = sa.Table("things", metadata, key, sa.Column("value", type_, nullable=False))
    metadata.create_all(databases[alias].engine)
    with databases[alias].begin() as connection:
        for number, value in enumerate(values):
            connection.execute(table.insert(), {"id": number, "value": value})


# Rows


def test_rows_of_all_aliases_come_with_their_alias_first(shops: tuple[str, str]) -> None:
    frame = User.objects.filter(country__isnull=False).order_by("-id").across(*shops).to_pandas()

    assert list(frame.columns)[:2] == ["alias", "id"]
    assert list(zip(frame["alias"], frame["id"], strict=True)) == [
        *[("legacy", 4), ("legacy", 3), ("legacy", 1)],
        *[("crm", 5), ("crm", 4), ("crm", 3), ("crm", 1)],
    ]
    assert list(frame["alias"].cat.categories) == ["legacy", "crm"]


def test_an_alias_without_rows_is_a_category_all_the_same(shops: tuple[str, str]) -> None:
    frame = User.objects.filter(name="Eve").across(*shops).to_pandas()

    assert frame["alias"].value_counts().to_dict() == {"legacy": 0, "crm": 1}


def test_each_alias_is_asked_once_and_nothing_before_it_is_read(shops: tuple[str, str]) -> None:
    with statements(databases["legacy"], databases["crm"]) as sent:
        asked = User.objects.order_by("id").across(*shops)
        assert sent == []
        asked.to_arrow()
    assert sorted(s.alias for s in sent if "FROM users" in s.sql) == ["crm", "legacy"]


def test_counts_come_by_alias(shops: tuple[str, str]) -> None:
    assert User.objects.across(*shops).count() == {"legacy": 4, "crm": 5}
    assert User.objects.filter(country="FR").across("crm", "legacy").count() == {"crm": 2, "legacy": 2}


def test_grouped_numbers_are_grouped_within_each_alias(shops: tuple[str, str]) -> None:
    groups = (
        User.objects.filter(country__isnull=False).values("country").annotate(n=mdb.Count("id")).order_by("country")
    )

    rows = groups.across(*shops).to_arrow().to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        *[("legacy", "FR", 2), ("legacy", "TR", 1)],
        *[("crm", "DE", 1), ("crm", "FR", 2), ("crm", "TR", 1)],
    ]


def test_aliases_are_asked_side_by_side(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from multidb_explorer.query import across

    # Each waits for the other: one after the other, neither would come to an end.
    both = threading.Barrier(2, timeout=20)
    read = across._read
    monkeypatch.setattr(across, "_read", lambda part: (both.wait(), read(part))[1])

    assert User.objects.across("legacy", "duck").to_arrow().num_rows == 8


def test_inside_a_block_an_alias_shows_what_the_block_wrote(shops: tuple[str, str]) -> None:
    with mdb.atomic("legacy"):
        User(id=9, name="Zoe").save(using="legacy")
        assert User.objects.across(*shops).count() == {"legacy": 5, "crm": 5}


def test_memory_databases_are_asked_too() -> None:
    for alias in ("legacy", "crm"):
        shop.make(alias, "sqlite://")

    with mdb.atomic("legacy"):
        assert User.objects.across("legacy", "crm").count() == {"legacy": 4, "crm": 4}


def test_polars_gets_the_same(files: None) -> None:
    frame = User.objects.across("legacy", "duck").to_polars()

    assert frame["alias"].to_list() == ["legacy"] * 4 + ["duck"] * 4


# What is asked wrongly


def test_what_can_not_work_is_refused_at_once(shops: tuple[str, str]) -> None:
    with pytest.raises(FieldValueError, match=r"needs the aliases to ask: across\('legacy', 'crm'\)"):
        User.objects.across()
    with pytest.raises(ConnectionDoesNotExist, match="'crn'. Did you mean 'crm'"):
        User.objects.across("legacy", "crn")
    with pytest.raises(FieldValueError, match="alias 'crm' twice"):
        User.objects.across("crm", "legacy", "crm")
    with pytest.raises(FieldValueError, match="errors is 'raise' or 'report', not 'ignore'"):
        User.objects.across("crm", errors="ignore")


def test_the_name_of_the_first_column_may_be_chosen(shops: tuple[str, str]) -> None:
    assert User.objects.across(*shops, column="shop").to_arrow().column_names[0] == "shop"
    with pytest.raises(FieldError, match="reads a column 'name' itself"):
        User.objects.across(*shops, column="name").to_arrow()


# Failures


def test_a_failing_alias_is_reported_and_the_others_still_come(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    asked = User.objects.across("legacy", "gone", "duck", errors="report")

    frame = asked.to_pandas()
    assert frame["alias"].value_counts().to_dict() == {"legacy": 4, "gone": 0, "duck": 4}
    assert list(asked.failures) == ["gone"]
    assert isinstance(asked.failures["gone"], ConnectionFailed)
    said = capsys.readouterr().err
    assert said.startswith("2 of 3 aliases answered. gone: ConnectionFailed: Can't reach alias 'gone'")
    assert len(said.splitlines()) == 1
    assert asked.report["rows"].tolist() == [4, pd.NA, 4]
    assert asked.report["error"].isna().tolist() == [True, False, True]


def test_counts_are_reported_the_same_way(files: None) -> None:
    asked = User.objects.across("gone", "duck", errors="report")

    assert asked.count() == {"duck": 4}
    assert list(asked.failures) == ["gone"]


def test_a_failure_is_raised_unless_it_shall_be_reported(files: None) -> None:
    with pytest.raises(ConnectionFailed, match="alias 'gone'"):
        User.objects.across("legacy", "gone", "duck").to_pandas()


def test_where_nobody_answers_there_is_no_frame_to_give(files: None) -> None:
    with pytest.raises(ConnectionFailed):
        User.objects.across("gone", errors="report").to_pandas()


def test_an_alias_without_a_database_is_one_more_failure(files: None) -> None:
    mdb.connect("default", {})

    assert User.objects.across("legacy", "default", errors="report").count() == {"legacy": 4}


def test_a_mistake_in_the_query_is_no_failure_of_a_database(files: None) -> None:
    with pytest.raises(FieldError, match="no field 'nme'"):
        User.objects.filter(nme="Ann").across("legacy", "duck", errors="report").to_pandas()


# Types


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ((sa.SmallInteger(), sa.BigInteger()), pa.int64()),
        ((sa.Integer(), sa.Integer()), pa.int32()),
        ((sa.Numeric(10, 2), sa.Numeric(8, 4)), pa.decimal128(12, 4)),
        ((sa.Integer(), sa.Numeric(6, 3)), pa.decimal128(13, 3)),
        ((sa.Integer(), sa.Double()), pa.float64()),
        ((sa.String(5), sa.String(50)), pa.string()),
    ],
)
def test_types_are_widened_until_they_hold_every_value(
    tmp_path: object, types: tuple[sa.types.TypeEngine[object], ...], wanted: pa.DataType
) -> None:
    value = "7" if isinstance(types[0], sa.String) else 7
    for alias, type_ in zip(("left", "right"), types, strict=True):
        make_table(alias, f"duckdb:///{tmp_path}/{alias}.db", type_, value)
    things = mdb.reflect("things", using="left")

    found = things.objects.across("left", "right").to_arrow()
    assert found.schema.field("value").type == wanted
    assert [pa.scalar(value).as_py() for value in found["value"].to_pylist()] in ([7, 7], ["7", "7"])


def test_a_column_may_be_null_where_any_alias_may_have_null(shops: tuple[str, str]) -> None:
    schema = User.objects.across(*shops).to_arrow().schema

    assert [schema.field(name).nullable for name in ("alias", "id", "country")] == [False, False, True]


def test_kinds_that_nothing_holds_are_refused_by_alias_and_column(tmp_path: object) -> None:
    make_table("left", f"duckdb:///{tmp_path}/left.db", sa.Double(), 1.5)
    make_table("right", f"duckdb:///{tmp_path}/right.db", sa.Numeric(10, 2), Decimal("1.50"))

    with pytest.raises(FieldError, match=r"'value' is decimal\(10, 2\) on alias 'right' and float on 'left'"):
        mdb.reflect("things", using="left").objects.across("left", "right", errors="report").to_pandas()


def test_an_integer_that_a_float_would_round_is_refused(tmp_path: object) -> None:
    make_table("left", f"duckdb:///{tmp_path}/left.db", sa.Double(), 1.5)
    make_table("right", f"duckdb:///{tmp_path}/right.db", sa.BigInteger(), 2**60 + 1)

    with pytest.raises(ValueNotRepresentable, match="'value' on alias 'right'"):
        mdb.reflect("things", using="left").objects.across("left", "right").to_pandas()


# On screen


def test_the_preview_asks_one_limited_query_an_alias(shops: tuple[str, str]) -> None:
    with statements(databases["legacy"], databases["crm"]) as sent:
        shown = User.objects.across(*shops)._repr_mimebundle_()
    selects = [s for s in sent if "FROM users" in s.sql]
    assert sorted(s.alias for s in selects) == ["crm", "legacy"]
    assert all("LIMIT" in s.sql for s in selects)
    assert "across legacy, crm · 9 rows" in shown["text/plain"]
    assert shown["text/html"].count("<td") == 9 * 6


def test_the_preview_shows_failures_aloud(files: None) -> None:
    shown = repr(User.objects.across("legacy", "gone"))

    assert "legacy  1" in shown
    assert "failed:" in shown
    assert "ConnectionFailed: Can't reach alias 'gone'" in shown


# Stopping


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
# MariaDB ends a recursion by itself.
LONG = {"mariadb": f"select sum(u0.id * u15.id) from {', '.join(f'users u{i}' for i in range(16))}"}


def test_an_interrupt_stops_the_statements_of_the_other_threads(
    shops: tuple[str, str], target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multidb_explorer.query import abreast

    begun = threading.Barrier(3, timeout=20)
    ended: list[BaseException] = []

    def endless(part: mdb.QuerySet[User]) -> None:
        try:
            with databases[part.db].connect() as connection:
                begun.wait()
                connection.execute(sa.text(LONG.get(target.name, ENDLESS)))
        except MultiDBError as error:
            ended.append(error)
            raise

    def interrupted(*_: object, **__: object) -> None:
        begun.wait()
        raise KeyboardInterrupt

    real = abreast.wait
    calls = iter([interrupted])
    monkeypatch.setattr(abreast, "wait", lambda *args, **kwargs: next(calls, real)(*args, **kwargs))
    with pytest.raises(KeyboardInterrupt):
        User.objects.across(*shops)._answers(endless)
    assert [type(error) for error in ended] == [QueryCancelled, QueryCancelled]
    assert User.objects.across(*shops).count() == {"legacy": 4, "crm": 5}


def test_a_switch_stops_only_the_threads_that_it_watches(files: None) -> None:
    with stoppable(databases["legacy"]) as stop:
        stop()
        assert User.objects.count() == 4
        with pytest.raises(QueryCancelled):
            stop.watch_this_thread()
