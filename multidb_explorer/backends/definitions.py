"""What a table or view is made by."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Inspector
from sqlalchemy.schema import CreateIndex, CreateTable

__all__ = ["Definition", "checks_of", "joined", "reflected"]


@dataclass(frozen=True)
class Definition:
    """How a table or view is declared.

    Attributes
    ----------
    text
        The statements that make it, each with its semicolon; empty if nobody can tell.
    own_words
        Whether the database wrote them, and not we from what it says of the columns.
    checks
        Conditions on its rows: name (or ``None``) and text.
    triggers
        Name and statement.
    """

    text: str
    own_words: bool = False
    checks: tuple[tuple[str | None, str], ...] = ()
    triggers: tuple[tuple[str, str], ...] = ()


def joined(*statements: str | None) -> str:
    r"""Put statements one under the other.

    Examples
    --------
    >>> joined("CREATE TABLE t (n INTEGER)", None, "CREATE INDEX i ON t (n);")
    'CREATE TABLE t (n INTEGER);\n\nCREATE INDEX i ON t (n);'
    """
    found = [each.strip().rstrip(";").rstrip() for each in statements if each and each.strip()]
    return "\n\n".join(f"{each};" for each in found)


def checks_of(inspector: Inspector, table: str, schema: str | None) -> tuple[tuple[str | None, str], ...]:
    """Read the check constraints of a table."""
    try:
        found = inspector.get_check_constraints(table, schema)
    except NotImplementedError:
        return ()
    return tuple((each["name"], each["sqltext"]) for each in found)


def reflected(connection: Connection, table: str, schema: str | None) -> Definition:
    """Write the statements from what SQLAlchemy reads of the columns, keys and indexes."""
    inspector = sa.inspect(connection)
    with warnings.catch_warnings():
        # SQLAlchemy warns of types and indexes that it does not know; they are left out.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        if table not in inspector.get_table_names(schema):
            return Definition(_view_text(inspector, table, schema), own_words=True)
        made = sa.Table(table, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
        _add_targets(made)
        return Definition(_table_text(connection, made), checks=checks_of(inspector, table, schema))


def _view_text(inspector: Inspector, view: str, schema: str | None) -> str:
    try:
        return joined(inspector.get_view_definition(view, schema))
    except (NotImplementedError, sa.exc.NoSuchTableError):
        return ""


def _table_text(connection: Connection, table: sa.Table) -> str:
    try:
        statements: list[sa.schema.DDLElement] = [CreateTable(table)]
        statements += [CreateIndex(index) for index in sorted(table.indexes, key=_name)]
        return joined(*(str(each.compile(dialect=connection.dialect)) for each in statements))
    except (sa.exc.CompileError, sa.exc.NoReferenceError):
        # A type that has no spelling in this dialect, or a name with dots, which SQLAlchemy takes for a path.
        return ""


def _name(index: sa.Index) -> str:
    return str(index.name)


def _add_targets(table: sa.Table) -> None:
    """Let foreign keys find the columns that they name; the tables of these are not read."""
    wanted: dict[tuple[str | None, str], dict[str, sa.Column[Any]]] = {}
    for key in table.foreign_keys:
        *before, name, column = key.target_fullname.split(".")
        wanted.setdefault((".".join(before) or None, name), {})[column] = sa.Column(column, sa.Integer())
    for (schema, name), columns in wanted.items():
        if (f"{schema}.{name}" if schema else name) not in table.metadata.tables:
            sa.Table(name, table.metadata, *columns.values(), schema=schema)
