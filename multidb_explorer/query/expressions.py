"""Expressions: what a query computes from columns, values and other expressions, in the database.

Each is a small immutable object that knows no database. `resolve` gives its SQL on one: a SQLAlchemy element
together with what it holds.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.backends.values import canonical, plain
from multidb_explorer.errors import FieldError, FieldValueError

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend
    from multidb_explorer.query.conditions import Q
    from multidb_explorer.query.scope import Scope

__all__ = [
    "Case",
    "Combined",
    "Expression",
    "ExpressionWrapper",
    "F",
    "Func",
    "Ordering",
    "Resolved",
    "Value",
    "When",
    "as_expression",
    "as_kind",
    "common_kind",
]


@dataclass(frozen=True, eq=False)
class Resolved:
    """An expression on one database.

    Attributes
    ----------
    column
        Its SQL.
    kind
        What it holds.
    nullable
        Whether NULL may come out.
    groups
        What GROUP BY needs so that the expression has one value a group; nothing for constants and aggregates.
    aggregate, window
        Whether it contains an aggregate or a window function.
    stored
        Whether it is a column as it is stored, and not computed.
    strict
        Whether NULL is kept out of the stored column by the table itself.
    """

    column: sa.ColumnElement[Any]
    kind: Kind
    nullable: bool = True
    groups: tuple[sa.ColumnElement[Any], ...] = ()
    aggregate: bool = False
    window: bool = False
    stored: bool = False
    strict: bool = False


class Expression:
    """Base of everything that a query can compute.

    Arithmetic with constants and other expressions gives new expressions; ``asc()`` and ``desc()`` order by one.

    Examples
    --------
    >>> F("price") * 2 + F("postage")
    F('price') * 2 + F('postage')
    """

    conditional: ClassVar[bool] = False
    """Whether it can stand alone as a condition."""

    def resolve(self, scope: Scope) -> Resolved:
        """Give the SQL of the expression on the database of a query."""
        raise NotImplementedError

    def default_name(self) -> str:
        """Name the result where the query gives it no name.

        Raises
        ------
        TypeError
            For an expression that has none.
        """
        raise TypeError(f"{self!r} needs a name: write name={self!r}.")

    def asc(self, *, nulls_first: bool = False, nulls_last: bool = False) -> Ordering:
        """Order by it, smallest first."""
        return Ordering(self, descending=False, nulls=_nulls(first=nulls_first, last=nulls_last))

    def desc(self, *, nulls_first: bool = False, nulls_last: bool = False) -> Ordering:
        """Order by it, largest first."""
        return Ordering(self, descending=True, nulls=_nulls(first=nulls_first, last=nulls_last))

    def __add__(self, other: Any) -> Combined:
        return Combined(self, "+", as_value(other))

    def __radd__(self, other: Any) -> Combined:
        return Combined(as_value(other), "+", self)

    def __sub__(self, other: Any) -> Combined:
        return Combined(self, "-", as_value(other))

    def __rsub__(self, other: Any) -> Combined:
        return Combined(as_value(other), "-", self)

    def __mul__(self, other: Any) -> Combined:
        return Combined(self, "*", as_value(other))

    def __rmul__(self, other: Any) -> Combined:
        return Combined(as_value(other), "*", self)

    def __truediv__(self, other: Any) -> Combined:
        return Combined(self, "/", as_value(other))

    def __rtruediv__(self, other: Any) -> Combined:
        return Combined(as_value(other), "/", self)

    def __mod__(self, other: Any) -> Combined:
        return Combined(self, "%", as_value(other))

    def __rmod__(self, other: Any) -> Combined:
        return Combined(as_value(other), "%", self)

    def __pow__(self, other: Any) -> Combined:
        return Combined(self, "**", as_value(other))

    def __rpow__(self, other: Any) -> Combined:
        return Combined(as_value(other), "**", self)

    def __neg__(self) -> Combined:
        return Combined(self, "*", Value(-1))

    def __and__(self, other: Any) -> Q:
        return _condition(self) & _condition(other)

    def __or__(self, other: Any) -> Q:
        return _condition(self) | _condition(other)

    def __xor__(self, other: Any) -> Q:
        return _condition(self) ^ _condition(other)

    def __invert__(self) -> Q:
        return ~_condition(self)


def _condition(given: Any) -> Q:
    from multidb_explorer.query.conditions import Q

    return given if isinstance(given, Q) else Q(given)


def _nulls(*, first: bool, last: bool) -> str | None:
    if first and last:
        raise ValueError("nulls_first and nulls_last exclude each other.")
    return "first" if first else "last" if last else None


@dataclass(frozen=True, eq=False)
class Ordering:
    """One term of an order.

    Attributes
    ----------
    nulls
        Where NULL goes: ``first``, ``last``, or ``None`` for the usual place (first when ascending).
    """

    expression: Expression
    descending: bool = False
    nulls: str | None = None

    def reversed(self) -> Ordering:
        """Turn it around, NULLs included."""
        nulls = {"first": "last", "last": "first"}.get(self.nulls or "")
        return Ordering(self.expression, not self.descending, nulls)

    def asc(self) -> Ordering:
        """Order the other way only where it was descending."""
        return replace(self, descending=False)

    def desc(self) -> Ordering:
        """Order descending."""
        return replace(self, descending=True)

    def __repr__(self) -> str:
        return f"{self.expression!r}.{'desc' if self.descending else 'asc'}()"


class F(Expression):
    """A field, a relation's field (``author__name``) or an annotation, by name.

    Examples
    --------
    >>> F("orders__total")
    F('orders__total')
    """

    conditional = True

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"F takes the name of a field, not {type(name).__name__}.")
        self.name = name

    def resolve(self, scope: Scope) -> Resolved:
        return scope.named(self.name)

    def default_name(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"F({self.name!r})"


class Value(Expression):
    """A constant.

    Parameters
    ----------
    value
        Any Python, NumPy or pandas value; it is bound as a parameter.
    output_field
        What it is, where its Python type does not tell: a SQLAlchemy type or a Python type.

    Examples
    --------
    >>> Value("high")
    Value('high')
    """

    def __init__(self, value: Any, output_field: Any = None) -> None:
        self.value = plain(value)
        self.output_field = output_field

    @property
    def conditional(self) -> bool:  # type: ignore[override]
        """A truth value is a condition."""
        return isinstance(self.value, bool)

    def resolve(self, scope: Scope) -> Resolved:
        kind = as_kind(self.output_field) if self.output_field is not None else kind_of_value(self.value)
        backend = scope.database.backend
        if self.value is None:
            empty = sa.null() if kind.name == "any" else backend.cast(sa.null(), kind, kind)
            return Resolved(empty, kind, nullable=True)
        value = canonical(self.value, replace(kind, length=None, precision=None), column=repr(self))
        return Resolved(sa.literal(value, backend.type_of(kind)), kind, nullable=False)

    def __repr__(self) -> str:
        return repr(self.value) if isinstance(self.value, int | float) else f"Value({self.value!r})"


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


class Func(Expression):
    """A database function.

    Subclasses say what it holds (`kind`) and how a backend writes it (`build`).

    Parameters
    ----------
    *arguments
        Names of fields, expressions, or constants.
    output_field
        What the result is, where it is not what the function usually gives.
    function
        The name of any function of the database, for one that has no class here.

    Examples
    --------
    >>> class Soundex(Func):
    ...     function, arity = "soundex", 1
    >>> Soundex("name")
    Soundex(F('name'))
    """

    arity: ClassVar[int | None] = None
    function: str = ""

    def __init__(self, *arguments: Any, output_field: Any = None, function: str | None = None) -> None:
        if function is not None:
            self.function = function
        if self.function and not _FUNCTION_NAME.fullmatch(self.function):
            raise FieldValueError(f"{self.function!r} is no name of a function.")
        if self.arity is not None and len(arguments) != self.arity:
            raise TypeError(f"{type(self).__name__} takes {self.arity} argument(s), not {len(arguments)}.")
        self.arguments = tuple(as_expression(argument) for argument in arguments)
        self.output_field = output_field

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        """Tell what the function gives for these arguments."""
        return common_kind(self, [argument.kind for argument in arguments])

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        """Tell whether NULL may come out."""
        return any(argument.nullable for argument in arguments)

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        """Write the call for one product; a function that it is not known by is called by the name given."""
        columns = [argument.column for argument in arguments]
        if self.function in backend.functions or not self.function:
            return backend.function(self.function, columns, arguments[0].kind if arguments else None)
        return getattr(sa.func, self.function)(*columns)  # type: ignore[no-any-return]

    def resolve(self, scope: Scope) -> Resolved:
        arguments = [argument.resolve(scope) for argument in self.arguments]
        kind = as_kind(self.output_field) if self.output_field is not None else self.kind(arguments)
        column = self.build(scope.database.backend, arguments)
        return joined(column, kind, arguments, nullable=self.nullable(arguments))

    def default_name(self) -> str:
        raise TypeError(f"{type(self).__name__} needs a name: write name={self!r}.")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.arguments))})"


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
    >>> When(score__gt=10, then=Value("high"))
    When(Q(score__gt=10), then=Value('high'))
    """

    def __init__(self, condition: Any = None, then: Any = None, **conditions: Any) -> None:
        from multidb_explorer.query.conditions import Q

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


