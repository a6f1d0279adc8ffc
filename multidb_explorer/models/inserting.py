"""Write INSERTs of many rows, in few statements, and learn the keys that the database makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.writing.statements import insert_row, key_condition, update_row

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.models.target import Target

__all__ = ["LEAST", "Inserting", "Row"]

_CHUNK = LEAST = 1_000


@dataclass
class Row:
    """A row to write.

    Attributes
    ----------
    values
        What was given, by field, as the columns store it.
    made
        The parts of the key that the database made, by field.
    """

    instance: Model
    values: dict[str, Any]
    made: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Shape:
    """What the rows of one statement have in common.

    Attributes
    ----------
    fields
        What they give.
    empty
        Those of it that are NULL in all of them.
    unknown
        The parts of the key that they leave to the database.
    """

    fields: tuple[str, ...]
    empty: tuple[str, ...]
    unknown: tuple[str, ...]


class Inserting:
    """INSERTs into one table.

    Parameters
    ----------
    batch_size
        How many rows a statement takes at most.
    ignore
        Whether rows are left out whose key is taken.
    unique
        The unique key, by fields, that tells which rows exist already; empty for any.
    """

    def __init__(
        self, target: Target, batch_size: int | None = None, *, ignore: bool = False, unique: Sequence[str] = ()
    ) -> None:
        self.target = target
        self.backend = target.database.backend
        self.size = batch_size or _CHUNK
        self.whole = batch_size is None
        self.ignore = ignore
        self.unique = unique
        self.updating = False

    def run(self, connection: Connection, rows: Sequence[Row], update: Sequence[str] = ()) -> None:
        """Insert rows.

        Parameters
        ----------
        update
            Fields that are set in the rows that exist.
        """
        self.updating = bool(update)
        for shape, some in self._shapes(rows, update).items():
            if self._many(connection, shape, some, update):
                continue
            if self.unique and not self.backend.features.names_conflict_key:
                for row in some:
                    self._merge(connection, row, update)
                continue
            statement = self._statement(shape, update)
            for start in range(0, len(some), self.size):
                self._insert(connection, statement, shape, some[start : start + self.size])

    def _many(self, connection: Connection, shape: _Shape, rows: Sequence[Row], update: Sequence[str]) -> bool:
        """Hand very many rows to a loader, where nothing has to be learnt of each; tell whether it was done."""
        by_loader = not self._meets or (self.unique and not self.ignore)
        if not self.whole or len(rows) < LEAST or shape.unknown or not by_loader:
            return False
        from multidb_explorer.models.many_rows import ManyRows

        names = [(name, self.target.columns[name].name) for name in shape.fields]
        values = [{column: row.values.get(name) for name, column in names} for row in rows]
        many = ManyRows(self.target, self._columns(shape.fields), values)
        if not many.exact:
            return False
        if self._meets:
            many.merge(connection, self._columns(self.unique), self._columns(update))
        else:
            many.insert(connection)
        return True

    def _column(self, name: str) -> sa.Column[Any]:
        return self.target.table.c[self.target.columns[name].name]

    def _columns(self, fields: Sequence[str]) -> list[str]:
        return [self.target.columns[name].name for name in fields]

    def _shapes(self, rows: Sequence[Row], update: Sequence[str]) -> dict[_Shape, list[Row]]:
        """Sort rows by what one statement can do for them: a column that has a default is left out where unset."""
        columns, key = self.target.columns, self.target.key
        given = {name for row in rows for name in row.values} | set(update)
        optional = {name for name in given if columns[name].made_by_server or name in key}
        nulls = {name for name in given if columns[name].kind.name == "json"}
        order = [name for name in columns if name in given]
        groups: dict[_Shape, list[Row]] = {}
        for row in rows:
            fields = tuple(name for name in order if name in row.values or name not in optional)
            # A JSON column would take a bound None for the JSON value null.
            empty = tuple(name for name in fields if name in nulls and row.values.get(name) is None)
            unknown = tuple(name for name in key if name not in row.values)
            groups.setdefault(_Shape(fields, empty, unknown), []).append(row)
        return groups

    def _statement(self, shape: _Shape, update: Sequence[str]) -> sa.Insert:
        table = self._table(shape)
        if self._meets:
            statement = self.backend.insert_or(table, self._columns(update), self._columns(self.unique))
        else:
            statement = sa.insert(table)
        empty = self._columns(shape.empty)
        return statement.values(dict.fromkeys(empty, sa.null())) if empty else statement

    def _table(self, shape: _Shape) -> sa.Table:
        """Give the table, in a form that SQLAlchemy knows to number its rows in their order where it does.

        Only then are the keys of many rows asked for at once: of a mere default nobody knows what it gives.
        """
        own, unknown = self.target.table, [self.target.columns[name] for name in shape.unknown]
        if self._meets or len(unknown) != 1 or not unknown[0].identity or unknown[0].kind.name != "integer":
            return own
        number = unknown[0].name
        copied = [
            sa.Column(column.name, column.type, primary_key=column.name == number, autoincrement=column.name == number)
            for column in own.columns
        ]
        return sa.Table(own.name, sa.MetaData(), *copied, schema=own.schema)

    def _insert(self, connection: Connection, statement: sa.Insert, shape: _Shape, rows: Sequence[Row]) -> None:
        names = [(name, self.target.columns[name].name) for name in shape.fields if name not in shape.empty]
        values = [{column: row.values.get(name) for name, column in names} for row in rows]
        known = not shape.unknown or self.ignore
        if known and names:
            connection.execute(statement, values)
        elif known:
            for _ in rows:
                connection.execute(statement)
        elif connection.dialect.insert_executemany_returning_sort_by_parameter_order:
            columns = [statement.table.c[name] for name in self._columns(shape.unknown)]
            asked = statement.returning(*columns, sort_by_parameter_order=True)
            for row, made in zip(rows, connection.execute(asked, values), strict=True):
                self._learn(row, shape.unknown, made)
        elif self._meets:
            # Such a product tells no key of a row that was there already.
            connection.execute(statement, values)
        else:
            for row in rows:
                self._one(connection, row)

    @property
    def _meets(self) -> bool:
        return self.ignore or self.updating or bool(self.unique)

    def _one(self, connection: Connection, row: Row) -> None:
        """Insert one row."""
        values = {self.target.columns[name].name: value for name, value in row.values.items()}
        unknown = [name for name in self.target.key if name not in row.values]
        made = insert_row(connection, self.backend, self.target.table, values, self._columns(self.target.key))
        self._learn(row, unknown, [made[name] for name in self._columns(unknown)])

    def _learn(self, row: Row, unknown: Sequence[str], made: Sequence[Any]) -> None:
        row.made = {name: self.target.exact(name, value) for name, value in zip(unknown, made, strict=True)}

    # Where the product can't be told the unique key

    def _merge(self, connection: Connection, row: Row, update: Sequence[str]) -> None:
        """Update the row that has the key that was named, or insert one: no other key makes it a known one."""
        columns, table = self.target.columns, self.target.table
        key = {columns[name].name: row.values.get(name) for name in self.unique}
        setting = {
            columns[name].name: row.values.get(name)
            for name in update
            if name in row.values or not columns[name].made_by_server
        }
        if None in key.values() or not update_row(connection, self.backend, table, key, setting):
            self._one(connection, row)
            return
        unknown = [name for name in self.target.key if name not in row.values]
        if unknown:
            asked = sa.select(*map(self._column, unknown)).where(key_condition(table, key))
            self._learn(row, unknown, connection.execute(asked).one())
