"""Types come from the database's description of a result, on every engine: for columns, expressions and SQL text."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from targets import Target

import multidb_explorer as mdb
from multidb_explorer import Avg, Case, Count, F, Max, Min, Sum, When
from multidb_explorer import functions as fn
from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import DatabaseError, ReadOnlyAlias
from multidb_explorer.results.by_values import array_by_values
from multidb_explorer.results.for_polars import to_polars
from multidb_explorer.results.typed import read_sql_text

sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))

from specimens import PREPARE, SPECIMENS

MOMENT = {"mariadb": "datetime(6) NULL"}
EMPTY = "SELECT * FROM things WHERE 1 = 0"


def run(alias: str, *sql: str) -> None:
    with databases[alias].begin() as connection:
        for statement in sql:
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def read(sql: str, params: dict[str, Any] | None = None, limit: int | None = None) -> pa.Table:
    return read_sql_text(databases["here"], sql, params, limit)


@pytest.fixture
def things(target: Target, url: str) -> Any:
    """A table with one row of values and one of NULLs."""
    mdb.connect("here", url)
    moment = MOMENT.get(target.name, "timestamp")
    run(
        "here",
        "CREATE TABLE things (id integer PRIMARY KEY, n integer, big bigint, x double precision, "
        f"price numeric(10, 2), flag boolean, name varchar(20), day date, seen {moment})",
        "INSERT INTO things VALUES (1, 2, 9007199254740993, 0.5, 1.50, true, 'a', '2024-02-29', '2024-02-29 12:30:00')",
        "INSERT INTO things (id) VALUES (2)",
    )
    return mdb.reflect("things", using="here")


@pytest.fixture
def specimens(target: Target, url: str) -> Any:
    """A table with a column of every type, and no rows."""
    mdb.connect("here", url)
    columns = ", ".join(f"{name}_ {one.declared}" for name, one in SPECIMENS[target.name].items())
    run("here", *PREPARE[target.name], f"CREATE TABLE specimens (id INTEGER PRIMARY KEY, {columns})")
    return mdb.reflect("specimens", using="here")


# Columns


def test_every_column_has_the_type_of_its_kind(target: Target, specimens: Any) -> None:
    schema = specimens.objects.to_arrow().schema

    wanted = {f"{name}_": arrow_type(one.kind) for name, one in SPECIMENS[target.name].items()}
    assert {field.name: field.type for field in schema if field.name != "id"} == wanted


def test_an_empty_and_an_all_null_result_have_the_dtypes_of_a_full_one(things: Any) -> None:
    rows = things.objects.order_by("id")
    whole = rows.to_pandas()

    for part in (rows.filter(id=1), rows.filter(id=2), rows.filter(id=0), rows.none()):
        assert part.to_pandas().dtypes.to_dict() == whole.dtypes.to_dict()
        assert part.to_arrow().schema == rows.to_arrow().schema


# Expressions

EXPRESSIONS: dict[str, tuple[Any, str]] = {
    "plus": (F("n") + 1, "int64"),
    "twice": (F("big") * 2, "int64"),
    "ratio": (F("n") / F("x"), "double"),
    "double price": (F("price") * 2, "decimal128(38, 2)"),
    "square": (F("price") * F("price"), "decimal128(38, 4)"),
    "cast to decimal": (fn.Cast("n", sa.Numeric(12, 3)), "decimal128(12, 3)"),
    "cast to text": (fn.Cast("n", sa.String()), "string"),
    "case of numbers": (Case(When(flag=True, then=1), default=0), "int64"),
    "case of decimals": (Case(When(flag=True, then=F("price")), default=None), "decimal128(10, 2)"),
    "coalesce": (fn.Coalesce("price", 0), "decimal128(38, 2)"),
    "day": (fn.TruncDate("seen"), "date32[day]"),
    "month": (fn.TruncMonth("seen"), "timestamp[us]"),
    "year": (fn.ExtractYear("day"), "int64"),
    "upper": (fn.Upper("name"), "string"),
    "length": (fn.Length("name"), "int64"),
}
AGGREGATES: dict[str, tuple[Any, str]] = {
    "sum of integers": (Sum("n"), "int64"),
    "sum of big integers": (Sum("big"), "int64"),
    "sum of doubles": (Sum("x"), "double"),
    "sum of decimals": (Sum("price"), "decimal128(38, 2)"),
    "average": (Avg("n"), "double"),
    "first day": (Min("day"), "date32[day]"),
    "last moment": (Max("seen"), "timestamp[us]"),
    "least price": (Min("price"), "decimal128(10, 2)"),
    "count": (Count("id"), "int64"),
}


def test_expressions_have_one_type_on_every_engine_also_of_nothing(things: Any) -> None:
    found, empty = {}, {}
    for name, (expression, _) in EXPRESSIONS.items():
        rows = things.objects.annotate(made=expression).values("made")
        found[name] = str(rows.to_arrow().schema.field("made").type)
        empty[name] = str(rows.filter(id=0).to_arrow().schema.field("made").type)
    assert found == empty == {name: type_ for name, (_, type_) in EXPRESSIONS.items()}


def test_aggregates_have_one_type_on_every_engine_also_of_nothing(things: Any) -> None:
    found, empty = {}, {}
    for name, (aggregate, _) in AGGREGATES.items():
        rows = things.objects.values("flag").annotate(made=aggregate)
        found[name] = str(rows.to_arrow().schema.field("made").type)
        empty[name] = str(rows.filter(id=0).to_arrow().schema.field("made").type)
    assert found == empty == {name: type_ for name, (_, type_) in AGGREGATES.items()}


def test_computed_values_are_exact(things: Any) -> None:
    rows = things.objects.filter(id=1).annotate(twice=F("big") * 2, more=F("price") * 3).values_list("twice", "more")
    assert list(rows) == [(18014398509481986, Decimal("4.50"))]
    assert things.objects.aggregate(big=Sum("big"), price=Sum("price")) == {"big": 2**53 + 1, "price": Decimal("1.50")}


@pytest.mark.parametrize("fast", [True, False])
def test_a_difference_of_moments_is_an_interval_whoever_reads_it(
    things: Any, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast and not databases["here"].backend.features.exact_cursor:
        pytest.skip("the driver counts a month of an interval as thirty days")
    monkeypatch.setattr(mdb.options, "fast_readers", fast)
    moved = things.objects.order_by("id").annotate(later=F("seen") + dt.timedelta(days=1, seconds=5))
    there = moved.annotate(span=F("later") - F("seen"))
    back = moved.annotate(span=F("seen") - F("later"))

    for rows, span in ((there, dt.timedelta(days=1, seconds=5)), (back, -dt.timedelta(days=1, seconds=5))):
        assert list(rows.values_list("span", flat=True)) == [span, None]
        first, second = rows.values("span").to_arrow()["span"].to_pylist()
        assert dt.timedelta(days=first.days, microseconds=first.nanoseconds // 1000) == span
        assert (first.months, second) == (0, None)


# Types that nothing describes


def test_a_name_that_only_sqlite_takes_for_a_number_is_none(new_database: Callable[..., str]) -> None:
    mdb.connect("here", new_database("sqlite"))
    declared = {
        "GEOMETRY": ("'POINT(1 2)'", "POINT(1 2)"),
        "MULTIPOINT": ("x'00ff'", "x'00ff'"),
        "MONEY": ("1.5", "1.5"),
        "INTERVAL": ("'1 day'", "1 day"),
        "UNSIGNED BIG INT": ("7", 7),
        "NUMBER(10, 2)": ("2.5", Decimal("2.50")),
        "FLOATING POINT": ("2.5", 2.5),
        "VARYING CHARACTER(9)": ("'a'", "a"),
        "LONGBLOB": ("x'00'", b"\x00"),
        "DATETIME (6)": ("'2024-01-01 00:00:00'", dt.datetime(2024, 1, 1)),
    }
    columns = ", ".join(f"c{n} {name}" for n, name in enumerate(declared))
    values = ", ".join(literal for literal, _ in declared.values())
    run("here", f"CREATE TABLE odd (id integer PRIMARY KEY, {columns})", f"INSERT INTO odd VALUES (1, {values})")

    row = mdb.reflect("odd", using="here").objects.to_arrow().to_pylist()[0]
    found = {name: row[f"c{n}"] for n, name in enumerate(declared)}
    assert found == {name: value for name, (_, value) in declared.items()}
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, (_, v) in declared.items()}


@pytest.mark.parametrize(
    ("engine", "setup", "declared", "literal", "named"),
    [
        ("postgresql", "CREATE TYPE pair AS (a integer, b text)", "pair", "(1, 'x')", "pair"),
        ("postgresql", "SELECT 1", "inet", "'10.0.0.1'", "INET"),
        ("mariadb", "SELECT 1", "inet6", "'::1'", "inet6"),
        ("duckdb", "SELECT 1", "struct(a integer)", "{'a': 1}", "STRUCT(a INTEGER)"),
        ("sqlite", "SELECT 1", "geometry", "'POINT(1 2)'", "GEOMETRY"),
    ],
)
def test_a_type_without_an_exact_form_is_told_of_once(
    engine: str,
    setup: str,
    declared: str,
    literal: str,
    named: str,
    new_database: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    mdb.connect("here", new_database(engine))
    run(
        "here",
        setup,
        f"CREATE TABLE odd (id integer PRIMARY KEY, v {declared})",
        f"INSERT INTO odd VALUES (1, {literal})",
    )
    rows: Any = mdb.reflect("odd", using="here").objects
    list(rows)
    assert capsys.readouterr().err == ""

    caplog.set_level(logging.INFO, "multidb_explorer")
    assert [batch["v"].type for batch in rows.to_arrow_batches()] == [pa.string()]
    for _ in range(2):
        assert len(rows.values("v").to_pandas()) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"Column 'v' of 'odd' on alias 'here' has the type {named}, which has no exact form here")
    assert told.strip() in [record.getMessage() for record in caplog.records]


def test_sql_text_tells_of_such_a_column_once_too(
    new_database: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    mdb.connect("here", new_database("postgresql"))

    for _ in range(2):
        assert read("SELECT '10.0.0.1'::inet AS host, 1 AS n").to_pylist() == [{"host": "10.0.0.1", "n": 1}]
    assert capsys.readouterr().err == (
        "Column 'host' of the SQL on alias 'here' has the type inet, which has no exact form here: "
        "its values are the database's own text.\n"
    )


# SQL text


def test_sql_text_has_the_same_types_when_it_gives_nothing(target: Target, things: Any) -> None:
    if target.name == "sqlite":
        pytest.skip("SQLite has no types but those of values")
    for sql in (EMPTY, "SELECT * FROM things WHERE id = 2", "SELECT * FROM things WHERE id = 1"):
        assert read(sql).schema == read("SELECT * FROM things").schema


def test_two_columns_of_one_name_both_arrive(things: Any) -> None:
    found = read("SELECT 1 AS a, 2 AS a, id AS a FROM things ORDER BY id")

    assert found.column_names == ["a", "a", "a"]
    assert [column.to_pylist() for column in found.columns] == [[1, 1], [2, 2], [1, 2]]


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_a_limit_gives_the_first_rows_with_their_types(things: Any, limit: int) -> None:
    sql = "SELECT id, price, name FROM things WHERE name <> :none OR name IS NULL ORDER BY id"
    found = read(sql, {"none": "none"}, limit)

    assert found.column_names == ["id", "price", "name"]
    assert found["id"].to_pylist() == [1, 2][:limit]
    assert read("SELECT 1 AS still_there")["still_there"].to_pylist() == [1]


MANY = {
    "sqlite": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 30000000) SELECT n FROM t",
    "postgresql": "SELECT generate_series(1, 30000000), repeat('x', 300)",
    "mariadb": "SELECT seq, repeat('x', 300) FROM seq_1_to_30000000",
    "duckdb": "SELECT range, repeat('x', 300) FROM range(30000000)",
}
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' "
    "AND query LIKE '%generate_series%'",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%seq_1_to%' "
    "AND id <> connection_id()",
}


def test_what_is_beyond_a_limit_is_not_downloaded_and_nothing_stays_behind(target: Target, url: str) -> None:
    mdb.connect("here", url)
    run("here", "CREATE TABLE made (id integer)")

    # All of it would take minutes, and more memory than there is.
    for _ in range(3):
        assert read(MANY[target.name], limit=7).num_rows == 7
    if target.name in RUNNING:
        assert read(RUNNING[target.name]).to_pydict().popitem()[1] == [0]
    assert getattr(databases["here"].engine.pool, "checkedout", lambda: 0)() == 0


def test_what_can_stand_in_no_cursor_is_run_all_the_same(target: Target, things: Any) -> None:
    sql = {"sqlite": "EXPLAIN SELECT 1", "mariadb": "SHOW TABLES"}.get(target.name, "EXPLAIN SELECT 1")
    assert read(sql, limit=1).num_rows == 1
    assert (
        read("-- a comment\n(SELECT 1 AS a)" if target.name != "sqlite" else "SELECT 1 AS a;", limit=1)["a"][0].as_py()
        == 1
    )
    with pytest.raises(DatabaseError, match="nope"):
        read("SELECT nope FROM things", limit=1)


def test_an_error_is_told_of_the_text_itself_and_not_of_its_cursor(things: Any) -> None:
    with pytest.raises(DatabaseError) as caught:
        read("SELECT nope FROM things", limit=5)
    assert "DECLARE" not in str(caught.value)


def test_postgresql_tells_members_of_enums_arrays_and_digits(new_database: Callable[..., str]) -> None:
    mdb.connect("here", new_database("postgresql"))
    run("here", "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN price AS numeric(10, 2)")
    sql = "SELECT 'ok'::mood AS mood, 1.5::price AS price, ARRAY[1.5]::numeric(5, 2)[] AS list, 'x'::char(3) AS fixed"

    for limit in (None, 5):
        found = read(sql, limit=limit)
        assert [str(type_) for type_ in found.schema.types[:2]] == [
            "dictionary<values=string, indices=int32, ordered=0>",
            "decimal128(10, 2)",
        ]
        assert found.to_pylist() == [
            {"mood": "ok", "price": Decimal("1.50"), "list": [Decimal("1.50")], "fixed": "x  "}
        ]


def test_mariadb_tells_flags_and_bits(new_database: Callable[..., str]) -> None:
    mdb.connect("here", new_database("mariadb"))
    run("here", "CREATE TABLE bits (flag boolean, one bit(1), some bit(12), many bit(64), tiny tinyint)")
    run("here", "INSERT INTO bits VALUES (true, b'1', 4095, 18446744073709551615, 5), (NULL, NULL, NULL, NULL, NULL)")

    found = read("SELECT * FROM bits")
    assert [str(type_) for type_ in found.schema.types] == ["bool", "bool", "uint16", "uint64", "int8"]
    assert [column.to_pylist() for column in found.columns] == [
        [value, None] for value in (True, True, 4095, 2**64 - 1, 5)
    ]


def test_mariadb_rounds_what_it_calls_a_float_and_a_person_is_told_once(
    new_database: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    mdb.connect("here", new_database("mariadb"))
    run("here", "CREATE TABLE made (x float)", "INSERT INTO made VALUES (16777215)")

    for _ in range(2):
        assert read("SELECT x + 0e0 AS x FROM made")["x"].to_pylist() == [16777215.0]
    assert capsys.readouterr().err == ""
    for _ in range(2):
        read("SELECT x FROM made")
    told = capsys.readouterr().err
    assert (told.count("\n"), "Column 'x' of the SQL" in told, "select the column + 0e0" in told) == (1, True, True)


def test_sql_for_duckdb_that_would_write_is_not_run_to_describe_it(new_database: Callable[..., str]) -> None:
    mdb.connect("here", new_database("duckdb"))
    run("here", "CREATE TABLE made (id integer)")

    with pytest.raises(ReadOnlyAlias):
        read("WITH one AS (SELECT 1) INSERT INTO made SELECT * FROM one")
    assert read("SELECT * FROM made WHERE id = :id OR id + 1 = :id", {"id": 2}).num_rows == 0


def test_duckdb_is_read_in_its_own_arrow(new_database: Callable[..., str]) -> None:
    mdb.connect("here", new_database("duckdb"))
    run("here", "CREATE TABLE made (id integer)")

    with statements(databases["here"]) as sent:
        found = read(
            "SELECT INTERVAL '1 month' AS span, 170141183460469231731687303715884105727::hugeint AS huge, {'a': 1} AS s"
        )
    assert found.to_pylist() == [
        {"span": pa.MonthDayNano([1, 0, 0]), "huge": Decimal(2**127 - 1), "s": "{'a': 1}"},
    ]
    assert found.column_names == ["span", "huge", "s"]
    assert len(sent) == 1


# In polars


def test_what_polars_has_no_exact_form_for_is_text_there(new_database: Callable[..., str]) -> None:
    pl = pytest.importorskip("polars")
    mdb.connect("here", new_database("postgresql"))
    run("here", "CREATE TABLE odd (id integer PRIMARY KEY, n numeric, u uuid, span interval, list numeric[])")
    empty = mdb.reflect("odd", using="here").objects.order_by("id")
    schema = empty.to_polars().schema
    text = pl.String()
    assert dict(schema) == {"id": pl.Int32(), "n": text, "u": text, "span": text, "list": pl.List(text)}

    key = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    run(
        "here",
        f"INSERT INTO odd VALUES (1, 1e-30, '{key}', '1 month 2 days', '{{1.5,NULL}}')",
        "INSERT INTO odd VALUES (2)",
    )
    rows = empty.to_polars()
    assert rows.schema == schema
    first, second = rows.to_dicts()
    assert [Decimal(value) for value in (first["n"], first["list"][0])] == [Decimal("1e-30"), Decimal("1.5")]
    assert (first["u"], first["span"], first["list"][1]) == (key, "P1M2D", None)
    assert second == {"id": 2, "n": None, "u": None, "span": None, "list": None}


def test_a_part_of_a_frame_becomes_that_part_in_polars() -> None:
    pytest.importorskip("polars")
    lists = pa.array([[Decimal(1)], None, [], [None, Decimal("2.5")]], pa.list_(pa.decimal256(40, 1)))

    assert to_polars(pa.table({"a": lists}).slice(1))["a"].to_list() == [None, [], [None, "2.5"]]


# Where each value has its own type


@pytest.mark.parametrize(
    ("values", "type_", "found"),
    [
        ([1, None, -(2**63)], pa.int64(), None),
        ([2**63, 1], pa.uint64(), None),
        ([2**63, -1], pa.string(), [str(2**63), "-1"]),
        ([2**64], pa.string(), [str(2**64)]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        ([2**53 + 1, 0.5], pa.string(), ["9007199254740993", "0.5"]),
        ([True, 1], pa.string(), ["True", "1"]),
        ([None, None], pa.string(), None),
        ([], pa.string(), None),
        ([b"a", "b"], pa.string(), ["x'61'", "b"]),
        ([b"\xff", None], pa.binary(), None),
        ([Decimal("1.50"), Decimal("2.125")], pa.decimal128(4, 3), None),
        ([Decimal("1.5"), 0.1], pa.string(), ["1.5", "0.1"]),
        ([Decimal("NaN")], pa.string(), ["NaN"]),
        ([dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 5)], pa.string(), ["2024-01-01", "2024-01-01 05:00:00"]),
        ([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)], pa.timestamp("us"), None),
        ([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"), None),
    ],
)
def test_a_column_by_values_loses_none_of_them(values: list[Any], type_: pa.DataType, found: list[Any] | None) -> None:
    array = array_by_values(values)

    assert array.type == type_
    assert array.to_pylist() == (values if found is None else found)


def test_sqlite_keeps_a_number_exact_among_fractions(new_database: Callable[..., str]) -> None:
    mdb.connect("here", new_database("sqlite"))
    run("here", "CREATE TABLE t (v)", "INSERT INTO t VALUES (9007199254740993), (0.5)", "CREATE TABLE u (v)")

    assert read("SELECT v FROM t")["v"].to_pylist() == ["9007199254740993", "0.5"]
    assert read("SELECT v FROM t WHERE v < 1")["v"].to_pylist() == [0.5]
    assert read("SELECT v FROM u")["v"].type == pa.string()


def test_raw_takes_the_types_of_fields_unless_the_sql_made_something_else(things: Any) -> None:
    own = things.objects.raw("SELECT id, price, day FROM things ORDER BY id").to_arrow()
    assert own.schema.field("price").type == pa.decimal128(10, 2)
    assert own["day"].to_pylist() == [dt.date(2024, 2, 29), None]

    other = things.objects.raw("SELECT 1 AS id, 'none' AS price").to_arrow()
    assert other.to_pylist() == [{"id": 1, "price": "none"}]
