"""The fast loaders of the file databases: they store what plain INSERTs store, and leave nothing when they fail."""

from __future__ import annotations

import datetime as dt
import gc
import math
import os
import signal
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from specimens import PREPARE, SPECIMENS, Specimen

import multidb_explorer as mdb
from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load
from multidb_explorer.backends.sqlite_load_values import canonical_values, stored_values, stores
from multidb_explorer.backends.sqlite_values import naive, number
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.stopping import stoppable
from multidb_explorer.errors import IntegrityError, QueryCancelled

FILES = ("sqlite", "duckdb")


def batch_of(columns: Sequence[ResultColumn], rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    values = zip(*rows, strict=True) if rows else [[] for _ in columns]
    arrays = [to_array([*found], column.kind) for found, column in zip(values, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def columns_of(bench: Any, table: str, *names: str) -> tuple[ResultColumn, ...]:
    described = bench.describe(table)
    chosen = names or [column.name for column in described.columns]
    return tuple(ResultColumn(name, described.column(name).kind, described.column(name).nullable) for name in chosen)


def load_batches(bench: Any, table: str, columns: Sequence[ResultColumn], batches: Any) -> int:
    (loader,) = bench.database.backend.loaders
    with bench.database.begin() as connection:
        load = Load(connection, bench.table(table), tuple(columns))
        assert loader.refusal(load) == ""
        return int(loader.load(load, batches))


def load(bench: Any, table: str, rows: Sequence[Sequence[Any]], *names: str) -> int:
    columns = columns_of(bench, table, *names)
    return load_batches(bench, table, columns, [batch_of(columns, rows)])


@pytest.fixture(params=FILES)
def things(request: pytest.FixtureRequest, bench_of: Callable[[str], Any]) -> Any:
    """Things with owners, on each engine whose databases are files."""
    bench = bench_of(request.param)
    bench.run(
        "CREATE TABLE owners (id INTEGER PRIMARY KEY)",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(20) DEFAULT 'new' NOT NULL, "
        "owner_id INTEGER REFERENCES owners (id), n INTEGER)",
        "INSERT INTO owners VALUES (1)",
        "INSERT INTO things VALUES (1, 'first', 1, NULL)",
    )
    return bench


# What is stored


def specimen_rows(specimens: dict[str, Specimen]) -> list[tuple[Any, ...]]:
    count = max(len(specimen.values) for specimen in specimens.values()) + 1
    return [
        (row, *(specimen.values[row] if row < len(specimen.values) else None for specimen in specimens.values()))
        for row in range(count)
    ]


def as_stored(bench: Any, table: str) -> list[tuple[Any, ...]]:
    """Give each value with all that tells it from another one: SQLite's class of it, or its text."""
    names = [column.name for column in bench.describe(table).columns]
    if bench.database.backend.name == "sqlite":
        told = [f'typeof("{name}"), quote("{name}"), "{name}"' for name in names]
    else:
        told = [f'typeof("{name}"), CAST("{name}" AS VARCHAR)' for name in names]
    with bench.database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(f"SELECT {', '.join(told)} FROM {table} ORDER BY id"))]


@pytest.mark.parametrize("engine", FILES)
def test_every_type_is_stored_as_a_plain_insert_stores_it(engine: str, bench_of: Callable[[str], Any]) -> None:
    bench, specimens = bench_of(engine), SPECIMENS[engine]
    declared = ", ".join(f"{name} {specimen.declared}" for name, specimen in specimens.items())
    bench.run(
        *PREPARE[engine],
        f"CREATE TABLE plainly (id INTEGER PRIMARY KEY, {declared})",
        f"CREATE TABLE quickly (id INTEGER PRIMARY KEY, {declared})",
    )
    rows = specimen_rows(specimens)
    bench.insert("plainly", [dict(zip(("id", *specimens), row, strict=True)) for row in rows])

    assert load(bench, "quickly", rows) == len(rows)
    assert as_stored(bench, "quickly") == as_stored(bench, "plainly")
    assert bench.arrow("quickly").to_pylist() == bench.arrow("plainly").to_pylist()


def test_a_union_without_a_value_is_null(bench_of: Callable[[str], Any]) -> None:
    bench = bench_of("duckdb")
    bench.run("CREATE TABLE odd (id INTEGER PRIMARY KEY, x UNION(n INTEGER, t VARCHAR))")
    load(bench, "odd", [(1, "text"), (2, None)])

    assert bench.rows("odd") == [(1, "text"), (2, None)]


def test_the_zone_of_the_session_changes_no_instant(bench_of: Callable[[str], Any]) -> None:
    bench = bench_of("duckdb")
    bench.run("CREATE TABLE visits (id INTEGER PRIMARY KEY, seen TIMESTAMPTZ)")
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
    with mdb.atomic("here") as _, bench.database.begin() as connection:
        connection.exec_driver_sql("SET TimeZone = 'Asia/Tokyo'")
        load(bench, "visits", [(1, moment)])

    assert bench.rows("visits") == [(1, moment)]


ODD: dict[str, list[Any]] = {
    "UUID": [uuid.UUID(int=7).hex, str(uuid.UUID(int=7)), None],
    "VARIABLE": ["1", "1.0", "x", "1e3", None],
    "ANYTHING": ["0012", "", "é", None],
    "BOOLEAN NOT NULL": [True, False],
    "DATETIME(6)": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, microsecond=1), None],
    "DECIMAL(30, 10)": [Decimal("0.1"), Decimal(2**62), Decimal("-12345.0000000001"), None],
    # As a quotient of two doubles it would be the neighbour of the double that it is.
    "DECIMAL(20, 3)": [Decimal("12420549150783.525"), None],
    "NUMERIC(20)": [Decimal(2**53 + 1), Decimal(-(2**63) + 1), Decimal(0), None],
    "NUMERIC": [Decimal("1E+30"), Decimal("1E-30"), Decimal(5), None],
    "DECIMAL(38, 30)": [Decimal("0.5"), Decimal("1E-30"), Decimal(3), None],
    "FLOAT": [1.0, -0.0, 1e300, None],
    "INT": [5, -(2**63), None],
    "JSON": ['{"a":  1.10}', "null", None],
    "CHAR(3)": ["abc", "", None],
}


