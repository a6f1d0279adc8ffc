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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["BATCH", "END", "FAILED", "HEADER", "ODD", "SCHEMA", "USUAL", "main"]

HEADER = struct.Struct("<cQ")
"""What stands before each message: its kind, and its length in bytes."""

SCHEMA, BATCH, USUAL, ODD, END, FAILED = b"S", b"B", b"U", b"O", b"E", b"F"
"""Kinds of messages. Batches count once all values are known to be usual: stored in the class of their column."""

_AHEAD = 128 << 20
"""Bytes that are read before that is known."""

_CHANGES = "PRAGMA data_version"
"""Another number once anybody else has written to the file."""

_TRIES = 20


def main() -> None:
    """Obey one order after the other until the input ends, as it does when the other process is gone."""
    # The stop button of a terminal reaches all its processes; the other one decides what shall end here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Arrow does without it here, and it would take most of the start.
    sys.modules["numpy"] = None  # type: ignore[assignment]
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
    with _twins(uri, busy) as (reading, checking), ThreadPoolExecutor(1) as beside:
        verdict, open_, ahead = beside.submit(_verdict, checking, check, checked), True, 0
        with _running(reading, sql, parameters, size) as batches:
            yield SCHEMA, batches.schema.serialize()
            for batch in batches:
                content = batch.serialize()
                yield BATCH, content
                ahead += len(content)
                if open_ and (verdict.done() or ahead > _AHEAD):
                    yield verdict.result(), b""
                    if verdict.result() == ODD:
                        return
                    open_ = False
        if open_:
            yield verdict.result(), b""
            if verdict.result() == ODD:
                return
    yield END, b""


def _verdict(session: Any, check: str, checked: list[int]) -> bytes:
    with _running(session, check, checked, 1) as found:
        return ODD if any(batch.num_rows for batch in found) else USUAL


@contextmanager
def _twins(uri: str, busy: int) -> Iterator[tuple[Any, Any]]:
    """Open two sessions in transactions that see the same rows."""
    with _session(uri, busy) as one, _session(uri, busy) as other:
        for _ in range(_TRIES):
            before = _number(other, _CHANGES)
            one.set_autocommit(False)
            _number(one, "SELECT count(*) FROM sqlite_master")
            other.set_autocommit(False)
            if _number(other, _CHANGES) == before:
                # Nobody has written between these two moments, and the first transaction began in between.
                yield one, other
                return
            one.set_autocommit(True)
            other.set_autocommit(True)
        raise RuntimeError("the file is written to all the time")


@contextmanager
def _session(uri: str, busy: int) -> Iterator[Any]:
    import adbc_driver_manager
    import adbc_driver_sqlite

    with adbc_driver_sqlite.connect(uri) as database, adbc_driver_manager.AdbcConnection(database) as session:
        _number(session, f"PRAGMA busy_timeout = {busy}")
        yield session


def _number(session: Any, sql: str) -> int:
    with _running(session, sql, [], 1) as answer:
        return int(answer.read_all()[0][0].as_py())


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
