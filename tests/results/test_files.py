"""Parquet and CSV: every value, streamed, and a file that is whole or not there."""

from __future__ import annotations

import csv
import datetime as dt
import io
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldValueError, ValueNotRepresentable, WriteRefused
from multidb_explorer.results.files import CsvForm, write_csv, write_parquet

ROWS = {
    "n": (Kind("integer", bits=64, unsigned=True), 2**64 - 1, "18446744073709551615"),
    "f": (Kind("float"), 0.1, "0.1"),
    "d": (Kind("decimal", precision=38, scale=10), Decimal("-0.0000000001"), "-0.0000000001"),
    "wide": (Kind("decimal"), Decimal("1.5"), "1.5" + "0" * 37),
    "b": (Kind("boolean"), True, "true"),
    "s": (Kind("text"), 'a "b",\r\nŁódź', 'a "b",\r\nŁódź'),
    "e": (Kind("enum", choices=("old", "new")), "new", "new"),
    "day": (Kind("date"), dt.date(1, 1, 1), "0001-01-01"),
    "t": (Kind("time"), dt.time(23, 59, 59, 999999), "23:59:59.999999"),
    "at": (Kind("timestamp"), dt.datetime(9999, 12, 31, 1, 2, 3), "9999-12-31T01:02:03.000000"),
    "utc": (Kind("timestamp", tz=True), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "2026-01-01T00:00:00.000000Z"),
    "i": (Kind("interval"), pa.MonthDayNano([1, -2, -1_500_000_000]), "P1M-2DT-1.5S"),
    "u": (Kind("uuid"), uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    "j": (Kind("json"), '{"n": 1e400}', '{"n": 1e400}'),
    "x": (Kind("binary"), b"\x00\xff", "00ff"),
    "a": (Kind("array", item=Kind("integer", bits=32)), [1, None], "[1, null]"),
    "ai": (Kind("array", item=Kind("interval")), [pa.MonthDayNano([0, 0, 0])], '["PT0S"]'),
}
KINDS = [(name, kind) for name, (kind, *_) in ROWS.items()]


def batch() -> pa.RecordBatch:
    """One row of values and one of NULLs."""
    schema = arrow_schema([ResultColumn(name, kind) for name, kind in KINDS])
    arrays = [to_array([value, None], kind) for kind, value, _ in ROWS.values()]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


# On every engine


def test_a_parquet_file_holds_the_very_rows(legacy: object, tmp_path: Path) -> None:
    orders = mdb.reflect("orders", using="legacy").objects.order_by("id")
    path = tmp_path / "orders.parquet"

    assert orders.to_parquet(path, batch_rows=2) == 3
    assert pq.read_table(path).equals(orders.to_arrow())
    assert pl.read_parquet(path)["total"].to_list() == [Decimal("19.99"), Decimal("0.01"), Decimal("12345678.90")]
    assert pd.read_parquet(path)["id"].tolist() == [10, 11, 12]


def test_no_rows_give_a_file_with_the_columns(legacy: object, tmp_path: Path) -> None:
    for name, users in {"asked": User.objects.filter(id__gt=1000), "none": User.objects.none()}.items():
        assert users.to_parquet(tmp_path / f"{name}.parquet") == 0
        assert pq.read_schema(tmp_path / f"{name}.parquet").equals(User.objects.to_arrow().schema)
        assert users.to_csv(tmp_path / f"{name}.csv") == 0
        assert (tmp_path / f"{name}.csv").read_bytes() == b"id,name,country,score,boss_id\r\n"


def test_csv_tells_null_from_an_empty_text(legacy: object, tmp_path: Path) -> None:
    users = User.objects.filter(id__in=[2, 4]).order_by("id").values("id", "name", "country")

    assert users.to_csv(tmp_path / "users.csv") == 2
    assert (tmp_path / "users.csv").read_bytes() == b'id,name,country\r\n2,Bo,\r\n4,"",FR\r\n'
    back = pyarrow.csv.read_csv(
        tmp_path / "users.csv",
        convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False),
    )
    assert back["name"].to_pylist() == ["Bo", ""]
    assert back["country"].to_pylist() == [None, "FR"]


def test_a_file_that_is_there_is_not_replaced_unasked(legacy: object, tmp_path: Path) -> None:
    for method, name in ((User.objects.to_parquet, "a.parquet"), (User.objects.to_csv, "a.csv")):
        path = tmp_path / name
        path.write_text("precious")
        with pytest.raises(WriteRefused, match="overwrite=True"):
            method(path)
        assert path.read_text() == "precious"
        assert method(path, overwrite=True) == 4
        assert path.read_bytes() != b"precious"
    assert sorted(each.name for each in tmp_path.glob("*.*") if each.suffix in (".csv", ".parquet", ".part")) == [
        "a.csv",
        "a.parquet",
    ]


def test_raw_sql_and_several_aliases_become_files_too(legacy: object, tmp_path: Path) -> None:
    assert User.objects.raw("SELECT id, name FROM users ORDER BY id").to_parquet(tmp_path / "raw.parquet") == 4
    assert pq.read_table(tmp_path / "raw.parquet")["name"].to_pylist() == ["Ann", "Bo", "Çağla", ""]
    assert User.objects.across("legacy").to_csv(tmp_path / "across.csv") == 4
    assert (tmp_path / "across.csv").read_text(encoding="utf-8").startswith("alias,id,name")


