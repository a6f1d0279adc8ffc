"""What is particular about the transaction of a block: how it ends, and what else it reaches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.moving import Reach

__all__ = ["PLAIN", "Ending"]


@dataclass(frozen=True)
class Ending:
    """How a transaction of two databases differs from that of one.

    Attributes
    ----------
    vote
        The name under which it is prepared at its end, in place of being committed; empty to commit it.
    reach
        Another database that its session gets at.
    """

    vote: str = ""
    reach: Reach | None = None

    @contextmanager
    def around(self, backend: Backend, connection: Connection) -> Iterator[None]:
        """Hold what the session needs before its transaction begins and until after its end."""
        if self.reach is None:
            yield
            return
        backend.attach(connection, self.reach)
        try:
            yield
        finally:
            if not connection.invalidated and not connection.closed:
                backend.detach(connection, self.reach)


PLAIN = Ending()
