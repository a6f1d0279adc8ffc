"""The table that a row is about to be written to: looked at, not assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.values import same
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError, KeyRequired, ReadOnlyAlias, ValueNotRepresentable
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.schema.catalog import Column, TableSchema
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.writing.statements import key_condition

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """A model's table as it is on one database.

    Attributes
    ----------
    columns
        The database's column for each of the model's fields that has one there.
    missing
        Fields that have none.
    key
        The model's key fields.
    """

    database: Database
    live: TableSchema
    table: sa.Table
    columns: Mapping[str, Column]
    missing: tuple[str, ...]
    key: tuple[str, ...]

    @classmethod
    def of(cls, model: type[Model], database: Database, *, keyed: bool = True) -> Target:
        """Look at a model's table on a database that is going to be written.

        Parameters
        ----------
        keyed
            Whether its rows have to be told apart.

        Raises
        ------
        ReadOnlyAlias, TableDoesNotExist, KeyRequired
            Before anything is written.
        """
        if database.read_only:
            raise ReadOnlyAlias.refused(database.alias)
        source = model._source
        live = source.live(database)
        names = _column_names(source.names, getattr(source, "attributes", {}), live, database)
        columns = {field: live.column(name) for field, name in names.items() if name is not None}
        if live.kind != "table":
            raise KeyRequired.of_view(database.alias, live.name)
        target = cls(
            database=database,
            live=live,
            table=catalog_of(database).core_table(live.name, live.schema),
            columns=columns,
            missing=tuple(field for field, name in names.items() if name is None),
            key=source.key,
        )
        if keyed:
            target._require_key(named=bool(source.options.key))
        return target

    def _require_key(self, *, named: bool) -> None:
        if not self.key or any(name in self.missing for name in self.key):
            raise KeyRequired.missing(self.database.alias, self.live.name)
        columns = {self.columns[name].name for name in self.key}
        unique = [set(self.live.primary_key), *map(set, self.live.uniques)]
        if not named and not any(key and key <= columns for key in unique):
            raise KeyRequired(
                f"Table {self.live.name!r} on alias {self.database.alias!r} has no primary or unique key on "
                f"({', '.join(sorted(columns))}), so a row can't be told apart there and nothing was written."
            )

    @property
    def where(self) -> str:
        """The table and its alias, for messages."""
        return f"table {self.live.name!r} on alias {self.database.alias!r}"

    @property
    def place(self) -> str:
        """The same at the start of a sentence."""
        return f"Table {self.live.name!r} on alias {self.database.alias!r}"

    def exact(self, field: str, value: Any) -> Any:
        """Give a value as the column stores it, or refuse it by name."""
        column = self.columns[field]
        return self.database.backend.to_column(value, column.kind, column=column.name, where=self.where)

    def key_of(self, instance: Model) -> dict[str, Any]:
        """Give the instance's key by the columns of this table."""
        return {self.columns[name].name: self.exact(name, instance._values.get(name)) for name in self.key}

    def values_of(self, instance: Model) -> dict[str, Any]:
        """Give the values that were set, by field, each checked against its column.

        Raises
        ------
        ValueNotRepresentable
            For the first value that the table can't hold exactly, or has no column for.
        """
        given = instance._values
        for field in self.missing:
            if given.get(field) is not None:
                raise ValueNotRepresentable(
                    f"{self.place} has no column for field {field!r}, which holds a value. "
                    f"It has: {', '.join(column.name for column in self.live.columns)}.",
                    column=field,
                )
        writable = [field for field in self.columns if field in given and not self.columns[field].generated]
        return {field: self._checked(field, given[field]) for field in writable}

    def _checked(self, field: str, value: Any) -> Any:
        column, found = self.columns[field], self.exact(field, value)
        if found is None and not column.nullable and not (field in self.key and column.made_by_server):
            raise ValueNotRepresentable(f"Column {column.name!r} of {self.where} can't be NULL.", column=column.name)
        return found

    def require_complete(self, values: Mapping[str, Any]) -> None:
        """Refuse an INSERT that leaves out a column which needs a value."""
        given = {self.columns[field].name for field, value in values.items() if value is not None}
        for column in self.live.columns:
            if not column.nullable and not column.made_by_server and column.name not in given:
                raise ValueNotRepresentable(
                    f"Column {column.name!r} of {self.where} can't be NULL, and the row has no value for it.",
                    column=column.name,
                )

    def row(self, key: Mapping[str, Any], *, lock: bool = False) -> dict[str, Any] | None:
        """Read the row under a key, by field, or give ``None``."""
        backend = self.database.backend
        chosen = [
            (self.table.c[column.name], ResultColumn(field, column.kind, column.nullable))
            for field, column in self.columns.items()
        ]
        selected = [backend.readable(column, result.kind).label(column.name) for column, result in chosen]
        statement = sa.select(*selected).select_from(self.table).where(key_condition(self.table, key))
        if lock and backend.features.row_locks:
            statement = statement.with_for_update()
        rows = read_rows(self.database, Reading(statement, tuple(result for _, result in chosen)))
        if len(rows) > 1:
            raise KeyRequired(
                f"The key ({', '.join(key)}) is not unique in {self.where}: {len(rows)} rows have it. "
                f"Nothing was written."
            )
        return dict(zip(self.columns, rows[0], strict=True)) if rows else None

    def differences(
        self, values: Mapping[str, Any], row: Mapping[str, Any], *, leave_out: tuple[str, ...] = ()
    ) -> dict[str, tuple[Any, Any]]:
        """Compare values with a row of this table, column by column; what the database computes is not compared."""
        return {
            self.columns[field].name: (value, row[field])
            for field, value in values.items()
            if field in row and field not in leave_out and not same(value, row[field], self.columns[field].kind)
        }


def _column_names(
    fields: tuple[str, ...], attributes: Mapping[str, str], live: TableSchema, database: Database
) -> dict[str, str | None]:
    """Find each field's column by name; two fields never share one."""
    known = [column.name for column in live.columns]
    found: dict[str, str | None] = {}
    for field in fields:
        try:
            found[field] = match(attributes.get(field, field), known)
        except Ambiguous as error:
            raise FieldError(
                f"Field {field!r} could mean several columns of table {live.name!r} on alias {database.alias!r}: "
                f"{', '.join(map(repr, error.args[0]))}."
            ) from None
    taken = [name for name in found.values() if name is not None]
    if len(set(taken)) < len(taken):
        raise FieldError(f"Two fields mean the same column of table {live.name!r} on alias {database.alias!r}.")
    return found
