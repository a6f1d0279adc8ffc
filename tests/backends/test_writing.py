"""What a write does: counts, keys, rules, and refusals that name the column."""

from __future__ import annotations

import datetime as dt
import threading
import time
from contextlib import closing
from decimal import Decimal

import pyarrow as pa
import pytest
import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.transactions import atomic
from multidb_explorer.errors import DatabaseError, IntegrityError, QueryCancelled, ValueNotRepresentable
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_batches, read_table
from multidb_explorer.results.typed import read_sql_text


@pytest.fixture
def things(bench):
    """A table with three rows."""
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, name VARCHAR(10))")
    bench.insert("things", [{"id": number, "n": 1, "name": "same"} for number in (1, 2, 3)])
    return bench


def matched(bench, statement) -> int:
    with bench.database.begin() as connection:
        return bench.database.backend.matched(connection, statement)


def test_an_update_counts_the_rows_it_matched(things) -> None:
    table = things.table("things")
    assert matched(things, sa.update(table).values(n=1)) == 3
    assert matched(things, sa.update(table).where(table.c.id == 2).values(n=1)) == 1
    assert matched(things, sa.update(table).where(table.c.id == 9).values(n=1)) == 0


def test_a_users_own_client_flag_keeps_the_count(bench_of, workbench) -> None:
    url = bench_of("mariadb").url
    bench = workbench("flagged", f"{url}?client_flag=1")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO things VALUES (1, 1)")
    assert matched(bench, sa.update(bench.table("things")).values(n=1)) == 1
    assert bench.database.backend.connect_arguments({"client_flag": 1})["client_flag"] == 3


def test_a_delete_counts_the_rows_it_matched(things) -> None:
    table = things.table("things")
    assert matched(things, sa.delete(table).where(table.c.id.in_([1, 2, 9]))) == 2
    assert matched(things, sa.delete(table).where(table.c.id == 1)) == 0


def test_foreign_keys_are_enforced(target, bench) -> None:
    cascade = "" if target.name == "duckdb" else " ON DELETE CASCADE"
    bench.run(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER, "
        f"FOREIGN KEY (parent_id) REFERENCES parents (id){cascade})",
        "INSERT INTO parents VALUES (1)",
        "INSERT INTO children VALUES (1, 1)",
    )
    with pytest.raises(IntegrityError):
        bench.run("INSERT INTO children VALUES (2, 9)")
    if cascade:
        bench.run("DELETE FROM parents")
        assert bench.rows("children") == []
        return
    with pytest.raises(IntegrityError):
        bench.run("DELETE FROM parents")


def test_a_failed_transaction_leaves_nothing(things) -> None:
    with pytest.raises(IntegrityError):
        things.run("INSERT INTO things (id) VALUES (4)", "INSERT INTO things (id) VALUES (1)")
    assert len(things.rows("things")) == 3


def test_a_zero_stays_a_zero_where_rows_are_numbered(bench_of) -> None:
    bench = bench_of("mariadb")
    bench.run("CREATE TABLE things (id INTEGER AUTO_INCREMENT PRIMARY KEY, n INTEGER)")
    bench.insert("things", [{"id": 0, "n": 7}])
    assert bench.rows("things") == [(0, 7)]


def test_one_thread_reads_while_another_writes(things) -> None:
    seen: list[int] = []
    with things.database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO things (id) VALUES (4)")
        reader = threading.Thread(target=lambda: seen.append(len(things.rows("things"))))
        reader.start()
        reader.join(20)
    assert seen == [3]
    assert len(things.rows("things")) == 4


# Lists of any length


def test_membership_in_a_hundred_thousand_values(bench) -> None:
    bench.run("CREATE TABLE many (id INTEGER PRIMARY KEY, word VARCHAR(20), amount NUMERIC(12, 2), day DATE)")
    days = [dt.date(2000, 1, 1) + dt.timedelta(days=number) for number in range(3_000)]
    rows = [{"id": n, "word": f"it's {n}", "amount": Decimal(n) / 4, "day": days[n]} for n in range(10)]
    bench.insert("many", rows)
    table, member = bench.table("many"), bench.database.backend.member
    found = {
        "id": bench.rows("many", "id", where=member(table.c.id, [7, *range(100_000, 200_000), 3])),
        "word": bench.rows("many", "id", where=member(table.c.word, [f"it's {n}" for n in range(8, 100_008)])),
        "amount": bench.rows("many", "id", where=member(table.c.amount, [Decimal(n) / 4 for n in range(9, 3_000)])),
        "day": bench.rows("many", "id", where=member(table.c.day, days[8:])),
        "nothing": bench.rows("many", "id", where=member(table.c.id, [])),
        "short": bench.rows("many", "id", where=member(table.c.word, ["it's 1", "nothing"])),
    }
    assert found == {
        "id": [(3,), (7,)],
        "word": [(8,), (9,)],
        "amount": [(9,)],
        "day": [(8,), (9,)],
        "nothing": [],
        "short": [(1,)],
    }


