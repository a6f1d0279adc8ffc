"""Transactions: what belongs to a block, what is undone, and that nothing stays open whatever ends it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import endless
import pytest
import sqlalchemy as sa
from endless import Number
from targets import Target

import multidb_explorer as mdb
from multidb_explorer import errors
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.connections.transactions import on_commit
from multidb_explorer.results.typed import read_sql_text


def row(number: int) -> Number:
    return Number(id=5000 + number, name=f"new {number}")


def added() -> list[int]:
    """Give the rows that came since `endless.make`."""
    return sorted(each.pk - 5000 for each in Number.objects.filter(id__gte=5000))


def is_clean(target: Target, url: str) -> bool:
    """Tell whether no connection is lent, no lock held, and the next write works."""
    database = databases["here"]
    assert getattr(database.engine.pool, "checkedout", lambda: 0)() == 0
    assert endless.database_is_free(target, url)
    Number(id=9999, name="after").save()
    Number.objects.get(pk=9999).delete()
    return True


def test_a_block_is_committed_as_one(target: Target, url: str) -> None:
    endless.make(url)
    with mdb.atomic("here"):
        row(1).save()
        row(2).save()

    assert added() == [1, 2]
    assert is_clean(target, url)


def test_an_error_undoes_the_whole_block(target: Target, url: str) -> None:
    endless.make(url)
    with pytest.raises(RuntimeError, match="mine"), mdb.atomic("here"):
        row(1).save()
        raise RuntimeError("mine")

    assert added() == []
    assert is_clean(target, url)


def test_a_function_is_a_block_each_time_it_is_called(target: Target, url: str) -> None:
    endless.make(url)

    @mdb.atomic("here")
    def add(number: int, *, fail: bool = False) -> int:
        """Add a row."""
        row(number).save()
        if fail:
            raise RuntimeError
        return number

    assert add(1) == 1
    with pytest.raises(RuntimeError):
        add(2, fail=True)
    assert add(3) == 3
    assert add.__name__ == "add"
    assert add.__doc__ == "Add a row."
    assert added() == [1, 3]
    assert is_clean(target, url)


def test_a_decorated_function_may_call_itself_and_run_in_threads(url: str) -> None:
    endless.make(url)

    @mdb.atomic("here")
    def add(number: int) -> None:
        row(number).save()
        if number % 3:
            add(number + 1)

    threads = [threading.Thread(target=add, args=(first,)) for first in (1, 11)]
    for thread in threads:
        thread.start()
        thread.join()

    assert added() == [1, 2, 3, 11, 12]


def test_without_a_name_a_block_is_one_of_the_default_alias() -> None:
    mdb.configure({"default": "sqlite://"})
    database = databases["default"]

    @mdb.atomic
    def look() -> bool:
        return database.shares_connection

    with statements(database) as sent:
        assert look()
    assert [each.sql for each in sent] == ["BEGIN IMMEDIATE"]


def _generator() -> Iterator[int]:
    yield 1


async def _coroutine() -> None:
    """Do nothing."""


@pytest.mark.parametrize("function", [_generator, _coroutine])
def test_functions_that_run_after_their_call_are_refused(function: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match=r"runs after its call has returned.*with mdb\.atomic"):
        mdb.atomic("here")(function)


def test_an_unknown_alias_is_refused_on_entering() -> None:
    mdb.configure({"default": "sqlite://"})
    block = mdb.atomic("defualt")
    with pytest.raises(errors.ConnectionDoesNotExist, match="Did you mean 'default'"), block:
        pass


# Blocks in blocks


def savepoints_or_skip(database: Database) -> None:
    if not database.backend.features.savepoints:
        pytest.skip("no savepoints here")


def test_an_error_that_is_handled_outside_the_inner_block_undoes_that_alone(url: str) -> None:
    savepoints_or_skip(endless.make(url))
    with mdb.atomic("here"):
        row(1).save()
        with pytest.raises(RuntimeError), mdb.atomic("here"):
            row(2).save()
            with mdb.atomic("here"):
                row(3).save()
            raise RuntimeError
        row(4).save()

    assert added() == [1, 4]


def test_a_database_error_in_an_inner_block_leaves_the_outer_one_whole(target: Target, url: str) -> None:
    savepoints_or_skip(endless.make(url))
    with mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.DatabaseError), mdb.atomic("here"):
            row(2).save()
            read_broken_sql()
        row(3).save()

    assert added() == [1, 3]
    assert is_clean(target, url)


def test_a_save_that_the_database_refuses_does_not_break_its_block(target: Target, url: str) -> None:
    savepoints_or_skip(endless.make(url))
    with mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.IntegrityError):
            Number(id=1, name="there already").save(force_insert=True)
        row(2).save()

    assert added() == [1, 2]
    assert is_clean(target, url)


def test_a_durable_block_is_an_outermost_one(url: str) -> None:
    endless.make(url)
    with mdb.atomic("here", durable=True):
        row(1).save()
    refused = pytest.raises(errors.TransactionError, match="a durable block can't begin inside it")
    with refused, mdb.atomic("here"), mdb.atomic("here", durable=True):
        row(2).save()

    assert added() == [1]


def test_a_part_without_savepoint_takes_the_whole_block_along(target: Target, url: str) -> None:
    endless.make(url)
    with (
        pytest.raises(errors.TransactionError, match="can't go on after an error: RuntimeError: half"),
        mdb.atomic("here"),
    ):
        row(1).save()
        with pytest.raises(RuntimeError), mdb.atomic("here", savepoint=False):
            row(2).save()
            raise RuntimeError("half")
        row(3).save()

    assert added() == []
    assert is_clean(target, url)


# What is broken

BROKEN_BY_READS = ("postgresql", "duckdb")


def read_broken_sql() -> None:
    with databases["here"].connect() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")


def test_after_a_swallowed_error_a_broken_block_refuses_to_go_on(target: Target, url: str) -> None:
    endless.make(url)
    if target.name not in BROKEN_BY_READS:
        pytest.skip("a failed read breaks nothing here")
    with pytest.raises(errors.TransactionError) as caught, mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.ProgrammingError):
            read_broken_sql()
        Number.objects.count()

    assert "ProgrammingError" in str(caught.value)
    assert "nowhere" in str(caught.value)
    hint = "with mdb.atomic('here')" if target.name == "postgresql" else "DuckDB has no savepoints"
    assert hint in str(caught.value)
    assert added() == []
    assert is_clean(target, url)


def test_a_broken_block_does_not_pretend_to_commit(target: Target, url: str) -> None:
    endless.make(url)
    if target.name not in BROKEN_BY_READS:
        pytest.skip("a failed read breaks nothing here")
    with pytest.raises(errors.TransactionError, match="nowhere"), mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.ProgrammingError):
            read_broken_sql()

    with pytest.raises(errors.TransactionError, match="nowhere"), databases["here"].atomic() as connection:
        row(2).save()
        with pytest.raises(sa.exc.ProgrammingError):
            connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert added() == []


def test_a_failed_read_breaks_nothing_elsewhere(target: Target, url: str) -> None:
    endless.make(url)
    if target.name in BROKEN_BY_READS:
        pytest.skip("a failed read ends the transaction here")
    with mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.DatabaseError):
            read_broken_sql()
        row(2).save()

    assert added() == [1, 2]


def test_without_savepoints_a_refused_save_breaks_its_block(new_database: Callable[..., str]) -> None:
    endless.make(new_database("duckdb"))
    with pytest.raises(errors.TransactionError, match="has no savepoints"), mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.IntegrityError):
            Number(id=1, name="there already").save(force_insert=True)
        row(2).save()

    assert added() == []


class Rival(threading.Thread):
    """Changes two rows in one block, the second one when its rival holds a lock on that, and swallows what is said."""

    def __init__(self, alias: str, keys: tuple[int, int]) -> None:
        super().__init__()
        self.alias, self.keys = alias, keys
        self.rival: Rival = self
        self.locked = threading.Event()
        self.failed = self.refused = False

    def run(self) -> None:
        """Change the rows."""
        one, two = (Number.objects.using(self.alias).get(pk=key) for key in self.keys)
        one.name = two.name = self.alias
        try:
            with mdb.atomic(self.alias):
                one.save()
                self.locked.set()
                assert self.rival.locked.wait(20)
                try:
                    two.save()
                except errors.DatabaseError:
                    self.failed = True
                row(self.keys[0]).save(using=self.alias)
        except errors.TransactionError:
            self.refused = True


def test_a_deadlock_takes_the_block_along(url: str, target: Target) -> None:
    if target.embedded:
        pytest.skip("a file has one writer at a time")
    endless.make(url)
    mdb.connect("other", url)
    one, two = Rival("here", (1, 2)), Rival("other", (2, 1))
    one.rival, two.rival = two, one
    for rival in (one, two):
        rival.start()
    for rival in (one, two):
        rival.join(60)

    assert one.failed != two.failed
    loser, winner = (one, two) if one.failed else (two, one)
    assert not winner.refused
    # PostgreSQL's savepoint gave the loser's lock back, and its block went on; elsewhere all of it is undone.
    assert loser.refused == (target.name == "mariadb")
    assert winner.keys[0] in added()
    assert (loser.keys[0] in added()) != loser.refused


@pytest.mark.parametrize(
    "sql", ["COMMIT", "  -- done\n commit;", "/* a */ ROLLBACK", "END", "BEGIN", "START TRANSACTION"]
)
def test_a_block_is_not_ended_by_sql(target: Target, url: str, sql: str) -> None:
    endless.make(url)
    with mdb.atomic("here"):
        row(1).save()
        with pytest.raises(errors.TransactionError, match="was not sent"), mdb.atomic("here"):
            read_sql_text(databases["here"], sql, write=True)
        if databases["here"].backend.features.savepoints:
            row(2).save()
        else:
            pytest.skip("no savepoints here")

    assert added() == [1, 2]
    assert is_clean(target, url)


# What waits for the commit


def test_functions_wait_for_the_commit_in_their_order(url: str) -> None:
    endless.make(url)
    seen: list[object] = []
    with mdb.atomic("here"):
        on_commit(lambda: seen.append(("first", added())), using="here")
        with mdb.atomic("here"):
            row(1).save()
            on_commit(lambda: seen.append("inner"), using="here")
        on_commit(lambda: seen.append("last"), using="here")
        assert seen == []

    assert seen == [("first", [1]), "inner", "last"]
    on_commit(lambda: seen.append("at once"), using="here")
    assert seen[-1] == "at once"


def test_functions_of_what_was_rolled_back_are_forgotten(url: str) -> None:
    savepoints_or_skip(endless.make(url))
    seen: list[str] = []
    with mdb.atomic("here"):
        on_commit(lambda: seen.append("outer"), using="here")
        with pytest.raises(RuntimeError), mdb.atomic("here"):
            on_commit(lambda: seen.append("inner"), using="here")
            raise RuntimeError
    with pytest.raises(RuntimeError), mdb.atomic("here"):
        on_commit(lambda: seen.append("never"), using="here")
        raise RuntimeError

    assert seen == ["outer"]


def test_an_error_after_the_commit_surfaces_and_undoes_nothing(url: str) -> None:
    endless.make(url)
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("too late")

    with pytest.raises(RuntimeError, match="too late") as caught, mdb.atomic("here"):
        row(1).save()
        on_commit(fail, using="here")
        on_commit(lambda: seen.append("behind"), using="here")

    assert "was committed before this happened" in caught.value.__notes__[0]
    assert seen == []
    assert added() == [1]


def test_a_function_that_waited_may_write_in_a_block_of_its_own(url: str) -> None:
    endless.make(url)
    with mdb.atomic("here"):
        row(1).save()
        on_commit(row(2).save, using="here")

    assert added() == [1, 2]


# Aliases and threads


def test_a_write_to_another_alias_is_told_of_once(
    url: str, new_database: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    endless.make(url)
    mdb.connect("there", new_database("sqlite"))
    with databases["there"].begin() as connection:
        Number._source.table.to_metadata(sa.MetaData()).create(connection)
    with pytest.raises(RuntimeError), mdb.atomic("here"):
        row(1).save()
        for number in (2, 3):
            row(number).save(using="there")
        raise RuntimeError

    said = capsys.readouterr().err
    assert said.count("alias 'there' is not part of the transaction on 'here'") == 1
    assert added() == []
    assert Number.objects.using("there").count() == 2


def test_a_block_on_another_alias_is_meant(
    new_database: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    endless.make(new_database("sqlite"))
    mdb.connect("there", new_database("sqlite"))
    with databases["there"].begin() as connection:
        Number._source.table.to_metadata(sa.MetaData()).create(connection)
    with mdb.atomic("here"), mdb.atomic("there"):
        row(1).save()
        row(1).save(using="there")

    assert capsys.readouterr().err == ""
    assert added() == [1]


def test_another_threads_writes_are_not_in_the_block(target: Target, url: str) -> None:
    endless.make(url)
    if target.embedded:
        pytest.skip("a file has one writer at a time")
    with pytest.raises(RuntimeError), mdb.atomic("here"):
        row(1).save()
        other = threading.Thread(target=Number(id=1, name="theirs").save)
        other.start()
        other.join()
        raise RuntimeError

    assert added() == []
    assert Number.objects.get(pk=1).name == "theirs"


# Instances


def test_after_a_rollback_instances_do_not_pretend(url: str) -> None:
    endless.make(url)
    old, new = Number.objects.get(pk=1), row(1)
    with pytest.raises(RuntimeError), mdb.atomic("here"):
        new.save()
        new.save()
        old.delete()
        assert (new._state.db, old.pk) == ("here", None)
        raise RuntimeError

    assert (new._state.db, new._state.adding, new.pk) == (None, True, 5001)
    assert (old._state.db, old._state.adding, old.pk) == ("here", False, 1)
    new.save()
    assert added() == [1]


def test_an_inner_rollback_restores_what_happened_inside_alone(url: str) -> None:
    savepoints_or_skip(endless.make(url))
    one, two = row(1), row(2)
    with mdb.atomic("here"):
        one.save()
        with pytest.raises(RuntimeError), mdb.atomic("here"):
            two.save()
            raise RuntimeError

    assert (one._state.db, two._state.db) == ("here", None)


# Interrupts and lost connections


@pytest.fixture
def heard() -> Iterator[None]:
    """Hear interrupts, also where the tests were started by a shell that ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_soon(seconds: float = 0.3) -> None:
    def press() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("work", [lambda: time.sleep(20), endless.Endless.objects.count], ids=["python", "database"])
