"""PostgreSQL's fast reader gives what the plain cursor gives, to the last type, or leaves it to the cursor."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from contextlib import contextmanager
from decimal import Decimal

import pyarrow as pa
import pytest
import sqlalchemy as sa
from specimens import POSTGRESQL, PREPARE

import multidb_explorer as mdb
from multidb_explorer.backends import postgresql_copy, postgresql_readers
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import DataError, MultiDBError, QueryCancelled
from multidb_explorer.results import fetching
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.stream import read_table

pytest.importorskip("adbc_driver_postgresql")

EXTREMES = """
INSERT INTO extremes VALUES
(1, 9223372036854775807, -32768, 4294967295, 'NaN', 'NaN', 99999999999999999999999999999999999.999, 0.1,
 '', '  ', 'x', '0001-01-01', '00:00', '0001-01-01', '0001-01-01+00', '-1 mon 2 days -03:00:00.000001', 'a', true,
 '\\x', '{}', '{"a": 1.10}', '{"b" : 1}', 'null', '{}', '{NULL}', '{1.50,NULL}', '{0.1,NaN}', '10.0.0.1',
 NULL, 'A', NULL),
(2, -9223372036854775808, 32767, 0, 'Infinity', '-Infinity', -0.001, 1e30, E'q"\\'\\n\\\\.\\t\\r,', 'é😀', E'\\\\N',
 '9999-12-31', '23:59:59.999999', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00', '1 year 400 days',
 'é', false, '\\x00ff5c', '{"",NULL,"NULL","a,b{}"}', '[]', '[]', '"x"', '{1,NULL}', '{a,NULL}', '{}', NULL, '::1/64',
 '[1,5)', 'b', ROW(NULL, NULL)),