@pytest.mark.parametrize("declared", ODD)
def test_odd_declarations_store_what_a_plain_insert_stores(declared: str, bench_of: Callable[[str], Any]) -> None:
    bench = bench_of("sqlite")
    for table in ("plainly", "quickly"):
        bench.run(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, x {declared})")
    rows: list[tuple[Any, ...]] = [*enumerate(ODD[declared])]
    bench.insert("plainly", [{"id": key, "x": value} for key, value in rows])
    load(bench, "quickly", rows)

    assert as_stored(bench, "quickly") == as_stored(bench, "plainly")


def test_types_that_are_declared_in_python_bind_as_they_do(bench_of: Callable[[str], Any]) -> None:
    class Shouted(sa.TypeDecorator[str]):
        impl = sa.String
        cache_ok = True

        def process_bind_param(self, value: Any, dialect: Any) -> Any:
            return value if value is None else value.upper()

        def bind_expression(self, bindvalue: Any) -> Any:
            return sa.func.trim(bindvalue)

    bench = bench_of("sqlite")
    table = sa.Table(
        "declared_here",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.Uuid),
        sa.Column("word", Shouted),
        sa.Column("span", sa.Interval),
        sa.Column("member", sa.Enum("a", "b")),
        sa.Column("n", sa.Integer, default=5),
    )
    kinds = [("id", Kind("integer")), ("code", Kind("uuid")), ("word", Kind("text"))]
    kinds += [("member", Kind("enum", choices=("a", "b")))]
    columns = tuple(ResultColumn(name, kind) for name, kind in kinds)
    rows = [(1, uuid.UUID(int=255), " é", "b"), (2, None, None, None)] * 9
    rows = [(place, *row[1:]) for place, row in enumerate(rows)]
    with bench.database.begin() as connection:
        table.create(connection)
        bench.database.backend.loaders[0].load(Load(connection, table, columns), [batch_of(columns, rows)])
        found = connection.exec_driver_sql("SELECT code, word, member, n FROM declared_here ORDER BY id").all()

    assert [tuple(row) for row in found] == [(uuid.UUID(int=255).hex, "É", "b", None), (None,) * 4] * 9


def bound(array: pa.Array, kind: Kind) -> list[Any]:
    """Give what SQLite makes of the values that are bound: it takes NaN for NULL."""
    values = stored_values(array, kind)
    assert None not in values
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]


DECIMALS = st.one_of(st.none(), st.decimals(min_value=-(10**16), max_value=10**16, places=3))


@given(st.lists(DECIMALS, min_size=1), st.integers(0, 3))
def test_any_decimal_becomes_the_number_that_a_plain_insert_binds(values: list[Any], start: int) -> None:
    kind = Kind("decimal", precision=20, scale=3)
    found = bound(to_array([Decimal(1)] * start + values, kind).slice(start), kind)
    expected = [None if value is None else number(value) for value in values]

    assert [(type(value), value) for value in found] == [(type(value), value) for value in expected]


