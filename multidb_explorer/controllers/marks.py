"""How an alias looks on screen."""

from __future__ import annotations

from typing import Any

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import MultiDBError

__all__ = ["alias_mark", "alias_marks"]


def alias_mark(database: Database) -> dict[str, Any]:
    """Describe an alias for the browser: names and colour, nothing about where or how it is reached.

    Examples
    --------
    >>> from multidb_explorer.connections.registry import Registry
    >>> alias_mark(Registry().connect("archive", "sqlite://", read_only=True))["read_only"]
    True
    """
    return {
        "alias": database.alias,
        "label": database.label,
        "color": database.color,
        "engine": _engine(database),
        "read_only": database.read_only,
        "confirm": database.confirm,
    }


def alias_marks() -> list[dict[str, Any]]:
    """Describe all aliases in configured order."""
    return [alias_mark(database) for database in databases.values()]


def _engine(database: Database) -> str:
    try:
        return database.backend.title
    except MultiDBError:
        # An alias may be registered with nothing in it; only its use fails.
        return "not configured"
