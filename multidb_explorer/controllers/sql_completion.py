"""What can be typed next in the SQL box: tables, columns of the tables that are named, and the engine's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from multidb_explorer.connections.database import Database
from multidb_explorer.controllers.base import Message
from multidb_explorer.errors import MultiDBError
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import Catalog, catalog_of

__all__ = ["complete_sql"]

_WORD = re.compile(r"[^\W\d]\w*$")
_BEFORE = re.compile(r"(?:[^\W\d]\w*|\"[^\"]+\"|`[^`]+`)(?=\.$)")
_NAMED = re.compile(r"[^\W\d]\w*|\"[^\"]+\"|`[^`]+`")
_MOST = 40
_MOST_TABLES = 8


def complete_sql(database: Database, sql: str, cursor: int) -> tuple[int, list[Message]]:
    """Complete the word before the cursor.

    Returns
    -------
    tuple
        Where the word begins, and the choices: what to insert, what it is, and more about it.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> start, found = complete_sql(databases["default"], "select na from users", 9)
    >>> start, [(choice["text"], choice["kind"]) for choice in found][0]
    (7, ('name', 'column'))
    """
    head = sql[:cursor]
    word = _WORD.search(head)
    start = word.start() if word else cursor
    fragment = sql[start:cursor]
    owner = _BEFORE.search(sql[:start])
    if owner is None and not fragment:
        return start, []
    catalog = catalog_of(database)
    choices = _columns_behind(catalog, sql, owner[0]) if owner else _choices(database, catalog, sql, fragment)
    return start, _fitting(choices, fragment)


def _fitting(choices: Iterable[Message], fragment: str) -> list[Message]:
    """Give what begins like the fragment, and then what contains it."""
    wanted, found = fragment.casefold(), {choice["text"]: choice for choice in choices}
    fits = [choice for text, choice in found.items() if wanted in text.casefold() and text != fragment]
    fits.sort(key=lambda choice: not choice["text"].casefold().lstrip('"`').startswith(wanted))
    return fits[:_MOST]


def _choices(database: Database, catalog: Catalog, sql: str, fragment: str) -> Iterator[Message]:
    quote = database.engine.dialect.identifier_preparer.quote
    for table in _tables_in(catalog, sql):
        yield from _columns(catalog, table)
    for summary in catalog.tables():
        yield {"text": quote(summary.name), "kind": summary.kind, "note": summary.kind}
    for word in sorted(database.engine.dialect.identifier_preparer.reserved_words):
        text = word.upper() if fragment.isupper() else word.lower()
        # In the middle of a name no keyword is meant.
        if text.casefold().startswith(fragment.casefold()):
            yield {"text": text, "kind": "word", "note": ""}


def _columns(catalog: Catalog, table: TableSchema) -> Iterator[Message]:
    quote = catalog.database.engine.dialect.identifier_preparer.quote
    for column in table.columns:
        yield {"text": quote(column.name), "kind": "column", "note": f"{table.name} · {column.kind}"}


def _tables_in(catalog: Catalog, sql: str) -> Iterator[TableSchema]:
    """Give the tables that the text names anywhere."""
    known = {summary.name.casefold(): summary.name for summary in catalog.tables()}
    names = dict.fromkeys(known.get(found.strip('"`').casefold()) for found in _NAMED.findall(sql))
    for name in [name for name in names if name is not None][:_MOST_TABLES]:
        try:
            yield catalog.table(name)
        except MultiDBError:
            continue


def _columns_behind(catalog: Catalog, sql: str, owner: str) -> Iterator[Message]:
    """Give the columns of what stands before a dot: a table, or the short name that the text gives one."""
    name = owner.strip('"`').casefold()
    for table in _tables_in(catalog, sql):
        short = re.compile(rf"\b{re.escape(table.name)}\b[\"`]?\s+(?:as\s+)?{re.escape(name)}\b", re.IGNORECASE)
        if table.name.casefold() == name or short.search(sql):
            yield from _columns(catalog, table)
