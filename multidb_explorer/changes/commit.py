"""Carry a plan out in one transaction, or find out why not and write nothing."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.changes import recording
from multidb_explorer.changes.addressing import Place, hashable
from multidb_explorer.changes.checking import (
    incomplete,
    raise_rejected,
    refuse_families,
    refuse_protected,
    rejection,
    unmet,
)
from multidb_explorer.changes.committed import Applied, Committed, Statement
from multidb_explorer.changes.conflicts import Conflict, conflict_of, key_taken, raise_conflicts
from multidb_explorer.changes.lookup import rows_by_key
from multidb_explorer.changes.ordering import same_table
from multidb_explorer.changes.preview import Plan
from multidb_explorer.changes.records import Delete, Insert, NewKey, Update, Values
from multidb_explorer.changes.showing import key_text, short
from multidb_explorer.changes.steps import Aimed, Step, resolved
from multidb_explorer.changes.templates import Template, Templates, as_sent, runs_of
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import (
    ConnectionFailed,
    DatabaseError,
    DataError,
    IntegrityError,
    MultiDBError,
)
from multidb_explorer.writing.rejecting import Rejection, Rule
from multidb_explorer.writing.statements import run_insert

__all__ = ["commit"]

T = TypeVar("T")


def commit(plan: Plan, undoes: str | None = None) -> Committed:
    """Carry a plan out; `ChangeSet.commit` tells the rules."""
    database = plan.database
    raise_rejected(database.alias, incomplete(plan.changes))
    refuse_families(database, plan.changes)
    fingerprint = database.fingerprint
    attempt = _Attempt(plan)
    try:
        with database.atomic() as connection:
            committed = replace(attempt.run(connection, fingerprint), undoes=undoes)
            database.on_rollback(lambda: recording.dropped(committed.id))
            recording.begin(committed)
            database.on_commit(lambda: recording.done(committed.id))
    except _Moved:
        raise_conflicts(_reexamined(plan) or attempt.moved())
    except DatabaseError as error:
        if not isinstance(error, ConnectionFailed):
            _explain(plan, attempt, error)
        raise
    return committed


class _Moved(MultiDBError):
    """A row was not matched any more although it was looked at before."""


class _Attempt:
    """One try, inside its transaction."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.database: Database = plan.database
        self.at_step: Step | None = None
        self.statements: list[Statement] = []
        self._templates = Templates(plan.database)
        self._made: dict[str, dict[str, Any]] = {}
        self._numbers = {id(aimed): number for number, aimed in enumerate(plan.changes)}

    def run(self, connection: Connection, fingerprint: str) -> Committed:
        """Look, check, write and look again."""
        began, at = time.monotonic(), dt.datetime.now(dt.UTC)
        before = rows_before(self.plan.changes)
        conflicts = _conflicts(self.plan, before)
        if conflicts:
            raise_conflicts([*conflicts, *_taken(self.plan)])
        self.check(connection, before)
        for run in runs_of(self.plan.steps):
            self.send_run(connection, run)
        after = self._rows_after()
        return Committed(
            alias=self.database.alias,
            fingerprint=fingerprint,
            id=uuid.uuid4().hex,
            at=at,
            statements=tuple(self.statements),
            changes=self._applied(before, after),
            seconds=time.monotonic() - began,
        )

    def check(self, connection: Connection, before: Mapping[int, Values]) -> None:
        """Ask the database about references from and to the rows, before it is written to."""
        raise_rejected(self.database.alias, unmet(self.database, connection, self.plan.needs, self._numbers))
        refuse_protected(self.database, connection, self.plan.changes, before)

    def send_run(self, connection: Connection, run: Sequence[Step]) -> None:
        """Send new rows that are alike, all at once where their keys are given; another statement is a run of one."""
        template = self._templates.of(run[0]) if len(run) > 1 else None
        if template is None:
            for step in run:
                self.send(connection, step)
        elif self.database.backend.features.savepoints and all(step.keyed for step in run):
            self._send_at_once(connection, template, run)
        else:
            for step in run:
                self._send_by(connection, template, step)

    def _send_at_once(self, connection: Connection, template: Template, run: Sequence[Step]) -> None:
        self.at_step = run[0]
        rows = [resolved(step.values or {}, self._made) for step in run]
        try:
            with self.database.atomic():
                connection.execute(template.insert, [template.parameters(row) for row in rows])
        except (IntegrityError, DataError):
            # One by one, the first row that is not taken is the one that is named.
            for step in run:
                self._send_by(connection, template, step)
            return
        for step, values in zip(run, rows, strict=True):
            self._note(template, step, values, {})

    def _send_by(self, connection: Connection, template: Template, step: Step) -> None:
        self.at_step = step
        values = resolved(step.values or {}, self._made)
        key = run_insert(connection, template.insert, values, step.aimed.place.key, template.parameters(values))
        self._note(template, step, values, key)

    def _note(self, template: Template, step: Step, values: Values, key: Values) -> None:
        self.statements.append(template.sent(self.database.alias, values, step.aimed.change))
        place = step.aimed.place
        self._made[step.aimed.token] = {**values, **{name: place.exact(name, value) for name, value in key.items()}}

    def send(self, connection: Connection, step: Step) -> None:
        """Send one statement."""
        self.at_step = step
        place, token = step.aimed.place, step.aimed.token
        statement = step.statement(self._made)
        self.statements.append(as_sent(self.database, step, statement))
        if isinstance(statement, sa.Insert):
            values = resolved(step.values or {}, self._made)
            key = run_insert(connection, statement, values, place.key)
            self._made[token] = {**values, **{name: place.exact(name, value) for name, value in key.items()}}
            return
        # The statement is an UPDATE or DELETE; both count the rows that they match.
        count: Callable[[Connection, Any], int] = self.database.backend.matched
        if count(connection, statement) != 1:
            raise _Moved

    def moved(self) -> list[Conflict]:
        """Name the row that was not matched, where a second look finds no difference."""
        step = self.at_step
        if step is None or isinstance(step.aimed.change, Insert):
            return []
        return [Conflict(step.aimed.change, "changed", {}, self.database.alias, None, step.aimed.row)]

    # Images

    def _key_after(self, aimed: Aimed) -> Values | None:
        change = aimed.change
        if isinstance(change, Delete):
            return None
        if isinstance(change, Insert):
            made = self._made[change.token]
            return {name: made[name] for name in aimed.place.key} if set(aimed.place.key) <= set(made) else None
        values = resolved(change.values, self._made)
        return {name: values.get(name, value) for name, value in change.key.items()}

    def _rows_after(self) -> dict[int, Values]:
        return _rows_under(self.plan.changes, self._key_after)

    def _applied(self, before: Mapping[int, Values], after: Mapping[int, Values]) -> tuple[Applied, ...]:
        sent = [step.aimed for step in self.plan.steps if step.main]
        return tuple(Applied(self._known(aimed), before.get(id(aimed)), after.get(id(aimed))) for aimed in sent)

    def _known(self, aimed: Aimed) -> Any:
        change = aimed.change
        return change if isinstance(change, Delete) else replace(change, values=resolved(change.values, self._made))


