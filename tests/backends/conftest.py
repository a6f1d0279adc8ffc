"""What the compliance suite needs beside a database: raw SQL, and rows read and written as the package does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_table
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.writing.statements import insert_row

# The specimens of each engine's types are a module beside the tests.
sys.path.insert(0, str(Path(__file__).parent))


class Workbench:
    """One registered database, and short ways to do to it what the package does."""

    def __init__(self, alias: str, url: str, **settings: Any) -> None:
        databases.connect(alias, url, **settings)
        self.alias = alias
        self.url = url

    @property
    def database(self) -> Database:
        return databases[self.alias]

    def run(self, *statements: str) -> None:
        """Run SQL text as it is, in one transaction."""
        with self.database.begin() as connection:
            for statement in statements:
                connection.execution_options(no_parameters=True).exec_driver_sql(statement)
        catalog_of(self.database).refresh()

    def ask(self, sql: str) -> Any:
        """Give the first value of a query."""
        with self.database.connect() as connection:
            return connection.execution_options(no_parameters=True).exec_driver_sql(sql).scalar()

    def describe(self, table: str) -> Any:
        return catalog_of(self.database).table(table)

    def table(self, name: str) -> sa.Table:
        return catalog_of(self.database).core_table(name)

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, each value in the form that its column takes."""
        described, backend = self.describe(table), self.database.backend
        with self.database.begin() as connection:
            for row in rows:
                values = {
                    name: backend.to_column(value, described.column(name).kind, column=name, where=table)
                    for name, value in row.items()
                }
                insert_row(connection, backend, self.table(table), values, described.primary_key)

    def reading(self, table: str, *columns: str, where: sa.ColumnElement[bool] | None = None) -> Reading:
        described, core = self.describe(table), self.table(table)
        chosen = [column for column in described.columns if not columns or column.name in columns]
        readable = self.database.backend.readable
        selected = [readable(core.c[column.name], column.kind).label(column.name) for column in chosen]
        statement = sa.select(*selected).order_by(*core.primary_key.columns)
        if where is not None:
            statement = statement.where(where)
        return Reading(statement, tuple(ResultColumn(column.name, column.kind, column.nullable) for column in chosen))

    def rows(self, table: str, *columns: str, where: sa.ColumnElement[bool] | None = None) -> list[tuple[Any, ...]]:
        return read_rows(self.database, self.reading(table, *columns, where=where))

    def arrow(self, table: str, *columns: str, where: sa.ColumnElement[bool] | None = None) -> Any:
        return read_table(self.database, self.reading(table, *columns, where=where))


@pytest.fixture
def bench(url: str) -> Workbench:
    """An empty database on the test's engine, registered as ``here``."""
    return Workbench("here", url)


@pytest.fixture
def workbench() -> type[Workbench]:
    """Register more: ``workbench("there", url, read_only=True)``."""
    return Workbench


@pytest.fixture
def bench_of(new_database: Callable[..., str]) -> Callable[[str], Workbench]:
    """Register an empty database of one engine, for what concerns that engine alone."""
    return lambda name: Workbench("here", new_database(name))
