"""What a copy or move did, table by table, and why rows are where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from multidb_explorer.display import Cell, html_table, text_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableReport", "TransferReport"]


@dataclass(frozen=True)
class TableReport:
    """What became of the rows of one table.

    Attributes
    ----------
    planned
        Rows that were taken.
    inserted, there, overwritten, skipped
        Those that are new in the target, were there already with the same values, were set, and met others.
    stale
        Those that others had changed before they were copied, so that they were not.
    changed
        Those that others changed after they were copied, so that they were not deleted.
    gone
        Those that were in the source no more.
    deleted
        Those that left the source.
    kept
        Those that stayed there, by reason.
    waiting
        Those whose unit was not finished.
    """

    table: str
    target: str
    planned: int = 0
    inserted: int = 0
    there: int = 0
    overwritten: int = 0
    skipped: int = 0
    stale: int = 0
    changed: int = 0
    gone: int = 0
    deleted: int = 0
    kept: tuple[tuple[str, int], ...] = ()
    waiting: int = 0

    @property
    def reconciles(self) -> bool:
        """Whether every planned row is accounted for."""
        counts = (self.inserted, self.there, self.overwritten, self.skipped, self.stale, self.gone, self.waiting)
        return sum(counts) == self.planned


@dataclass(frozen=True)
class TransferReport:
    """What a copy or move did.

    Attributes
    ----------
    id
        Its name in the journal.
    state
        ``DONE``, or where it stopped.
    tables
        One report each, in the order in which they were filled.
    resumed
        Whether an earlier session had begun it.

    Examples
    --------
    >>> users = TableReport("users", "people", planned=2, inserted=2)
    >>> report = TransferReport("1f", "copy", "default", "new", "COPY_VERIFY_DELETE", "DONE", (users,))
    >>> report.inserted, report.reconciles
    (2, True)
    """

    id: str
    kind: str
    source: str
    target: str
    mode: str
    state: str
    tables: tuple[TableReport, ...]
    seconds: float = 0.0
    bytes: int = 0
    resumed: bool = False
    notes: tuple[str, ...] = ()
    keys: tuple[tuple[str, Any, Any], ...] = field(default=(), repr=False)

    def _sum(self, name: str) -> int:
        return sum(getattr(table, name) for table in self.tables)

    @property
    def planned(self) -> int:
        """Rows that were taken."""
        return self._sum("planned")

    @property
    def inserted(self) -> int:
        """Rows that are new in the target."""
        return self._sum("inserted")

    @property
    def there(self) -> int:
        """Rows that the target had already, with the same values."""
        return self._sum("there")

    @property
    def skipped(self) -> int:
        """Rows that met other ones and were left where they are."""
        return self._sum("skipped")

    @property
    def changed(self) -> int:
        """Rows that others changed meanwhile; their new values are in the source."""
        return self._sum("changed") + self._sum("stale")

    @property
    def deleted(self) -> int:
        """Rows that left the source."""
        return self._sum("deleted")

    @property
    def reconciles(self) -> bool:
        """Whether every planned row is accounted for."""
        return all(table.reconciles for table in self.tables)

    def table(self, name: str) -> TableReport:
        """Give the report of one table.

        Raises
        ------
        KeyError
            For a table that was no part of it.
        """
        return {table.table: table for table in self.tables}[name]

    @property
    def new_keys(self) -> pd.DataFrame:
        """The keys that rows were given in the target, where their own were taken: table, old and new."""
        import pandas as pd

        return pd.DataFrame(
            {
                "table": pd.Series([table for table, _, _ in self.keys], dtype="str"),
                "old": pd.Series([old for _, old, _ in self.keys], dtype="object"),
                "new": pd.Series([new for _, _, new in self.keys], dtype="object"),
            }
        ).infer_objects()

    # Showing

    def _title(self) -> str:
        rate = f", {self.inserted / self.seconds:,.0f} rows/s" if self.seconds > 0.1 and self.inserted else ""
        again = ", resumed" if self.resumed else ""
        took = f"{self.seconds:.1f} s{rate} ({self.id})"
        return f"{self.kind} from {self.source} to {self.target}: {self.state}{again} in {took}"

    def _rows(self) -> Iterator[list[Cell]]:
        for table in self.tables:
            counts = [table.planned, table.inserted, table.there, table.overwritten, table.skipped]
            counts += [table.changed + table.stale, table.deleted, sum(count for _, count in table.kept)]
            yield [table.table, table.target, *(f"{count:,}" if count else "" for count in counts)]

    def _said(self) -> list[str]:
        found = [f"{count:,} of {t.table!r} stay: {reason}" for t in self.tables for reason, count in t.kept]
        found += [
            f"{t.gone:,} of {t.table!r} are gone from the source, not by this transfer" for t in self.tables if t.gone
        ]
        found += [f"{t.waiting:,} of {t.table!r} wait: mdb.resume({self.id!r})" for t in self.tables if t.waiting]
        return [*found, *self.notes]

    def __repr__(self) -> str:
        return "\n".join([self._title(), text_table(_HEADER, self._rows()), *self._said()])

    def _repr_html_(self) -> str:
        shown = html_table(_HEADER, self._rows(), caption=self._title(), right=range(2, len(_HEADER)))
        said = self._said()
        return shown + (html_table(("",), [[line] for line in said], whole=[0]) if said else "")


_HEADER = ("table", "into", "planned", "inserted", "there", "overwritten", "skipped", "changed", "deleted", "kept")
