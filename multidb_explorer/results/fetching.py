"""Which reader reads: the fastest of the product that promises the plain cursor's very values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import pyarrow as pa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.readers import Reader, Request, StepAside
from multidb_explorer.options import options
from multidb_explorer.results.decoding import Row, to_batch

__all__ = ["Choice", "CursorReader", "chosen", "fetched"]

_log = logging.getLogger("multidb_explorer.results")


class CursorReader(Reader):
    """The plain cursor of the driver: any statement, any type, every product.

    Parameters
    ----------
    backend
        Whose cursor it is.
    """

    name = "cursor"
    title = "the driver's plain cursor"

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def refusal(self, request: Request) -> str:  # noqa: ARG002 -- it refuses nothing
        """Read anything."""
        return ""

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Fetch tuples and turn each column of a batch into its Arrow array."""
        with _fetching(self._backend, request) as fetch:
            while rows := fetch(request.batch_rows):
                yield to_batch(rows, request.columns, self._backend)


@contextmanager
def _fetching(backend: Backend, request: Request) -> Iterator[Callable[[int], Sequence[Row]]]:
    streamed = {"stream_results": not request.shared}
    result = request.connection.execute(request.statement, execution_options=streamed)
    cursor = result.cursor
    try:
        # Not cursor.fetchmany: a streaming result has taken the first rows out of the cursor into a buffer already.
        yield lambda size: result.cursor_strategy.fetchmany(result, cursor, size)
    finally:
        backend.abandon(request.connection, cursor)
        result.close()


@dataclass(frozen=True)
class Choice:
    """The reader that was chosen, and why faster ones were passed over.

    Attributes
    ----------
    refused
        Pairs of a reader and its reason, the fastest first.
    """

    reader: Reader
    refused: tuple[tuple[Reader, str], ...] = ()


def chosen(backend: Backend, request: Request) -> Choice:
    """Choose the reader for a request."""
    return next(_choices(backend, request))


def _choices(backend: Backend, request: Request) -> Iterator[Choice]:
    """Give the readers that can read a request, one after the other: one that was begun may still step aside."""
    refused: list[tuple[Reader, str]] = []
    for reader in backend.readers:
        reason = reader.refusal(request) if options.fast_readers else "options.fast_readers is off"
        if not reason:
            yield Choice(reader, tuple(refused))
        refused.append((reader, reason or "it stepped aside"))
    yield Choice(CursorReader(backend), tuple(refused))


def fetched(backend: Backend, request: Request, alias: str = "") -> Generator[pa.RecordBatch, None, None]:
    """Read with the reader that was chosen, and with the next one if it steps aside.

    Parameters
    ----------
    alias
        Who is read, for the log: one line when the read is over, without a value or a parameter.
    """
    spent, rows, size, logs = -perf_counter(), 0, 0, _log.isEnabledFor(logging.DEBUG)
    reader, batches, batch = _begun(backend, request)
    spent += perf_counter()
    try:
        while batch is not None:
            if logs:
                rows, size = rows + batch.num_rows, size + batch.nbytes
            yield batch
            spent -= perf_counter()
            batch = next(batches, None)
            spent += perf_counter()
    finally:
        # What is left halfway is ended now and not when somebody collects it.
        getattr(batches, "close", _nothing)()
        if logs:
            _log.debug("%s: %d rows, %d bytes in %.3f s with %s", alias or "-", rows, size, spent, reader.title)


def _begun(backend: Backend, request: Request) -> tuple[Reader, Iterator[pa.RecordBatch], pa.RecordBatch | None]:
    """Let the first reader that can read its first batch, since only then it is known to have read this."""
    for choice in _choices(backend, request):
        batches = choice.reader.batches(request)
        try:
            return choice.reader, batches, next(batches, None)
        except StepAside as reason:
            _log.debug("%s stepped aside: %s", choice.reader.title, reason)
    raise AssertionError("the plain cursor never steps aside")


def _nothing() -> None:
    pass