def test_a_long_list_is_not_cut_to_the_columns_length(bench) -> None:
    bench.run("CREATE TABLE codes (code CHAR(3) PRIMARY KEY, word VARCHAR(3))")
    bench.insert("codes", [{"code": "abc", "word": "abc"}])
    table, member = bench.table("codes"), bench.database.backend.member
    too_long = [f"abc{n}" for n in range(600)]
    assert bench.rows("codes", where=member(table.c.code, too_long)) == []
    assert bench.rows("codes", where=member(table.c.word, too_long)) == []
    assert len(bench.rows("codes", where=member(table.c.code, [*too_long, "abc"]))) == 1


# Refusals


REFUSED = {
    "sqlite": [("NUMERIC(20, 4)", Decimal("1234567890123456.7891")), ("REAL", float("nan"))],
    "postgresql": [
        ("text", "a\x00b"),
        ("jsonb", '{"a": "\\u0000"}'),
        ("text[]", ["a\x00b"]),
        ("smallint", 32_768),
        ("varchar(3)", "four"),
        ("numeric(5, 2)", Decimal("1.234")),
        ("numeric(5, 2)", Decimal(1000)),
        ("timestamp(0)", dt.datetime(2024, 1, 1, 0, 0, 0, 1)),
        ("time(3)", dt.time(0, 0, 0, 1)),
        ("timestamptz", dt.datetime(2024, 1, 1)),
        ("text", "half \ud83d"),
    ],
    "mariadb": [
        ("double", float("nan")),
        ("double", float("inf")),
        ("datetime(6)", dt.datetime(999, 1, 1)),
        ("date", dt.date(1, 1, 1)),
        ("datetime", dt.datetime(2024, 1, 1, 0, 0, 0, 1)),
        ("timestamp null", dt.datetime(1969, 1, 1, tzinfo=dt.UTC)),
        ("tinyint unsigned", -1),
        ("bigint unsigned", 2**64),
        ("boolean", 2),
        ("varbinary(2)", b"abc"),
        ("decimal(65, 30)", Decimal("1E-31")),
    ],
    "duckdb": [
        ("utinyint", 256),
        ("decimal(5, 2)", Decimal("1.234")),
        ("timestamp_s", dt.datetime(2024, 1, 1, 0, 0, 0, 1)),
        ("timestamptz", dt.datetime(2024, 1, 1)),
    ],
}


def test_what_a_column_cannot_hold_is_refused_by_name(target, bench) -> None:
    columns = ", ".join(f"c{index} {declared}" for index, (declared, _) in enumerate(REFUSED[target.name]))
    bench.run(f"CREATE TABLE strict_ (id INTEGER PRIMARY KEY, {columns})")
    for index, (_, value) in enumerate(REFUSED[target.name]):
        with pytest.raises(ValueNotRepresentable, match=f"Column 'c{index}' of strict_"):
            bench.insert("strict_", [{"id": index, f"c{index}": value}])
    assert bench.rows("strict_") == []


@pytest.mark.filterwarnings("ignore:Did not recognize type 'inet6'")
def test_what_only_the_server_knows_is_refused_by_the_server(bench_of) -> None:
    bench = bench_of("mariadb")
    bench.run(
        "CREATE TABLE old (id INTEGER PRIMARY KEY, word VARCHAR(9) CHARACTER SET utf8mb3, small TINYTEXT, y YEAR, "
        "s SET('a'), i INET6)"
    )
    for values in ({"word": "😀"}, {"small": "x" * 256}, {"y": 1800}, {"s": "b"}, {"i": "nonsense"}):
        with pytest.raises(DatabaseError):
            bench.insert("old", [{"id": 1, **values}])
    assert bench.rows("old") == []


# What is stored but no value of its type


