"""What is typed into an editor: each kind's texts, and the way back."""

from __future__ import annotations

import datetime as dt
import math
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import canonical, month_day_nano, same
from multidb_explorer.controllers.typed_values import Unreadable, editable, parsed, reason_of
from multidb_explorer.errors import ValueNotRepresentable

sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))
from specimens import SPECIMENS

COLUMNS = [
    pytest.param(specimen, id=f"{engine}-{name}")
    for engine, columns in SPECIMENS.items()
    for name, specimen in columns.items()
]


@pytest.mark.parametrize("specimen", COLUMNS)
def test_the_text_of_a_value_reads_back_as_that_value(specimen):
    kind = specimen.kind
    for value in specimen.values:
        exact = canonical(value, kind)
        exact = month_day_nano(exact) if isinstance(exact, dt.timedelta) else exact
        back = canonical(parsed(editable(exact, kind), kind), kind)
        assert same(back, exact, kind) or (isinstance(exact, float) and math.isclose(back, exact, rel_tol=0)), value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind("integer"), " -7 ", -7),
        (Kind("float"), "1e-3", 0.001),
        (Kind("decimal"), "0.10", Decimal("0.10")),
        (Kind("boolean"), "No", False),
        (Kind("text"), "  kept ", "  kept "),
        (Kind("text"), "", ""),
        (Kind("date"), "2026-02-28", dt.date(2026, 2, 28)),
        (Kind("time"), "14:30", dt.time(14, 30)),
        (Kind("timestamp"), "2026-02-28T14:30", dt.datetime(2026, 2, 28, 14, 30)),
        (Kind("timestamp", tz=True), "2026-02-28 14:30Z", dt.datetime(2026, 2, 28, 14, 30, tzinfo=dt.UTC)),
        (Kind("interval"), "P1Y2M3DT4H5M6.5S", pa.MonthDayNano([14, 3, 14_706_500_000_000])),
        (Kind("interval"), "1 mon -2 d -00:00:01.5", pa.MonthDayNano([1, -2, -1_500_000_000])),
        (Kind("binary"), "\\xCAFE", b"\xca\xfe"),
        (Kind("array", item=Kind("decimal")), "[0.1, null, 12345678901234567890.5]",
         [Decimal("0.1"), None, Decimal("12345678901234567890.5")]),
        (Kind("array", item=Kind("date")), '["2026-02-28"]', [dt.date(2026, 2, 28)]),
    ],
)  # fmt: skip
def test_texts_that_people_type(kind, text, value):
    assert parsed(text, kind) == value


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (Kind("integer"), "1.5", "whole number such as 42"),
        (Kind("integer"), "1_000", "whole number"),
        (Kind("integer"), " ", "set NULL"),
        (Kind("boolean"), "maybe", "true or false"),
        (Kind("date"), "31.12.2026", "2026-11-22"),
        (Kind("timestamp"), "2026-02-28 14:30Z", "leave it out"),
        (Kind("timestamp", tz=True), "2026-02-28 14:30", "Z for UTC"),
        (Kind("json"), "{a: 1}", "JSON such as"),
        (Kind("binary"), "xyz", "hexadecimal"),
        (Kind("interval"), "P", "a span such as"),
        (Kind("array", item=Kind("integer")), '{"a": 1}', "JSON list"),
    ],
)
def test_what_can_not_be_read_says_what_can(kind, text, says):
    with pytest.raises(Unreadable, match=says):
        parsed(text, kind)


def test_a_reason_stands_beside_its_field():
    with pytest.raises(ValueNotRepresentable) as caught:
        canonical("Portugal", Kind("text", length=2), column="country", where="table 'users' on alias 'legacy'")
    assert reason_of(caught.value) == "It has 8 characters and the column keeps 2."