# What expressions are made of

_FUNCTION_NAME = re.compile(r"[A-Za-z_]\w*")


def as_expression(given: Any) -> Expression:
    """Take an expression as it is, a text as the name of a field, a condition as itself, and the rest as a constant.

    Examples
    --------
    >>> as_expression("name"), as_expression(5)
    (F('name'), 5)
    """
    from multidb_explorer.query.conditions import Q, Truth

    if isinstance(given, Expression):
        return given
    if isinstance(given, Q):
        return Truth(given)
    return F(given) if isinstance(given, str) else Value(given)


def as_value(given: Any) -> Expression:
    """Take an expression as it is and everything else as a constant."""
    return given if isinstance(given, Expression) else Value(given)


def joined(column: sa.ColumnElement[Any], kind: Kind, parts: Iterable[Resolved], *, nullable: bool = True) -> Resolved:
    """Make one resolved expression of several: what its parts contain, it contains."""
    parts = list(parts)
    aggregate, window = any(p.aggregate for p in parts), any(p.window for p in parts)
    inner = tuple(group for part in parts for group in part.groups)
    groups = inner if aggregate or window else (column,)
    return Resolved(column, kind, nullable, groups, aggregate, window)


_PYTHON_KINDS: dict[type, Kind] = {
    bool: Kind("boolean"),
    int: Kind("integer"),
    float: Kind("float"),
    str: Kind("text"),
    bytes: Kind("binary"),
    Decimal: Kind("decimal"),
    dt.datetime: Kind("timestamp"),
    dt.date: Kind("date"),
    dt.time: Kind("time"),
    dt.timedelta: Kind("interval"),
    uuid.UUID: Kind("uuid"),
}