def test_dates_that_are_not_in_the_calendar(bench_of) -> None:
    bench = bench_of("mariadb")
    bench.run(
        "CREATE TABLE old (id INTEGER PRIMARY KEY, day DATE, moment DATETIME, flag TINYINT(1), clock TIME)",
        "SET SESSION sql_mode = ''",
        "INSERT INTO old VALUES (1, '0000-00-00', '2024-02-00', 7, '-100:00:00')",
        "SET SESSION sql_mode = DEFAULT",
    )
    for column, told in (
        ("day", "calendar"),
        ("moment", "calendar"),
        ("flag", "neither 0 nor 1"),
        ("clock", "time of day"),
    ):
        with pytest.raises(ValueNotRepresentable, match=rf"'{column}'.*{told}"):
            bench.rows("old", column)
    assert bench.rows("old", "id") == [(1,)]


def test_dates_that_python_has_not(bench_of) -> None:
    bench = bench_of("postgresql")
    bench.run("CREATE TABLE old (id INTEGER PRIMARY KEY, day date, moment timestamp, instant timestamptz, n numeric)")
    bench.run("INSERT INTO old VALUES (1, 'infinity', '-infinity', '10001-01-01', 'NaN')")
    for column in ("day", "moment", "instant"):
        with pytest.raises(DatabaseError, match="cast the column to text"):
            bench.rows("old", column)
    with pytest.raises(ValueNotRepresentable, match=r"'n'.*not a finite number"):
        bench.rows("old", "n")


def test_instants_whose_local_time_python_has_not(bench_of) -> None:
    bench = bench_of("postgresql")
    bench.run("CREATE TABLE ends (id INTEGER PRIMARY KEY, instant timestamptz)")
    ends = [dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC), dt.datetime(1, 1, 1, tzinfo=dt.UTC)]
    bench.insert("ends", [{"id": index, "instant": value} for index, value in enumerate(ends)])
    for zone in ("Asia/Tokyo", "America/New_York", "UTC"):
        with bench.database.engine.connect() as connection:
            connection.exec_driver_sql(f"SET TIME ZONE '{zone}'")
            cursor = connection.execute(sa.select(bench.table("ends").c.instant).order_by(sa.text("id"))).cursor
            decode = bench.database.backend.decoder(bench.describe("ends").column("instant").kind)
            assert [decode(value) for (value,) in cursor.fetchall()] == ends


def test_infinite_dates_in_arrow_data(bench_of) -> None:
    bench = bench_of("duckdb")
    bench.run("CREATE TABLE old (id INTEGER PRIMARY KEY, day DATE, moment TIMESTAMP)")
    bench.run("INSERT INTO old VALUES (1, 'infinity', '-infinity'), (2, NULL, NULL)")
    for column in ("day", "moment"):
        with pytest.raises(DatabaseError, match="no infinite dates"):
            bench.arrow("old", column)


# Stopping

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT count(*) FROM generate_series(1, 10000000000) AS n(i)",
    "mariadb": "SELECT count(*) FROM seq_1_to_10000000000 AS a WHERE md5(seq) = 'x'",
    "duckdb": "SELECT sum(a.range * b.range) OVER (ORDER BY a.range) FROM range(100000) a, range(100000) b",
}


def slow_reading(target) -> Reading:
    return Reading(sa.text(SLOW[target.name]), (ResultColumn("n", databases["here"].backend.kind(sa.BigInteger())),))


def test_a_query_is_stopped_from_another_thread(target, things) -> None:
    backend, started = things.database.backend, threading.Event()
    outcome: list[BaseException] = []
    session: list[object] = []

    def work() -> None:
        try:
            with things.database.connect() as connection:
                session.append(connection.connection.driver_connection)
                started.set()
                connection.execution_options(no_parameters=True).exec_driver_sql(SLOW[target.name]).fetchall()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
            outcome.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    started.wait(10)
    while worker.is_alive():
        time.sleep(0.1)
        backend.cancel(session[0])
        worker.join(0.3)
    assert isinstance(outcome[0], QueryCancelled), outcome
    assert len(things.rows("things")) == 3


def test_a_query_is_stopped_after_its_time(target, things, workbench) -> None:
    limited = workbench("limited", things.url, statement_timeout=0.3)
    limited_reading = Reading(slow_reading(target).statement, slow_reading(target).columns)
    with pytest.raises(QueryCancelled, match=r"0\.3"):
        read_rows(limited.database, limited_reading)
    with pytest.raises(QueryCancelled):
        read_table(limited.database, limited_reading)
    assert len(limited.rows("things")) == 3


# Reading inside a transaction


def test_a_transaction_reads_what_it_wrote(things) -> None:
    with atomic("here"):
        things.insert("things", [{"id": 4, "n": 4, "name": "new"}])
        assert len(things.rows("things")) == 4
        assert things.arrow("things", "id").to_pydict() == {"id": [1, 2, 3, 4]}
    assert len(things.rows("things")) == 4


