"""New rows that give the same columns: their INSERT is written once, and takes the values of each as parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import ClauseElement

from multidb_explorer.changes.committed import Statement
from multidb_explorer.changes.records import Change, NewKey, Values
from multidb_explorer.changes.steps import Step
from multidb_explorer.connections.database import Database

__all__ = ["Template", "Templates", "as_sent", "runs_of"]

_MOST = 1000


@dataclass(frozen=True)
class Template:
    """An INSERT for any row that gives some columns, and NULL to some others.

    Attributes
    ----------
    insert
        That of the first such row; the values of others are its parameters.
    names
        The placeholders, in order.
    """

    insert: sa.Insert
    sql: str
    names: tuple[str, ...]

    def sent(self, alias: str, values: Values, change: Change) -> Statement:
        """Write the statement of one row."""
        return Statement(alias, self.sql, self.parameters(values), change)

    def parameters(self, values: Values) -> dict[str, Any]:
        """Give what the statement takes for one row."""
        return {name: values[name] for name in self.names}


class Templates:
    """The templates of one database, each made of the first row that needs it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Hashable, Template | None] = {}

    def of(self, step: Step) -> Template | None:
        """Give the template of a new row; ``None`` for what is written one by one."""
        like = _likeness(step)
        if like is None:
            return None
        if like not in self._known:
            self._known[like] = self._made(step)
        return self._known[like]

    def sent(self, step: Step) -> Statement:
        """Write a statement whose new keys are not known yet."""
        template = self.of(step)
        if template is None:
            return as_sent(self._database, step, step.statement())
        return template.sent(self._database.alias, step.values or {}, step.aimed.change)

    def _made(self, step: Step) -> Template | None:
        own = step.statement()
        if not isinstance(own, sa.Insert):
            return None
        shown = as_sent(self._database, step, own)
        names = [name for name, value in (step.values or {}).items() if value is not None]
        # With parameters a statement is written anew; where that makes another text, each row is written by itself.
        text = str(own.compile(dialect=self._database.engine.dialect, column_keys=names))
        alike = text == shown.sql and set(shown.parameters) == set(names)
        return Template(own, text, tuple(shown.parameters)) if alike else None


def as_sent(database: Database, step: Step, statement: UpdateBase) -> Statement:
    """Write a statement as the database gets it."""
    # The keys of an INSERT's values are its own; without this all columns of the table would be among them.
    compiled = statement.compile(dialect=database.engine.dialect, column_keys=[])
    # A list of values gets its placeholders only now.
    sent = compiled.construct_expanded_state(escape_names=False)
    names = sent.positiontup or sent.parameters
    return Statement(database.alias, sent.statement, {name: sent.parameters[name] for name in names}, step.aimed.change)


def _likeness(step: Step) -> Hashable | None:
    """Say what the text of an INSERT goes by; ``None`` for other statements, and where a value is worked out in SQL."""
    if step.key is not None or not step.values or any(isinstance(one, ClauseElement) for one in step.values.values()):
        return None
    return id(step.aimed.place.into.table), tuple((name, value is None) for name, value in step.values.items())


def runs_of(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Cut steps into runs of new rows that are alike, in order; no row of a run needs the key of another one.

    Every other step is a run of its own.
    """
    run: list[Step] = []
    last, tokens = None, set[str]()
    for step in steps:
        now = _likeness(step)
        waits = any(isinstance(one, NewKey) and one.token in tokens for one in (step.values or {}).values())
        if run and (now is None or now != last or waits or len(run) == _MOST):
            yield run
            run, tokens = [], set()
        run.append(step)
        last = now
        tokens.add(step.aimed.token)
    if run:
        yield run
