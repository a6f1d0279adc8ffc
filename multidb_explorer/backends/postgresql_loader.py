"""COPY on the session that has the transaction open: in the server's binary form, or as text where there is none."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from multidb_explorer.backends.loaders import Load, Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

__all__ = ["BinaryCopyLoader", "TextCopyLoader"]

_FEW = 20
"""So few rows are written as quickly by the plain INSERT."""


class BinaryCopyLoader(Loader):
    """Sends the server's own binary form, encoded a column at a time."""

    name: ClassVar[str] = "copy binary"
    title: ClassVar[str] = "COPY in binary form"

    def refusal(self, load: Load) -> str:
        """Refuse a table that COPY treats otherwise than INSERT, and a type without an encoder."""
        if reason := _general(load):
            return reason
        from multidb_explorer.backends.postgresql_target import target

        found = target(load)
        return found.refusal(load.columns) or found.unencodable(load.columns)

    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Copy each batch by a statement of its own."""
        from multidb_explorer.backends.postgresql_encoding import SIGNATURE, TRAILER, rows
        from multidb_explorer.backends.postgresql_target import command, target

        encoders = target(load).encoders(load.columns)

        def encoded(piece: pa.RecordBatch) -> memoryview:
            return rows(piece.columns, encoders)

        return _copied(load, command(load, "binary"), batches, encoded, (SIGNATURE, TRAILER))


class TextCopyLoader(Loader):
    """Sends the text of each value, which every type of the server reads."""

    name: ClassVar[str] = "copy text"
    title: ClassVar[str] = "COPY of text"

    def refusal(self, load: Load) -> str:
        """Refuse a table that COPY treats otherwise than INSERT."""
        if reason := _general(load):
            return reason
        from multidb_explorer.backends.postgresql_target import target

        return target(load).refusal(load.columns)

    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Copy each batch by a statement of its own."""
        from multidb_explorer.backends.postgresql_target import command
        from multidb_explorer.backends.postgresql_texts import lines_of

        return _copied(load, command(load, "text"), batches, partial(lines_of, load.columns), (b"", b""))


def _general(load: Load) -> str:
    """Say what speaks against COPY at all."""
    session: Any = load.connection.connection.driver_connection
    if not hasattr(session, "pgconn") or not hasattr(session, "adapters"):
        return "it goes with psycopg only"
    if not load.columns:
        return "no column is given"
    return f"{load.rows} rows are written as quickly by INSERT" if load.rows is not None and load.rows <= _FEW else ""


def _copied(
    load: Load,
    sql: str,
    batches: Iterable[pa.RecordBatch],
    encode: Callable[[pa.RecordBatch], memoryview],
    ends: tuple[bytes, bytes],
) -> int:
    """Copy each batch by a statement of its own: between two of them the session is free, and hears an order to stop.

    The server takes in one piece of a batch while the next is being encoded.
    """
    from multidb_explorer.backends.pieces import pieces

    session: Any = load.connection.connection.driver_connection
    written = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        with _told(load, session), session.cursor() as cursor, cursor.copy(sql) as copy:
            copy.write(ends[0])
            for piece in pieces(batch):
                copy.write(encode(piece))
            copy.write(ends[1])
        written += batch.num_rows
    return written


@contextmanager
def _told(load: Load, session: Any) -> Iterator[None]:
    """Tell SQLAlchemy of a session that was lost, since the driver was called behind its back."""
    try:
        yield
    except Exception as error:
        if session.closed:
            load.connection.invalidate(error)
        raise
