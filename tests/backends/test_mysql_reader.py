"""MariaDB's fast reader: the same tables as the plain cursor, on the same session, and nothing left behind."""

from __future__ import annotations

import os
import signal
import threading
from decimal import Decimal
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from specimens import MARIADB

import multidb_explorer as mdb
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.mysql_reader import WireReader
from multidb_explorer.backends.mysql_wire import Inbox
from multidb_explorer.errors import QueryCancelled, ValueNotRepresentable
from multidb_explorer.results.fetching import chosen
from multidb_explorer.results.reading import Reading, request
from multidb_explorer.results.stream import read_batches, read_table

WHOLE = Kind("integer")
LENGTHS = (0, 1, 250, 251, 252, 65_535, 65_536)


@pytest.fixture
def bench(bench_of):
    return bench_of("mariadb")


@pytest.fixture
def specimens(bench):
    """A table with every type, each value in a row of its own, NULL everywhere and a mix of all."""
    columns = ", ".join(f"{name}_ {specimen.declared}" for name, specimen in MARIADB.items())
    bench.run(f"CREATE TABLE specimens (id INTEGER PRIMARY KEY, {columns})")
    rows = [{"id": 0}]
    for index in range(150):
        mixed = {f"{name}_": item.values[index % len(item.values)] for name, item in MARIADB.items() if name != "words"}
        rows.append({"id": index + 1, **(mixed if index % 3 else dict.fromkeys(mixed))})
    rows.append({"id": 200, "words_": MARIADB["words"].values[-1]})
    bench.insert("specimens", rows)
    return bench


def both(read):
    """Give what is read by the plain cursor and by the fast reader."""
    mdb.options.fast_readers = False
    plain = read()
    mdb.options.fast_readers = True
    return plain, read()


def agree(bench, reading) -> pa.Table:
    with bench.database.connect() as connection:
        asked = request(bench.database, connection, reading, 1000)
        assert isinstance(chosen(bench.database.backend, asked).reader, WireReader)
    plain, fast = both(lambda: read_table(bench.database, reading))
    assert fast.schema.equals(plain.schema)
    for name in plain.column_names:
        assert fast[name].equals(plain[name]), name
    return fast


def reading(sql: str, *columns: ResultColumn) -> Reading:
    return Reading(sa.text(sql), columns)


def numbers(bench, count: int) -> Reading:
    """A statement that gives so many rows, of which the last come a while after the first."""
    return reading(f"SELECT seq AS n, repeat('x', 1000) AS t FROM seq_1_to_{count}", *NUMBERED)


NUMBERED = (ResultColumn("n", WHOLE), ResultColumn("t", Kind("text")))


def running(bench) -> list[str]:
    found = bench.database.engine.connect()
    with found:
        sql = "SELECT info FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query'"
        return [text for (text,) in found.exec_driver_sql(sql) if "seq_1_to" in (text or "")]


def is_over(bench) -> bool:
    """Tell whether the statement ends within a second; the order to stop takes a moment to be followed."""
    over = threading.Event()
    return any(not running(bench) or over.wait(0.05) for _ in range(20))


def test_reader_and_cursor_agree_on_every_type(specimens) -> None:
    assert agree(specimens, specimens.reading("specimens")).num_rows == 152


def test_reader_and_cursor_agree_on_nothing_but_null(specimens) -> None:
    specimens.run("DELETE FROM specimens WHERE big_ IS NOT NULL OR words_ IS NOT NULL")
    table = specimens.table("specimens")
    assert agree(specimens, specimens.reading("specimens")).num_rows == 51
    assert agree(specimens, specimens.reading("specimens", where=table.c.id < 0)).num_rows == 0


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_have_the_size_that_was_asked_for(specimens, size) -> None:
    plain, fast = both(lambda: list(read_batches(specimens.database, specimens.reading("specimens"), size)))
    assert fast == plain


@pytest.mark.parametrize("declared", ["longblob", "longtext"])
def test_reader_and_cursor_agree_at_each_width_of_a_length(bench, declared) -> None:
    bench.run(f"CREATE TABLE wide (id INTEGER PRIMARY KEY, before_ {declared}, note {declared}, after_ INTEGER)")
    for index, length in enumerate(LENGTHS):
        bench.run(f"INSERT INTO wide VALUES ({index}, repeat('b', {length}), repeat('é', {length}), {length})")
    found = agree(bench, bench.reading("wide"))
    assert [len(value) for value in found["before_"].to_pylist()] == list(LENGTHS)