(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(4, 0, 0, 1, -0.0, 1e-45, 0, -1.50, ' ', '', '', '1970-01-01', '12:30', '1969-12-31 23:59:59.999999',
 '1970-01-01 05:30+05:30', '00:00', 'é', true, '\\xff', '{x}', '1', '1', '1', '{}', '{}', '{-1.00}', '{1e-5}',
 '10.0.0.0/8', 'empty', '', ROW(1, 'a"b'))
"""
TABLE = """
CREATE TABLE extremes (
 id integer PRIMARY KEY, "big %" bigint, small smallint, object oid, double double precision, single real,
 digits numeric(38, 3), free numeric, words text, fixed char(4), short varchar(10), day date, clock time,
 moment timestamp, instant timestamptz, span interval, mood letter, flag boolean, bytes bytea, texts text[],
 document json, loose json, tree jsonb, wholes bigint[], names varchar(5)[], decimals numeric(10, 2)[],
 floats double precision[], address inet, period int4range, "a ""quoted"" name" text, pair pair)
"""


@contextmanager
def plain_cursor():
    mdb.options.fast_readers = False
    try:
        yield
    finally:
        mdb.options.fast_readers = True


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Have the fast reader read few rows as well."""
    monkeypatch.setattr(postgresql_readers, "_FEW", -1)
    monkeypatch.setattr(postgresql_copy, "_FEW", -1)


@pytest.fixture
def bench(bench_of):
    return bench_of("postgresql")


@pytest.fixture
def extremes(bench):
    bench.run(
        "CREATE TYPE letter AS ENUM ('a', 'é', 'unused')", "CREATE TYPE pair AS (a integer, b text)", TABLE, EXTREMES
    )
    return mdb.reflect("extremes", using="here").objects.order_by("id")


@pytest.fixture
def only_adbc(monkeypatch):
    """Let nobody step aside unseen."""

    def refused(*_):
        raise AssertionError("the plain cursor was asked")

    monkeypatch.setattr(fetching.CursorReader, "batches", refused)


def agree(queryset, monkeypatch) -> pa.Table:
    """Read in all ways, the fast ones without the plain cursor behind them."""
    with plain_cursor():
        slow = queryset.to_arrow()
    with monkeypatch.context() as patch:
        patch.setattr(fetching.CursorReader, "batches", lambda *_: pytest.fail("the plain cursor was asked"))
        fast = queryset.to_arrow()
        same(fast, slow)
        if not any(pa.types.is_list(field.type) for field in slow.schema):
            with mdb.atomic("here"):
                same(queryset.to_arrow(), slow)
    return fast


def same(fast: pa.Table, slow: pa.Table) -> None:
    assert fast.schema.equals(slow.schema, check_metadata=True)
    for name in slow.column_names:
        assert repr(fast[name].to_pylist()) == repr(slow[name].to_pylist()), name
    # Arrow's equality says that NaN is unequal to itself.
    floating = [name for name in slow.column_names if "NaN" in repr(slow[name].to_pylist()).replace("nan", "NaN")]
    assert fast.drop_columns(floating).equals(slow.drop_columns(floating))


def test_every_type_at_its_ends(extremes, monkeypatch) -> None:
    assert agree(extremes, monkeypatch).num_rows == 4


def test_every_type_but_arrays_inside_a_transaction(extremes, monkeypatch) -> None:
    names = [field.name for field in extremes.to_arrow().schema if not pa.types.is_list(field.type)]
    agree(extremes.values(*names), monkeypatch)
    for name in names:
        agree(extremes.values(name), monkeypatch)


def test_every_specimen(bench, monkeypatch) -> None:
    columns = ", ".join(f'"{name}" {each.declared}' for name, each in POSTGRESQL.items())
    bench.run(*PREPARE["postgresql"], f"CREATE TABLE specimens (id INTEGER PRIMARY KEY, {columns})")
    longest = max(len(each.values) for each in POSTGRESQL.values())
    rows = [{"id": longest, **dict.fromkeys(POSTGRESQL)}]
    rows += [
        {"id": index, **{name: each.values[index % len(each.values)] for name, each in POSTGRESQL.items()}}
        for index in range(longest)
    ]
    bench.insert("specimens", rows)
    agree(mdb.reflect("specimens", using="here").objects.order_by("id"), monkeypatch)


def test_nothing_but_null_and_nothing_at_all(extremes, monkeypatch) -> None:
    assert agree(extremes.filter(id=3), monkeypatch).num_rows == 1
    assert agree(extremes.filter(id__gt=99), monkeypatch).num_rows == 0


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_no_batch_is_larger_than_asked_for(extremes, only_adbc, size) -> None:
    for queryset in (extremes, extremes.filter(id__gt=0)):
        batches = list(queryset.to_arrow_batches(size))
        assert [row for batch in batches for row in batch["id"].to_pylist()] == [1, 2, 3, 4]
        assert max(batch.num_rows for batch in batches) <= size


def test_a_statement_with_parameters_is_fetched_in_steps(bench, monkeypatch) -> None:
    bench.run("CREATE TABLE many AS SELECT g AS id FROM generate_series(1, 2500) g")
    monkeypatch.setattr(postgresql_readers, "_FETCHED", 1000)
    assert (
        agree(mdb.reflect("many", using="here").objects.filter(id__gt=500).order_by("id"), monkeypatch).num_rows == 2000
    )


def test_what_the_database_computes(extremes, monkeypatch) -> None:
    wanted = extremes.filter(id__in=[2, 4])
    computed = wanted.annotate(
        twice=mdb.F("small") * 2,
        whole=mdb.F("small") + mdb.F("id"),
        third=mdb.F("digits") / 3,
        single_twice=mdb.F("single") + mdb.F("single"),
        apart=mdb.F("instant") - mdb.F("moment"),
        less=mdb.F("moment") - dt.timedelta(days=1, hours=30),
    )
    agree(computed, monkeypatch)
    sums = extremes.values("flag").annotate(
        n=mdb.Count("id"), total=mdb.Sum("small"), mean=mdb.Avg("small"), most=mdb.Max("day")
    )
    agree(sums.order_by("flag"), monkeypatch)


PARAMETERS = [
    7,
    2**40,
    -(2**63),
    0.1,
    float("inf"),
    Decimal("12345678901234567890.123"),
    "",
    'it\'s 100% "so" \\ $1 :a %(b)s ? é😀\n',
    True,
    dt.date(1, 1, 1),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))),
    dt.time(23, 59, 59, 1),
    dt.timedelta(days=-3, microseconds=1),
    uuid.UUID(int=5),
    b"\x00'\\\xff",
    b"",
]


@pytest.mark.parametrize("value", PARAMETERS, ids=repr)
def test_every_parameter_arrives_as_the_cursor_sends_it(bench, only_adbc, value) -> None:
    type_ = sa.literal(value).type
    statement = sa.select(
        sa.literal(value).label("a %"), sa.cast(sa.literal(value), type_).label("b"), sa.null().label("c")
    )
    kind = Kind("interval") if isinstance(value, dt.timedelta) else bench.database.backend.kind(type_)
    reading = Reading(statement, (ResultColumn("a %", kind), ResultColumn("b", kind), ResultColumn("c", Kind("text"))))
    row = read_table(bench.database, reading).to_pylist()[0]
    if isinstance(value, dt.timedelta):
        value = pa.MonthDayNano([0, value.days, value.seconds * 10**9 + value.microseconds * 1000])
    assert row == {"a %": value, "b": value, "c": None}


