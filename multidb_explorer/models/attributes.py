"""What a model has under a dot: fields, relations, and the class's own ways to list them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from multidb_explorer.errors import MultiDBError
from multidb_explorer.models.loading import value_of
from multidb_explorer.models.related import relations_at

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.source import Relation

__all__ = ["FieldAttribute", "ModelType", "RelationAttribute", "listed", "relation_named"]


class FieldAttribute:
    """A column as an attribute: the value on an instance, the SQLAlchemy column on the class."""

    def __init__(self, name: str, column: sa.Column[Any] | None = None) -> None:
        self.name = name
        self.column = column

    def __get__(self, instance: Model | None, owner: type[Model]) -> Any:
        if instance is None:
            return self.column if self.column is not None else self
        return value_of(instance, self.name)

    def __set__(self, instance: Model, value: Any) -> None:
        instance._values[self.name] = value


class RelationAttribute:
    """A relation as an attribute of the class: it says what it leads to; instances give the rows.

    Attributes
    ----------
    relation
        The relation itself.
    """

    def __init__(self, owner: str, relation: Relation, through: str = "") -> None:
        self.owner = owner
        self.relation = relation
        self.through = through

    def __repr__(self) -> str:
        relation = self.relation
        near, far = relation.hops[0], relation.hops[-1]
        via = f" through {self.through}" if self.through else ""
        columns = f"{', '.join(near.columns)} = {', '.join(far.target_columns)}"
        many = "rows" if relation.many else "row"
        kind = f"{relation.kind} relation to {many} of {relation.target.name}{via}"
        return f"<{self.owner}.{relation.attribute}: {kind} ({columns})>"


class ModelType(type):
    """The class of models, which knows their relations without holding an attribute for each."""

    def __getattr__(cls, name: str) -> Any:
        if not name.startswith("_"):
            model = cast("type[Model]", cls)
            relation = relation_named(model, None, name)
            relations = relations_at(model, None)
            if relations is not None and relation is not None:
                return RelationAttribute(cls.__name__, relation, relations.through(relation.name))
        # Asked again for its own message.
        return type.__getattribute__(cls, name)

    def __dir__(cls) -> list[str]:
        return sorted({*super().__dir__(), *listed(cast("type[Model]", cls), None)})


def relation_named(model: type[Model], alias: str | None, name: str) -> Relation | None:
    """Find a relation of a model by its attribute."""
    relations = relations_at(model, alias)
    return relations.attribute(name) if relations is not None else None


def listed(model: type[Model], alias: str | None) -> list[str]:
    """List the relations' attributes, or as many as are known where the database can't be asked."""
    relations = relations_at(model, alias)
    if relations is None:
        return []
    with suppress(MultiDBError):
        relations.complete()
    return relations.known_attributes()
