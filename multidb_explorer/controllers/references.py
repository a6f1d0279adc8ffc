"""The rows that a foreign key may refer to, each with a label that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.typed_values import Unreadable, editable, parsed
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.models import reflect
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.catalog import ForeignKey, TableSchema

__all__ = ["Choice", "choices", "key_of", "label_of"]

MOST = 50
_NAMES = ("name", "title", "label", "full_name", "display_name", "username", "email", "code", "description")
_CUT = 80


@dataclass(frozen=True)
class Choice:
    """A row that can be referred to.

    Attributes
    ----------
    values
        What the referring columns become, as texts, in the order of the foreign key.
    label
        What it is called; empty where no column says.
    """

    values: tuple[str, ...]
    label: str


def key_of(table: TableSchema, column: str) -> ForeignKey | None:
    """Give the foreign key that a column belongs to; the one of fewest columns where there are several."""
    found = sorted((key for key in table.foreign_keys if column in key.columns), key=lambda key: len(key.columns))
    return found[0] if found else None


def choices(
    database: Database, table: TableSchema, key: ForeignKey, search: str = "", most: int = MOST
) -> tuple[Choice, ...]:
    """Find rows by a part of their label, or by their exact key; without a search the first ones.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from multidb_explorer import demo
    >>> from multidb_explorer.schema.inspector import catalog_of
    >>> from multidb_explorer.connections.registry import databases
    >>> _ = demo.start("demo")
    >>> products = catalog_of(databases["default"]).table("products")
    >>> choices(databases["default"], products, key_of(products, "category_id"), "tea")[0]
    Choice(values=('2',), label='Tea')
    """
    rows = _rows(database, table, key)
    named = _label_field(rows, key)
    if search.strip():
        rows = rows.filter(_condition(rows, key, named, search.strip()))
    wanted = [*key.target_columns, *([named] if named and named not in key.target_columns else [])]
    ordered = rows.order_by(*([named] if named and search.strip() else []), *key.target_columns)
    found: list[dict[str, Any]] = list(ordered.values(*wanted)[:most])
    return tuple(_choice(rows, key, named, row) for row in found)


def label_of(database: Database, table: TableSchema, key: ForeignKey, values: Sequence[Any]) -> Choice | None:
    """Give the row that values refer to, or ``None`` where there is none."""
    rows = _rows(database, table, key)
    named = _label_field(rows, key)
    wanted = [*key.target_columns, *([named] if named and named not in key.target_columns else [])]
    same: dict[str, Any] = dict(zip(key.target_columns, values, strict=True))
    found: dict[str, Any] | None = rows.filter(**same).values(*wanted).first()
    return None if found is None else _choice(rows, key, named, found)


def _rows(database: Database, table: TableSchema, key: ForeignKey) -> QuerySet[Any]:
    return reflect(key.target_table, using=database.alias, schema=key.target_schema or table.schema).objects


def _label_field(rows: QuerySet[Any], key: ForeignKey) -> str | None:
    """Choose the column that names a row: one that is called so, else the first text that is no part of the key."""
    texts = [field.name for field in rows.fields if field.kind.name in ("text", "enum")]
    by_name = {name.casefold(): name for name in texts}
    called = next((by_name[name] for name in _NAMES if name in by_name), None)
    ending = next((name for name in texts if name.casefold().endswith(("name", "title"))), None)
    return called or ending or next((name for name in texts if name not in key.target_columns), None)


def _condition(rows: QuerySet[Any], key: ForeignKey, named: str | None, search: str) -> Q:
    found = Q(**{f"{named}__icontains": search}) if named else Q()
    kinds = {field.name: field.kind for field in rows.fields}
    for column in key.target_columns:
        try:
            value = databases[rows.db].backend.to_column(parsed(search, kinds[column]), kinds[column])
        except (Unreadable, ValueNotRepresentable):
            continue
        found |= Q(**{column: value})
    return found or Q(pk__in=[])


def _choice(rows: QuerySet[Any], key: ForeignKey, named: str | None, row: dict[str, Any]) -> Choice:
    kinds = {field.name: field.kind for field in rows.fields}
    values = tuple(editable(row[column], kinds[column]) for column in key.target_columns)
    label = "" if named is None or named in key.target_columns or row[named] is None else str(row[named])
    return Choice(values, label if len(label) <= _CUT else f"{label[: _CUT - 1]}…")
