"""From a QuerySet's state to SQLAlchemy statements for one database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.blocks import block_of
from multidb_explorer.errors import CrossDatabaseError, FieldError, NotSupportedError, TransactionError
from multidb_explorer.query.assembly import UNORDERED, limited, one, rows_counted, select
from multidb_explorer.query.expressions import Expression, F, Ordering, Resolved
from multidb_explorer.query.output_kinds import common_kind
from multidb_explorer.query.scope import Scope
from multidb_explorer.query.selection import Output, Selection, as_ordering
from multidb_explorer.query.source import Bound
from multidb_explorer.query.state import Chosen, Combination, Lock, QueryState
from multidb_explorer.query.subqueries import same_database
from multidb_explorer.query.summary import Summary
from multidb_explorer.results.reading import Reading

__all__ = ["Compiled", "Inner", "aggregating", "compiled", "counting", "rendered", "row_by_row", "subselect", "testing"]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A QuerySet's SELECT and the columns that it reads."""

    reading: Reading
    outputs: tuple[Output, ...]


@dataclass(frozen=True, eq=False)
class Inner:
    """The SELECT of a subquery.

    Attributes
    ----------
    outer_columns
        What it refers to outside of itself.
    """

    statement: sa.Select[Any]
    columns: tuple[Resolved, ...]
    outer_columns: Sequence[sa.ColumnElement[Any]]


def compiled(state: QueryState, bound: Bound, *, compared: bool = False) -> Compiled:
    """Compile the SELECT of a QuerySet together with what its columns hold.

    Parameters
    ----------
    compared
        Whether the rows are compared with those of another QuerySet.
    """
    if state.combination is not None:
        return _combined(state, state.combination, bound)
    selection = Selection(bound, state, compared=compared)
    outputs = selection.outputs()
    statement = _held(select(selection, outputs), state.lock, bound)
    return Compiled(Reading(statement, _columns(outputs), state.most), tuple(outputs))


def _held(statement: sa.Select[Any], lock: Lock | None, bound: Bound) -> sa.Select[Any]:
    """Lock the rows of a statement where the product can."""
    database = bound.database
    if lock is None or not database.backend.features.row_locks:
        return statement
    if block_of(database) is None:
        raise TransactionError(
            f"select_for_update() on alias {database.alias!r} needs a transaction, at whose end the rows are free "
            f"again: write it inside 'with mdb.atomic({database.alias!r}):'."
        )
    return statement.with_for_update(nowait=lock.nowait, skip_locked=lock.skip_locked)


def row_by_row(state: QueryState, bound: Bound) -> bool:
    """Tell whether each row is one row of the table, in an order of its own columns."""
    selection = Selection(bound, state)
    names = [term.removeprefix("-") if isinstance(term, str) else "" for term in state.order]
    several = any(join.many for join in selection.scope.joins)
    plain = selection.grouping is None and not selection.windowed and not several
    return plain and all(name in bound.by_name or name == "pk" for name in names)


def _columns(outputs: Sequence[Output]) -> tuple[ResultColumn, ...]:
    return tuple(each.result for each in outputs)


def counting(state: QueryState, bound: Bound) -> sa.Select[Any]:
    """Compile the statement that counts a QuerySet's rows, its slice included."""
    if state.combination is not None:
        inner = _combined(state.but(order=() if not state.sliced else state.order), state.combination, bound)
        return sa.select(sa.func.count()).select_from(_select(inner).subquery())
    return rows_counted(Selection(bound, state))


def testing(state: QueryState, bound: Bound) -> sa.Select[Any]:
    """Compile the statement that tells whether there is any row."""
    if state.combination is not None:
        return (
            sa.select(sa.literal_column("1"))
            .select_from(_select(_combined(state.but(order=()), state.combination, bound)).subquery())
            .limit(1)
        )
    selection = Selection(bound, state)
    statement = select(selection, [_ONE], ordered=False, bare=True)
    return statement.limit(1) if state.stop is None else statement


_ONE = one("found")


def rendered(statement: sa.Executable, bound: Bound) -> str:
    """Write a statement as text for reading, its parameters below it; it is never run from this text."""
    dialect = bound.database.engine.dialect
    written = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    parameters = dict(written.params)
    return f"{written}\n-- parameters: {parameters}" if parameters else str(written)


# Aggregates of a whole QuerySet


def aggregating(state: QueryState, bound: Bound, items: Mapping[str, Expression]) -> Reading:
    """Compile the one-row SELECT of ``aggregate()``."""
    if state.combination is not None:
        raise NotSupportedError(
            f"aggregate() can't follow {state.combination.kind}(); take to_pandas() and aggregate the frame.",
            alias=bound.database.alias,
        )
    selection = Selection(bound, state)
    windows = selection.windowed or any(each.window for each in selection.scope.annotations.values())
    derived = selection.grouping is not None or state.sliced or state.distinct or windows
    scope = Summary(selection.scope) if derived else selection.scope
    outputs = []
    for name, expression in items.items():
        found = expression.resolve(scope)
        if not found.aggregate:
            raise TypeError(f"{name}={expression!r} is no aggregate, so aggregate() can't give one value of it.")
        scope.annotations[name] = found
        outputs.append(Output(name, found))
    if not isinstance(scope, Summary):
        return Reading(select(selection.whole(), outputs, ordered=False), _columns(outputs))
    return Reading(_outside(selection, scope, outputs), _columns(outputs))


def _outside(selection: Selection, scope: Summary, outputs: Sequence[Output]) -> sa.Select[Any]:
    """Aggregate over the rows of a derived table."""
    needed = scope.exported or [_ONE]
    if selection.state.distinct:
        needed = [*selection.outputs(), *scope.exported]
    table = select(selection, needed, ordered=bool(selection.state.sliced), bare=True).subquery()
    backend = selection.bound.database.backend
    columns = [backend.readable(each.found.column, each.found.kind).label(each.name) for each in outputs]
    return sa.select(*columns).select_from(table)


