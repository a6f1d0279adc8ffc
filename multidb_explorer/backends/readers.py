"""The contract of a fast reader: one way in which a product hands its rows over as Arrow batches.

A backend lists its readers, the fastest first; the plain cursor, which reads everything on every product, stands
behind them all. Whichever reads, the batches are the same: of the declared schema, value by value. A reader that
can't promise this for a request refuses it beforehand; one that finds out late steps aside before its first batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Reader", "Request", "StepAside", "Unreadable"]


@dataclass(frozen=True, eq=False)
class Request:
    """What shall be read, and how.

    Attributes
    ----------
    connection
        A session that is lent until the last batch.
    statement
        What is run; its values are bound parameters.
    columns
        What it gives, in order; they decide the schema of the batches.
    batch_rows
        Rows a batch.
    most
        How many rows there are at most, where that is known: the slice of a query.
    isolated
        Whether the session sees something that another one would not: an open transaction, a memory database.
    shared
        Whether the session must be free for other statements before the first batch is handed out.
    """

    connection: Connection
    statement: sa.Executable
    columns: tuple[ResultColumn, ...]
    batch_rows: int
    most: int | None = None
    isolated: bool = False
    shared: bool = False


class StepAside(Exception):
    """Raised before the first batch: the plain cursor shall read this, since it met what this reader can't give."""


class Unreadable(Exception):
    """A stored value that its column's kind can't hold.

    Parameters
    ----------
    column
        Where it stands.
    reason
        What is wrong with it, as the end of a sentence.
    """

    def __init__(self, column: ResultColumn, reason: object) -> None:
        super().__init__(str(reason))
        self.column = column


class Reader(ABC):
    """One way to read. Instances hold no state."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def refusal(self, request: Request) -> str:
        """Say why this reader can't read a request exactly or quickly, as the end of a sentence; empty if it can."""

    @abstractmethod
    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Run the statement and yield its rows, in its order and in the declared schema.

        Closing the iterator early, or a `KeyboardInterrupt` inside it, leaves nothing running in the database and the
        session clean, or marked as unusable.

        Raises
        ------
        StepAside
            Before the first batch.
        Unreadable
            For a value that its column can't hold; the plain cursor says the same of it.
        """
