"""Reaching a database, failing to, and telling which one it is."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from multidb_explorer.backends import backend_for
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import (
    ConnectionFailed,
    DatabaseError,
    IntegrityError,
    MissingDriver,
    MultiDBError,
    ReadOnlyAlias,
)

PRODUCTS = {"sqlite": "SQLite", "duckdb": "DuckDB", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


def moved(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def test_check_names_product_and_version(target, bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    info = bench.database.check()
    assert info.product == PRODUCTS[target.name]
    assert info.version[0].isdigit()


def test_a_wrong_password_is_told_and_not_shown(target, workbench, url) -> None:
    if target.embedded:
        pytest.skip("no passwords here")
    database = workbench("here", moved(url, password="not-the-pässword")).database
    with pytest.raises(ConnectionFailed, match="refused the user or the password") as caught:
        database.check()
    assert "not-the" not in str(caught.value)


def test_an_unknown_user(target, workbench, url) -> None:
    if target.embedded:
        pytest.skip("no users here")
    with pytest.raises(ConnectionFailed, match="refused the user or the password"):
        workbench("here", moved(url, username="nobody")).database.check()


def test_a_port_where_nobody_listens(target, workbench, url) -> None:
    if target.embedded:
        pytest.skip("no ports here")
    with pytest.raises(ConnectionFailed, match="check host"):
        workbench("here", moved(url, port=1)).database.check()


def test_a_host_that_does_not_exist(target, workbench, url) -> None:
    if target.embedded:
        pytest.skip("no hosts here")
    with pytest.raises(ConnectionFailed, match=r"host name is not known|check host"):
        workbench("here", moved(url, host="no-such-host.invalid")).database.check()


def test_a_database_that_does_not_exist(target, workbench, url) -> None:
    if target.embedded:
        pytest.skip("a file is made by the first use")
    with pytest.raises(ConnectionFailed, match=r"no database of that name|no rights on that database"):
        workbench("here", moved(url, database="no_such_database")).database.check()


def test_a_folder_that_does_not_exist(target, workbench, tmp_path) -> None:
    if not target.embedded:
        pytest.skip("no files here")
    with pytest.raises(ConnectionFailed, match="there is no folder"):
        workbench("here", f"{target.url_prefix}{tmp_path}/nowhere/shop.db").database.check()


def test_a_read_only_alias_creates_no_file(target, workbench, tmp_path) -> None:
    if not target.embedded:
        pytest.skip("no files here")
    with pytest.raises(ConnectionFailed):
        workbench("here", f"{target.url_prefix}{tmp_path}/absent.db", read_only=True).database.check()
    assert not (tmp_path / "absent.db").exists()


def test_a_file_that_is_no_database(target, workbench, tmp_path) -> None:
    if not target.embedded:
        pytest.skip("no files here")
    (tmp_path / "letter.db").write_text("Dear Ann, this is a letter and no database at all.\n" * 200)
    with pytest.raises(ConnectionFailed, match=f"not a {target.title} database"):
        workbench("here", f"{target.url_prefix}{tmp_path}/letter.db").database.check()


def test_a_missing_driver_names_the_extra(target, monkeypatch) -> None:
    if target.extra is None:
        pytest.skip("the driver comes with Python")
    monkeypatch.setattr("multidb_explorer.backends.base.find_spec", lambda name: None)
    with pytest.raises(MissingDriver, match=rf"multidb-explorer\[{target.extra}\]"):
        backend_for(target.backend).prepare_url(make_url(f"{target.backend}://host/shop"))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgresql://h/d", "postgresql+psycopg"),
        ("postgres://h/d", "postgresql+psycopg"),
        ("mysql://h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mariadb+pymysql"),
        ("mariadb+pymysql://h/d", "mariadb+pymysql"),
        ("mysql+mysqlconnector://h/d", "mysql+mysqlconnector"),
        ("duckdb:///d", "duckdb+multidb"),
        ("duckdb+duckdb_engine:///d", "duckdb+multidb"),
        ("sqlite:///d", "sqlite+multidb"),
        ("sqlite+pysqlite:///d", "sqlite+multidb"),
    ],
)
def test_a_url_without_driver_gets_one(given: str, wanted: str) -> None:
    url = make_url(given)
    product = "postgresql" if url.drivername == "postgres" else url.get_backend_name()
    assert backend_for(product).prepare_url(url).drivername == wanted


def test_mariadb_urls_work(mariadb, workbench, new_database) -> None:
    bench = workbench("here", new_database("mariadb").replace("mysql+pymysql", "mariadb"))
    assert bench.database.check().product == "MariaDB"


def test_a_password_beyond_ascii(target, workbench, url, request) -> None:
    if target.embedded:
        pytest.skip("no passwords here")
    server = target.require_server()
    password = "pä$$:wörd@😀/%"
    name = f"u_{make_url(url).database}"[:30]
    literal = f"'{password}'"
    host = "@'127.0.0.1'" if target.name == "mariadb" else ""
    server.execute(
        f"CREATE USER {name}{host} IDENTIFIED BY {literal}" if host else f"CREATE USER {name} PASSWORD {literal}"
    )
    request.addfinalizer(lambda: server.execute(f"DROP USER {name}{host}"))
    if host:
        server.execute(f"GRANT ALL ON {make_url(url).database}.* TO {name}{host}")
    assert workbench("here", moved(url, username=name, password=password)).database.check().version


# Read-only


@pytest.fixture
def reader(bench, workbench):
    """A read-only alias beside one that has written a table with one row."""
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)", "INSERT INTO things VALUES (1)")
    return workbench("reader", bench.url, read_only=True)


WRITES = [
    "INSERT INTO things VALUES (2)",
    "UPDATE things SET id = 3",
    "DELETE FROM things",
    "CREATE TABLE more (id INTEGER)",
    "DROP TABLE things",
]


@pytest.mark.parametrize("sql", WRITES)
def test_a_read_only_session_refuses_raw_sql(reader, bench, sql: str) -> None:
    assert reader.rows("things") == [(1,)]
    with pytest.raises(ReadOnlyAlias), reader.database.connect() as connection:
        connection.execute(sa.text(sql)).connection.commit()
    assert bench.rows("things") == [(1,)]


@pytest.mark.parametrize("sql", WRITES)
def test_a_reading_connection_of_a_writable_alias_refuses_raw_sql(bench, sql: str) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)", "INSERT INTO things VALUES (1)")
    with pytest.raises(ReadOnlyAlias), bench.database.connect(read_only=True) as connection:
        connection.execute(sa.text(sql)).connection.commit()
    assert bench.rows("things") == [(1,)]
    bench.run("INSERT INTO things VALUES (2)")
    assert bench.rows("things") == [(1,), (2,)]


def test_reading_only_for_once_keeps_a_read_only_alias_read_only(reader) -> None:
    with reader.database.connect(read_only=True) as connection:
        assert connection.exec_driver_sql("SELECT id FROM things").scalar() == 1
    with pytest.raises(ReadOnlyAlias), reader.database.connect() as connection:
        connection.exec_driver_sql("DELETE FROM things")


# Which database


def test_two_ways_to_one_database_have_one_fingerprint(target, bench, workbench, tmp_path) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    if target.embedded:
        path = Path(make_url(bench.url).database or "")
        (tmp_path / "link.db").symlink_to(path)
        other = f"{target.url_prefix}{tmp_path / 'link.db'}"
    else:
        other = moved(bench.url, host="localhost")
    assert workbench("again", other).database.fingerprint == bench.database.fingerprint


def test_two_databases_have_two_fingerprints(bench, workbench, new_database) -> None:
    other = workbench("other", new_database())
    for each in (bench, other):
        each.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    assert other.database.fingerprint != bench.database.fingerprint
    assert other.database.fingerprint == other.database.fingerprint


def test_two_memory_databases_have_two_fingerprints(target, workbench) -> None:
    if not target.embedded:
        pytest.skip("no memory databases here")
    one, two = workbench("one", f"{target.backend}:///:memory:"), workbench("two", f"{target.backend}:///:memory:")
    assert one.database.fingerprint != two.database.fingerprint
    one.run("CREATE TABLE things (id INTEGER PRIMARY KEY)", "INSERT INTO things VALUES (1)")
    assert one.rows("things") == [(1,)]


def test_a_server_may_hide_its_identity(postgresql, bench_of, workbench) -> None:
    bench = bench_of("postgresql")
    database = make_url(bench.url).database
    postgresql.execute("SELECT 1")
    admin = workbench("admin", moved(postgresql.admin_url, database=database))
    admin.run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    hidden = bench.database.fingerprint
    assert hidden != admin.database.fingerprint
    assert workbench("again", moved(bench.url, host="localhost")).database.fingerprint == hidden


# What an error leaves behind

OUTSIDERS = {
    "sqlite": "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0); c.execute('DROP TABLE things')",
    "duckdb": "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('DROP TABLE things')",
}


def drop_from_outside(target, url: str) -> None:
    """Drop the table as another program would: at once or not at all."""
    if target.embedded:
        command = [sys.executable, "-c", OUTSIDERS[target.name], make_url(url).database or ""]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return
    limit = "SET lock_timeout = '1s'" if target.name == "postgresql" else "SET lock_wait_timeout = 1"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(limit)
        connection.exec_driver_sql("DROP TABLE things")


def fail_in_a_statement(bench) -> None:
    bench.run("INSERT INTO things VALUES (1)")


def fail_in_python(bench) -> None:
    with bench.database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO things VALUES (9)")
        raise KeyboardInterrupt


def stop_reading_half_way(bench) -> None:
    from multidb_explorer.results.stream import read_batches

    batches = read_batches(bench.database, bench.reading("things"), batch_rows=2)
    assert next(batches).num_rows
    batches.close()
    raise KeyboardInterrupt


@pytest.mark.parametrize("fail", [fail_in_a_statement, fail_in_python, stop_reading_half_way])
def test_nothing_stays_open_or_locked_after_an_error(target, bench, fail) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    bench.insert("things", [{"id": number} for number in range(1, 6)])
    with pytest.raises((IntegrityError, KeyboardInterrupt)):
        fail(bench)
    assert bench.rows("things", where=bench.table("things").c.id == 9) == []
    drop_from_outside(target, bench.url)


def test_a_file_held_by_another_process(bench_of, tmp_path) -> None:
    bench = bench_of("duckdb")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()",
            make_url(bench.url).database or "",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(ConnectionFailed, match=rf"PID {holder.pid}[\s\S]*Another process has the file open"):
            bench.database.check()
    assert bench.rows("things") == []


def test_one_file_opened_for_reading_and_for_writing(bench_of, workbench) -> None:
    bench = bench_of("duckdb")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    reader = workbench("reader", bench.url, read_only=True)
    with bench.database.begin(), pytest.raises(ConnectionFailed, match="with other settings"):
        reader.database.check()
    assert reader.rows("things") == []


def test_drivers_errors_become_ours(bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, n SMALLINT NOT NULL)", "INSERT INTO things VALUES (1, 1)")
    with pytest.raises(IntegrityError):
        bench.run("INSERT INTO things VALUES (1, 2)")
    with pytest.raises(IntegrityError):
        bench.run("INSERT INTO things (id, n) VALUES (2, NULL)")
    for sql in ("SELECT nothing FROM things", "SELECT * FROM nowhere", "SELEC 1"):
        with pytest.raises(DatabaseError):
            bench.run(sql)


def test_a_value_left_out_breaks_a_rule_as_an_empty_one_does(target, bench, request) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, n SMALLINT NOT NULL, CHECK (n > 0))")
    for sql in ("INSERT INTO things (id) VALUES (2)", "INSERT INTO things VALUES (2, 0)"):
        with pytest.raises(IntegrityError):
            bench.run(sql)


def test_a_missing_privilege_says_so(target, bench, workbench, request) -> None:
    if target.embedded:
        pytest.skip("no privileges here")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    server = target.require_server()
    name = f"v_{make_url(bench.url).database}"[:30]
    if target.name == "mariadb":
        server.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'secret-word'")
        server.execute(f"GRANT CREATE ON {make_url(bench.url).database}.* TO {name}@'127.0.0.1'")
        request.addfinalizer(lambda: server.execute(f"DROP USER {name}@'127.0.0.1'"))
    else:
        server.execute(f"CREATE USER {name} PASSWORD 'secret-word'")
        request.addfinalizer(lambda: server.execute(f"DROP USER {name}"))
    visitor = workbench("visitor", moved(bench.url, username=name, password="secret-word"))
    with pytest.raises(MultiDBError, match="privilege"):
        visitor.ask("SELECT * FROM things")


def test_a_registered_alias_is_forgotten_with_its_connections(bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    databases.disconnect("here")
    assert importlib.util.find_spec("multidb_explorer")
    assert "here" not in databases
