"""All knowledge about database products, one file each."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from multidb_explorer.backends.base import Backend, Features, ServerInfo
from multidb_explorer.backends.kinds import Kind

__all__ = ["Backend", "Features", "Kind", "ServerInfo", "backend_for"]

_GROUP = "multidb_explorer.backends"


@cache
def backend_for(product: str) -> Backend:
    """Give the backend that is registered for a product, or the generic one.

    Built-in backends enter by the same entry points that other packages use.

    Parameters
    ----------
    product
        The first part of a SQLAlchemy URL: ``sqlite`` of ``sqlite:///shop.db``.

    Examples
    --------
    >>> backend_for("sqlite").title
    'SQLite'
    """
    found = {point.name: point for point in entry_points(group=_GROUP)}
    point = found.get(product) or found["generic"]
    backend: Backend = point.load()()
    return backend
