"""Any other product that has a SQLAlchemy dialect: portable paths only."""

from __future__ import annotations

from typing import ClassVar

from multidb_explorer.backends.base import Backend

__all__ = ["GenericBackend"]


class GenericBackend(Backend):
    """Oracle, SQL Server and whatever else SQLAlchemy reaches.

    Examples
    --------
    >>> GenericBackend().name
    'generic'
    """

    name: ClassVar[str] = "generic"
