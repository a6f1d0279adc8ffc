"""What names mean inside one SELECT: its tables, the joins that paths need, and its annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError, FieldValueError
from multidb_explorer.query.expressions import Resolved
from multidb_explorer.query.lookups import TRANSFORMS, Operand
from multidb_explorer.query.paths import Path, Step, find_path
from multidb_explorer.query.source import Bound, Field, Hop, Relation

if TYPE_CHECKING:
    from multidb_explorer.query.conditions import Q

__all__ = ["Aggregated", "Join", "Scope", "stored"]

T = TypeVar("T")


@dataclass(eq=False)
class Join:
    """A table in FROM, and how it hangs on another one.

    Attributes
    ----------
    step
        The relation and which of its hops led here; the same step from the same table may be shared.
    required
        Whether a row without a relative can't be in the result, so that an inner join will do.
    """

    table: sa.FromClause
    bound: Bound
    parent: Join | None = None
    step: Step = ("", 0)
    hop: Hop | None = None
    required: bool = False

    @cached_property
    def stored(self) -> dict[str, Resolved]:
        """The fields that were read of it, by name."""
        if self.parent is not None or self.table is not self.bound.table:
            return {}
        # The table itself, where a query starts, is the same in all queries.
        known: dict[str, Resolved] = self.bound.kept.setdefault("stored", {})
        return known

    @property
    def many(self) -> bool:
        """Whether it may give several rows for one row of its parent."""
        return self.hop is not None and self.hop.many

    def column(self, name: str) -> sa.ColumnElement[Any]:
        """Give a field's column in this table."""
        return self.table.c[self.bound.field(name).column.key]

    def chain(self) -> Iterator[Join]:
        """Give this join and those that it hangs on, without the table that the query starts at."""
        join: Join | None = self
        while join is not None and join.parent is not None:
            yield join
            join = join.parent

    @property
    def onclause(self) -> sa.ColumnElement[bool]:
        """The condition of the join."""
        if self.hop is None or self.parent is None:
            raise ValueError("The table that a query starts at is joined to nothing.")
        # Queries share tables and their aliases, so they can share what joins them.
        key = (self.parent.table, self.hop.columns, self.table, self.hop.target_columns)
        found: sa.ColumnElement[bool] | None = self.bound.kept.get(key)
        if found is None:
            pairs = zip(self.hop.columns, self.hop.target_columns, strict=True)
            equal = [self.parent.column(mine).__eq__(self.column(theirs)) for mine, theirs in pairs]
            found = self.bound.kept[key] = equal[0] if len(equal) == 1 else sa.and_(*equal)
        return found


@dataclass(eq=False)
class Aggregated:
    """An aggregate in use: its SQL and the joins that only it needs."""

    joins: dict[Join, None] = field(default_factory=dict)
    element: sa.ColumnElement[Any] | None = None


