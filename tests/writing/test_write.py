"""`write`: whole frames and streams into a table, all rows or none, and every rejected row with its reason."""

from __future__ import annotations

import datetime as dt
import logging
import tracemalloc
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import shop
import sqlalchemy as sa
from shop import User
from sqlalchemy.dialects import mysql
from targets import TARGETS

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import (
    FieldError,
    IntegrityError,
    KeyRequired,
    ProtectedRows,
    ReadOnlyAlias,
    RowsRejected,
    StaleRow,
    TableDoesNotExist,
)
from multidb_explorer.models.writing_frames import write
from multidb_explorer.writing import spooling


@pytest.fixture
def legacy(url):
    return shop.make("legacy", url)


@pytest.fixture
def things(target, url):
    """A table with a column of each common kind, of which only the key is needed."""
    mdb.connect("here", url)
    metadata = sa.MetaData()
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    sa.Table(
        "things",
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("small", sa.SmallInteger),
        sa.Column("amount", sa.Numeric(10, 2)),
        sa.Column("ratio", sa.Double),
        sa.Column("flag", sa.Boolean),
        sa.Column("name", sa.String(8)),
        sa.Column("day", sa.Date),
        sa.Column("moment", moment),
        sa.Column("data", sa.LargeBinary),
    )
    metadata.create_all(databases["here"].engine)
    return mdb.reflect("things", using="here").objects.order_by("id")


def column(table: str, name: str, using: str = "legacy") -> list[object]:
    return mdb.reflect(table, using=using).objects.order_by("id").to_arrow()[name].to_pylist()


NEW = {"id": [5, 6], "name": ["Eve", "😀"], "score": [50, None]}


# What rows come in


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame(NEW),
        pd.DataFrame(NEW).convert_dtypes(),
        pd.DataFrame(NEW).astype(object),
        pd.DataFrame(NEW).convert_dtypes(dtype_backend="pyarrow"),
        pd.DataFrame(NEW).astype({"name": "category"}),
        pd.DataFrame(NEW).set_index("id"),
        pl.DataFrame(NEW),
        pl.DataFrame(NEW).lazy(),
        pl.DataFrame(NEW).with_columns(pl.col("name").cast(pl.Categorical)),
        pa.table(NEW),
        pa.record_batch(NEW),
        pa.RecordBatchReader.from_batches(pa.table(NEW).schema, pa.table(NEW).to_batches()),
        pa.table(NEW).to_pylist(),
        tuple(pa.table(NEW).to_pylist()),
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_kind_of_frame(legacy, data) -> None:
    if isinstance(data, pa.RecordBatchReader):
        # A stream is read once, and the parameters are made once for all engines.
        data = pa.RecordBatchReader.from_batches(pa.table(NEW).schema, pa.table(NEW).to_batches())
    report = write(data, "users", using="legacy")
    assert (report.alias, report.table, report.mode, report.rows, report.inserted) == (
        "legacy",
        "users",
        "insert",
        2,
        2,
    )
    assert column("users", "name")[4:] == ["Eve", "😀"]
    assert column("users", "score")[4:] == [50, None]


def test_a_generator_of_dicts_which_may_leave_columns_out(legacy) -> None:
    rows = ({"id": n, "name": str(n)} if n % 2 else {"name": str(n), "id": n, "score": n} for n in range(10, 20))
    assert write(rows, User, batch_size=3).inserted == 10
    assert column("users", "name")[4:] == [str(n) for n in range(10, 20)]
    assert column("users", "score")[4:] == [None if n % 2 else n for n in range(10, 20)]


def test_a_query_set_of_another_alias_and_of_the_same_one(legacy, new_database) -> None:
    shop.make("new", new_database(), rows=False)
    assert write(User.objects.all(), User, using="new").inserted == 4
    assert User.objects.using("new").count() == 4
    copies = User.objects.filter(boss_id=None).values("name", "score")
    more = ({**row, "id": row["score"] or 99} for row in copies)
    assert write(more, User).inserted == 4


@pytest.mark.parametrize("data", [{"id": [1]}, "users", 5, None, [1, 2], [("id", 1)]])
def test_what_holds_no_rows_is_refused(legacy, data) -> None:
    with pytest.raises(TypeError, match=r"iterable of dicts|no dict"):
        write(data, User)


