"""The transaction that a thread holds open on one alias: what belongs to it, and what became of it."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.connections.cells import running_cell
from multidb_explorer.connections.redaction import redact
from multidb_explorer.display import notice
from multidb_explorer.errors import MultiDBError, TransactionError

if TYPE_CHECKING:
    from multidb_explorer.connections.atomicity import Atomic
    from multidb_explorer.connections.database import Database

__all__ = ["Block", "block_of", "tell_apart"]

_log = logging.getLogger(__name__)

Callback = Callable[[], object]

# What would end the transaction behind the back of its block; ROLLBACK TO a savepoint does not.
_ENDS = re.compile(
    r"(?:\s|;|--[^\n]*\n|/\*.*?\*/)*"
    r"(COMMIT|END|ABORT|BEGIN|START\s+TRANSACTION|ROLLBACK(?!(\s+(WORK|TRANSACTION))?\s+TO\b))\b",
    re.IGNORECASE | re.DOTALL,
)


class Block:
    """One open transaction of one thread.

    Parameters
    ----------
    database
        Whose.
    connection
        Where the transaction was begun.
    owner
        Whose ``with`` ends it.
    on_purpose
        Whether the user opened it, and not a write that needs one for itself.

    Attributes
    ----------
    entered : bool
        Whether its ``with`` was reached: an interrupt may come before, and then nobody would ever leave it.
    after_commit, after_rollback
        What is to be called then.
    """

    def __init__(self, database: Database, connection: Connection, owner: Atomic, *, on_purpose: bool) -> None:
        self.database = database
        self.connection = connection
        self._session = connection.connection.driver_connection
        self.on_purpose = on_purpose
        self.entered = False
        self.abandoned = False
        self._owner = owner
        self.after_commit: list[Callback] = []
        self.after_rollback: list[Callback] = []
        self._cell = running_cell()
        self._told: set[str] = set()
        self._suspect: BaseException | None = None
        self._broken: str | None = None

    # Its place in the thread

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be the block of this thread."""
        try:
            _open.blocks[self.database] = self
            yield
        finally:
            _open.blocks.pop(self.database, None)

    @property
    def alive(self) -> bool:
        """Whether its ``with`` may still be running: none outlives its cell, whatever interrupted that."""
        return self.entered and self._cell == running_cell()

    def abandon(self) -> None:
        """Roll back what nobody will ever end."""
        self.abandoned = True
        _log.warning("a transaction on %r that was interrupted is rolled back", self.database.alias)
        end = self._error("was left open by code that was interrupted, and was rolled back.")
        with suppress(Exception):
            self._owner.abandon(end)
        _open.blocks.pop(self.database, None)

    def tell_of(self, alias: str) -> None:
        """Tell once that writes to another alias are not part of it."""
        if self.on_purpose and alias not in self._told:
            self._told.add(alias)
            own = self.database.alias
            text = (
                f"alias {alias!r} is not part of the transaction on {own!r}: what is written to it stays, also where "
                f"that is rolled back. 'with mdb.atomic({alias!r}):' gives it a transaction of its own."
            )
            _log.info("%s", text)
            notice(text)

    # Its state

    def fails(self, error: BaseException) -> None:
        """Note that something failed in it; whether it can go on is looked at when it does."""
        known, self._suspect = self._suspect, error
        if isinstance(error, KeyboardInterrupt) and known is not error:
            # The block may go on to do something else, and nothing shall be running then.
            self.database.backend.interrupted(self._session)

    def breaks(self, error: BaseException) -> None:
        """Note that it can't go on."""
        self._broken = self._broken or self._said(error)

    def check(self) -> None:
        """Refuse to go on after a failure that took the transaction along.

        Raises
        ------
        TransactionError
            It tells what failed.
        """
        suspect, self._suspect = self._suspect, None
        if suspect is not None and self._broken is None and self._is_lost(suspect):
            self._broken = self._said(suspect)
        if self._broken is not None:
            raise self._error(
                f"can't go on after an error: {self._broken}\n"
                f"What it has done is rolled back when it is left. {self._way()}"
            )

    def before_statement(self, sql: str) -> None:
        """Look at a statement that is about to be sent.

        Raises
        ------
        TransactionError
            Where it would end the transaction, or where that has ended already.
        """
        if _ENDS.match(sql):
            raise self._error(
                f"ends the transaction itself, so {sql.strip()[:40]!r} was not sent. Leave the block to commit; "
                f"raise an error in it to roll back."
            )
        if not sql.startswith(("ROLLBACK TO", "RELEASE")):
            self.check()

    def _is_lost(self, error: BaseException) -> bool:
        connection = self.connection
        interrupted = not isinstance(self.database.translated(error), Exception)
        if connection.closed or connection.invalidated or interrupted:
            return True
        cause = error.__cause__ if isinstance(error, MultiDBError) else getattr(error, "orig", None) or error
        try:
            return self.database.backend.loses_transaction(connection, cause or error)
        except sa.exc.SQLAlchemyError:
            return True

    def _said(self, error: BaseException) -> str:
        found = self.database.translated(error)
        text, name = redact(str(found)).strip(), type(found).__name__
        return f"{name}: {text[:300]}" if text else name

    def _way(self) -> str:
        if not self.database.backend.features.savepoints:
            return f"{self.database.backend.title} has no savepoints that could undo the failed part alone."
        alias = self.database.alias
        return f"What may fail and shall not end the block goes into a block of its own: 'with mdb.atomic({alias!r}):'."

    def _error(self, what: str) -> TransactionError:
        return TransactionError(f"The atomic block on alias {self.database.alias!r} {what}")

    def refuse_inside(self) -> None:
        """Refuse a block that must be the outermost one.

        Raises
        ------
        TransactionError
            Since this one is open around it.
        """
        raise self._error("is open already, so a durable block can't begin inside it: its commit would not be one.")

    # Its parts

    @contextmanager
    def part(self, *, savepoint: bool = True) -> Iterator[None]:
        """Run a part of it that is undone alone, where the database can do that; else it ends the whole block."""
        self.check()
        commits, rollbacks = len(self.after_commit), len(self.after_rollback)
        point = None
        if savepoint and self.database.backend.features.savepoints:
            point = self.connection.begin_nested()
        try:
            yield
            if savepoint:
                self.check()
            if point is not None:
                point.commit()
        except BaseException as error:
            if point is None or not self._undone(point, error):
                self.breaks(error)
            else:
                del self.after_commit[commits:]
                self.rolled_back(rollbacks)
            raise

    def _undone(self, point: sa.NestedTransaction, error: BaseException) -> bool:
        """Roll back to a savepoint and tell whether that undid all of the damage."""
        if self.connection.invalidated or not point.is_active:
            return False
        try:
            point.rollback()
        except Exception as failed:  # noqa: BLE001 - the database may have undone more than the savepoint
            _log.info(
                "no savepoint left on %r after %s: %s", self.database.alias, self._said(error), redact(str(failed))
            )
            return False
        self._suspect = self._broken = None
        return True

    def committed(self) -> None:
        """Call what waits for the commit; an error of it surfaces, and what was committed stays."""
        for call in self.after_commit:
            try:
                call()
            except Exception as error:
                error.add_note(f"The transaction on alias {self.database.alias!r} was committed before this happened.")
                raise

    def rolled_back(self, since: int = 0) -> None:
        """Call what waits for the end of what was undone, the last first."""
        undone = self.after_rollback[since:]
        del self.after_rollback[since:]
        for call in reversed(undone):
            call()


class _Open(threading.local):
    """The blocks that this thread has open, the outermost first."""

    def __init__(self) -> None:
        self.blocks: dict[Database, Block] = {}


_open = _Open()


def block_of(database: Database) -> Block | None:
    """Give the block that this thread has open on a database."""
    block = _open.blocks.get(database)
    if block is None or block.alive:
        return block
    block.abandon()
    return None


def tell_apart(database: Database) -> None:
    """Tell of a write that is not part of the transactions that are open on other aliases."""
    for block in list(_open.blocks.values()):
        if block.database is not database:
            block.tell_of(database.alias)
