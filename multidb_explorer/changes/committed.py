"""What a commit did: the statements that were sent, and every row as it was before and after."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.records import Change, Delete, Insert, Update, Values
from multidb_explorer.changes.showing import listed, phrase, rows_of, shown_at, statement_text
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import html_table, text_table

if TYPE_CHECKING:
    from multidb_explorer.changes.changeset import ChangeSet

__all__ = ["Applied", "Committed", "Counts", "Statement", "count"]

Counts = tuple[int, int, int]
"""Inserts, updates and deletes."""


@dataclass(frozen=True)
class Statement:
    """One statement as it goes to the database.

    Attributes
    ----------
    sql
        The text with its placeholders, in the dialect of the database.
    parameters
        The values by the names of their placeholders, in order.
    change
        What it is sent for; the first one where it writes several rows.

    Examples
    --------
    >>> print(Statement("default", "DELETE FROM users WHERE id = ?", {"id": 1}, Delete("users", {"id": 1})))
    DELETE FROM users WHERE id = ?
      [id=1]
    """

    alias: str
    sql: str
    parameters: Mapping[str, Any]
    change: Change

    def __str__(self) -> str:
        return statement_text(self.sql, self.parameters)


@dataclass(frozen=True)
class Applied:
    """One change that is in the database now.

    Attributes
    ----------
    change
        With the names of the database that it was written to, every value and key known.
    before, after
        The whole row, canonical values by the column's name; ``None`` where there was or is none.

    Examples
    --------
    >>> Applied(Delete("users", {"id": 1}), {"id": 1, "name": "Ann"}, None).after is None
    True
    """

    change: Change
    before: Values | None = None
    after: Values | None = None


@dataclass(frozen=True)
class Committed:
    """A change set that is in a database.

    Attributes
    ----------
    alias, fingerprint
        The database, by its name here and by its own identity.
    id
        Of the change set, 32 hexadecimal digits.
    at
        When it was sent, in UTC.
    statements
        What was sent, in order.
    changes
        In the order of the statements.
    seconds
        From the first statement to the end of the transaction.
    undoes
        The change set that this one is the inverse of.

    Examples
    --------
    >>> import datetime as dt
    >>> change = Applied(Insert("users", {"name": "Ann"}), None, {"id": 1, "name": "Ann"})
    >>> Committed("default", "sqlite:…", "0f", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), (), (change,)).counts
    {'users': (1, 0, 0)}
    """

    alias: str
    fingerprint: str
    id: str
    at: dt.datetime
    statements: tuple[Statement, ...] = field(repr=False)
    changes: tuple[Applied, ...] = field(repr=False)
    seconds: float = 0.0
    undoes: str | None = None

    @property
    def counts(self) -> dict[str, Counts]:
        """Inserts, updates and deletes by table."""
        return count(applied.change for applied in self.changes)

    def inverse(self, using: str | None = None) -> ChangeSet:
        """Give the change set that undoes this one, staged and not committed; see `mdb.inverse`.

        Parameters
        ----------
        using
            Where to undo it, if not where it was committed.

        Raises
        ------
        WriteRefused
            Where the alias is another database by now.

        Examples
        --------
        >>> import datetime as dt
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite://"})
        >>> from multidb_explorer.connections.registry import databases
        >>> here = databases["default"].fingerprint
        >>> Committed("default", here, "0f", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), (), ()).inverse()
        nothing staged
        """
        from multidb_explorer.changes.inverse import inverse

        return inverse(self, using)

    @property
    def _title(self) -> str:
        return f"Committed to {self.alias!r} at {shown_at(self.at)}: {phrase(self.counts.values(), 'written')}"

    def __str__(self) -> str:
        rows = listed(rows_of(applied.change, applied.after) for applied in self.changes)
        return f"{self._title}\n{text_table(_HEADER, rows)}" if rows else self._title

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = listed(rows_of(applied.change, applied.after) for applied in self.changes)
        color = databases[self.alias].color if self.alias in databases else None
        return html_table(_HEADER, rows, caption=self._title, color=color)


_HEADER = ("table", "key", "change", "column", "before", "after")


def count(changes: Iterable[Change]) -> dict[str, Counts]:
    """Count inserts, updates and deletes by table.

    Examples
    --------
    >>> count([Insert("users", {}), Delete("users", {"id": 1})])
    {'users': (1, 0, 1)}
    """
    found: dict[str, Counter[type]] = {}
    for change in changes:
        found.setdefault(change.table, Counter())[type(change)] += 1
    return {table: (kinds[Insert], kinds[Update], kinds[Delete]) for table, kinds in found.items()}
