"""Fast loaders: whatever one of them writes is stored as a plain INSERT would have stored it, or not at all."""

from __future__ import annotations

import os
import signal
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from math import isfinite
from random import Random
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from specimens import PREPARE, SPECIMENS, stored
from targets import TARGETS

import multidb_explorer as mdb
from multidb_explorer.backends import backend_for
from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load, Loader
from multidb_explorer.connections.stopping import stoppable
from multidb_explorer.errors import IntegrityError, QueryCancelled

ALL = [(target.name, loader) for target in TARGETS for loader in backend_for(target.backend).loaders]
WHOLE = Kind("integer", bits=32)


@pytest.fixture(params=ALL, ids=lambda pair: f"{pair[0]}-{pair[1].name.replace(' ', '-')}")
def loader(request) -> Loader:
    """Run the test once per loader of each engine."""
    return request.param[1]


@pytest.fixture
def engine(request, loader) -> str:
    """The engine of the loader."""
    return next(name for name, each in ALL if each is loader)


@pytest.fixture
def bench(bench_of, engine):
    return bench_of(engine)


def batch(columns: Sequence[ResultColumn], rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Make a batch of rows; what a row leaves out is NULL."""
    arrays = [to_array([stored(row.get(column.name)) for row in rows], column.kind) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def columns_of(bench, table: str, *names: str) -> tuple[ResultColumn, ...]:
    described = bench.describe(table)
    chosen = [described.column(name) for name in names] if names else described.columns
    return tuple(ResultColumn(column.name, column.kind, column.nullable) for column in chosen)


def load_of(bench, connection, table: str, *names: str) -> Load:
    return Load(connection, bench.table(table), columns_of(bench, table, *names))


def write(bench, loader: Loader, table: str, batches: Iterable[pa.RecordBatch], *names: str) -> int:
    """Load in a transaction of its own, or inside the block that is open."""
    with bench.database.begin() as connection:
        load = load_of(bench, connection, table, *names)
        assert loader.refusal(load) == ""
        return loader.load(load, batches)


def write_rows(bench, loader: Loader, table: str, rows: Sequence[dict[str, Any]]) -> int:
    """Load rows that all give the same columns."""
    names = list(rows[0])
    return write(bench, loader, table, [batch(columns_of(bench, table, *names), rows)], *names)


def running(count: int) -> Iterator[dict[str, Any]]:
    return ({"id": number, "name": f"row {number}"} for number in range(count))


@pytest.fixture
def things(bench):
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(20), n INTEGER DEFAULT 7 NOT NULL)")
    return bench


# The same values are stored

NO_BINARY_FORM = {"address", "period", "bits", "money", "point", "moods", "zoned", "pair", "search", "markup"}
REFUSED = {"copy binary": NO_BINARY_FORM, "copy text": set(), "local data": set()}

STORED = {
    "sqlite": "typeof({0}) || quote({0})",
    "postgresql": "{0}::text",
    "mariadb": "HEX(CAST({0} AS BINARY))",
    "duckdb": "CAST({0} AS VARCHAR)",
}
# A number without limits keeps the zeros at its end, which Arrow has not.
OTHER_TEXT = {"free"}


def specimens(bench, engine: str) -> dict[str, Any]:
    found = {f"{name}_": specimen for name, specimen in SPECIMENS[engine].items()}
    bench.run(*PREPARE[engine])
    columns = ", ".join(f"{name} {specimen.declared}" for name, specimen in found.items())
    bench.run(*(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns})" for table in ("inserted", "loaded")))
    return found


def written(bench, loader: Loader, found: dict[str, Any]) -> list[str]:
    """Name the columns that the loader takes."""
    with bench.database.begin() as connection:
        taken = [name for name in found if not loader.refusal(load_of(bench, connection, "loaded", "id", name))]
    if loader.name in REFUSED:
        assert {name.rstrip("_") for name in found if name not in taken} == REFUSED[loader.name]
    return taken


def mixed(found: dict[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """Give rows with each value of each column, rows of NULLs, and rows of both."""
    rows: list[dict[str, Any]] = [dict.fromkeys(names)]
    for number in range(2 * max(len(found[name].values) for name in names)):
        values = {name: found[name].values[number % len(found[name].values)] for name in names}
        rows.append({name: None if number % 3 == place % 5 else values[name] for place, name in enumerate(names)})
        rows.append(values)
    return [{"id": number, **row} for number, row in enumerate(rows)]


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("size", [3, 1000])
def test_every_type_is_stored_as_by_an_insert(bench, engine, loader, size) -> None:
    found = specimens(bench, engine)
    names = written(bench, loader, found)
    rows = mixed(found, names)
    bench.insert("inserted", rows)
    whole = batch(columns_of(bench, "loaded", "id", *names), rows)
    parts = [whole.slice(start, size) for start in range(0, whole.num_rows, size)]
    assert write(bench, loader, "loaded", parts, "id", *names) == len(rows)
    expected, got = bench.arrow("inserted"), bench.arrow("loaded")
    for name in names:
        assert got[name].equals(expected[name]), name
    for name in names:
        if name.rstrip("_") not in OTHER_TEXT:
            assert texts(bench, engine, "loaded", name) == texts(bench, engine, "inserted", name), name


def texts(bench, engine: str, table: str, name: str) -> list[Any]:
    with bench.database.connect() as connection:
        sql = f"SELECT {STORED[engine].format(name)} FROM {table} ORDER BY id"
        return list(connection.execution_options(no_parameters=True).exec_driver_sql(sql).scalars())


DIGITS = {
    "sqlite": ((15, 0), (15, 2), (15, 15)),
    "postgresql": ((1, 0), (4, 4), (5, 2), (18, 6), (19, 1), (38, 37), (39, 3), (65, 30), (76, 0), (76, 75)),
    "mariadb": ((1, 0), (4, 4), (5, 2), (18, 6), (19, 1), (38, 37), (39, 3), (65, 30), (65, 0)),
    "duckdb": ((1, 0), (4, 4), (5, 2), (18, 6), (19, 1), (38, 37), (38, 0)),
}


def test_decimals_of_every_width(bench, engine, loader) -> None:
    random, widths = Random(5), DIGITS[engine]
    declared = ", ".join(f"d{place} DECIMAL({digits}, {scale})" for place, (digits, scale) in enumerate(widths))
    bench.run(f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {declared})")
    rows = []
    for number in range(300):
        count = [random.randrange(digits + 1) for digits, _ in widths]
        signed = [random.choice((1, -1)) * random.randrange(10**each) for each in count]
        values = [Decimal(f"{value}E-{scale}") for value, (_, scale) in zip(signed, widths, strict=True)]
        rows.append({"id": number} | {f"d{place}": value for place, value in enumerate(values)})
    assert write_rows(bench, loader, "wide", rows) == 300
    assert bench.arrow("wide").to_pylist() == rows


def test_floats_keep_every_bit(bench, loader) -> None:
    random = Random(6)
    bench.run("CREATE TABLE wide (id INTEGER PRIMARY KEY, f DOUBLE PRECISION NOT NULL)")
    found = (struct.unpack("d", random.randbytes(8))[0] for _ in range(2_000))
    rows = [{"id": number, "f": value} for number, value in enumerate(found) if isfinite(value)]
    write_rows(bench, loader, "wide", rows)
    assert bench.arrow("wide").to_pylist() == rows


def test_texts_of_every_character_that_means_something(things, loader) -> None:
    pieces = [
        "\\",
        "\t",
        "\n",
        "\r",
        "\\N",
        "\\.",
        "'",
        '"',
        ",",
        ";",
        "é",
        "😀",
        "%s",
        ":a",
        "{",
        "",
        "NULL",
        " ",
        "\b",
    ]
    names = [first + second for first in pieces for second in pieces]
    write_rows(things, loader, "things", [{"id": number, "name": name} for number, name in enumerate(names)])
    assert [name for _, name, _ in things.rows("things")] == names


def test_columns_and_tables_with_strange_names(bench, loader, engine) -> None:
    quote = "`" if engine == "mariadb" else '"'
    bench.run(f"CREATE TABLE {quote}my 100% table{quote} (id INTEGER PRIMARY KEY, {quote}a b%s:c{quote} VARCHAR(5))")
    write_rows(bench, loader, "my 100% table", [{"id": 1, "a b%s:c": "x"}])
    assert bench.rows("my 100% table") == [(1, "x")]


def test_columns_in_any_order_and_defaults_for_the_others(things, loader) -> None:
    columns = (ResultColumn("name", Kind("text")), ResultColumn("id", WHOLE, nullable=False))
    write(things, loader, "things", [batch(columns, list(running(2)))], "name", "id")
    assert things.rows("things") == [(0, "row 0", 7), (1, "row 1", 7)]


def test_nothing_and_batches_of_nothing(things, loader) -> None:
    columns = columns_of(things, "things", "id", "name")
    assert write(things, loader, "things", [], "id", "name") == 0
    some = [batch(columns, []), batch(columns, [{"id": 1, "name": None}]), batch(columns, [])]
    assert write(things, loader, "things", some, "id", "name") == 1
    assert things.rows("things", "id", "name") == [(1, None)]


def test_slices_of_a_batch(things, loader) -> None:
    whole = batch(columns_of(things, "things", "id", "name"), list(running(10)))
    write(things, loader, "things", [whole.slice(3, 4)], "id", "name")
    assert things.rows("things", "id", "name") == [(number, f"row {number}") for number in range(3, 7)]


def test_many_rows_of_many_sizes(things, loader) -> None:
    columns = columns_of(things, "things", "id", "name")
    rows = [{"id": number, "name": "x" * (number % 21) if number % 7 else None} for number in range(70_000)]
    batches = [batch(columns, rows[start : start + 30_000]) for start in range(0, len(rows), 30_000)]
    assert write(things, loader, "things", batches, "id", "name") == len(rows)
    assert things.arrow("things", "id", "name").to_pylist() == rows


def test_a_temporary_table_of_the_session(things, loader) -> None:
    with things.database.begin() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE heap (id INTEGER, name VARCHAR(20))")
        heap = sa.Table("heap", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("name", sa.String(20)))
        columns = columns_of(things, "things", "id", "name")
        load = Load(connection, heap, columns)
        assert loader.refusal(load) == ""
        assert loader.load(load, [batch(columns, list(running(3)))]) == 3
        assert connection.execute(sa.select(heap).order_by(heap.c.id)).all() == [(n, f"row {n}") for n in range(3)]
        connection.exec_driver_sql("DROP TABLE heap")


# A load that fails leaves nothing


def test_a_duplicate_key_is_an_error_and_nothing_is_written(things, loader) -> None:
    things.insert("things", [{"id": 5, "name": "old"}])
    columns = columns_of(things, "things", "id", "name")
    batches = [batch(columns, [{"id": 1}]), batch(columns, [{"id": 4}, {"id": 5}, {"id": 6}])]
    with pytest.raises(IntegrityError):
        write(things, loader, "things", batches, "id", "name")
    assert things.rows("things", "id", "name") == [(5, "old")]


def test_a_duplicate_within_the_load_is_an_error(things, loader) -> None:
    with pytest.raises(IntegrityError):
        write_rows(things, loader, "things", [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}])
    assert things.rows("things") == []


def test_null_where_none_may_stand_is_an_error(things, loader) -> None:
    columns = (ResultColumn("id", WHOLE), ResultColumn("n", WHOLE))
    with pytest.raises(IntegrityError):
        write(things, loader, "things", [batch(columns, [{"id": 1, "n": 1}, {"id": 2}])], "id", "n")
    assert things.rows("things") == []


def test_a_broken_rule_and_a_missing_parent_are_errors(bench, loader) -> None:
    bench.run(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER, n INTEGER CHECK (n > 0), "
        "FOREIGN KEY (parent) REFERENCES parents (id))",
        "INSERT INTO parents VALUES (1)",
    )
    write_rows(bench, loader, "children", [{"id": 0, "parent": 1, "n": 1}])
    for wrong in ({"id": 2, "parent": 2, "n": 1}, {"id": 2, "parent": 1, "n": 0}):
        with pytest.raises(IntegrityError):
            write_rows(bench, loader, "children", [{"id": 1, "parent": 1, "n": 1}, wrong])
    assert bench.rows("children") == [(0, 1, 1)]


def test_a_block_goes_on_after_a_load_that_failed(things, loader, engine) -> None:
    if not things.database.backend.features.savepoints:
        pytest.skip("the engine has no savepoints")
    with mdb.atomic(using="here"):
        write_rows(things, loader, "things", [{"id": 1, "name": "a"}])
        with pytest.raises(IntegrityError):
            write_rows(things, loader, "things", [{"id": 2, "name": "b"}, {"id": 1, "name": "c"}])
        write_rows(things, loader, "things", [{"id": 3, "name": "d"}])
        assert things.rows("things", "id") == [(1,), (3,)]
    assert things.rows("things", "id") == [(1,), (3,)]


def test_a_block_that_fails_takes_its_load_back(things, loader) -> None:
    with pytest.raises(LookupError), mdb.atomic(using="here"):
        write_rows(things, loader, "things", [{"id": 1, "name": "a"}])
        raise LookupError
    assert things.rows("things") == []


def endless(columns: Sequence[ResultColumn], started: threading.Event) -> Iterator[pa.RecordBatch]:
    for first in range(0, 2_000_000_000, 5_000):
        yield batch(columns, [{"id": number, "name": "x" * 20} for number in range(first, first + 5_000)])
        started.set()


def test_batches_that_end_in_an_error_leave_nothing(things, loader) -> None:
    columns = columns_of(things, "things", "id", "name")

    def failing() -> Iterator[pa.RecordBatch]:
        yield batch(columns, list(running(3)))
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        write(things, loader, "things", failing(), "id", "name")
    assert things.rows("things") == []
    assert write_rows(things, loader, "things", list(running(2))) == 2


# Stopping


def test_a_load_is_stopped_from_another_thread(things, loader) -> None:
    columns, started = columns_of(things, "things", "id", "name"), threading.Event()
    with stoppable(things.database) as stop:
        thread = threading.Thread(target=lambda: started.wait(30) and stop())
        thread.start()
        stop.watch_this_thread()
        with pytest.raises(QueryCancelled):
            write(things, loader, "things", endless(columns, started), "id", "name")
        thread.join()
    assert things.rows("things") == []
    assert write_rows(things, loader, "things", list(running(2))) == 2


def test_a_block_can_be_left_after_an_interrupt(things, loader) -> None:
    columns, started = columns_of(things, "things", "id", "name"), threading.Event()
    thread = threading.Thread(target=lambda: started.wait(30) and os.kill(os.getpid(), signal.SIGINT))
    thread.start()
    with pytest.raises(KeyboardInterrupt), mdb.atomic(using="here"):
        write_rows(things, loader, "things", [{"id": -1, "name": "a"}])
        write(things, loader, "things", endless(columns, started), "id", "name")
    thread.join()
    assert things.rows("things") == []
    assert write_rows(things, loader, "things", list(running(2))) == 2


def test_an_interrupt_ends_a_load_and_the_next_one_works(things, loader) -> None:
    columns, started = columns_of(things, "things", "id", "name"), threading.Event()

    def press() -> None:
        if started.wait(30):
            os.kill(os.getpid(), signal.SIGINT)

    for _ in range(3):
        started.clear()
        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            write(things, loader, "things", endless(columns, started), "id", "name")
        thread.join()
        assert things.rows("things") == []
    assert write_rows(things, loader, "things", list(running(2))) == 2
