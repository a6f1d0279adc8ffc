"""The contract of a fast loader: one way in which a product takes Arrow batches into a table.

A backend lists its loaders, the fastest first; inserting through the plain driver, which writes everything on every
product, stands behind them all. Whichever loads, the stored values are the same. All of them work in the transaction
that the connection has open, so that a load that fails, is stopped or is killed leaves nothing behind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Load", "Loader"]


@dataclass(frozen=True, eq=False)
class Load:
    """What shall be written, and where.

    Attributes
    ----------
    connection
        A session with a transaction open; the loader neither commits nor rolls back.
    table
        An ordinary or a temporary table, with the database's own types.
    columns
        The table's columns that are given, in the order of the batches; the others get their defaults. The batches
        have the schema `arrow_schema(columns)`, and their values were checked against the table.
    rows
        How many there are, where that is known.
    """

    connection: Connection
    table: sa.Table
    columns: tuple[ResultColumn, ...]
    rows: int | None = None


class Loader(ABC):
    """One way to load. Instances hold no state."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def refusal(self, load: Load) -> str:
        """Say why this loader can't write this exactly or quickly, as the end of a sentence; empty if it can."""

    @abstractmethod
    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Write every batch, in order, and tell how many rows there were; memory does not grow with their number.

        A `KeyboardInterrupt` inside leaves nothing running in the database, and the session clean or marked as
        unusable. Errors are the driver's own, whose classes follow PEP 249.
        """
