"""A statement that was stopped is over for its reader too, whatever the server had sent before."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa

from multidb_explorer.backends import mysql_session
from multidb_explorer.errors import QueryCancelled

MANY = "SELECT a.seq, repeat('x', 20) FROM seq_1_to_10000 a, seq_1_to_10000 b"
"""A hundred million rows, which no reader has read in the time that it takes to stop them."""


@pytest.fixture
def bench(bench_of: Any) -> Any:
    return bench_of("mariadb")


def test_the_rows_that_were_sent_are_not_read(bench: Any) -> None:
    database, begun = bench.database, threading.Event()
    raised: list[BaseException] = []

    def read() -> None:
        try:
            with database.connect() as connection:
                lent.append(connection.connection.driver_connection)
                begun.set()
                connection.execute(sa.text(MANY)).fetchall()
        except QueryCancelled as error:
            raised.append(error)

    lent: list[Any] = []
    reader = threading.Thread(target=read)
    reader.start()
    begun.wait()
    while reader.is_alive():
        database.backend.cancel(lent[0])
        time.sleep(0.02)
    reader.join()

    assert len(raised) == 1
    assert not lent[0].open
    assert database.engine.pool.checkedout() == 0
    assert bench.run("SELECT 1") is None


def test_an_answer_to_the_order_itself_leaves_the_session_open(bench: Any) -> None:
    with bench.database.connect() as connection:
        session = connection.connection.driver_connection
        first = mysql_session._Reading()
        session.multidb_reading, file = first, session._rfile
        mysql_session.kill(session)
        assert first.is_young()
        assert session._rfile is file
        session.multidb_reading = None
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
