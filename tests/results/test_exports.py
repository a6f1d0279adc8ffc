"""JSON lines, INSERT statements, workbooks and Markdown: what is read back is what was written."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import struct
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
import shop
import sqlalchemy as sa
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError, FieldValueError, ValueNotRepresentable, WriteRefused
from multidb_explorer.models.writing_frames import write
from multidb_explorer.results import excel
from multidb_explorer.results.exports import markdown_lines, write_jsonl
from multidb_explorer.results.spelling import spelt

sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))

from specimens import PREPARE, SPECIMENS

pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")


@pytest.fixture
def specimens(target: Any, url: str) -> Any:
    """Every value of every type of an engine, in a table with an empty twin."""
    mdb.connect("here", url)
    chosen = {f"{name}_": specimen for name, specimen in SPECIMENS[target.name].items()}
    columns = ", ".join(f"{name} {specimen.declared}" for name, specimen in chosen.items())
    for statement in (
        *PREPARE[target.name],
        *(f"CREATE TABLE {t} (id INTEGER PRIMARY KEY, {columns})" for t in ("specimens", "twins")),
    ):
        run(statement)
    few = {name: [v for v in some.values if not isinstance(v, str) or len(v) < 1000] for name, some in chosen.items()}
    longest = max(map(len, few.values()))
    rows = [
        {"id": place, **{name: values[place % len(values)] for name, values in few.items()}} for place in range(longest)
    ]
    write([*rows, {"id": longest, **dict.fromkeys(chosen)}], "specimens", using="here")
    return mdb.reflect("specimens", using="here").objects.order_by("id")


def run(statement: str) -> None:
    with databases["here"].begin() as connection:
        connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def statements(text: str) -> list[str]:
    head, insert, rest = text.partition("INSERT INTO")
    return [part for part in (head.strip(), insert + rest) if part]


# Every type of every engine


def test_inserts_make_the_very_rows(specimens: Any) -> None:
    out = io.StringIO()
    count = specimens.to_sql_inserts(out, table="twins", rows_each=1000)
    with databases["here"].begin() as connection:
        for statement in statements(out.getvalue()):
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    twins = mdb.reflect("twins", using="here").objects.order_by("id").to_arrow()
    assert twins.num_rows == count
    there = specimens.to_arrow()
    for name in there.schema.names:
        assert twins[name].equals(there[name]), name


def test_json_lines_hold_every_value(specimens: Any) -> None:
    out = io.BytesIO()
    table = specimens.to_arrow()
    assert specimens.to_jsonl(out) == table.num_rows
    lines = [json.loads(line, parse_float=Decimal) for line in out.getvalue().decode().split("\n")[:-1]]
    kinds = {field.name: field.kind.name for field in specimens.fields}
    for name in table.schema.names:
        texts = [text for chunk in table[name].chunks for text in spelt(chunk).to_pylist()]
        for line, value, text in zip(lines, table[name].to_pylist(), texts, strict=True):
            assert meant(line[name], value, text, kinds[name]), (name, line[name], value)


def meant(found: Any, value: Any, text: str | None, kind: str) -> bool:
    """Tell whether a value of JSON is the value of the database."""
    if value is None:
        return found is None
    if kind == "json":
        return found == json.loads(value, parse_float=Decimal)
    if isinstance(value, float):
        # A 32-bit float has fewer digits.
        return math.isnan(value) or float(found) == value or struct.pack("f", float(found)) == struct.pack("f", value)
    if kind == "array":
        return found == json.loads(str(text), parse_float=Decimal)
    return found == value if isinstance(value, bool | int | Decimal) else found == text


def test_a_workbook_holds_every_value_or_its_exact_text(specimens: Any, tmp_path: Path) -> None:
    table = specimens.to_arrow()
    assert specimens.to_excel(tmp_path / "x.xlsx") == table.num_rows
    head, *rows = openpyxl.load_workbook(tmp_path / "x.xlsx")["rows"].values
    assert list(head) == table.schema.names
    for place, name in enumerate(table.schema.names):
        texts = [text for chunk in table[name].chunks for text in spelt(chunk).to_pylist()]
        for row, value, text in zip(rows, table[name].to_pylist(), texts, strict=True):
            assert same_cell(row[place], value, text), (name, row[place], value)


def same_cell(found: Any, value: Any, text: str | None) -> bool:
    if isinstance(found, str):
        return found == text
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return found == dt.datetime.combine(value, dt.time())
    if value in ("", b""):
        return found is None
    return found == (float(value) if isinstance(value, Decimal) else value)


# What is written, exactly


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


def test_statements_of_a_few_rows_each(legacy: object, target: Any) -> None:
    out = io.StringIO()
    users = User.objects.filter(id__lt=4).order_by("id").values("id", "name", "country")
    assert users.to_sql_inserts(out, rows_each=2) == 3
    q = "`" if target.name == "mariadb" else '"'
    insert = f"INSERT INTO {q}users{q} ({q}id{q}, {q}name{q}, {q}country{q}) VALUES\n"
    head = "SET NAMES utf8mb4, time_zone = '+00:00';\n" if target.name == "mariadb" else ""
    assert out.getvalue() == (f"{head}{insert}  (1, 'Ann', 'FR'),\n  (2, 'Bo', NULL);\n{insert}  (3, 'Çağla', 'TR');\n")


def test_no_text_and_no_name_ends_its_quotes(legacy: object) -> None:
    mean = "'); DROP TABLE users; --\\'"
    User.objects.filter(id=1).update(name=mean[:20])
    out = io.StringIO()
    User.objects.filter(id=1).to_sql_inserts(out, table='a"b`c')
    assert 'a""b`c' in out.getvalue() or 'a"b``c' in out.getvalue()
    User.objects.filter(id=1).update(name="Ann")
    with databases["legacy"].begin() as connection:
        for statement in statements(out.getvalue().replace('a""b`c', "orphans").replace('a"b``c', "orphans")):
            if "orphans" in statement:
                # Only parsed and refused: there is no such table.
                with pytest.raises(Exception, match="orphans"):
                    connection.execution_options(no_parameters=True).exec_driver_sql(statement)
                break
    assert User.objects.count() == 4


def test_names_stand_as_they_are(url: str) -> None:
    mdb.connect("here", url)
    table = sa.Table("50% off", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    with databases["here"].begin() as connection:
        table.create(connection)
    write([{"id": 1}], "50% off", using="here")
    out = io.StringIO()
    rows = mdb.reflect("50% off", using="here").objects
    rows.to_sql_inserts(out)
    rows.all().delete()
    run(out.getvalue().rpartition("SET NAMES utf8mb4, time_zone = '+00:00';")[2])
    assert rows.all().count() == 1


def test_what_the_database_computes_is_left_out(url: str, target: Any) -> None:
    mdb.connect("here", url)
    stored = "VIRTUAL" if target.name == "duckdb" else "STORED"
    run(f"CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, twice INTEGER GENERATED ALWAYS AS (n * 2) {stored})")
    run("INSERT INTO t (id, n) VALUES (1, 4)")
    out = io.StringIO()
    rows = mdb.reflect("t", using="here").objects
    assert rows.to_sql_inserts(out) == 1
    assert out.getvalue().endswith("\n  (1, 4);\n")
    assert rows.only("n", "twice").to_sql_inserts(out) == 1
    assert out.getvalue().endswith("\n  (1, 4);\n")


def test_sums_are_no_rows_of_a_table(legacy: object) -> None:
    with pytest.raises(FieldError, match="'n' is no column"):
        User.objects.values("country").annotate(n=mdb.Count("id")).to_sql_inserts(io.StringIO())
    with pytest.raises(FieldValueError, match="rows_each"):
        User.objects.to_sql_inserts(io.StringIO(), rows_each=0)


def test_a_text_with_the_character_zero(tmp_path: Path) -> None:
    for engine in ("sqlite", "duckdb"):
        mdb.connect("here", f"{engine}:///{tmp_path}/{engine}.db")
        run("CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)")
        write([{"id": 1, "s": "a\0b"}], "t", using="here")
        out = io.StringIO()
        rows = mdb.reflect("t", using="here").objects
        rows.to_sql_inserts(out)
        rows.all().delete()
        run(out.getvalue())
        assert rows.get().s == "a\0b"


def test_json_stays_on_its_line() -> None:
    out = io.StringIO()
    rows = pa.record_batch(
        {"j": ['{\n "a": 1.10}', "no json", None], "s": ["a\nb", '"', "\x01"], "f": [math.nan, math.inf, 0.1]}
    )
    assert write_jsonl([rows], ["j"], out, overwrite=False) == 3
    assert out.getvalue() == (
        '{"j": {  "a": 1.10}, "s": "a\\nb", "f": "nan"}\n{"j": "no json", "s": "\\"", "f": "inf"}\n'
        '{"j": null, "s": "\\u0001", "f": 0.1}\n'
    )


def test_what_json_has_no_numbers_for_is_text() -> None:
    out = io.StringIO()
    rows = pa.record_batch(
        {
            "list": pa.array([[math.nan, 0.5], [-math.inf]], pa.list_(pa.float64())),
            "exact": pa.array([[Decimal("0.00000001")], [Decimal(7)]], pa.list_(pa.decimal128(20, 8))),
            "stored": ['{"a": NaN}', "[" * 100_000],
        }
    )
    write_jsonl([rows], ["stored"], out, overwrite=False)
    found = [json.loads(line, parse_constant=pytest.fail) for line in out.getvalue().splitlines()]
    assert [(line["list"], line["exact"]) for line in found] == [
        (["nan", 0.5], ["0.00000001"]), (["-inf"], ["7.00000000"]),
    ]  # fmt: skip
    assert [line["stored"] for line in found] == ['{"a": NaN}', "[" * 100_000]


def test_markdown_makes_no_link_no_picture_and_no_formula() -> None:
    table = pa.table({"s": ["![x](https://example.com/a.png)", "~~no~~ $x$"]})
    assert [text for _, text in markdown_lines(table.to_batches(), table.schema)][1:] == [
        "| !\\[x\\](https://example.com/a.png) |\n", "| \\~\\~no\\~\\~ \\$x\\$ |\n",
    ]  # fmt: skip


def test_markdown_shows_marks_as_they_are() -> None:
    table = pa.table({"a|b": ["<b>x</b>", "y\nz", None], "n": [1, None, 3]})
    assert "".join(text for _, text in markdown_lines(table.to_batches(), table.schema)).splitlines() == [
        "| a\\|b | n |", "| --- | ---: |", "| &lt;b&gt;x&lt;/b&gt; | 1 |", "| y<br>z |  |", "|  | 3 |",
    ]  # fmt: skip


def test_a_sheet_that_is_full_goes_on_in_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "MOST_ROWS", 3)
    rows = pa.record_batch({"n": list(range(5))})
    assert excel.write_excel([rows], rows.schema, tmp_path / "x.xlsx", sheet="numbers", overwrite=False) == 5
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert {sheet.title: [row[0] for row in sheet.values] for sheet in book} == {
        "numbers": ["n", 0, 1], "numbers (2)": ["n", 2, 3], "numbers (3)": ["n", 4],
    }  # fmt: skip


def test_excel_takes_no_text_for_a_formula_and_says_what_is_too_long(tmp_path: Path) -> None:
    rows = pa.record_batch({"s": ["=1+1", "https://example.com"]})
    excel.write_excel([rows], rows.schema, tmp_path / "x.xlsx", sheet="s", overwrite=False)
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "x.xlsx")["s"].iter_rows(min_row=2) for cell in row]
    assert [(cell.value, cell.data_type, cell.hyperlink) for cell in cells] == [
        ("=1+1", "s", None), ("https://example.com", "s", None),
    ]  # fmt: skip
    long = pa.record_batch({"s": ["x" * 32_768]})
    with pytest.raises(ValueNotRepresentable, match="32,768 characters"):
        excel.write_excel([long], long.schema, tmp_path / "long.xlsx", sheet="s", overwrite=False)
    assert not (tmp_path / "long.xlsx").exists()


def test_days_that_excel_does_not_count_are_text(tmp_path: Path) -> None:
    days = pa.array([dt.date(9999, 12, 31), dt.date(1900, 2, 28), None], pa.date32())
    far = pa.array([3_000_000, -800_000, 0], pa.int32()).cast(pa.date32())
    moments = pa.array([10**18, -(10**17), 1500], pa.int64()).cast(pa.timestamp("us"))
    rows = pa.record_batch({"day": days, "far": far, "moment": moments})
    excel.write_excel([rows], rows.schema, tmp_path / "x.xlsx", sheet="s", overwrite=False)
    assert list(openpyxl.load_workbook(tmp_path / "x.xlsx")["s"].values)[1:] == [
        (dt.datetime(9999, 12, 31), "10183-09-21", "33658-09-27T01:46:40.000000"),
        ("1900-02-28", "-0221-09-04", "-1199-02-15T14:13:20.000000"),
        (None, dt.datetime(1970, 1, 1), "1970-01-01T00:00:00.001500"),
    ]


def test_more_columns_than_a_sheet_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "MOST_COLUMNS", 2)
    rows = pa.record_batch({"a": [1], "b": [2], "c": [3]})
    with pytest.raises(ValueNotRepresentable, match="There are 3 columns"):
        excel.write_excel([rows], rows.schema, tmp_path / "x.xlsx", sheet="s", overwrite=False)
    assert not (tmp_path / "x.xlsx").exists()


@pytest.mark.parametrize("name", ["", "a" * 32, "a/b", "'a", "History", " a"])
def test_a_name_that_no_sheet_has_is_refused(name: str) -> None:
    with pytest.raises(FieldValueError, match="can't name a sheet"):
        excel.checked_sheet(name)


@pytest.mark.parametrize("method", ["to_jsonl", "to_excel", "to_sql_inserts"])
def test_a_file_that_is_there_is_not_replaced_unasked(tmp_path: Path, method: str) -> None:
    shop.make("legacy", f"sqlite:///{tmp_path}/a.db")
    path = tmp_path / "there"
    path.write_text("precious")
    with pytest.raises(WriteRefused, match="overwrite=True"):
        getattr(User.objects, method)(path)
    assert path.read_text() == "precious"
    assert getattr(User.objects, method)(path, overwrite=True) == 4
