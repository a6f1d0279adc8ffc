"""From a QuerySet's state to SQLAlchemy statements for one database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from multidb_explorer.errors import FieldError
from multidb_explorer.query.expressions import Condition, Q
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS, Operand
from multidb_explorer.query.source import Bound, Field
from multidb_explorer.query.state import QueryState
from multidb_explorer.results.stream import Reading
from multidb_explorer.results.types import ResultColumn

__all__ = ["chosen", "counting", "reading", "rendered", "testing"]


def reading(state: QueryState, bound: Bound) -> Reading:
    """Compile the SELECT of a QuerySet together with what its columns hold."""
    fields = chosen(state, bound)
    rows = sa.select(*(_selected(field, bound) for field in fields)).select_from(bound.table)
    statement = _sliced(_filtered(rows, state, bound), state, bound)
    return Reading(statement, tuple(ResultColumn(f.name, f.kind, f.nullable) for f in fields))


def chosen(state: QueryState, bound: Bound) -> tuple[Field, ...]:
    """Give the fields that are read."""
    if state.columns is None:
        return bound.fields
    names = [part for name in state.columns for part in (_key(bound) if _is_key(name, bound) else [name])]
    return tuple(bound.field(name) for name in dict.fromkeys(names))


def _is_key(name: str, bound: Bound) -> bool:
    return name == "pk" and "pk" not in bound.by_name


def _selected(field: Field, bound: Bound) -> sa.ColumnElement[Any]:
    wrapped = bound.database.backend.readable(field.column, field.kind)
    return wrapped if wrapped is field.column else wrapped.label(field.column.name)


def counting(state: QueryState, bound: Bound) -> sa.Select[Any]:
    """Compile the statement that counts a QuerySet's rows, its slice included."""
    if not state.sliced:
        return _filtered(sa.select(sa.func.count()).select_from(bound.table), state, bound)
    rows = _filtered(sa.select(sa.literal_column("1")).select_from(bound.table), state, bound)
    return sa.select(sa.func.count()).select_from(_limited(rows, state).subquery())


def testing(state: QueryState, bound: Bound) -> sa.Select[Any]:
    """Compile the statement that tells whether there is any row."""
    rows = _filtered(sa.select(sa.literal_column("1")).select_from(bound.table), state, bound)
    return _limited(rows, state).limit(1) if state.stop is None else _limited(rows, state)


def rendered(statement: sa.Select[Any], bound: Bound) -> str:
    """Write a statement as text for reading, its parameters below it; it is never run from this text."""
    compiled = statement.compile(dialect=bound.database.engine.dialect, compile_kwargs={"render_postcompile": True})
    parameters = dict(compiled.params)
    return f"{compiled}\n-- parameters: {parameters}" if parameters else str(compiled)


def _filtered(statement: sa.Select[Any], state: QueryState, bound: Bound) -> sa.Select[Any]:
    for where in state.where:
        statement = statement.where(_condition(where, bound))
    return statement


def _condition(node: Q | Condition, bound: Bound, *, negated: bool = False) -> sa.ColumnElement[bool]:
    """Compile a tree of conditions; `negated` tells whether an odd number of negations stands above."""
    if isinstance(node, Condition):
        return _compiled(node, bound, strict=negated)
    inside = negated ^ node.negated
    parts = [_condition(child, bound, negated=inside) for child in node.children]
    joined = _JOINS[node.connector](parts)
    return sa.not_(joined) if node.negated else joined


