"""One statement of a commit: what it writes, what must still stand in the row, and how that is said in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import UpdateBase

from multidb_explorer.changes.addressing import Place, RowId
from multidb_explorer.changes.records import Change, Delete, Insert, NewKey, Update, Values
from multidb_explorer.writing.statements import exact_key_condition, insert_statement, update_statement

__all__ = ["Aimed", "Made", "Step", "halves", "resolved", "step_of"]

Made = Mapping[str, Values]
"""The keys of new rows, as far as they are known, by the rows' tokens."""

_COMPARABLE = frozenset({"integer", "boolean", "text", "enum", "decimal", "date", "time", "timestamp"})
_LONGEST = 500


@dataclass(frozen=True, eq=False)
class Aimed:
    """A staged change as it goes to one database.

    Attributes
    ----------
    row
        Where it is staged.
    change
        By the names and in the forms of this database.
    version
        The column that counts the changes of a row, where there is one.
    """

    row: RowId
    change: Change
    place: Place
    version: str | None = None

    @property
    def token(self) -> str:
        """What tells a new row apart; empty for others."""
        return self.change.token if isinstance(self.change, Insert) else ""

    def sets(self, columns: Sequence[str]) -> bool:
        """Tell whether any of the columns gets a value, or goes with its row."""
        return isinstance(self.change, Delete) or any(name in self.change.values for name in columns)

    def old(self, columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Give what some columns held; ``None`` where that is not known, or there was no row."""
        if isinstance(self.change, Insert):
            return None
        known = {**self.change.key, **self.change.original}
        return tuple(known[name] for name in columns) if all(name in known for name in columns) else None

    def new(self, columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Give what some columns will hold; ``None`` where that is not known, or there will be no row."""
        if isinstance(self.change, Delete):
            return None
        if isinstance(self.change, Insert):
            return tuple(self._given(name) for name in columns)
        known = {**self.change.key, **self.change.original, **self.change.values}
        return tuple(known[name] for name in columns) if all(name in known for name in columns) else None

    def _given(self, column: str) -> Any:
        if column not in self.change.values and column in self.place.key:  # type: ignore[union-attr]
            return NewKey(self.change.table, column, self.token)
        return self.change.values.get(column)  # type: ignore[union-attr]

    def base(self) -> dict[str, Any]:
        """Give what must still stand in the row, by its columns: the version, else what was seen of it."""
        if isinstance(self.change, Insert):
            return {}
        original = self.change.original
        if self.version is not None and self.version in original:
            return {self.version: original[self.version]}
        wanted = self.change.values if isinstance(self.change, Update) else original
        slots = self.place.into.by_name
        return {name: original[name] for name in wanted if name in original and not slots[name].generated}


@dataclass(frozen=True, eq=False)
class Step:
    """One statement.

    Attributes
    ----------
    values
        What is set; ``None`` to delete the row.
    key
        Of the row as it is then; ``None`` to insert one.
    base
        What must still stand in it.
    main
        Whether it carries the change out; others only make room before it, or complete it afterwards.
    """

    aimed: Aimed
    values: Values | None
    key: Values | None
    base: Values = field(default_factory=dict)
    main: bool = True

    @property
    def keyed(self) -> bool:
        """Whether a new row brings its whole key."""
        return all((self.values or {}).get(name) is not None for name in self.aimed.place.key)

    def statement(self, made: Made | None = None) -> UpdateBase:
        """Write the statement, with the keys of new rows as far as they are made."""
        place, backend = self.aimed.place, self.aimed.place.into.database.backend
        table = place.into.table
        if self.key is None:
            return insert_statement(backend, table, resolved(self.values or {}, made), place.key)
        condition = sa.and_(
            exact_key_condition(backend, table, resolved(self.key, made)),
            *(exact_key_condition(backend, table, {name: value}) for name, value in self._base_in_sql()),
        )
        if self.values is None:
            return sa.delete(table).where(condition)
        return update_statement(table, condition, {**resolved(self.values, made), **self._next_version()})

    def _base_in_sql(self) -> list[tuple[str, Any]]:
        """Choose what SQL compares reliably; all of it was compared by value under a lock before."""
        given = self.key or {}
        slots, columns = self.aimed.place.into.by_name, self.aimed.place.into.table.c
        dialect = self.aimed.place.into.database.engine.dialect
        return [
            (name, value)
            for name, value in self.base.items()
            if name not in given
            and (value is None or _comparable(slots[name].kind.name, columns[name].type.dialect_impl(dialect), value))
        ]

    def _next_version(self) -> dict[str, Any]:
        name = self.aimed.version
        if not self.main or name is None or name not in self.base:
            return {}
        return {name: 1 if self.base[name] is None else self.aimed.place.into.table.c[name] + 1}


def _comparable(kind: str, type_: Any, value: Any) -> bool:
    # A type that is stored as text has several spellings of one value, of which SQL's = finds one.
    spelt = hasattr(type_, "format_is_text_affinity")
    return kind in _COMPARABLE and not spelt and not (isinstance(value, str) and len(value) > _LONGEST)


def resolved(values: Values, made: Made | None) -> dict[str, Any]:
    """Put the keys of new rows in the place of what waits for them, as far as they are known."""
    return {
        name: (made or {}).get(value.token, {}).get(value.column, value) if isinstance(value, NewKey) else value
        for name, value in values.items()
    }


def step_of(aimed: Aimed) -> Step:
    """Give the statement that carries a change out."""
    match aimed.change:
        case Insert(values=values):
            return Step(aimed, values, None)
        case Update(key=key, values=values):
            return Step(aimed, values, key, aimed.base())
        case Delete(key=key):
            return Step(aimed, None, key, aimed.base())


def halves(step: Step, columns: Sequence[str]) -> tuple[Step, Step]:
    """Cut a statement in two, so that some columns are NULL in between."""
    empty = dict.fromkeys(columns)
    if step.values is None:
        first = replace(step, values=empty, main=False)
        return first, replace(step, base={**step.base, **{name: None for name in columns if name in step.base}})
    place, token = step.aimed.place, step.aimed.token
    first = replace(step, values={**step.values, **empty})
    key = {
        name: step.values.get(name, (step.key or {}).get(name, NewKey(place.name, name, token))) for name in place.key
    }
    later = {name: step.values[name] for name in columns}
    return first, Step(step.aimed, later, key, empty, main=False)
