"""From Arrow to pandas: the type table of the design, whatever the values are."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import FieldError, FieldValueError, ValueNotRepresentable
from multidb_explorer.results.frames import Frames, to_pandas

ARROW = "[pyarrow]"
TABLE = [
    (Kind("integer", bits=16), 7, "int64", "Int64"),
    (Kind("integer", bits=32), -(2**31), "int64", "Int64"),
    (Kind("integer", bits=64), 2**63 - 1, "int64", "Int64"),
    (Kind("integer", bits=64, unsigned=True), 2**64 - 1, "uint64", "UInt64"),
    (Kind("float", bits=32), 0.5, "float64", "float64"),
    (Kind("float", bits=64), 0.1, "float64", "float64"),
    (
        Kind("decimal", precision=38, scale=10),
        Decimal("1234567890123456789012345678.0123456789"),
        "decimal128(38, 10)" + ARROW,
        None,
    ),
    (Kind("decimal"), Decimal("0.00000000000000000000000000000000000001"), "decimal256(76, 38)" + ARROW, None),
    (Kind("boolean"), True, "bool", "boolean"),
    (Kind("text"), "Łódź 😀", "str", "str"),
    (Kind("enum", choices=("new", "old")), "old", "category", "category"),
    (Kind("date"), dt.date(1, 1, 1), "date32[day]" + ARROW, None),
    (Kind("time"), dt.time(23, 59, 59, 999999), "time64[us]" + ARROW, None),
    (Kind("timestamp"), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), "datetime64[us]", "datetime64[us]"),
    (
        Kind("timestamp", tz=True),
        dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC),
        "datetime64[us, UTC]",
        "datetime64[us, UTC]",
    ),
    (Kind("interval"), pa.MonthDayNano([1, 2, 3]), "month_day_nano_interval" + ARROW, None),
    (Kind("uuid"), uuid.UUID(int=5), "extension<arrow.uuid>" + ARROW, None),
    (Kind("json"), '{"n": 1e400}', "str", "str"),
    (Kind("binary"), b"\x00\xff", "binary" + ARROW, None),
    (Kind("array", item=Kind("integer", bits=32)), [1, None, 3], "list<item: int32>" + ARROW, None),
    (Kind("other"), "192.168.0.1", "str", "str"),
]
IDS = [str(kind) for kind, *_ in TABLE]


def table(kind: Kind, values: list[object], *, nullable: bool) -> pa.Table:
    schema = arrow_schema([ResultColumn("x", kind, nullable)])
    return pa.Table.from_arrays([to_array(values, kind)], schema=schema)


@pytest.mark.parametrize(("kind", "value", "required", "nullable"), TABLE, ids=IDS)
def test_the_dtype_follows_the_column_and_never_the_values(
    kind: Kind, value: object, required: str, nullable: str | None
) -> None:
    nullable = nullable or required
    assert str(to_pandas(table(kind, [value], nullable=False)).dtypes["x"]) == required
    assert str(to_pandas(table(kind, [], nullable=False)).dtypes["x"]) == required
    for values in ([value], [], [None], [value, None]):
        assert str(to_pandas(table(kind, values, nullable=True)).dtypes["x"]) == nullable


@pytest.mark.parametrize(("kind", "value", "required", "nullable"), TABLE, ids=IDS)
def test_values_are_exact_and_null_stays_null(kind: Kind, value: object, required: str, nullable: str | None) -> None:
    frame = to_pandas(table(kind, [value, None], nullable=True))

    assert frame["x"].isna().tolist() == [False, True]
    found = frame["x"].iloc[0]
    assert found == value if not isinstance(found, list | np.ndarray) else list(found) == value


def test_a_null_where_none_was_promised_turns_no_integer_into_a_float() -> None:
    frame = to_pandas(table(Kind("integer"), [2**53 + 1, None], nullable=False))

    assert str(frame["x"].dtype) == "Int64"
    assert frame["x"].iloc[0] == 2**53 + 1


def test_arithmetic_on_narrow_integers_does_not_overflow() -> None:
    frame = to_pandas(table(Kind("integer", bits=16), [32767], nullable=False))

    assert (frame["x"] * 1000).tolist() == [32_767_000]


def test_two_columns_of_one_name_stay_two() -> None:
    frame = to_pandas(pa.Table.from_arrays([pa.array([1]), pa.array(["a"])], names=["x", "x"]))

    assert frame.shape == (1, 2)
    assert frame.iloc[0].tolist() == [1, "a"]


def test_an_empty_text_is_not_null() -> None:
    frame = to_pandas(table(Kind("text"), ["", None], nullable=True))

    assert frame["x"].isna().tolist() == [False, True]
    assert frame["x"].iloc[0] == ""
    assert isinstance(frame["x"].iloc[1], float)
    assert math.isnan(frame["x"].iloc[1])
    assert isinstance(frame["x"].dtype, pd.StringDtype)


def test_every_batch_of_an_enum_has_the_same_categories() -> None:
    kind = Kind("enum", choices=("b", "a"))

    assert to_array(["a"], kind).dictionary.to_pylist() == to_array([], kind).dictionary.to_pylist() == ["b", "a"]
    assert arrow_type(kind) == pa.dictionary(pa.int32(), pa.string())


# What may be asked otherwise


@pytest.mark.parametrize(("kind", "value", "required", "nullable"), TABLE, ids=IDS)
def test_arrow_types_on_request_are_those_of_the_column(
    kind: Kind, value: object, required: str, nullable: str | None
) -> None:
    for values in ([value, None], [], [None]):
        found = to_pandas(table(kind, values, nullable=True), dtype_backend="pyarrow")["x"]
        assert found.dtype == pd.ArrowDtype(arrow_type(kind))
        assert found.isna().tolist() == [each is None for each in values]


def test_nullable_types_on_request_know_null_even_where_none_may_stand() -> None:
    expected = {"integer": "Int64", "float": "Float64", "boolean": "boolean", "text": "string"}
    for name, dtype in expected.items():
        for nullable in (False, True):
            frame = to_pandas(table(Kind(name), [], nullable=nullable), dtype_backend="numpy_nullable")
            assert str(frame["x"].dtype) == dtype
    text = to_pandas(table(Kind("text"), ["", None], nullable=True), dtype_backend="numpy_nullable")["x"]
    assert text[1] is pd.NA


@pytest.mark.parametrize("wrong", ["numpy", 3, True])
def test_an_unknown_backend_lists_what_there_is(wrong: object) -> None:
    with pytest.raises(FieldValueError, match="'hybrid', 'numpy_nullable', 'pyarrow'"):
        to_pandas(pa.table({}), dtype_backend=wrong)


def test_nan_and_null_stay_two_things() -> None:
    kind = Kind("float")
    assert str(to_pandas(table(kind, [1.5, math.nan], nullable=True))["x"].dtype) == "float64"

    for backend in (None, "numpy_nullable", "pyarrow"):
        found = to_pandas(table(kind, [1.5, math.nan, None], nullable=True), dtype_backend=backend)["x"]
        assert found.isna().tolist() == [False, False, True]
        assert math.isnan(found[1])


def test_parts_of_a_result_have_the_same_dtypes_or_are_refused() -> None:
    def part(*values: float | None) -> pa.Table:
        return table(Kind("float"), list(values), nullable=True)

    frames = Frames()
    assert {str(frames.frame(part(*values))["x"].dtype) for values in ([1.5], [None], [])} == {"float64"}
    with pytest.raises(ValueNotRepresentable, match="numpy_nullable"):
        frames.frame(part(math.nan))
    with pytest.raises(ValueNotRepresentable):
        Frames(apart=True).frame(part(math.nan))
    nullable = Frames(dtype_backend="numpy_nullable")
    assert {str(nullable.frame(part(*values))["x"].dtype) for values in ([None], [math.nan], [])} == {"Float64"}


def test_json_becomes_objects_on_request() -> None:
    texts = table(Kind("json"), ['{"a": [1, null]}', "[]", "7", None], nullable=True)

    assert to_pandas(texts, json_columns=["x"])["x"].tolist() == [{"a": [1, None]}, [], 7, None]


# On every engine


@pytest.fixture
def legacy(url: str) -> object:
    return shop.make("legacy", url)


def test_the_key_becomes_the_index(legacy: object) -> None:
    users = User.objects.order_by("id")
    assert users.to_pandas(index=True)["name"].to_dict() == {1: "Ann", 2: "Bo", 3: "Çağla", 4: ""}
    assert users.to_pandas(index=True).index.dtype == "int64"
    assert users.to_pandas(index="name").index.name == "name"
    assert users.to_pandas(index=False).columns[0] == "id"
    for batch in users.to_pandas_batches(3, index=True):
        assert batch.index.name == "id"

    lines = mdb.reflect("order_lines", using="legacy").objects
    found = lines.to_pandas(index=True)
    assert found.index.names == ["order_id", "line"]
    assert found.loc[(10, 2), "product"] == "mug"
    orders = mdb.reflect("orders", using="legacy").objects.to_pandas(index=["user_id", "total"])
    assert str(orders.index.dtypes["total"]) == "decimal128(10, 2)[pyarrow]"
    assert User.objects.across("legacy").to_pandas(index=True).index.names == ["alias", "id"]
    assert User.objects.raw("SELECT id, name FROM users").to_pandas(index=True).index.name == "id"


def test_an_index_that_is_not_there_is_refused_before_any_sql(legacy: object) -> None:
    with statements(legacy) as sent:
        with pytest.raises(FieldError, match="Did you mean 'name'"):
            User.objects.to_pandas(index="nam")
        with pytest.raises(FieldError, match="'id'"):
            User.objects.values("name").to_pandas(index=True)
        with pytest.raises(FieldValueError):
            User.objects.to_pandas(dtype_backend="arrow")
    assert not sent


def test_every_batch_has_the_dtypes_of_the_whole(legacy: object) -> None:
    for backend in (None, "pyarrow", "numpy_nullable"):
        whole = User.objects.order_by("id").to_pandas(dtype_backend=backend)
        parts = list(User.objects.order_by("id").to_pandas_batches(1, dtype_backend=backend))
        assert [len(part) for part in parts] == [1, 1, 1, 1]
        assert all(part.dtypes.equals(whole.dtypes) for part in parts)
