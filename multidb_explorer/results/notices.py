"""Columns of types that nothing here describes are read as the database's own text, and a person is told so once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import NullType, TypeEngine

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.database import Database
from multidb_explorer.display import notice
from multidb_explorer.errors import MultiDBError

__all__ = ["tell_of_rounding", "tell_of_table", "tell_of_text"]

_log = logging.getLogger(__name__)


def tell_of_table(database: Database, table: sa.Table, columns: Iterable[ResultColumn]) -> None:
    """Tell of the columns of a table that are read as text; each column once for as long as its alias is registered.

    Parameters
    ----------
    table
        Whose columns are read; one that comes from another table is told of by its name alone.
    columns
        What is read.
    """
    for column in columns:
        if column.kind.name == "other" and _first(database, (table.schema, table.name, column.name)):
            known = table.columns.get(column.name)
            type_name = "" if known is None else _type_name(database, table, known)
            _tell(f"Column {column.name!r} of {table.name!r} on alias {database.alias!r}", type_name)


def tell_of_text(database: Database, types: Mapping[str, str]) -> None:
    """Tell of the columns of SQL that a person wrote, by name, which are read as text; each name and type once."""
    for name, type_name in types.items():
        if _first(database, ("sql", name, type_name)):
            _tell(f"Column {name!r} of the SQL on alias {database.alias!r}", type_name)


def tell_of_rounding(database: Database, reasons: Mapping[str, str]) -> None:
    """Tell of the columns of SQL that a person wrote, by name, whose values the database rounds; each name once."""
    for name, reason in reasons.items():
        if _first(database, ("rounded", name)):
            _say(f"Column {name!r} of the SQL on alias {database.alias!r} is rounded. {reason}")


def _first(database: Database, key: tuple[Any, ...]) -> bool:
    told: set[tuple[Any, ...]] = database.memo("columns read as text", set)
    if key in told:
        return False
    told.add(key)
    return True


def _tell(what: str, type_name: str) -> None:
    has = f"has the type {type_name}, which" if type_name else "has a type that"
    _say(f"{what} {has} has no exact form here: its values are the database's own text.")


def _say(text: str) -> None:
    _log.info("%s", text)
    notice(text)


def _type_name(database: Database, table: sa.Table, column: sa.Column[Any]) -> str:
    if not isinstance(column.type, NullType):
        return _spelt(column.type, database)
    try:
        with database.connect() as connection:
            return database.backend.type_name(connection, table, column.name)
    except MultiDBError:
        # A notice is no reason to fail.
        return ""


def _spelt(type_: TypeEngine[Any], database: Database) -> str:
    try:
        return type_.compile(dialect=database.engine.dialect)
    except sa.exc.SQLAlchemyError:
        return str(type_)
