"""Arithmetic in the database: two expressions and a sign between them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError
from multidb_explorer.query.expressions import Expression, Resolved, Value, as_expression, joined
from multidb_explorer.query.output_kinds import as_kind, declared

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend
    from multidb_explorer.query.scope import Scope

__all__ = ["Combined", "ExpressionWrapper"]


class Combined(Expression):
    """Two expressions and an arithmetic sign between them."""

    def __init__(self, left: Expression, sign: str, right: Expression, output_field: Any = None) -> None:
        self.left, self.sign, self.right = left, sign, right
        self.output_field = output_field

    def resolve(self, scope: Scope) -> Resolved:
        left, right = self.left.resolve(scope), self.right.resolve(scope)
        wanted = as_kind(self.output_field) if self.output_field is not None else None
        column, kind = _computed(scope.database.backend, self, left, right, wanted)
        wanted = None if wanted is None else declared(wanted, kind)
        # Dividing by zero gives NULL.
        nullable = left.nullable or right.nullable or self.sign in "/%"
        return joined(column, wanted or kind, [left, right], nullable=nullable)

    def __repr__(self) -> str:
        return f"{_bracketed(self.left, self.sign)} {self.sign} {_bracketed(self.right, self.sign)}"


def _bracketed(part: Expression, sign: str) -> str:
    weak = isinstance(part, Combined) and part.sign in "+-" and sign not in "+-"
    return f"({part!r})" if weak else repr(part)


_NUMBERS = ("integer", "decimal", "float")
_DATED = ("date", "timestamp")


def _computed(
    backend: Backend, asked: Combined, left: Resolved, right: Resolved, wanted: Kind | None
) -> tuple[sa.ColumnElement[Any], Kind]:
    names = (left.kind.name, right.kind.name)
    if all(name in (*_NUMBERS, "any", "boolean") for name in names):
        kind = wanted if wanted is not None and wanted.name in _NUMBERS else None
        if kind is None:
            stored = any(side.stored and side.kind.name == "float" for side in (left, right))
            kind = _number_kind(asked, left.kind, right.kind, stored=stored)
        return _calculated(backend, asked.sign, left, right, kind), kind
    if "interval" in names or (asked.sign == "-" and names[0] in _DATED and names[1] in _DATED):
        return _moved(backend, asked, left, right)
    if wanted is not None and asked.sign in "+-*":
        return _calculated(backend, asked.sign, left, right, wanted), wanted
    raise FieldError(f"{asked!r} can't be computed: {left.kind} {asked.sign} {right.kind}. Give it an output_field.")


def _number_kind(asked: Combined, left: Kind, right: Kind, *, stored: bool) -> Kind:
    """Give what arithmetic on two numbers gives: exact numbers stay exact.

    Where they would meet stored floats, the result must be named; a computed float, such as an average, is known to be
    inexact.
    """
    if asked.sign == "**":
        return Kind("float")
    names = {left.name, right.name} - {"any", "boolean"}
    if "float" in names and "decimal" in names and stored:
        raise FieldError(
            f"{asked!r} mixes exact decimals with floats. Say what the result is: "
            f"ExpressionWrapper({asked!r}, output_field=float)."
        )
    if "float" in names:
        return Kind("float")
    if "decimal" not in names:
        return Kind("integer")
    return _decimal_kind(asked.sign, left, right)


def _decimal_kind(sign: str, left: Kind, right: Kind) -> Kind:
    scales = [kind.scale if kind.name == "decimal" else 0 for kind in (left, right)]
    if sign == "/" or None in scales:
        return Kind("decimal")
    known = [scale or 0 for scale in scales]
    return Kind("decimal", precision=38, scale=min(38, sum(known) if sign == "*" else max(known)))


def _calculated(backend: Backend, sign: str, left: Resolved, right: Resolved, kind: Kind) -> sa.ColumnElement[Any]:
    first, second = _enclosed(left.column), _enclosed(right.column)
    match sign:
        case "/":
            return backend.divided(first, second, kind)
        case "%":
            return backend.remainder(first, second, kind)
        case "**":
            return backend.power(first, second)
    narrow = kind.name == "integer" and left.kind.bits < 64 and right.kind.bits < 64
    return backend.combined(sign, first, second, kind, narrow=narrow)


def _enclosed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Put brackets around what is itself computed: SQLAlchemy does not know how strongly every sign binds."""
    return Grouping(column) if isinstance(column, sa.BinaryExpression | sa.UnaryExpression) else column


def _moved(backend: Backend, asked: Combined, left: Resolved, right: Resolved) -> tuple[sa.ColumnElement[Any], Kind]:
    names = (left.kind.name, right.kind.name)
    if names[0] in _DATED and names[1] in _DATED:
        return backend.difference(left.column, right.column, left.kind), Kind("interval")
    moved = left if names[0] in _DATED else right
    span = asked.right if moved is left else asked.left
    if moved.kind.name not in _DATED or not isinstance(span, Value) or not isinstance(span.value, dt.timedelta):
        raise FieldError(f"{asked!r} can't be computed: a date moves by a timedelta, and two dates differ by one.")
    interval = -span.value if asked.sign == "-" else span.value
    kind = Kind("timestamp") if moved.kind.name == "date" else moved.kind
    return backend.shifted(moved.column, interval, moved.kind), kind


class ExpressionWrapper(Expression):
    """An expression together with what it holds, where that can't be told from its parts.

    Examples
    --------
    >>> from multidb_explorer import F
    >>> ExpressionWrapper(F("price") * F("weight"), output_field=float)
    ExpressionWrapper(F('price') * F('weight'))
    """

    conditional = True

    def __init__(self, expression: Any, output_field: Any) -> None:
        self.expression = as_expression(expression)
        self.output_field = output_field

    def resolve(self, scope: Scope) -> Resolved:
        inner = self.expression
        if isinstance(inner, Combined):
            inner = Combined(inner.left, inner.sign, inner.right, self.output_field)
        found = inner.resolve(scope)
        return replace(found, kind=declared(as_kind(self.output_field), found.kind), stored=False)

    def __repr__(self) -> str:
        return f"ExpressionWrapper({self.expression!r})"
