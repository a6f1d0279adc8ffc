"""Reading: every row once, whatever the batch size, and nothing left behind in the connection."""

from __future__ import annotations

import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ReadOnlyAlias, ValueNotRepresentable
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_batches, read_table
from multidb_explorer.results.typed import read_sql_text


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_batches_hold_every_row_once(legacy: object, size: int) -> None:
    reading = User.objects.order_by("id").reading

    batches = list(read_batches(legacy, reading, size))
    assert [row for batch in batches for row in batch.column(0).to_pylist()] == [1, 2, 3, 4]
    assert all(batch.num_rows <= max(size, 4 if legacy.backend.title == "DuckDB" else size) for batch in batches)
    assert len({batch.schema for batch in batches}) == 1


def test_rows_and_tables_agree(legacy: object) -> None:
    reading = mdb.reflect("orders", using="legacy").objects.order_by("id").reading

    table = read_table(legacy, reading)
    assert read_rows(legacy, reading) == list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_a_batch_read_halfway_is_given_back(legacy: object) -> None:
    batches = read_batches(legacy, User.objects.order_by("id").reading, 1)
    next(batches)
    batches.close()

    assert getattr(legacy.engine.pool, "checkedout", lambda: 0)() == 0
    User(id=50, name="After").save()
    assert User.objects.count() == 5


def test_typed_sql_binds_its_parameters(legacy: object) -> None:
    found = read_sql_text(legacy, "SELECT id, name FROM users WHERE name = :name OR ':name' = 'x'", {"name": "Çağla"})
    assert found.to_pylist() == [{"id": 3, "name": "Çağla"}]

    hostile = "'; DELETE FROM users; --"
    assert read_sql_text(legacy, "SELECT id FROM users WHERE name = :name", {"name": hostile}).num_rows == 0
    assert read_sql_text(legacy, "SELECT '100%' AS a, '12:30' AS b").to_pylist() == [{"a": "100%", "b": "12:30"}]
    assert read_sql_text(legacy, "SELECT id FROM users ORDER BY id", limit=2)["id"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM order_lines",
        "UPDATE users SET score = 0",
        "INSERT INTO users (id, name) VALUES (99, 'x')",
        "DROP TABLE order_lines",
        "CREATE TABLE fresh (id INTEGER)",
    ],
)
def test_typed_sql_only_reads_unless_it_is_told_to_write(legacy: object, sql: str) -> None:
    with pytest.raises(ReadOnlyAlias, match="only reads unless told otherwise"):
        read_sql_text(legacy, sql)
    assert mdb.reflect("order_lines", using="legacy").objects.count() == 2
    assert User.objects.filter(score=0).count() == 0

    read_sql_text(legacy, "UPDATE users SET score = 0", write=True)
    assert User.objects.filter(score=0).count() == 4


def test_after_reading_typed_sql_the_alias_writes_again(legacy: object) -> None:
    read_sql_text(legacy, "SELECT 1 AS one")

    User(id=60, name="Writer").save()
    assert User.objects.filter(pk=60).exists()


def test_a_stored_value_of_another_kind_is_named_and_not_guessed(tmp_path: object) -> None:
    mdb.connect("loose", f"sqlite:///{tmp_path}/loose.db")
    with databases["loose"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DATE)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'seven', '2026-01-01'), (2, 2, 'someday')")

    with pytest.raises(
        ValueNotRepresentable, match="'n' on alias 'loose' holds a value that is no 64-bit integer"
    ) as caught:
        mdb.reflect("t", using="loose").objects.values("n").to_pandas()
    assert caught.value.column == "n"
    with pytest.raises(ValueNotRepresentable, match="'d'"):
        mdb.reflect("t", using="loose").objects.values("d").to_pandas()
    assert mdb.reflect("t", using="loose").objects.values("id").to_pandas()["id"].tolist() == [1, 2]