@pytest.mark.filterwarnings("ignore:Previous unbuffered result was left incomplete")
def test_a_transaction_writes_while_it_reads(target, things, request) -> None:
    with atomic("here"):
        for batch in read_batches(things.database, things.reading("things", "id"), batch_rows=1):
            # A row is written while others are still to be read.
            changed = (
                sa.update(things.table("things")).values(n=5).where(things.table("things").c.id == batch[0][0].as_py())
            )
            assert matched(things, changed) == 1
    assert things.rows("things", "n") == [(5,)] * 3


def test_a_memory_database_reads_while_it_is_read(target, workbench) -> None:
    if not target.embedded:
        pytest.skip("no memory databases here")
    bench = workbench("here", f"{target.backend}:///:memory:")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    bench.insert("things", [{"id": number} for number in range(5)])
    with closing(read_batches(bench.database, bench.reading("things"), batch_rows=2)) as outer:
        assert next(outer).num_rows >= 1
        assert len(bench.rows("things")) == 5
        assert sum(batch.num_rows for batch in outer) < 5


def test_a_big_result_comes_in_batches(things) -> None:
    table = things.table("things")
    with things.database.begin() as connection:
        connection.execute(sa.insert(table), [{"id": number, "n": 1, "name": "x"} for number in range(10, 10_010)])
    sizes = [
        batch.num_rows for batch in read_batches(things.database, things.reading("things", "id"), batch_rows=2_048)
    ]
    assert sum(sizes) == 10_003
    assert len(sizes) > 2
    assert max(sizes) <= 4_096


# SQL text


def test_sql_text_with_parameters(target, things) -> None:
    statement = sa.text("SELECT id, name FROM things WHERE id > :low AND name = :name AND '100%' <> '%s' ORDER BY id")
    kinds = [things.database.backend.kind(sa.BigInteger()), things.database.backend.kind(sa.Text())]
    columns = tuple(ResultColumn(name, kind) for name, kind in zip(("id", "name"), kinds, strict=True))
    reading = Reading(statement.bindparams(low=1, name="same"), columns)
    assert read_rows(things.database, reading) == [(2, "same"), (3, "same")]
    assert read_table(things.database, reading).to_pydict() == {"id": [2, 3], "name": ["same", "same"]}


DESCRIBED = {
    "postgresql": {
        "1::smallint": "int16",
        "1.5::numeric(5, 2)": "decimal128(5, 2)",
        "true": "bool",
        "'x'::varchar": "string",
        "'2024-01-01'::date": "date32[day]",
        "'2024-01-01 01:00+01'::timestamptz": "timestamp[us, tz=UTC]",
        "interval '1 month'": "month_day_nano_interval",
        "'{}'::jsonb": "string",
        "'::1'::inet": "string",
        "array[1, 2]": "list<item: int32>",
        "'\\x00'::bytea": "binary",
    },
    "mariadb": {
        "18446744073709551615": "uint64",
        "CAST(1.5 AS DECIMAL(5, 2))": "decimal128(5, 2)",
        "'x'": "string",
        "DATE '2024-01-01'": "date32[day]",
        "TIMESTAMP '2024-01-01 01:00:00'": "timestamp[us]",
        "x'00'": "binary",
        "1.5e0": "double",
    },
    "duckdb": {
        "1::smallint": "int16",
        "1.5::numeric(5, 2)": "decimal128(5, 2)",
        "true": "bool",
        "'x'": "string",
        "date '2024-01-01'": "date32[day]",
        "'2024-01-01 01:00:00+01'::timestamptz": "timestamp[us, tz=UTC]",
        "[1, 2]": "list<item: int32>",
        "'a'::blob": "binary",
    },
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_sql_text_is_typed_by_the_driver(name, bench_of) -> None:
    database = bench_of(name).database
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE made (id INTEGER PRIMARY KEY)")
    columns = [f"{expression} AS c{index}" for index, expression in enumerate(DESCRIBED[name])]
    found = read_sql_text(database, f"SELECT {', '.join(columns)}")
    assert dict(zip(DESCRIBED[name], map(str, found.schema.types), strict=True)) == DESCRIBED[name]


def test_a_month_is_never_thirty_days(bench_of) -> None:
    database = bench_of("duckdb").database
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE made (id INTEGER PRIMARY KEY)")
    found = read_sql_text(database, "SELECT INTERVAL '1 month' AS span")
    assert found["span"].to_pylist() == [pa.MonthDayNano([1, 0, 0])]
