"""Progress: nothing for quick reads, a bar for people who wait, a report for whoever draws it himself."""

from __future__ import annotations

import contextvars
import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FrameTooLarge
from multidb_explorer.results import memory, progress
from multidb_explorer.results.progress import Progress, reporting
from multidb_explorer.results.stream import read_batches


class Bar:
    """A bar that keeps what it was told to show."""

    def __init__(self, now: Progress) -> None:
        self.shown: list[Progress] = []
        self.closed = 0

    def show(self, now: Progress) -> None:
        self.shown.append(now)

    def close(self) -> None:
        self.closed += 1


class Time:
    """A clock that goes when it is told to, with the package's thread asleep."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ticker = progress._Ticker()
        self.ticker._wake = lambda: None  # type: ignore[method-assign]

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        self.ticker.tick()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(progress, "_clock", lambda: clock.seconds)
    monkeypatch.setattr(progress, "_ticker", clock.ticker)
    return clock


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    made: list[Bar] = []
    monkeypatch.setattr(progress, "_new_bar", lambda now: made.append(Bar(now)) or made[-1])
    return made


@pytest.fixture
def legacy(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(mdb.options, "fast_readers", False)
    return shop.make("legacy", f"sqlite:///{tmp_path}/legacy.db")


def reads(legacy: Database, frame: str = "to_arrow_batches") -> Iterator[Any]:
    return read_batches(legacy, User.objects.order_by("id").reading, 1, frame=frame)


# Bars


def test_a_quick_read_shows_nothing(legacy: Database, time: Time, bars: list[Bar]) -> None:
    for _ in reads(legacy):
        time.pass_(0.2)
    time.pass_(5)

    assert bars == []


def test_a_long_read_shows_its_rows_until_it_is_over(legacy: Database, time: Time, bars: list[Bar]) -> None:
    batches = reads(legacy)
    next(batches)
    time.pass_(1.5)
    next(batches)
    time.pass_(0.25)

    (bar,) = bars
    assert [(now.alias, now.rows, now.seconds) for now in bar.shown] == [("legacy", 1, 1.5), ("legacy", 2, 1.75)]
    assert bar.shown[0].bytes > 0
    assert len(list(batches)) == 2
    assert bar.closed == 1
    time.pass_(1)
    assert len(bar.shown) == 2


def test_an_interrupt_and_an_error_take_the_bar_away(
    legacy: Database, time: Time, bars: list[Bar], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = reads(legacy)
    next(batches)
    time.pass_(2)
    with pytest.raises(KeyboardInterrupt):
        batches.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert bars[0].closed == 1

    monkeypatch.setattr(memory.Guard, "add", lambda self, *_: (time.pass_(2), self._refuse("all of it")))
    with pytest.raises(FrameTooLarge):
        User.objects.to_pandas()
    assert bars[1].closed == 1


def test_the_packages_own_reads_and_a_setting_show_nothing(
    legacy: Database, time: Time, bars: list[Bar], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in reads(legacy, frame=""):
        time.pass_(2)
    monkeypatch.setattr(mdb.options, "progress", False)
    for _ in reads(legacy):
        time.pass_(2)

    assert bars == []


def test_a_bar_belongs_to_the_cell_that_reads(legacy: Database, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")
    seen: list[str] = []
    monkeypatch.setattr(progress, "_new_bar", lambda now: seen.append(cell.get()) or Bar(now))

    def read_in_a_cell() -> Iterator[Any]:
        cell.set("third")
        batches = reads(legacy)
        next(batches)
        return batches

    batches = contextvars.copy_context().run(read_in_a_cell)
    time.pass_(2)
    assert seen == ["third"]
    batches.close()  # type: ignore[attr-defined]


def test_a_screen_that_is_gone_loses_no_row(legacy: Database, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Progress) -> Bar:
        raise BrokenPipeError

    monkeypatch.setattr(progress, "_new_bar", broken)
    batches = reads(legacy)
    next(batches)
    time.pass_(2)
    assert len(list(batches)) == 3


# What a terminal shows


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, *steps: Progress) -> list[str]:
    """Give what a terminal shows after each step, and after the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar, seen = progress._new_bar(steps[0]), []
    for step in steps:
        terminal.seek(0)
        terminal.truncate()
        bar.show(step)
        seen.append(terminal.getvalue().strip("\r \n"))
    bar.close()
    return [*seen, terminal.getvalue().rpartition("\r")[2].strip()]


def test_a_terminal_shows_the_wait_then_rows_and_rate_of_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    waits, counts, more, end = shown(
        monkeypatch,
        Progress("crm", 0, 0, 12.0, 4_000_000),
        Progress("crm", 1_000_000, 8_000_000, 13.0, 4_000_000),
        Progress("crm", 5_000_000, 40_000_000, 14.0, 4_000_000),
    )
    assert waits == "crm: waiting for the database… 12 s"
    assert counts.startswith("crm: 25%|")
    assert "1.00M of ~4.00M rows [00:12<" in counts
    assert counts.endswith("k rows/s]")
    assert "5.00M rows [00:12, " in more
    assert "~" not in more
    assert end == ""


def test_without_an_estimate_there_is_no_total(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    (counts, _) = shown(monkeypatch, Progress("crm", 1_000_000, 8_000_000, 2.0, None))
    assert counts.startswith("crm: 1.00M rows [00:02, ")


def test_a_log_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    bar = progress._new_bar(Progress("crm", 1, 1, 2.0))
    bar.show(Progress("crm", 2, 2, 3.0))
    bar.close()
    assert log.getvalue() == ""


def test_without_tqdm_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    bar = progress._new_bar(Progress("crm", 1, 1, 2.0))
    bar.show(Progress("crm", 2, 2, 3.0))
    bar.close()


# Reports


def test_a_sink_is_told_instead_of_a_bar(legacy: Database, time: Time, bars: list[Bar]) -> None:
    told: list[Progress] = []

    with reporting(told.append):
        batches = reads(legacy)
        next(batches)
    time.pass_(0.25)
    time.pass_(2)
    assert len(list(batches)) == 3
    assert [(now.rows, now.seconds, now.over) for now in told] == [
        *[(1, 0.25, False), (1, 2.25, False)],
        (4, 2.25, True),
    ]
    assert bars == []


def test_every_alias_reports_by_its_name_and_a_failing_sink_stops_nothing(legacy: Database, tmp_path: object) -> None:
    shop.make("crm", f"sqlite:///{tmp_path}/crm.db")
    told: list[Progress] = []

    def sink(now: Progress) -> None:
        told.append(now)
        raise ValueError

    with reporting(sink):
        assert User.objects.across("legacy", "crm").to_arrow().num_rows == 8
    assert {now.alias for now in told if now.over} == {"legacy", "crm"}


def test_the_packages_thread_looks_by_itself(legacy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    monkeypatch.setattr(progress, "_PERIOD", 0.01)
    looked = Event()
    with reporting(lambda now: now.over or looked.set()):
        for _ in range(2):
            looked.clear()
            batches = reads(legacy)
            next(batches)
            assert looked.wait(20)
            list(batches)


# The log


def test_a_read_leaves_one_line_in_the_log_and_no_value(legacy: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "multidb_explorer.results"):
        User.objects.filter(name="Ann").to_pandas()

    (record,) = [each for each in caplog.records if each.name == "multidb_explorer.results"]
    said = record.getMessage()
    assert said.startswith("legacy: 1 rows, ")
    assert said.endswith("with the driver's plain cursor")
    assert "Ann" not in said
