"""DuckDB's own Arrow: the engine's vectors as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.pool import NullPool

from multidb_explorer.backends.readers import Reader, Request

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
            yield declared(batch, request.columns)


def _native(request: Request) -> Iterator[pa.RecordBatch]:
    from multidb_explorer.backends.duckdb_dialect import RELATION

    connection = request.connection
    relations: list[Any] = []
    connection.execute(request.statement, execution_options={RELATION: relations})
    alone = isinstance(connection.engine.pool, NullPool)
    alone = alone and connection.get_execution_options().get("multidb_session") != "writes"
    reader = _open_reader(relations[0], request.batch_rows)
    if not alone:
        # While a reader is open its connection runs nothing else, and here others share it.
        return iter(_drained(reader))
    session: Any = connection.connection.driver_connection
    session.reader = reader
    return _streamed(reader, session)


def _open_reader(relation: Any, batch_rows: int) -> Any:
    # Named `fetch_arrow_reader` before DuckDB 2.
    opener = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    return opener(batch_rows)


def _drained(reader: Any) -> list[pa.RecordBatch]:
    try:
        return [_checked(batch) for batch in _batches(reader)]
    finally:
        reader.close()


def _streamed(reader: Any, session: Any) -> Iterator[pa.RecordBatch]:
    try:
        for batch in _batches(reader):
            yield _checked(batch)
    finally:
        session.release()


def _batches(reader: Any) -> Iterator[pa.RecordBatch]:
    """Yield the batches, with DuckDB's own errors in place of those that Arrow makes of them."""
    try:
        yield from reader
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
