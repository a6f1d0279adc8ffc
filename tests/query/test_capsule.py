"""QuerySets as Arrow streams: other libraries read them directly, batch by batch, and give the connection back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


def lent(database: object) -> int:
    return getattr(database.engine.pool, "checkedout", lambda: 0)()


def test_every_library_reads_it_as_a_table_and_not_as_an_iterable(legacy: object) -> None:
    users = User.objects.order_by("id")
    expected = users.to_arrow()

    assert pa.table(users).equals(expected)
    assert pa.RecordBatchReader.from_stream(users).read_all().equals(expected)
    assert pl.DataFrame(users)["name"].to_list() == ["Ann", "Bo", "Çağla", ""]
    assert pd.DataFrame.from_arrow(users)["id"].tolist() == [1, 2, 3, 4]
    with duckdb.connect() as session:
        session.register("people", users)
        assert session.sql("SELECT count(*), sum(score) FROM people").fetchall() == [(4, 80)]
        assert session.sql("SELECT name FROM people WHERE score IS NULL").fetchall() == [("Bo",)]
        assert session.sql("SELECT max(id) FROM users").fetchall() == [(4,)]
    assert lent(legacy) == 0
    assert users._rows is None


def test_a_whole_table_can_be_asked_for_with_another_schema(legacy: object) -> None:
    ids = User.objects.order_by("id").values("id")
    assert pa.table(ids, schema=pa.schema({"id": pa.int64()}))["id"].type == pa.int64()


def test_a_stream_that_is_dropped_half_way_gives_its_connection_back(
    legacy: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mdb.options, "batch_rows", 1)
    stream = pa.RecordBatchReader.from_stream(User.objects.order_by("id"))
    assert stream.read_next_batch()["id"].to_pylist() == [1]
    del stream

    assert lent(legacy) == 0
    User(id=50, name="After").save()
    assert User.objects.count() == 5


def test_nothing_is_read_before_the_first_batch(legacy: object) -> None:
    stream = pa.RecordBatchReader.from_stream(User.objects.all())
    assert lent(legacy) == 0
    User(id=50, name="Late").save()
    assert stream.read_all().num_rows == 5


def test_inside_a_block_it_sees_what_the_block_wrote(legacy: object) -> None:
    with databases["legacy"].atomic():
        User(id=50, name="Uncommitted").save()
        assert pa.table(User.objects.all()).num_rows == 5
        stream = pa.RecordBatchReader.from_stream(User.objects.order_by("id"))
        assert User.objects.count() == 5
        with ThreadPoolExecutor() as others:
            assert others.submit(stream.read_all).result()["id"].to_pylist() == [1, 2, 3, 4, 50]


def test_raw_sql_and_several_aliases_are_streams_too(legacy: object) -> None:
    assert pa.table(User.objects.raw("SELECT id, name FROM users")).num_rows == 4
    assert pl.DataFrame(User.objects.across("legacy"))["alias"].to_list() == ["legacy"] * 4


def test_no_rows_have_a_schema(legacy: object) -> None:
    assert pa.table(User.objects.none()).schema.equals(User.objects.to_arrow().schema)


def test_what_can_not_be_asked_is_said_at_once(legacy: object) -> None:
    with pytest.raises(FieldError, match="nosuch"):
        pa.table(User.objects.filter(nosuch=1))


def test_types_that_follow_the_values_are_read_first(tmp_path: object) -> None:
    mdb.connect("legacy", f"sqlite:///{tmp_path}/loose.db")
    with databases["legacy"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'a'), (2, 5)")
    rows = mdb.reflect("t", using="legacy").objects.order_by("id")

    assert pa.table(rows).equals(rows.to_arrow())
    assert [batch.num_rows for batch in rows.to_arrow_batches(1)] == [1, 1]
