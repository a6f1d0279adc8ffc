"""One transaction on one connection: committed or rolled back, and never a guess about which."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, RootTransaction

from multidb_explorer.connections.redaction import redact
from multidb_explorer.errors import ConnectionFailed

if TYPE_CHECKING:
    from multidb_explorer.connections.database import Database

__all__ = ["Work"]

_log = logging.getLogger(__name__)


class Work:
    """A transaction.

    Parameters
    ----------
    database
        Whose.
    connection
        Where it is begun.
    vote
        The name under which it is prepared in place of being committed, for somebody to finish later.

    Attributes
    ----------
    outcome : str
        ``open``, ``committed`` (or voted for), ``rolled back``, or ``unknown`` where the connection was lost in COMMIT.
    """

    def __init__(self, database: Database, connection: Connection, vote: str = "") -> None:
        self.outcome = "open"
        self._vote = vote
        self._database = database
        self._connection = connection
        self._session = connection.connection.driver_connection

    @contextmanager
    def done(self, check: Callable[[], object] | None = None) -> Iterator[Connection]:
        """Hold the transaction for a block, and commit at its end.

        Parameters
        ----------
        check
            Raises where the work must not be committed.
        """
        transaction = self._connection.begin()
        try:
            if self._vote:
                self._database.backend.begin_prepared(self._connection, self._vote)
            yield self._connection
            if check is not None:
                check()
        except BaseException as error:
            self._undo(transaction.rollback, error)
            raise
        try:
            # Whatever comes from here on comes too late to tell.
            self.outcome = "unknown"
            self._end(transaction)
            self.outcome = "committed"
        except BaseException as error:
            self._commit_failed(error)
            raise

    def _end(self, transaction: RootTransaction) -> None:
        if self._vote:
            self._database.backend.prepare(self._connection, self._vote)
            # The session is gone; only SQLAlchemy has to hear of it.
            transaction.close()
        else:
            transaction.commit()

    def _undo(self, rollback: Callable[[], object], error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            # A driver that was called in the middle of an answer would wait for the rest of it.
            self._database.backend.interrupted(self._session)
        self.outcome = "rolled back"
        try:
            rollback()
        except Exception as failed:  # noqa: BLE001 - the error that led here is the one to hear of
            _log.info("no rollback on %r, which drops the connection: %s", self._database.alias, redact(str(failed)))
            self._drop()
        except BaseException:
            self._drop()
            raise

    def _commit_failed(self, error: BaseException) -> None:
        """Tell what became of the work, as far as it is known."""
        alias = self._database.alias
        if isinstance(error, KeyboardInterrupt):
            self._take_back()
            raise _interrupted(alias) from None
        found = self._database.translated(error)
        if isinstance(found, ConnectionFailed):
            raise ConnectionFailed(
                f"The connection to alias {alias!r} was lost in COMMIT, so it is unknown whether the transaction was "
                f"committed. Read its rows again before you write them once more.\n{found}"
            ) from None
        self.outcome = "rolled back"
        self._take_back()

    def _take_back(self) -> None:
        """Roll back what a COMMIT that failed may have left open."""
        connection = self._connection
        if not connection.invalidated and not connection.closed:
            with suppress(Exception):
                connection.connection.rollback()

    def _drop(self) -> None:
        if not self._connection.closed and not self._connection.invalidated:
            self._connection.invalidate()


def _interrupted(alias: str) -> KeyboardInterrupt:
    error = KeyboardInterrupt(
        f"COMMIT on alias {alias!r} was interrupted, so it is unknown whether the transaction was committed. "
        f"Read its rows again before you write them once more."
    )
    error._render_traceback_ = lambda: [f"KeyboardInterrupt: {error}"]  # type: ignore[attr-defined]
    return error
