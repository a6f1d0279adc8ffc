"""Make the tables that the target does not have: the source's columns, keys and indexes in the target's own types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.schema.catalog import Column, ForeignKey, TableSchema
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.transfer.records import Step, TableName

__all__ = ["create_tables", "imagined"]


def imagined(source: TableSchema, target: Database, names: Mapping[TableName, str]) -> TableSchema:
    """Describe a table as it would be made.

    Parameters
    ----------
    names
        What the tables of the source are called in the target, as far as they are or will be there.
    """
    backend = target.backend
    in_key = _in_keys(source)
    columns = []
    for column in source.columns:
        type_ = backend.nearest_type(column.kind, in_key=column.name in in_key)
        made = replace(column, type=type_, kind=backend.kind(type_), default=None, generated=False, identity=False)
        columns.append(made)
    keys = [there for key in source.foreign_keys if (there := _key(source, key, target, names)) is not None]
    return TableSchema(
        name=source.name,
        schema=target.schema,
        columns=tuple(columns),
        primary_key=source.primary_key,
        uniques=source.uniques,
        foreign_keys=tuple(keys),
        indexes=tuple(index for index in source.indexes if not index.partial and None not in index.columns),
    )


def _in_keys(live: TableSchema) -> set[str]:
    lists = [live.primary_key, *live.uniques, *(index.columns for index in live.indexes)]
    lists += [key.columns for key in live.foreign_keys]
    return {name for names in lists for name in names if name is not None}


def _key(source: TableSchema, key: ForeignKey, target: Database, names: Mapping[TableName, str]) -> ForeignKey | None:
    """Give a foreign key as it is there; one to a table that won't be there is left out, and so are its rules."""
    parent = names.get((key.target_table, key.target_schema or source.schema))
    if parent is None:
        return None
    return ForeignKey(key.columns, parent, key.target_columns, target.schema)


def create_tables(target: Database, catalogs: tuple[Catalog, Catalog], steps: Sequence[Step]) -> list[str]:
    """Make the tables of the steps that need one, and tell which.

    Parameters
    ----------
    catalogs
        Of the source and of the target.
    """
    wanted = [step for step in steps if step.created]
    if not wanted:
        return []
    names = {step.name: step.target for step in steps}
    metadata = sa.MetaData()
    tables = [_table(imagined(catalogs[0].table(*step.name), target, names), metadata) for step in wanted]
    known = {table.name for table in tables}
    for table in tables:
        for key in table.foreign_keys:
            parent = key.target_fullname.split(".")[-2]
            if parent not in known:
                known.add(parent)
                # Only its name and key are needed; it is not made.
                _table(catalogs[1].table(parent, target.schema), metadata, keys=False)
    with target.begin() as connection:
        metadata.create_all(connection, tables)
    return [table.name for table in tables]


def _table(live: TableSchema, metadata: sa.MetaData, *, keys: bool = True) -> sa.Table:
    columns = [_column(column, live) for column in live.columns]
    parts: list[sa.schema.SchemaItem] = [*columns]
    if keys:
        parts += [sa.UniqueConstraint(*unique) for unique in live.uniques]
        parts += [_reference(live, number, key) for number, key in enumerate(live.foreign_keys)]
    table = sa.Table(live.name, metadata, *parts, schema=live.schema)
    unique = {live.primary_key, *live.uniques}
    for index in live.indexes if keys else ():
        columns_of = tuple(name for name in index.columns if name is not None)
        if columns_of not in unique:
            sa.Index(
                f"ix_{live.name}_{'_'.join(columns_of)}"[:60],
                *(table.c[name] for name in columns_of),
                unique=index.unique,
            )
            unique.add(columns_of)
    return table


def _column(column: Column, live: TableSchema) -> sa.Column[object]:
    primary = column.name in live.primary_key
    return sa.Column(
        column.name, column.type, primary_key=primary, nullable=column.nullable and not primary, autoincrement=False
    )


def _reference(live: TableSchema, number: int, key: ForeignKey) -> sa.ForeignKeyConstraint:
    place = f"{key.target_schema}." if key.target_schema else ""
    targets = [f"{place}{key.target_table}.{name}" for name in key.target_columns]
    # With a name it can be added later, where tables refer to each other.
    return sa.ForeignKeyConstraint(list(key.columns), targets, name=f"fk_{live.name}_{number}"[:60])
