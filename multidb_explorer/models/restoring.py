"""Let instances be what they were, where the block that wrote their rows is rolled back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from multidb_explorer.connections.database import Database

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["restore_on_rollback"]

_ABSENT = object()


def restore_on_rollback(instance: Model, database: Database, changed: Iterable[str]) -> None:
    """Note what an instance is, before it becomes what was just written for it.

    Parameters
    ----------
    database
        Where it was written; without an open block there, that is committed already.
    changed
        The fields that are about to change.
    """
    values, state = instance._values, instance._state
    before = {name: values.get(name, _ABSENT) for name in changed}
    db, adding, deferred = state.db, state.adding, state.deferred

    def restore() -> None:
        state.db, state.adding, state.deferred = db, adding, deferred
        instance._values = {
            name: value for name, value in {**instance._values, **before}.items() if value is not _ABSENT
        }

    database.on_rollback(restore)