def test_no_rows_are_written_as_such(legacy) -> None:
    assert write([], User).rows == 0
    assert write(pd.DataFrame({"id": [], "name": []}), User).inserted == 0
    assert write(pa.table(NEW).slice(0, 0), User, mode="upsert").updated == 0


# What the names mean


def test_names_are_found_whatever_their_capitals_and_underscores(legacy) -> None:
    write(pd.DataFrame({"ID": [5], "Name": ["Eve"], "BossId": [1]}), User)
    assert User.objects.get(id=5).boss_id == 1


def test_names_can_be_given_other_columns(legacy) -> None:
    write(pd.DataFrame({"number": [5], "called": ["Eve"]}), User, columns={"number": "id", "called": "name"})
    assert User.objects.get(id=5).name == "Eve"
    with pytest.raises(FieldError, match="'nme'.*Did you mean 'name'"):
        write(pd.DataFrame({"id": [6]}), User, columns={"called": "nme"})
    with pytest.raises(FieldError, match="'caled'.*Did you mean 'called'"):
        write(pd.DataFrame({"id": [6], "called": ["Bo"]}), User, columns={"caled": "name", "called": "name"})


@pytest.mark.parametrize("data", [pd.DataFrame({"id": [5], "nmae": ["Eve"]}), [{"id": 5, "name": "Eve"}, {"nmae": 1}]])
def test_an_unknown_column_is_refused_with_near_names(legacy, data) -> None:
    with pytest.raises(FieldError, match=r"Table 'users' on alias 'legacy' has no column 'nmae'\. Did you mean 'name'"):
        write(data, User)
    assert User.objects.count() == 4


def test_two_names_for_one_column_are_refused(legacy) -> None:
    with pytest.raises(FieldError, match="'id' and 'ID' are both column 'id'"):
        write(pd.DataFrame([[5, 6, "Eve"]], columns=["id", "ID", "name"]), User)
    with pytest.raises(FieldError, match="both column 'id'"):
        write(pd.DataFrame([[5, 6, "Eve"]], columns=["id", "id", "name"]), User)


def test_an_index_is_written_only_where_it_is_named_like_a_column(legacy) -> None:
    frame = pd.DataFrame({"id": [5], "name": ["Eve"]}, index=pd.Index([7], name="nothing"))
    assert write(frame, User).inserted == 1
    many = pd.DataFrame(
        {"product": ["jar", "cup"]}, index=pd.MultiIndex.from_tuples([(11, 1), (11, 2)], names=["order_id", "line"])
    )
    assert write(many, "order_lines", using="legacy").inserted == 2


# Values


def test_values_at_their_ends_come_back(target, things) -> None:
    rows = {
        "id": [2**63 - 1, -(2**63), 0],
        "small": [32767, -32768, None],
        "amount": [Decimal("99999999.99"), Decimal("-0.01"), None],
        "ratio": [0.1, -1.7976931348623157e308, None],
        "flag": [True, False, None],
        "name": ["", "😀é'\\%s\t\n", None],
        "day": [dt.date(1000, 1, 1), dt.date(9999, 12, 31), None],
        "moment": [dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), None],
        "data": [b"", b"\x00\xff'\\", None],
    }
    order = [1, 2, 0]
    expected = {name: [values[place] for place in order] for name, values in rows.items()}
    for data in (pa.table(rows), pd.DataFrame(rows, dtype=object), pa.table(rows).to_pylist()):
        write(data, "things", using="here", mode="replace_rows")
        assert things.to_arrow().to_pydict() == expected


@pytest.mark.parametrize(
    ("dtype", "values", "name", "expected"),
    [
        ("float64", [1.0, np.nan], "small", [1, None]),
        ("float64", [1.0, np.nan], "ratio", [1.0, None]),
        ("float32", [0.5, np.nan], "ratio", [0.5, None]),
        ("float64", [0.1, np.nan], "amount", [Decimal("0.10"), None]),
        ("int64", [3, 4], "amount", [Decimal("3.00"), Decimal("4.00")]),
        ("Int64", [3, pd.NA], "ratio", [3.0, None]),
        ("bool", [True, False], "small", [1, 0]),
        ("boolean", [True, pd.NA], "flag", [True, None]),
        ("int64", [1, 0], "flag", [True, False]),
        ("object", [None, np.nan], "name", [None, None]),
        ("object", [pd.NA, pd.NaT], "day", [None, None]),
        ("object", [np.int64(3), 4.0], "small", [3, 4]),
        ("category", [5, None], "small", [5, None]),
        ("str", ["a", np.nan], "name", ["a", None]),
        ("string[python]", ["a", pd.NA], "name", ["a", None]),
        ("datetime64[ns]", ["2026-01-02", None], "day", [dt.date(2026, 1, 2), None]),
        ("datetime64[s]", ["2026-01-02 03:04:05", None], "moment", [dt.datetime(2026, 1, 2, 3, 4, 5), None]),
    ],
)
def test_every_dtype_of_pandas(things, dtype, values, name, expected) -> None:
    write(pd.DataFrame({"id": [1, 2], name: pd.Series(values, dtype=dtype)}), "things", using="here")
    assert things.to_arrow()[name].to_pylist() == expected


