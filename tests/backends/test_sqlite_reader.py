"""SQLite's fast reader beside the plain cursor: the same table or the same error, whatever a column holds."""

from __future__ import annotations

import datetime as dt
import gc
import os
import signal
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import multidb_explorer as mdb
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.sqlite_reader import ColumnReader
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import MultiDBError, OperationalError, QueryCancelled, ValueNotRepresentable
from multidb_explorer.results.fetching import chosen
from multidb_explorer.results.reading import Reading, request
from multidb_explorer.results.stream import read_batches, read_table

KINDS = {
    "integer": Kind("integer"),
    "small": Kind("integer", bits=16),
    "float": Kind("float"),
    "money": Kind("decimal", precision=12, scale=2),
    "tight": Kind("decimal", precision=3, scale=2),
    "wide": Kind("decimal", precision=30, scale=20),
    "anything": Kind("decimal"),
    "boolean": Kind("boolean"),
    "text": Kind("text"),
    "json": Kind("json"),
    "other": Kind("other"),
    "enum": Kind("enum", choices=("new", "", "it's")),
    "date": Kind("date"),
    "time": Kind("time"),
    "timestamp": Kind("timestamp"),
    "instant": Kind("timestamp", tz=True),
    "interval": Kind("interval"),
    "uuid": Kind("uuid"),
    "binary": Kind("binary"),
}
USUAL: dict[str, list[Any]] = {
    "integer": [0, -1, 2**63 - 1, -(2**63), 2**53 + 1],
    "small": [0, -32768, 32767],
    "float": [0.0, -0.0, 0.1, 5, float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308, 2**53, 3.0],
    "money": [0, 1, 0.01, 19.99, -19.99, 9999999999.99, 12345678.9, -0.0],
    "tight": [1, 9.99, -9.99],
    "wide": [1, 0.1, 1e-7],
    "anything": [1, 2**62, 0.1, 1e-7, 12345.678, 1e16],
    "boolean": [0, 1],
    "text": ["", "a", "it's\n", "\x00", "a\x00b", "Çağla 🎉", "NULL", "\x1f", "x" * 5000],
    "json": ['{"a": [1, 2, null]}', "null", "[]"],
    "other": ["", "whatever"],
    "enum": ["new", "it's", ""],
    "date": ["2026-01-31", "0001-01-01", "9999-12-31", "2024-02-29"],
    "time": ["00:00:00", "23:59:59.999999", "12:30:00.500000"],
    "timestamp": ["2026-01-31 12:00:00", "2026-01-31T12:00:00.000001", "0001-01-01 00:00:00", "9999-12-31 23:59:59.5"],
    "instant": ["2026-01-31 12:00:00", "1969-12-31 23:59:59.999999"],
    "interval": ["1970-01-02 00:00:00", "1969-12-31 23:59:59.000001"],
    "uuid": [uuid.UUID(int=place).hex for place in (0, 7, 2**128 - 1)],
    "binary": [b"", b"\x00\xff", b"abc"],
}
ODD: list[Any] = [
    *("seven", "7", "7.5", " 7", "1e3", "Infinity", "1_0", b"7", b"\xff\xfe", b"", 7, -7, 2, 2**62 + 1, 1.0, 1.5),
    *(float("inf"), 9.2e18, 9.3e18, 1e300, 0.1 + 0.2, 0.005, 90071992547409.91, 10**12, 1e-300, 4503599627370497.5),
    *(
        "2026-01-31 00:00:00",
        "2026-01-31 12:00:00+02:00",
        "2026-01-31 12:00:00Z",
        "20260131",
        "2026-1-31",
        "0000-01-01",
    ),
    *("2026-02-30", "2026-W05-6", "2026-01-31 24:00:00", "2026-01-31 12:00:60", "2026-01-31 12:00:00.1234567", "12"),
    *("12:30", "12:30:00.5", "25:00:00", "0000-01-01 00:00:00", "2026-01-31 12", " 2026-01-31", "2026-01-31\x00"),
    *(str(uuid.UUID(int=7)), "{" + str(uuid.UUID(int=7)) + "}", uuid.UUID(int=7).bytes, "0" * 31 + " ", "g" * 32),
]


def in_memory(values: list[Any]) -> Database:
    """A table of one column, of no declared type, that keeps each value as it is."""
    mdb.connect("odd", "sqlite://")
    database = databases["odd"]
    with database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS t")
        connection.exec_driver_sql("CREATE TABLE t (place INTEGER PRIMARY KEY, v)")
        rows = list(enumerate(values))
        if rows:
            connection.exec_driver_sql("INSERT INTO t VALUES (?, ?)", rows)
    return database


