"""Insert one row; read it or insert it; change it or insert it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import DoesNotExist, IntegrityError
from multidb_explorer.models.changing_rows import fields_behind
from multidb_explorer.models.saving import save

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["create", "get_or_create", "update_or_create"]


def create(model: type[Model], alias: str, values: Mapping[str, Any]) -> Model:
    """Make an instance and insert its row."""
    instance = model(**values)
    save(instance, using=alias, force_insert=True)
    return instance


def get_or_create(
    queryset: QuerySet[Any], model: type[Model], conditions: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[Model, bool]:
    """Give the row that fulfils the conditions, or insert it."""
    values = _values(model, queryset.db, conditions, defaults)
    return _got_or_created(queryset, queryset, conditions, values)


def _got_or_created(
    asked: QuerySet[Any], queryset: QuerySet[Any], conditions: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[Model, bool]:
    """Read or insert.

    Parameters
    ----------
    asked
        How the row is read, which may lock it.
    """
    try:
        return asked.get(**conditions), False
    except DoesNotExist:
        pass
    try:
        # It is a savepoint of an open block, so that the row of somebody faster does not break the block.
        return queryset.create(**_called(values)), True
    except IntegrityError:
        try:
            return asked.get(**conditions), False
        except DoesNotExist:
            pass
        raise


def update_or_create(
    queryset: QuerySet[Any],
    model: type[Model],
    conditions: Mapping[str, Any],
    defaults: Mapping[str, Any],
    created: Mapping[str, Any],
) -> tuple[Model, bool]:
    """Change the row that fulfils the conditions, or insert it."""
    alias = queryset.db
    values = _values(model, alias, conditions, created)
    fields = [field for name in defaults for field in fields_behind(model, alias, name)]
    with databases[alias].atomic():
        instance, new = _got_or_created(queryset.select_for_update(), queryset, conditions, values)
        if new:
            return instance, True
        for name, value in _called(defaults).items():
            setattr(instance, name, value)
        # A key that is set means another row, which is saved whole.
        whole = bool(set(fields) & set(model._source.key))
        save(instance, using=alias, update_fields=None if whole else fields)
    return instance, False


def _values(
    model: type[Model], alias: str, conditions: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the values of a new row: the conditions that are no lookups, and the defaults.

    Raises
    ------
    FieldError
        For an unknown field, before anything is asked.
    """
    known = model._source.names
    found = {name: value for name, value in conditions.items() if name in known or "__" not in name}
    found.update(defaults)
    for name in found:
        fields_behind(model, alias, name)
    return found


def _called(values: Mapping[str, Any]) -> dict[str, Any]:
    """Call functions for their values."""
    return {name: value() if callable(value) else value for name, value in values.items()}