@given(st.lists(st.one_of(st.none(), st.datetimes(timezones=st.just(dt.UTC))), min_size=1), st.booleans())
def test_any_timestamp_becomes_the_text_that_a_plain_insert_binds(values: list[Any], whole: bool) -> None:
    if whole:
        values = [value and value.replace(microsecond=0) for value in values]
    kind = Kind("timestamp", tz=True)
    found = bound(to_array(values, kind), kind)

    assert found == [value and naive(value).isoformat(" ") for value in values]


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1))
def test_any_double_stays_itself(values: list[Any]) -> None:
    found = bound(to_array(values, Kind("float")), Kind("float"))

    assert [None if value is None else value.hex() for value in found] == [
        None if value is None else value.hex() for value in values
    ]


# How it is loaded


def test_rows_of_many_batches_arrive_once_and_empty_ones_do_no_harm(things: Any) -> None:
    columns = columns_of(things, "things", "id", "name")
    sizes = [0, 1, 7, 8, 9, 8_001, 0]
    starts = [2 + sum(sizes[:place]) for place in range(len(sizes))]
    rows = [[(key, f"n{key}") for key in range(start, start + size)] for start, size in zip(starts, sizes, strict=True)]
    found = load_batches(things, "things", columns, (batch_of(columns, part) for part in rows))

    assert found == sum(sizes)
    assert things.ask("SELECT count(*) FROM things WHERE name = 'n' || id") == sum(sizes)
    assert load_batches(things, "things", columns, []) == 0
    assert load_batches(things, "things", columns, [batch_of(columns, [])] * 2) == 0


def test_columns_that_are_left_out_get_their_defaults(things: Any) -> None:
    load(things, "things", [(5, 2)], "n", "id")
    assert things.rows("things") == [(1, "first", 1, None), (2, "new", None, 5)]


def test_rows_of_nothing_but_defaults_are_left_to_the_plain_way(things: Any) -> None:
    with things.database.begin() as connection:
        (loader,) = things.database.backend.loaders
        assert "no column" in loader.refusal(Load(connection, things.table("things"), ()))


def test_a_table_may_have_a_difficult_name_and_lie_elsewhere(bench_of: Callable[[str], Any]) -> None:
    for engine in FILES:
        bench = bench_of(engine)
        name = 'it\'s a "table" %s :x'
        quoted = '"' + name.replace('"', '""') + '"'
        bench.run(f'CREATE TABLE {quoted} (id INTEGER PRIMARY KEY, "select" INTEGER, "a %s :b" VARCHAR(9))')
        load(bench, name, [(1, 2, "x"), (2, None, None)])
        assert bench.rows(name) == [(1, 2, "x"), (2, None, None)]


def test_a_temporary_table_takes_rows(things: Any) -> None:
    table = sa.Table("staged", sa.MetaData(), sa.Column("id", sa.Integer), prefixes=["TEMPORARY"])
    columns = (ResultColumn("id", Kind("integer")),)
    with things.database.begin() as connection:
        table.create(connection)
        load = Load(connection, table, columns)
        things.database.backend.loaders[0].load(load, [batch_of(columns, [(1,), (2,)])])
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 2


def test_inside_a_block_it_belongs_to_the_block(things: Any) -> None:
    with pytest.raises(RuntimeError), mdb.atomic("here"):
        load(things, "things", [(2, "second", 1, None)])
        assert len(things.rows("things")) == 2
        raise RuntimeError
    assert len(things.rows("things")) == 1


def test_a_block_goes_on_after_a_load_that_failed(bench_of: Callable[[str], Any]) -> None:
    bench = bench_of("sqlite")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    with mdb.atomic("here"):
        load(bench, "things", [(1,)])
        with pytest.raises(IntegrityError):
            load(bench, "things", [(2,), (1,)])
        load(bench, "things", [(3,)])
    assert bench.rows("things") == [(1,), (3,)]


BAD = {
    "a key that is there": (1, "x", None, None),
    "a key that comes twice": (2, "x", None, None),
    "a NULL where none may be": (3, None, None, None),
    "an owner who is not there": (3, "x", 9, None),
}


@pytest.mark.parametrize("row", BAD.values(), ids=BAD)
def test_a_row_that_breaks_a_rule_leaves_nothing_of_the_load(things: Any, row: tuple[Any, ...]) -> None:
    columns = columns_of(things, "things")
    good = batch_of(columns, [(2, "second", 1, None)])
    bad = batch_of([*columns], [row])
    with pytest.raises(IntegrityError, match="here"):
        load_batches(things, "things", columns, [good, bad])

    assert things.rows("things") == [(1, "first", 1, None)]
    assert load(things, "things", [(2, "second", 1, None)]) == 1