def test_nan_is_a_number_where_the_frame_tells_it_from_null(target, things) -> None:
    exact = pd.arrays.FloatingArray(np.array([np.nan, 0.5]), np.array([False, True]))
    for data in (
        pd.DataFrame({"id": [1, 2], "ratio": exact}),
        pl.DataFrame({"id": [1, 2], "ratio": [float("nan"), None]}),
    ):
        if target.name in ("sqlite", "mariadb"):
            with pytest.raises(RowsRejected, match="can't hold (the value|nan|NaN).*NULL") as caught:
                write(data, "things", using="here", mode="replace_rows")
            assert [(found.row, found.rule) for found in caught.value.rejections] == [(0, "range")]
        else:
            write(data, "things", using="here", mode="replace_rows")
            first, second = things.to_arrow()["ratio"].to_pylist()
            assert np.isnan(first)
            assert second is None


def test_a_nan_in_a_column_without_null_is_a_number_or_refused(target, url) -> None:
    mdb.connect("here", url)
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Double, nullable=False))
    metadata.create_all(databases["here"].engine)
    frame = pd.DataFrame({"id": [1], "x": [np.nan]})
    if target.name in ("sqlite", "mariadb"):
        with pytest.raises(RowsRejected):
            write(frame, "t", using="here")
    else:
        write(frame, "t", using="here")
        assert np.isnan(column("t", "x", "here")[0])


def test_instants_of_every_time_zone_are_the_same_instants(target, url) -> None:
    if target.name == "sqlite":
        pytest.skip("SQLite has no column of instants")
    mdb.connect("here", url)
    declared = "TIMESTAMP(6) NULL" if target.name == "mariadb" else "TIMESTAMPTZ"
    with databases["here"].begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, x {declared})")
    there = pd.Series(pd.to_datetime(["2026-07-01 12:00:00.000001", None])).dt.tz_localize("Asia/Tokyo")
    write(pd.DataFrame({"id": [1, 2], "x": there}), "t", using="here")
    assert column("t", "x", "here") == [dt.datetime(2026, 7, 1, 3, 0, 0, 1, tzinfo=dt.UTC), None]
    with pytest.raises(RowsRejected, match="it has no time zone"):
        write(pd.DataFrame({"id": [3], "x": [pd.Timestamp("2026-07-01")]}), "t", using="here")


# What is rejected

BAD = {
    "small": ([2**70, "x", 2.5, True], ["range", "type", "type", None]),
    "amount": ([Decimal("1.234"), Decimal(123456789), "a", 5], ["precision", "precision", "type", None]),
    "name": ([{"a": 1}, b"abc", ["a"], 5], ["type", "type", "type", None]),
    "flag": ([2, "yes", None, 1], ["type", "type", None, None]),
    "day": ([dt.datetime(2026, 1, 1, 12), "2026-13-01", 5, "2026-01-01"], ["precision", "type", "type", None]),
    "moment": (
        [
            pd.Timestamp("2026-01-01 00:00:00.000000001"),
            dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            "x",
            dt.date(2026, 1, 1),
        ],
        ["precision", "type", "type", None],
    ),
    "data": (["abc", 5, [1], bytearray(b"a")], ["type", "type", "type", None]),
    "id": ([2**63, "x", -(2**63) - 1, 9], ["range", "type", "range", None]),
}


