"""What editors ask for while they are open: a long value whole, and the rows that a foreign key may refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.records import Insert
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply
from multidb_explorer.controllers.fields import FormField
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.references import choices, key_of, label_of
from multidb_explorer.controllers.shown_rows import named_key
from multidb_explorer.controllers.typed_values import editable, parsed
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.catalog import ForeignKey

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController
    from multidb_explorer.controllers.staging import Staging

__all__ = ["EditorHelp"]

_CHOICES = 20


class EditorHelp(GridPart):
    """The part of a grid that its editors ask.

    Parameters
    ----------
    staging
        The part that knows what is edited.
    """

    name = "editor"

    def __init__(self, grid: GridController, staging: Staging) -> None:
        super().__init__(grid)
        self.staging = staging
        self.intents = {"edit_text": self._edit_text, "refer": self._refer, "refer_label": self._refer_label}

    def _edit_text(self, request: Message) -> Reply | Job:
        """Give a cell whole, as the text that an editor starts with; a page holds only the beginning of a long one."""
        field, name = self.staging.field(request.get("col")), str(request.get("key"))
        row = self.staging.row(name)
        if field.column.name in row:
            return _text_reply(row[field.column.name], field)
        return Job(lambda: self._read_text(name, field))

    def _read_text(self, name: str, field: FormField) -> Reply:
        staging = self.staging
        key = named_key(staging.place, name)
        if isinstance(key, Insert):
            return _text_reply(None, field)
        rows: QuerySet[Any] = QuerySet(self.grid.queryset._source).using(staging.alias)
        found = rows.filter(**{staging.names[column]: value for column, value in key.items()})
        return _text_reply(next(iter(found.values_list(field.name, flat=True)), None), field)

    def _reference(self, request: Message) -> tuple[FormField, ForeignKey]:
        field = self.staging.field(request.get("col"))
        key = key_of(self.staging.live, field.column.name)
        if key is None:
            raise BadRequest(f"{field.name} is no foreign key.")
        return field, key

    def _refer(self, request: Message) -> Job:
        """Find rows that a foreign key may refer to, by a part of their label or by their key."""
        _, key = self._reference(request)
        search = str(request.get("search") or "")[:200]

        def work() -> Reply:
            found = choices(databases[self.staging.alias], self.staging.live, key, search, _CHOICES)
            names = [self.staging.names.get(column, "") for column in key.columns]
            listed = [{"values": dict(zip(names, one.values, strict=True)), "label": one.label} for one in found]
            return Reply({"type": "refer", "table": key.target_table, "choices": listed})

        return Job(work)

    def _refer_label(self, request: Message) -> Job:
        """Tell what the row is called that a foreign key refers to."""
        field, key = self._reference(request)

        def work() -> Reply:
            row = self.staging.row(str(request.get("key")))
            row[field.column.name] = parsed(str(request.get("text")), field.kind)
            values = [row.get(column) for column in key.columns]
            found = None if None in values else label_of(databases[self.staging.alias], self.staging.live, key, values)
            return Reply({"type": "refer_label", "label": None if found is None else found.label})

        return Job(work)


def _text_reply(value: Any, field: FormField) -> Reply:
    text = None if value is None else editable(value, field.kind)
    return Reply({"type": "edit_text", "text": text})
