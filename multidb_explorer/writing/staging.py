"""A temporary table with rows that shall be written, and the questions about them that only the database can answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.loaders import Load
from multidb_explorer.writing.into import Into, Points
from multidb_explorer.writing.loading import loaded
from multidb_explorer.writing.spooling import PLACE, Rows

__all__ = ["Stage", "stage"]


_WIDE = 2**62
"""A number that only a column of 64 bits holds: some products make the column as wide as its first value."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Rows of one set of columns as they lie in the temporary table.

    Attributes
    ----------
    place
        Its column that says where each row stood among those that were given.
    names
        The other columns, which are named and typed like the real table's.
    count
        How many rows there are.
    loader
        Who put them there.
    """

    connection: Connection
    table: sa.Table
    into: Into
    names: tuple[str, ...]
    count: int
    loader: str = ""

    @property
    def place(self) -> sa.ColumnElement[int]:
        """Where a row stood."""
        return self.table.c[PLACE.name]

    def same(self, columns: Sequence[str]) -> sa.ColumnElement[bool]:
        """Compare columns with those of the real table."""
        return sa.and_(*(self.into.table.c[name] == self.table.c[name] for name in columns))

    def whole(self, columns: Sequence[str]) -> sa.ColumnElement[bool]:
        """Ask for rows without NULL in some columns."""
        return sa.and_(*(self.table.c[name].is_not(None) for name in columns))

    # Who offends

    def repeated(self, columns: Sequence[str]) -> list[tuple[int, int]]:
        """Give the rows that have in some columns what an earlier row has, and that row."""
        keys = [self.table.c[name] for name in columns]
        numbered = (
            sa.select(
                self.place.label("place"),
                sa.func.min(self.place).over(partition_by=keys).label("first"),
            )
            .where(self.whole(columns))
            .subquery()
        )
        found = sa.select(numbered.c.place, numbered.c.first).where(numbered.c.place > numbered.c.first)
        return [(int(place), int(first)) for place, first in self.connection.execute(found)]

    def taken(self, columns: Sequence[str], key: Sequence[str] = ()) -> list[int]:
        """Give the rows that have in some columns what a row of the table has.

        Parameters
        ----------
        key
            Rows of the table that have the key of a staged row don't count, since they are going to be updated.
        """
        table = self.into.table
        there = sa.select(sa.literal(1)).select_from(table).where(self.same(columns))
        if key:
            other = self.table.alias()
            again = sa.and_(*(other.c[name] == table.c[name] for name in key))
            there = there.where(~sa.select(sa.literal(1)).select_from(other).where(again).correlate(table).exists())
        return self._places(there.correlate(self.table).exists())

    def orphans(self, points: Points, beside: Stage | None = None) -> list[int]:
        """Give the rows that refer to a row which neither exists nor is going to.

        Parameters
        ----------
        beside
            New rows of the table that is referred to.
        """
        tables = [points.table.alias(), *([] if beside is None else [beside.table.alias()])]
        lonely = [~self._refers(points, table) for table in tables]
        return self._places(sa.and_(self.whole(points.columns), *lonely))

    def _refers(self, points: Points, parents: sa.FromClause) -> sa.ColumnElement[bool]:
        pairs = zip(points.columns, points.target_columns, strict=True)
        there = sa.and_(*(parents.c[theirs] == self.table.c[mine] for mine, theirs in pairs))
        return sa.select(sa.literal(1)).select_from(parents).where(there).correlate(self.table).exists()

    def matching(self, key: Sequence[str]) -> sa.ColumnElement[bool]:
        """Ask for rows whose key a row of the table has."""
        there = sa.select(sa.literal(1)).select_from(self.into.table).where(self.same(key))
        return there.correlate(self.table).exists()

    def unmatched(self, key: Sequence[str]) -> list[int]:
        """Give the rows whose key no row of the table has."""
        return self._places(~self.matching(key))

    def _places(self, condition: sa.ColumnElement[bool]) -> list[int]:
        found = sa.select(self.place).where(condition).order_by(self.place)
        return [int(place) for (place,) in self.connection.execute(found)]


@contextmanager
def stage(connection: Connection, into: Into, rows: Rows, names: Sequence[str]) -> Iterator[Stage]:
    """Put some columns of rows, all of which give them, into a temporary table of this transaction."""
    backend, columns = into.database.backend, (*(into.by_name[name].column for name in names), PLACE)
    # The database copies its own types, lengths and collations: no copy of ours would be as true.
    chosen = [into.table.c[name] for name in names]
    like = sa.select(*chosen, sa.cast(sa.literal(_WIDE), sa.BigInteger).label(PLACE.name)).where(sa.false())
    made = sa.CreateTableAs(like, f"mdb_{secrets.token_hex(6)}", temporary=True)
    connection.execute(made)
    try:
        load = Load(connection, made.table, columns, rows.count)
        loader = loaded(backend, load, rows.placed(names), into.database.alias)
        yield Stage(connection, made.table, into, tuple(names), rows.count, loader.title)
    except Exception:
        # Not everywhere does it go with the transaction; where it does, it can't be dropped before.
        with suppress(Exception):
            backend.drop_temporary(connection, made.table)
        raise
    backend.drop_temporary(connection, made.table)
