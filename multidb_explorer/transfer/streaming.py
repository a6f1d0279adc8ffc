"""Many rows from a query of one database into a table of another: batch by batch, so that memory does not grow.

Each batch is read, brought to the target's types and loaded; meanwhile a second thread works out its digest. What the
table holds afterwards is digested in the same way, and the two are compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load
from multidb_explorer.backends.moving import Keeps
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.results.reading import Reading, request
from multidb_explorer.results.stream import read_batches
from multidb_explorer.transfer.converting import converted, in_utc
from multidb_explorer.transfer.digest import Digest
from multidb_explorer.writing.into import Into, Slot
from multidb_explorer.writing.loading import loaded
from multidb_explorer.writing.validating import fit

__all__ = [
    "Progress",
    "Streamed",
    "Terms",
    "columns_of",
    "compared_as",
    "digest_of",
    "fitted",
    "stream",
    "stream_as_is",
]

BATCH_ROWS = 32_768

Progress = Callable[[int, int], object]
"""Is told how many rows and bytes have come since the last time."""


@dataclass(frozen=True)
class Terms:
    """What is known of the columns that rows go into.

    Attributes
    ----------
    proven
        Those that take whatever comes (a `Proof`), so that values need no second look.
    accepted
        Those that keep moments in time as dates and times of UTC, since the user said so.
    kinds
        What each column is compared as (see `compared_as`); by its own kind where it is empty.
    """

    proven: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Streamed:
    """What was written.

    Attributes
    ----------
    digest
        Of the rows in the form in which the target holds them; ``None`` where they were handed over unlooked at.
    """

    count: int
    digest: Digest | None


def stream(
    source: Database,
    reading: Reading,
    into: Into,
    names: Sequence[str],
    connection: Connection,
    terms: Terms | None = None,
    *,
    progress: Progress | None = None,
) -> Streamed:
    """Load what a query gives into a table, in an open transaction.

    Parameters
    ----------
    reading
        A query of the source.
    names
        The table's column for each of the query's, in order.
    connection
        The target's, with the transaction open.
    terms
        What is known of the columns.

    Raises
    ------
    ValueNotRepresentable
        For a value that its column can't hold exactly; the transaction must be rolled back then.
    """
    slots = [into.by_name[name] for name in names]
    columns, terms = tuple(slot.column for slot in slots), terms or Terms()
    known = terms.proven | terms.accepted
    with (
        _Digesting(terms.kinds or [slot.kind for slot in slots]) as digesting,
        closing(_batches(source, reading)) as batches,
    ):

        def passing() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                made = fitted(_in_utc(batch, slots, terms.accepted), slots, into, known)
                digesting.add(made)
                yield made
                if progress is not None:
                    progress(made.num_rows, made.nbytes)

        loaded(into.database.backend, Load(connection, into.table, columns), passing(), into.database.alias)
        found = digesting.done()
    return Streamed(found.count, found)


def stream_as_is(
    source: Database,
    reading: Reading,
    into: Into,
    names: Sequence[str],
    connection: Connection,
    *,
    progress: Progress | None = None,
) -> Streamed | None:
    """Let one product hand rows over to itself as they are; ``None`` where it can't, and nothing was done."""
    backend = into.database.backend
    if type(source.backend) is not type(backend):
        return None
    load = Load(connection, into.table, tuple(into.by_name[name].column for name in names))
    with closing(_handed(source, reading, load, progress)) as pieces:
        if next(pieces, None) is None:
            return None
        return Streamed(backend.taken(load, pieces), None)


def _handed(
    source: Database, reading: Reading, load: Load, progress: Progress | None
) -> Generator[tuple[int, bytes], None, None]:
    """Yield nothing at all if rows can't be handed over; else nothing in particular, and then the rows.

    What goes wrong in here is the source's.
    """
    with source.connect() as lent:
        asked = request(source, lent, reading, BATCH_ROWS)
        if source.backend.passing(asked, load):
            return
        yield 0, b""
        for rows, piece in source.backend.handed(asked):
            yield rows, piece
            if progress is not None:
                progress(rows, len(piece))


def digest_of(
    database: Database, reading: Reading, kinds: Sequence[Kind], *, progress: Progress | None = None
) -> Digest:
    """Read what a query gives, and digest it.

    Parameters
    ----------
    kinds
        What each column is compared as.
    """
    with _Digesting(kinds) as digesting, closing(_batches(database, reading)) as batches:
        for batch in batches:
            digesting.add(batch)
            if progress is not None:
                progress(batch.num_rows, batch.nbytes)
        return digesting.done()


def compared_as(slots: Iterable[Slot], keeps: Mapping[str, Keeps]) -> list[Kind]:
    """Tell what columns are compared as: JSON that is kept as it is written by its text, which is soon done.

    Parameters
    ----------
    keeps
        What `Backend.keeps` says of the table.

    Examples
    --------
    >>> [kind.name for kind in compared_as([Slot("doc", Kind("json"))], {})]
    ['text']
    """
    return [_compared_as(slot, keeps.get(slot.name, Keeps())) for slot in slots]


def _compared_as(slot: Slot, keeps: Keeps) -> Kind:
    return Kind("text") if slot.kind.name == "json" and not keeps.rewrites else slot.kind


def columns_of(database: Database, table: sa.Table, columns: Sequence[ResultColumn]) -> Reading:
    """Read some columns of a whole table."""
    readable = database.backend.readable
    chosen = [readable(table.c[column.name], column.kind).label(column.name) for column in columns]
    return Reading(sa.select(*chosen).select_from(table), tuple(columns))


def _batches(database: Database, reading: Reading) -> Generator[pa.RecordBatch, None, None]:
    yield from read_batches(database, reading, BATCH_ROWS)


# From one batch to the other


def _in_utc(batch: pa.RecordBatch, slots: Sequence[Slot], names: Collection[str]) -> pa.RecordBatch:
    arrays = [
        in_utc(array, slot.kind) if slot.name in names else array
        for array, slot in zip(batch.columns, slots, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def fitted(batch: pa.RecordBatch, slots: Sequence[Slot], into: Into, proven: Collection[str]) -> pa.RecordBatch:
    """Bring a batch to the types of a table's columns.

    Raises
    ------
    ValueNotRepresentable
        For the first value that its column can't hold exactly.
    """
    arrays = [
        _column(array, slot, into, proven=slot.name in proven) for array, slot in zip(batch.columns, slots, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema([slot.column for slot in slots]))


def _column(array: pa.Array, slot: Slot, into: Into, *, proven: bool) -> pa.Array:
    found = converted(array, slot.kind) if proven else None
    if found is not None:
        return found
    fitted = fit(array, slot, into.database.backend, into.where)
    if fitted.reasons:
        first = fitted.reasons[min(fitted.reasons)]
        raise ValueNotRepresentable(first.message, column=slot.name)
    if not slot.nullable and fitted.array.null_count:
        raise ValueNotRepresentable(f"Column {slot.name!r} of {into.where} can't be NULL.", column=slot.name)
    return fitted.array


# Beside it

_AHEAD = 2
"""So many batches wait for their digest at most."""


class _Digesting:
    """Works out digests in a thread of its own, while the databases work."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._digest = Digest(kinds)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="multidb-digest")
        self._waiting: deque[Future[pa.Array]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, batch: pa.RecordBatch) -> None:
        """Hand a batch over; wait if too many are there."""
        while len(self._waiting) >= _AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._digest.add, batch))

    def done(self) -> Digest:
        """Wait for all and give what they come to."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._digest
