"""Queries inside queries: Subquery, Exists and the references from inside to outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import CrossDatabaseError, FieldError, FieldValueError
from multidb_explorer.query.expressions import Expression, F, Resolved
from multidb_explorer.query.output_kinds import as_kind

if TYPE_CHECKING:
    from multidb_explorer.query.scope import Scope
    from multidb_explorer.query.source import Hop

__all__ = ["Exists", "OuterRef", "Rows", "Subquery", "compared_rows"]


class OuterRef(F):
    """A name of the outer query, for use inside ``Subquery`` and ``Exists``.

    Examples
    --------
    >>> OuterRef("pk")
    OuterRef('pk')
    """

    def __init__(self, name: str | OuterRef) -> None:
        # OuterRef(OuterRef("pk")) means the query around the outer query.
        self.levels: int = name.levels + 1 if isinstance(name, OuterRef) else 1
        super().__init__(name.name if isinstance(name, OuterRef) else name)

    def resolve(self, scope: Scope) -> Resolved:
        found = self._outside(scope, self.levels)
        return Resolved(found.column, found.kind, found.nullable, stored=found.stored, strict=found.strict)

    def _outside(self, scope: Scope, levels: int) -> Resolved:
        outer = scope.outside()
        found = F.resolve(self, outer) if levels == 1 else self._outside(outer, levels - 1)
        scope.outer_columns.extend(found.groups)
        return found

    def __repr__(self) -> str:
        return f"OuterRef({self.name!r})"


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of an inner query, of which one column is compared with.

    Attributes
    ----------
    sure
        Whether the column holds no NULL and the rows are all that there are, so that they can stand as they are.
    """

    statement: sa.Select[Any]
    kind: Kind
    sure: bool = False


class Subquery(Expression):
    """The value of an inner query: one column, and of several rows the first is taken where it is sliced ``[:1]``.

    Parameters
    ----------
    queryset
        What is asked; it refers to the outer query by ``OuterRef``.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer
    >>> mdb.configure({"default": "sqlite://"})
    >>> class Visit(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    ...     user_id = Column(Integer)
    >>> Subquery(Visit.objects.filter(user_id=OuterRef("pk")).order_by("-id").values("id")[:1])
    Subquery(Visit)
    """

    def __init__(self, queryset: Any, output_field: Any = None) -> None:
        if not hasattr(queryset, "_source"):
            raise TypeError(f"{type(self).__name__} takes a QuerySet, not {type(queryset).__name__}.")
        self.queryset = queryset
        self.output_field = output_field

    def resolve(self, scope: Scope) -> Resolved:
        from multidb_explorer.query.compiler import subselect

        inner = subselect(self.queryset, scope)
        if len(inner.columns) != 1:
            raise FieldError(
                f"Subquery gives one value, and this one has {len(inner.columns)} columns; choose one with values()."
            )
        kind = as_kind(self.output_field) if self.output_field is not None else inner.columns[0].kind
        return Resolved(inner.statement.scalar_subquery(), kind, groups=tuple(inner.outer_columns))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.queryset._source.name})"


class Exists(Subquery):
    """Whether an inner query has any row.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer
    >>> mdb.configure({"default": "sqlite://"})
    >>> class Visit(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    ...     user_id = Column(Integer)
    >>> ~Exists(Visit.objects.filter(user_id=OuterRef("pk")))
    ~Exists(Visit)
    """

    conditional = True

    def resolve(self, scope: Scope) -> Resolved:
        from multidb_explorer.query.compiler import subselect

        inner = subselect(self.queryset, scope, testing=True)
        return Resolved(sa.exists(inner.statement), Kind("boolean"), nullable=False, groups=tuple(inner.outer_columns))


def compared_rows(queryset: Any, scope: Scope, relation: Hop | None, lookup: str) -> Rows | Resolved:
    """Compile a QuerySet on the right side of a lookup."""
    from multidb_explorer.query.compiler import subselect

    if lookup not in ("in", "exact", "gt", "gte", "lt", "lte"):
        raise FieldValueError(f"A QuerySet can't be compared by {lookup!r}; use __in.")
    state = queryset._state
    if lookup == "exact" and (state.stop is None or state.stop - state.start != 1):
        raise FieldValueError(
            "The QuerySet value for an exact lookup must be limited to one result using slicing; or use __in."
        )
    columns = () if relation is None or relation.many else relation.target_columns
    inner = subselect(queryset, scope, columns=columns or ("pk",))
    if len(inner.columns) != 1:
        raise FieldValueError(f"A QuerySet is compared by one column, and this one has {len(inner.columns)}.")
    kind = inner.columns[0].kind
    if lookup == "in":
        sure = not inner.columns[0].nullable and not state.sliced and state.combination is None
        return Rows(inner.statement, kind, sure)
    return Resolved(inner.statement.scalar_subquery(), kind, groups=tuple(inner.outer_columns))


def same_database(queryset: Any, alias: str) -> None:
    """Refuse an inner query of another database; one that is bound to none follows the outer one.

    Raises
    ------
    CrossDatabaseError
        The message names both aliases.
    """
    bound = queryset._state.alias or queryset._source.bound_alias
    if bound is not None and bound != alias:
        raise CrossDatabaseError.mixed(f"The inner query of {queryset._source.name}", bound, alias)
