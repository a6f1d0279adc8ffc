"""LOAD DATA LOCAL: no warning stays one, and no file of this machine is given away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load
from multidb_explorer.backends.mysql_loader import LocalDataLoader
from multidb_explorer.errors import ConnectionFailed, DatabaseError, DataError, OperationalError

LOADER = LocalDataLoader()
TEXT = Kind("text")


@pytest.fixture
def bench(bench_of):
    return bench_of("mariadb")


def load_of(bench, connection, table: str) -> Load:
    columns = bench.describe(table).columns
    return Load(connection, bench.table(table), tuple(ResultColumn(c.name, c.kind, c.nullable) for c in columns))


def batch(load: Load, *columns: list[Any]) -> pa.RecordBatch:
    arrays = [to_array(values, column.kind) for values, column in zip(columns, load.columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(load.columns))


def refusal(bench, table: str) -> str:
    with bench.database.begin() as connection:
        return LOADER.refusal(load_of(bench, connection, table))


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("varchar(3)", "four"),
        ("varchar(9) character set latin1", "日本"),
        ("enum('a', 'b')", "c"),
        ("date", "2024-02-30"),
        ("int", "12x"),
        ("tinyint", "128"),
        ("decimal(3, 1)", "1.25"),
        ("time", "nonsense"),
        ("text check (json_valid(v))", "{"),
    ],
)
def test_what_the_server_would_bend_is_an_error(bench, declared, value) -> None:
    bench.run(f"CREATE TABLE t (v {declared})")
    with pytest.raises(DatabaseError), bench.database.begin() as connection:
        load = replace(load_of(bench, connection, "t"), columns=(ResultColumn("v", TEXT),))
        LOADER.load(load, [batch(load, [value])])
    assert bench.ask("SELECT count(*) FROM t") == 0


def test_the_kind_of_error_is_that_of_an_insert(bench) -> None:
    bench.run("CREATE TABLE t (v varchar(3))")
    with pytest.raises(DataError, match="too long|truncated"), bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        LOADER.load(load, [batch(load, ["four"])])


def test_a_row_without_a_warning_is_missed(bench) -> None:
    bench.run("CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    with pytest.raises(DatabaseError), bench.database.begin() as connection:
        connection.exec_driver_sql("SET max_error_count = 0, sql_notes = 0")
        load = load_of(bench, connection, "t")
        LOADER.load(load, [batch(load, [1, 2])])
    bench.database.dispose()
    assert bench.ask("SELECT count(*) FROM t") == 1


@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", ""])
def test_the_sql_mode_changes_nothing(bench, mode) -> None:
    bench.run("CREATE TABLE t (a text, b blob)")
    with bench.database.begin() as connection:
        connection.exec_driver_sql(f"SET sql_mode = '{mode}'")
        load = load_of(bench, connection, "t")
        LOADER.load(load, [batch(load, ["\\N\t\n", None], [b"\\\x00", None])])
        found = connection.execute(sa.text("SELECT a, b FROM t")).all()
    bench.database.dispose()
    assert found == [("\\N\t\n", b"\\\x00"), (None, None)]


def test_a_zero_in_a_numbered_column_stays_one_beside_any_other_column(bench) -> None:
    bench.run("CREATE TABLE t (id INTEGER AUTO_INCREMENT PRIMARY KEY, b BLOB, y YEAR)")
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        LOADER.load(load, [batch(load, [5, 0, 6], [b"a", b"b", b"c"], [2024, None, 1999])])
    assert bench.rows("t") == [(0, b"b", None), (5, b"a", 2024), (6, b"c", 1999)]


def test_texts_in_another_character_set(bench) -> None:
    bench.run("CREATE TABLE t (a varchar(9) character set latin1, b varchar(9) character set utf16)")
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        LOADER.load(load, [batch(load, ["é"], ["😀"])])
    assert bench.ask("SELECT CONCAT(HEX(a), ' ', HEX(b)) FROM t") == "E9 D83DDE00"


def test_a_table_without_transactions_is_left_to_insert(bench) -> None:
    bench.run("CREATE TABLE t (n INTEGER) ENGINE = MyISAM")
    assert refusal(bench, "t") == "the table's storage engine has no transactions"


def test_a_server_that_allows_no_local_files(bench, mariadb) -> None:
    bench.run("CREATE TABLE t (n INTEGER)")
    mariadb.execute("SET GLOBAL local_infile = 0")
    try:
        assert refusal(bench, "t") == "the server has local_infile switched off"
    finally:
        mariadb.execute("SET GLOBAL local_infile = 1")
    assert refusal(bench, "t") == ""


def test_few_rows_are_left_to_insert(bench) -> None:
    bench.run("CREATE TABLE t (n INTEGER)")
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        assert "as quickly by INSERT" in LOADER.refusal(replace(load, rows=0))
        assert LOADER.refusal(replace(load, rows=2_000)) == ""


def test_no_file_is_given_to_a_server_that_asks_for_one(bench, tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a line\n")
    bench.run("CREATE TABLE t (v text)")
    with bench.database.begin() as connection:
        session = connection.connection.driver_connection
        with pytest.raises(OperationalError, match="no file of this machine"), bench.database.begin() as other:
            other.exec_driver_sql(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE t")
        # The session in which it happened works on.
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
        assert not session._local_infile
    bench.run("INSERT INTO t VALUES ('x')")
    assert bench.rows("t") == [("x",)]


def test_a_user_who_allows_files_in_the_url_loads_as_well(bench, workbench, tmp_path) -> None:
    (tmp_path / "lines.txt").write_text("a line\n")
    allowed = workbench("there", f"{bench.url}?local_infile=1")
    allowed.run("CREATE TABLE t (v text)", f"LOAD DATA LOCAL INFILE '{tmp_path / 'lines.txt'}' INTO TABLE t")
    with allowed.database.begin() as connection:
        load = load_of(allowed, connection, "t")
        assert LOADER.refusal(load) == ""
        LOADER.load(load, [batch(load, ["another"])])
    assert allowed.rows("t") == [("a line",), ("another",)]


def test_a_lost_session_is_a_typed_error(bench) -> None:
    bench.run("CREATE TABLE t (n INTEGER)")

    def batches(load: Load):
        yield batch(load, [1])
        bench.run(f"KILL CONNECTION {load.connection.connection.driver_connection.thread_id()}")
        yield batch(load, [2])

    with pytest.raises(ConnectionFailed), bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        LOADER.load(load, batches(load))
    assert bench.ask("SELECT count(*) FROM t") == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_ends_a_statement_in_its_middle_ends_the_session(bench, monkeypatch, error) -> None:
    bench.run("CREATE TABLE t (n INTEGER)")

    def failing(columns: Any) -> Any:
        raise error

    monkeypatch.setattr("multidb_explorer.backends.mysql_lines.lines", failing)
    with bench.database.engine.connect() as connection:
        load = load_of(bench, connection, "t")
        with pytest.raises(error):
            LOADER.load(load, [batch(load, [1])])
        assert connection.invalidated
    assert bench.ask("SELECT count(*) FROM t") == 0


def test_minus_zero_is_stored_as_an_insert_stores_it(bench) -> None:
    bench.run("CREATE TABLE t (id INTEGER PRIMARY KEY, f DOUBLE)")
    bench.insert("t", [{"id": 1, "f": -0.0}])
    with bench.database.begin() as connection:
        load = load_of(bench, connection, "t")
        LOADER.load(load, [batch(load, [2], [-0.0])])
        assert len(set(connection.scalars(sa.text("SELECT CONCAT(f) FROM t")))) == 1
