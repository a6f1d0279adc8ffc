"""Choices by conditions: Case and When."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, Resolved, as_expression, joined
from multidb_explorer.query.output_kinds import as_kind, common_kind, declared

if TYPE_CHECKING:
    from multidb_explorer.query.scope import Scope

__all__ = ["Case", "When"]


class When(Expression):
    """One branch of `Case`: a condition, and what holds then.

    Parameters
    ----------
    condition
        A `Q` object or a conditional expression; or keywords as in ``filter()``.
    then
        What holds then: an expression, a constant, or the name of a field; a text of your own is ``Value("...")``.

    Examples
    --------
    >>> from multidb_explorer import Value
    >>> When(score__gt=10, then=Value("high"))
    When(Q(score__gt=10), then=Value('high'))
    """

    def __init__(self, condition: Any = None, then: Any = None, **conditions: Any) -> None:
        parts = [] if condition is None else [condition]
        self.condition = Q(*parts, **conditions)
        if not self.condition:
            raise ValueError("When() needs a condition; an empty one would always hold.")
        self.then = as_expression(then)

    def __repr__(self) -> str:
        return f"When({self.condition!r}, then={self.then!r})"


class Case(Expression):
    """The first branch whose condition holds, else the default.

    Examples
    --------
    >>> from multidb_explorer import Value
    >>> Case(When(score__gt=10, then=Value("high")), default=Value("low"))
    Case(When(Q(score__gt=10), then=Value('high')), default=Value('low'))
    """

    conditional = True

    def __init__(self, *cases: When, default: Any = None, output_field: Any = None) -> None:
        if not all(isinstance(case, When) for case in cases):
            raise TypeError("Case takes When objects, and default= for the rest.")
        self.cases = cases
        self.default = as_expression(default)
        self.output_field = output_field

    def resolve(self, scope: Scope) -> Resolved:
        conditions = [scope.condition(case.condition) for case in self.cases]
        results = [case.then.resolve(scope) for case in self.cases]
        default = self.default.resolve(scope)
        kinds = [result.kind for result in (*results, default)]
        kind = common_kind(self, kinds) if self.output_field is None else _stated(self, kinds)
        branches = [(found.column, result.column) for found, result in zip(conditions, results, strict=True)]
        column = sa.case(*branches, else_=default.column) if branches else default.column
        nullable = any(result.nullable for result in (*results, default))
        return joined(column, kind, [*conditions, *results, default], nullable=nullable)

    def __repr__(self) -> str:
        return f"Case({', '.join(map(repr, self.cases))}, default={self.default!r})"


def _stated(asked: Case, kinds: Iterable[Kind]) -> Kind:
    wanted = as_kind(asked.output_field)
    for kind in kinds:
        wanted = declared(wanted, kind)
    return wanted
