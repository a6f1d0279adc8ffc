"""How a QuerySet is refined: every method gives another one, and none asks the database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.routers import for_read
from multidb_explorer.errors import CrossDatabaseError, FieldValueError, NotSupportedError
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, F, Ordering, Value, as_expression
from multidb_explorer.query.source import Source
from multidb_explorer.query.state import Annotated, Chosen, Combination, OrderTerm, QueryState, Where

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["Building"]

M = TypeVar("M")

_UNSAFE_NAME = re.compile(r"['`\"\]\[;\s\x00-\x1f]|--|/\*|\*/")


class Building(Generic[M]):
    """The part of a QuerySet that says what is asked.

    Parameters
    ----------
    source
        What is read.
    state
        What was asked so far.
    """

    def __init__(self, source: Source, state: QueryState | None = None) -> None:
        self._source = source
        self._state = state or QueryState()

    def _with(self, **changes: Any) -> Self:
        return type(self)(self._source, self._state.but(**changes))

    def _then(self, step: Where | Annotated | Chosen, **changes: Any) -> Self:
        return type(self)(self._source, self._state.then(step, **changes))

    # Which database

    @property
    def db(self) -> str:
        """The alias that is asked: the one that ``using()`` named, else a router's, the model's, or ``default``."""
        return for_read(self._source, self._state.alias)

    def using(self, alias: str | None) -> Self:
        """Ask another database; ``None`` goes back to the model's own.

        Raises
        ------
        ConnectionDoesNotExist
            At once, for an unknown alias.
        """
        if alias is not None:
            _ = databases[alias]
        return self._with(alias=alias)

    # Which rows

    def all(self) -> Self:
        """Give a fresh copy that has read nothing yet."""
        return self._with()

    def filter(self, *parts: Q | Expression, **conditions: Any) -> Self:
        """Keep the rows that fulfil all conditions: `Q` objects, or keywords written ``field__lookup=value``.

        Conditions of one call on a relation to several rows mean the same related row; those of two calls may mean
        different ones.

        Raises
        ------
        TypeError
            After a slice, since it would not be clear which of the two comes first.
        """
        return self._where(Q(*parts, **conditions), "filter")

    def exclude(self, *parts: Q | Expression, **conditions: Any) -> Self:
        """Drop the rows that fulfil all conditions; a row where one is NULL stays."""
        return self._where(~Q(*parts, **conditions), "exclude")

    def _where(self, condition: Q, what: str) -> Self:
        self._refuse_combined(what)
        if not condition:
            return self._with()
        self._refuse_slice("filter")
        return self._then(Where(condition))

    def distinct(self, *fields: str) -> Self:
        """Read equal rows once; with fields, one row for each value of these, where the engine has that.

        Fields that order the rows and are not read take part: two rows that differ in one of them are not equal.
        """
        self._refuse_combined("distinct")
        self._refuse_slice("use distinct()")
        return self._with(distinct=fields or True)

    def none(self) -> Self:
        """Give a set that is known to be empty and asks nothing."""
        return self._with(empty=True)

    # In which order

    def order_by(self, *terms: OrderTerm) -> Self:
        """Order by fields, ``-name`` for descending, ``?`` for chance, or expressions; without terms, by nothing.

        Rows that are equal by these are told apart by the key, so that pages never overlap.
        """
        self._refuse_slice("order")
        for term in terms:
            if not isinstance(term, str | Expression | Ordering):
                raise TypeError(f"order_by() takes names and expressions, not {term!r}.")
        return self._with(order=terms)

    def reverse(self) -> Self:
        """Turn the order around; an unordered set is ordered by its key first."""
        self._refuse_slice("reverse")
        return self._with(flipped=not self._state.flipped)

    def in_any_order(self) -> Self:
        """Leave the order to the database also where a slice is taken, for when any rows will do."""
        return self._with(any_order=True)

    @property
    def ordered(self) -> bool:
        """Whether an order was asked for."""
        return bool(self._state.order) or self._state.empty

    @property
    def ordered_by(self) -> tuple[str, ...]:
        """The terms of the order that are names, ``-name`` for descending."""
        return tuple(term for term in self._state.order if isinstance(term, str))

    @property
    def whole(self) -> bool:
        """Whether every row of the table is asked for, each once."""
        state = self._state
        return not (state.steps or state.sliced or state.empty or state.distinct or state.combination)

    # What is read

    def annotate(self, *expressions: Expression, **named: Any) -> Self:
        """Compute more columns; an aggregate gives one value a row, or after ``values()`` one a group.

        Raises
        ------
        TypeError, ValueError
            For an expression without a name, and for a name that can't be used.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from sqlalchemy import Column, Integer, String
        >>> mdb.configure({"default": "sqlite://"})
        >>> class Sale(mdb.Model):
        ...     id = Column(Integer, primary_key=True)
        ...     shop = Column(String(40))
        >>> print(Sale.objects.values("shop").annotate(n=mdb.Count("id")).sql)
        SELECT sale.shop, count(sale.id) AS n
        FROM sale GROUP BY sale.shop
        """
        return self._annotated(expressions, named, shown=True)

    def alias(self, *expressions: Expression, **named: Any) -> Self:
        """Name expressions for use in filters, orders and other expressions without reading them."""
        return self._annotated(expressions, named, shown=False)

    def _annotated(self, expressions: Iterable[Any], named: dict[str, Any], *, shown: bool) -> Self:
        self._refuse_combined("annotate" if shown else "alias")
        items = named_expressions(expressions, named)
        return self._then(Annotated(tuple(items.items()), shown)) if items else self._with()

    def values(self, *names: str | Expression, **expressions: Any) -> QuerySet[dict[str, Any]]:
        """Read only some fields, all if none is named; rows are dictionaries, and frames have these columns.

        Raises
        ------
        FieldError
            For an unknown field, when it is read.
        """
        return cast("QuerySet[dict[str, Any]]", self._choosing(names, expressions, "dict"))

    def values_list(self, *names: str | Expression, flat: bool = False, named: bool = False) -> QuerySet[Any]:
        """Read only some fields; rows are tuples, named tuples, or with ``flat=True`` the values of one field.

        Raises
        ------
        TypeError
            For ``flat=True`` with more than one field, or together with ``named=True``.
        """
        if flat and named:
            raise TypeError("'flat' and 'named' can't be used together.")
        if flat and len(names) > 1:
            raise TypeError("'flat' is not valid when values_list is called with more than one field.")
        return cast("QuerySet[Any]", self._choosing(names, {}, "value" if flat else "named" if named else "tuple"))

    def _choosing(self, names: tuple[str | Expression, ...], expressions: dict[str, Any], shape: str) -> Self:
        if self._state.fields is not None:
            raise TypeError("Cannot call values() or values_list() after only() or defer(); name the fields here.")
        computed: dict[str, Expression] = {}
        chosen = []
        for name in names:
            if isinstance(name, str):
                chosen.append(name)
            elif isinstance(name, Expression):
                chosen.append(_own_name(name, {*computed, *expressions, *chosen}))
                computed[chosen[-1]] = name
            else:
                raise TypeError(f"values() takes names and expressions, not {name!r}.")
        computed |= named_expressions((), expressions)
        asked = self._then(Annotated(tuple(computed.items()))) if computed else self
        return asked._then(Chosen((*chosen, *expressions)), shape=shape)

    def only(self, *names: str) -> Self:
        """Load instances with these fields only; another one is read when it is asked for."""
        self._refuse_combined("only")
        self._refuse_values("only")
        return self._with(fields=names, deferred=False)

    def defer(self, *names: str | None) -> Self:
        """Load instances without these fields; one is read when it is asked for; ``None`` loads all again."""
        self._refuse_combined("defer")
        self._refuse_values("defer")
        if names == (None,):
            return self._with(fields=None, deferred=False)
        state, given = self._state, tuple(str(name) for name in names)
        if state.fields is not None and not state.deferred:
            return self._with(fields=tuple(name for name in state.fields if name not in given))
        return self._with(fields=(*(state.fields or ()), *given), deferred=True)

    def select_related(self, *relations: str | None) -> Self:
        """Read related rows by the same statement; ``None`` takes that back."""
        self._refuse_combined("select_related")
        self._refuse_values("select_related")
        if relations == (None,):
            return self._with(related=())
        named = tuple(str(name) for name in relations) or ("*",)
        return self._with(related=tuple(dict.fromkeys((*self._state.related, *named))))

    def prefetch_related(self, *lookups: Any) -> Self:
        """Read related rows by one more statement for each relation; ``None`` takes that back."""
        self._refuse_combined("prefetch_related")
        self._refuse_values("prefetch_related")
        return self._with(prefetched=() if lookups == (None,) else (*self._state.prefetched, *lookups))

    # Several QuerySets

    def union(self, *others: QuerySet[Any], all: bool = False) -> Self:  # noqa: A002 -- Django's name
        """Put the rows of several QuerySets together; equal rows once, unless ``all=True``.

        Raises
        ------
        CrossDatabaseError
            For parts that are bound to different databases.
        """
        return self._combine("union", others, keep_all=all)

    def intersection(self, *others: QuerySet[Any]) -> Self:
        """Keep the rows that all QuerySets have."""
        return self._combine("intersection", others)

    def difference(self, *others: QuerySet[Any]) -> Self:
        """Keep the rows that no other QuerySet has."""
        return self._combine("difference", others)

    def _combine(self, kind: str, others: tuple[Any, ...], *, keep_all: bool = False) -> Self:
        for other in others:
            self._refuse_other(other, kind, same_model=False)
        parts = cast("tuple[QuerySet[Any], ...]", (self, *others))
        if kind == "intersection" and any(part._state.empty for part in parts):
            return self.none()
        empty = kind == "difference" and self._state.empty
        state = QueryState(alias=self._state.alias, shape=self._state.shape, empty=empty)
        return type(self)(self._source, state.but(combination=Combination(kind, keep_all, parts)))

    def __and__(self, other: Self) -> Self:
        self._refuse_other(other, "&")
        if self._state.empty or other._state.empty:
            return self.none()
        theirs = (step for step in other._state.steps if isinstance(step, Where))
        return self._merged(other, (*self._state.steps, *theirs))

    def __or__(self, other: Self) -> Self:
        return self._joined(other, "|")

    def __xor__(self, other: Self) -> Self:
        return self._joined(other, "^")

    def _joined(self, other: Self, sign: str) -> Self:
        self._refuse_other(other, sign)
        if self._state.empty or other._state.empty:
            return other if self._state.empty else self
        mine, theirs = (Q(*(s.condition for s in each._state.steps if isinstance(s, Where))) for each in (self, other))
        rest = tuple(step for step in self._state.steps if not isinstance(step, Where))
        if not mine or not theirs:
            # The side without a condition is all rows.
            if sign == "|":
                return self._merged(other, rest)
            if not mine and not theirs:
                return self.none()
            mine, theirs = mine or theirs, Q(Value(value=True))
        return self._merged(other, (*rest, Where(mine | theirs if sign == "|" else mine ^ theirs)))

    def _merged(self, other: Self, steps: tuple[Any, ...]) -> Self:
        return self._with(steps=steps, order=other._state.order or self._state.order)

    def _refuse_other(self, other: Any, sign: str, *, same_model: bool = True) -> None:
        if not isinstance(other, Building):
            raise TypeError(f"A QuerySet combines with a QuerySet, not with {type(other).__name__}.")
        if self.db != other.db:
            raise CrossDatabaseError.mixed(f"The other QuerySet of {sign!r}", other.db, self.db)
        if not same_model:
            return
        for each in (self, other):
            each._refuse_combined(sign)
        if self._source is not other._source:
            names = f"{self._source.name} and {other._source.name}"
            raise TypeError(f"{sign} combines QuerySets of one model, not of {names}.")
        if self._state.sliced or other._state.sliced:
            raise TypeError("Cannot combine queries once a slice has been taken.")
        if self._state.distinct != other._state.distinct:
            raise TypeError("Cannot combine a unique query with a non-unique query.")

    # What can't follow what

    def _refuse_slice(self, what: str) -> None:
        if self._state.sliced:
            raise TypeError(f"Can't {what} after a slice was taken; {what} first, then slice.")

    def _refuse_combined(self, what: str) -> None:
        if self._state.combination is not None:
            raise NotSupportedError(
                f"Calling QuerySet.{what}() after {self._state.combination.kind}() is not supported; "
                f"do it on the parts, before they are combined."
            )

    def _refuse_values(self, what: str) -> None:
        if self._state.chosen:
            raise TypeError(f"Cannot call {what}() after values() or values_list(), which give no instances.")


def named_expressions(expressions: Iterable[Any], named: dict[str, Any]) -> dict[str, Expression]:
    """Give every expression its name, and check that the names are safe and not taken twice."""
    found: dict[str, Expression] = {}
    for expression in expressions:
        if not isinstance(expression, Expression):
            raise TypeError(f"{expression!r} is no expression.")
        name = expression.default_name()
        if name in named:
            raise FieldValueError(f"The named annotation {name!r} conflicts with the default name of {expression!r}.")
        found[name] = expression
    for name, given in named.items():
        if not isinstance(given, Expression | Q):
            raise TypeError(f"{name}={given!r} is no expression; a constant is Value({given!r}), a field F({given!r}).")
        found[name] = as_expression(given)
    for name in found:
        if _UNSAFE_NAME.search(name):
            raise FieldValueError(
                f"{name!r} can't name a column: whitespace, quotes, brackets, semicolons and SQL comments are refused."
            )
    return found


def _own_name(expression: Expression, taken: set[str]) -> str:
    try:
        name = expression.default_name()
    except TypeError:
        name = type(expression).__name__.lower()
    if isinstance(expression, F) or name not in taken:
        return name if name not in taken else f"{name}_{len(taken)}"
    return f"{name}_{len(taken)}"
