"""Model classes made from live tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.models.model import Model
from multidb_explorer.models.options import Options
from multidb_explorer.models.registry import class_name, family_of
from multidb_explorer.models.relation_options import RelationOptions, relation_options
from multidb_explorer.models.sources import ReflectedSource
from multidb_explorer.schema.catalog import TableSchema

__all__ = ["make", "reflect"]


def reflect(
    table: str,
    using: str = "default",
    *,
    schema: str | None = None,
    key: str | Sequence[str] = (),
    relations: Mapping[Any, Mapping[str, Any]] | None = None,
) -> type[Model]:
    """Make a model of a live table or view; the same class again until the alias's catalog is refreshed.

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
    relations
        Names for its relations, and relations that the database declares no foreign key for, as in
        ``Meta.relations``: ``{"mentor_id": {"related_name": "mentees"}, "tags": {"through": "book_tags"}}``.

    Returns
    -------
    type
        A `Model` subclass named after the table: ``orders`` becomes ``Orders``.

    Raises
    ------
    ConnectionDoesNotExist, TableDoesNotExist
        With near names.
    FieldError, ImproperlyConfigured
        For `relations` that name a column or option which does not exist.

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
    >>> mdb.reflect("orders") is Orders
    True
    """
    named = (key,) if isinstance(key, str) else tuple(key)
    return family_of(databases[using]).model(table, schema, named, relation_options(relations, f"table {table!r}"))


def make(
    described: TableSchema, using: str, schema: str | None, key: tuple[str, ...], relations: RelationOptions
) -> type[Model]:
    """Make the class of a table that was described."""
    name = class_name(described.name)
    options = Options(model=name, table=described.name, schema=schema, using=using, key=key, relations=relations)
    columns = [column.name for column in described.columns]
    doc = f"Rows of table {described.name!r} on alias {using!r}, with the fields {', '.join(columns)}."
    model: type[Model] = type(name, (Model,), {"__doc__": doc, "__module__": __name__})
    model._meta = options
    model._attach(ReflectedSource(model, options, described), dict.fromkeys(columns))
    return model