# Whole or not there


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_half_way_leaves_no_file(tmp_path: Path, failure: type[BaseException]) -> None:
    def batches():
        yield batch()
        raise failure

    old = tmp_path / "old.csv"
    old.write_text("precious")
    with pytest.raises(failure):
        write_parquet(batches(), batch().schema, tmp_path / "x.parquet", compression="zstd", overwrite=False)
    with pytest.raises(failure):
        write_csv(batches(), batch().schema, old, CsvForm(), overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["old.csv"]
    assert old.read_text() == "precious"


@pytest.mark.parametrize("rows", [0, -1, 2.5])
def test_batches_of_nothing_are_refused(tmp_path: Path, rows: Any) -> None:
    shop.make("legacy", "sqlite://")
    with pytest.raises(FieldValueError, match="batch_rows is a whole number of at least 1"):
        User.objects.to_parquet(tmp_path / "x.parquet", batch_rows=rows)
    with pytest.raises(FieldValueError, match="batch_rows"):
        list(User.objects.to_arrow_batches(rows))
    with pytest.raises(FieldValueError, match="chunk_size"):
        list(User.objects.to_pandas_batches(rows))
    with pytest.raises(FieldValueError, match=r"options\.batch_rows"):
        mdb.options.batch_rows = rows
    assert not list(tmp_path.iterdir())


def test_an_option_that_does_not_exist_is_not_set() -> None:
    with pytest.raises(AttributeError, match="mdb.options has no 'batch_row'; it has 'preview_rows'"):
        mdb.options.batch_row = 5  # type: ignore[attr-defined]


def test_a_folder_that_is_not_there_is_named_before_any_sql(tmp_path: Path) -> None:
    mdb.connect("legacy", "sqlite:////no/such/database.db")
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        User.objects.to_parquet(tmp_path / "nowhere" / "x.parquet")
    with pytest.raises(IsADirectoryError):
        User.objects.to_csv(tmp_path)
    with pytest.raises(FieldValueError, match="'zstd'"):
        User.objects.to_parquet(tmp_path / "x.parquet", compression="rar")


# Every type


def test_parquet_keeps_every_type_or_writes_it_as_exact_text(tmp_path: Path) -> None:
    rows = batch()
    path = tmp_path / "x.parquet"

    assert write_parquet([rows, rows], rows.schema, path, compression="zstd", overwrite=False) == 4
    back = pq.read_table(path)
    for name, (_, value, text) in ROWS.items():
        as_text = name in ("wide", "i", "ai")
        assert back[name].to_pylist() == [text if as_text else value, None] * 2, name
        assert (b"multidb_explorer:type" in (back.schema.field(name).metadata or {})) == as_text
    assert back.schema.field("wide").metadata[b"multidb_explorer:type"] == b"decimal256(76, 38)"
    assert pl.read_parquet(path)["wide"].to_list()[0] == "1.5" + "0" * 37
    assert pl.read_parquet(path)["d"].to_list()[0] == Decimal("-0.0000000001")


def test_csv_spells_every_type_exactly() -> None:
    out = io.BytesIO()
    rows = batch()

    assert write_csv([rows], rows.schema, out, CsvForm(), overwrite=False) == 2
    header, values, nulls = csv.reader(io.StringIO(out.getvalue().decode(), newline=""))
    assert header == list(ROWS)
    assert values == [text for *_, text in ROWS.values()]
    assert nulls == [""] * len(ROWS)


def test_csv_can_be_read_back_whatever_the_options() -> None:
    texts = ["", "NULL", "a;b", "=1+1", None, '"', "x\ny", " ", "3.5"]
    rows = pa.record_batch({"s;": pa.array(texts), "n": pa.array([1.5] * len(texts))})
    out = io.StringIO(newline="")

    write_csv([rows], rows.schema, out, CsvForm(delimiter=";", null="NULL"), overwrite=False)
    lines = list(csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=";"))
    assert [line[0] for line in lines] == ["s;", *("NULL" if text is None else text for text in texts)]
    assert '"NULL";1.5\r\n' in out.getvalue()
    assert "\r\nNULL;1.5\r\n" in out.getvalue()


def test_a_delimiter_that_occurs_in_numbers_makes_them_quoted() -> None:
    out = io.StringIO(newline="")
    rows = pa.record_batch({"n": pa.array([1.5, None]), "m": pa.array([1, 2])})

    write_csv([rows], rows.schema, out, CsvForm(delimiter=".", header=False), overwrite=False)
    assert out.getvalue() == '"1.5".1\r\n.2\r\n'


def test_excel_gets_its_mark() -> None:
    out = io.BytesIO()
    write_csv([], pa.schema({"ä": pa.int64()}), out, CsvForm(encoding="utf-8-sig"), overwrite=False)
    assert out.getvalue() == b"\xef\xbb\xbf\xc3\xa4\r\n"


@pytest.mark.parametrize(
    "options", [{"delimiter": ""}, {"delimiter": '"'}, {"delimiter": ";;"}, {"null": "a,b"}, {"encoding": "latin-1"}]
)
def test_options_that_could_not_be_read_back_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(FieldValueError):
        CsvForm(**options)


def test_a_value_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    mdb.connect("loose", f"sqlite:///{tmp_path}/loose.db")
    with mdb.aliases["loose"].database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 1), (2, 'two')")

    with pytest.raises(ValueNotRepresentable, match="'n'"):
        mdb.reflect("t", using="loose").objects.to_parquet(tmp_path / "t.parquet")
    assert not list(tmp_path.glob("*.p*"))
