"""A copy in units of its own on a Dask cluster: each worker reads, writes and compares; one process keeps the journal.

What is sent is the plan, keys, and the settings of both aliases, in which secrets are references that the workers look
up themselves. A unit whose answer never came is looked at again when the copy is resumed: its rows are there by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidb_explorer.connections.config import AliasSettings
from multidb_explorer.connections.confirming import with_word
from multidb_explorer.errors import NotSupportedError
from multidb_explorer.query.partitions import database_of, refuse_unreachable
from multidb_explorer.transfer.journal import Journal, Rows
from multidb_explorer.transfer.sheet import Sheet
from multidb_explorer.transfer.units import Unit

__all__ = ["refuse_undivided", "spread"]

_AHEAD = 2
"""So many units wait for each worker, so that none of them waits for us."""


def refuse_undivided(sheet: Sheet) -> None:
    """Refuse what other processes can't do.

    Raises
    ------
    NotSupportedError
        For a move, whose deletes wait for a second look.
    ImproperlyConfigured
        For a memory database, and for a secret that is no reference.
    """
    if sheet.kind != "copy":
        raise NotSupportedError("Only a copy() is spread over a cluster; a move() deletes, and stays in one process.")
    for database in (sheet.source, sheet.target):
        refuse_unreachable(database, "copy(client=...)")


class _NoJournal:
    """The journal is kept where the copy was asked for."""

    def set_unit(self, number: int, state: str, parts: Sequence[Rows] | None = None) -> None:
        """Write nothing down."""


@dataclass(frozen=True)
class _Worker:
    """Carries units over in whatever process it finds itself."""

    id: str
    head: Mapping[str, Any]
    source: AliasSettings
    target: AliasSettings

    def __call__(self, number: int, parts: list[Rows]) -> tuple[int, list[Rows], int, int]:
        """Carry one unit over; give its rows with what became of them, and how many rows and bytes were written."""
        source, target = database_of(self.source), database_of(self.target)
        sheet = Sheet.of_head(self.id, self.head, {source.alias: source, target.alias: target})
        counts = [0, 0]

        def count(rows: int, size: int) -> None:
            counts[0] += rows
            counts[1] += size

        journal: Any = _NoJournal()
        # It was confirmed where the copy was asked for.
        with with_word(target, target.alias):
            unit = Unit(sheet, journal, number, parts, count)
            unit.run("PLANNED")
        return number, unit.parts, counts[0], counts[1]


def spread(client: Any, sheet: Sheet, journal: Journal, wrote: Callable[[int, int], object]) -> Iterator[int]:
    """Carry all open units over on a cluster; give each unit's number when it is over.

    Raises
    ------
    Stopped
        Where the rows of a unit are not what they were.
    """
    import distributed

    work = _Worker(sheet.id, sheet.head(), sheet.source.settings, sheet.target.settings)
    waiting = [number for number, state in journal.units() if state != "DONE"]
    width = max(1, _AHEAD * len(client.scheduler_info()["workers"]))

    def next_one() -> Any:
        number = waiting.pop(0)
        # The same unit may be carried again in another run, so no earlier answer counts.
        return client.submit(work, number, list(journal.rows(number)), pure=False)

    completed: Any = distributed.as_completed
    running = completed([next_one() for _ in range(min(width, len(waiting)))])
    try:
        for future in running:
            number, parts, rows, size = future.result()
            journal.set_unit(number, "DONE", parts)
            wrote(rows, size)
            yield number
            if waiting:
                running.add(next_one())
    finally:
        for future in list(running.futures):
            future.cancel()
