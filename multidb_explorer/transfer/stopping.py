"""What ends a unit of a transfer before its end."""

from __future__ import annotations

from multidb_explorer.errors import TransferError

__all__ = ["Stopped"]


class Stopped(TransferError):
    """A unit that can't go on: ``CONFLICT``, ``VERIFY_FAILED`` or ``SOURCE_CHANGED``."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state