def test_an_interrupt_in_a_block_leaves_nothing_open(target: Target, url: str, work: Callable[[], object]) -> None:
    endless.make(url)
    with pytest.raises(KeyboardInterrupt), mdb.atomic("here"):
        row(1).save()
        press_soon()
        work()

    assert endless.running(target) == []
    assert added() == []
    assert is_clean(target, url)


@pytest.mark.usefixtures("heard")
def test_a_block_that_swallows_an_interrupt_is_rolled_back(target: Target, url: str) -> None:
    endless.make(url)
    with pytest.raises(errors.TransactionError, match="KeyboardInterrupt"), mdb.atomic("here"):
        row(1).save()
        press_soon()
        with pytest.raises(KeyboardInterrupt):
            endless.Endless.objects.count()
        row(2).save()

    assert added() == []
    assert is_clean(target, url)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupt_in_commit_says_that_nobody_knows(target: Target, url: str, moment: str) -> None:
    database = endless.make(url)
    dialect, commit = database.engine.dialect, database.engine.dialect.do_commit

    def interrupted(connection: object) -> None:
        if moment == "after":
            commit(connection)
        raise KeyboardInterrupt

    dialect.do_commit = interrupted  # type: ignore[method-assign]
    new = row(1)
    with pytest.raises(KeyboardInterrupt, match="unknown whether the transaction was committed"), mdb.atomic("here"):
        new.save()
    with pytest.raises(KeyboardInterrupt, match="unknown whether the transaction was committed"):
        row(2).save()
    dialect.do_commit = commit  # type: ignore[method-assign]

    assert added() == ([1, 2] if moment == "after" else [])
    assert is_clean(target, url)


