"""Window functions: one value a row, computed from the rows around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.computing import Over
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError
from multidb_explorer.query.aggregates import Aggregate
from multidb_explorer.query.expressions import Expression, Func, Ordering, Resolved, as_expression
from multidb_explorer.query.output_kinds import as_kind

if TYPE_CHECKING:
    from multidb_explorer.query.scope import Scope

__all__ = [
    "CumeDist",
    "DenseRank",
    "FirstValue",
    "Lag",
    "LastValue",
    "Lead",
    "NthValue",
    "Ntile",
    "PercentRank",
    "Rank",
    "RowNumber",
    "RowRange",
    "ValueRange",
    "Window",
    "WindowFunction",
]

_INTEGER, _FLOAT = Kind("integer"), Kind("float")


@dataclass(frozen=True)
class RowRange:
    """The rows of a window, counted from the current one.

    Attributes
    ----------
    start, end
        How many rows before (negative) or after it; ``None`` for all of them.

    Examples
    --------
    >>> RowRange(start=-2, end=0)
    RowRange(start=-2, end=0)
    """

    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        for bound in (self.start, self.end):
            if bound is not None and not isinstance(bound, int):
                raise ValueError(f"The bounds of a frame are whole numbers or None, not {bound!r}.")
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError(f"A frame can't end before it starts: start={self.start}, end={self.end}.")

    @property
    def options(self) -> dict[str, tuple[int | None, int | None]]:
        """What SQLAlchemy's OVER takes."""
        return {"rows": (self.start, self.end)}


@dataclass(frozen=True)
class ValueRange(RowRange):
    """The rows of a window, by the value that orders them: ``None``, or 0 for the current value and its equals.

    Examples
    --------
    >>> ValueRange(end=0)
    ValueRange(start=None, end=0)
    """

    @property
    def options(self) -> dict[str, tuple[int | None, int | None]]:
        """What SQLAlchemy's OVER takes."""
        return {"range_": (self.start, self.end)}


class WindowFunction(Func):
    """A function that only works inside ``Window``."""

    numbers: tuple[int, ...] = ()
    """Counts of rows that follow the arguments."""

    def resolve(self, scope: Scope) -> Resolved:
        raise FieldError(f"{self!r} needs the rows around it: write Window({self!r}, order_by=...).")

    def over(self, scope: Scope, window: Over) -> Resolved:
        """Give the function over the rows of a window."""
        found = super().resolve(scope)
        # What is looked at in other rows is a part of this row's group; the function itself is not.
        parts = [argument.resolve(scope).groups for argument in self.arguments]
        return replace(found, column=window(found.column), groups=tuple(group for part in parts for group in part))

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        called: sa.ColumnElement[Any] = self.called([argument.column for argument in arguments])
        return called

    def called(self, columns: Sequence[sa.ColumnElement[Any]]) -> Any:
        """Write the call; how many rows is a whole number of 32 bits, as every product takes it."""
        numbers = [sa.literal(number, sa.Integer()) for number in self.numbers]
        return getattr(sa.func, self.function)(*columns, *numbers)


class _Ranking(WindowFunction):
    arity: ClassVar[int | None] = 0

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return _INTEGER


class RowNumber(_Ranking):
    """The place of the row, from 1."""

    function = "row_number"


class Rank(_Ranking):
    """The place of the row; equals share one, and the next place is left out."""

    function = "rank"


class DenseRank(_Ranking):
    """The place of the row; equals share one, and no place is left out."""

    function = "dense_rank"


class PercentRank(_Ranking):
    """The rank as a share between 0 and 1."""

    function = "percent_rank"

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return _FLOAT


class CumeDist(PercentRank):
    """The share of the rows up to this one and its equals."""

    function = "cume_dist"


class Ntile(_Ranking):
    """The part that the row falls into, of so many equally large ones."""

    function = "ntile"
    arity = None

    def __init__(self, num_buckets: int = 1, **options: Any) -> None:
        if num_buckets <= 0:
            raise ValueError("Ntile takes a positive number of parts.")
        super().__init__(**options)
        self.numbers = (num_buckets,)


class _Neighbour(WindowFunction):
    def __init__(self, expression: Any, offset: int = 1, default: Any = None, **options: Any) -> None:
        if expression is None:
            raise ValueError(f"{type(self).__name__} needs a field or an expression.")
        if offset <= 0:
            raise ValueError(f"{type(self).__name__} takes a positive whole number of rows.")
        self.default = None if default is None else as_expression(default)
        super().__init__(expression, **options)
        self.numbers = (offset,)

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return arguments[0].kind

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return True


class Lag(_Neighbour):
    """The value so many rows before."""

    function = "lag"


