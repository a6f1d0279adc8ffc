"""What the header of a grid says of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multidb_explorer.controllers.base import Message
from multidb_explorer.controllers.sorting import schema_of, sort_cost
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.query.source import Field

__all__ = ["columns_of"]

_UNSORTABLE = frozenset({"json", "array"})


def columns_of(queryset: QuerySet[Any]) -> list[Message]:
    """Describe the columns: what they hold, which are keys, where foreign keys lead, and which an index sorts."""
    links = dict(_links(queryset))
    return [_column(queryset, field, links.get(field.name)) for field in queryset.fields]


def _column(queryset: QuerySet[Any], field: Field, link: Message | None) -> Message:
    found: Message = {
        "name": field.name,
        "kind": field.kind.name,
        "type": str(field.kind),
        "nullable": field.nullable,
        "primary_key": field.primary_key,
        "sortable": not queryset._state.sliced and field.kind.name not in _UNSORTABLE,
    }
    if field.kind.choices:
        found["choices"] = list(field.kind.choices)
    if link is not None:
        found["references"] = link
    if found["sortable"] and sort_cost(queryset, [field.name], None).indexed:
        found["indexed"] = True
    return found


def _links(queryset: QuerySet[Any]) -> Iterator[tuple[str, Message]]:
    """Give the columns that are a foreign key by themselves, and what they lead to."""
    schema = schema_of(queryset)
    names = {field.column.name: field.name for field in queryset.bound.fields}
    for key in schema.foreign_keys if schema is not None else ():
        if len(key.columns) == 1 and key.columns[0] in names:
            target = {"table": key.target_table, "schema": key.target_schema, "column": key.target_columns[0]}
            yield names[key.columns[0]], target