def kill_connections(target: Target) -> None:
    server = target.require_server()
    if target.name == "postgresql":
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname LIKE 'test%'"
        )
        return
    for (number,) in server.execute(
        "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND db LIKE 'test%'"
    ):
        server.execute(f"KILL {number}")


def test_a_connection_that_is_lost_in_a_block_ends_it(target: Target, url: str) -> None:
    endless.make(url)
    if target.embedded:
        pytest.skip("no connection to lose")
    with pytest.raises(errors.ConnectionFailed), mdb.atomic("here"):
        row(1).save()
        kill_connections(target)
        row(2).save()
    assert added() == []

    with pytest.raises(errors.TransactionError, match="ConnectionFailed"), mdb.atomic("here"):
        row(1).save()
        kill_connections(target)
        with pytest.raises(errors.ConnectionFailed):
            row(2).save()
        row(3).save()
    assert added() == []
    assert is_clean(target, url)


def test_a_connection_that_is_lost_in_commit_leaves_the_outcome_unknown(target: Target, url: str) -> None:
    endless.make(url)
    if target.embedded:
        pytest.skip("no connection to lose")
    with (
        pytest.raises(errors.ConnectionFailed, match="unknown whether the transaction was committed"),
        mdb.atomic("here"),
    ):
        row(1).save()
        kill_connections(target)

    assert added() == []
    assert is_clean(target, url)