def test_a_row_of_several_packets_is_one_row(bench) -> None:
    sql = "SELECT seq AS n, repeat('x', IF(seq IN (2, 3), 16777210 + seq * 3, 5)) AS t FROM seq_1_to_5"
    found = agree(bench, reading(sql, *NUMBERED))
    limit = bench.ask("SELECT @@max_allowed_packet")
    lengths = [5 if n not in (2, 3) else 16_777_210 + n * 3 for n in range(1, 6)]
    expected = [length if length <= limit else None for length in lengths]
    assert [value and len(value) for value in found["t"].to_pylist()] == expected


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "'0000-00-00'"),
        ("date", "'2024-00-10'"),
        ("date", "'0000-01-01'"),
        ("datetime", "'0000-00-00'"),
        ("datetime(6)", "'0000-05-05 10:00:00.5'"),
        ("timestamp null", "0"),
        ("tinyint(1)", "2"),
        ("tinyint(1)", "-1"),
        ("time", "'24:00:00'"),
        ("time", "'-00:00:01'"),
        ("time(6)", "'838:59:59.999999'"),
        ("enum('a', 'b')", "'c'"),
    ],
)
def test_reader_and_cursor_refuse_the_same_values(bench, declared, value) -> None:
    bench.run(f"CREATE TABLE strange (id INTEGER PRIMARY KEY, v {declared})")
    bench.run("INSERT INTO strange VALUES (1, NULL)", "SET sql_mode = ''", f"INSERT INTO strange VALUES (2, {value})")

    def refused() -> str:
        with pytest.raises(ValueNotRepresentable) as caught:
            bench.arrow("strange")
        return str(caught.value)

    plain, fast = both(refused)
    assert fast == plain


def test_reader_and_cursor_agree_on_computed_columns(specimens) -> None:
    specimen = mdb.reflect("specimens", using="here").objects
    sql = "SELECT {} AS v FROM specimens ORDER BY id"
    for expression, kind in {
        "SUM(whole_) OVER ()": WHOLE,
        "AVG(whole_) OVER ()": Kind("float"),
        "small_ / 7": Kind("decimal", precision=30, scale=10),
        "decimal_ * 1.5": Kind("decimal", precision=50, scale=20),
        "single_": Kind("float"),
        "double_ + 1": Kind("float"),
        "whole_ > 5": Kind("boolean"),
        "CONCAT(short_, '😀')": Kind("text"),
        "DATE(moment_)": Kind("date"),
        "CONCAT(DATE(moment_))": Kind("date"),
        "NULL": Kind("integer"),
        "CAST(id AS CHAR)": Kind("text"),
        "HEX(bytes_)": Kind("text"),
        "TIME(moment_)": Kind("time"),
    }.items():
        agree(specimens, reading(sql.format(expression), ResultColumn("v", kind, computed=True)))
    plain, fast = both(lambda: specimen.order_by("id").values("id", "big_", "decimal_").to_arrow())
    assert fast == plain


def test_parameters_are_bound_as_ever(bench) -> None:
    bench.run("CREATE TABLE said (id INTEGER PRIMARY KEY, t TEXT)")
    texts = ["it's 100% :a %s", 'a "b" \\ \n', "😀"]
    bench.insert("said", [{"id": index, "t": text} for index, text in enumerate(texts)])
    for text in texts:
        found = agree(bench, bench.reading("said", where=bench.table("said").c.t == text))
        assert found["t"].to_pylist() == [text]


def test_an_open_block_sees_its_own_rows(bench) -> None:
    bench.run("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    with mdb.atomic(using="here"):
        bench.insert("t", [{"id": 7}, {"id": 8}])
        found = read_batches(bench.database, bench.reading("t"), 1)
        assert next(found)["id"].to_pylist() == [7]
        # The session is free although the second batch is still to come.
        assert bench.arrow("t")["id"].to_pylist() == [7, 8]
        assert next(found)["id"].to_pylist() == [8]
    assert bench.arrow("t").num_rows == 2


def test_a_read_that_is_given_up_stops_the_statement(bench) -> None:
    batches = read_batches(bench.database, numbers(bench, 50_000_000), 1000)
    next(batches)
    batches.close()

    assert is_over(bench)
    assert bench.ask("SELECT 1") == 1
    assert bench.database.engine.pool.checkedout() == 0


def test_a_statement_that_is_killed_halfway_tells_so(bench) -> None:
    batches = read_batches(bench.database, numbers(bench, 50_000_000), 1000)
    next(batches)
    session = bench.ask(
        "SELECT id FROM information_schema.processlist WHERE info LIKE '%seq_1_to%' AND id <> CONNECTION_ID()"
    )
    bench.run(f"KILL QUERY {session}")

    with pytest.raises(QueryCancelled):
        for _ in batches:
            pass
    assert bench.ask("SELECT 1") == 1


@pytest.mark.parametrize(
    "sql",
    ["SELECT SLEEP(20) AS n, 'x' AS t", "SELECT seq AS n, repeat('x', 1000) AS t FROM seq_1_to_50000000"],
    ids=["while it runs", "while it is read"],
)
def test_the_stop_button_stops_the_statement_in_the_server(bench, sql) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            for _ in read_batches(bench.database, reading(sql, *NUMBERED)):
                pass
            timer.join()
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)

    assert is_over(bench)
    assert bench.ask("SELECT 1") == 1
    assert bench.database.engine.pool.checkedout() == 0