# Queries inside queries


def subselect(queryset: Any, scope: Scope, *, columns: Sequence[str] = (), testing: bool = False) -> Inner:
    """Compile an inner query in the scope of an outer one.

    Parameters
    ----------
    columns
        What is read where the inner query chose nothing.
    testing
        Whether only the existence of rows matters.

    Raises
    ------
    CrossDatabaseError
        When the inner query is bound to another database.
    """
    same_database(queryset, scope.database.alias)
    state: QueryState = queryset._state
    bound = queryset._source.bind(scope.database)
    if columns and not state.chosen:
        state = state.then(Chosen(tuple(columns)), shape="tuple")
    if state.empty:
        state = state.but(start=0, stop=0)
    if state.combination is not None:
        found = _combined(state, state.combination, bound)
        return Inner(_select(found), tuple(each.found for each in found.outputs), ())
    selection = Selection(bound, state, scope)
    outputs = [_ONE] if testing and not state.distinct else selection.outputs()
    statement = select(selection, outputs, ordered=bool(state.sliced), bare=True)
    return Inner(statement, tuple(each.found for each in outputs), selection.scope.outer_columns)


# Set operations

_OPERATIONS = {
    ("union", False): sa.union,
    ("union", True): sa.union_all,
    ("intersection", False): sa.intersect,
    ("difference", False): sa.except_,
}


def _combined(state: QueryState, combination: Combination, bound: Bound) -> Compiled:
    """Combine the rows of several QuerySets; order and slice follow afterwards."""
    parts = [_part(state, queryset, bound) for queryset in _asked(combination)]
    outputs = parts[0].outputs
    for part in parts[1:]:
        if len(part.outputs) != len(outputs):
            raise FieldError(
                f"The parts of a {combination.kind} have {len(outputs)} and {len(part.outputs)} columns; "
                f"choose the same number with values()."
            )
    kinds = [_shared_kind([part.outputs[place].found for part in parts]) for place in range(len(outputs))]
    outputs = tuple(replace(each, found=kind) for each, kind in zip(outputs, kinds, strict=True))
    statements = [_select(part) if _bare(part) else _derived(part) for part in parts]
    table = _OPERATIONS[combination.kind, combination.all](*statements).subquery()
    columns = [column.label(each.name) for column, each in zip(table.c, outputs, strict=True)]
    statement = sa.select(*columns).select_from(table).order_by(*_order(state, outputs, list(table.c), bound))
    return Compiled(Reading(limited(statement, state), _columns(outputs), state.most), outputs)


def _asked(combination: Combination) -> list[Any]:
    """Leave out parts that are known to have no rows, where that changes nothing."""
    parts = list(combination.parts)
    if combination.kind == "union":
        return [part for part in parts if not part._state.empty] or parts[:1]
    if combination.kind == "difference":
        return [parts[0], *(part for part in parts[1:] if not part._state.empty)]
    return parts


def _part(state: QueryState, queryset: Any, bound: Bound) -> Compiled:
    inner: QueryState = queryset._state
    if inner.alias not in (None, bound.database.alias):
        raise CrossDatabaseError.mixed(f"A part of {queryset._source.name}", str(inner.alias), bound.database.alias)
    if state.chosen and not inner.chosen:
        for step in state.steps:
            inner = inner.then(step)
        inner = inner.but(shape=state.shape)
    if inner.empty:
        inner = inner.but(start=0, stop=0)
    state = inner if inner.sliced else inner.but(order=())
    return compiled(state, queryset._source.bind(bound.database), compared=True)


def _select(found: Compiled) -> sa.Select[Any]:
    return cast("sa.Select[Any]", found.reading.statement)


def _bare(part: Compiled) -> bool:
    statement = _select(part)
    return statement._limit_clause is None and statement._offset_clause is None and not statement._order_by_clauses  # noqa: SLF001


def _derived(part: Compiled) -> sa.Select[Any]:
    """Put a part that has an order or a slice into a derived table: not every product takes it as it is."""
    table = _select(part).subquery()
    return sa.select(*table.c)


def _shared_kind(found: Sequence[Resolved]) -> Resolved:
    first = found[0]
    kinds = {each.kind for each in found}
    if len(kinds) == 1:
        return replace(first, nullable=any(each.nullable for each in found))
    kind = common_kind("A set operation", [each.kind for each in found])
    return replace(first, kind=kind, nullable=any(each.nullable for each in found), stored=False)


def _order(
    state: QueryState, outputs: Sequence[Output], columns: Sequence[Any], bound: Bound
) -> list[sa.ColumnElement[Any]]:
    """Order the rows of a set operation by its own columns; those not named decide between equals."""
    places = {each.name: place for place, each in enumerate(outputs)}
    if len(bound.key) == 1 and bound.key[0] in places:
        places.setdefault("pk", places[bound.key[0]])
    asked: dict[int, Ordering] = {}
    for term in state.order:
        ordering = as_ordering(term)
        name = getattr(ordering.expression, "name", "")
        if name not in places:
            raise FieldError.unknown("column", name or repr(ordering), "The set operation", places)
        asked.setdefault(places[name], ordering.reversed() if state.flipped else ordering)
    if asked or state.sliced:
        for place, each in enumerate(outputs):
            if each.found.kind.name not in UNORDERED:
                asked.setdefault(place, Ordering(F(each.name)))
    return [
        element
        for place, ordering in asked.items()
        for element in bound.database.backend.ordered(
            columns[place],
            descending=ordering.descending,
            nulls=ordering.nulls,
            nullable=outputs[place].found.nullable,
        )
    ]
