"""All knowledge about database products, one file each."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from multidb_explorer.backends.base import Backend, Features, ServerInfo
from multidb_explorer.backends.kinds import Kind

__all__ = ["Backend", "Features", "Kind", "ServerInfo", "backend_for", "products"]

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


def products() -> dict[str, tuple[str, ...]]:
    """List the products that have a backend of their own, each with the other names that it goes by.

    Examples
    --------
    >>> products()["mysql"]
    ('mariadb',)
    """
    names: dict[str, list[str]] = {}
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
        names.setdefault(point.value, []).append(point.name)
    found = {}
    for each in names.values():
        own = backend_for(each[0]).name
        if own != backend_for("generic").name:
            found[own] = tuple(name for name in each if not own.startswith(name))
    return dict(sorted(found.items()))