class Scope:
    """The names of one SELECT.

    Parameters
    ----------
    bound
        The table that the query starts at.
    outer
        The scope around it, for a subquery.
    conditions
        Compiles a condition in this scope.
    """

    summarizes: ClassVar[bool] = False
    """Whether names stand for columns of a derived table."""

    def __init__(
        self,
        bound: Bound,
        outer: Scope | None = None,
        *,
        conditions: Callable[[Scope, Q], Resolved],
    ) -> None:
        self.outer = outer
        self._conditions = conditions
        # One set for a statement and all its subqueries: no table has the same name twice in it.
        self.taken: set[sa.FromClause] = set() if outer is None else outer.taken
        table = bound.alias(self.taken) if outer is not None else bound.table
        self.taken.add(table)
        self.base = Join(table, bound)
        self.joins: list[Join] = []
        self.row_joins: dict[Join, None] = {}
        self.annotations: dict[str, Resolved] = {}
        self._relations: Mapping[str, Relation] | None = None
        self.aggregates: list[Aggregated] = []
        self.outer_columns: list[sa.ColumnElement[Any]] = []
        self.reuse: set[Join] | None = None
        self._kept: Aggregated | None = None

    @property
    def database(self) -> Database:
        """Where the query runs."""
        return self.base.bound.database

    @property
    def bound(self) -> Bound:
        """The table that the query starts at."""
        return self.base.bound

    # Names

    def named(self, name: str) -> Resolved:
        """Give an annotation or a field by its path, with transforms after it."""
        found, rest = self._annotation(name)
        if found is not None:
            return self._transformed(found, name, rest)
        path = self.path(name)
        if len(path.fields) > 1:
            raise FieldError(f"{name!r} is a key of {len(path.fields)} columns; name one of them.")
        return self._transformed(self.column(path), name, path.rest)

    def _annotation(self, name: str) -> tuple[Resolved | None, tuple[str, ...]]:
        """Take the longest part of a name that is an annotation."""
        if not self.annotations:
            return None, ()
        parts = name.split("__")
        for length in range(len(parts), 0, -1):
            found = self.annotations.get("__".join(parts[:length]))
            if found is not None:
                return found, tuple(parts[length:])
        return None, ()

    def _transformed(self, found: Resolved, name: str, transforms: tuple[str, ...]) -> Resolved:
        for transform in transforms:
            if transform not in TRANSFORMS:
                raise FieldError.unknown("field", name, self.bound.name, self.names)
            operand = TRANSFORMS[transform].apply(Operand(name, found.column, found.kind, self.database))
            found = Resolved(
                operand.column,
                operand.kind,
                found.nullable,
                (operand.column,) if found.groups else (),
                found.aggregate,
                found.window,
            )
        return found

    @property
    def names(self) -> list[str]:
        """Everything that a keyword may start with."""
        return [*self.annotations, *self.bound.by_name, *self.bound.relations, "pk"]

    def operand(self, keyword: str) -> tuple[Resolved | None, Path | None, tuple[str, ...]]:
        """Split a keyword into an annotation or a path, and what is left of it."""
        found, rest = self._annotation(keyword)
        if found is not None:
            return found, None, rest
        path = self.path(keyword)
        return None, path, path.rest

    def path(self, keyword: str) -> Path:
        """Follow a keyword over relations to fields.

        Raises
        ------
        FieldError
            With near names, for a start that is no field, relation or annotation.
        """
        return find_path(self.bound, keyword, self.annotations, self._its_relations)

    def _its_relations(self) -> Mapping[str, Relation]:
        if self._relations is None:
            self._relations = self.bound.relations
        return self._relations

    # Tables

    def column(self, path: Path) -> Resolved:
        """Give the one column at the end of a path; its joins are made."""
        join = self.join(path)
        (found,) = path.fields
        return stored(join, found)

    def join(self, path: Path) -> Join:
        """Make or share the joins of a path and give the last one."""
        join = self.base
        for step, hop in path.hops:
            join = self._shared(join, step, hop) or self._joined(join, step, hop)
        used = self._kept.joins if self._kept is not None else self.row_joins
        used.update(dict.fromkeys(join.chain()))
        return join

    def _shared(self, parent: Join, step: Step, hop: Hop) -> Join | None:
        for join in reversed(self.joins):
            same = join.parent is parent and join.step == step
            if same and (not hop.many or self.reuse is None or join in self.reuse):
                if self.reuse is not None:
                    self.reuse.add(join)
                return join
        return None

    def _joined(self, parent: Join, step: Step, hop: Hop) -> Join:
        bound = hop.target.bind(self.database)
        table = bound.alias(self.taken) if bound.table in self.taken else bound.table
        self.taken.add(table)
        join = Join(table, bound, parent, step, hop)
        self.joins.append(join)
        if self.reuse is not None:
            self.reuse.add(join)
        return join

    # What expressions ask

    def condition(self, condition: Q) -> Resolved:
        """Compile a condition that is a part of an expression."""
        return self._conditions(self, condition)

    @contextmanager
    def aggregating(self, aggregate: Any) -> Iterator[Aggregated]:
        """Note the joins that an aggregate needs, apart from those of the rows themselves."""
        if self._kept is not None:
            raise FieldError(f"{aggregate!r} stands inside another aggregate; give the inner one a name first.")
        self._kept = Aggregated()
        self.aggregates.append(self._kept)
        try:
            yield self._kept
        finally:
            self._kept = None

    def sharing(self, reuse: set[Join] | None, compile_: Callable[[], T]) -> T:
        """Compile what may share some joins to several rows: those of one ``filter()``, or ``None`` for all."""
        before, self.reuse = self.reuse, reuse
        try:
            return compile_()
        finally:
            self.reuse = before

    def inner(self, bound: Bound) -> Scope:
        """Open the scope of a subquery."""
        return Scope(bound, self, conditions=self._conditions)

    def outside(self) -> Scope:
        """Give the scope around this one.

        Raises
        ------
        FieldValueError
            Where there is none.
        """
        if self.outer is None:
            raise FieldValueError(
                "This query refers to an outer query by OuterRef, so it can only be used inside Subquery() or Exists()."
            )
        return self.outer


def stored(join: Join, field: Field) -> Resolved:
    """Give a stored column of a joined table; where the row may have no relative, it may be NULL."""
    found = join.stored.get(field.name)
    if found is None:
        column = join.column(field.name)
        nullable = field.nullable or join.parent is not None
        found = Resolved(column, field.kind, nullable, (column,), stored=True, strict=not field.nullable)
        join.stored[field.name] = found
    return found