class Lead(_Neighbour):
    """The value so many rows after."""

    function = "lead"


class FirstValue(WindowFunction):
    """The value of the first row of the frame."""

    function = "first_value"
    arity = 1

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return arguments[0].kind

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return True


class LastValue(FirstValue):
    """The value of the last row of the frame."""

    function = "last_value"


class NthValue(WindowFunction):
    """The value of the n-th row of the frame."""

    function = "nth_value"

    def __init__(self, expression: Any, nth: int = 1, **options: Any) -> None:
        if expression is None:
            raise ValueError("NthValue needs a field or an expression.")
        if nth <= 0:
            raise ValueError("NthValue takes a positive whole number.")
        super().__init__(expression, **options)
        self.numbers = (nth,)

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        return arguments[0].kind

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return True


class Window(Expression):
    """A window function or an aggregate over the rows around each row.

    Parameters
    ----------
    expression
        ``RowNumber()``, ``Lag("total")``, ``Sum("total")``, ...
    partition_by
        Fields or expressions: only rows with the same values count.
    order_by
        As in ``QuerySet.order_by``; one term or several.
    frame
        A `RowRange` or `ValueRange`.

    Examples
    --------
    >>> Window(RowNumber(), partition_by="country", order_by="-score")
    Window(RowNumber())
    """

    conditional: ClassVar[bool] = True

    def __init__(
        self,
        expression: Expression,
        partition_by: Any = None,
        order_by: Any = None,
        frame: RowRange | None = None,
        output_field: Any = None,
    ) -> None:
        if not isinstance(expression, WindowFunction | Aggregate):
            raise ValueError(f"{expression!r} is neither a window function nor an aggregate.")
        self.expression = expression
        self.partition_by = tuple(as_expression(each) for each in _several(partition_by))
        self.order_by = _several(order_by)
        self.frame = frame
        self.output_field = output_field

    def resolve(self, scope: Scope) -> Resolved:
        from multidb_explorer.query.selection import as_ordering

        partition = [each.resolve(scope) for each in self.partition_by]
        orderings = [as_ordering(term) for term in self.order_by]
        ordered = [each.expression.resolve(scope) for each in orderings]
        given = list(zip(ordered, orderings, strict=True))
        # A constant orders nothing, and some products order wrongly by one; but a rank needs some order.
        terms = [(each, term) for each, term in given if each.groups or each.aggregate]
        if isinstance(self.expression, WindowFunction):
            terms = terms or given
        options = self._options(scope, partition, terms)
        inner = self.expression.over(scope, lambda function: sa.over(function, **options))
        parts = [inner, *partition, *ordered]
        if any(each.window for each in parts):
            raise FieldError(f"{self!r} stands on another window function; give that one a place in an inner query.")
        return Resolved(
            self._with_default(inner.column, scope, options),
            inner.kind if self.output_field is None else as_kind(self.output_field),
            inner.nullable,
            groups=tuple(group for part in parts for group in part.groups),
            aggregate=any(part.aggregate for part in parts),
            window=True,
        )

    def _options(
        self, scope: Scope, partition: Sequence[Resolved], ordered: Sequence[tuple[Resolved, Ordering]]
    ) -> dict[str, Any]:
        from multidb_explorer.query.assembly import in_order

        backend = scope.database.backend
        order = [
            element
            for each, term in ordered
            for element in backend.ordered(
                in_order(scope.database, each, each.column),
                descending=term.descending,
                nulls=term.nulls,
                nullable=each.nullable,
            )
        ]
        options: dict[str, Any] = dict(self.frame.options) if self.frame is not None else {}
        texts = backend.features.merges_texts
        apart = [backend.by_code_points(p.column) if texts and p.kind.name == "text" else p.column for p in partition]
        if not apart and not order and backend.features.miscounts_open_windows and not scope.aggregates:
            # One partition all the same, but said in a way that the server does not see through.
            apart = [scope.base.column(name).is_(None) for name in scope.bound.key[:1]]
        return options | {"partition_by": apart or None, "order_by": order or None}

    def _with_default(
        self, column: sa.ColumnElement[Any], scope: Scope, options: dict[str, Any]
    ) -> sa.ColumnElement[Any]:
        """Put a default where there is no such row, which is not where its value is NULL."""
        function = self.expression
        if not isinstance(function, _Neighbour) or function.default is None:
            return column
        there: sa.ColumnElement[Any] = sa.over(function.called([sa.literal_column("1")]), **options)
        return sa.case((there.is_(None), function.default.resolve(scope).column), else_=column)

    def __repr__(self) -> str:
        return f"Window({self.expression!r})"


def _several(given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    return tuple(given) if isinstance(given, list | tuple) else (given,)
