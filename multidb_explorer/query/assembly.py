"""From a selection to one SELECT: joins, groups, order, and the derived tables that keep numbers right.

Aggregates over different relations to several rows would multiply each other if they stood in one join. Each set of
such relations gets its own grouped table here, and these are joined by their keys.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError, NotSupportedError
from multidb_explorer.query.expressions import Ordering, Resolved
from multidb_explorer.query.scope import Aggregated, Join, stored
from multidb_explorer.query.selection import Output, Selection
from multidb_explorer.query.state import QueryState

__all__ = ["UNORDERED", "in_order", "limited", "one", "rows_counted", "select"]

Column = sa.ColumnElement[Any]
UNORDERED = ("json", "array", "other", "any")
"""Kinds that databases don't agree on the order of."""


@dataclass(frozen=True, eq=False)
class _Core:
    """FROM, WHERE, GROUP BY and HAVING; `move` brings an element to where it can be read from that FROM."""

    tables: sa.FromClause
    where: Sequence[Column] = ()
    groups: Sequence[Column] = ()
    having: Sequence[Column] = ()
    move: Callable[[Column], Column] | None = None

    def moved(self, element: Column) -> Column:
        return element if self.move is None else self.move(element)

    def select(self, columns: Sequence[Column], start: sa.Select[Any] | None = None) -> sa.Select[Any]:
        """Write the SELECT; `start` has its first columns already."""
        columns = [self.moved(column) for column in columns]
        if start is None:
            found = sa.select(*columns).select_from(self.tables)
        else:
            found = (start.add_columns(*columns) if columns else start).select_from(self.tables)
        # Each of these methods copies the whole statement.
        if self.where:
            found = found.where(*self.where)
        if self.groups:
            found = found.group_by(*self.groups)
        return found.having(*self.having) if self.having else found


@dataclass(frozen=True, eq=False)
class _Term:
    """One term of the final order."""

    found: Resolved
    ordering: Ordering


def select(
    selection: Selection, outputs: Sequence[Output], *, ordered: bool = True, bare: bool = False
) -> sa.Select[Any]:
    """Assemble the SELECT of some outputs.

    Parameters
    ----------
    ordered
        Whether the order matters; a slice always has one.
    bare
        Whether the statement is for another one to use, so that no value needs the form that reading wants.
    """
    state = selection.state
    terms = _terms(selection, outputs) if (ordered or state.sliced) and not state.any_order else []
    core = _core(selection, outputs, terms)
    if selection.windowed or (state.distinct is True and _hidden(selection, outputs, terms)):
        columns = [_labelled(output, selection, bare=bare) for output in outputs]
        statement = _wrapped(selection, core, outputs, columns, terms)
    else:
        start, rest = _begun(selection, core, outputs, bare=bare)
        statement = core.select([_labelled(output, selection, bare=bare) for output in rest], start)
        if state.distinct is True:
            statement = statement.distinct()
        elif state.distinct:
            statement = _distinct_on(selection, core, statement)
        if terms:
            statement = statement.order_by(*_order(selection, terms, core.moved))
    return _correlated(selection, limited(statement, state))


def _begun(
    selection: Selection, core: _Core, outputs: Sequence[Output], *, bare: bool
) -> tuple[sa.Select[Any] | None, Sequence[Output]]:
    """Give the SELECT of the table's own columns, written once for all queries, and the outputs that it lacks."""
    own = selection.bound.kept.get("outputs")
    apart = bare or selection.state.distinct or selection.compared or core.move is not None
    if apart or not own or len(outputs) < len(own) or not all(map(operator.is_, own, outputs)):
        return None, outputs
    kept = selection.bound.kept
    if "select" not in kept:
        columns, table = [_labelled(output, selection, bare=False) for output in own], selection.bound.table
        whole = len(columns) == len(table.c) and all(map(operator.is_, columns, table.c))
        # SQLAlchemy finds a statement that it compiled before by all of its parts, and a table is a single one.
        kept["select"] = sa.select(table) if whole else sa.select(*columns)
    return kept["select"], outputs[len(own) :]


def rows_counted(selection: Selection, columns: Sequence[Output] | None = None) -> sa.Select[Any]:
    """Count the rows of a selection, its slice included."""
    state = selection.state
    plain = selection.grouping is None and not (state.sliced or state.distinct or selection.windowed)
    if plain and not columns:
        core = _core(selection, [], [])
        return core.select([sa.func.count()])
    single = selection.grouping == "values" and not selection.keys
    outputs = columns or (selection.outputs() if state.distinct or single else [one("one")])
    inner = select(selection, outputs, ordered=state.distinct not in (True, False), bare=True)
    return sa.select(sa.func.count()).select_from(inner.subquery())


