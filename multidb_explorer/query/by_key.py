"""One row by its key: the statement is written once for each table, and every call gives it another key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from multidb_explorer.query.compiler import Compiled, compiled
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, Resolved
from multidb_explorer.query.scope import Scope
from multidb_explorer.query.source import Bound, Field
from multidb_explorer.query.state import QueryState, Where

__all__ = ["compiled_by_key", "key_alone"]

_ANYTHING = QueryState()


class _Given(Expression):
    """A value that each run of the statement brings along, under the name ``key``."""

    def __init__(self, field: Field) -> None:
        self._field = field

    def resolve(self, scope: Scope) -> Resolved:  # noqa: ARG002 -- it is the same in every scope
        return Resolved(sa.bindparam("key", type_=self._field.column.type), self._field.kind, nullable=False)


def key_alone(bound: Bound, state: QueryState, conditions: Mapping[str, Any]) -> int | None:
    """Give the key where a row is asked for by nothing else, and where that is one whole number.

    Other keys and questions go the way of all queries.
    """
    if len(conditions) != 1 or len(bound.key) != 1:
        return None
    ((name, value),) = conditions.items()
    field = bound.by_name[bound.key[0]]
    named = name == field.name or (name == "pk" and "pk" not in bound.by_name)
    if not named or type(value) is not int or field.kind.name != "integer":
        return None
    low, high = field.kind.integer_range
    # One row has no order, so it does not matter which one was asked for.
    plain = state.but(alias=None, order=(), flipped=False) == _ANYTHING
    return value if plain and low <= value <= high else None


def compiled_by_key(bound: Bound) -> Compiled:
    """Give the SELECT of at most two rows with the parameter ``key``: a second one is one too many."""
    found: Compiled | None = bound.kept.get("by key")
    if found is None:
        wanted = Where(Q(pk=_Given(bound.by_name[bound.key[0]])))
        found = bound.kept["by key"] = compiled(QueryState(steps=(wanted,), stop=2, any_order=True), bound)
    return found
