"""Whether the database of an alias answers, and how soon."""

from __future__ import annotations

from time import perf_counter

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.secrets import PROMPT, Secret
from multidb_explorer.controllers.base import Message
from multidb_explorer.errors import MultiDBError

__all__ = ["health_of"]


def health_of(database: Database) -> Message:
    """Ask a database for its version and measure the answer; one that would ask for a password is let alone.

    Examples
    --------
    >>> from multidb_explorer.connections.registry import databases
    >>> databases.configure({"default": "sqlite://"})
    >>> health_of(databases["default"])["answers"]
    True
    """
    if database.state == "idle" and _asks(database):
        return {"answers": None, "text": "asks for its password when it is chosen"}
    try:
        # Connecting is not what later questions take.
        database.check()
        begun = perf_counter()
        info = database.check()
    except MultiDBError as error:
        return {"answers": False, "text": str(error)}
    return {"answers": True, "text": str(info), "ms": max(1, round((perf_counter() - begun) * 1000))}


def _asks(database: Database) -> bool:
    settings = vars(database.settings) if hasattr(database.settings, "__dict__") else {}
    return any(isinstance(value, Secret) and value.reference == PROMPT for value in settings.values())
