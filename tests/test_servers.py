"""The test servers themselves: real passwords, crash and return, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import servers
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from targets import TARGETS, Target

SERVER_TARGETS = [target for target in TARGETS if target.server]


def ask(url, sql):
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(params=[pytest.param(target, id=target.name) for target in SERVER_TARGETS])
def server(request):
    """Give a running server of the session."""
    return request.getfixturevalue(request.param.name)


@pytest.fixture(params=[pytest.param(target, id=target.name) for target in SERVER_TARGETS])
def own_server(request):
    """Give a server that the test may end."""
    request.getfixturevalue(request.param.name)
    server = servers.STARTERS[request.param.server]()
    yield server
    server.stop()


def test_a_new_database_is_empty_and_takes_rows(target: Target, url):
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (id integer)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    assert ask(url, "SELECT count(*) FROM t") == 1


def test_two_databases_of_one_engine_are_apart(target: Target, new_database):
    first, second = new_database(target), new_database(target)
    engine = create_engine(first, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_here (id integer)"))
    with pytest.raises(SQLAlchemyError):
        ask(second, "SELECT * FROM only_here")


@pytest.mark.parametrize("name", ["plain", "with space", 'quo"te', "per%cent", "back`tick", "Mixed_Case", "naïve"])
def test_databases_may_have_any_name(server, name):
    url = server.create_database(name)
    try:
        assert ask(url, "SELECT 1") == 1
    finally:
        server.drop_database(name)


def test_a_wrong_password_is_refused(server):
    url = server.create_database()
    database = url.rpartition("/")[2]
    with pytest.raises(OperationalError, match=r"(?i)password"):
        ask(server.url(database, password="wrong"), "SELECT 1")
    server.drop_database(url)


def test_a_database_is_dropped_while_somebody_reads_from_it(server):
    url = server.create_database()
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (id integer)"))
        connection.execute(text("SELECT * FROM t"))
        server.drop_database(url)
        connection.invalidate()
    engine.dispose()
    with pytest.raises(OperationalError):
        ask(url, "SELECT 1")


def test_text_of_all_planes_is_kept(server):
    assert ask(server.admin_url, "SELECT 'Ünï 🦆'") == "Ünï 🦆"


def test_a_killed_server_comes_back_with_its_data(own_server):
    url = own_server.create_database("kept")
    own_server.kill()
    with pytest.raises(OperationalError):
        ask(url, "SELECT 1")
    own_server.restart()
    assert ask(url, "SELECT 1") == 1


def test_stop_leaves_no_process_and_no_folder(own_server):
    folder = own_server._guard.folder
    assert is_running(own_server.pid)
    own_server.stop()
    assert not is_running(own_server.pid)
    assert not folder.exists()


@pytest.mark.parametrize("target", SERVER_TARGETS, ids=str)
def test_servers_end_with_a_process_that_is_killed(target, request):
    request.getfixturevalue(target.name)
    start = f"import servers, time; s = servers.{target.server}()"
    code = f"{start}; print(s.pid, s._guard.folder, flush=True); time.sleep(99)"
    tests = Path(servers.__file__).parent
    with subprocess.Popen([sys.executable, "-c", code], cwd=tests, stdout=subprocess.PIPE, text=True) as process:
        pid, folder = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not Path(folder).exists())
    assert not is_running(int(pid))


def test_an_adopted_server_is_not_ours_to_stop(server):
    adopted = servers._adopt(server.name, server.admin_url)
    assert adopted.execute("SELECT 1") == [(1,)]
    with pytest.raises(servers.ServerError, match="only its owner"):
        adopted.kill()
    adopted.stop()
    assert server.execute("SELECT 1") == [(1,)]