@pytest.mark.parametrize("name", BAD)
def test_values_that_a_column_cannot_hold_are_listed_with_their_rule(things, name) -> None:
    values, rules = BAD[name]
    rows = [{"id": place, name: value} for place, value in enumerate(values)]
    report = write(rows, "things", using="here", errors="collect")
    expected = [(place, rule) for place, rule in enumerate(rules) if rule]
    assert [(found.row, found.rule) for found in report.rejected] == expected
    assert {found.column for found in report.rejected} == {name}
    assert all(f"olumn {name!r} of table 'things' on alias 'here'" in found.message for found in report.rejected)
    given = [type(values[place]).__name__.replace("NoneType", "NULL") for place, _ in expected]
    assert [found.value_type for found in report.rejected] == given
    assert (report.inserted, report.not_written) == (len(values) - len(expected), len(expected))
    assert things.count() == report.inserted


def test_all_failures_of_all_rows_are_told_and_nothing_is_written(things) -> None:
    frame = pd.DataFrame({"id": range(1000), "flag": [7] * 1000, "amount": [0.001] * 500 + [0.01] * 500})
    with pytest.raises(RowsRejected, match=r"none of the 1,000 was written \(1,500 rejections\)") as caught:
        write(frame, "things", using="here", batch_size=100)
    assert len(caught.value.rejections) == 1500
    last = caught.value.rejections[-1]
    assert (last.row, last.key, last.column, last.rule, last.value_type) == (999, {"id": 999}, "flag", "type", "int")
    assert things.count() == 0


def test_so_many_rejections_are_counted_and_the_first_are_listed(things) -> None:
    frame = pd.DataFrame({"id": range(30_000), "flag": 7})
    report = write(frame, "things", using="here", errors="collect")
    assert (report.rejected.count, len(report.rejected), report.inserted) == (30_000, 10_000, 0)


def test_a_column_that_is_needed_and_missing_is_one_rejection(legacy) -> None:
    with pytest.raises(RowsRejected) as caught:
        write(pd.DataFrame({"id": [5, 6]}), User)
    assert [(found.row, found.column, found.rule) for found in caught.value.rejections] == [(None, "name", "missing")]


def test_what_breaks_a_unique_key_or_a_reference_is_found_row_by_row(legacy) -> None:
    rows = [
        {"id": 5, "name": "new"},
        {"id": 1, "name": "there"},
        {"id": 5, "name": "again"},
        {"id": 6, "name": "no boss", "boss_id": 99},
        {"id": 7, "name": "boss is new", "boss_id": 5},
        {"id": 8, "name": "boss is rejected", "boss_id": 6},
    ]
    with pytest.raises(RowsRejected) as caught:
        write(rows, User)
    expected = [(1, "id", "unique"), (2, "id", "unique"), (3, "boss_id", "foreign_key"), (5, "boss_id", "foreign_key")]
    assert [(found.row, found.column, found.rule) for found in caught.value.rejections] == expected
    assert "boss_id=99 refers to id of table 'users', which has no such row" in caught.value.rejections[2].message
    assert User.objects.count() == 4

    report = write(rows, User, errors="collect")
    assert [(found.row, found.column, found.rule) for found in report.rejected] == expected
    assert [found.key for found in report.rejected] == [{"id": 1}, {"id": 5}, {"id": 6}, {"id": 8}]
    assert User.objects.filter(id__gt=4).count() == report.inserted == 2
    assert User.objects.get(id=5).name == "new"


def test_a_check_of_the_database_is_found_row_by_row(url) -> None:
    mdb.connect("here", url)
    with databases["here"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER CHECK (x > 0))")
    frame = pd.DataFrame({"id": range(200), "x": [-1 if n in (3, 77, 199) else n + 1 for n in range(200)]})
    with pytest.raises(RowsRejected) as caught:
        write(frame, "t", using="here")
    assert [(found.row, found.key, found.rule) for found in caught.value.rejections] == [
        (n, {"id": n}, "check") for n in (3, 77, 199)
    ]
    assert column("t", "id", "here") == []
    report = write(frame, "t", using="here", errors="collect")
    assert (report.inserted, report.rejected.count) == (197, 3)
    assert len(column("t", "id", "here")) == 197


def test_the_report_is_a_table_on_screen(legacy) -> None:
    report = write([{"id": 5, "name": "<b>"}, {"id": 1, "name": "x"}], User, errors="collect")
    assert "2 rows to table 'users' on alias 'legacy' (insert)" in repr(report)
    assert "id=1 is unique in table 'users'" in repr(report)
    assert "id=1 is unique" in report._repr_html_()
    assert report.rejected.to_pandas()["row"].tolist() == [1]
    assert "1 rejection of table" in report.rejected._repr_html_()