def test_a_procedure_with_several_results_leaves_the_session_clean(bench) -> None:
    bench.run("CREATE PROCEDURE two() BEGIN SELECT 1 AS n, 'a' AS t UNION SELECT 2, 'b'; SELECT 3; END")
    found = read_table(bench.database, reading("CALL two()", *NUMBERED))
    assert found.to_pylist() == [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}]
    assert bench.ask("SELECT 1") == 1


def test_few_rows_are_left_to_the_plain_cursor(bench) -> None:
    with bench.database.connect() as connection:
        few = Reading(sa.text("SELECT 1 AS n"), NUMBERED[:1], most=10)
        assert "plain cursor" in WireReader().refusal(request(bench.database, connection, few, 1000))


def test_rows_are_estimated_by_the_plan(bench) -> None:
    bench.run("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO t SELECT seq, seq FROM seq_1_to_5000")
    bench.run("ANALYZE TABLE t")
    table = bench.table("t")

    def estimate(statement: sa.Executable) -> int | None:
        with bench.database.connect() as connection:
            return bench.database.backend.estimated(connection, statement)

    assert 4000 < (estimate(sa.select(table)) or 0) < 6000
    assert estimate(sa.select(table).where(table.c.id <= 10)) == 10
    assert estimate(sa.select(sa.func.count()).select_from(table)) is None
    assert estimate(sa.text("no statement at all")) is None


# The parser alone

FIELD = (
    st.none() | st.binary(max_size=4) | st.integers(0, 300).map(bytes) | st.sampled_from([65_535, 65_536]).map(bytes)
)


def written(field: bytes | None) -> bytes:
    if field is None:
        return b"\xfb"
    length = len(field)
    if length < 251:
        return bytes([length]) + field
    return (
        b"\xfc" + length.to_bytes(2, "little") if length < 65_536 else b"\xfd" + length.to_bytes(3, "little")
    ) + field


@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=12),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
    first=st.integers(0, 255),
    taken=st.booleans(),
)
def test_rows_are_found_wherever_the_bytes_are_cut(rows, cuts, first, taken) -> None:
    packets = [*(b"".join(map(written, row)) for row in rows), b"\xfe\0\0\0\0"]
    stream = b"".join(
        len(packet).to_bytes(3, "little") + bytes([(first + place) & 255]) + packet
        for place, packet in enumerate(packets)
    )
    inbox, found = Inbox(first), []

    def take() -> None:
        if inbox.ready:
            found.extend(zip(*(cells.texts() for cells in inbox.take().columns(3)), strict=True))

    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, stop in pairwise(edges):
        inbox.put(stream[start:stop])
        if taken:
            take()
    take()
    assert found == rows
    assert inbox.ended
    assert inbox.rest.endswith(b"\xfe\0\0\0\0")


def test_bytes_that_are_no_rows_are_refused() -> None:
    from pymysql.err import InternalError

    with pytest.raises(InternalError):
        Inbox(5).put(b"\x02\0\0\x01\x01a")
    inbox = Inbox(0)
    inbox.put(b"\x03\0\0\0\x01ab")
    with pytest.raises(InternalError):
        inbox.take().columns(1)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**15), max_value=10**15))
def test_decimals_are_read_as_they_are_written(value: Decimal) -> None:
    from multidb_explorer.backends.mysql_arrays import array_of

    text = written(f"{value:f}".encode())
    inbox = Inbox(0)
    inbox.put(len(text).to_bytes(3, "little") + b"\0" + text)
    (cells,) = inbox.take().columns(1)
    assert array_of(cells, Kind("decimal", precision=20, scale=3)).to_pylist() == [value]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_are_read_as_they_are_written(values: list[int | None]) -> None:
    from multidb_explorer.backends.mysql_arrays import array_of

    inbox = Inbox(0)
    for place, value in enumerate(values):
        text = written(None if value is None else str(value).encode())
        inbox.put(len(text).to_bytes(3, "little") + bytes([place & 255]) + text)
    (cells,) = inbox.take().columns(1)
    assert array_of(cells, WHOLE).to_pylist() == values


@given(
    rows=st.lists(
        st.binary(min_size=1, max_size=5) | st.sampled_from([bytes(40), bytes([1, 0, 0, 1] * 9)]), min_size=1
    ),
    short=st.integers(0, 9),
    first=st.integers(0, 255),
)
def test_packets_found_at_once_are_those_that_a_walk_finds(rows: list[bytes], short: int, first: int) -> None:
    from multidb_explorer.backends.mysql_packets import whole_rows

    packets = [
        len(row).to_bytes(3, "little") + bytes([(first + place) & 255]) + row for place, row in enumerate(rows * 40)
    ]
    stream = b"".join(packets)[: -short or None]
    begins = list(accumulate(map(len, packets), initial=0))
    places, end = whole_rows(np.frombuffer(stream, np.uint8), first)
    assert [*places.tolist(), end] == begins[: len(places) + 1]
    assert end <= len(stream)