def reading_of(*columns: ResultColumn, most: int | None = None) -> Reading:
    names = (sa.column("v").label(column.name) for column in columns)
    return Reading(sa.select(*names).select_from(sa.table("t")).order_by(sa.text("place")), columns, most)


@contextmanager
def plain_cursor() -> Iterator[None]:
    mdb.options.fast_readers = False
    try:
        yield
    finally:
        mdb.options.fast_readers = True


def outcome(database: Database, reading: Reading, size: int = 1_000) -> Any:
    try:
        return list(read_batches(database, reading, size))
    except (ValueNotRepresentable, OperationalError) as error:
        return type(error), str(error)


def agree(database: Database, reading: Reading, size: int = 1_000) -> Any:
    """Read with both, and give what both gave."""
    fast = outcome(database, reading, size)
    with plain_cursor():
        plain = outcome(database, reading, size)
    assert type(fast) is type(plain), (fast, plain)
    if isinstance(fast, list):
        assert [batch.schema for batch in fast] == [batch.schema for batch in plain]
        assert all(one.equals(other) for one, other in zip(fast, plain, strict=True))
        for batch in fast:
            batch.validate(full=True)
    else:
        # Whether the first row is fetched when the statement is run decides whether its text is told.
        assert (fast[0], fast[1].partition("\n")[0]) == (plain[0], plain[1].partition("\n")[0])
    return fast


@pytest.fixture(scope="module", autouse=True)
def never_refused() -> None:
    """These tests would hold the plain cursor against itself otherwise."""
    database = in_memory([])
    with database.connect() as connection:
        for kind in KINDS.values():
            asked = request(database, connection, reading_of(ResultColumn("v", kind)), 10)
            assert isinstance(chosen(database.backend, asked).reader, ColumnReader)


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize("name", KINDS)
def test_usual_values_are_the_same_with_nulls_anywhere(name: str, size: int) -> None:
    usual = USUAL[name]
    column = ResultColumn("v", KINDS[name])
    for values in (usual, [None, *usual], [*usual, None], [None, None], [usual[0], None, *usual], []):
        found = agree(in_memory(values), reading_of(column), size)
        assert sum(batch.num_rows for batch in found) == len(values)
        assert [value for batch in found for value in batch.column(0).is_null().to_pylist()] == [
            value is None for value in values
        ]


OTHERS = [*ODD, *(values[-1] for values in USUAL.values())]
COMPUTED = ("integer", "float", "boolean", "money")


@pytest.mark.parametrize(
    ("name", "computed"), [*((name, False) for name in KINDS), *((name, True) for name in COMPUTED)]
)
def test_a_value_of_any_other_class_is_the_same_or_the_same_error(name: str, computed: bool) -> None:
    database = in_memory(OTHERS)
    column = ResultColumn("v", KINDS[name], computed=computed)
    whole = reading_of(column)
    for place in range(len(OTHERS)):
        agree(database, Reading(whole.statement.where(sa.text(f"place = {place}")), whole.columns))


def test_of_several_errors_the_same_one_is_said() -> None:
    database = in_memory(["1", b"\x00", 5])
    text, number, narrow = (ResultColumn(name, kind) for name, kind in zip("abc", map(KINDS.get, _THREE), strict=True))

    for columns in ((text, number), (number, text), (narrow, number), (narrow, text)):
        kind, said = agree(database, reading_of(*columns))
        assert kind is ValueNotRepresentable
        assert "on alias 'odd' holds a value that is no" in said


_THREE = ("text", "integer", "small")

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.decimals(-(10**10), 10**10, places=2).map(float),
    st.sampled_from([0, 1, 2]),
)
MOMENTS = st.one_of(
    st.datetimes().map(str), st.dates().map(str), st.times().map(str), st.datetimes().map(dt.datetime.isoformat)
)
STORED = st.one_of(
    st.none(), NUMBERS, st.text(st.characters(codec="utf-8"), max_size=5), st.binary(max_size=5), MOMENTS,
    st.uuids().map(lambda value: value.hex), st.sampled_from(ODD),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_values_in_any_column_are_the_same_or_the_same_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(KINDS)))
    mostly = st.one_of(st.sampled_from(USUAL[name]), st.sampled_from(USUAL[name]), st.none())
    values = data.draw(st.lists(data.draw(st.sampled_from([mostly, NUMBERS, MOMENTS, STORED])), max_size=8))
    agree(in_memory(values), reading_of(ResultColumn("v", KINDS[name])), data.draw(st.sampled_from([1, 3, 100])))