# Defaults


def test_a_column_left_out_gets_its_default_and_so_does_null_where_none_may_stand(target, url) -> None:
    mdb.connect("here", url)
    with databases["here"].begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER DEFAULT 5 NOT NULL, y INTEGER DEFAULT 6)"
        )
    write([{"id": 1}, {"id": 2, "x": None, "y": None}, {"id": 3, "x": 1}], "t", using="here")
    assert column("t", "x", "here") == [5, 5, 1]
    assert column("t", "y", "here") == [6, None, 6]
    write(pd.DataFrame({"id": [4, 5], "x": [None, 7]}), "t", using="here")
    assert column("t", "x", "here")[3:] == [5, 7]


def test_columns_that_the_database_computes_are_left_out(target, url) -> None:
    mdb.connect("here", url)
    kept = "STORED" if target.name == "postgresql" else ""
    with databases["here"].begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER GENERATED ALWAYS AS (x + 1) {kept})"
        )
    write(pd.DataFrame({"id": [1], "x": [1], "y": [99]}), "t", using="here")
    assert column("t", "y", "here") == [2]


# Upserts and replacements


def test_an_upsert_updates_what_is_there_and_inserts_the_rest(legacy) -> None:
    report = write(
        pd.DataFrame({"id": [1, 2, 5], "name": ["Ann B", "Bo", "Eve"], "score": [None, 7, 8]}), User, mode="upsert"
    )
    assert (report.rows, report.updated, report.inserted) == (3, 2, 1)
    assert column("users", "name") == ["Ann B", "Bo", "Çağla", "", "Eve"]
    assert column("users", "score") == [None, 7, 30, 40, 8]
    assert column("users", "country") == ["FR", None, "TR", "FR", None]


def test_an_upsert_may_update_some_columns_of_rows_that_are_there(legacy) -> None:
    assert write([{"id": 1, "score": 5}], User, mode="upsert").updated == 1
    with pytest.raises(RowsRejected) as caught:
        write([{"id": 1, "score": 6}, {"id": 9, "score": 5}], User, mode="upsert")
    assert [(found.row, found.key, found.rule) for found in caught.value.rejections] == [(1, {"id": 9}, "missing")]
    assert column("users", "score")[0] == 5


def test_an_upsert_counts_rows_that_it_found_as_they_should_be(legacy) -> None:
    rows = [{"id": user["id"], "name": user["name"], "boss_id": None} for user in shop.USERS]
    for _ in range(2):
        report = write(rows, User, mode="upsert")
        assert (report.updated, report.inserted) == (4, 0)


def test_an_upsert_that_meets_another_writer_writes_nothing(target, legacy, monkeypatch) -> None:
    from multidb_explorer.writing import merging

    update = merging._update

    def meanwhile(staged, key, chosen):
        found = update(staged, key, chosen)
        staged.connection.execute(sa.insert(staged.into.table), {"id": 5, "name": "theirs"})
        return found

    monkeypatch.setattr(merging, "_update", meanwhile)
    with pytest.raises(StaleRow, match="Try again"):
        write([{"id": 1, "name": "x"}, {"id": 5, "name": "mine"}, {"id": 6, "name": "y"}], User, mode="upsert")
    assert column("users", "name") == ["Ann", "Bo", "Çağla", ""]


def test_an_upsert_of_keys_alone(legacy) -> None:
    report = write(
        [{"order_id": 10, "line": 1}, {"order_id": 10, "line": 9}], "order_lines", using="legacy", mode="upsert"
    )
    assert (report.updated, report.inserted) == (1, 1)


def test_two_rows_with_one_key_are_rejected_by_an_upsert(legacy) -> None:
    rows = [{"id": 1, "name": "a"}, {"id": 1, "name": "b", "score": 1}, {"id": 2, "name": "c"}]
    with pytest.raises(RowsRejected) as caught:
        write(rows, User, mode="upsert")
    assert [(found.row, found.rule) for found in caught.value.rejections] == [(1, "unique")]
    assert column("users", "name")[:2] == ["Ann", "Bo"]
    assert write(rows, User, mode="upsert", errors="collect").updated == 2
    assert column("users", "name")[:2] == ["a", "c"]


