"""Which reader reads: the fastest of the product that promises the plain cursor's very values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.readers import Reader, Request, StepAside
from multidb_explorer.options import options
from multidb_explorer.results.decoding import Row, to_batch

__all__ = ["Choice", "CursorReader", "chosen", "fetched"]

_log = logging.getLogger(__name__)


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
        with _fetching(request.connection, request.statement, stream=not request.shared) as fetch:
            while rows := fetch(request.batch_rows):
                yield to_batch(rows, request.columns, self._backend)


@contextmanager
def _fetching(
    connection: Connection, statement: sa.Executable, *, stream: bool
) -> Iterator[Callable[[int], Sequence[Row]]]:
    result = connection.execute(statement, execution_options={"stream_results": stream})
    cursor = result.cursor
    try:
        # Not cursor.fetchmany: a streaming result has taken the first rows out of the cursor into a buffer already.
        yield lambda size: result.cursor_strategy.fetchmany(result, cursor, size)
    finally:
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
    refused: list[tuple[Reader, str]] = []
    for reader in backend.readers:
        reason = reader.refusal(request) if options.fast_readers else "options.fast_readers is off"
        if not reason:
            return Choice(reader, tuple(refused))
        refused.append((reader, reason))
    return Choice(CursorReader(backend), tuple(refused))


def fetched(backend: Backend, request: Request) -> Iterator[pa.RecordBatch]:
    """Read with the reader that was chosen, and with the plain cursor if that one steps aside."""
    choice = chosen(backend, request)
    _log.debug("reading %d columns with %s", len(request.columns), choice.reader.title)
    batches = choice.reader.batches(request)
    try:
        first = next(batches, None)
    except StepAside as reason:
        _log.debug("%s stepped aside: %s", choice.reader.title, reason)
        batches, first = CursorReader(backend).batches(request), None
    if first is not None:
        yield first
    yield from batches
