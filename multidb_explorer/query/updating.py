"""From a QuerySet's state to the parts of an UPDATE or DELETE: which rows, and what they are set to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.visitors import iterate

from multidb_explorer.errors import FieldError, KeyRequired
from multidb_explorer.query.assembly import select
from multidb_explorer.query.expressions import Expression
from multidb_explorer.query.selection import Selection
from multidb_explorer.query.source import Bound
from multidb_explorer.query.state import Chosen, QueryState

__all__ = ["among", "assigned", "chosen_rows"]

Column = sa.ColumnElement[Any]


def chosen_rows(state: QueryState, bound: Bound) -> list[sa.ColumnElement[bool]]:
    """Give conditions on the table that hold for the rows of a QuerySet alone; its order is of no interest.

    Raises
    ------
    KeyRequired
        Where rows are chosen by more than their own columns and the table has no key.
    FieldError
        Where a row of the QuerySet is a group of the table's rows.
    """
    state = _bare(state)
    selection = Selection(bound, state)
    if selection.grouping == "values":
        raise FieldError(
            f"The rows of this QuerySet are groups of rows of {bound.name}; update and delete work on single rows: "
            f"leave out values() before the aggregate."
        )
    where = [condition.column for condition in selection.where]
    apart = selection.scope.joins or selection.having or selection.windowed or selection.grouping is not None
    if not apart and (bound.database.backend.features.looks_into_itself or not any(map(_asks, where))):
        return where
    return [among(state, bound, [bound.field(name).column for name in bound.key])]


def _bare(state: QueryState) -> QueryState:
    return state.but(
        order=(), flipped=False, distinct=False, fields=None, deferred=False, related=(), prefetched=(), lock=None
    )


def _asks(condition: Column) -> bool:
    return any(isinstance(part, sa.sql.selectable.SelectBase) for part in iterate(condition))


def among(state: QueryState, bound: Bound, columns: Sequence[Column]) -> sa.ColumnElement[bool]:
    """Choose rows of any table whose columns hold a key of the QuerySet's rows.

    Raises
    ------
    KeyRequired
        Where the table has no key.
    """
    if not bound.key:
        raise KeyRequired.missing(bound.database.alias, bound.table.name)
    selection = Selection(bound, _bare(state).then(Chosen(bound.key), shape="tuple"))
    # Below another table of its own it is neither taken for a part of the statement around it, nor refused by
    # products that don't read the table that they change.
    keys = select(selection, selection.outputs(), ordered=False, bare=True).subquery()
    return (columns[0] if len(columns) == 1 else sa.tuple_(*columns)).in_(sa.select(*keys.c))


def assigned(state: QueryState, bound: Bound, values: Mapping[str, Expression]) -> dict[str, Column]:
    """Give the SQL of what fields are set to, in terms of the row itself.

    Raises
    ------
    FieldError
        For an aggregate, a window, and a column of another table.
    """
    scope = Selection(bound, _bare(state)).scope
    found = {}
    for name, expression in values.items():
        resolved = expression.resolve(scope)
        if resolved.aggregate or resolved.window:
            what = "Aggregate functions" if resolved.aggregate else "Window expressions"
            raise FieldError(
                f"{what} are not allowed in update(): {name}={expression!r}. A subquery gives such a value."
            )
        _refuse_joined(name, expression, resolved.column, {join.table for join in scope.joins})
        found[name] = resolved.column
    return found


def _refuse_joined(name: str, expression: Expression, column: Column, joined: set[sa.FromClause]) -> None:
    if any(isinstance(part, sa.Column) and part.table in joined for part in iterate(column)):
        raise FieldError(
            f"Joined field references are not permitted in update(): {name}={expression!r}. "
            f"A subquery reads a related row: Subquery(Other.objects.filter(pk=OuterRef('...')).values('...'))."
        )
