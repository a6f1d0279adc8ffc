"""Where a model's rows come from: columns that were declared, or a live table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError
from multidb_explorer.models.naming import clean
from multidb_explorer.models.options import Options
from multidb_explorer.models.relation_options import KeyOptions, LinkOptions, RelationOptions
from multidb_explorer.query.source import Bound, Field
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.schema.matching import Ambiguous, match

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.models.prefetch import Prefetch
    from multidb_explorer.models.relations import Relations
    from multidb_explorer.query.queryset import QuerySet
    from multidb_explorer.query.source import Writer

__all__ = ["DeclaredSource", "ModelSource", "Node", "ReflectedSource", "TableKey"]

Node = tuple[str | None, str]
"""A table: its schema and name."""


@dataclass(frozen=True)
class TableKey:
    """A foreign key as a table or a declaration has it: fields here, a table and columns there by name.

    Attributes
    ----------
    optional
        Whether a row may refer to none.
    options
        What was said of it.
    """

    columns: tuple[str, ...]
    schema: str | None
    table: str
    target_columns: tuple[str, ...]
    optional: bool
    options: KeyOptions

    @classmethod
    def of_table(cls, live: TableSchema, settings: RelationOptions) -> tuple[TableKey, ...]:
        """Give the foreign keys of a live table, and those that settings add."""
        nullable = {column.name for column in live.columns if column.nullable}
        found = [
            cls(
                key.columns,
                key.target_schema,
                key.target_table,
                key.target_columns,
                not nullable.isdisjoint(key.columns),
                KeyOptions(key.columns),
            )
            for key in live.foreign_keys
        ]
        return cls.with_settings(found, settings)

    @classmethod
    def with_settings(cls, found: Iterable[TableKey], settings: RelationOptions) -> tuple[TableKey, ...]:
        """Apply settings to foreign keys; those that say where a column refers to add one, or replace one."""
        said = {option.columns: option for option in settings if isinstance(option, KeyOptions)}
        added = [cls(o.columns, *o.to, True, o) for o in said.values() if o.to is not None]
        replaced = {key.columns for key in added}
        kept = [
            cls(k.columns, k.schema, k.table, k.target_columns, k.optional, said.get(k.columns, k.options))
            for k in found
            if k.columns not in replaced
        ]
        return (*kept, *added)


class ModelSource:
    """What the two kinds of models share.

    Parameters
    ----------
    model
        Whose rows they become.
    options
        The model's ``Meta``.
    """

    names: tuple[str, ...]
    short: str
    keys: tuple[TableKey, ...]

    def __init__(self, model: type[Model], options: Options) -> None:
        self.model = model
        self.options = options
        self.name = model.__name__
        self.default_alias = options.using or "default"
        self.bound_alias = options.using
        self.DoesNotExist = model.DoesNotExist
        self.MultipleObjectsReturned = model.MultipleObjectsReturned

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that tell rows apart."""
        raise NotImplementedError

    def bind(self, database: Database) -> Bound:
        """Find the table and columns on one database."""
        raise NotImplementedError

    def fields(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """Give the fields of columns, or ``None`` where one is unknown."""
        raise NotImplementedError

    @property
    def node(self) -> Node:
        """Which table it is, as the model names it."""
        return self.options.schema, self.options.table

    def is_table(self, node: Node) -> bool:
        """Tell whether it is a table, whose name another model or database may spell in other letters."""
        schema, table = self.node
        return (schema, table.casefold()) == (node[0], node[1].casefold())

    @property
    def links(self) -> tuple[LinkOptions, ...]:
        """The link tables that were named."""
        return tuple(option for option in self.options.relations if isinstance(option, LinkOptions))

    def relations(self, database: Database) -> Relations:
        """Give the relations to other tables on a database, by the name that lookups use."""
        from multidb_explorer.models.relations import relations_of

        return relations_of(self, database)

    def instance(
        self, names: Sequence[str], row: Sequence[Any], alias: str, annotations: Mapping[str, Any] | None = None
    ) -> Model:
        """Make an instance that remembers where it was read; annotations become attributes that are never saved."""
        return self.model._from_row(dict(zip(names, row, strict=True)), alias, annotations)

    def related(self, instance: Model, relation: str, other: Model | None) -> None:
        """Give an instance a relative that was read in the same query, or the knowledge that there is none.

        Parameters
        ----------
        relation
            As lookups call it.
        """
        from multidb_explorer.models.related import remember

        remember(instance, relation, other)

    def prefetch(self, rows: Sequence[Model], lookups: Sequence[str | Prefetch], alias: str) -> None:
        """Read the relatives of many instances, one query a relation, and give each its own."""
        from multidb_explorer.models.prefetch import prefetch

        prefetch(rows, lookups, alias)

    def writer(self, queryset: QuerySet[Any], alias: str) -> Writer:
        """Give what writes the rows of a QuerySet to an alias."""
        from multidb_explorer.models.writer import ModelWriter

        return ModelWriter(self.model, queryset, alias)

    def unique_keys(self, database: Database) -> list[tuple[str, ...]]:
        """Give the keys, primary and unique, of the table on a database, by fields."""
        live = self.live(database)
        found = (self.fields(columns) for columns in (live.primary_key, *live.uniques))
        return [self.key, *(columns for columns in found if columns)]

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
    constraints
        Foreign keys of several columns by the attribute that they are declared as; it names the relation.
    """

    def __init__(
        self,
        model: type[Model],
        options: Options,
        columns: Mapping[str, sa.Column[Any]],
        constraints: Mapping[str, sa.ForeignKeyConstraint],
    ) -> None:
        super().__init__(model, options)
        self.attributes = {attribute: column.name for attribute, column in columns.items()}
        self.table = sa.Table(
            options.table, sa.MetaData(), *columns.values(), *constraints.values(), schema=options.schema
        )
        self.names = tuple(columns)
        self.short = self.name.lower()
        self.keys = TableKey.with_settings(self._declared_keys(constraints), self._settings())

    @property
    def key(self) -> tuple[str, ...]:
        """The attributes that tell rows apart."""
        by_column = {column: attribute for attribute, column in self.attributes.items()}
        return self.options.key or tuple(by_column[column.name] for column in self.table.primary_key)

    def fields(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """Give the attributes of columns, or ``None`` where one is not declared."""
        return _fields(columns, {column: attribute for attribute, column in self.attributes.items()})

    def unique_keys(self, database: Database) -> list[tuple[str, ...]]:  # noqa: ARG002 - it is declared
        """Give the keys that were declared."""
        unique = [column.name for column in self.table.columns if column.unique]
        return [self.key, *(fields for name in unique if (fields := self.fields([name])))]

    def _settings(self) -> RelationOptions:
        """Give what ``Meta.relations`` says by attribute, where it may name the columns."""
        given = self.options.relations
        own = set(self.names)
        return tuple(
            replace(o, columns=self.fields(o.columns) or o.columns)
            if isinstance(o, KeyOptions) and not own.issuperset(o.columns)
            else o
            for o in given
        )

    def _declared_keys(self, constraints: Mapping[str, sa.ForeignKeyConstraint]) -> list[TableKey]:
        names = {id(constraint): name for name, constraint in constraints.items() if not name.startswith("_")}
        found = []
        for constraint in sorted(self.table.foreign_key_constraints, key=lambda key: key.elements[0].parent.name):
            columns = self.fields([element.parent.name for element in constraint.elements]) or ()
            # The target is a table by name: its own model may not be declared yet.
            places = [element.target_fullname.rpartition(".") for element in constraint.elements]
            schema, _, table = places[0][0].rpartition(".")
            found.append(
                TableKey(
                    columns,
                    schema or None,
                    table,
                    tuple(column for _, _, column in places),
                    any(element.parent.nullable for element in constraint.elements),
                    KeyOptions(columns, name=names.get(id(constraint))),
                )
            )
        return found

    def bind(self, database: Database) -> Bound:
        """Trust the declaration: nothing is asked of the database, unless a type is left to it."""
        return database.memo(("declared", self.model), lambda: self._bind(database))

    def _bind(self, database: Database) -> Bound:
        fields = []
        for attribute, name in self.attributes.items():
            column = self.table.c[name]
            if isinstance(column.type, sa.types.NullType) and column.foreign_keys:
                self._take_type(attribute, column, database)
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

    def _take_type(self, attribute: str, column: sa.Column[Any], database: Database) -> None:
        """Give a foreign key that was declared without a type the type of what it refers to."""
        for relation in self.relations(database).forward():
            (hop,) = relation.hops
            if attribute in hop.columns and hop.target is not self:
                field = hop.target_columns[hop.columns.index(attribute)]
                column.type = hop.target.bind(database).field(field).column.type


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
        self.short = clean(options.table).lower()
        self.keys = TableKey.of_table(described, options.relations)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        return self.options.key or self.described.key

    def fields(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """Give the fields of columns, or ``None`` where one is unknown."""
        return _fields(columns, {name: name for name in self.names})

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


def _fields(columns: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...] | None:
    """Find columns exactly, else in other letters."""
    folded = {column.casefold(): field for column, field in known.items()}
    found = [known.get(column) or folded.get(column.casefold()) for column in columns]
    return None if None in found else tuple(field for field in found if field is not None)
