"""Read an instance's row again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from multidb_explorer.errors import FieldError
from multidb_explorer.models.attributes import relation_named
from multidb_explorer.models.loading import read

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["refresh"]


def refresh(instance: Model, alias: str, fields: Iterable[str] | None) -> None:
    """Read fields again; relatives are found again when they are next asked for."""
    left_out = instance.get_deferred_fields()
    wanted = [*fields] if fields is not None else [n for n in instance._source.names if n not in left_out]
    columns: dict[str, None] = {}
    for name in wanted:
        relation = relation_named(type(instance), alias, name) if name not in instance._source.names else None
        if relation is not None:
            instance._state.related.pop(name, None)
            columns |= dict.fromkeys(relation.hops[0].columns if relation.kind == "forward" else ())
        elif name in instance._source.names:
            columns[name] = None
        else:
            raise FieldError.unknown("field", name, type(instance).__name__, instance._source.names)
    if fields is not None:
        instance._values.update(read(instance, columns, alias))
        return
    columns |= dict.fromkeys(instance._source.key)
    instance._values = {**read(instance, columns, alias)}
    instance._state.related.clear()
    instance._state.db, instance._state.adding = alias, False
