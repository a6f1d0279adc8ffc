"""Find the rows that break a rule of the database: by its own queries where the rule is a key, by trying where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from multidb_explorer.errors import DatabaseError, DataError, IntegrityError
from multidb_explorer.writing.into import Into, Points
from multidb_explorer.writing.rejecting import Rejection, Rule
from multidb_explorer.writing.spooling import Rows
from multidb_explorer.writing.staging import Stage, stage

__all__ = ["Offence", "Offender", "lacking", "offending", "rejected", "repeated", "tried"]

Run = Callable[[Connection, Rows], Any]
"""What writes rows, inside a transaction."""


@dataclass(frozen=True)
class Offender:
    """One row that breaks a rule.

    Attributes
    ----------
    text
        What is wrong, with a place for the row's own values: ``{values}``.
    """

    place: int
    columns: tuple[str, ...]
    rule: Rule
    text: str


class Offence(Exception):
    """Rows that can't be written, found before the database was asked to write them.

    Parameters
    ----------
    offenders
        Which rows, and why.
    """

    def __init__(self, offenders: Iterable[Offender]) -> None:
        super().__init__("rows can't be written")
        self.offenders = list(offenders)


# Rules that queries can ask about


def repeated(staged: Stage, columns: Sequence[str]) -> list[Offender]:
    """Give the rows that repeat a key of an earlier row."""
    names, where = tuple(columns), staged.into.where
    return [
        Offender(place, names, "unique", f"{{values}} is unique in {where}, and row {first} has it too.")
        for place, first in staged.repeated(columns)
    ]


def lacking(staged: Stage, key: Sequence[str], columns: Sequence[str]) -> list[Offender]:
    """Give the rows that would be new, but lack columns that a new row needs."""
    listed, where = ", ".join(map(repr, columns)), staged.into.where
    text = f"No row of {where} has {{values}}, and a new one needs a value for {listed}."
    return [Offender(place, tuple(key), "missing", text) for place in staged.unmatched(key)]


def offending(
    connection: Connection, into: Into, rows: Rows, *, key: Sequence[str] = (), empty: bool = False
) -> list[Offender]:
    """Find every row that breaks a foreign key or a unique key; a row is listed once.

    A row that is listed counts as not there: what refers to it is listed too, and what repeats its key is not.

    Parameters
    ----------
    key
        The key of an upsert: a row of the table that has it is updated and does not stand in the way.
    empty
        Whether the table's own rows are going to be deleted, so that none of them stands in the way.
    """
    rules: list[_Rule] = [partial(_orphans, points=points) for points in into.points]
    if not empty:
        rules += [partial(_taken, columns=unique, key=key) for unique in into.uniques if set(unique) != set(key)]
    rules += [partial(_again, columns=unique) for unique in into.uniques]
    found: list[Offender] = []
    while fresh := _broken(connection, into, rows, rules):
        found += fresh
        rows = rows.without([offender.place for offender in fresh])
        if not any(points.table is into.table for points in into.points):
            # Nothing refers to what was listed.
            break
    return sorted(found, key=lambda offender: offender.place)


_Rule = Callable[[Connection, Into, Rows], list[Offender]]


def _broken(connection: Connection, into: Into, rows: Rows, rules: Sequence[_Rule]) -> list[Offender]:
    """Ask for each rule about the rows that keep the rules before it."""
    found: list[Offender] = []
    for rule in rules:
        if fresh := rule(connection, into, rows):
            found += fresh
            rows = rows.without([offender.place for offender in fresh])
    return found


def _taken(
    connection: Connection, into: Into, rows: Rows, *, columns: tuple[str, ...], key: Sequence[str]
) -> list[Offender]:
    some, names = rows.giving([*columns, *key]), list(dict.fromkeys([*columns, *key]))
    if not some.parts:
        return []
    with stage(connection, into, some, names) as staged:
        text = f"{{values}} is unique in {into.where}, and a row there has it already."
        return [Offender(place, columns, "unique", text) for place in staged.taken(columns, key)]


def _again(connection: Connection, into: Into, rows: Rows, *, columns: tuple[str, ...]) -> list[Offender]:
    some = rows.giving(columns)
    if not some.parts:
        return []
    with stage(connection, into, some, columns) as staged:
        return repeated(staged, columns)


def _orphans(connection: Connection, into: Into, rows: Rows, *, points: Points) -> list[Offender]:
    some = rows.giving(points.columns)
    if not some.parts:
        return []
    parents = rows.giving(points.target_columns) if points.table is into.table else Rows()
    with ExitStack() as stages:
        staged = stages.enter_context(stage(connection, into, some, points.columns))
        beside = None
        if parents.parts:
            beside = stages.enter_context(stage(connection, into, parents, points.target_columns))
        places = staged.orphans(points, beside)
    wanted = ", ".join(points.target_columns)
    text = f"{{values}} refers to {wanted} of table {points.table.name!r}, which has no such row."
    return [Offender(place, points.columns, "foreign_key", text) for place in places]


# All other rules


class _Undo(Exception):
    """Rolls a trial back."""


def tried(into: Into, rows: Rows, run: Run) -> Iterator[Offender]:
    """Find the rows that the database refuses alone, by writing parts of them and rolling each part back."""
    error = _refused(into, rows, run)
    if isinstance(error, Offence):
        yield from error.offenders
        rest = rows.without([offender.place for offender in error.offenders])
        if rest.count:
            yield from tried(into, rest, run)
    elif error is not None and rows.count > 1:
        for half in rows.halves():
            yield from tried(into, half, run)
    elif error is not None:
        yield _refused_alone(rows, error)


def _refused(into: Into, rows: Rows, run: Run) -> DatabaseError | Offence | None:
    try:
        with into.database.begin() as connection:
            run(connection, rows)
            raise _Undo
    except _Undo:
        return None
    except (IntegrityError, DataError, Offence) as error:
        return error


def _refused_alone(rows: Rows, error: DatabaseError) -> Offender:
    said = str(error).partition("\n")[0].replace("{", "{{").replace("}", "}}")
    # Keys and references were looked at before.
    rule: Rule = "check" if isinstance(error, IntegrityError) else "database"
    return Offender(rows.places()[0], (), rule, said)


# For people


def rejected(rows: Rows, offenders: Sequence[Offender], key: Sequence[str]) -> Iterator[Rejection]:
    """Tell of offenders with their keys, values and the values' types."""
    names = list(dict.fromkeys([*key, *(name for offender in offenders for name in offender.columns)]))
    values = rows.at([offender.place for offender in offenders], names)
    for offender in offenders:
        yield _rejection(offender, values[offender.place], key)


def _rejection(offender: Offender, row: Mapping[str, Any], key: Sequence[str]) -> Rejection:
    shown = [f"{name}={_short(row[name])}" for name in offender.columns if name in row]
    types = [type(row[name]).__name__ for name in offender.columns if name in row]
    return Rejection(
        offender.place,
        {name: row[name] for name in key if name in row},
        ", ".join(offender.columns),
        offender.rule,
        offender.text.format(values=", ".join(shown)),
        ", ".join(types),
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
