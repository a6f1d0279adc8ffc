"""Stopping from another thread and by a time limit: the server is free, nothing is lent, and the next query works."""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import endless
import pytest
import sqlalchemy as sa
from endless import Endless, Number
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.stopping import Stop, stoppable
from multidb_explorer.errors import QueryCancelled
from multidb_explorer.results.typed import read_sql_text

AT_ONCE = 5.0
"""Seconds on a machine that does much else; alone it is a tenth of one."""

MEMORY = {"sqlite": "sqlite://", "duckdb": "duckdb:///:memory:"}


def count() -> object:
    return Endless.objects.count()


def sql() -> object:
    return read_sql_text(databases["here"], "SELECT count(*) FROM endless")


def frame() -> object:
    return Endless.objects.to_pandas()


def instances() -> object:
    return list(Endless.objects.all())


def block() -> object:
    with mdb.atomic("here"):
        Number(id=5000, name="new").save()
        return Endless.objects.count()


@pytest.fixture(autouse=True)
def memory_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the guard of memory away; it comes back after the test."""
    monkeypatch.setattr(mdb.options, "memory_share", None, raising=False)


def stopped(database: Database, ask: Callable[[], object]) -> tuple[BaseException | None, float]:
    """Ask in a thread, throw the switch, and give what the thread raised and the seconds that it took."""
    raised: list[BaseException] = []

    def work(stop: Stop) -> None:
        try:
            stop.watch_this_thread()
            ask()
        except QueryCancelled as error:
            raised.append(error)

    with stoppable(database) as stop:
        thread = threading.Thread(target=work, args=(stop,), daemon=True)
        thread.start()
        time.sleep(0.2)
        stop()
        thrown = time.monotonic()
        thread.join(30)
        return (raised[0] if raised else None), time.monotonic() - thrown


def is_clean(database: Database) -> bool:
    """Tell whether the alias answers, with the rows that it had, and whether every connection is back."""
    return Number.objects.count() == 1000 and getattr(database.engine.pool, "checkedout", lambda: 0)() == 0


@pytest.mark.parametrize("ask", [count, sql, frame, instances, block])
def test_another_thread_stops_a_query(target: Target, url: str, ask: Callable[[], object]) -> None:
    database = endless.make(url)
    error, seconds = stopped(database, ask)
    print(f"{seconds:.2f} s")

    assert isinstance(error, QueryCancelled)
    assert "alias 'here' was stopped" in str(error)
    assert seconds < AT_ONCE
    assert is_clean(database)
    assert endless.running(target) == []
    assert endless.database_is_free(target, url)


@pytest.mark.parametrize("ask", [count, frame])
def test_a_time_limit_stops_a_query(target: Target, url: str, ask: Callable[[], object]) -> None:
    endless.make(url)
    mdb.connect("here", url, statement_timeout=0.5)
    started = time.monotonic()

    with pytest.raises(QueryCancelled, match=r"alias 'here' was stopped \(statement_timeout is 0.5 s\)"):
        ask()
    assert time.monotonic() - started < 0.5 + AT_ONCE
    assert is_clean(databases["here"])
    assert endless.running(target) == []
    assert endless.database_is_free(target, url)


@pytest.mark.parametrize("url", MEMORY.values(), ids=MEMORY)
@pytest.mark.parametrize("ask", [count, instances])
def test_a_memory_database_keeps_its_rows(url: str, ask: Callable[[], object]) -> None:
    database = endless.make(url)
    error, _ = stopped(database, ask)

    assert isinstance(error, QueryCancelled)
    assert is_clean(database)


@pytest.mark.parametrize("url", MEMORY.values(), ids=MEMORY)
def test_a_memory_database_outlives_its_connection(url: str) -> None:
    database = endless.make(url)
    with pytest.raises(KeyboardInterrupt), database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM numbers")
        connection.invalidate()
        raise KeyboardInterrupt

    assert is_clean(database)
    Number(id=5000, name="new").save()
    assert Number.objects.count() == 1001


@pytest.mark.parametrize("url", MEMORY.values(), ids=MEMORY)
def test_a_time_limit_counts_for_each_statement(url: str) -> None:
    mdb.connect("here", url, statement_timeout=0.4)
    with databases["here"].begin() as connection:
        for _ in range(4):
            time.sleep(0.2)
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@pytest.mark.parametrize("limit", [None, 10])
def test_what_was_stopped_does_not_begin_again(url: str, limit: int | None) -> None:
    database, begun = endless.make(url), []

    def begin(_c: object, _cursor: object, sql: str, *_: object) -> None:
        begun.append(sql)

    sa.event.listen(database.engine, "before_cursor_execute", begin)
    error, _ = stopped(database, lambda: read_sql_text(database, "SELECT count(*) AS n FROM endless", limit=limit))

    assert isinstance(error, QueryCancelled)
    assert len([sql for sql in begun if "count(*) AS n" in sql]) <= 1


class Slow:
    """The button is pressed while its finalizer runs, and Python can't tell anybody."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


def lose_an_interrupt(database: Database) -> list[Slow]:
    """Press the button in a finalizer, as soon as a connection is lent."""
    left = [Slow()]
    sa.event.listen(database.engine, "checkout", lambda *_: left.clear())
    return left


@pytest.fixture
def heard() -> Iterator[None]:
    """Hear interrupts, also where the tests were started by a shell that ignores them."""
    for module in ("pandas", "pyarrow.pandas_compat"):
        # An interrupted import leaves its file open, which is no matter of ours.
        importlib.import_module(module)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("ask", [count, sql, frame, instances])
def test_an_interrupt_that_python_loses_stops_a_query(target: Target, url: str, ask: Callable[[], object]) -> None:
    database = endless.make(url)
    left = lose_an_interrupt(database)

    with pytest.raises(KeyboardInterrupt, match="alias 'here' was stopped"):
        ask()
    assert not left
    assert is_clean(database)
    assert endless.running(target) == []
    assert endless.database_is_free(target, url)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("url", MEMORY.values(), ids=MEMORY)
@pytest.mark.parametrize("ask", [count, instances])
def test_an_interrupt_that_python_loses_stops_a_memory_database(url: str, ask: Callable[[], object]) -> None:
    database = endless.make(url)
    left = lose_an_interrupt(database)

    with pytest.raises(KeyboardInterrupt, match="alias 'here' was stopped"):
        ask()
    assert not left
    assert is_clean(database)


def test_what_was_stopped_before_it_began_never_begins(url: str) -> None:
    database = endless.make(url)
    with stoppable(database) as stop:
        stop()
        with pytest.raises(QueryCancelled, match="alias 'here' was stopped"):
            stop.watch_this_thread()

    assert is_clean(database)


def test_other_threads_go_on(url: str) -> None:
    database = endless.make(url)
    with stoppable(database) as stop:
        stop()
        assert is_clean(database)


def test_no_thread_is_left_behind(url: str) -> None:
    before = set(threading.enumerate())
    stopped(endless.make(url), count)

    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert [name for name in left if name != "multidb-driver"] == []
