"""Where a model's rows come from: columns that were declared, or a live table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError
from multidb_explorer.models.options import Options
from multidb_explorer.query.source import Bound, Field, Relation
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.schema.matching import Ambiguous, match

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["DeclaredSource", "ModelSource", "ReflectedSource"]


class ModelSource:
    """What the two kinds of models share.

    Parameters
    ----------
    model
        Whose rows they become.
    options
        The model's ``Meta``.
    """

    def __init__(self, model: type[Model], options: Options) -> None:
        self.model = model
        self.options = options
        self.name = model.__name__
        self.default_alias = options.using or "default"
        self.bound_alias = options.using
        self.DoesNotExist = model.DoesNotExist
        self.MultipleObjectsReturned = model.MultipleObjectsReturned

    def relations(self, database: Database) -> Mapping[str, Relation]:
        """Give the relations to other tables on a database, by the name that lookups use."""
        return {}

    def instance(self, names: Sequence[str], row: Sequence[Any], alias: str) -> Model:
        """Make an instance that remembers where it was read."""
        return self.model._from_row(dict(zip(names, row, strict=True)), alias)

    def live(self, database: Database) -> TableSchema:
        """Describe the table as it really is on a database, whatever its name is spelt like there."""
        catalog = catalog_of(database)
        return catalog.table(catalog.find(self.options.table, self.options.schema), self.options.schema)


class DeclaredSource(ModelSource):
    """A model that was declared with SQLAlchemy columns.

    Parameters
    ----------
    columns
        The columns by the attribute that they are declared as.
    """

    def __init__(self, model: type[Model], options: Options, columns: Mapping[str, sa.Column[Any]]) -> None:
        super().__init__(model, options)
        self.attributes = {attribute: column.name for attribute, column in columns.items()}
        self.table = sa.Table(options.table, sa.MetaData(), *columns.values(), schema=options.schema)
        self.names = tuple(columns)

    @property
    def key(self) -> tuple[str, ...]:
        """The attributes that tell rows apart."""
        by_column = {column: attribute for attribute, column in self.attributes.items()}
        return self.options.key or tuple(by_column[column.name] for column in self.table.primary_key)

    def bind(self, database: Database) -> Bound:
        """Trust the declaration: nothing is asked of the database."""
        return database.memo(("declared", self.model), lambda: self._bind(database))

    def _bind(self, database: Database) -> Bound:
        fields = []
        for attribute, name in self.attributes.items():
            column = self.table.c[name]
            primary = attribute in self.key
            fields.append(
                Field(
                    attribute,
                    column,
                    database.backend.kind(column.type),
                    bool(column.nullable) and not primary,
                    primary,
                )
            )
        return Bound(database, self.name, self.table, tuple(fields), self.key, self)


class ReflectedSource(ModelSource):
    """A model of a live table; on another alias its columns are found by name.

    Parameters
    ----------
    described
        The table as it was found where the model was reflected.
    """

    def __init__(self, model: type[Model], options: Options, described: TableSchema) -> None:
        super().__init__(model, options)
        self.described = described
        self.names = tuple(column.name for column in described.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        return self.options.key or self.described.key

    def bind(self, database: Database) -> Bound:
        """Find the table and its columns on a database.

        Raises
        ------
        TableDoesNotExist, FieldError
            Where the database has no such table or column.
        """
        return catalog_of(database).memo(("bound", self.model), lambda: self._bind(database))

    def _bind(self, database: Database) -> Bound:
        live = self.live(database)
        table = catalog_of(database).core_table(live.name, live.schema)
        fields = tuple(self._field(name, live, table, database) for name in self.names)
        return Bound(database, self.name, table, fields, self.key, self)

    def _field(self, name: str, live: TableSchema, table: sa.Table, database: Database) -> Field:
        try:
            found = match(name, [column.name for column in live.columns])
        except Ambiguous:
            found = None
        if found is None:
            owner = f"Table {live.name!r} on alias {database.alias!r}"
            raise FieldError.unknown("column", name, owner, [column.name for column in live.columns])
        column = live.column(found)
        return Field(name, table.c[found], column.kind, column.nullable, name in self.key)
