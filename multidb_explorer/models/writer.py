"""What writes for QuerySets: each method hands over to the module that knows how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.models import bulk, changing_rows, deleting, get_or

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["ModelWriter"]


class ModelWriter:
    """Writes rows of a model to one alias.

    Parameters
    ----------
    queryset
        Which rows, for what works on those that are there.
    """

    def __init__(self, model: type[Model], queryset: QuerySet[Any], alias: str) -> None:
        self.model = model
        self.queryset = queryset.using(alias)
        self.alias = alias

    def create(self, values: Mapping[str, Any]) -> Model:
        """Insert one row."""
        return get_or.create(self.model, self.alias, values)

    def get_or_create(self, conditions: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Model, bool]:
        """Read a row or insert it."""
        return get_or.get_or_create(self.queryset, self.model, conditions, defaults)

    def update_or_create(
        self, conditions: Mapping[str, Any], defaults: Mapping[str, Any], created: Mapping[str, Any]
    ) -> tuple[Model, bool]:
        """Change a row or insert it."""
        return get_or.update_or_create(self.queryset, self.model, conditions, defaults, created)

    def bulk_create(
        self,
        objs: Iterable[Model],
        *,
        batch_size: int | None,
        ignore_conflicts: bool,
        update_conflicts: bool,
        update_fields: Sequence[str] | None,
        unique_fields: Sequence[str] | None,
    ) -> list[Model]:
        """Insert the rows of instances."""
        conflicts = bulk.Conflicts(ignore_conflicts, update_conflicts, update_fields, unique_fields)
        return bulk.bulk_create(self.model, self.alias, list(objs), batch_size, conflicts)

    def upsert(
        self,
        objs: Iterable[Model | Mapping[str, Any]],
        unique_fields: Sequence[str] | None,
        update_fields: Sequence[str] | None,
        batch_size: int | None,
    ) -> list[Model]:
        """Insert or update the rows of instances or dictionaries."""
        return bulk.upsert(self.model, self.alias, objs, unique_fields, update_fields, batch_size)

    def bulk_update(self, objs: Iterable[Model], fields: Sequence[str], batch_size: int | None) -> int:
        """Update the rows of instances by their keys."""
        return changing_rows.bulk_update(self.queryset, self.model, list(objs), list(fields), batch_size)

    def update(self, values: Mapping[str, Any]) -> int:
        """Set fields in every row of the QuerySet."""
        return changing_rows.update(self.queryset, self.model, values)

    def delete(self, *, cascade: bool) -> tuple[int, dict[str, int]]:
        """Delete every row of the QuerySet."""
        return deleting.delete_all(self.queryset, self.model, cascade=cascade)