def limited(statement: sa.Select[Any], state: QueryState) -> sa.Select[Any]:
    """Put the slice on a statement."""
    if state.stop is not None:
        statement = statement.limit(max(0, state.stop - state.start))
    return statement.offset(state.start) if state.start else statement


def one(name: str) -> Output:
    """Give a constant to read where only the rows themselves matter."""
    return Output(name, Resolved(sa.literal_column("1"), Kind("integer"), nullable=False))


def _labelled(output: Output, selection: Selection, *, bare: bool) -> Column:
    column = output.found.column
    if not bare:
        column = selection.bound.database.backend.readable(column, output.found.kind)
    if selection.state.distinct or selection.compared:
        column = _told_apart(selection, column)
    own = output.field is not None and output.field.name == output.name
    if own and isinstance(column, sa.Column):
        return column
    return column.label(output.name)


def _told_apart(selection: Selection, column: Column) -> Column:
    """Give a text in a form in which only the same text is equal to it."""
    backend = selection.bound.database.backend
    merged = backend.features.merges_texts and isinstance(column.type, sa.String)
    return backend.by_code_points(column) if merged else column


def _exact(selection: Selection, keys: Sequence[Column]) -> list[Column]:
    """Group by texts as they are; the column itself stays a key, since what is read of a group may name it."""
    exact = [(_told_apart(selection, key), key) for key in keys]
    return [each for apart, key in exact for each in ((key,) if apart is key else (apart, key))]


def _correlated(selection: Selection, statement: sa.Select[Any]) -> sa.Select[Any]:
    if selection.outer is None:
        return statement
    return statement.correlate_except(*selection.own_tables)


# Order


def _terms(selection: Selection, outputs: Sequence[Output]) -> list[_Term]:
    """Give the terms of the order, completed by what decides between equals, so that pages never overlap."""
    state = selection.state
    found: dict[int, _Term] = {}
    for resolved, ordering in selection.orderings(state.order):
        if _varies(resolved):
            found.setdefault(id(resolved.column), _Term(resolved, ordering))
    if state.order or state.sliced or state.flipped:
        for resolved in _deciding(selection, outputs):
            if resolved.kind.name not in UNORDERED and _varies(resolved):
                found.setdefault(id(resolved.column), _Term(resolved, _ASCENDING))
    terms = list(found.values())
    return [replace(term, ordering=term.ordering.reversed()) for term in terms] if state.flipped else terms


def _varies(found: Resolved) -> bool:
    """Tell whether rows can differ in it; a constant orders nothing, and a number would be taken for a column."""
    return bool(found.groups) or found.aggregate or found.window


_ASCENDING = Ordering(expression=None)  # type: ignore[arg-type]


def _deciding(selection: Selection, outputs: Sequence[Output]) -> Iterable[Resolved]:
    if selection.state.distinct:
        return [output.found for output in outputs]
    if selection.grouping == "values":
        return [output.found for output in outputs if not output.found.aggregate] + [
            Resolved(key, outputs[0].found.kind) for key in selection.keys if isinstance(key, sa.Column) and outputs
        ]
    scope = selection.scope
    joins = [scope.base, *(join for join in scope.row_joins if join.many and selection.grouping is None)]
    return [stored(join, join.bound.field(name)) for join in joins for name in join.bound.key]


def in_order(database: Database, found: Resolved, column: Column) -> Column:
    """Give the form in which an expression is ordered: a computed text by code points, since it has no collation."""
    computed = found.kind.name == "text" and not found.stored
    return database.backend.by_code_points(column) if computed else column


def _order(selection: Selection, terms: Sequence[_Term], move: Callable[[Column], Column]) -> list[Column]:
    backend = selection.bound.database.backend
    return [
        element
        for term in terms
        for element in backend.ordered(
            in_order(selection.bound.database, term.found, move(term.found.column)),
            descending=term.ordering.descending,
            nulls=term.ordering.nulls,
            nullable=term.found.nullable,
        )
    ]


def _hidden(selection: Selection, outputs: Sequence[Output], terms: Sequence[_Term]) -> bool:
    """Tell whether the order needs something that is not read, or not in the form in which it is read."""
    database = selection.bound.database
    parts = (part for output in outputs for part in iterate(output.found.column))
    if not any(isinstance(part, sa.Column) for part in parts):
        # Of constants some products count the rows before they are made distinct.
        return True
    read = {id(output.found.column) for output in outputs}
    columns = [(term.found, term.found.column) for term in terms]
    return any(id(column) not in read or in_order(database, found, column) is not column for found, column in columns)


