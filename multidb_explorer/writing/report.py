"""What a write did."""

from __future__ import annotations

from dataclasses import dataclass, field

from multidb_explorer.connections.registry import databases
from multidb_explorer.display import html_table, text_table
from multidb_explorer.writing.rejecting import Rejections

__all__ = ["WriteReport"]


@dataclass(frozen=True, repr=False)
class WriteReport:
    """What a write did to a table.

    Attributes
    ----------
    alias, table
        Where.
    mode
        ``insert``, ``upsert`` or ``replace_rows``.
    rows
        How many rows were given.
    inserted, updated, deleted
        How many rows of the table are new, were matched and set, and are gone.
    rejected
        Why rows were not written, one entry for each reason.
    seconds
        How long it took, checks included.
    loader
        Who brought the rows into the database.

    Examples
    --------
    >>> WriteReport("new", "users", "insert", rows=2, inserted=2)
    2 rows to table 'users' on alias 'new' (insert)
    inserted  updated  deleted  not written  seconds
    2         0        0        0            0.000
    """

    alias: str
    table: str
    mode: str
    rows: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rejected: Rejections = field(default_factory=Rejections)
    seconds: float = 0.0
    loader: str = ""

    @property
    def not_written(self) -> int:
        """How many of the given rows were not written."""
        return self.rows - self.inserted - self.updated

    @property
    def _caption(self) -> str:
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return f"{rows} to table {self.table!r} on alias {self.alias!r} ({self.mode})"

    def _cells(self) -> list[str]:
        counts = (self.inserted, self.updated, self.deleted, self.not_written)
        return [*(f"{count:,}" for count in counts), f"{self.seconds:.3f}"]

    def __repr__(self) -> str:
        more = f"\n{self.rejected!r}" if self.rejected.count else ""
        return f"{self._caption}\n{text_table(_HEADER, [self._cells()])}{more}"

    def _repr_html_(self) -> str:
        more = self.rejected._repr_html_() if self.rejected.count else ""
        color = databases[self.alias].color if self.alias in databases else None
        right = range(len(_HEADER))
        return html_table(_HEADER, [self._cells()], caption=self._caption, color=color, right=right) + more


_HEADER = ("inserted", "updated", "deleted", "not written", "seconds")
