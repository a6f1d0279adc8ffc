"""The ``with`` of one atomic block: it opens a transaction, or takes part in the one that is open."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from multidb_explorer.connections.blocks import Block, block_of
from multidb_explorer.connections.ending import PLAIN, Ending
from multidb_explorer.errors import TransactionError

if TYPE_CHECKING:
    from multidb_explorer.connections.database import Database

__all__ = ["Atomic"]


class Atomic(AbstractContextManager[Connection]):
    """A block of one thread on one alias; `Database.atomic` tells the rules.

    A class and no generator: what opens a transaction and what will end it must not be parted by an interrupt.
    """

    def __init__(
        self, database: Database, *, durable: bool, savepoint: bool, on_purpose: bool, ending: Ending = PLAIN
    ) -> None:
        self.ending = ending
        self._database = database
        self._durable = durable
        self._savepoint = savepoint
        self._on_purpose = on_purpose
        self._session: AbstractContextManager[Any] | None = None
        self._block: Block | None = None

    def begin(self) -> Block:
        """Begin it. Who calls this says that it is ``entered``, in the last step before the code of the block."""
        database = self._database
        database.refuse_writes()
        block = block_of(database)
        if block is None:
            self._session = database.outermost(self, on_purpose=self._on_purpose)
            block = self._session.__enter__()
        else:
            if self._durable:
                block.refuse_inside()
            self._session = database.part(block, savepoint=self._savepoint)
            self._session.__enter__()
        self._block = block
        return block

    def __enter__(self) -> Connection:
        block = self.begin()
        connection = block.connection
        block.entered = True
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        block, session = self._block, self._session
        self._block = self._session = None
        if block is None or session is None:
            return None
        if block.abandoned:
            raise TransactionError(
                f"The atomic block on alias {self._database.alias!r} was left open by the cell that began it, so it "
                f"was rolled back."
            )
        return session.__exit__(kind, error, traceback)

    def abandon(self, why: TransactionError) -> None:
        """End what its own ``with`` will never end."""
        if self._session is not None:
            self._session.__exit__(type(why), why, None)
