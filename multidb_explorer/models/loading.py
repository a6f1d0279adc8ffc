"""Read what an instance does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import KeyRequired
from multidb_explorer.query.queryset import QuerySet

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["load", "read", "value_of"]


def value_of(instance: Model, name: str) -> Any:
    """Give a field's value, read now if it was left out."""
    if name not in instance._values and name in instance._state.deferred:
        load(instance, [name])
    return instance._values.get(name)


def load(instance: Model, names: Iterable[str]) -> None:
    """Read fields that were left out, from the instance's own database.

    Raises
    ------
    DoesNotExist
        When the row is gone.
    KeyRequired
        When the instance has no key any more.
    """
    missing = [name for name in instance._source.names if name in set(names)]
    alias = instance._state.db
    if missing and alias is not None:
        instance._values.update(read(instance, missing, alias))


def read(instance: Model, names: Iterable[str], alias: str) -> dict[str, Any]:
    """Read fields of an instance's row."""
    chosen = list(names)
    if not chosen:
        return {}
    if instance.pk is None:
        raise KeyRequired(
            f"{type(instance).__name__} has no key set, so {', '.join(chosen)} can't be read from alias {alias!r}."
        )
    row: dict[str, Any] = QuerySet(instance._source).using(alias).values(*chosen).get(pk=instance.pk)
    return row
