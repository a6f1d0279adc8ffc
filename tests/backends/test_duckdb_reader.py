"""DuckDB's own Arrow: exact, in batches, closed when it is given up, and at rest while nobody reads."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa

from multidb_explorer.backends.casting import declared
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.readers import Unreadable
from multidb_explorer.options import options
from multidb_explorer.results.stream import read_batches

ID = uuid.UUID("a474d8dd-b4dd-4cdf-bcdc-8c7051c22cd2")


@pytest.fixture
def bench(bench_of: Callable[[str], Any]) -> Any:
    """A DuckDB file with odd types: every third row is NULL."""
    made = bench_of("duckdb")
    made.run(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
        "CREATE TABLE odd (id INTEGER PRIMARY KEY, u UUID, m mood, i INTERVAL, h HUGEINT, d DECIMAL(38, 4), f FLOAT)",
        f"INSERT INTO odd SELECT i, if(i % 3 = 0, NULL, '{ID}'), "
        "if(i % 3 = 0, NULL, ['sad', 'ok', 'happy'][1 + i % 3]), "
        "if(i % 3 = 0, NULL, to_months(i % 30) + to_days(2) + to_microseconds(1)), "
        "if(i % 3 = 0, NULL, 170141183460469231731687303715884105727), i * 1.5, i / 3 FROM range(5000) t (i)",
    )
    return made


def test_it_gives_what_the_plain_cursor_gives(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ("id", "u", "m", "h", "d", "f")
    found = bench.arrow("odd", *columns)
    monkeypatch.setattr(options, "fast_readers", False)
    expected = bench.arrow("odd", *columns)

    assert found.schema == expected.schema
    assert found.to_pylist() == expected.to_pylist()
    assert found["u"][1].as_py() == ID
    assert found["m"].chunk(0).dictionary.to_pylist() == ["sad", "ok", "happy"]


def test_a_month_stays_a_month(bench: Any) -> None:
    assert bench.arrow("odd", "i")["i"][2].as_py() == pa.MonthDayNano([2, 2, 1000])


def test_rows_come_in_batches_and_once(bench: Any) -> None:
    batches = list(read_batches(bench.database, bench.reading("odd", "id"), 2048))

    assert [batch.num_rows for batch in batches] == [2048, 2048, 904]
    assert [row for batch in batches for row in batch.column(0).to_pylist()] == list(range(5000))


def test_given_up_halfway_the_file_is_free(bench: Any) -> None:
    batches = read_batches(bench.database, bench.reading("odd"), 2048)
    next(batches)
    batches.close()

    duckdb.connect(bench.url.removeprefix("duckdb:///")).close()


def test_rows_of_a_cursor_come_in_order_whichever_way_they_are_fetched(bench: Any) -> None:
    with bench.database.connect() as connection:
        cursor: Any = connection.exec_driver_sql("SELECT id FROM odd ORDER BY id").cursor
        assert cursor.fetchone() == (0,)
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert cursor.fetchone() == (3,)
        assert [row[0] for row in cursor.fetchall()] == list(range(4, 5000))
        assert cursor.fetchone() is None


def test_one_thread_waits_for_the_driver_and_no_more(bench: Any) -> None:
    bench.arrow("odd")
    before = threading.active_count()
    for _ in range(5):
        bench.arrow("odd")

    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT * FROM odd", 5000),
        ("SELECT count(*) FROM odd", 1),
        ("SELECT * FROM odd ORDER BY d LIMIT 3", None),
        ("SELECT * FROM nothing", None),
    ],
)
def test_it_estimates_rows_without_running_the_statement(bench: Any, sql: str, rows: int | None) -> None:
    with bench.database.connect() as connection:
        assert bench.database.backend.estimated(connection, sa.text(sql)) == rows


# Casting


def cast(array: pa.Array, kind: Kind) -> list[Any]:
    found = declared(pa.record_batch({"x": array}), [ResultColumn("x", kind)])
    values: list[Any] = found.column(0).to_pylist()
    return values


@pytest.mark.parametrize("spelling", [str(ID), str(ID).upper(), ID.hex, f"{{{ID}}}"])
def test_a_uuid_is_read_however_it_is_spelled(spelling: str) -> None:
    array = pa.array(["x", spelling, None, spelling]).slice(1)
    assert cast(array, Kind("uuid")) == [ID, None, ID]


def test_hyphens_at_other_places_shift_no_digit_into_the_next_row() -> None:
    odd = ["a474d8dd-b4dd-4cdf-bcdc-8c7051c22cd-", "a474d8dd-b4dd-4cdf-bcdc-8c7051c22cd2"]
    with pytest.raises(Unreadable):
        cast(pa.array(odd), Kind("uuid"))


@pytest.mark.parametrize("encoded", [False, True])
def test_a_member_that_nobody_declared_is_named(encoded: bool) -> None:
    kind = Kind("enum", choices=("b", "a"))
    array = pa.array(["a", None, "b"])
    assert cast(array.dictionary_encode() if encoded else array, kind) == ["a", None, "b"]

    stranger = pa.array(["a", "z", None])
    with pytest.raises(Unreadable, match="'z' is none of its members"):
        cast(stranger.dictionary_encode() if encoded else stranger, kind)