def test_batches_are_made_in_the_callers_thread_and_their_errors_arrive(things: Any) -> None:
    columns = columns_of(things, "things", "id", "name")

    def batches() -> Iterator[pa.RecordBatch]:
        assert threading.current_thread() is threading.main_thread()
        yield batch_of(columns, [(2, "x")])
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        load_batches(things, "things", columns, batches())
    assert len(things.rows("things")) == 1


def test_a_block_may_read_what_it_loads(things: Any) -> None:
    columns = columns_of(things, "things", "id", "name")

    def batches() -> Iterator[pa.RecordBatch]:
        for key in range(2, 5):
            yield batch_of(columns, [(key, f"after {len(things.rows('owners'))}")])

    with mdb.atomic("here"):
        assert load_batches(things, "things", columns, batches()) == 3
    assert things.rows("things", "name")[1:] == [("after 1",)] * 3


def test_the_engine_keeps_nothing_of_what_it_was_given(bench_of: Callable[[str], Any], workbench: Any) -> None:
    bench = workbench("here", "duckdb:///:memory:")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    columns = columns_of(bench, "things")
    batches = [batch_of(columns, [(number,)]) for number in (1, 2)]
    kept = weakref.ref(batches[1])
    load_batches(bench, "things", columns, batches)
    with pytest.raises(IntegrityError):
        load_batches(bench, "things", columns, batches)
    del batches
    gc.collect()

    assert kept() is None
    assert bench.ask("SELECT count(*) FROM duckdb_views() WHERE NOT internal") == 0


def test_wide_rows_are_made_into_objects_a_few_at_a_time(bench_of: Callable[[str], Any]) -> None:
    bench = bench_of("sqlite")
    bench.run("CREATE TABLE wide (id INTEGER PRIMARY KEY, word TEXT)")
    seen: list[int] = []

    def look(_connection: Any, _cursor: Any, text: str, rows: Any, *_: Any) -> None:
        seen.append(len(rows) * text.count("(?"))

    sa.event.listen(bench.database.engine, "before_cursor_execute", look)
    load(bench, "wide", [(key, "x" * 2**20) for key in range(80)])

    assert bench.ask("SELECT sum(length(word)) FROM wide") == 80 * 2**20
    assert 0 < max(seen) <= 32


def endless(columns: Sequence[ResultColumn], ready: Callable[[], object]) -> Iterator[pa.RecordBatch]:
    """Make rows until somebody stops it."""
    start, size, schema = 10, 50_000, arrow_schema(columns)
    texts = pa.array(["x" * 20]).take(pa.array([0] * size))
    while True:
        numbers = pa.array(range(start, start + size), schema.field(0).type)
        yield pa.RecordBatch.from_arrays([numbers, texts], schema=schema)
        start += size
        ready()


def test_the_stop_button_stops_a_load_and_leaves_nothing(things: Any) -> None:
    columns = columns_of(things, "things", "id", "name")
    begun = threading.Event()

    def stop() -> None:
        begun.wait(30)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        load_batches(things, "things", columns, endless(columns, begun.set))
    thread.join()

    assert len(things.rows("things")) == 1
    assert load(things, "things", [(2, "second", 1, None)]) == 1


def test_another_thread_stops_a_load(things: Any) -> None:
    columns = columns_of(things, "things", "id", "name")
    begun, outcome = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            stop.watch_this_thread()
            load_batches(things, "things", columns, endless(columns, begun.set))
        except BaseException as error:  # noqa: BLE001 -- the test looks at it
            outcome.append(error)

    with stoppable(things.database) as stop:
        worker = threading.Thread(target=work)
        worker.start()
        begun.wait(30)
        stop()
        worker.join(30)

    assert isinstance(outcome[0], QueryCancelled), outcome
    assert len(things.rows("things")) == 1


def test_a_form_that_arrow_alone_does_not_give_is_made_value_by_value() -> None:
    kind = Kind("decimal", precision=80, scale=2)
    assert canonical_values(to_array([Decimal("1.50"), None], kind), kind) == [Decimal("1.50"), None]
    assert not stores(Kind("interval"))


@pytest.mark.parametrize("rows", [122_880, 300_000])
def test_a_whole_row_group_is_seen_in_a_temporary_table_made_from_a_query(tmp_path: Path, rows: int) -> None:
    mdb.connect("here", f"duckdb:///{tmp_path / 'groups.duckdb'}")
    with databases["here"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    first, later = pa.table({"id": range(rows)}), pa.table({"id": range(rows // 2, rows // 2 + rows)})

    assert mdb.write(first, "t", using="here", batch_size=rows).inserted == rows
    report = mdb.write(later, "t", using="here", mode="upsert", batch_size=rows)
    assert (report.updated, report.inserted) == (rows - rows // 2, rows // 2)
