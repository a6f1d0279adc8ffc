"""Write many rows: all of them in one transaction, or none, or all those that the table takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.loaders import Load
from multidb_explorer.connections.blocks import block_of
from multidb_explorer.errors import DatabaseError, DataError, IntegrityError
from multidb_explorer.writing.into import Into
from multidb_explorer.writing.loading import loaded
from multidb_explorer.writing.merging import merge
from multidb_explorer.writing.offending import Offence, Offender, offending, rejected, tried
from multidb_explorer.writing.rejecting import Rejections
from multidb_explorer.writing.spooling import Rows

__all__ = ["Counts", "insert", "replace", "upsert"]


@dataclass(frozen=True)
class Counts:
    """How many rows of a table are new, were matched and set, and are gone."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    loader: str = ""


def insert(into: Into, rows: Rows, rejections: Rejections, *, collect: bool = False) -> Counts:
    """Insert checked rows in one transaction; inside an open `atomic` block it is a part of that one.

    Parameters
    ----------
    rejections
        What was found so far; rows that break a rule of the database are added.
    collect
        Whether the other rows are written where some are rejected.

    Raises
    ------
    RowsRejected
        With all rejections, unless they are collected; nothing was written.
    DatabaseError
        What the database said where no row is to blame.
    """
    return _Writing(into, rejections, collect=collect, run=lambda c, some: _load(c, into, some)).done(rows)


def upsert(
    into: Into,
    rows: Rows,
    rejections: Rejections,
    *,
    key: Sequence[str],
    update: Sequence[str] | None = None,
    collect: bool = False,
) -> Counts:
    """Update the rows of the table that have the keys of the given ones, and insert the others; as `insert`.

    Parameters
    ----------
    key
        Columns that are unique in the table.
    update
        The columns to update; all that are given and not part of the key if not given.
    """

    def run(connection: Connection, some: Rows) -> Counts:
        done = merge(connection, into, some, key, update)
        return Counts(done.inserted, done.matched, loader=done.loader)

    return _Writing(into, rejections, collect=collect, run=run, key=tuple(key)).done(rows)


def replace(into: Into, rows: Rows, rejections: Rejections, *, collect: bool = False) -> Counts:
    """Delete all rows of the table and insert the given ones, in one transaction; as `insert`."""

    def run(connection: Connection, some: Rows) -> Counts:
        gone = into.database.backend.matched(connection, sa.delete(into.table))
        done = _load(connection, into, some)
        return Counts(done.inserted, deleted=gone, loader=done.loader)

    return _Writing(into, rejections, collect=collect, run=run, empty=True).done(rows)


def _load(connection: Connection, into: Into, rows: Rows) -> Counts:
    backend, loader = into.database.backend, ""
    for some in rows.each():
        (part,) = some.parts
        load = Load(connection, into.table, part.columns, some.count)
        loader = loaded(backend, load, part.batches(), into.database.alias).title
    return Counts(rows.count, loader=loader)


_ROUNDS = 5
"""So often others may change what the rows refer to while they are being written."""


@dataclass(frozen=True)
class _Writing:
    """One write, from checked rows to its end.

    Attributes
    ----------
    run
        Writes rows in an open transaction.
    key
        The key of an upsert.
    empty
        Whether the table's own rows go first.
    """

    into: Into
    rejections: Rejections
    collect: bool
    run: Callable[[Connection, Rows], Counts]
    key: tuple[str, ...] = ()
    empty: bool = False

    def done(self, rows: Rows) -> Counts:
        """Write the rows, or those of them that can be written."""
        if self.rejections.count and not self.collect:
            raise self.rejections.error()
        for _ in range(_ROUNDS):
            try:
                with self.into.database.begin() as connection:
                    return self.run(connection, rows)
            except (IntegrityError, DataError) as error:
                offenders = self._offenders(rows)
                if not offenders:
                    raise
                cause: Exception = error
            except Offence as error:
                offenders, cause = error.offenders, error
            self.rejections.extend(rejected(rows, offenders, self.key or self.into.key))
            if not self.collect:
                raise self.rejections.error() from cause
            rows = rows.without([offender.place for offender in offenders])
        with self.into.database.begin() as connection:
            return self.run(connection, rows)

    def _offenders(self, rows: Rows) -> list[Offender]:
        """Find the rows that are to blame, now that the write was undone."""
        database = self.into.database
        if block_of(database) is not None and not database.backend.features.savepoints:
            # The block can't go on, so there is nobody left to ask.
            return []
        try:
            with database.begin() as connection:
                found = offending(connection, self.into, rows, key=self.key, empty=self.empty)
        except DatabaseError:
            found = []
        rest = rows.without([offender.place for offender in found]) if found else rows
        return [*found, *tried(self.into, rest, self.run)] if rest.count else found