def test_an_upsert_needs_its_key_in_every_row(legacy) -> None:
    with pytest.raises(FieldError, match="has no 'id'"):
        write([{"name": "x"}], User, mode="upsert")
    with pytest.raises(RowsRejected) as caught:
        write([{"id": None, "name": "x"}], User, mode="upsert")
    assert [(found.column, found.rule) for found in caught.value.rejections] == [("id", "not_null")]


def test_an_upsert_by_another_unique_key_never_overwrites_by_the_primary_one(url) -> None:
    mdb.connect("here", url)
    with databases["here"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, code VARCHAR(5) UNIQUE, x INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)")
    report = write(
        [{"code": "b", "x": 20}, {"code": "c", "id": 3, "x": 30}], "t", using="here", mode="upsert", key="code"
    )
    assert (report.updated, report.inserted) == (1, 1)
    assert column("t", "x", "here") == [1, 20, 30]
    with pytest.raises(RowsRejected) as caught:
        write(
            [{"id": 1, "code": "z", "x": 9}, {"id": 4, "code": "d", "x": 9}],
            "t",
            using="here",
            mode="upsert",
            key="code",
        )
    assert [(found.row, found.column, found.rule) for found in caught.value.rejections] == [(0, "id", "unique")]
    assert column("t", "x", "here") == [1, 20, 30]
    with pytest.raises(FieldError, match=r"key=\(x\) is no unique key of table 't'"):
        write([{"x": 1}], "t", using="here", mode="upsert", key="x")


def test_replacing_all_rows_is_one_transaction(legacy) -> None:
    rows = [{"order_id": 10, "line": 1, "product": "tea"}, {"order_id": 11, "line": 5, "product": "jar"}]
    report = write(rows, "order_lines", using="legacy", mode="replace_rows")
    assert (report.deleted, report.inserted) == (2, 2)
    with pytest.raises(RowsRejected):
        write([*rows, {"order_id": 77, "line": 1}], "order_lines", using="legacy", mode="replace_rows")
    found = mdb.reflect("order_lines", using="legacy").objects.order_by("order_id", "line").to_arrow()
    assert found["line"].to_pylist() == [1, 5]


def test_rows_that_others_refer_to_are_not_replaced(legacy) -> None:
    with pytest.raises(ProtectedRows, match="3 of table 'orders'") as caught:
        write([{"id": 1, "name": "x"}], User, mode="replace_rows")
    assert caught.value.counts == {"orders": 3}
    assert User.objects.count() == 4


# What is refused before any SQL


def test_nonsense_is_refused(legacy) -> None:
    with pytest.raises(ValueError, match="mode is one of 'insert', 'upsert', 'replace_rows'"):
        write([], User, mode="update")
    with pytest.raises(ValueError, match="errors is one of"):
        write([], User, errors="ignore")
    with pytest.raises(ValueError, match="has no use for it"):
        write([], User, key="id")
    with pytest.raises(FieldError, match="Did you mean 'id'"):
        write([], User, mode="upsert", key="idd")
    with pytest.raises(TypeError, match="A table is a model or the name"):
        write([], 5)
    with pytest.raises(TableDoesNotExist, match="Did you mean 'users'"):
        write([], "usrs", using="legacy")


def test_a_read_only_alias_and_a_view_are_refused(legacy, url) -> None:
    with legacy.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW names AS SELECT id, name FROM users")
    with pytest.raises(KeyRequired, match="is a view"):
        write([], "names", using="legacy")
    databases.disconnect("legacy")
    mdb.connect("reader", url, read_only=True)
    with pytest.raises(ReadOnlyAlias):
        write([{"id": 5, "name": "x"}], User, using="reader")


def test_an_alias_that_asks_first_takes_the_word(legacy, url) -> None:
    mdb.connect("prod", url, confirm="writes")
    with pytest.raises(mdb.errors.ConfirmationRequired):
        write([{"id": 5, "name": "x"}], User, using="prod")
    assert write([{"id": 5, "name": "x"}], User, using="prod", confirm="prod").inserted == 1


# Transactions


def test_a_write_is_a_part_of_an_open_block(target, legacy) -> None:
    class Changed(Exception):
        pass

    with pytest.raises(Changed), mdb.atomic("legacy"):
        write([{"id": 5, "name": "x"}], User)
        assert User.objects.count() == 5
        write([{"id": 5, "name": "y"}, {"id": 6, "name": "z"}], User, mode="upsert")
        assert User.objects.get(id=5).name == "y"
        raise Changed
    assert User.objects.count() == 4


