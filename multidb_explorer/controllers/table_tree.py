"""The tree of the explorer: schemas, their tables, and the columns of a table, each level read when it is unfolded."""

from __future__ import annotations

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.controllers.values import encode_table
from multidb_explorer.schema.catalog import TableSchema, TableSummary
from multidb_explorer.schema.inspector import catalog_of

__all__ = ["TableTree"]


class TableTree(ExplorerTab):
    """Answers ``schemas``, ``tables`` and ``table_columns``."""

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {"schemas": self._schemas, "tables": self._tables, "table_columns": self._columns}

    def _database(self) -> Database:
        return databases[self.explorer.here()]

    def _schema(self, request: Message) -> str | None:
        schema = request.get("schema")
        if not isinstance(schema, str | None):
            raise BadRequest("A schema has a name.")
        return schema

    def _schemas(self, _: Message) -> Job:
        database = self._database()

        def work() -> Reply:
            names = catalog_of(database).schemas()
            own = database.schema
            if names and own is None:
                with database.connect() as connection:
                    own = connection.dialect.default_schema_name
            return Reply({"type": "schemas", "schemas": list(names) if own in names else [], "own": own})

        return self.job(database, work)

    def _tables(self, request: Message) -> Job:
        """List the tables in the background: a big catalog on a slow line must not hold up the rows."""
        catalog, schema = catalog_of(self._database()), self._schema(request)

        def work() -> Reply:
            if request.get("refresh") is True:
                catalog.refresh()
            return Reply({"type": "tables"}, (_encoded(catalog.tables(schema)),))

        return self.job(catalog.database, work)

    def _columns(self, request: Message) -> Job:
        database, table, schema = self._database(), request.get("table"), self._schema(request)
        if not isinstance(table, str):
            raise BadRequest("Columns are those of a table.")

        def work() -> Reply:
            found = catalog_of(database).table(table, schema)
            return Reply({"type": "table_columns", "columns": _listed(found)})

        return self.job(database, work)


def _listed(table: TableSchema) -> list[Message]:
    refers = {
        column: f"{key.target_table}.{target}"
        for key in table.foreign_keys
        for column, target in zip(key.columns, key.target_columns, strict=False)
    }
    return [
        {
            "name": column.name,
            "type": column.type_name.lower(),
            "primary_key": column.primary_key,
            "refers": refers.get(column.name),
        }
        for column in table.columns
    ]


def _encoded(tables: tuple[TableSummary, ...]) -> bytes:
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    columns: dict[str, pa.Array] = {
        "name": pa.array([table.name for table in tables], text),
        "schema": pa.array([table.schema for table in tables], text),
        "kind": pa.array([table.kind for table in tables], text),
        "rows": pa.array([table.row_estimate for table in tables], number),
        "comment": pa.array([table.comment for table in tables], text),
    }
    kinds = [Kind("integer") if name == "rows" else Kind("text") for name in columns]
    return encode_table(pa.table(columns), kinds)
