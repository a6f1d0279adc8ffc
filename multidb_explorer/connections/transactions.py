"""Transactions of one alias."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from multidb_explorer.connections.registry import databases

__all__ = ["atomic"]


@contextmanager
def atomic(using: str = "default") -> Iterator[None]:
    """Make everything that this thread writes to one alias in the block one transaction.

    Nested blocks of one alias are savepoints. Writes to other aliases are not part of it.

    Parameters
    ----------
    using
        The alias.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.
    ReadOnlyAlias
        For an alias that only reads.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> with mdb.atomic("default"):
    ...     pass
    """
    with databases[using].atomic():
        yield
