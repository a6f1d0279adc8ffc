"""No value is changed on its way: every column type of every engine, its ends, and the table that says so."""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

sys.path.insert(0, str(Path(__file__).parent))

from extremes import CASES, create
from fidelity_table import (
    SIGNS,
    TITLES,
    between,
    counted,
    our_cells,
    peer_cells,
    replaced,
    types_table,
    written,
)
from verdicts import CHANGED, REFUSED, RIGHT, WRONG, judged
from ways import OURS, PEERS, Found

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "types.md"
EXACT = [name for name in OURS if name not in ("to_polars()", "SQL text")]
# In a result of SQL text the server writes a FLOAT with six digits, and nothing tells the others.
BEYOND_US = {("mariadb", "float", "SQL text")}

Cells = dict[str, list[Found]]


@pytest.fixture
def stored(target: Target, url: str) -> str:
    """The alias of a database with the table ``cells``."""
    mdb.connect("cells", url)
    with databases["cells"].begin() as connection:
        for statement in create(target.name):
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    return "cells"


# What was read of an engine, once for all tests that look at it.
READ: dict[str, Cells] = {}


@pytest.fixture
def cells(target: Target, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Cells:
    if target.name not in READ:
        READ[target.name] = our_cells(target.name, request.getfixturevalue("stored"))
        capfd.readouterr()
    return READ[target.name]


def amiss(target: Target, cells: Cells, ways: list[str], allowed: Callable[[Any, str], tuple[str, ...]]) -> list[str]:
    return [
        f"{case.declared}, {case.label}, {way}: {found.verdict} {found.type} {found.error}"
        for way in ways
        for case, found in zip(CASES[target.name], cells[way], strict=True)
        if found.verdict not in allowed(case, way)
    ]


def test_every_frame_holds_every_value_as_it_is_stored(target: Target, cells: Cells) -> None:
    # What no value of Python's is equal to is refused by name, and never given as another one.
    assert amiss(target, cells, EXACT, lambda case, _: (REFUSED,) if case.beyond else (RIGHT,)) == []


def test_polars_and_sql_text_never_hold_another_value(target: Target, cells: Cells) -> None:
    def allowed(case: Any, way: str) -> tuple[str, ...]:
        known = (target.name, case.declared, way) in BEYOND_US
        return (RIGHT, CHANGED, REFUSED, *([WRONG] if known else []))

    assert amiss(target, cells, ["to_polars()", "SQL text"], allowed) == []


def test_the_plain_cursor_gives_the_same(target: Target, stored: str, monkeypatch, capfd) -> None:
    if not databases[stored].backend.features.exact_cursor:
        pytest.skip(f"the cursor of {target.title} does not give every value as it is stored")
    monkeypatch.setattr(mdb.options, "fast_readers", False)
    slowly = our_cells(target.name, stored)
    assert amiss(target, slowly, EXACT, lambda case, _: (REFUSED,) if case.beyond else (RIGHT,)) == []


def test_what_the_page_says_of_us_is_true(target: Target, cells: Cells) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert between(page, f"types of {target.name}") == types_table(target.name, cells), "run benchmarks/fidelity.py"
    rows = [line.strip("|").split(" | ") for line in between(page, f"cells of {target.name}").splitlines()]
    ours = written(target.name, cells).splitlines()
    width = 2 + len(OURS)
    assert [[part.strip() for part in row[:width]] for row in rows[:1] + rows[2:]] == [
        [part.strip() for part in line.strip("|").split(" | ")] for line in ours[:1] + ours[2:]
    ], "run benchmarks/fidelity.py"


# One of each sort; benchmarks/fidelity.py asks them all.
SOME_PEERS = [peer for peer in PEERS if peer.name in ("read_sql", "connectorx arrow", "DuckDB .df()")]


@pytest.mark.parametrize("peer", SOME_PEERS, ids=lambda peer: f"{peer.name}-{peer.engines[0]}")
def test_the_peers_can_be_asked_the_same(peer: Any, new_database: Any) -> None:
    if not peer.installed:
        pytest.skip(f"{', '.join(peer.modules)} is not installed")
    engine = peer.engines[0]
    url = new_database(engine)
    mdb.connect("cells", url)
    with databases["cells"].begin() as connection:
        for statement in create(engine):
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    mdb.disconnect("cells")

    found = counted(peer_cells(engine, url, only=[peer]))[peer.name]
    assert sum(found.values()) == len(CASES[engine])
    assert found[RIGHT] > 0


@pytest.mark.parametrize(
    ("form", "wanted", "found", "verdict"),
    [
        ("integer", [2**53 + 1, None], [2**53 + 1, pd.NA], RIGHT),
        ("integer", [2**53 + 1, None], [float(2**53 + 1), float("nan")], WRONG),
        ("integer", [1, None], [1.0, float("nan")], CHANGED),
        ("integer", [1], [np.int64(1)], RIGHT),
        ("integer", [1], [True], CHANGED),
        ("decimal", [Decimal("0.1")], [0.1], WRONG),
        ("decimal", [Decimal("0.5")], [0.5], CHANGED),
        ("decimal", [Decimal("1.50")], ["1.50"], CHANGED),
        ("decimal", [Decimal("1.50")], [Decimal("1.5000000000")], RIGHT),
        ("float", [float("nan"), None], [float("nan"), None], RIGHT),
        ("float", [float("nan"), None], [float("nan"), float("nan")], WRONG),
        ("float", [1.5, None], [1.5, float("nan")], RIGHT),
        ("float", [-0.0], [0.0], WRONG),
        ("text", ["", None], [None, None], WRONG),
        ("text", ["", None], ["", float("nan")], RIGHT),
        ("date", [dt.date(2024, 1, 1)], [pd.Timestamp("2024-01-01")], CHANGED),
        ("timestamp", [dt.datetime(2024, 1, 1)], [pd.Timestamp("2024-01-01")], RIGHT),
        ("timestamp", [dt.datetime(2024, 1, 1)], [pd.NaT], WRONG),
        ("instant", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], [dt.datetime(2024, 1, 1)], CHANGED),
        ("boolean", [True, None], [1.0, float("nan")], CHANGED),
        ("boolean", [True, False], [np.True_, np.False_], RIGHT),
        ("interval", [pa.MonthDayNano([1, 0, 0])], [dt.timedelta(days=30)], WRONG),
        ("interval", [pa.MonthDayNano([0, 1, 0])], [dt.timedelta(days=1)], CHANGED),
        ("json", ['{"a": 1.10}'], ['{"a":1.10}'], CHANGED),
        ("json", ['{"a": 123456789012345678901234567890.5}'], [{"a": 1.2345678901234568e29}], WRONG),
        ("uuid", [uuid.UUID(int=1)], [str(uuid.UUID(int=1))], RIGHT),
        ("binary", [b"\xff"], [bytearray(b"\xff")], RIGHT),
        ("array", [[1, None]], [np.array([1.0, np.nan])], CHANGED),
        ("array", [[1, None]], [[1, 2]], WRONG),
        ("other", [("{a=1}", {"a": 1})], [{"a": 1}], RIGHT),
        ("other", [("10.0.0.1",)], [b"\x02 "], CHANGED),
        ("integer", [1, 2], [1], WRONG),
    ],
)
def test_the_judge_is_fair(form: str, wanted: list[Any], found: list[Any], verdict: str) -> None:
    assert judged(form, wanted, found) == verdict


def test_every_verdict_and_engine_can_be_written() -> None:
    assert list(SIGNS) == [RIGHT, CHANGED, WRONG, REFUSED]
    assert set(TITLES) == set(CASES)
    assert replaced("a\n<!-- x: generated by benchmarks/fidelity.py -->\nold\n<!-- end of x -->\nb", "x", "new") == (
        "a\n<!-- x: generated by benchmarks/fidelity.py -->\nnew\n<!-- end of x -->\nb"
    )
