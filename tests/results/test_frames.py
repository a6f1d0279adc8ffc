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

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.results.frames import to_pandas

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
