"""Find a table that is about to be written to."""

from __future__ import annotations

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import KeyRequired, ReadOnlyAlias
from multidb_explorer.schema.catalog import Column, ForeignKey, TableSchema
from multidb_explorer.schema.inspector import Catalog, catalog_of
from multidb_explorer.writing.into import Into, Points, Slot

__all__ = ["table_to_write"]


def table_to_write(database: Database, name: str, schema: str | None = None) -> Into:
    """Look at a table of a database that is going to be written; it may be spelt differently there.

    Raises
    ------
    ReadOnlyAlias, TableDoesNotExist, KeyRequired
        Before anything is written; the last one for a view.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> [slot.name for slot in table_to_write(databases["default"], "Users").slots]
    ['id', 'name']
    """
    if database.read_only:
        raise ReadOnlyAlias.refused(database.alias)
    catalog = catalog_of(database)
    live = catalog.table(catalog.find(name, schema), schema)
    if live.kind != "table":
        raise KeyRequired.of_view(database.alias, live.name)
    return catalog.memo(("into", live.schema, live.name), lambda: _into(database, catalog, live))


def _into(database: Database, catalog: Catalog, live: TableSchema) -> Into:
    return Into(
        database=database,
        table=catalog.core_table(live.name, live.schema),
        slots=tuple(map(_slot, live.columns)),
        key=live.key,
        uniques=tuple(dict.fromkeys(filter(None, (live.primary_key, *live.uniques)))),
        points=tuple(_points(catalog, live, key) for key in live.foreign_keys),
    )


def _slot(column: Column) -> Slot:
    optional = column.nullable or column.made_by_server
    return Slot(column.name, column.kind, column.nullable, optional, column.generated)


def _points(catalog: Catalog, live: TableSchema, key: ForeignKey) -> Points:
    return Points(
        key.columns, catalog.core_table(key.target_table, key.target_schema or live.schema), key.target_columns
    )
