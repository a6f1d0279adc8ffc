"""A table that rows are written to, with all that a write has to know of it beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database

__all__ = ["Into", "Points", "Slot"]


@dataclass(frozen=True)
class Slot:
    """What one column takes.

    Attributes
    ----------
    optional
        Whether a row may leave it out: it may be NULL, has a default, or is numbered by the database.
    generated
        Whether the database computes every value, so that none can be given.
    """

    name: str
    kind: Kind
    nullable: bool = True
    optional: bool = True
    generated: bool = False

    @property
    def column(self) -> ResultColumn:
        """The column as readers and loaders describe it."""
        return ResultColumn(self.name, self.kind, self.nullable)


@dataclass(frozen=True, eq=False)
class Points:
    """A foreign key: columns that must hold what columns of another table hold, or NULL."""

    columns: tuple[str, ...]
    table: sa.Table
    target_columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Into:
    """A table of one database, as a write sees it.

    Attributes
    ----------
    slots
        All its columns, in order.
    key
        The primary key, else the first unique key without NULLs, else empty.
    uniques
        Every key that must be unique, the primary one first.
    points
        Its foreign keys.
    """

    database: Database
    table: sa.Table
    slots: tuple[Slot, ...]
    key: tuple[str, ...]
    uniques: tuple[tuple[str, ...], ...] = ()
    points: tuple[Points, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Slot]:
        """The columns by their names."""
        return {slot.name: slot for slot in self.slots}

    @property
    def where(self) -> str:
        """The table and its alias, for messages."""
        return f"table {self.table.name!r} on alias {self.database.alias!r}"
