"""The memory guard: what does not fit is not read, what fits is, and a preview never fetches what it does not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shop
from shop import User

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FrameTooLarge, MultiDBError
from multidb_explorer.results import memory, stream
from multidb_explorer.results.memory import Guard, available
from multidb_explorer.results.stream import read_batches

Estimate = Callable[[int | None], list[Any]]


@pytest.fixture
def legacy(url: str) -> Database:
    return shop.make("legacy", url)


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with 400 bytes of free memory, on which no read is too little to look at."""
    monkeypatch.setattr(memory, "available", lambda: 400)
    monkeypatch.setattr(memory, "LITTLE", 0)
    monkeypatch.setattr(memory, "FEW", 0)
    yield
    assert not memory._large


@pytest.fixture
def estimate(legacy: Database, monkeypatch: pytest.MonkeyPatch) -> Estimate:
    """Let the planner guess a number; the list that it gives collects what it was asked."""

    def guess(rows: int | None) -> list[Any]:
        asked: list[Any] = []
        monkeypatch.setattr(type(legacy.backend), "estimated", lambda _, __, sql: (asked.append(sql), rows)[1])
        return asked

    return guess


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the rows of every batch that a reader handed over."""
    rows: list[int] = []
    real = stream.fetched

    def noting(*args: Any) -> Iterator[pa.RecordBatch]:
        for batch in real(*args):
            rows.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(stream, "fetched", noting)
    return rows


# What does not fit


def test_what_would_not_fit_is_not_read_to_its_end(
    legacy: Database, little: None, estimate: Estimate, fetched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 250)
    monkeypatch.setattr(mdb.options, "batch_rows", 1)
    monkeypatch.setattr(mdb.options, "fast_readers", False)
    estimate(48_000_000)

    with pytest.raises(FrameTooLarge) as caught:
        User.objects.order_by("id").to_pandas()
    assert fetched == [1]
    said = str(caught.value)
    assert said.startswith("to_pandas() on alias 'legacy' would not fit into memory: about ")
    assert "and half of what is free is 125 bytes; the statement was stopped and nothing of it was kept." in said
    for way in ("to_pandas_batches()", "to_parquet('legacy.parquet')", "to_dask()", "mdb.options.memory_share = None"):
        assert way in said
    assert (caught.value.rows, caught.value.allowed) == (48_000_000, 125)
    assert caught.value.needed > 125
    assert isinstance(caught.value, MultiDBError)
    assert isinstance(caught.value, MemoryError)


def test_a_planner_that_errs_keeps_nobody_from_reading(
    legacy: Database, estimate: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    monkeypatch.setattr(memory, "LITTLE", 0)
    monkeypatch.setattr(memory, "FEW", 0)
    estimate(48_000_000)

    assert len(User.objects.to_pandas()) == 4
    assert len(User.objects.values("country").distinct().order_by("country").to_pandas()) == 3
    assert len(User.objects.filter(id=1).union(User.objects.filter(id=2)).to_pandas()) == 2


def test_reading_stops_where_nobody_knew_how_much_there_is(legacy: Database, little: None, estimate: Estimate) -> None:
    estimate(None)

    with pytest.raises(FrameTooLarge, match="the first 4 rows take .* the statement was stopped and nothing"):
        User.objects.annotate(twice=mdb.F("id") * 2, thrice=mdb.F("id") * 3).to_pandas()
    assert getattr(legacy.engine.pool, "checkedout", lambda: 0)() == 0
    User(id=50, name="After").save()
    assert User.objects.count() == 5


def test_rows_that_are_wider_than_their_kinds_say_stop_the_read_early(
    legacy: Database, estimate: Estimate, fetched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = mdb.reflect("orders", using="legacy").objects
    wide = orders.annotate(text=mdb.functions.Repeat(mdb.Value("x"), 10_000)).values("text")
    monkeypatch.setattr(memory, "available", lambda: 60_000)
    monkeypatch.setattr(memory, "LITTLE", 0)
    monkeypatch.setattr(memory, "FEW", 0)
    monkeypatch.setattr(mdb.options, "batch_rows", 1)
    monkeypatch.setattr(mdb.options, "fast_readers", False)
    estimate(1_000)

    with pytest.raises(FrameTooLarge, match="about 3 rows x 20,.* = 60.* kB, as the first 1 show"):
        wide.to_pandas()
    assert fetched == [1]


def test_a_setting_turns_it_off(
    legacy: Database, little: None, estimate: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate(48_000_000)
    with pytest.raises(FrameTooLarge):
        User.objects.to_pandas()

    monkeypatch.setattr(mdb.options, "memory_share", None)
    assert len(User.objects.to_pandas()) == 4


def test_batches_are_watched_only_where_they_are_kept(legacy: Database, little: None) -> None:
    assert sum(batch.num_rows for batch in User.objects.to_arrow_batches()) == 4
    with (
        mdb.atomic("legacy"),
        pytest.raises(FrameTooLarge, match="inside an atomic block, has one connection for all its statements"),
    ):
        list(User.objects.annotate(more=mdb.functions.Repeat("name", 500)).to_arrow_batches())


def test_the_packages_own_reads_are_not_watched(legacy: Database, little: None, estimate: Estimate) -> None:
    asked = estimate(48_000_000)

    assert len(list(User.objects.all())) == 4
    assert list(read_batches(legacy, User.objects.reading))
    assert asked == []


def test_few_rows_cost_no_statement_more(legacy: Database, estimate: Estimate, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = estimate(5)

    User.objects.to_pandas()
    assert asked == []
    monkeypatch.setattr(memory, "FEW", 3)
    User.objects.to_pandas()
    assert len(asked) == 1


def test_frames_that_are_read_at_the_same_time_share_what_is_free(
    legacy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 400)

    with Guard(legacy, User.objects.reading, "to_pandas") as first:
        assert first.allowed == 200
        with Guard(legacy, User.objects.reading, "to_pandas") as second:
            assert second.allowed == 100
    assert Guard(legacy, User.objects.reading, "to_pandas").allowed == 200
    memory._large.clear()


# How much there is


def test_there_is_some_memory() -> None:
    assert available() is None or 0 < available() < 2**50


def group(folder: Path, **numbers: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in numbers.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/job/step\n")
    group(tmp_path, memory__stat="")
    group(tmp_path / "job", memory__max="1000\n", memory__current="700\n", memory__stat="anon 1\ninactive_file 100\n")
    group(tmp_path / "job" / "step", memory__max="max\n", memory__current="10\n", memory__stat="inactive_file 0\n")

    assert memory._free_in_group(tmp_path, own) == 400


def test_older_containers_say_it_in_other_files(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("5:cpu,cpuacct:/\n4:memory:/box\n0::/\n")
    group(
        tmp_path / "memory" / "box",
        memory__limit_in_bytes="5000",
        memory__usage_in_bytes="3000",
        memory__stat="cache 9\ntotal_inactive_file 500\n",
    )

    assert memory._free_in_group(tmp_path, own) == 2500
    assert memory._free_in_group(tmp_path, tmp_path / "missing") is None


# Previews


def test_a_preview_fetches_one_row_more_than_it_shows(
    legacy: Database, fetched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mdb.options, "preview_rows", 2)

    assert "first 2 rows, there are more" in repr(User.objects.order_by("id"))
    assert sum(fetched) == 3
    fetched.clear()
    assert "there are more" in User.objects.across("legacy")._repr_mimebundle_()["text/plain"]
    assert sum(fetched) == 4