# Looking


def rows_before(changes: Iterable[Aimed]) -> dict[int, Values]:
    """Read the rows that are there, locked until the transaction ends, one statement a table."""
    return _rows_under(changes, lambda a: None if isinstance(a.change, Insert) else a.change.key, lock=True)


def _rows_under(
    changes: Iterable[Aimed], key_of: Callable[[Aimed], Values | None], *, lock: bool = False
) -> dict[int, Values]:
    groups: dict[Any, list[tuple[Aimed, Values]]] = defaultdict(list)
    for aimed in changes:
        key = key_of(aimed)
        if key is not None:
            table = same_table(aimed.place.into.database, aimed.place.into.table)
            groups[table, aimed.place.key].append((aimed, key))
    found: dict[int, Values] = {}
    for group in groups.values():
        place = group[0][0].place
        rows = {_mark(place, row): row for row in rows_by_key(place.into, place.key, [k for _, k in group], lock=lock)}
        found.update({id(aimed): rows[_mark(place, key)] for aimed, key in group if _mark(place, key) in rows})
    return found


def _mark(place: Place, row: Values) -> tuple[Any, ...]:
    return tuple(hashable(row[name]) for name in place.key)


def _conflicts(plan: Plan, before: Mapping[int, Values]) -> list[Conflict]:
    found = (conflict_of(aimed, before.get(id(aimed))) for aimed in plan.changes)
    return [conflict for conflict in found if conflict is not None]


def _taken(plan: Plan) -> list[Conflict]:
    """Find new keys under which a row lives that no staged change takes away."""
    leaving = {_where(plan, a, a.old(a.place.key)) for a in plan.changes if a.sets(a.place.key)}
    wanted = {
        id(a): dict(zip(a.place.key, key, strict=True))
        for a in plan.changes
        if not isinstance(a.change, Delete)
        and a.sets(a.place.key)
        and (key := a.new(a.place.key)) is not None
        and not any(isinstance(part, NewKey | None) for part in key)
        and _where(plan, a, key) not in leaving
    }
    there = _rows_under(plan.changes, lambda a: wanted.get(id(a)))
    return [key_taken(aimed, there[id(aimed)]) for aimed in plan.changes if id(aimed) in there]