def _exclusive(parts: Sequence[sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Demand an odd number of conditions; a condition that is unknown counts as one that does not hold."""
    held = sum((sa.case((part, 1), else_=0) for part in parts[1:]), start=sa.case((parts[0], 1), else_=0))
    return held % 2 == 1


_JOINS: dict[str, Callable[[Sequence[sa.ColumnElement[bool]]], sa.ColumnElement[bool]]] = {
    "AND": lambda parts: sa.and_(sa.true(), *parts),
    "OR": lambda parts: sa.or_(sa.false(), *parts),
    "XOR": _exclusive,
}


def _compiled(condition: Condition, bound: Bound, *, strict: bool) -> sa.ColumnElement[bool]:
    names, transforms, lookup_name = _parsed(condition.keyword, bound)
    if len(names) > 1:
        return _composite(names, lookup_name, condition.value, bound)
    field = bound.field(names[0])
    operand = Operand(field.name, field.column, field.kind, bound.database)
    for transform in transforms:
        operand = TRANSFORMS[transform].apply(operand)
    lookup = LOOKUPS[lookup_name]
    compiled = lookup.compile(operand, condition.value)
    if strict and field.nullable and not lookup.asks_null(condition.value):
        # NOT of an unknown is unknown: a row whose column is NULL does not fulfil the condition, so exclude() keeps it.
        return sa.and_(compiled, field.column.is_not(None))
    return compiled


def _parsed(keyword: str, bound: Bound) -> tuple[Sequence[str], tuple[str, ...], str]:
    """Split a keyword into fields, transforms and lookup; a column's own name may hold double underscores."""
    name, rest = _field_first(keyword, bound)
    lookup = rest.pop() if rest and rest[-1] in LOOKUPS else "exact"
    names = _key(bound) if _is_key(name, bound) else [bound.field(name).name]
    for part in rest:
        if part not in TRANSFORMS:
            raise FieldError.unknown("lookup", part, f"Field {name!r} of {bound.name}", [*LOOKUPS, *TRANSFORMS])
    return names, tuple(rest), lookup


def _field_first(keyword: str, bound: Bound) -> tuple[str, list[str]]:
    """Take the longest part of a keyword that is a field; what follows is for the lookup."""
    parts = keyword.split("__")
    for length in range(len(parts), 0, -1):
        name = "__".join(parts[:length])
        if name in bound.by_name or name == "pk":
            return name, parts[length:]
    return parts[0], parts[1:]


def _key(bound: Bound) -> Sequence[str]:
    if not bound.key:
        raise FieldError(f"{bound.name} has no key on alias {bound.database.alias!r}, so pk means nothing there.")
    return bound.key


def _composite(names: Sequence[str], lookup: str, value: Any, bound: Bound) -> sa.ColumnElement[bool]:
    """Compare a key of several columns with a tuple, or with a list of tuples."""
    if lookup == "exact":
        return _equal_key(names, value, bound)
    if lookup == "in":
        return sa.or_(sa.false(), *(_equal_key(names, item, bound) for item in value))
    raise FieldError(f"The key of {bound.name} has {len(names)} columns; only pk=(...) and pk__in=[...] work on it.")


def _equal_key(names: Sequence[str], value: Any, bound: Bound) -> sa.ColumnElement[bool]:
    if not isinstance(value, tuple | list) or len(value) != len(names):
        raise FieldError(f"The key of {bound.name} is ({', '.join(names)}); give pk as a tuple of {len(names)} values.")
    return sa.and_(*(_compiled(Condition(n, v), bound, strict=False) for n, v in zip(names, value, strict=True)))


def _sliced(statement: sa.Select[Any], state: QueryState, bound: Bound) -> sa.Select[Any]:
    order = [*state.order]
    if state.sliced or order:
        # An order that leaves ties would let two pages overlap; the key decides between equals.
        named = {name.removeprefix("-") for name in order}
        order += [name for name in bound.key if name not in named]
    return _limited(statement.order_by(*(_ordering(name, bound) for name in _spelt_out(order, bound))), state)


def _spelt_out(order: Sequence[str], bound: Bound) -> list[str]:
    """Replace pk by the columns of the key, each only once."""
    names: list[str] = []
    for name in order:
        sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
        names += [f"{sign}{column}" for column in (_key(bound) if _is_key(bare, bound) else [bare])]
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(name.removeprefix("-"), name)
    return list(seen.values())


def _ordering(name: str, bound: Bound) -> sa.ColumnElement[Any]:
    field: Field = bound.field(name.removeprefix("-"))
    return field.column.desc() if name.startswith("-") else field.column.asc()


def _limited(statement: sa.Select[Any], state: QueryState) -> sa.Select[Any]:
    if state.stop is not None:
        statement = statement.limit(max(0, state.stop - state.start))
    return statement.offset(state.start) if state.start else statement
