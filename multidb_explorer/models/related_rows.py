"""Change which rows belong to an instance: ``user.order_set.add(order)``, ``book.tags.set([old, rare])``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.routers import allow_relation
from multidb_explorer.errors import CrossDatabaseError
from multidb_explorer.models import bulk
from multidb_explorer.models.related import matching, reached_by, tell
from multidb_explorer.models.writer import ModelWriter
from multidb_explorer.query.queryset import QuerySet

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.source import Relation

__all__ = ["Children", "Linked", "OwnedWriter"]

Key = tuple[Any, ...]


class OwnedWriter(ModelWriter):
    """Writes rows that belong to an instance: each gets its foreign key.

    Parameters
    ----------
    relation, owner
        The backward relation, and whose rows they are.
    """

    def __init__(
        self, model: type[Model], queryset: QuerySet[Any], alias: str, relation: Relation, owner: Model
    ) -> None:
        super().__init__(model, queryset, alias)
        self.children = Children(relation, owner, alias)

    def create(self, values: Mapping[str, Any]) -> Model:
        """Insert one row that belongs to the owner."""
        created = super().create({**values, **self.children.reference})
        self.children.told([created])
        return created

    def bulk_create(self, objs: Iterable[Model], **options: Any) -> list[Model]:
        """Insert rows that belong to the owner."""
        rows = list(objs)
        self.children.told(rows)
        return super().bulk_create(rows, **options)

    def upsert(
        self,
        objs: Iterable[Model | Mapping[str, Any]],
        unique_fields: Sequence[str] | None,
        update_fields: Sequence[str] | None,
        batch_size: int | None,
    ) -> list[Model]:
        """Insert or update rows, all of which belong to the owner then."""
        rows = [self.model(**each) if isinstance(each, Mapping) else each for each in objs]
        self.children.told(rows)
        return bulk.upsert(self.model, self.alias, rows, unique_fields, update_fields, batch_size)


class _Belonging:
    """What rows of one relation have in common.

    Raises
    ------
    CrossDatabaseError
        Where the owner lives on another alias.
    """

    def __init__(self, relation: Relation, owner: Model, alias: str) -> None:
        self.relation = relation
        self.owner = owner
        self.alias = alias
        self._require_here(owner)
        self.hop = relation.hops[0]
        self.reference = dict(zip(self.hop.target_columns, reached_by(owner, self.hop.columns), strict=True))

    @property
    def name(self) -> str:
        return f"{type(self.owner).__name__}.{self.relation.attribute}"

    def _require_here(self, row: Model) -> None:
        there = row._state.db
        if allow_relation(self.owner, row):
            return
        if there not in (None, self.alias) and databases[there].fingerprint != databases[self.alias].fingerprint:
            raise CrossDatabaseError.mixed(repr(row), str(there), self.alias)

    def _require_row(self, row: Any, *, saved: bool = True) -> None:
        target: Any = self.relation.target
        if not isinstance(row, target.model):
            raise TypeError(f"{self.name} holds {target.name} instances, not {row!r}.")
        self._require_here(row)
        if saved and (row.pk is None or row._state.adding):
            raise ValueError(f"{row!r} can't be added to {self.name} before it is saved; create() does both.")


class Children(_Belonging):
    """The rows whose foreign key refers to an instance."""

    def told(self, rows: Iterable[Model]) -> None:
        """Let rows know whose they are."""
        for row in rows:
            self._require_row(row, saved=False)
            row._values.update(self.reference)
            tell(row, self.relation, self.owner)

    def add(self, rows: Sequence[Any]) -> None:
        """Make rows refer to the owner, by one statement."""
        for row in rows:
            self._require_row(row)
        if rows:
            self._rows().filter(pk__in=[row.pk for row in rows]).update(**self.reference)
        self.told(rows)

    def remove(self, rows: Sequence[Any]) -> None:
        """Take the reference from rows that have it."""
        for row in rows:
            self._require_row(row)
            if reached_by(row, self.hop.target_columns) != tuple(self.reference.values()):
                raise self.hop.target.DoesNotExist(f"{row!r} does not belong to {self.owner!r}.")
        if rows:
            self._untied(self._rows().filter(pk__in=[row.pk for row in rows]))
        for row in rows:
            row._values.update(dict.fromkeys(self.reference))

    def clear(self) -> None:
        """Take the reference from every row that has it."""
        self._untied(self._rows())

    def set(self, rows: Sequence[Any]) -> None:
        """Make these rows the only ones; where none can be without an owner, they only come along."""
        for row in rows:
            self._require_row(row)
        with databases[self.alias].atomic():
            if self._may_be_alone:
                self._untied(self._rows().exclude(pk__in=[row.pk for row in rows]))
            self.add(rows)

    @property
    def _may_be_alone(self) -> bool:
        bound = self.hop.target.bind(databases[self.alias])
        return all(bound.field(name).nullable for name in self.reference)

    def _rows(self) -> QuerySet[Any]:
        return QuerySet(self.hop.target).using(self.alias)

    def _untied(self, rows: QuerySet[Any]) -> None:
        rows.filter(**self.reference).update(**dict.fromkeys(self.reference))


class Linked(_Belonging):
    """The rows that a link table ties to an instance."""

    def add(self, rows: Sequence[Any]) -> None:
        """Tie rows, or the rows under some keys, to the owner; those that are tied stay so."""
        keys = self._keys(rows)
        with databases[self.alias].atomic():
            there = set(self._links(keys).values_list(*self._far.columns)) if keys else set()
            source: Any = self.hop.target
            links = [
                source.model(**self.reference, **dict(zip(self._far.columns, key, strict=True)))
                for key in keys
                if key not in there
            ]
            QuerySet(self.hop.target).using(self.alias).bulk_create(links)

    def remove(self, rows: Sequence[Any]) -> None:
        """Untie rows, or the rows under some keys."""
        if keys := self._keys(rows):
            self._links(keys).delete()

    def clear(self) -> None:
        """Untie every row."""
        self._links(None).delete()

    def set(self, rows: Sequence[Any]) -> None:
        """Tie these rows alone."""
        keys = self._keys(rows)
        with databases[self.alias].atomic():
            there = set(self._links(None).values_list(*self._far.columns))
            if gone := [key for key in there if key not in keys]:
                self._links(gone).delete()
            self.add(rows)

    @property
    def _far(self) -> Any:
        return self.relation.hops[1]

    def _keys(self, rows: Iterable[Any]) -> list[Key]:
        found: dict[Key, None] = {}
        for row in rows:
            if hasattr(row, "_values"):
                self._require_row(row)
                found[reached_by(row, self._far.target_columns)] = None
            else:
                found[tuple(row) if isinstance(row, tuple | list) else (row,)] = None
        return list(found)

    def _links(self, keys: Sequence[Key] | None) -> QuerySet[Any]:
        links: QuerySet[Any] = QuerySet(self.hop.target).using(self.alias).filter(**self.reference)
        return links if keys is None else links.filter(matching(self._far.columns, keys))