def test_a_batch_has_the_rows_that_were_asked_for() -> None:
    database = in_memory(list(range(10_001)))
    found = agree(database, reading_of(ResultColumn("v", KINDS["integer"], nullable=False)), 5_000)

    assert [batch.num_rows for batch in found] == [5_000, 5_000, 1]
    assert pa.Table.from_batches(found)["v"].to_pylist() == list(range(10_001))
    assert not found[0].schema.field("v").nullable


def test_a_late_value_of_another_class_is_read_too() -> None:
    values: list[Any] = [*range(9_000), 4.0, None]
    found = agree(in_memory(values), reading_of(ResultColumn("v", KINDS["integer"])), 5_000)
    assert found[1].column(0).to_pylist()[-3:] == [8999, 4, None]


def test_text_that_is_no_utf8_is_the_same_error(tmp_path: Any) -> None:
    with sqlite3.connect(tmp_path / "broken.db") as raw:
        raw.execute("CREATE TABLE t (place INTEGER PRIMARY KEY, v TEXT)")
        raw.execute("INSERT INTO t VALUES (1, CAST(x'ff41' AS TEXT))")
    raw.close()
    mdb.connect("broken", f"sqlite:///{tmp_path}/broken.db")

    kind, said = agree(databases["broken"], reading_of(ResultColumn("v", KINDS["text"])))
    assert kind is OperationalError
    assert "Could not decode to UTF-8" in said


def test_an_integer_among_bytes_is_refused() -> None:
    # Python makes five zero bytes of the number 5.
    kind, said = agree(in_memory([b"a", 5]), reading_of(ResultColumn("v", KINDS["binary"])))
    assert kind is ValueNotRepresentable
    assert "5 holds no bytes" in said


@pytest.fixture
def shelf(tmp_path: Any) -> Any:
    mdb.connect("shelf", f"sqlite:///{tmp_path}/shelf.db")
    with databases["shelf"].begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL, price DECIMAL(8,2), bought DATE)"
        )
        rows = [(n, f"title {n % 7}", n / 4 or None, f"2026-01-{n % 28 + 1:02}") for n in range(100)]
        connection.exec_driver_sql("INSERT INTO books VALUES (?, ?, ?, ?)", rows)
    return mdb.reflect("books", using="shelf")


def tables(queryset: Any) -> pa.Table:
    fast = queryset.to_arrow()
    with plain_cursor():
        plain = queryset.to_arrow()
    assert fast.schema == plain.schema
    assert fast.equals(plain)
    return fast


def test_querysets_read_the_same(shelf: Any) -> None:
    books = shelf.objects
    assert tables(books.order_by("-price", "id"))["id"].to_pylist()[:2] == [99, 98]
    assert tables(books.filter(title="title 3", price__gt=2).order_by("id")).num_rows > 5
    assert tables(books.filter(id__lt=0)).num_rows == 0
    assert tables(books.order_by("-id")[5:8])["id"].to_pylist() == [94, 93, 92]
    per_title = books.values("title").annotate(n=mdb.Count("id"), most=mdb.Max("price"), mean=mdb.Avg("price"))
    assert tables(per_title.order_by("title")).num_rows == 7
    tables(books.annotate(twice=mdb.F("price") * 2, big=mdb.F("id") + 1).order_by("id"))


def test_columns_of_one_name_keep_their_places() -> None:
    database = in_memory([1, 2])
    same = [ResultColumn("v", KINDS["integer"]), ResultColumn("v", KINDS["text"]), ResultColumn("v", KINDS["float"])]
    found = agree(database, reading_of(*same))
    assert [column.to_pylist() for column in found[0].columns] == [[1, 2], ["1", "2"], [1.0, 2.0]]


def test_a_block_reads_what_it_wrote(shelf: Any) -> None:
    with databases["shelf"].atomic() as connection:
        connection.exec_driver_sql("DELETE FROM books WHERE id >= 3")
        assert tables(shelf.objects.order_by("id"))["id"].to_pylist() == [0, 1, 2]


def test_a_read_left_halfway_lets_others_write(shelf: Any) -> None:
    batches = shelf.objects.to_arrow_batches(10)
    next(batches)
    batches.close()

    with databases["shelf"].begin() as connection:
        connection.exec_driver_sql("DELETE FROM books WHERE id = 1")
    assert shelf.objects.count() == 99