def _wrapped(
    selection: Selection, core: _Core, outputs: Sequence[Output], columns: Sequence[Column], terms: Sequence[_Term]
) -> sa.Select[Any]:
    """Select from a derived table, where a condition or an order needs more than what is read."""
    _refuse_correlated(selection)
    hidden = {id(term.found.column): term.found.column for term in terms}
    if selection.state.distinct is True:
        for output in outputs:
            hidden.pop(id(output.found.column), None)
    ordering = [_told_apart(selection, each).label(f"order_{place}") for place, each in enumerate(hidden.values())]
    parts: dict[int, Column] = {}
    known = {id(each.found.column): each.name for each in outputs if isinstance(each.found.column, sa.Over)}
    conditions = [_outer_condition(selection, each, parts, known) for each in selection.windowed]
    kept = [part.label(f"part_{place}") for place, part in enumerate(parts.values())]
    inner = core.select([*columns, *ordering, *kept])
    distinct = selection.state.distinct is True
    if conditions and distinct and hidden:
        table = inner.subquery()
        inner, conditions = sa.select(*list(table.c)[: len(columns) + len(hidden)]).where(*conditions), []
    if distinct and not conditions:
        inner = inner.distinct()
    table = inner.subquery()
    found = list(table.c)
    read, rest = found[: len(columns)], found[len(columns) :]
    places = {id(output.found.column): column for output, column in zip(outputs, read, strict=True)}
    places |= dict(zip(hidden, rest, strict=False))
    named = [column.label(output.name) for column, output in zip(read, outputs, strict=True)]
    statement = sa.select(*named).select_from(table).where(*conditions)
    # Rows are told apart after those that a condition drops are gone.
    statement = statement.distinct() if distinct and conditions else statement
    return statement.order_by(*_order(selection, terms, lambda element: places[id(element)]))


def _outer_condition(
    selection: Selection, condition: Resolved, parts: dict[int, Column], known: Mapping[int, str]
) -> Column:
    """Write a condition outside of the table that gives what it compares: windows, aggregates, keys and columns.

    Parameters
    ----------
    parts
        What the table has to give besides what is read; more is added.
    known
        The names of windows that are read.
    """
    tables = set(selection.own_tables)
    whole = {id(group) for group in condition.groups}
    whole |= {id(aggregate.element) for aggregate in selection.scope.aggregates}

    def replaced(element: Any, **_: Any) -> Any:
        if id(element) in known:
            return sa.column(known[id(element)], element.type)
        own = isinstance(element, sa.Column) and element.table in tables
        if not (own or isinstance(element, sa.Over) or id(element) in whole):
            return None
        place = list(parts).index(id(element)) if id(element) in parts else len(parts)
        parts[id(element)] = element
        return sa.column(f"part_{place}", element.type)

    direct: Column | None = replaced(condition.column)
    return direct if direct is not None else replacement_traverse(condition.column, {}, replaced)


def _refuse_correlated(selection: Selection) -> None:
    if selection.scope.outer_columns:
        raise NotSupportedError(
            "A subquery with OuterRef can't be filtered by a window function, be distinct with an order of its own, "
            "or aggregate over several relations at once; take the reference out of it, or ask in two steps.",
            alias=selection.bound.database.alias,
        )


def _distinct_on(selection: Selection, core: _Core, statement: sa.Select[Any]) -> sa.Select[Any]:
    database = selection.bound.database
    if not database.backend.features.distinct_on:
        raise NotSupportedError(
            f"{database.backend.title} has no DISTINCT ON fields. Use distinct() without names, or a window: "
            f"annotate(n=Window(RowNumber(), partition_by=...)).filter(n=1).",
            alias=database.alias,
        )
    names = selection.state.distinct
    fields = [found for found, _ in selection.orderings(names if isinstance(names, tuple) else ())]
    return statement.distinct(*(core.moved(each.column) for each in fields))


# Groups


def _core(selection: Selection, outputs: Sequence[Output], terms: Sequence[_Term]) -> _Core:
    """Assemble what a SELECT needs around its columns."""
    scope = selection.scope
    where = [condition.column for condition in selection.where]
    having = [condition.column for condition in selection.having]
    used = [*(output.found for output in outputs), *selection.having, *selection.windowed]
    used += [term.found for term in terms]
    sets = _sets(selection, used)
    groups = _groups(selection, used) if selection.grouping is not None else []
    if len(sets) > 1:
        return _split(selection, sets, where, groups, having)
    joins = dict.fromkeys([*scope.row_joins, *(join for each in sets for join in each)])
    keys = _exact(selection, _short(selection, groups))
    return _Core(selection.tables(joins), where, keys, having)


def _sets(selection: Selection, used: Iterable[Resolved]) -> dict[frozenset[Join], list[Aggregated]]:
    """Sort the aggregates in use by the relations to several rows that only they follow."""
    found: dict[frozenset[Join], list[Aggregated]] = {}
    # A column as it is stored contains no aggregate.
    elements = [each.column for each in used if not each.stored]
    for aggregate in selection.scope.aggregates:
        if aggregate.element is None or not any(_contains(element, aggregate.element) for element in elements):
            continue
        own = {join: None for join in aggregate.joins if join not in selection.scope.row_joins}
        many = any(join.many for join in own)
        found.setdefault(frozenset(own) if many else frozenset(), []).append(aggregate)
        if not many:
            selection.scope.row_joins.update(own)
    return found


