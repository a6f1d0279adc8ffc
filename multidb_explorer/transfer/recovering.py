"""Transfers that were not finished: which there are, and how they go on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from multidb_explorer.display import Cell, html_table, notice, text_table
from multidb_explorer.errors import MultiDBError, TransferError
from multidb_explorer.transfer.journal import FINISHED, Journal, Owner, known_ids
from multidb_explorer.transfer.progress import TransferProgress
from multidb_explorer.transfer.report import TransferReport
from multidb_explorer.transfer.running import resumed

__all__ = ["Transfers", "Unfinished", "recover", "resume", "transfers"]


@dataclass(frozen=True)
class Unfinished:
    """A transfer that was begun and is not finished.

    Attributes
    ----------
    id
        Its name, for `mdb.resume`.
    state
        ``RUNNING`` while a process is at it, else how it ended: ``PLANNED`` where the process did.
    tables
        What it takes.
    done, units
        How many of its units are finished.
    """

    id: str
    at: dt.datetime
    kind: str
    source: str
    target: str
    mode: str
    state: str
    tables: tuple[str, ...]
    done: int
    units: int

    def abandon(self) -> None:
        """Give it up: what was copied stays in the target, what was not deleted stays in the source.

        Raises
        ------
        TransferError
            While a process is at it, and where votes are in doubt, which `recover` settles first.
        """
        journal = Journal.find(self.id)
        with Owner(journal.head["identity"]):
            if journal.head["mode"] == "TWO_PHASE" and not journal.counts().keys() <= {"PLANNED", "DONE"}:
                raise TransferError(
                    f"Transfer {self.id!r} may have votes in doubt: mdb.resume({self.id!r}) settles them."
                )
            journal.set_state("ABORTED")

    def _row(self) -> list[Cell]:
        at = self.at.strftime("%Y-%m-%d %H:%M:%S UTC")
        share = f"{self.done:,} of {self.units:,}"
        return [self.id, at, self.kind, self.source, self.target, self.state, share, ", ".join(self.tables)]


class Transfers(Sequence[Unfinished]):
    """Unfinished transfers, the oldest first; shows itself as a table."""

    def __init__(self, found: Sequence[Unfinished]) -> None:
        self._found = tuple(found)

    def __getitem__(self, key: Any) -> Any:
        return self._found[key]

    def __len__(self) -> int:
        return len(self._found)

    def __eq__(self, other: object) -> bool:
        return list(self) == other if isinstance(other, list) else self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return text_table(_HEADER, [each._row() for each in self]) if self else "No transfer is unfinished."

    def _repr_html_(self) -> str:
        rows = [each._row() for each in self]
        return html_table(_HEADER, rows, caption="unfinished transfers") if self else f"<div>{self!r}</div>"


_HEADER = ("id", "begun", "kind", "from", "to", "state", "units", "tables")


def transfers() -> Transfers:
    """List the copies and moves that were begun and are not finished.

    Examples
    --------
    >>> transfers()
    No transfer is unfinished.
    """
    return Transfers(list(_unfinished()))


def _unfinished() -> Iterator[Unfinished]:
    for known in known_ids():
        journal = Journal.find(known)
        if not journal.readable or journal.state in FINISHED:
            continue
        head, counts = journal.head, journal.counts()
        busy = Owner(head["identity"]).busy
        yield Unfinished(
            known,
            journal.at,
            head["kind"],
            head["source"][0],
            head["target"][0],
            head["mode"],
            "RUNNING" if busy else journal.state,
            tuple(step["table"] for step in head["steps"]),
            counts.get("DONE", 0),
            sum(counts.values()),
        )


def resume(
    id: str,  # noqa: A002 -- what it is called everywhere
    *,
    confirm: str | Sequence[str] | None = None,
    progress: bool | None = None,
    on_progress: Callable[[TransferProgress], object] | None = None,
) -> TransferReport:
    """Go on with a copy or move that was not finished. What became of each row the two databases say.

    Parameters
    ----------
    id
        As `transfers` lists it.
    confirm, progress, on_progress
        As for `mdb.copy`.

    Raises
    ------
    TransferError
        For one that is finished, unknown, or run by another process; and where its databases or tables are others now.
    TransferStopped
        Where rows are not what they were.

    Examples
    --------
    >>> resume("20260101T000000-abcdef")
    Traceback (most recent call last):
    multidb_explorer.errors.TransferError: There is no transfer '20260101T000000-abcdef'. mdb.transfers() lists ...
    """
    return resumed(id, confirm=confirm, on_progress=on_progress, progress=progress)


def recover(*, confirm: str | Sequence[str] | None = None) -> tuple[TransferReport, ...]:
    """Go on with every transfer that was not finished and that no process runs; one that can't go on is told of.

    Returns
    -------
    tuple of TransferReport
        One for each that went on.

    Examples
    --------
    >>> recover()
    ()
    """
    reports = []
    for each in transfers():
        if each.state == "RUNNING":
            continue
        try:
            reports.append(resume(each.id, confirm=confirm))
        except MultiDBError as error:
            notice(f"Transfer {each.id} can't go on: {error}")
    return tuple(reports)