def test_a_column_typed_by_its_values_is_left_to_the_cursor() -> None:
    database = in_memory([1])
    with database.connect() as connection:
        asked = request(database, connection, reading_of(ResultColumn("v", Kind("any"))), 10)
        assert ColumnReader().refusal(asked) == "a column is typed by its values alone"


def test_the_rows_of_a_whole_table_are_estimated(shelf: Any) -> None:
    database = databases["shelf"]
    books, backend = sa.table("books", sa.column("id")), database.backend
    stored = sa.Table("books", sa.MetaData(), sa.Column("id"), sa.Column("title"))
    with database.connect() as connection:
        assert backend.estimated(connection, sa.select(stored.c.id, stored.c.title.label("t"))) == 100
        for unknown in (
            sa.select(stored.c.id).where(stored.c.id > 3),
            sa.select(sa.func.count()).select_from(stored),
            sa.select(stored.c.title).distinct(),
            sa.select(stored.c.title).group_by(stored.c.title),
            sa.select(stored.c.id).limit(3),
            sa.select(stored.c.id).join(stored.alias(), sa.true()),
            sa.select(books.c.id),
            sa.text("SELECT * FROM books"),
            sa.select(sa.Table("elsewhere", sa.MetaData(), sa.Column("id")).c.id),
        ):
            assert backend.estimated(connection, unknown) is None


# Stopping

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
ENDLESS = {
    "before the first row": _NUMBERS + "SELECT count(*) FROM n",
    "between rows": _NUMBERS + "SELECT i FROM n",
    "in a function of Python": _NUMBERS + "SELECT count(multidb_upper('x' || i)) FROM n",
    "in an aggregate of Python": _NUMBERS + "SELECT multidb_stddev_pop(i % 10) FROM n",
}


@pytest.fixture
def stoppable() -> Iterator[None]:
    """Hypothesis watches the garbage collector from Python, where an interrupt is lost."""
    kept = list(gc.callbacks)
    gc.callbacks.clear()
    yield
    gc.callbacks.extend(kept)


def press_stop(after: float) -> None:
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


@pytest.mark.usefixtures("stoppable")
@pytest.mark.parametrize("sql", ENDLESS.values(), ids=ENDLESS)
def test_a_memory_database_outlives_the_stop_button(sql: str) -> None:
    database = in_memory(["kept"])
    column = ResultColumn("i", KINDS["integer"])
    press_stop(0.2)

    with pytest.raises(KeyboardInterrupt):
        read_table(database, Reading(sa.text(sql), (column,)))
    assert outcome(database, reading_of(ResultColumn("v", KINDS["text"])))[0].to_pylist() == [{"v": "kept"}]


@pytest.mark.usefixtures("stoppable")
@pytest.mark.parametrize("after", [0.05, 0.061, 0.073, 0.087, 0.094])
def test_stopping_between_statements_keeps_the_database_too(after: float) -> None:
    database = in_memory(["kept"])
    reading = reading_of(ResultColumn("v", KINDS["text"]))
    press_stop(after)

    with pytest.raises(KeyboardInterrupt):
        while True:
            read_table(database, reading)
    assert read_table(database, reading).to_pylist() == [{"v": "kept"}]


@pytest.mark.usefixtures("stoppable")
def test_a_stopped_block_is_undone() -> None:
    database = in_memory(["kept"])
    press_stop(0.2)

    with pytest.raises(KeyboardInterrupt), database.atomic() as connection:
        connection.exec_driver_sql("DELETE FROM t")
        connection.exec_driver_sql(ENDLESS["before the first row"]).fetchall()
    assert read_table(database, reading_of(ResultColumn("v", KINDS["text"]))).num_rows == 1


def test_a_statement_cancelled_from_elsewhere_says_so() -> None:
    database = in_memory([])
    with pytest.raises(QueryCancelled), database.connect() as connection:
        session: Any = connection.connection.driver_connection
        timer = threading.Timer(0.2, database.backend.cancel, (session,))
        timer.start()
        connection.exec_driver_sql(ENDLESS["before the first row"]).fetchall()


def test_a_function_that_fails_is_no_stop_button() -> None:
    database = in_memory([])
    for call in ("multidb_text('uuid', 'x')", "multidb_stddev_pop('x')"):
        with pytest.raises(MultiDBError, match="user-defined"), database.connect() as connection:
            connection.exec_driver_sql(f"SELECT {call}").fetchall()
