"""Files of DuckDB: an engine stays, the file is open only while somebody uses it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from multidb_explorer.backends import duckdb_files

OPENS = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('SELECT * FROM things')"


@pytest.fixture
def bench(bench_of: Callable[[str], Any]) -> Any:
    made = bench_of("duckdb")
    made.run("CREATE TABLE things (id INTEGER PRIMARY KEY)", "INSERT INTO things VALUES (1), (2)")
    return made


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The engines that were made, and none from before."""
    made: list[Any] = []
    before = duckdb.connect

    def connect(*args: Any, **kwargs: Any) -> Any:
        made.append(before(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(duckdb_files, "_kept", {})
    monkeypatch.setattr(duckdb, "connect", connect)
    yield made
    for each in made:
        each.close()


def file_of(bench: Any) -> str:
    return str(sa.make_url(bench.url).database)


def opened_elsewhere(bench: Any) -> bool:
    done = subprocess.run([sys.executable, "-c", OPENS, file_of(bench)], capture_output=True, check=False)
    return done.returncode == 0


def test_one_engine_serves_every_use_and_holds_no_file(bench: Any, engines: list[Any]) -> None:
    for _ in range(3):
        assert len(bench.rows("things")) == 2

    assert len(engines) == 1
    assert engines[0].execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall() == [
        ("memory",)
    ]
    assert opened_elsewhere(bench)


def test_what_is_written_is_in_the_file_afterwards(bench: Any) -> None:
    bench.run("INSERT INTO things VALUES (3)")

    assert not Path(file_of(bench) + ".wal").exists()
    with duckdb.connect(file_of(bench), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM things").fetchone() == (3,)


def test_sessions_side_by_side_share_it_until_the_last_one_ends(bench: Any) -> None:
    ready, go = threading.Barrier(2), threading.Event()

    def holds() -> None:
        with bench.database.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            ready.wait()
            go.wait()

    thread = threading.Thread(target=holds)
    thread.start()
    ready.wait()
    assert len(bench.rows("things")) == 2
    assert not opened_elsewhere(bench)
    go.set()
    thread.join()
    assert opened_elsewhere(bench)


def test_a_session_that_nobody_closed_lets_it_go(bench: Any) -> None:
    session = bench.database.engine.raw_connection().detach()
    del session

    assert opened_elsewhere(bench)


@pytest.mark.parametrize("name", ["memory.duckdb", "temp.db", 'it\'s a "shop".v2.db', "no_ending"])
def test_a_file_has_the_name_that_duckdb_gives_it(workbench: Any, tmp_path: Path, name: str) -> None:
    with duckdb.connect(str(tmp_path / name)) as connection:
        expected = connection.execute("SELECT current_database()").fetchone()
    bench = workbench("here", sa.URL.create("duckdb", database=str(tmp_path / name)))

    for _ in range(2):
        with bench.database.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_database()").fetchone() == expected


def test_a_link_leads_to_the_same_file(bench: Any, workbench: Any, tmp_path: Path) -> None:
    link = tmp_path / "another name.db"
    link.symlink_to(file_of(bench))
    other = workbench("link", f"duckdb:///{link}")
    with bench.database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO things VALUES (3)")
        assert len(other.rows("things")) == 2
    assert len(other.rows("things")) == 3


@pytest.mark.parametrize("statement", ["ATTACH '{}' AS other", "CREATE TABLE memory.main.kept (x INTEGER)"])
def test_what_a_statement_leaves_in_the_engine_ends_with_it(bench: Any, tmp_path: Path, statement: str) -> None:
    for _ in range(2):
        bench.run(statement.format(tmp_path / "other.db"))

    with bench.database.connect() as connection:
        names = connection.exec_driver_sql("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert len(names) == 2


def test_a_setting_lasts_as_long_as_its_session(bench: Any) -> None:
    bench.run("SET threads = 1")

    with bench.database.connect() as connection:
        assert connection.exec_driver_sql("SELECT current_setting('threads')").scalar_one() != 1


def test_a_file_that_this_process_holds_by_other_means_is_shared(bench: Any) -> None:
    held = sa.create_engine(f"duckdb:///{file_of(bench)}")
    with held.connect() as connection:
        connection.exec_driver_sql("INSERT INTO things VALUES (3)")
        connection.commit()
        assert len(bench.rows("things")) == 3
    held.dispose()


def test_only_the_last_few_engines_are_kept(engines: list[Any], workbench: Any, tmp_path: Path) -> None:
    benches = [workbench(f"n{number}", f"duckdb:///{tmp_path / f'{number}.db'}") for number in range(10)]
    for bench in benches:
        bench.run("CREATE TABLE things (id INTEGER)")

    assert len(engines) == 10
    with pytest.raises(duckdb.ConnectionException):
        engines[0].execute("SELECT 1")
    assert [bench.rows("things") for bench in benches] == [[]] * 10
