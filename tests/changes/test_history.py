"""Every change set that is committed is written down, for its user alone, and read back as it was."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import signal
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import multidb_explorer as mdb
from multidb_explorer.changes import recording
from multidb_explorer.changes.coding import decoded, encoded
from multidb_explorer.changes.committed import Applied, Committed, Statement
from multidb_explorer.changes.history import clear_history, history, recorded
from multidb_explorer.changes.inverse import inverse
from multidb_explorer.changes.records import Delete, Insert, Update

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
ANN, BO = {"id": 1, "name": "Ann", "born": dt.date(1990, 2, 28)}, {"id": 1, "name": "Bo", "born": dt.date(1990, 2, 28)}
TEA = {"id": 7, "price": Decimal("1.50")}

CHANGES = (
    Applied(Insert("users", {"name": "Ann"}), None, ANN),
    Applied(Update("users", {"id": 1}, {"name": "Bo"}, ANN), ANN, BO),
    Applied(Delete("goods", {"id": 7}, TEA), TEA, None),
)


def committed(id_: str = "0f", at: dt.datetime = NOON, alias: str = "default", changes: Any = CHANGES) -> Committed:
    sql = {
        Insert: "INSERT INTO users (name) VALUES (?)",
        Update: "UPDATE users SET name = ?",
        Delete: "DELETE FROM goods",
    }
    statements = tuple(Statement(alias, sql[type(one.change)], {"name": "Ann"}, one.change) for one in changes)
    return Committed(alias, "sqlite:file:1:2", id_, at, statements, changes)


def record(*args: Any, **named: Any) -> Committed:
    made = committed(*args, **named)
    recording.begin(made)
    recording.done(made.id)
    return made


def files() -> list[str]:
    folder = recording.history_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(autouse=True)
def aliases() -> None:
    mdb.configure({"default": "sqlite://", "other": "sqlite://"})


# Values

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(),
    st.decimals(allow_nan=True),
    st.text(st.characters()),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.timedeltas(),
    st.uuids(),
    st.binary(),
    st.builds(
        lambda *parts: pa.MonthDayNano(parts),
        *(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)),
    ),
)


def identical(ours: Any, theirs: Any) -> bool:
    if type(ours) is not type(theirs):
        return False
    match ours:
        case float():
            return math.isnan(ours) == math.isnan(theirs) and (
                math.isnan(ours) or (ours == theirs and math.copysign(1, ours) == math.copysign(1, theirs))
            )
        case Decimal():
            return ours.as_tuple() == theirs.as_tuple()
        case list():
            return len(ours) == len(theirs) and all(map(identical, ours, theirs))
        case dt.datetime():
            return ours == theirs and ours.tzinfo is theirs.tzinfo
    return ours == theirs


@given(st.recursive(VALUES, st.lists))
@example(-0.0)
@example(10**5_000)
@example(-(2**53) - 1)
@example(Decimal("-0E-30"))
@example(Decimal("sNaN"))
@example("half \ud83d of a pair")
@example('{"b": 123456789012345678901234567890.5}')
@example(pa.MonthDayNano([14, -3, 14_400_000_005_000]))
@example(dt.datetime.min)
@example(dt.datetime.max.replace(tzinfo=dt.UTC))
def test_a_value_is_written_down_and_read_back_as_it_is(value: Any) -> None:
    written = json.dumps(encoded(value), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")

    assert identical(decoded(json.loads(written.decode("utf-8", "surrogatepass"))), value)


def test_a_value_without_an_exact_form_is_refused() -> None:
    for value in (object(), pd.Timestamp("2026-01-01 00:00:00.000000001"), {1, 2}, 1j):
        with pytest.raises(mdb.errors.ValueNotRepresentable, match=type(value).__name__):
            encoded(value)


@pytest.mark.parametrize("broken", [{"decimal": "x"}, {"bytes": "?"}, {"what": 1}, {}, {"date": 3}, {"seconds": [1]}])
def test_what_nobody_wrote_is_no_value(broken: Any) -> None:
    with pytest.raises(ValueError, match="not a recorded value"):
        decoded(broken)


# Writing


def test_a_change_set_is_read_back_as_it_was_committed() -> None:
    made = record()
    found = recorded("0f")

    assert (found.id, found.at, found.alias, found.state) == ("0f", NOON, "default", "committed")
    assert found.fingerprint == made.fingerprint
    assert [(one.before, one.after) for one in found.changes] == [(one.before, one.after) for one in CHANGES]
    assert [type(one.change) for one in found.changes] == [Insert, Update, Delete]
    assert [one.change for one in found.changes][1:] == [one.change for one in CHANGES][1:]


def test_the_list_has_the_newest_first() -> None:
    record("0a", NOON)
    record("0b", NOON + dt.timedelta(microseconds=1), changes=CHANGES[:1])
    found = history()

    assert list(found["id"]) == ["0b", "0a"]
    assert found.loc[1, ["tables", "inserted", "updated", "deleted"]].to_list() == ["users, goods", 1, 1, 1]
    assert found["at"][1] == pd.Timestamp(NOON)
    assert found["statements"][0] == "INSERT INTO users (name) VALUES (?)"


def test_the_list_has_its_types_also_where_it_is_empty() -> None:
    empty = history()
    record()

    assert len(empty) == 0
    assert dict(empty.dtypes) == dict(history().dtypes)
    assert str(empty.dtypes["at"]) == "datetime64[us, UTC]"


def test_the_list_is_narrowed_by_alias_time_table_and_number() -> None:
    for day in range(4):
        alias = "default" if day % 2 else "other"
        record(f"0{day}", NOON + dt.timedelta(days=day), alias, CHANGES[2:] if day == 3 else CHANGES[:2])

    assert list(history("other")["id"]) == ["02", "00"]
    assert list(history(since="2026-11-24")["id"]) == ["03", "02"]
    assert list(history(since=dt.date(2026, 11, 25))["id"]) == ["03"]
    assert list(history(since=NOON + dt.timedelta(days=2))["id"]) == ["03", "02"]
    assert list(history(table="goods")["id"]) == ["03"]
    assert list(history(limit=1)["id"]) == ["03"]
    assert len(history(limit=0)) == 0
    with pytest.raises(ValueError, match="limit is a number of change sets"):
        history(limit=-1)


def test_an_alias_may_keep_no_values() -> None:
    with_history("statements")
    record()
    text = (recording.history_folder() / files()[0]).read_text()

    assert "Ann" not in text
    assert "1.5" not in text
    assert history()["statements"][0].startswith("INSERT INTO users")
    assert recorded("0f").changes == ()


def test_an_alias_may_keep_nothing() -> None:
    with_history("off")
    record()

    assert files() == []


def with_history(keep: str) -> None:
    mdb.connect("default", "sqlite://", history=keep)


def test_a_commit_that_failed_leaves_nothing() -> None:
    recording.begin(committed())
    assert history()["state"].to_list() == ["unknown"]
    recording.dropped("0f")

    assert files() == []


def test_what_was_not_begun_is_neither_done_nor_dropped() -> None:
    recording.done("0f")
    recording.dropped("0f")

    assert files() == []


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps a user's folder from others by itself")
def test_only_its_user_can_read_it() -> None:
    before = os.umask(0)
    try:
        record()
    finally:
        os.umask(before)
    folder = recording.history_folder()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps a user's folder from others by itself")
def test_a_folder_that_others_could_read_is_closed() -> None:
    folder = recording.history_folder()
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    record()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_lies_where_the_user_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULTIDB_STATE_DIR", str(tmp_path / "own"))
    assert recording.history_folder() == tmp_path / "own" / "history"
    monkeypatch.delenv("MULTIDB_STATE_DIR")
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        assert recording.history_folder() == tmp_path / "state" / "multidb_explorer" / "history"


def test_what_cannot_be_written_down_is_not_committed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MULTIDB_STATE_DIR", str(tmp_path / "file"))

    with pytest.raises(mdb.errors.WriteRefused, match=r"Nothing was committed(?s:.)*file(?s:.)*history='off'"):
        recording.begin(committed())


def test_a_full_disk_leaves_no_half_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(mdb.errors.WriteRefused, match="No space left on device"):
        recording.begin(committed())

    assert files() == []


def test_an_interrupt_while_it_is_written_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "_sync", stop)
    with pytest.raises(KeyboardInterrupt):
        recording.begin(committed())
    recording.dropped("0f")

    assert files() == []


def test_a_value_that_cannot_be_written_down_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    odd = (Applied(Insert("users", {"id": 1}), None, {"id": 1, "shape": object()}),)

    with pytest.raises(mdb.errors.WriteRefused, match=r"'shape' of table 'users'(?s:.)*history='statements'"):
        recording.begin(committed(changes=odd))


def test_trouble_after_the_commit_is_told_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.begin(committed())
    (recording.history_folder() / files()[0]).unlink()
    recording.done("0f")

    assert "The changes are committed" in capsys.readouterr().err


# Reading what others left


def test_foreign_and_broken_files_are_left_out_with_one_notice(capsys: pytest.CaptureFixture[str]) -> None:
    record()
    folder = recording.history_folder()
    good = (folder / files()[0]).read_text()
    for number, text in enumerate(("", "{", "[]", "{}", good.replace('"version": 1', '"version": 99'), good)):
        (folder / f"20260101T00000{number}.000000Z-1{number}.json").write_text(text)
    (folder / "20260101T000009.000000Z-19.json").write_bytes(b"\xff")
    for name in ("notes.txt", "20261301T000000.000000Z-20.json", "20260101T000000.000000Z-21.part"):
        (folder / name).write_text("{}")
    found = history()

    assert list(found["id"]) == ["0f"]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "and 6 more" in said[0]


def test_a_file_that_gets_its_final_name_meanwhile_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    recording.begin(committed())
    recording.begin(committed("10"))
    listed = list(recording.history_folder().iterdir())
    recording.done("0f")
    recording.dropped("10")
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(listed))

    assert history()["state"].to_list() == ["committed"]


def test_an_unknown_change_set_is_named() -> None:
    with pytest.raises(mdb.errors.WriteRefused, match=r"no change set 'x'.*mdb.history\(\)"):
        recorded("x")


def test_it_keeps_everything_until_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(4):
        record(f"0{day}", NOON + dt.timedelta(days=day), "default" if day % 2 else "other")
    foreign = recording.history_folder() / "notes.txt"
    foreign.write_text("")

    assert clear_history("other", before=NOON + dt.timedelta(days=2)) == 1
    assert list(history()["id"]) == ["03", "02", "01"]
    assert clear_history(before="2026-11-24") == 1
    assert clear_history("other") == 1
    assert clear_history() == 1
    assert files() == ["notes.txt"]


# Processes


def test_a_process_that_is_killed_before_its_commit_is_answered_leaves_it_unknown(tmp_path: Path) -> None:
    program = """
import os, signal
import multidb_explorer as mdb
from changes.test_history import committed
from multidb_explorer.changes import recording
mdb.configure({"default": "sqlite://"})
recording.begin(committed())
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = run(program)

    assert done.returncode == -signal.SIGKILL
    found = history()
    assert list(found["state"]) == ["unknown"]
    assert list(found["inserted"]) == [1]
    with pytest.raises(mdb.errors.WriteRefused, match="not known whether"):
        inverse("0f")


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False
    )


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def test_processes_that_commit_at_once_are_all_written_down() -> None:
    program = """
import sys
import multidb_explorer as mdb
from changes.test_history import NOON, record
mdb.configure({"default": "sqlite://"})
for number in range(20):
    record(f"{sys.argv[1]}{number}")
"""
    running = [subprocess.Popen([sys.executable, "-c", program, name], env=environment()) for name in "ab"]

    assert [process.wait() for process in running] == [0, 0]
    found = history()
    assert sorted(found["id"]) == sorted(f"{name}{number}" for name in "ab" for number in range(20))
    assert set(found["state"]) == {"committed"}
