"""Instances of the rows of SQL that a person wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from multidb_explorer.backends.values import canonical
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import html_table, text_table
from multidb_explorer.errors import FieldError, MultiDBError
from multidb_explorer.options import options
from multidb_explorer.query.preview import cell_text
from multidb_explorer.query.source import Bound, Field, Source
from multidb_explorer.query.state import QueryState
from multidb_explorer.query.tabular import Tabular
from multidb_explorer.results.typed import read_sql_text

if TYPE_CHECKING:
    import pyarrow as pa

    from multidb_explorer.query.queryset import QuerySet

__all__ = ["RawQuerySet"]

M = TypeVar("M")


@dataclass(frozen=True)
class _Asked:
    """The SQL, its parameters, and the fields that its columns stand for where their names differ."""

    sql: str
    params: Mapping[str, Any]
    translations: Mapping[str, str]


class RawQuerySet(Tabular, Generic[M]):
    """The rows of SQL that a person wrote; asked when they are needed, in a session that can't write.

    A column called like a field is that field; every other one becomes an attribute that is never saved. Fields
    without a column are read when they are asked for.

    Parameters
    ----------
    source
        What the rows become.
    alias
        Who is asked.
    asked
        The question.
    """

    def __init__(self, source: Source, alias: str, asked: _Asked) -> None:
        self._source = source
        self._asked = asked
        self._whole: pa.Table | None = None
        self._rows: list[M] | None = None
        self.db = alias

    @classmethod
    def of(
        cls,
        queryset: QuerySet[M],
        sql: str,
        params: Mapping[str, Any] | None = None,
        translations: Mapping[str, str] | None = None,
    ) -> RawQuerySet[M]:
        """Make one of what ``raw()`` was given.

        Raises
        ------
        TypeError
            For parameters without names, and for a QuerySet that asks something already.
        """
        if queryset._state != QueryState(alias=queryset._state.alias):
            raise TypeError("raw() asks what its SQL says and nothing else; use it on Model.objects, or after using().")
        if params is not None and not isinstance(params, Mapping):
            raise TypeError("raw() takes parameters by name: raw('... where id = :id', {'id': 5}).")
        return cls(queryset._source, queryset.db, _Asked(sql, dict(params or {}), dict(translations or {})))

    def using(self, alias: str) -> RawQuerySet[M]:
        """Ask another database.

        Raises
        ------
        ConnectionDoesNotExist
            At once, for an unknown alias.
        """
        return type(self)(self._source, databases[alias].alias, self._asked)

    # Frames

    def to_arrow(self) -> pa.Table:
        """Read everything into an Arrow table, typed by the driver, and where it says nothing by the fields."""
        if self._whole is None:
            self._whole = self._read()
        return self._whole

    def _table(self, frame: str) -> pa.Table:  # noqa: ARG002 -- its rows are kept, so that they are read once
        return self.to_arrow()

    def _names(self) -> list[str]:
        return self.columns

    def _key(self) -> tuple[str, ...]:
        return self._columns_of(self._bound.key)

    def _json(self) -> list[str]:
        return list(self._columns_of([field.name for field in self._bound.fields if field.kind.name == "json"]))

    def _columns_of(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Give the columns that stand for fields, in the order of the fields; a missing one by its own name."""
        names = self.columns
        found = {field.name: name for name, field in zip(names, self._fields_of(names), strict=True) if field}
        return tuple(found.get(name, name) for name in fields if name in found or name in self._bound.key)

    @property
    def columns(self) -> list[str]:
        """The names of the result's columns; they are known once the SQL has run."""
        return list(self.to_arrow().column_names)

    @property
    def _database(self) -> Database:
        return databases[self.db]

    @property
    def _bound(self) -> Bound:
        return self._source.bind(self._database)

    def _read(self, limit: int | None = None) -> pa.Table:
        bound, asked = self._bound, self._asked
        kinds = {field.column.name: field.kind for field in bound.fields}
        kinds |= {field.name: field.kind for field in bound.fields}
        kinds |= {column: bound.field(name).kind for column, name in asked.translations.items()}
        return read_sql_text(self._database, asked.sql, asked.params, limit, kinds=kinds)

    # Rows

    def __iter__(self) -> Iterator[M]:
        return iter(self._fetched())

    def __len__(self) -> int:
        return len(self._fetched())

    def __bool__(self) -> bool:
        return bool(self._fetched())

    @overload
    def __getitem__(self, key: int) -> M: ...
    @overload
    def __getitem__(self, key: slice) -> list[M]: ...
    def __getitem__(self, key: int | slice) -> M | list[M]:
        return self._fetched()[key]

    def _fetched(self) -> list[M]:
        if self._rows is None:
            self._rows = self._instances(self.to_arrow())
        return self._rows

    def _instances(self, table: pa.Table) -> list[M]:
        fields = self._fields(table.column_names)
        columns = [
            [_value(value, field) for value in column.to_pylist()] if field is not None else column.to_pylist()
            for column, field in zip(table.columns, fields, strict=True)
        ]
        own = [(field.name, column) for field, column in zip(fields, columns, strict=True) if field is not None]
        extra = {
            name: column
            for name, field, column in zip(table.column_names, fields, columns, strict=True)
            if field is None
        }
        names = [name for name, _ in own]
        return [
            self._source.instance(
                names,
                [column[place] for _, column in own],
                self.db,
                annotations={name: column[place] for name, column in extra.items()},
            )
            for place in range(table.num_rows)
        ]

    def _fields(self, columns: list[str]) -> list[Field | None]:
        """Give the field that each column stands for.

        Raises
        ------
        FieldError
            Where the key is missing, or one name comes twice.
        """
        bound, found = self._bound, self._fields_of(columns)
        names = [field.name if field is not None else name for field, name in zip(found, columns, strict=True)]
        twice = [name for place, name in enumerate(names) if name in names[:place]]
        if twice:
            raise FieldError(f"The SQL gives two columns {twice[0]!r}; name one of them otherwise with AS.")
        missing = [name for name in bound.key if name not in names]
        if missing:
            raise FieldError(
                f"The SQL does not give {', '.join(map(repr, missing))}, the key of {self._source.name}, and without "
                f"it a row is no instance. It gives: {', '.join(columns)}. Add it, or take to_pandas()."
            )
        return found

    def _fields_of(self, columns: list[str]) -> list[Field | None]:
        bound, known = self._bound, self._asked.translations
        by_column = {field.column.name: field for field in bound.fields} | bound.by_name
        return [bound.field(known[name]) if name in known else by_column.get(name) for name in columns]

    # On screen

    def __repr__(self) -> str:
        return f"<RawQuerySet of {self._source.name} on {self.db!r}: {self._asked.sql}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show the first rows; no more are fetched."""
        limit = options.preview_rows
        try:
            table = self._whole if self._whole is not None else self._read(limit + 1)
        except MultiDBError as error:
            return {"text/plain": f"{type(error).__name__}: {error}"}
        columns = [column.to_pylist() for column in table.slice(0, limit).columns]
        rows = [[cell_text(value) for value in row] for row in zip(*columns, strict=True)]
        more = f"first {limit} rows, there are more" if table.num_rows > limit else f"{table.num_rows} rows"
        caption, color = f"SQL on {self.db} · {more}", self._database.color
        return {
            "text/plain": f"{caption}\n{text_table(table.column_names, rows)}",
            "text/html": html_table(table.column_names, rows, caption=caption, color=color),
        }


def _value(value: Any, field: Field) -> Any:
    """Give a value in its field's own form; what the SQL computed may be longer than the column allows."""
    return canonical(value, replace(field.kind, length=None, precision=None, scale=None, choices=()), column=field.name)
