"""Modes in which copy and delete are one: by votes of two databases, or in one session that reaches both."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from multidb_explorer.backends.moving import Reach
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import TransferError
from multidb_explorer.transfer.carrying import Lane, Left, numbers, with_columns
from multidb_explorer.transfer.deleting import Deletion
from multidb_explorer.transfer.journal import Journal, Rows
from multidb_explorer.transfer.points import at
from multidb_explorer.transfer.sheet import Sheet
from multidb_explorer.transfer.sides import Side
from multidb_explorer.transfer.stopping import Stopped

if TYPE_CHECKING:
    from multidb_explorer.transfer.units import Unit

__all__ = ["MODES", "in_one_session", "reach_of", "refusal", "settle_votes", "voted"]

MODES = ("COPY_VERIFY_DELETE", "SAME_TRANSACTION", "TWO_PHASE")


def refusal(mode: str, source: Database, target: Database, source_schema: str | None) -> str:
    """Say why a mode is not possible between two databases; empty if it is."""
    if mode == "COPY_VERIFY_DELETE":
        return ""
    if mode == "SAME_TRANSACTION":
        found = reach_of(source, target, source_schema)
        return found if isinstance(found, str) else ""
    for database in (source, target):
        with database.connect() as connection:
            reason = database.backend.two_phase(connection)
            doubtful = [] if reason else database.backend.in_doubt(connection, _PREFIX)
        if reason:
            return f"alias {database.alias!r}: {reason}"
        if doubtful:
            return f"alias {database.alias!r} has transactions in doubt, which mdb.recover() settles first"
    return ""


# Votes

_PREFIX = "mdb:"


def _vote(unit: Unit, side: str) -> str:
    return f"{_PREFIX}{unit.sheet.id}:{unit.number}:{side}"


def voted(unit: Unit) -> None:
    """Copy and delete by two votes; once both are in, the decision is written down, and counts."""
    sheet = unit.sheet
    target_vote, source_vote = _vote(unit, "t"), _vote(unit, "s")
    unit.copy(sheet.target.preparing(target_vote))
    at("after_prepare_t")
    try:
        unit.parts = Deletion(sheet, unit.parts, lambda: sheet.source.preparing(source_vote)).run()
        at("after_prepare_s")
    except BaseException:
        _finish(sheet.target, target_vote, commit=False)
        raise
    at("before_decision")
    unit.note("DECIDED")
    at("after_decision")
    _finish(sheet.target, target_vote, commit=True)
    at("after_commit_t")
    unit.verify()
    _finish(sheet.source, source_vote, commit=True)


def _finish(database: Database, vote: str, *, commit: bool) -> None:
    with database.connect() as connection:
        if vote in database.backend.in_doubt(connection, vote):
            database.backend.finish_prepared(connection, vote, commit=commit)


def settle_votes(sheet: Sheet, journal: Journal) -> int:
    """End what an earlier session voted for: committed where the decision was written down, else rolled back.

    Only votes of this very transfer are touched, each in its own database, the target's first. That there is none left
    of the target's may also mean that somebody else rolled it back: so nothing goes from the source before the rows
    were seen in the target, and where they are not there the unit begins anew.
    """
    settled, states = 0, dict(journal.units())
    for database in (sheet.target, sheet.source):
        with database.connect() as connection:
            votes = database.backend.in_doubt(connection, f"{_PREFIX}{sheet.id}:")
        for vote in votes:
            number = int(vote.split(":")[2])
            decided = states.get(number) == "DECIDED"
            if database is sheet.source and not (decided and _arrived(sheet, journal, number)):
                _undecided(journal, number)
                decided = False
            _finish(database, vote, commit=decided)
            settled += 1
    return settled


def _undecided(journal: Journal, number: int) -> None:
    """Note that what a unit deleted is there again, before it is."""
    parts = []
    for part in journal.rows(number):
        left = numbers(part.table, "left")
        left[left == Left.DELETED] = Left.SHALL_GO
        parts.append(Rows(part.step, with_columns(part.table, left=pa.array(left))))
    journal.set_unit(number, "INTENT", parts)


def _arrived(sheet: Sheet, journal: Journal, number: int) -> bool:
    """Tell whether the target has the rows of a unit as they were sent."""
    from multidb_explorer.transfer.units import Unit

    try:
        Unit(sheet, journal, number, list(journal.rows(number)), lambda _rows, _size: None).verify()
    except Stopped:
        return False
    return True


# One session


@dataclass(frozen=True, eq=False)
class _Reached(Side):
    """A table of the source as the target's session sees it."""

    place: str = ""

    @cached_property
    def table(self) -> sa.Table:
        """Its SQLAlchemy form, under the schema where the session finds it."""
        return self.catalog.core_table(self.live.name, self.live.schema).to_metadata(sa.MetaData(), schema=self.place)


def reach_of(source: Database, target: Database, schema: str | None) -> Reach | str:
    """Tell how the target's session reaches the source, or why it can't."""
    if source.backend.name != target.backend.name:
        return f"one transaction never spans {source.backend.title} and {target.backend.title}"
    with target.connect() as connection, source.connect() as other:
        return target.backend.reaches(connection, other, schema)


class _Through(Sheet):
    """A transfer whose source is reached by the target's session."""

    place: str = ""

    def side(self, table: tuple[str, str | None], key: tuple[str, ...]) -> Side:
        """Give a table of the source."""
        catalog = self.catalogs[0]
        return _Reached(self.target, catalog, catalog.table(*table), key, self.place)


def _through(sheet: Sheet, reach: Reach) -> Sheet:
    made = copy.copy(sheet)
    made.__class__ = _Through
    made.place = reach.schema  # type: ignore[attr-defined]
    made.source = sheet.target
    made.lanes = tuple(Lane(lane.step, made.side(lane.step.name, lane.step.key), lane.target) for lane in sheet.lanes)
    return made


def in_one_session(unit: Unit) -> None:
    """Copy and delete in one transaction of the target's session."""
    sheet = unit.sheet
    found = reach_of(sheet.source, sheet.target, sheet.lanes[0].step.schema)
    if isinstance(found, str):
        raise TransferError(f"Mode 'SAME_TRANSACTION' is not possible any more: {found}.")
    through = _through(sheet, found)
    with sheet.target.reaching(found) as connection:
        # Before anything is read: a session that reads the past in the same transaction would not see what others
        # changed until its rows were held.
        for part in unit.parts:
            lane, leaving = through.lanes[part.step], numbers(part.table, "left") == Left.SHALL_GO
            lane.source.lock(connection, lane.keys(part.table.filter(pa.array(leaving))))
        unit.copy(nullcontext(connection))
        unit.parts = Deletion(through, unit.parts, lambda: nullcontext(connection)).run()
        at("before_commit")
