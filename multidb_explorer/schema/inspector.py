"""Read what exists in a database, level by level, and keep it until it is refreshed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedForeignKeyConstraint, ReflectedIndex

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import DatabaseError, TableDoesNotExist
from multidb_explorer.schema.catalog import Column, ForeignKey, Index, Reference, TableSchema, TableSummary
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.schema.parts import Parts, all_parts, parts

__all__ = ["Catalog", "catalog_of"]

T = TypeVar("T")


def catalog_of(database: Database) -> Catalog:
    """Give the catalog of a database; it lives as long as the alias's registration.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> catalog_of(databases["default"]).tables()
    ()
    """
    return database.memo("catalog", lambda: Catalog(database))


class Catalog:
    """What exists in one database. Each level is read when it is first asked for: schemas, tables, one table's columns.

    Parameters
    ----------
    database
        Whose catalog it is.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._lock = threading.RLock()
        self._known: dict[tuple[Any, ...], Any] = {}
        self._metadata = sa.MetaData()

    # Levels

    def schemas(self) -> tuple[str, ...]:
        """Names of the schemas; empty where the product has none."""
        if not self.database.backend.features.schemas:
            return ()
        return self._once(("schemas",), lambda inspector: tuple(inspector.get_schema_names()))

    def tables(self, schema: str | None = None) -> tuple[TableSummary, ...]:
        """List the tables and views of a schema, sorted by name, in a handful of statements however many there are.

        Parameters
        ----------
        schema
            ``None`` for the alias's own schema.

        Raises
        ------
        TableDoesNotExist
            For a schema that the database can't look into, since there is none.
        """
        schema = schema or self.database.schema
        try:
            return self._once(("tables", schema), lambda inspector: self._list(inspector, schema))
        except DatabaseError:
            if schema is not None:
                self._require_schema(schema)
            raise

    def table(self, name: str, schema: str | None = None) -> TableSchema:
        """Describe one table or view.

        Raises
        ------
        TableDoesNotExist
            With near names.
        """
        schema = schema or self.database.schema
        if ("table", schema, name) not in self._known:
            self._require(name, schema)
        return self._once(("table", schema, name), lambda inspector: self._describe(inspector, name, schema))

    def describe_all(self, schema: str | None = None) -> tuple[TableSchema, ...]:
        """Describe all tables and views of a schema, in a few statements where the product can tell of all at once."""
        schema = schema or self.database.schema
        summaries = self.tables(schema)
        if any(("table", schema, summary.name) not in self._known for summary in summaries):
            self._read_all(schema, summaries)
        # One that appeared in between, or that can't be read together with the others, is asked about alone.
        return tuple(self.table(summary.name, schema) for summary in summaries)

    def _read_all(self, schema: str | None, summaries: Iterable[TableSummary]) -> None:
        tables = [summary.name for summary in summaries if summary.kind == "table"]
        try:
            with self._inspector() as inspector:
                found = all_parts(inspector, self.database.backend, schema, tables)
        except DatabaseError:
            # One broken view hides all the others from such a question.
            return
        described = [self._described(summary, found[summary.name]) for summary in summaries if summary.name in found]
        with self._lock:
            for table in described:
                self._known.setdefault(("table", schema, table.name), table)

    def core_table(self, name: str, schema: str | None = None) -> sa.Table:
        """Give the SQLAlchemy table, in a MetaData of this alias alone."""
        schema = schema or self.database.schema
        described = self.table(name, schema)
        # Under the lock: a MetaData takes a table of a name once only.
        with self._lock:
            return self.memo(("core", schema, name), lambda: _core_table(described, self._metadata))

    def find(self, name: str, schema: str | None = None) -> str:
        """Find the table that is meant, also where this database spells it differently (``Customer``, ``customer``).

        Raises
        ------
        TableDoesNotExist
            When none or several fit.
        """
        names = [table.name for table in self.tables(schema)]
        try:
            found = match(name, names) or match(name, names := self._names_anew(schema))
        except Ambiguous as error:
            raise TableDoesNotExist(
                f"Alias {self.database.alias!r} has several tables that {name!r} could mean: "
                f"{', '.join(map(repr, error.args[0]))}. Name one of them exactly."
            ) from None
        if found is None:
            raise TableDoesNotExist.unknown(self.database.alias, name, names)
        return found

    def references(self, name: str, schema: str | None = None) -> tuple[Reference, ...]:
        """List the foreign keys that point to a table, from whatever schema."""
        schema = schema or self.database.schema
        default, found = self._once(("references",), self._references)
        return tuple(
            reference
            for reference in found
            if reference.foreign_key.target_table == name
            and (reference.foreign_key.target_schema or default) == (schema or default)
        )

    def refresh(self) -> None:
        """Forget everything that was read; the next question asks the database again."""
        with self._lock:
            self._known.clear()
            self._metadata = sa.MetaData()

    # How

    def _once(self, key: tuple[Any, ...], read: Callable[[Inspector], T]) -> T:
        def reading() -> T:
            with self._inspector() as inspector:
                return read(inspector)

        return self.memo(key, reading)

    def memo(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Keep what was made of the catalog for as long as the catalog itself is not refreshed."""
        with self._lock:
            if key in self._known:
                return cast("T", self._known[key])
        # Made outside the lock: two threads asking at once cost a second read, never a wait for a slow server.
        made = make()
        with self._lock:
            return cast("T", self._known.setdefault(key, made))

    @contextmanager
    def _inspector(self) -> Iterator[Inspector]:
        with self.database.connect() as connection, warnings.catch_warnings():
            # SQLAlchemy warns of types and indexes that it does not know; they are read as text, or left out.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            yield sa.inspect(connection)

    def _require_schema(self, schema: str) -> None:
        with self._inspector() as inspector:
            known = inspector.get_schema_names()
        if schema not in known:
            raise TableDoesNotExist.without_schema(self.database.alias, schema, known) from None

    def _require(self, name: str, schema: str | None) -> None:
        """Refuse a table that is not there."""
        if not any(table.name == name for table in self.tables(schema)):
            names = self._names_anew(schema)
            if name not in names:
                raise TableDoesNotExist.unknown(self.database.alias, name, names)

    def _names_anew(self, schema: str | None) -> list[str]:
        """List the tables once more: a list that misses one may only be old."""
        with self._lock:
            self._known.pop(("tables", schema or self.database.schema), None)
        return [table.name for table in self.tables(schema)]

    def _list(self, inspector: Inspector, schema: str | None) -> tuple[TableSummary, ...]:
        connection = cast("Connection", inspector.bind)
        estimates = self.database.backend.row_estimates(connection, schema)
        comments = self.database.backend.comments(connection, schema)
        tables = [
            TableSummary(name, schema, "table", comments.get(name), estimates.get(name))
            for name in inspector.get_table_names(schema)
        ]
        views = [TableSummary(name, schema, "view", comments.get(name)) for name in _view_names(inspector, schema)]
        return tuple(sorted([*tables, *views], key=lambda table: table.name.casefold()))

    def _describe(self, inspector: Inspector, name: str, schema: str | None) -> TableSchema:
        summary = next(table for table in self.tables(schema) if table.name == name)
        is_table = summary.kind == "table"
        return self._described(summary, parts(inspector, self.database.backend, name, schema, is_table=is_table))

    def _described(self, summary: TableSummary, found: Parts) -> TableSchema:
        spelt = self.database.backend.column_name
        primary = tuple(map(spelt, found.key))
        indexes = tuple(_index(index, spelt) for index in found.indexes)
        uniques = [map(spelt, unique) for unique in found.uniques if list(unique) != list(found.key)]
        return TableSchema(
            name=summary.name,
            schema=summary.schema,
            kind=summary.kind,
            columns=tuple(self._column(column, primary, found) for column in found.columns),
            primary_key=primary,
            uniques=_unique_keys(uniques, indexes),
            foreign_keys=tuple(_foreign_key(key) for key in found.foreign_keys),
            indexes=indexes,
            comment=summary.comment,
        )

    def _references(self, inspector: Inspector) -> tuple[str | None, tuple[Reference, ...]]:
        """Read every foreign key, and the name of the default schema, which keys within it leave out."""
        connection = cast("Connection", inspector.bind)
        schemas = self.schemas()
        default = inspector.default_schema_name if schemas else None
        others = [schema for schema in schemas if schema != default]
        return default, tuple(
            Reference(table, home, _foreign_key(key))
            for schema in [None, *others]
            for (home, table), keys in self.database.backend.foreign_keys(connection, schema).items()
            for key in keys
        )

    def _column(self, found: ReflectedColumn, primary: tuple[str, ...], table: Parts) -> Column:
        kind = self.database.backend.kind(found["type"])
        name = self.database.backend.column_name(found["name"])
        default = found.get("default")
        numbered = found.get("autoincrement") is True and name in primary
        own_number = table.numbered and primary == (name,) and kind.name == "integer"
        return Column(
            name=name,
            type=found["type"],
            kind=kind,
            nullable=bool(found["nullable"]) and name not in primary,
            default=default,
            generated="computed" in found,
            identity="identity" in found or numbered or own_number,
            primary_key=name in primary,
            comment=found.get("comment"),
        )


def _view_names(inspector: Inspector, schema: str | None) -> Iterable[str]:
    try:
        return [*inspector.get_view_names(schema), *inspector.get_materialized_view_names(schema)]
    except NotImplementedError:
        return inspector.get_view_names(schema)


def _index(found: ReflectedIndex, spelt: Callable[[str], str]) -> Index:
    return Index(
        found["name"],
        tuple(None if column is None else spelt(column) for column in found["column_names"]),
        bool(found["unique"]),
        any(option.endswith("_where") and text for option, text in found.get("dialect_options", {}).items()),
    )


def _unique_keys(constraints: Iterable[Iterable[str]], indexes: Iterable[Index]) -> tuple[tuple[str, ...], ...]:
    """Join unique constraints and unique indexes: products differ in which of the two they report."""
    keys = [tuple(columns) for columns in constraints]
    whole = [index for index in indexes if index.unique and not index.partial and None not in index.columns]
    keys += [cast("tuple[str, ...]", index.columns) for index in whole]
    return tuple(dict.fromkeys(key for key in keys if key))


def _foreign_key(found: ReflectedForeignKeyConstraint) -> ForeignKey:
    options: Mapping[str, Any] = found.get("options") or {}
    return ForeignKey(
        columns=tuple(found["constrained_columns"]),
        target_table=found["referred_table"],
        target_columns=tuple(found["referred_columns"]),
        target_schema=found.get("referred_schema"),
        name=found.get("name"),
        on_delete=str(options.get("ondelete") or "NO ACTION").upper(),
        on_update=str(options.get("onupdate") or "NO ACTION").upper(),
    )


def _core_table(described: TableSchema, metadata: sa.MetaData) -> sa.Table:
    columns = [
        sa.Column(
            column.name,
            column.type,
            primary_key=column.primary_key,
            nullable=column.nullable,
            server_default=sa.FetchedValue() if column.default is not None or column.generated else None,
            info={"identity": column.identity},
        )
        for column in described.columns
    ]
    return sa.Table(described.name, metadata, *columns, schema=described.schema)