@pytest.mark.parametrize(
    ("item", "values"),
    [
        (sa.BigInteger(), [1, None, 2**62]),
        (sa.Text(), ["", 'a,"b', None, "NULL", "%"]),
        (sa.Numeric(), [Decimal("1.50")]),
        (sa.Date(), [dt.date(2024, 1, 1)]),
    ],
)
def test_lists_are_parameters_as_well(bench, only_adbc, item, values) -> None:
    type_ = sa.dialects.postgresql.ARRAY(item)
    statement = sa.select(sa.cast(sa.literal(values, type_), type_).label("a"))
    kind = Kind("array", item=bench.database.backend.kind(item))
    assert read_table(bench.database, Reading(statement, (ResultColumn("a", kind),)))["a"].to_pylist() == [values]


def test_conditions_of_every_sort(extremes, monkeypatch) -> None:
    for condition in (
        {"words__contains": "q"},
        {"words__startswith": 'q"'},
        {"id__in": [1, 2, 3]},
        {"id__in": list(range(600))},
        {"mood": "é"},
        {"instant__gte": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)},
        {"day__year": 1970},
        {"flag": True, "small__gt": -5.5},
    ):
        agree(extremes.filter(**condition), monkeypatch)


@pytest.mark.parametrize(
    "condition",
    [
        {"address": "10.0.0.1"},
        {"mood__in": ["a", "é"]},
        {"words__in": [f"{number}" for number in range(600)] + [""]},
        {"digits": Decimal("-0.001")},
        {"bytes": b"\xff"},
        {"single__lt": 0.2},
        {"fixed": "x"},
    ],
    ids=lambda condition: next(iter(condition)),
)
def test_the_type_of_a_value_may_follow_from_where_it_stands(extremes, monkeypatch, condition) -> None:
    agree(extremes.filter(**condition), monkeypatch)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "infinity"),
        ("timestamp", "-infinity"),
        ("timestamptz", "10000-01-02"),
        ("timestamp", "0001-01-01 BC"),
        ("time", "24:00"),
        ("numeric", "NaN"),
        ("numeric(5, 2)", "NaN"),
        ("numeric", "1e-40"),
        ("integer[]", "{{1,2},{3,4}}"),
        ("interval", "3000000 hours"),
    ],
)
def test_what_has_no_exact_form_is_refused_alike(bench, declared, value) -> None:
    bench.run(f"CREATE TABLE odd (id integer PRIMARY KEY, v {declared})", f"INSERT INTO odd VALUES (1, '{value}')")
    queryset = mdb.reflect("odd", using="here").objects.all()
    with plain_cursor(), pytest.raises(MultiDBError) as slow:
        queryset.to_arrow()
    with pytest.raises(MultiDBError) as fast:
        queryset.to_arrow()
    with mdb.atomic("here"), pytest.raises(MultiDBError) as copied:
        queryset.to_arrow()
    # Whether the statement is shown depends on when the driver complains.
    said = {(type(error.value), str(error.value).partition("\n")[0]) for error in (slow, fast, copied)}
    assert len(said) == 1


def test_an_infinite_date_far_behind_is_refused_too(bench) -> None:
    bench.run(
        "CREATE TABLE late AS SELECT g AS id, date '2000-01-01' AS day FROM generate_series(1, 3000) g",
        "UPDATE late SET day = 'infinity' WHERE id = 2500",
    )
    with pytest.raises(DataError, match="cast the column to text"):
        list(mdb.reflect("late", using="here").objects.filter(id__gt=0).order_by("id").to_arrow_batches(1000))


def test_inside_atomic_its_own_rows_are_seen(extremes) -> None:
    with mdb.atomic("here"):
        mdb.reflect("extremes", using="here")(id=50, words="uncommitted").save()
        assert extremes.filter(id=50).to_arrow()["words"].to_pylist() == ["uncommitted"]
        assert extremes.to_arrow().num_rows == 5


def test_a_temporary_table_in_front_of_another_is_the_one_that_is_read(bench) -> None:
    bench.run("CREATE TABLE seen (id integer PRIMARY KEY)", "INSERT INTO seen VALUES (1)")
    queryset = mdb.reflect("seen", using="here").objects.all()
    assert queryset.to_arrow()["id"].to_pylist() == [1]
    with bench.database.begin() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE seen AS SELECT 2 AS id")
    assert queryset.to_arrow()["id"].to_pylist() == [2]


def test_what_was_set_in_the_session_holds(bench, only_adbc) -> None:
    reading = Reading(
        sa.select(
            sa.func.current_setting("TimeZone").label("zone"), sa.func.current_setting("search_path").label("path")
        ),
        (ResultColumn("zone", Kind("text")), ResultColumn("path", Kind("text"))),
    )
    assert read_table(bench.database, reading)["zone"][0].as_py() != "Asia/Tokyo"
    bench.run("SET TIME ZONE 'Asia/Tokyo'", "SET search_path TO nowhere, public")
    assert read_table(bench.database, reading).to_pylist() == [{"zone": "Asia/Tokyo", "path": "nowhere, public"}]


