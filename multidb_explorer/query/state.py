"""What a QuerySet was asked so far, as one frozen value that is never changed, only replaced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, Ordering

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["Annotated", "Chosen", "Combination", "Lock", "OrderTerm", "QueryState", "Step", "Where"]

OrderTerm = str | Expression | Ordering


@dataclass(frozen=True)
class Where:
    """One ``filter()`` or ``exclude()``: its conditions on several related rows mean the same related row."""

    condition: Q


@dataclass(frozen=True)
class Annotated:
    """One ``annotate()`` or ``alias()``.

    Attributes
    ----------
    shown
        Whether the values are read, or only usable by other parts of the query.
    """

    items: tuple[tuple[str, Expression], ...]
    shown: bool = True


@dataclass(frozen=True)
class Chosen:
    """One ``values()`` or ``values_list()``: what is read; nothing named means everything."""

    names: tuple[str, ...]


Step = Where | Annotated | Chosen


@dataclass(frozen=True)
class Combination:
    """A set operation of several QuerySets.

    Attributes
    ----------
    kind
        ``union``, ``intersection`` or ``difference``.
    all
        Whether equal rows stay.
    """

    kind: str
    all: bool
    # A QuerySet shows its rows; what is only said must not ask for them.
    parts: tuple[QuerySet[Any], ...] = field(repr=False)


@dataclass(frozen=True)
class Lock:
    """How ``select_for_update()`` holds rows that others may hold: by waiting, failing at once, or leaving them out."""

    nowait: bool = False
    skip_locked: bool = False


@dataclass(frozen=True)
class QueryState:
    """Everything that decides what a QuerySet reads, and from where.

    Attributes
    ----------
    alias
        The alias that ``using()`` named, or ``None``.
    steps
        Filters, annotations and choices of columns, in the order in which they were asked for: it matters.
    flipped
        Whether ``reverse()`` turned the order around.
    start, stop
        The slice, counted from the first row.
    shape
        What a row becomes: ``instance``, ``dict``, ``tuple``, ``value`` or ``named``.
    distinct
        Whether equal rows are read once; or the fields by which rows count as equal.
    fields
        The fields that instances are loaded with; ``None`` for all of them.
    deferred
        Whether `fields` are instead those that are left out.
    related
        Relations whose rows are read by the same statement.
    prefetched
        Relations whose rows are read by one more statement each.
    any_order
        Whether the order of the rows is of no interest, be there a slice or not.
    combination
        The set operation that the rows come from.
    empty
        Whether it is known to have no rows, so that no SQL is needed.
    lock
        Whether its rows are locked when they are read, and how.
    """

    alias: str | None = None
    steps: tuple[Step, ...] = ()
    order: tuple[OrderTerm, ...] = ()
    flipped: bool = False
    start: int = 0
    stop: int | None = None
    shape: str = "instance"
    distinct: bool | tuple[str, ...] = False
    fields: tuple[str, ...] | None = None
    deferred: bool = False
    related: tuple[str, ...] = ()
    prefetched: tuple[Any, ...] = ()
    any_order: bool = False
    combination: Combination | None = None
    empty: bool = False
    lock: Lock | None = None

    @property
    def sliced(self) -> bool:
        """Whether a slice was taken."""
        return self.start > 0 or self.stop is not None

    @property
    def most(self) -> int | None:
        """How many rows a slice gives at most, or ``None``."""
        return None if self.stop is None else max(0, self.stop - self.start)

    @property
    def chosen(self) -> bool:
        """Whether the columns were chosen by ``values()`` or ``values_list()``."""
        return self.shape != "instance"

    def but(self, **changes: Any) -> QueryState:
        """Change some of it."""
        # Every method of a QuerySet comes here: dataclasses.replace() would take longer than all else that it does.
        made = object.__new__(QueryState)
        made.__dict__.update(self.__dict__, **changes)
        return made

    def then(self, step: Step, **changes: Any) -> QueryState:
        """Add a step, and change something else with it."""
        return self.but(steps=(*self.steps, step), **changes)

    def sliced_to(self, start: int | None, stop: int | None) -> QueryState:
        """Take a slice of the present slice.

        Examples
        --------
        >>> state = QueryState().sliced_to(10, 20).sliced_to(5, None)
        >>> state.start, state.stop
        (15, 20)
        """
        first = self.start + (start or 0)
        last = self.stop if stop is None else self.start + stop
        if self.stop is not None and last is not None:
            last = min(last, self.stop)
        return self.but(start=first, stop=last, empty=self.empty or (last is not None and last <= first))