def test_a_refused_write_leaves_the_block_usable_where_parts_can_be_undone(target, legacy) -> None:
    if not legacy.backend.features.savepoints:
        with pytest.raises((IntegrityError, mdb.errors.TransactionError)), mdb.atomic("legacy"):
            write([{"id": 5, "name": "x"}], User)
            write([{"id": 1, "name": "x"}], User)
        assert User.objects.count() == 4
        return
    with mdb.atomic("legacy"):
        write([{"id": 5, "name": "x"}], User)
        with pytest.raises(RowsRejected):
            write([{"id": 1, "name": "x"}], User)
        report = write([{"id": 1, "name": "x"}, {"id": 6, "name": "y"}], User, errors="collect")
        assert report.inserted == 1
    assert column("users", "id") == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("mode", ["insert", "upsert"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_rows_that_end_in_an_error_write_nothing(legacy, error, mode) -> None:
    def rows():
        for n in range(10, 2000):
            yield {"id": n, "name": str(n)}
        raise error

    with pytest.raises(error):
        write(rows(), User, batch_size=100, mode=mode)
    assert User.objects.count() == 4
    assert write([{"id": 5, "name": "after"}], User).inserted == 1


def test_an_interrupt_while_the_database_takes_rows_leaves_nothing(legacy, monkeypatch) -> None:
    from multidb_explorer.writing.spooling import Part

    real = Part.batches

    def interrupted(self):
        batches = real(self)
        yield next(batches)
        raise KeyboardInterrupt

    monkeypatch.setattr(Part, "batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(pd.DataFrame({"id": range(10, 1010), "name": "x"}), User, batch_size=100)
    monkeypatch.undo()
    assert User.objects.count() == 4
    assert write([{"id": 5, "name": "after"}], User).inserted == 1


# Size


def test_a_hundred_thousand_dicts_take_the_memory_of_a_few(things, monkeypatch) -> None:
    from multidb_explorer.writing import spooling

    monkeypatch.setattr(spooling, "_IN_MEMORY", 2**18)
    held = []

    def rows():
        for n in range(100_000):
            if n % 10_000 == 0:
                held.append(pa.total_allocated_bytes())
            yield {"id": n, "small": n % 1000, "name": f"n{n % 10_000}", "amount": Decimal(n) / 100}

    tracemalloc.start()
    report = write(rows(), "things", using="here", batch_size=2_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.inserted == things.count() == 100_000
    assert things.aggregate(total=mdb.Sum("amount"))["total"] == Decimal("49999500.00")
    # All of them as dicts are more than 40 MB.
    assert peak < 15_000_000
    assert max(held) - held[0] < 2_000_000


def test_the_log_says_who_loaded_and_no_value(legacy, caplog) -> None:
    with caplog.at_level(logging.DEBUG, "multidb_explorer.writing"):
        report = write([{"id": 5, "name": "secret"}], User)
    assert "legacy: 1 rows" in caplog.text
    assert report.loader in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("batch_size", [0, -1, "5", True])
def test_rows_are_not_replaced_by_batches_of_nothing(batch_size) -> None:
    shop.make("legacy", "sqlite://")
    with pytest.raises(ValueError, match="batch_size is a whole number of at least 1"):
        write(User.objects.to_arrow(), User, mode="replace_rows", batch_size=batch_size)
    assert User.objects.count() == 4


@pytest.mark.parametrize("target", [target for target in TARGETS if target.name == "sqlite"], indirect=True)
def test_values_that_the_caller_has_in_memory_are_not_kept_in_a_file_as_well(things, monkeypatch) -> None:
    def no_file(**_: object) -> None:
        raise OSError("no file")

    monkeypatch.setattr(spooling, "_IN_MEMORY", 40_000)
    monkeypatch.setattr(spooling.tempfile, "TemporaryFile", no_file)
    table = pa.table({"id": range(4_000), "data": [bytes(100)] * 4_000})
    assert write(table, "things", using="here").inserted == 4_000
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    assert write(frame, "things", using="here", mode="replace_rows").inserted == 4_000
    with pytest.raises(OSError, match="no file"):
        write(table.to_reader(), "things", using="here", mode="replace_rows")
    copied = frame.assign(data=[bytes(100)] * 4_000)
    with pytest.raises(OSError, match="no file"):
        write(copied, "things", using="here", mode="replace_rows")
