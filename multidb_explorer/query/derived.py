"""A QuerySet's rows as a table to ask more of: whatever it filters, computes, groups, slices or combines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.query import compiler
from multidb_explorer.query.assembly import select
from multidb_explorer.query.selection import Output, Selection
from multidb_explorer.query.source import Bound
from multidb_explorer.query.state import QueryState

__all__ = ["Column", "Derived", "derived"]

_WITHOUT_EQUALITY = ("json", "binary", "array")
_AS_TEXT = ("enum", "other")


@dataclass(frozen=True, eq=False)
class Column:
    """One column of the rows.

    Attributes
    ----------
    kind
        What its values are once they are comparable; `declared` says what they are as they are stored.
    element
        Its values, in a form that is equal and ordered alike in every product; ``None`` where there is none.
    """

    name: str
    declared: Kind
    kind: Kind
    nullable: bool
    stored: sa.ColumnElement[Any]
    element: sa.ColumnElement[Any] | None

    @property
    def present(self) -> sa.ColumnElement[bool]:
        """Whether there is a value."""
        # Of some types SQLAlchemy knows no operators, but every column can be NULL.
        return sa.type_coerce(self.stored, sa.Text()).is_not(None)


@dataclass(frozen=True, eq=False)
class Derived:
    """The rows of a QuerySet on its database."""

    database: Database
    table: sa.FromClause
    columns: tuple[Column, ...]


def derived(state: QueryState, bound: Bound, name: str | None = None) -> Derived:
    """Make a table of a QuerySet's rows.

    Parameters
    ----------
    name
        The only column that is needed, if it is one of those that the QuerySet reads.
    """
    statement, outputs = _statement(replace(state, start=0, stop=0) if state.empty else state, bound, name)
    table = statement.cte("data")
    found = zip(outputs, table.c, strict=True)
    columns = tuple(_column(bound.database, output, column) for output, column in found)
    return Derived(bound.database, table, tuple(each for each in columns if name in (None, each.name)))


def _statement(state: QueryState, bound: Bound, name: str | None) -> tuple[sa.Select[Any], tuple[Output, ...]]:
    if state.combination is not None:
        found = compiler.compiled(state, bound)
        return cast("sa.Select[Any]", found.reading.statement), found.outputs
    selection = Selection(bound, state)
    outputs = tuple(selection.outputs())
    # Which rows are distinct is decided by all that is read.
    if name is not None and not state.distinct:
        outputs = tuple(output for output in outputs if output.name == name)
    return select(selection, outputs, ordered=bool(state.sliced), bare=True), outputs


def _column(database: Database, output: Output, column: sa.ColumnElement[Any]) -> Column:
    kind, backend = output.found.kind, database.backend
    element: sa.ColumnElement[Any] = column
    known = kind
    if kind.name in _AS_TEXT:
        known = Kind("text")
        element = backend.cast(column, kind, known)
    elif kind.name in ("integer", "boolean") and not isinstance(column.type, sa.Integer | sa.Boolean):
        # An integer that the product itself takes for something else: an object's number, a bit.
        element = backend.cast(column, kind, Kind("integer"))
    if known.name == "text":
        element = backend.by_code_points(element)
    comparable = element if kind.name not in _WITHOUT_EQUALITY else None
    return Column(output.name, kind, known, output.found.nullable, column, comparable)
