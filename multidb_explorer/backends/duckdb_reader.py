"""DuckDB's own Arrow: the engine's vectors as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.pool import NullPool

from multidb_explorer.backends.readers import Reader, Request
from multidb_explorer.backends.waiting import interruptibly

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

__all__ = ["ArrowReader"]


class ArrowReader(Reader):
    """Takes the engine's own Arrow batches."""

    name: ClassVar[str] = "arrow"
    title: ClassVar[str] = "the engine's own Arrow"

    def refusal(self, request: Request) -> str:
        """Read anything."""
        return ""

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Run the statement and cast its batches to the declared types."""
        from multidb_explorer.backends.casting import declared

        for batch in _native(request):
            yield declared(_checked(batch), request.columns)


def _native(request: Request) -> Iterator[pa.RecordBatch]:
    from multidb_explorer.backends.duckdb_session import OPENING

    connection = request.connection
    alone = isinstance(connection.engine.pool, NullPool)
    alone = alone and connection.get_execution_options().get("multidb_session") != "writes"
    opening = _Opening(request.batch_rows, whole=not alone)
    connection.execute(request.statement, execution_options={OPENING: opening})
    if opening.reader is None:
        return iter(opening.batches)
    session: Any = connection.connection.driver_connection
    session.reader = opening.reader
    return _streamed(opening, session)


class _Opening:
    """Runs a statement for its Arrow data.

    A wait for the engine costs more than a small result, so the first batches are fetched in the same one.

    Parameters
    ----------
    rows
        Rows a batch.
    whole
        Whether everything is read at once: while a reader is open its connection runs nothing else.

    Attributes
    ----------
    reader
        The open reader; ``None`` when it has given everything.
    batches
        What it has given so far.
    """

    def __init__(self, rows: int, *, whole: bool) -> None:
        self._rows = rows
        self._whole = whole
        self._stop: Any = None
        self.reader: Any = None
        self.batches: list[pa.RecordBatch] = []

    def __call__(self, raw: Any, statement: str, parameters: Any) -> None:
        """Open the reader, and close it where the first batches are all."""
        self._stop = raw.interrupt
        interruptibly(lambda: self._open(raw, statement, parameters), self._stop)

    def _open(self, raw: Any, statement: str, parameters: Any) -> None:
        if hasattr(raw, "abort"):
            # What an earlier statement left unread would block the connection.
            raw.abort()
        relation = raw.sql(statement, params=parameters)
        # Named `fetch_arrow_reader` before DuckDB 2.
        opener = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
        reader = opener(self._rows)
        ended = False
        try:
            ended = self._fetch(reader)
            self.reader = None if ended else reader
        finally:
            if self.reader is None:
                reader.close()

    def _fetch(self, reader: Any) -> bool:
        """Fetch a batch's worth of rows, or all, and tell whether they were the last ones."""
        self.batches = []
        while self._whole or sum(batch.num_rows for batch in self.batches) < self._rows:
            batch = _next(reader)
            if batch is None:
                return True
            self.batches.append(batch)
        return False

    def more(self) -> bool:
        """Fetch the next batches, and tell whether others follow."""
        return not interruptibly(lambda: self._fetch(self.reader), self._stop)


def _streamed(opening: _Opening, session: Any) -> Iterator[pa.RecordBatch]:
    try:
        yield from opening.batches
        while opening.more():
            yield from opening.batches
        yield from opening.batches
    finally:
        session.release()


def _next(reader: Any) -> pa.RecordBatch | None:
    """Read the next batch, with DuckDB's own errors in place of those that Arrow makes of them."""
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
    except OSError as error:
        raise _own_error(str(error)) from None


def _own_error(text: str) -> Exception:
    import duckdb

    name = text.partition(" Error:")[0].title().replace(" ", "")
    class_ = getattr(duckdb, f"{name}Exception", duckdb.DatabaseError)
    error: Exception = class_(text)
    return error


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Refuse infinite dates, which Arrow would show as dates of the year 294247."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_timestamp(array.type) and not pa.types.is_date32(array.type):
            continue
        whole = array.view(pa.int32() if pa.types.is_date32(array.type) else pa.int64())
        limit = 2 ** (whole.type.bit_width - 1) - 1
        ends = pc.min_max(whole).as_py()
        if ends["max"] == limit or ends["min"] == -limit:
            raise _own_error(f"Out of Range Error: column {name!r} holds an infinite date")
    return batch
