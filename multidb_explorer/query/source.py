"""What a QuerySet reads: a table with its fields, and how a row of it becomes an instance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import DoesNotExist, FieldError, MultipleObjectsReturned

__all__ = ["Bound", "Field", "Hop", "Relation", "Source", "Writer"]


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
class Hop:
    """One step of a relation: a row of one table leads to rows of another.

    Attributes
    ----------
    target
        What is reached.
    columns, target_columns
        Fields that must be equal, of the side that is left and of the side that is reached.
    many
        Whether several rows may be reached from one.
    optional
        Whether none may be reached.
    """

    target: Source
    columns: tuple[str, ...]
    target_columns: tuple[str, ...]
    many: bool
    optional: bool


@dataclass(frozen=True)
class Relation:
    """How rows of one table belong to rows of another.

    Attributes
    ----------
    name
        How lookups call it.
    kind
        ``forward`` (this table holds the foreign key), ``backward`` (the other one does) or ``link`` (a third table
        holds both).
    hops
        One step, or two through a link table.
    attribute
        How instances call it: ``user``, ``order_set``.
    """

    name: str
    kind: str
    hops: tuple[Hop, ...]
    attribute: str

    @property
    def target(self) -> Source:
        """What it leads to."""
        return self.hops[-1].target

    @property
    def many(self) -> bool:
        """Whether one row may have several relatives."""
        return any(hop.many for hop in self.hops)


@dataclass(frozen=True)
class Bound:
    """A source on one database: what exactly is read there."""

    database: Database
    name: str
    table: sa.Table
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    source: Source

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by the name that Python code uses."""
        return {field.name: field for field in self.fields}

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What queries work out of the table alone and need again, each thing under a key of its own."""
        return {}

    @cached_property
    def paths(self) -> dict[str, tuple[Mapping[str, Relation] | None, Any]]:
        """Where keywords lead, each together with the relations by which that was found."""
        return {}

    @property
    def relations(self) -> Mapping[str, Relation]:
        """Relations by the name that lookups use."""
        return self.source.relations(self.database)

    def alias(self, taken: Collection[sa.FromClause]) -> sa.FromClause:
        """Give the table under another name than those that a statement has already.

        Queries share these names, since SQLAlchemy makes a new object for each column of every one.
        """
        number = 0
        while True:
            found: sa.FromClause | None = self.kept.get(f"alias {number}")
            if found is None:
                made = self.table.alias()
                # Its columns are made before another thread may see it.
                _ = made.c
                found = self.kept.setdefault(f"alias {number}", made)
            if found not in taken:
                return found
            number += 1

    def field(self, name: str) -> Field:
        """Give a field by name.

        Raises
        ------
        FieldError
            With near names.
        """
        if name not in self.by_name:
            raise FieldError.unknown("field", name, self.name, [*self.by_name, *self.relations, "pk"])
        return self.by_name[name]


class Source(Protocol):
    """What models supply to QuerySets, so that queries need no model."""

    name: str
    default_alias: str
    bound_alias: str | None
    DoesNotExist: type[DoesNotExist]
    MultipleObjectsReturned: type[MultipleObjectsReturned]

    def bind(self, database: Database) -> Bound:
        """Find the table and columns on one database."""
        ...

    def relations(self, database: Database) -> Mapping[str, Relation]:
        """Give the relations of its rows to rows of other tables on one database, by the name that lookups use."""
        ...

    def instance(
        self, names: Sequence[str], row: Sequence[Any], alias: str, annotations: Mapping[str, Any] | None = None
    ) -> Any:
        """Make an instance of a row that was read from an alias; annotations are carried along and never saved."""
        ...

    def related(self, instance: Any, relation: str, other: Any) -> None:
        """Keep a relative that was read together with an instance."""
        ...

    def prefetch(self, rows: Sequence[Any], lookups: Sequence[Any], alias: str) -> None:
        """Read the relatives of instances by one statement a relation, and keep them on the instances."""
        ...

    def unique_keys(self, database: Database) -> Sequence[tuple[str, ...]]:
        """Give the keys, primary and unique, of the table on a database, by fields."""
        ...

    def writer(self, queryset: Any, alias: str) -> Writer:
        """Give what writes the rows of a QuerySet to an alias."""
        ...


class Writer(Protocol):
    """What models supply to QuerySets that write; the QuerySet's own methods tell the rules."""

    def create(self, values: Mapping[str, Any]) -> Any:
        """Insert one row and give its instance."""
        ...

    def get_or_create(self, conditions: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Any, bool]:
        """Read a row or insert it."""
        ...

    def update_or_create(
        self, conditions: Mapping[str, Any], defaults: Mapping[str, Any], created: Mapping[str, Any]
    ) -> tuple[Any, bool]:
        """Change a row or insert it."""
        ...

    def bulk_create(
        self,
        objs: Iterable[Any],
        *,
        batch_size: int | None,
        ignore_conflicts: bool,
        update_conflicts: bool,
        update_fields: Sequence[str] | None,
        unique_fields: Sequence[str] | None,
    ) -> list[Any]:
        """Insert the rows of instances."""
        ...

    def upsert(
        self,
        objs: Iterable[Any],
        unique_fields: Sequence[str] | None,
        update_fields: Sequence[str] | None,
        batch_size: int | None,
    ) -> list[Any]:
        """Insert or update the rows of instances or dictionaries."""
        ...

    def bulk_update(self, objs: Iterable[Any], fields: Sequence[str], batch_size: int | None) -> int:
        """Update the rows of instances by their keys."""
        ...

    def update(self, values: Mapping[str, Any]) -> int:
        """Set fields in every row of the QuerySet."""
        ...

    def delete(self, *, cascade: bool) -> tuple[int, dict[str, int]]:
        """Delete every row of the QuerySet."""
        ...
