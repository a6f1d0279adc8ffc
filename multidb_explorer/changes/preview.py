"""What a commit will send: one plan, shown by `Preview` and carried out by the commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from multidb_explorer.changes.addressing import Place, RowId
from multidb_explorer.changes.checking import raise_rejected, rejection
from multidb_explorer.changes.committed import Counts, Statement, count
from multidb_explorer.changes.ordering import Need, Order
from multidb_explorer.changes.records import Change, Delete, Insert, NewKey, Update, Values
from multidb_explorer.changes.showing import phrase, short, statement_text
from multidb_explorer.changes.steps import Aimed, Step
from multidb_explorer.changes.templates import Templates
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import html_table
from multidb_explorer.errors import ValueNotRepresentable

__all__ = ["Plan", "Preview", "aim", "plan"]

_MOST = 200


@dataclass(frozen=True)
class Preview:
    """The statements of a commit, exactly as they will be sent and in that order.

    Where a statement needs the number of a row that is new itself, that number stands as ``(id of the new users
    row)`` until the commit knows it. The commit also reads: the rows that it changes, before and after.

    Attributes
    ----------
    statements
        Each with its alias, text, values and the change that it is for.
    counts
        Inserts, updates and deletes by alias and table.

    Examples
    --------
    >>> statement = Statement("default", "DELETE FROM users WHERE id = ?", {"id": 1}, Delete("users", {"id": 1}))
    >>> print(Preview((statement,), {"default": {"users": (0, 0, 1)}}))
    -- default: 1 deleted, 1 statement
    DELETE FROM users WHERE id = ?
      [id=1]
    """

    statements: tuple[Statement, ...] = ()
    counts: Mapping[str, Mapping[str, Counts]] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.statements:
            return "Nothing is staged."
        parts = []
        for alias, found in groupby(self.statements, attrgetter("alias")):
            statements = list(found)
            parts.append(f"-- {self._title(alias, len(statements))}")
            parts += map(str, statements[:_MOST])
            parts += [f"-- and {len(statements) - _MOST:,} more"] if len(statements) > _MOST else []
        return "\n".join(parts)

    __repr__ = __str__

    def __len__(self) -> int:
        return len(self.statements)

    def _title(self, alias: str, number: int) -> str:
        label = databases[alias].label if alias in databases else alias
        named = alias if label == alias else f"{alias} ({label})"
        staged = phrase(self.counts.get(alias, {}).values(), "staged")
        return f"{named}: {staged}, {number:,} statement{'' if number == 1 else 's'}"

    def _repr_html_(self) -> str:
        if not self.statements:
            return html_table((), (), caption="Nothing is staged.")
        return "".join(
            self._table(alias, list(found)) for alias, found in groupby(self.statements, attrgetter("alias"))
        )

    def _table(self, alias: str, statements: Sequence[Statement]) -> str:
        rows = [
            [
                str(place),
                statement_text(found.sql, {}),
                ", ".join(f"{name}={short(value)}" for name, value in found.parameters.items()),
            ]
            for place, found in enumerate(statements[:_MOST], 1)
        ]
        if len(statements) > _MOST:
            rows.append(["…", f"and {len(statements) - _MOST:,} more", ""])
        color = databases[alias].color if alias in databases else None
        caption = self._title(alias, len(statements))
        return html_table(("", "statement", "values"), rows, caption=caption, color=color, right=[0], whole=[1, 2])


@dataclass(frozen=True, eq=False)
class Plan:
    """What is sent to one database.

    Attributes
    ----------
    changes
        In the order of staging.
    steps
        In the order of sending.
    needs
        References that the database has to be asked about.
    """

    database: Database
    changes: tuple[Aimed, ...]
    steps: tuple[Step, ...]
    needs: tuple[Need, ...]

    @property
    def counts(self) -> dict[str, Counts]:
        """Inserts, updates and deletes by table."""
        return count(aimed.change for aimed in self.changes)

    def statements(self) -> tuple[Statement, ...]:
        """Write all statements."""
        templates = Templates(self.database)
        return tuple(map(templates.sent, self.steps))


def plan(database: Database, changes: Iterable[Aimed]) -> Plan:
    """Order changes and write their statements.

    Raises
    ------
    WriteRefused
        Where rows wait for each other in a circle.
    """
    aimed = _with_known_keys(list(changes))
    order = Order(database, aimed)
    return Plan(database, tuple(aimed), order.steps, tuple(order.needs))


def _with_known_keys(changes: list[Aimed]) -> list[Aimed]:
    """Put the keys of new rows that were given into the rows that refer to them."""
    given: dict[str, Values] = {
        aimed.token: aimed.change.values for aimed in changes if isinstance(aimed.change, Insert)
    }

    def known(value: Any) -> Any:
        return given.get(value.token, {}).get(value.column, value) if isinstance(value, NewKey) else value

    found = []
    for aimed in changes:
        change = aimed.change
        if not isinstance(change, Delete) and any(isinstance(value, NewKey) for value in change.values.values()):
            values = {name: known(value) for name, value in change.values.items()}
            change = replace(change, values=values)
        found.append(aimed if change is aimed.change else replace(aimed, change=change))
    return found


def aim(rows: Iterable[tuple[RowId, Change, Place, Place, str | None]]) -> list[Aimed]:
    """Turn changes to the database that they go to: its names, and its forms of the values.

    Parameters
    ----------
    rows
        Row, change, the place that it was staged for, the place that it goes to, and its version column.

    Raises
    ------
    RowsRejected
        For values that the columns there can't hold, all of them listed.
    FieldError
        For columns that it does not have.
    """
    found, rejected = [], []
    for row, change, home, place, version in rows:
        if place.into.database is home.into.database and place.name == home.name:
            found.append(Aimed(row, change, place, version))
            continue
        failures: list[ValueNotRepresentable] = []
        found.append(Aimed(row, _turned(change, place, failures), place, version))
        number = len(found) - 1
        rejected += [rejection(found[-1], number, [error.column], "type", str(error)) for error in failures]
    if found:
        raise_rejected(found[0].place.into.database.alias, rejected)
    return found


def _turned(change: Change, place: Place, failures: list[ValueNotRepresentable]) -> Change:
    schema = place.schema
    if isinstance(change, Insert):
        values = _renamed(change.values, place, failures)
        return Insert(place.name, values, change.token, schema)
    key = place.row_key(dict(change.key))
    wanted = change.values if isinstance(change, Update) else {}
    original = _seen(change.original, place, wanted)
    if isinstance(change, Delete):
        return Delete(place.name, key, original, schema)
    return Update(place.name, key, _renamed(change.values, place, failures), original, schema)


def _renamed(values: Values, place: Place, failures: list[ValueNotRepresentable]) -> dict[str, Any]:
    waiting = {place.slot(name).name: value for name, value in values.items() if isinstance(value, NewKey)}
    plain = {name: value for name, value in values.items() if not isinstance(value, NewKey)}
    return {**place.values(plain, failures, new=True), **waiting}


def _seen(original: Values, place: Place, wanted: Values) -> dict[str, Any]:
    """Name what was seen by the columns there; what they can't hold stays as it is, since it can't be there."""
    found = {}
    for name, value in original.items():
        slot = place.find(name) if name not in wanted else place.slot(name)
        if slot is not None:
            try:
                found[slot.name] = place.exact(slot.name, value)
            except ValueNotRepresentable:
                found[slot.name] = value
    return found