def as_kind(output_field: Any) -> Kind:
    """Give the kind that an ``output_field`` names: a SQLAlchemy type, a Python type or a `Kind`.

    Raises
    ------
    FieldError
        For anything else.

    Examples
    --------
    >>> str(as_kind(int)), str(as_kind(sa.Numeric(10, 2)))
    ('64-bit integer', 'decimal(10, 2)')
    """
    if isinstance(output_field, Kind):
        return output_field
    if isinstance(output_field, type) and output_field in _PYTHON_KINDS:
        return _PYTHON_KINDS[output_field]
    found = output_field() if isinstance(output_field, type) else output_field
    if isinstance(found, sa.types.TypeEngine):
        return kind_of(found)
    raise FieldError(f"output_field takes a SQLAlchemy type or a Python type such as int, not {output_field!r}.")


def kind_of_value(value: Any) -> Kind:
    """Tell what a Python value is.

    Examples
    --------
    >>> str(kind_of_value(Decimal("1.50")))
    'decimal(38, 2)'
    """
    if value is None:
        return Kind("any")
    if isinstance(value, float) and math.isnan(value):
        raise FieldValueError("NaN is no constant to compute with; use None for NULL.")
    if isinstance(value, Decimal) and value.is_finite():
        return Kind("decimal", precision=38, scale=max(0, -int(value.as_tuple().exponent)))
    if isinstance(value, dt.datetime):
        return Kind("timestamp", tz=value.tzinfo is not None)
    for type_, kind in _PYTHON_KINDS.items():
        if isinstance(value, type_):
            return kind
    if isinstance(value, list | tuple):
        return Kind("array", item=kind_of_value(next(iter(value), None)))
    raise FieldError(f"A {type(value).__name__} is no value that a database can compute with.")


def common_kind(asked: Any, kinds: Iterable[Kind]) -> Kind:
    """Give the one kind of several alternatives; what NULL is follows from the others.

    Raises
    ------
    FieldError
        For kinds that don't mix.
    """
    known = [kind for kind in kinds if kind.name != "any"]
    if not known:
        return Kind("any")
    names = {kind.name for kind in known}
    if len(names) == 1:
        return _widest(known)
    if names <= {"text", "enum", "other"}:
        return Kind("text")
    if names == {"integer", "decimal"}:
        return _widest([kind if kind.name == "decimal" else Kind("decimal", precision=38, scale=0) for kind in known])
    if names == {"integer", "float"}:
        return Kind("float")
    raise FieldError(f"{asked!r} mixes {', '.join(sorted(map(str, known)))}; say which with output_field.")


def declared(wanted: Kind, computed: Kind) -> Kind:
    """Give what an ``output_field`` makes of an expression: it names the kind, and rounds nothing.

    Examples
    --------
    >>> str(declared(Kind("decimal", precision=8, scale=2), Kind("decimal", precision=38, scale=6)))
    'decimal'
    """
    if wanted.name != "decimal" or computed.name in ("integer", "any"):
        return wanted
    fits = computed.name == "decimal" and computed.scale is not None and computed.scale <= (wanted.scale or 0)
    return wanted if fits else Kind("decimal")


def _stated(asked: Case, kinds: Iterable[Kind]) -> Kind:
    wanted = as_kind(asked.output_field)
    for kind in kinds:
        wanted = declared(wanted, kind)
    return wanted


def _widest(kinds: Sequence[Kind]) -> Kind:
    first = kinds[0]
    if all(kind == first for kind in kinds):
        return first
    match first.name:
        case "decimal":
            scales = [kind.scale for kind in kinds]
            known = [scale for scale in scales if scale is not None]
            return Kind("decimal") if len(known) < len(scales) else Kind("decimal", precision=38, scale=max(known))
        case "timestamp":
            return Kind("timestamp", tz=any(kind.tz for kind in kinds))
        case "text" | "enum":
            return Kind("text")
        case "integer" | "float":
            return Kind(first.name)
    return first
