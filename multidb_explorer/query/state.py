"""What a QuerySet was asked so far, as one frozen value that is never changed, only replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace

from multidb_explorer.query.expressions import Q

__all__ = ["QueryState"]


@dataclass(frozen=True)
class QueryState:
    """Everything that decides what a QuerySet reads, and from where.

    Attributes
    ----------
    alias
        The alias that ``using()`` named, or ``None``.
    start, stop
        The slice, counted from the first row.
    columns
        The fields that are read; ``None`` for all of them.
    shape
        What a row becomes: ``instance``, ``dict``, ``tuple``, ``value`` or ``named``.
    empty
        Whether it is known to have no rows, so that no SQL is needed.
    """

    alias: str | None = None
    where: tuple[Q, ...] = ()
    order: tuple[str, ...] = ()
    start: int = 0
    stop: int | None = None
    columns: tuple[str, ...] | None = None
    shape: str = "instance"
    empty: bool = False

    @property
    def sliced(self) -> bool:
        """Whether a slice was taken."""
        return self.start > 0 or self.stop is not None

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
        return replace(self, start=first, stop=last, empty=self.empty or (last is not None and last <= first))
