"""What exists in a database, as frozen records: read once, then only looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeEngine

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.display import html_table, text_table

__all__ = ["Column", "ForeignKey", "Index", "Reference", "TableSchema", "TableSummary"]


@dataclass(frozen=True)
class Column:
    """One column of a table or view.

    Attributes
    ----------
    type
        The database's own type, as SQLAlchemy reflects it.
    kind
        What it holds, whatever the product calls it.
    default
        The SQL text of the server's default, or ``None``.
    generated
        Whether the database computes every value (such a column is never written).
    identity
        Whether the database numbers new rows by itself.
    """

    name: str
    type: TypeEngine[Any] = field(compare=False)
    kind: Kind
    nullable: bool = True
    default: str | None = None
    generated: bool = False
    identity: bool = False
    primary_key: bool = False
    comment: str | None = None

    @property
    def made_by_server(self) -> bool:
        """Whether a new row gets a value here without our giving one."""
        return self.generated or self.identity or self.default is not None

    @property
    def type_name(self) -> str:
        """The type as the database spells it, as far as SQLAlchemy can tell."""
        try:
            return str(self.type)
        except (CompileError, AttributeError, TypeError):
            # A type without a generic spelling can only be named by its class.
            return type(self.type).__name__.upper()


@dataclass(frozen=True)
class ForeignKey:
    """A reference from columns of one table to columns of another, in the same order."""

    columns: tuple[str, ...]
    target_table: str
    target_columns: tuple[str, ...]
    target_schema: str | None = None
    name: str | None = None
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"


@dataclass(frozen=True)
class Reference:
    """A foreign key seen from the table that it points to."""

    table: str
    schema: str | None
    foreign_key: ForeignKey


@dataclass(frozen=True)
class Index:
    """An index, or the index behind a unique constraint; an expression in it has no column name.

    Attributes
    ----------
    partial
        Whether it covers only some of the rows, so that it makes no key.
    """

    name: str | None
    columns: tuple[str | None, ...]
    unique: bool = False
    partial: bool = False


@dataclass(frozen=True)
class TableSummary:
    """A table or view in a list: what one query about a whole schema tells.

    Attributes
    ----------
    kind
        ``table`` or ``view``.
    row_estimate
        Roughly how many rows it has, or ``None`` where the database does not know without counting.
    """

    name: str
    schema: str | None = None
    kind: str = "table"
    comment: str | None = None
    row_estimate: int | None = None


@dataclass(frozen=True)
class TableSchema:
    """All there is to know about one table or view."""

    name: str
    columns: tuple[Column, ...]
    schema: str | None = None
    kind: str = "table"
    primary_key: tuple[str, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    comment: str | None = None

    def column(self, name: str) -> Column:
        """Give a column by its exact name.

        Raises
        ------
        KeyError
            For a name that the table does not have.
        """
        return {column.name: column for column in self.columns}[name]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart: the primary key, else the first unique key without NULLs, else none."""
        if self.primary_key:
            return self.primary_key
        nullable = {column.name for column in self.columns if column.nullable}
        return next((unique for unique in self.uniques if not nullable.intersection(unique)), ())

    def _rows(self) -> list[list[str | None]]:
        references = {
            column: f"{key.target_table}.{target}"
            for key in self.foreign_keys
            for column, target in zip(key.columns, key.target_columns, strict=False)
        }
        return [
            [
                column.name,
                column.type_name,
                "" if column.nullable else "NOT NULL",
                "PK" if column.primary_key else "",
                references.get(column.name, ""),
                "generated" if column.generated else "identity" if column.identity else column.default or "",
                column.comment or "",
            ]
            for column in self.columns
        ]

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}\n{text_table(_HEADER, self._rows())}"

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows(), caption=f"{self.kind} {self.name}")


_HEADER = ("column", "type", "null", "key", "references", "default", "comment")
