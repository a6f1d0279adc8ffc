"""Rows that a table would not take: which, why, and how many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, overload

from multidb_explorer.display import html_table, text_table
from multidb_explorer.errors import RowsRejected

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LISTED", "Rejection", "Rejections", "Rule"]

LISTED = 10_000
"""How many rejections are kept; the others are only counted."""

Rule = Literal[
    "missing",
    "not_null",
    "type",
    "range",
    "length",
    "precision",
    "enum",
    "unknown_column",
    "unique",
    "foreign_key",
    "check",
    "database",
]
"""What a row may offend against."""


@dataclass(frozen=True)
class Rejection:
    """Why the table does not take one row, or any row.

    Attributes
    ----------
    row
        Its place among the rows that were given, from 0; ``None`` where all of them are meant.
    key
        What it has in the columns of the key, as far as that is known.
    column
        The column, or several joined by commas; empty where nobody can tell.
    rule
        One of `Rule`.
    message
        A sentence with the column, the table and the alias.
    value_type
        What the value was: ``str``, ``float``; ``NULL`` where there was none.

    Examples
    --------
    >>> Rejection(4, {"id": 7}, "name", "not_null", "Column 'name' can't be NULL.", "NULL").key
    {'id': 7}
    """

    row: int | None
    key: Mapping[str, Any] = field(hash=False)
    column: str
    rule: Rule
    message: str
    value_type: str = ""


class Rejections:
    """All rejections of one write, in the order in which they were found.

    Parameters
    ----------
    where
        The table and its alias, for messages.
    items
        What to begin with.

    Attributes
    ----------
    count
        How many there are, of which the first `LISTED` are kept.
    rows
        How many rows were given, good ones included.

    Examples
    --------
    >>> found = Rejections("table 'users' on alias 'new'")
    >>> found.add(Rejection(0, {}, "name", "not_null", "It can't be NULL.", "NULL"))
    >>> found
    1 rejection of table 'users' on alias 'new'
    row  key  column  rule      value  message
    0         name    not_null  NULL   It can't be NULL.
    """

    def __init__(self, where: str = "", items: Iterable[Rejection] = ()) -> None:
        self.where = where
        self.count = 0
        self.rows = 0
        self._items: list[Rejection] = []
        self.extend(items)

    def add(self, rejection: Rejection) -> None:
        """Note one."""
        self.count += 1
        if len(self._items) < LISTED:
            self._items.append(rejection)

    def extend(self, rejections: Iterable[Rejection]) -> None:
        """Note several."""
        for rejection in rejections:
            self.add(rejection)

    def more(self, count: int) -> None:
        """Note some that nobody described."""
        self.count += count

    @property
    def full(self) -> bool:
        """Whether no more are kept, so that there is no use in describing them."""
        return len(self._items) >= LISTED

    def error(self) -> RowsRejected:
        """Make the error that lists them."""
        shown = text_table(_HEADER, _cells(self._items[:10]))
        more = f"\nand {self.count - 10:,} more in .rejections" if self.count > 10 else ""
        place = f"{self.where[:1].upper()}{self.where[1:]}"
        return RowsRejected(
            f"{place} does not take these rows, so none of the {self.rows:,} was written "
            f"({_many(self.count)}):\n{shown}{more}\n"
            f'errors="collect" writes the others and lists these in its report.',
            rejections=self._items,
        )

    def to_pandas(self) -> pd.DataFrame:
        """Give one row for each: row, key, column, rule, value_type, message.

        Examples
        --------
        >>> list(Rejections().to_pandas().columns)
        ['row', 'key', 'column', 'rule', 'value_type', 'message']
        """
        import pandas as pd

        names = ("row", "key", "column", "rule", "value_type", "message")
        values = {name: [getattr(item, name) for item in self._items] for name in names}
        return pd.DataFrame({**values, "row": pd.array(values["row"], dtype="Int64")})

    @overload
    def __getitem__(self, index: int) -> Rejection: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Rejection]: ...
    def __getitem__(self, index: int | slice) -> Rejection | Sequence[Rejection]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Rejection]:
        return iter(self._items)

    @property
    def _caption(self) -> str:
        more = f", the first {min(20, len(self)):,} shown" if self.count > 20 else ""
        return f"{_many(self.count)} of {self.where or 'rows'}{more}"

    def __repr__(self) -> str:
        return f"{self._caption}\n{text_table(_HEADER, _cells(self._items[:20]))}" if self.count else self._caption

    def _repr_html_(self) -> str:
        return html_table(_HEADER, _cells(self._items[:20]), caption=self._caption, right=[0], whole=[5])


_HEADER = ("row", "key", "column", "rule", "value", "message")


def _cells(rejections: Iterable[Rejection]) -> list[list[str | None]]:
    return [
        [
            "all" if found.row is None else str(found.row),
            ", ".join(f"{name}={value!r}" for name, value in found.key.items()),
            found.column,
            found.rule,
            found.value_type,
            found.message,
        ]
        for found in rejections
    ]


def _many(count: int) -> str:
    return f"{count:,} rejection{'' if count == 1 else 's'}"
