"""The fields of one row: what each holds, whether it can be written, and its text while it is edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import same
from multidb_explorer.connections.database import Database
from multidb_explorer.controllers.base import Message
from multidb_explorer.controllers.references import key_of
from multidb_explorer.controllers.typed_values import Unreadable, editable, parsed, reason_of
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.models import Model
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.schema.catalog import Column, TableSchema

__all__ = ["DEFAULT", "Draft", "FormField", "default_value", "fields_of"]

MOST_CHARACTERS = 200_000
"""Of a longer value the form shows the beginning: an editor of a megabyte helps nobody."""
_SHOWN = 400


class _Default:
    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Any = _Default()
"""Stands for the value that the database will give a new row."""


@dataclass(frozen=True)
class Draft:
    """What an editor holds that is not saved.

    Attributes
    ----------
    value
        The value; ``DEFAULT``; meaningless where there is a problem.
    text
        As it was typed, kept also where it can't be read; ``None`` for NULL.
    problem
        Why it can't be saved, or empty.
    here
        Whether that is only so on the form's own alias: another one may have the row that is referred to.
    """

    value: Any
    text: str | None
    problem: str = ""
    here: bool = False


@dataclass(frozen=True)
class FormField:
    """A field of the form.

    Attributes
    ----------
    name
        As the model calls it.
    column
        The database's column.
    """

    name: str
    column: Column
    primary_key: bool
    target: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What it holds."""
        return self.column.kind

    @property
    def message(self) -> Message:
        """What the browser has to know of it."""
        column, kind = self.column, self.kind
        return {
            "name": self.name,
            "kind": kind.name,
            "type": str(kind),
            "nullable": column.nullable,
            "primary_key": self.primary_key,
            "generated": column.generated,
            "made_by_server": column.made_by_server,
            "default": None if column.generated else column.default,
            "length": kind.length,
            "choices": list(kind.choices),
            "tz": kind.tz,
            "comment": column.comment,
            "references": ".".join(self.target) or None,
        }

    def draft(self, request: Message, where: str, database: Database) -> Draft:
        """Make a draft of what was typed, checked by everything that the column itself says.

        Parameters
        ----------
        request
            With ``text``, or ``null``.
        """
        text = None if request.get("null") is True else str(request.get("text", ""))
        try:
            value = None if text is None else parsed(text, self.kind)
            exact = database.backend.to_column(value, self.kind, column=self.column.name, where=where)
        except (Unreadable, ValueNotRepresentable) as error:
            return Draft(None, text, reason_of(error))
        if exact is None and not self.column.nullable and not self.column.made_by_server:
            return Draft(None, None, "It can't be NULL.")
        return Draft(exact, text)

    def given(self, value: Any) -> Draft:
        """Make a draft of a value."""
        return Draft(value, None if value is None else editable(value, self.kind))

    def is_same(self, ours: Any, theirs: Any) -> bool:
        """Tell whether two values are the same, so that nothing has changed."""
        return ours is not DEFAULT and theirs is not DEFAULT and same(ours, theirs, self.kind)

    def shown(self, value: Any, draft: Draft | None) -> Message:
        """Say what its editor holds, and how it is marked."""
        problem = draft.problem if draft else ""
        changed = draft is not None and (bool(problem) or not self.is_same(draft.value, value))
        found: Message = {"changed": changed, "problem": problem, "default": bool(draft and draft.value is DEFAULT)}
        text = draft.text if draft else None if value is None else editable(value, self.kind)
        if text is not None and len(text) > MOST_CHARACTERS:
            return {**found, "text": text[:_SHOWN], "length": len(text)}
        return {**found, "text": text}


def fields_of(model: type[Model], database: Database, live: TableSchema) -> tuple[FormField, ...]:
    """Give the fields of a model's rows, by the columns of one database."""
    bound = model._source.bind(database)
    known = {column.name: column for column in live.columns}
    found = []
    for field in bound.fields:
        column = known.get(field.column.name) or Column(field.name, field.column.type, field.kind, field.nullable)
        key = key_of(live, column.name)
        found.append(FormField(field.name, column, field.primary_key, (key.target_table,) if key else ()))
    return tuple(found)


def default_value(database: Database, column: Column) -> Any:
    """Ask the database for the value that its default gives now."""
    # The text is the catalog's own.
    default = sa.type_coerce(sa.literal_column(column.default or "NULL"), column.type)
    result = ResultColumn(column.name, column.kind, True)
    selected = database.backend.readable(default, column.kind).label(column.name)
    ((value,),) = read_rows(database, Reading(sa.select(selected), (result,)))
    return value
