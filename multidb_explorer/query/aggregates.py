"""Aggregates: one value of many rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.computing import Over
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, F, Resolved, as_expression, as_value, joined
from multidb_explorer.query.output_kinds import as_kind

if TYPE_CHECKING:
    from multidb_explorer.query.scope import Scope

__all__ = ["Aggregate", "Avg", "Count", "Max", "Min", "StdDev", "Sum", "Variance"]


class Aggregate(Expression):
    """What all aggregates share.

    Parameters
    ----------
    expression
        The name of a field, or an expression.
    distinct
        Whether equal values count once.
    filter
        A condition: only rows that fulfil it are taken.
    default
        What to give where no row was taken; without it that is NULL.
    output_field
        What the result is, where it is not what the aggregate usually gives.

    Examples
    --------
    >>> Sum("total", filter=Q(paid=True), default=0)
    Sum('total', filter=Q(paid=True), default=0)
    """

    function: ClassVar[str] = ""
    takes_distinct: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("integer", "decimal", "float")
    empty: ClassVar[Any] = None
    """What no rows give."""

    def __init__(
        self,
        expression: Any,
        *,
        distinct: bool = False,
        filter: Any = None,  # noqa: A002 -- Django's name
        default: Any = None,
        output_field: Any = None,
    ) -> None:
        if distinct and not self.takes_distinct:
            raise TypeError(f"{type(self).__name__} does not allow distinct.")
        self.expression = as_expression(expression)
        self.distinct = distinct
        self.filter = None if filter is None else Q(filter)
        self.default = default
        self.output_field = output_field

    def resolve(self, scope: Scope) -> Resolved:
        with scope.aggregating(self) as kept:
            found = self._applied(scope)
            kept.element = found.column
        found = replace(found, aggregate=True, groups=())
        return found if self.default is None else self._or_default(found, scope)

    def over(self, scope: Scope, window: Over) -> Resolved:
        """Give the aggregate over the rows of a window."""
        if self.default is not None:
            raise FieldError(f"{self!r} has a default; put it around the window: Coalesce(Window(...), ...).")
        return self._applied(scope, window)

    def _applied(self, scope: Scope, window: Over | None = None) -> Resolved:
        operand = self._operand(scope)
        where = scope.condition(self.filter) if self.filter else None
        self._check(operand, windowed=window is not None)
        kind = as_kind(self.output_field) if self.output_field is not None else self.kind(operand)
        column = scope.database.backend.aggregate(
            self.function,
            None if operand is None else operand.column,
            kind if operand is None else operand.kind,
            distinct=self.distinct,
            where=None if where is None else where.column,
            over=window,
        )
        parts = [part for part in (operand, where) if part is not None]
        groups = tuple(group for part in parts for group in part.groups)
        aggregate = any(part.aggregate for part in parts)
        return Resolved(column, kind, self.function != "count", groups, aggregate)

    def _operand(self, scope: Scope) -> Resolved | None:
        return self.expression.resolve(scope)

    def _or_default(self, found: Resolved, scope: Scope) -> Resolved:
        default = as_value(self.default).resolve(scope)
        column = sa.func.coalesce(found.column, default.column, type_=found.column.type)
        return joined(column, found.kind, [found], nullable=default.nullable)

    def _check(self, operand: Resolved | None, *, windowed: bool) -> None:
        if operand is None:
            return
        if operand.window or (operand.aggregate and not windowed):
            inner = "a window function" if operand.window else "an aggregate"
            raise FieldError(f"{self!r} can't be computed: {self.expression!r} is {inner} already.")
        if self.kinds and operand.kind.name not in (*self.kinds, "any"):
            raise FieldError(f"{self!r} can't be computed: {self.expression!r} is {operand.kind}.")

    def kind(self, operand: Resolved | None) -> Kind:
        """Tell what the aggregate gives."""
        return Kind("float")

    def default_name(self) -> str:
        if not isinstance(self.expression, F):
            raise TypeError(f"{self!r} needs a name: write name={self!r}.")
        return f"{self.expression.name}__{type(self).__name__.lower()}"

    def __repr__(self) -> str:
        shown = repr(self.expression.name) if isinstance(self.expression, F) else repr(self.expression)
        parts = [shown, *self._options()]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _options(self) -> list[str]:
        options = {"distinct": self.distinct or None, "filter": self.filter, "default": self.default}
        return [f"{name}={value!r}" for name, value in options.items() if value is not None]


class Count(Aggregate):
    """How many rows have a value; ``Count("*")`` counts all rows.

    Examples
    --------
    >>> Count("country", distinct=True)
    Count('country', distinct=True)
    """

    function = "count"
    kinds = ()
    empty = 0

    def __init__(self, expression: Any, **options: Any) -> None:
        if options.get("default") is not None:
            raise TypeError("Count does not allow default: of no rows it is 0.")
        self.all = expression == "*"
        if self.all and options.get("distinct"):
            raise ValueError("Star cannot be used with distinct; name a field: Count('pk', distinct=True).")
        super().__init__("pk" if self.all else expression, **options)

    def _operand(self, scope: Scope) -> Resolved | None:
        return None if self.all else self.expression.resolve(scope)

    def kind(self, operand: Resolved | None) -> Kind:
        return Kind("integer")

    def default_name(self) -> str:
        if self.all:
            raise TypeError("Count('*') needs a name: write name=Count('*').")
        return super().default_name()

    def __repr__(self) -> str:
        return f"Count({', '.join(['*'.__repr__(), *self._options()])})" if self.all else super().__repr__()


class Sum(Aggregate):
    """The sum; exact for integers and decimals.

    Examples
    --------
    >>> Sum("total", filter=Q(paid=True))
    Sum('total', filter=Q(paid=True))
    """

    function = "sum"
    kinds = ("integer", "decimal", "float", "boolean", "interval")

    def kind(self, operand: Resolved | None) -> Kind:
        return _summed(operand)


class Avg(Aggregate):
    """The mean, as a float whatever is averaged.

    Examples
    --------
    >>> Avg("total").default_name()
    'total__avg'
    """

    function = "avg"
    kinds = ("integer", "decimal", "float", "boolean")


class Min(Aggregate):
    """The smallest value.

    Examples
    --------
    >>> Min("placed")
    Min('placed')
    """

    function = "min"
    kinds = ()

    def kind(self, operand: Resolved | None) -> Kind:
        return operand.kind if operand is not None else Kind("any")


class Max(Min):
    """The largest value.

    Examples
    --------
    >>> Max(F("price") * F("copies"))
    Max(F('price') * F('copies'))
    """

    function = "max"


class _Spread(Aggregate):
    takes_distinct = False

    def __init__(self, expression: Any, sample: bool = False, **options: Any) -> None:
        super().__init__(expression, **options)
        self.sample = sample

    @property
    def function(self) -> str:  # type: ignore[override]
        return f"{self.name}_{'samp' if self.sample else 'pop'}"

    name: ClassVar[str] = ""


class StdDev(_Spread):
    """The standard deviation, of the population, or with ``sample=True`` of a sample.

    Examples
    --------
    >>> StdDev("price", sample=True)
    StdDev('price')
    """

    name = "stddev"


class Variance(_Spread):
    """The variance, of the population, or with ``sample=True`` of a sample.

    Examples
    --------
    >>> Variance("price")
    Variance('price')
    """

    name = "var"


def _summed(operand: Resolved | None) -> Kind:
    kind = operand.kind if operand is not None else Kind("any")
    match kind.name:
        case "integer" | "boolean":
            return Kind("integer")
        case "decimal" if kind.scale is not None:
            return Kind("decimal", precision=38, scale=kind.scale)
        case "float":
            return Kind("float")
    return kind