def _where(plan: Plan, aimed: Aimed, key: Sequence[Any] | None) -> Any:
    table = same_table(plan.database, aimed.place.into.table)
    return table, None if key is None else tuple(map(hashable, key))


# Finding out afterwards


class _Enough(Exception):
    """Ends a transaction that only looked."""


def _looking(database: Database, look: Callable[[Connection], T]) -> T | None:
    """Look at the database in a transaction that is rolled back; ``None`` where it can't be asked any more."""
    found: list[T] = []
    with suppress(_Enough, MultiDBError), database.atomic() as connection:
        found.append(look(connection))
        raise _Enough
    return found[0] if found else None


def _reexamined(plan: Plan) -> list[Conflict]:
    def look(_connection: Connection) -> list[Conflict]:
        return [*_conflicts(plan, rows_before(plan.changes)), *_taken(plan)]

    return _looking(plan.database, look) or []


def _explain(plan: Plan, attempt: _Attempt, error: DatabaseError) -> None:
    """Say what the database's refusal is about: rows that others changed first, or values that it does not take."""
    conflicts = _reexamined(plan)
    if conflicts:
        raise_conflicts(conflicts, error)
    if isinstance(error, IntegrityError | DataError):
        found = _looking(plan.database, lambda connection: _Trial(plan).run(connection)) or []
        if not found and attempt.at_step is not None:
            found = [_judged(plan, attempt.at_step, error)]
        raise_rejected(plan.database.alias, found, error)


class _Trial(_Attempt):
    """A second try that goes on after a failure, to find all that the database does not take."""

    def run(self, connection: Connection, _fingerprint: str = "") -> list[Rejection]:  # type: ignore[override]
        """Send every statement in a part of its own and list what fails; nothing of it stays."""
        if not self.database.backend.features.savepoints:
            return []
        rejected = []
        for step in self.plan.steps:
            if self._waits(step):
                continue
            try:
                with self.database.atomic():
                    self.send(connection, step)
            except DatabaseError as error:
                rejected.append(_judged(self.plan, step, error))
            except _Moved:
                continue
        return rejected

    def _waits(self, step: Step) -> bool:
        """Tell whether it needs the number of a row that was not taken itself."""
        if step.aimed.token and step.main:
            given = resolved(step.values or {}, self._made)
        else:
            given = {**resolved(step.values or {}, self._made), **resolved(step.key or {}, self._made)}
        return any(isinstance(value, NewKey) for value in given.values())


def _judged(plan: Plan, step: Step, error: DatabaseError) -> Rejection:
    """Name the key that is taken, else give the database's own words."""
    aimed = step.aimed
    number = next(place for place, known in enumerate(plan.changes) if known is aimed)
    clash = _clash(plan, aimed) if isinstance(error, IntegrityError) else None
    if clash is not None:
        unique, other = clash
        named = ", ".join(f"{name}={short(other[name])}" for name in unique)
        there = key_text({name: other[name] for name in aimed.place.key})
        text = f"{aimed.place.into.where} has a row with {named} already ({there})."
        return rejection(aimed, number, unique, "unique", text[:1].upper() + text[1:])
    rule: Rule = "check" if isinstance(error, IntegrityError) else "database"
    columns = (
        list(aimed.change.values) if isinstance(aimed.change, Insert | Update) and len(aimed.change.values) == 1 else []
    )
    key = "a new row" if isinstance(aimed.change, Insert) else f"the row {key_text(aimed.change.key)}"
    said = str(error).partition("\nStatement:")[0]
    return rejection(aimed, number, columns, rule, f"{key} of {aimed.place.into.where}: {said}")


def _clash(plan: Plan, aimed: Aimed) -> tuple[tuple[str, ...], Values] | None:
    """Find another row that has the value of a unique key, and is not staged to give it up."""
    place = aimed.place
    staged = {_where(plan, a, a.old(a.place.key)): a for a in plan.changes if not isinstance(a.change, Insert)}
    for unique in place.into.uniques:
        values = aimed.new(unique) if aimed.sets(unique) else None
        if values is None or any(isinstance(value, NewKey | None) for value in values):
            continue
        for row in rows_by_key(place.into, unique, [dict(zip(unique, values, strict=True))]):
            other = staged.get(_where(plan, aimed, [row[name] for name in place.key]))
            if other is not aimed and (other is None or not other.sets(unique)):
                return unique, row
    return None
