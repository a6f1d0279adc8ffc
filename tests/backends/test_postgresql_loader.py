"""COPY: what it would do otherwise than an INSERT is left to the INSERT."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
import sqlalchemy as sa

from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load
from multidb_explorer.backends.postgresql_loader import BinaryCopyLoader, TextCopyLoader
from multidb_explorer.errors import ConnectionFailed

WHOLE = Kind("integer", bits=32)
LOADERS = [BinaryCopyLoader(), TextCopyLoader()]


@pytest.fixture
def bench(bench_of):
    return bench_of("postgresql")


@pytest.fixture(params=LOADERS, ids=["binary", "text"])
def loader(request):
    return request.param


def load_of(bench, connection, table: str, *names: str) -> Load:
    described = bench.describe(table)
    columns = [column for column in described.columns if not names or column.name in names]
    return Load(connection, bench.table(table), tuple(ResultColumn(c.name, c.kind, c.nullable) for c in columns))


def refusal(bench, loader, table: str, *names: str) -> str:
    with bench.database.begin() as connection:
        return loader.refusal(load_of(bench, connection, table, *names))


def batch(load: Load, *columns: list) -> pa.RecordBatch:
    arrays = [to_array(values, column.kind) for values, column in zip(columns, load.columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(load.columns))


def test_a_column_that_is_always_numbered_is_left_to_insert(bench, loader) -> None:
    bench.run("CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer)")
    assert refusal(bench, loader, "t") == "column 'id' is always numbered by the server"
    assert refusal(bench, loader, "t", "n") == ""


def test_rules_and_views_are_left_to_insert(bench, loader) -> None:
    bench.run("CREATE TABLE t (n integer)", "CREATE VIEW v AS SELECT n FROM t", "CREATE TABLE u (n integer)")
    bench.run("CREATE RULE r AS ON INSERT TO t DO ALSO INSERT INTO u VALUES (NEW.n)")
    assert refusal(bench, loader, "t") == "the table has a rule for INSERT"
    assert refusal(bench, loader, "v") == "it is no ordinary table"
    assert refusal(bench, loader, "u") == ""


def test_row_security_is_left_to_insert(bench, loader) -> None:
    bench.run("CREATE TABLE t (n integer)", "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    assert refusal(bench, loader, "t") == "the table has row security"


def test_few_rows_are_left_to_insert(bench, loader) -> None:
    bench.run("CREATE TABLE t (n integer)")
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        assert "as quickly by INSERT" in loader.refusal(replace(load, rows=2))
        assert loader.refusal(replace(load, rows=2_000)) == ""


def test_a_column_that_became_another_is_not_filled_with_its_bytes(bench) -> None:
    bench.run("CREATE TABLE t (n bigint)")
    bench.table("t")
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        connection.exec_driver_sql("ALTER TABLE t ALTER n TYPE double precision")
        assert BinaryCopyLoader().refusal(load) == "column 'n' has no binary form here"
        connection.exec_driver_sql("ALTER TABLE t DROP n")
        assert BinaryCopyLoader().refusal(load) == "the table has no column 'n' any more"
        connection.exec_driver_sql("DROP TABLE t")
        assert BinaryCopyLoader().refusal(load) == "the server knows no such table"


def test_a_type_of_the_users_with_a_name_of_the_servers(bench) -> None:
    bench.run("CREATE SCHEMA own", "CREATE DOMAIN own.int4 AS text", "CREATE DOMAIN own.deep AS own.int4")
    bench.run("CREATE TABLE t (a own.int4, b own.deep, c integer[])")
    with bench.database.begin() as connection:
        text, numbers = Kind("text"), Kind("array", item=WHOLE)
        columns = (ResultColumn("a", text), ResultColumn("b", text), ResultColumn("c", numbers))
        load = Load(connection, bench.table("t"), columns)
        assert BinaryCopyLoader().refusal(load) == ""
        BinaryCopyLoader().load(load, [batch(load, ["x", None], ["y", ""], [[1], None])])
        found = connection.execute(sa.text("SELECT a, b, c FROM t")).all()
    assert found == [("x", "y", [1]), (None, "", None)]


def test_a_number_without_limits_has_no_zeros_at_its_end(bench) -> None:
    bench.run("CREATE TABLE t (n numeric)")
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        BinaryCopyLoader().load(load, [batch(load, [None, 0, 1, -100, 10**37])])
        found = list(connection.scalars(sa.text("SELECT n::text FROM t")))
    assert found == [None, "0", "1", "-100", "1" + "0" * 37]


def test_a_lost_session_is_a_typed_error(bench, loader) -> None:
    bench.run("CREATE TABLE t (n integer)")

    def batches(load: Load):
        yield batch(load, [1])
        with bench.database.engine.connect() as other:
            pid = load.connection.connection.driver_connection.info.backend_pid
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        yield batch(load, [2])

    with pytest.raises(ConnectionFailed), bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        loader.load(load, batches(load))
    assert bench.ask("SELECT count(*) FROM t") == 0