def _contains(element: Column, part: Column) -> bool:
    return any(each is part for each in iterate(element))


def _groups(selection: Selection, used: Iterable[Resolved]) -> list[Column]:
    """Give the keys of the groups: what was grouped by, and everything else that is read of a group."""
    keys = list(selection.keys)
    if selection.grouping == "rows" and not keys:
        keys = [selection.scope.base.column(field.name) for field in selection.bound.fields]
    named = {id(key) for key in keys}
    for each in used:
        # What is a key itself has one value a group, whatever it is made of.
        keys += () if id(each.column) in named else each.groups
    return list({id(key): key for key in keys}.values())


def _short(selection: Selection, groups: Sequence[Column]) -> list[Column]:
    """Leave out the columns that follow from the key of the table, where the database sees that they do."""
    features = selection.bound.database.backend.features
    return _identity(selection, groups) if features.groups_by_primary_key else list(groups)


def _identity(selection: Selection, groups: Sequence[Column]) -> list[Column]:
    """Leave out the columns that follow from the key of the table."""
    key = {id(selection.scope.base.column(name)) for name in selection.bound.key}
    whole = bool(key) and key <= {id(group) for group in groups}
    if selection.grouping != "rows" or not whole:
        return list(groups)
    own = {id(selection.scope.base.column(field.name)) for field in selection.bound.fields}
    # Not every product looks through the key for what a condition on groups names.
    own -= {id(group) for condition in selection.having for group in condition.groups}
    return [group for group in groups if id(group) in key or id(group) not in own]


def _split(
    selection: Selection,
    sets: dict[frozenset[Join], list[Aggregated]],
    where: Sequence[Column],
    groups: Sequence[Column],
    having: Sequence[Column],
) -> _Core:
    """Give every set of relations a grouped table of its own, and join these by their keys."""
    _refuse_correlated(selection)
    # Without keys all tables have one row, and a constant joins them.
    single = not groups
    identity = _identity(selection, groups) or [sa.literal_column("1")]
    groups = groups or identity
    places: dict[int, Column] = {}
    tables: sa.FromClause | None = None
    first_keys: list[Column] = []
    for own, aggregates in sets.items():
        keys = groups if tables is None else identity
        grouped = [] if single else _exact(selection, _short(selection, keys))
        core = _Core(selection.tables([*selection.scope.row_joins, *own]), where, grouped)
        columns = [key.label(f"key_{place}") for place, key in enumerate(keys)]
        columns += [each.element.label(f"value_{i}") for i, each in enumerate(aggregates) if each.element is not None]
        table = core.select(columns).subquery()
        found = list(table.c)
        places.update({id(each.element): found[len(keys) + i] for i, each in enumerate(aggregates)})
        if tables is None:
            places.update({id(key): column for key, column in zip(keys, found, strict=False)})
            first_keys = [places[id(key)] for key in identity]
            tables = table
        else:
            pairs = zip(identity, first_keys, found, strict=False)
            tables = tables.join(table, sa.and_(*(_same_key(selection, *pair) for pair in pairs)))
    if tables is None:
        raise FieldError("There is nothing to aggregate.")
    move = _mover(places)
    return _Core(tables, [move(condition) for condition in having], move=move)


def _same_key(selection: Selection, key: Column, mine: Column, theirs: Column) -> Column:
    """Join two grouped tables by one of their keys; only where that may be NULL does it take more than equality."""
    mine = _told_apart(selection, mine)
    bound = selection.bound
    sure = {id(selection.scope.base.column(each.name)) for each in bound.fields if not each.nullable}
    constant = isinstance(key, sa.sql.expression.ColumnClause) and key.is_literal
    equal = id(key) in sure or constant
    return mine.__eq__(theirs) if equal else bound.database.backend.same(mine, theirs)


def _mover(places: dict[int, Column]) -> Callable[[Column], Column]:
    def replaced(element: Any, **_: Any) -> Any:
        return places.get(id(element))

    known: dict[int, tuple[Column, Column]] = {}

    def move(element: Column) -> Column:
        moved = places.get(id(element))
        if moved is not None:
            return moved
        if isinstance(element, sa.Label):
            return move(element.element).label(element.name)
        # What is read and ordered by must stay one expression, with one name for each of its parameters.
        if id(element) not in known:
            known[id(element)] = element, replacement_traverse(element, {}, replaced)
        return known[id(element)][1]

    return move
