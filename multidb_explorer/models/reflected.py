"""Model classes made from live tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.models.model import Model
from multidb_explorer.models.options import Options
from multidb_explorer.models.sources import ReflectedSource
from multidb_explorer.schema.inspector import catalog_of

__all__ = ["reflect"]


def reflect(
    table: str, using: str = "default", *, schema: str | None = None, key: str | Sequence[str] = ()
) -> type[Model]:
    """Make a model of a live table or view.

    Parameters
    ----------
    table
        Its name, as the database spells it.
    using
        The alias it lives on, and that the model belongs to.
    schema
        The schema, where it is not the alias's own.
    key
        Columns that tell rows apart, for a table that declares no key.

    Returns
    -------
    type
        A `Model` subclass named after the table: ``orders`` becomes ``Orders``.

    Raises
    ------
    ConnectionDoesNotExist, TableDoesNotExist
        With near names.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import text
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY, total NUMERIC(10, 2))"))
    >>> Orders = mdb.reflect("orders")
    >>> Orders(id=1)
    <Orders pk=1, not saved>
    """
    described = catalog_of(databases[using]).table(table, schema)
    named = (key,) if isinstance(key, str) else tuple(key)
    name = _class_name(table)
    options = Options(model=name, table=table, schema=schema, using=using, key=named)
    doc = _doc(described.name, using, [column.name for column in described.columns])
    model: type[Model] = type(name, (Model,), {"__doc__": doc})
    model._meta = options
    model._attach(
        ReflectedSource(model, options, described), dict.fromkeys(column.name for column in described.columns)
    )
    return model


def _class_name(table: str) -> str:
    """Name a class after its table: words joined, each with a capital."""
    words = re.findall(r"\w+", table.replace("_", " "))
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.isidentifier() else f"Table{name}"


def _doc(table: str, alias: str, columns: Sequence[Any]) -> str:
    return f"Rows of table {table!r} on alias {alias!r}, with the fields {', '.join(columns)}."