def test_the_twin_can_write_nothing(bench) -> None:
    bench.run("CREATE SEQUENCE numbers")
    reading = Reading(sa.select(sa.func.nextval("numbers").label("n")), (ResultColumn("n", Kind("integer")),))
    # The cursor's own session may.
    assert read_table(bench.database, reading)["n"].to_pylist() == [1]


def test_errors_are_those_of_the_plain_cursor(bench) -> None:
    bench.run("CREATE TABLE zero AS SELECT g AS id FROM generate_series(0, 9) g")
    reading = Reading(
        sa.text("SELECT 1 / id AS n FROM zero").columns(n=sa.Integer), (ResultColumn("n", Kind("integer", bits=32)),)
    )
    with pytest.raises(DataError, match="'here': division by zero"):
        read_table(bench.database, reading)
    gone = Reading(sa.text("SELECT n FROM nowhere").columns(n=sa.Integer), (ResultColumn("n", Kind("integer")),))
    with pytest.raises(mdb.errors.ProgrammingError, match='relation "nowhere" does not exist'):
        read_table(bench.database, gone)


def sessions(server, database: str) -> list[str]:
    return [
        state
        for (state,) in server.execute(
            f"SELECT concat(state, ' ', query) FROM pg_stat_activity WHERE datname = '{database}' AND state IS NOT NULL"
        )
    ]


def slow(seconds: float = 30) -> Reading:
    statement = sa.select(sa.func.pg_sleep(seconds).cast(sa.Text).label("a"), sa.literal(1).label("b"))
    return Reading(statement, (ResultColumn("a", Kind("text")), ResultColumn("b", Kind("integer"))))


def test_its_session_ends_with_the_alias(extremes, bench, postgresql, only_adbc) -> None:
    extremes.to_arrow()
    name = sa.make_url(bench.url).database
    assert len(sessions(postgresql, name)) == 2
    bench.database.dispose()
    assert _until(lambda: sessions(postgresql, name) == [])


def _until(holds) -> bool:
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_another_thread_stops_it(bench, postgresql, only_adbc) -> None:
    from multidb_explorer.connections.stopping import stoppable

    name, said = sa.make_url(bench.url).database, []
    with stoppable(bench.database) as stop:

        def work() -> None:
            stop.watch_this_thread()
            try:
                read_table(bench.database, slow())
            except QueryCancelled as error:
                said.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        assert _until(lambda: any("active" in each and "multidb" in each for each in sessions(postgresql, name)))
        stop()
        thread.join(10)
    assert said
    assert _until(lambda: not any("active" in each for each in sessions(postgresql, name)))


def test_the_time_limit_holds(bench_of, workbench, only_adbc) -> None:
    first = bench_of("postgresql")
    limited = workbench("limited", first.url, statement_timeout=0.3)
    with pytest.raises(QueryCancelled, match="0.3 s"):
        read_table(limited.database, slow())


@pytest.mark.parametrize("filtered", [False, True])
def test_batches_left_halfway_leave_nothing_running(bench, postgresql, only_adbc, filtered) -> None:
    bench.run("CREATE TABLE wide AS SELECT g AS id, repeat('x', 500) AS t FROM generate_series(1, 200000) g")
    queryset = mdb.reflect("wide", using="here").objects.all()
    batches = (queryset.filter(id__gt=0) if filtered else queryset).to_arrow_batches(1000)
    next(batches)
    batches.close()
    name = sa.make_url(bench.url).database
    assert _until(lambda: not any("active" in each or "in transaction" in each for each in sessions(postgresql, name)))
    assert queryset.to_arrow().num_rows == 200_000


def test_a_twin_that_was_lost_is_replaced(extremes, bench, postgresql, only_adbc) -> None:
    assert extremes.to_arrow().num_rows == 4
    name = sa.make_url(bench.url).database
    postgresql.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE '%COPY%'"
    )
    assert extremes.to_arrow().num_rows == 4


def test_a_slice_of_few_rows_needs_no_second_session(extremes, bench, postgresql, monkeypatch) -> None:
    monkeypatch.setattr(postgresql_readers, "_FEW", 1000)
    assert extremes[:2].to_arrow().num_rows == 2
    assert extremes.to_arrow().num_rows == 4
    assert len(sessions(postgresql, sa.make_url(bench.url).database)) == 1


def test_the_planner_estimates(extremes, bench) -> None:
    reading = extremes.filter(id=3).reading
    with bench.database.connect() as connection:
        assert bench.database.backend.estimated(connection, reading.statement) == 1
        assert bench.database.backend.estimated(connection, sa.text("SELECT nonsense")) is None
    with mdb.atomic("here"), bench.database.connect() as connection:
        assert bench.database.backend.estimated(connection, sa.text("SELECT nonsense")) is None
        assert extremes.count() == 4
