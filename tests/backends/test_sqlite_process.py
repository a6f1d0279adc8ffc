"""SQLite's bulk reader beside the plain cursor: the same table or the same error, and no process left behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.backends import sqlite_child, sqlite_children, sqlite_order, sqlite_process
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.sqlite_process import ProcessReader
from multidb_explorer.backends.sqlite_reader import ColumnReader
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import OperationalError, QueryCancelled, ValueNotRepresentable
from multidb_explorer.results import fetching
from multidb_explorer.results.fetching import chosen
from multidb_explorer.results.reading import Reading, request
from multidb_explorer.results.stream import read_batches, read_table
from tests.backends.test_sqlite_reader import KINDS, OTHERS, USUAL, agree, plain_cursor

pytest.importorskip("adbc_driver_sqlite")

TABLE = sa.Table("t", sa.MetaData(), sa.Column("place"), sa.Column("v"))
ALL = 1 << 40


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_process, "_MANY", 0)


@pytest.fixture(scope="module", autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    sqlite_children._nursery.end()


@pytest.fixture
def others() -> Iterator[list[str]]:
    """Who read in place of the bulk reader."""
    found: list[str] = []

    def noting(batches: Any) -> Any:
        def noted(self: Any, request: Any) -> Any:
            found.append(self.name)
            return batches(self, request)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for reader in (ColumnReader, fetching.CursorReader):
            patch.setattr(reader, "batches", noting(reader.batches))
        yield found


@pytest.fixture
def on_file(tmp_path: Path) -> Callable[[list[Any]], Database]:
    """Make tables of one column of no declared type, which keeps each value as it is."""
    mdb.connect("file", f"sqlite:///{tmp_path}/file.db")

    def filled(values: list[Any]) -> Database:
        with closing(sqlite3.connect(tmp_path / "file.db")) as raw, raw:
            raw.execute("PRAGMA synchronous = OFF")
            raw.execute("DROP TABLE IF EXISTS t")
            raw.execute("CREATE TABLE t (place INTEGER PRIMARY KEY, v)")
            raw.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
        return databases["file"]

    return filled


def reading_of(*columns: ResultColumn) -> Reading:
    names = (TABLE.c.v.label(column.name) for column in columns)
    return Reading(sa.select(*names).order_by(TABLE.c.place), columns)


NUMBER = ResultColumn("v", KINDS["integer"])


def refusal(database: Database, reading: Reading) -> str:
    with database.connect() as connection:
        return ProcessReader().refusal(request(database, connection, reading, 10))


def reader(database: Database, reading: Reading) -> str:
    with database.connect() as connection:
        return chosen(database.backend, request(database, connection, reading, 10)).reader.name


# The same values


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize("name", KINDS)
def test_usual_values_are_the_same_with_nulls_anywhere(on_file: Any, others: list[str], name: str, size: int) -> None:
    usual = USUAL[name]
    reading = reading_of(ResultColumn("v", KINDS[name]))
    for values in (usual, [None, *usual], [*usual, None], [None, None], [usual[0], None, *usual]):
        database = on_file(values)
        assert reader(database, reading) == "process"
        others.clear()
        found = agree(database, reading, size)
        assert len(others) == (2 if 2**62 in values else 1)
        assert sum(batch.num_rows for batch in found) == len(values)


@pytest.mark.parametrize("share", [12, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", KINDS)
def test_a_value_of_any_other_class_is_the_same_or_the_same_error(on_file: Any, name: str, share: int) -> None:
    for value in OTHERS[list(KINDS).index(name) % share :: share]:
        agree(on_file([USUAL[name][0], value]), reading_of(ResultColumn("v", KINDS[name])), 1)


@pytest.mark.parametrize("odd", [4.0, "text", b"bytes"])
def test_a_late_value_of_another_class_is_read_by_the_driver_here(on_file: Any, others: list[str], odd: Any) -> None:
    values: list[Any] = [*range(30_000), odd]
    agree(on_file(values), reading_of(NUMBER), 5_000)
    assert others == ["columns", "cursor"]


def test_of_several_errors_the_same_one_is_said(on_file: Any) -> None:
    database = on_file(["1", "one", "2"])
    kinds = (Kind("date"), Kind("uuid"), Kind("enum", choices=("1",)))
    columns = [ResultColumn(name, kind) for name, kind in zip("abc", kinds, strict=True)]
    for some in (columns, columns[::-1], columns[1:], columns[2:]):
        assert agree(database, reading_of(*some))[0] is ValueNotRepresentable


def test_text_that_is_no_utf8_is_the_same_error(on_file: Any) -> None:
    database = on_file([f"text {n}" for n in range(100)])
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE t SET v = CAST(x'ff41' AS TEXT) WHERE place = 50")

    kind, said = agree(database, reading_of(ResultColumn("v", KINDS["text"])), 10)
    assert kind is OperationalError
    assert "Could not decode to UTF-8" in said


def test_batches_have_the_rows_that_were_asked_for(on_file: Any) -> None:
    database = on_file(list(range(25_001)))
    found = agree(database, reading_of(ResultColumn("v", KINDS["integer"], nullable=False)), 12_000)
    assert [batch.num_rows for batch in found] == [12_000, 12_000, 1_001]
    assert not found[0].schema.field("v").nullable


def test_what_is_read_before_the_check_has_ended_waits_for_it(on_file: Any) -> None:
    wide = [f"{n:01000}" for n in range(20_000)]
    found = agree(on_file(wide), reading_of(ResultColumn("v", KINDS["text"])), 100)
    assert len(found) == 200


def test_long_values_are_left_to_the_driver_here_where_the_file_is_large(
    on_file: Any, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multidb_explorer.backends.sqlite_order._SMALL_FILE", 0)
    reading = reading_of(ResultColumn("v", KINDS["text"]))
    agree(on_file(["x" * 1_000]), reading)
    agree(on_file(["x" * 100_001]), reading)
    assert others == ["cursor", "columns", "cursor"]


@pytest.fixture
def shelf(tmp_path: Path) -> Any:
    mdb.connect("shelf", f"sqlite:///{tmp_path}/the shelf?.db".replace("?", "%3F"))
    with databases["shelf"].begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL, price DECIMAL(8,2), bought DATE)"
        )
        rows = [(n, f"title {n % 7}", n / 4 or None, f"2026-01-{n % 28 + 1:02}") for n in range(100)]
        connection.exec_driver_sql("INSERT INTO books VALUES (?, ?, ?, ?)", rows)
    return mdb.reflect("books", using="shelf")


def test_querysets_read_the_same_in_their_order(shelf: Any, others: list[str]) -> None:
    books = shelf.objects
    for queryset in (
        *(books, books.order_by("-price", "id"), books.order_by("title", "-id"), books.order_by("-id")[5:80]),
        books.order_by("id").values("price", "id"),
    ):
        others.clear()
        fast = queryset.to_arrow()
        assert others == []
        with plain_cursor():
            assert queryset.to_arrow().equals(fast)


def test_the_order_of_a_read_is_that_of_its_statement(on_file: Any) -> None:
    database = on_file([n * 7919 % 1_000 for n in range(1_000)])
    for order in (TABLE.c.v.desc(), TABLE.c.v, TABLE.c.place.desc()):
        statement = sa.select(TABLE.c.v).order_by(order)
        for some in (statement, statement.limit(300), statement.limit(300).offset(10)):
            agree(database, Reading(some, (NUMBER,)), 7)


# What is refused


def test_small_reads_start_no_process(on_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_process, "_MANY", 1_000)
    database = on_file(list(range(900)))
    assert refusal(database, reading_of(NUMBER)) == "900 rows are read as quickly in this process"
    reading = Reading(reading_of(NUMBER).statement, (NUMBER,), 5)
    assert refusal(database, reading) == "5 rows are read as quickly in this process"
    assert refusal(on_file(list(range(1_000))), reading_of(NUMBER)) == ""


def test_what_another_version_may_compute_otherwise_is_refused(on_file: Any) -> None:
    database = on_file([1])
    stored = sa.select(TABLE.c.v)
    for statement in (
        sa.select(sa.func.sum(TABLE.c.v)),
        sa.select(TABLE.c.v + 1),
        stored.order_by(sa.func.multidb_upper(TABLE.c.v)),
        stored.where(sa.func.round(TABLE.c.v) == 1),
        sa.text("SELECT v FROM t"),
    ):
        assert refusal(database, Reading(statement, (NUMBER,)))
    with database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE t")
        connection.exec_driver_sql("CREATE TABLE t (place INTEGER PRIMARY KEY, v AS (place * 1.1))")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    assert refusal(database, reading_of(NUMBER)) == "a column is computed"


def test_what_another_session_does_not_see_is_refused(on_file: Any, tmp_path: Path) -> None:
    database = on_file([1])
    reading = reading_of(NUMBER)
    with database.connect() as connection:
        asked = request(database, connection, reading, 10)
        for private in ("CREATE TEMP TABLE t AS SELECT 1 AS place, 2 AS v", f"ATTACH '{tmp_path}/o.db' AS o"):
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql(private)
            connection.exec_driver_sql("BEGIN")
            assert ProcessReader().refusal(asked) == "the session has attached databases or temporary tables"
            connection.exec_driver_sql("DROP TABLE IF EXISTS temp.t")
        connection.invalidate()
    with database.atomic() as connection:
        connection.exec_driver_sql("UPDATE t SET v = 7")
        assert refusal(database, reading) == "the session sees what another one would not"
        assert read_table(database, reading)["v"].to_pylist() == [7]
    mdb.connect("memory", "sqlite://")
    assert refusal(databases["memory"], reading) == "the session sees what another one would not"


def test_texts_in_utf16_are_left_to_the_driver_here(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "wide.db")) as raw:
        raw.executescript("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (place INTEGER PRIMARY KEY, v);")
        raw.executescript("INSERT INTO t VALUES (1, 'ü')")
    mdb.connect("wide", f"sqlite:///{tmp_path}/wide.db")
    assert refusal(databases["wide"], reading_of(NUMBER)) == "the file's texts are in UTF-16le"


def test_without_the_extra_all_is_read_as_ever(on_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_process, "_is_installed", lambda: False)
    assert refusal(on_file([1]), reading_of(NUMBER)) == "the extra sqlite is not installed"
    assert reader(databases["file"], reading_of(NUMBER)) == "columns"


# Beside others


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_writer_beside_it_changes_nothing_of_what_is_read(on_file: Any, others: list[str], mode: str) -> None:
    database = on_file(list(range(60_000)))
    with closing(sqlite3.connect(database.backend.file(database.engine.url), timeout=0)) as writer:
        writer.execute(f"PRAGMA journal_mode = {mode}")
        for turn in range(3):
            batches = read_batches(database, reading_of(NUMBER), 1_000)
            found = [next(batches)]
            if mode == "wal":
                writer.execute("UPDATE t SET v = v + 1")
                writer.commit()
            found += list(batches)
            assert pa.Table.from_batches(found)["v"].to_pylist() == list(
                range(turn * (mode == "wal"), 60_000 + turn * (mode == "wal"))
            )
        writer.execute("UPDATE t SET v = 0")
        writer.commit()
    assert set(read_table(database, reading_of(NUMBER))["v"].to_pylist()) == {0}
    assert others == []


def test_threads_read_side_by_side(on_file: Any, others: list[str]) -> None:
    database = on_file(list(range(20_000)))
    found: list[int] = []

    def read() -> None:
        found.extend(read_table(database, reading_of(NUMBER)).num_rows for _ in range(3))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [20_000] * 9
    assert others == []
    assert len(sqlite_children._nursery._everyone()) == 1


def test_a_locked_file_is_waited_for_and_then_said(on_file: Any, tmp_path: Path) -> None:
    on_file([1])
    mdb.connect("hasty", f"sqlite:///{tmp_path}/file.db", OPTIONS={"timeout": 0.1})
    order = {"uri": f"file:{tmp_path}/file.db?mode=ro", "busy": 10, "check": "SELECT 1", "sql": "SELECT 1"}
    with closing(sqlite3.connect(tmp_path / "file.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with sqlite_children.lent_child(object()) as child:
            child.order({**order, "checked": [], "parameters": [], "size": 10})
            kind, content = child.message()
    assert (kind, b"locked" in bytes(content)) == (b"F", True)


# Stopping


def idle() -> list[int]:
    return [child.pid for child in sqlite_children._nursery._everyone()]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not runs(pid)


def test_one_process_is_kept_for_the_next_read(on_file: Any) -> None:
    database = on_file([1, 2])
    read_table(database, reading_of(NUMBER))
    first = idle()
    read_table(database, reading_of(NUMBER))
    assert idle() == first
    assert len(first) == 1


def test_an_idle_process_is_ended(on_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite_children._nursery.end()
    monkeypatch.setattr(sqlite_children, "_PATIENCE", 0.05)
    read_table(on_file([1]), reading_of(NUMBER))
    until = time.monotonic() + 10
    while idle() and time.monotonic() < until:
        time.sleep(0.02)
    assert idle() == []
    assert read_table(databases["file"], reading_of(NUMBER)).num_rows == 1


def test_a_process_that_died_while_idle_is_replaced(on_file: Any, others: list[str]) -> None:
    database = on_file([1])
    read_table(database, reading_of(NUMBER))
    (pid,) = idle()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert read_table(database, reading_of(NUMBER)).num_rows == 1
    assert idle() != [pid]
    assert others == []


def halfway(database: Database) -> tuple[Any, int, Any]:
    batches = read_batches(database, reading_of(NUMBER), 100)
    next(batches)
    ((session, child),) = [(key, child) for key, child in sqlite_children._nursery._lent.items()]
    return batches, child.pid, session


@pytest.fixture
def long(on_file: Any, monkeypatch: pytest.MonkeyPatch) -> Database:
    """More than the pipe and what is read ahead of the check can hold."""
    database: Database = on_file(list(range(400_000)))
    plain = sqlite_order.order_of
    monkeypatch.setattr(sqlite_process, "order_of", lambda request: {**plain(request), "size": 100})
    return database


def test_a_read_left_halfway_leaves_no_process_and_no_lock(long: Database) -> None:
    batches, pid, _ = halfway(long)
    batches.close()
    assert gone(pid)
    with long.begin() as connection:
        connection.exec_driver_sql("DELETE FROM t WHERE place > 2")
    assert read_table(long, reading_of(NUMBER)).num_rows == 3


def test_a_read_cancelled_from_elsewhere_says_so(long: Database) -> None:
    with pytest.raises(QueryCancelled), long.connect() as connection:
        session: Any = connection.connection.driver_connection
        batches = ProcessReader().batches(request(long, connection, reading_of(NUMBER), 100))
        next(batches)
        (child,) = sqlite_children._nursery._lent.values()
        long.backend.cancel(session)
        for _ in batches:
            pass
    assert gone(child.pid)
    assert read_table(long, reading_of(NUMBER)).num_rows == 400_000


def test_a_process_ended_from_outside_in_the_middle_is_an_error(long: Database) -> None:
    batches, pid, _ = halfway(long)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(OperationalError, match="ended from outside"):
        list(batches)


def test_the_stop_button_ends_a_read_and_its_process(long: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []
    plain = sqlite_children.Child._message

    def stopping(self: Any) -> Any:
        pids.append(self.pid)
        if len(pids) == 5:
            os.kill(self.pid, signal.SIGSTOP)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        return plain(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sqlite_children.Child, "_message", stopping)
        read_table(long, reading_of(NUMBER))
    assert gone(pids[0])
    assert read_table(long, reading_of(NUMBER)).num_rows == 400_000


PARENT = """
import sys, time, sqlalchemy as sa, multidb_explorer as mdb
from multidb_explorer.backends import sqlite_child, sqlite_children, sqlite_order, sqlite_process
sqlite_process._MANY = 0
mdb.connect("file", sys.argv[1])
model = mdb.reflect("t", using="file")
model.objects.values("place").to_arrow()
if sys.argv[2] == "forked":
    import os
    if os.fork() == 0:
        assert not sqlite_children._nursery._everyone()
        model.objects.values("place").to_arrow()
        sys.exit()
    assert os.wait()[1] == 0
    model.objects.values("place").to_arrow()
print(*[child.pid for child in sqlite_children._nursery._everyone()], flush=True)
if sys.argv[2] == "killed":
    time.sleep(60)
"""


@pytest.mark.parametrize("end", ["killed", "by itself", "forked"])
def test_the_process_ends_with_the_one_that_started_it(on_file: Any, tmp_path: Path, end: str) -> None:
    on_file([1])
    command = [sys.executable, "-W", "ignore", "-c", PARENT, f"sqlite:///{tmp_path}/file.db", end]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if end == "killed":
            parent.kill()
    assert gone(pid)
    assert end == "killed" or parent.returncode == 0


def test_the_process_imports_the_driver_only() -> None:
    file = sqlite_child.__file__
    heavy = {"multidb_explorer", "pandas", "sqlalchemy", "sqlite3"}
    code = f"import runpy, sys; runpy.run_path({file!r}); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
