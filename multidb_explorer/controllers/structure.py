"""The explorer's tab "Structure": what a table is made of, and what it hangs together with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import Handler, Job, Message, Reply
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    from multidb_explorer.connections.database import Database
    from multidb_explorer.schema.catalog import Column, ForeignKey, Reference, TableSchema

__all__ = ["StructureTab", "structure_of"]


class StructureTab(ExplorerTab):
    """Answers ``structure``."""

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {"structure": self._structure}

    def _structure(self, _: Message) -> Job:
        """Read it in the background: what points to the table is found by reading every foreign key."""
        alias, table, schema = self.place()
        database = databases[alias]
        return self.job(database, lambda: Reply({"type": "structure", **structure_of(database, table, schema)}))


def structure_of(database: Database, table: str, schema: str | None = None) -> Message:
    """Describe a table or view for the screen.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> found = structure_of(databases["default"], "users")
    >>> found["ddl"], [column["name"] for column in found["columns"]]
    ('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);', ['id', 'name'])
    """
    catalog = catalog_of(database)
    described = catalog.table(table, schema)
    with database.connect() as connection:
        definition = database.backend.definition(connection, described.name, described.schema)
    return {
        "kind": described.kind,
        "comment": described.comment,
        "columns": [_column(column, described) for column in described.columns],
        "primary_key": list(described.primary_key),
        "uniques": [list(key) for key in described.uniques],
        "indexes": [
            {"name": index.name, "columns": list(index.columns), "unique": index.unique, "partial": index.partial}
            for index in described.indexes
        ],
        "foreign_keys": [_foreign_key(key) for key in described.foreign_keys],
        "references": [_reference(each) for each in catalog.references(described.name, described.schema)],
        "checks": [{"name": name, "text": text} for name, text in definition.checks],
        "triggers": [{"name": name, "text": text} for name, text in definition.triggers],
        "ddl": definition.text,
        "own_words": definition.own_words,
    }


def _column(column: Column, table: TableSchema) -> Message:
    targets = [
        {"table": key.target_table, "schema": key.target_schema, "column": target}
        for key in table.foreign_keys
        for name, target in zip(key.columns, key.target_columns, strict=False)
        if name == column.name
    ]
    made = "generated" if column.generated else "numbered" if column.identity else ""
    return {
        "name": column.name,
        "type": column.type_name,
        "kind": column.kind.name,
        "nullable": column.nullable,
        "primary_key": column.primary_key,
        "default": column.default,
        "made": made,
        "comment": column.comment,
        "targets": targets,
    }


def _foreign_key(key: ForeignKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "columns": list(key.columns),
        "table": key.target_table,
        "schema": key.target_schema,
        "target_columns": list(key.target_columns),
        "on_delete": key.on_delete,
        "on_update": key.on_update,
    }


def _reference(found: Reference) -> dict[str, Any]:
    key = found.foreign_key
    return {**_foreign_key(key), "table": found.table, "schema": found.schema}
