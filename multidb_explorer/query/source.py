"""What a QuerySet reads: a table with its fields, and how a row of it becomes an instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import DoesNotExist, FieldError, MultipleObjectsReturned

__all__ = ["Bound", "Field", "Source"]


@dataclass(frozen=True)
class Field:
    """One column as a query sees it.

    Attributes
    ----------
    name
        How Python code calls it.
    column
        The column of the alias that is queried; its name may be spelt differently there.
    """

    name: str
    column: sa.Column[Any]
    kind: Kind
    nullable: bool = True
    primary_key: bool = False


@dataclass(frozen=True)
class Bound:
    """A source on one database: what exactly is read there."""

    database: Database
    name: str
    table: sa.Table
    fields: tuple[Field, ...]
    key: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by the name that Python code uses."""
        return {field.name: field for field in self.fields}

    def field(self, name: str) -> Field:
        """Give a field by name.

        Raises
        ------
        FieldError
            With near names.
        """
        if name not in self.by_name:
            raise FieldError.unknown("field", name, self.name, [*self.by_name, "pk"])
        return self.by_name[name]


class Source(Protocol):
    """What models supply to QuerySets, so that queries need no model."""

    name: str
    default_alias: str
    DoesNotExist: type[DoesNotExist]
    MultipleObjectsReturned: type[MultipleObjectsReturned]

    def bind(self, database: Database) -> Bound:
        """Find the table and columns on one database."""
        ...

    def instance(self, names: Sequence[str], row: Sequence[Any], alias: str) -> Any:
        """Make an instance of a row that was read from an alias."""
        ...
