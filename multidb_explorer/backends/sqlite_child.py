"""The process that reads SQLite files for another one: orders arrive at its input, Arrow batches leave at its output.

It is run as a file by itself, so that it imports the driver and nothing else. The system keeps a file's locks for each
process, and here the driver's copy of SQLite is the only one: what it locks and unlocks is its own.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["BATCH", "END", "FAILED", "HEADER", "ODD", "SCHEMA", "main"]

HEADER = struct.Struct("<cQ")
"""What stands before each message: its kind, and its length in bytes."""

SCHEMA, BATCH, END, ODD, FAILED = b"S", b"B", b"E", b"O", b"F"
"""Kinds of messages; that a value is stored in another class than its column's is said before anything is read."""


def main() -> None:
    """Obey one order after the other until the input ends, as it does when the other process is gone."""
    # The stop button of a terminal reaches all its processes; the other one decides what shall end here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            order = marshal.load(orders)  # noqa: S302 -- written by the process that started this one
            _obey(answers, order)
        except (EOFError, BrokenPipeError):
            # Nobody is there any more, and nothing is left to be written.
            os._exit(0)


def _obey(answers: BinaryIO, order: dict[str, Any]) -> None:
    try:
        for kind, content in _messages(**order):
            answers.write(HEADER.pack(kind, len(content)))
            answers.write(content)
            answers.flush()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 -- it is raised over there
        text = str(error).encode()
        answers.write(HEADER.pack(FAILED, len(text)) + text)
        answers.flush()


def _messages(
    uri: str, busy: int, check: str, sql: str, checked: list[int], parameters: list[int], size: int
) -> Iterator[tuple[bytes, Any]]:
    with _session(uri, busy) as session:
        # One transaction for both: what was checked is what is read.
        with _running(session, check, checked, 1) as found:
            odd = any(batch.num_rows for batch in found)
        if not odd:
            with _running(session, sql, parameters, size) as batches:
                yield SCHEMA, batches.schema.serialize()
                for batch in batches:
                    yield BATCH, batch.serialize()
    yield (ODD if odd else END), b""


@contextmanager
def _session(uri: str, busy: int) -> Iterator[Any]:
    import adbc_driver_manager
    import adbc_driver_sqlite

    with adbc_driver_sqlite.connect(uri) as database, adbc_driver_manager.AdbcConnection(database) as session:
        with _running(session, f"PRAGMA busy_timeout = {busy}", [], 1) as answer:
            answer.read_all()
        session.set_autocommit(False)
        yield session


@contextmanager
def _running(session: Any, sql: str, parameters: list[int], size: int) -> Iterator[Any]:
    import adbc_driver_manager
    import pyarrow as pa

    with adbc_driver_manager.AdbcStatement(session) as statement:
        statement.set_options(**{"adbc.sqlite.query.batch_rows": str(size)})
        statement.set_sql_query(sql)
        if parameters:
            statement.bind(pa.record_batch({str(place): [value] for place, value in enumerate(parameters)}))
        stream, _ = statement.execute_query()
        with pa.RecordBatchReader.from_stream(stream) as batches:
            yield batches


if __name__ == "__main__":
    main()
