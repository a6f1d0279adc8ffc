"""Expressions: what a query computes from columns, values and other expressions, in the database.

Each is a small immutable object that knows no database. `resolve` gives its SQL on one: a SQLAlchemy element
together with what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import canonical, plain
from multidb_explorer.errors import FieldValueError
from multidb_explorer.query.output_kinds import as_kind, common_kind, kind_of_value

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend
    from multidb_explorer.query.arithmetic import Combined
    from multidb_explorer.query.conditions import Q
    from multidb_explorer.query.scope import Scope

__all__ = [
    "Expression",
    "F",
    "Func",
    "Ordering",
    "Resolved",
    "Value",
    "as_expression",
]


@dataclass(frozen=True, eq=False, init=False)
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

    def __init__(  # noqa: PLR0913, PLR0917 -- one for each field
        self,
        column: sa.ColumnElement[Any],
        kind: Kind,
        nullable: bool = True,
        groups: tuple[sa.ColumnElement[Any], ...] = (),
        aggregate: bool = False,
        window: bool = False,
        stored: bool = False,
        strict: bool = False,
    ) -> None:
        # Made for every part of every query: the way of a frozen dataclass takes three times as long.
        made = self.__dict__
        made["column"], made["kind"], made["nullable"], made["groups"] = column, kind, nullable, groups
        made["aggregate"], made["window"], made["stored"], made["strict"] = aggregate, window, stored, strict


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
        return _combined(self, "+", as_value(other))

    def __radd__(self, other: Any) -> Combined:
        return _combined(as_value(other), "+", self)

    def __sub__(self, other: Any) -> Combined:
        return _combined(self, "-", as_value(other))

    def __rsub__(self, other: Any) -> Combined:
        return _combined(as_value(other), "-", self)

    def __mul__(self, other: Any) -> Combined:
        return _combined(self, "*", as_value(other))

    def __rmul__(self, other: Any) -> Combined:
        return _combined(as_value(other), "*", self)

    def __truediv__(self, other: Any) -> Combined:
        return _combined(self, "/", as_value(other))

    def __rtruediv__(self, other: Any) -> Combined:
        return _combined(as_value(other), "/", self)

    def __mod__(self, other: Any) -> Combined:
        return _combined(self, "%", as_value(other))

    def __rmod__(self, other: Any) -> Combined:
        return _combined(as_value(other), "%", self)

    def __pow__(self, other: Any) -> Combined:
        return _combined(self, "**", as_value(other))

    def __rpow__(self, other: Any) -> Combined:
        return _combined(as_value(other), "**", self)

    def __neg__(self) -> Combined:
        return _combined(self, "*", Value(-1))

    def __and__(self, other: Any) -> Q:
        return _condition(self) & _condition(other)

    def __or__(self, other: Any) -> Q:
        return _condition(self) | _condition(other)

    def __xor__(self, other: Any) -> Q:
        return _condition(self) ^ _condition(other)

    def __invert__(self) -> Q:
        return ~_condition(self)


def _combined(left: Expression, sign: str, right: Expression) -> Combined:
    from multidb_explorer.query.arithmetic import Combined

    return Combined(left, sign, right)


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
