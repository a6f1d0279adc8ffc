"""One unit of a transfer, from the intent to the end: each step looks at the databases and asks no memory.

The law: the target commits before the source deletes. A unit that is run again, after whatever happened, finds out by
itself how far it is: what the target has already is not written again, and only what it has is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from multidb_explorer.display import phrase_rows
from multidb_explorer.errors import DataError, IntegrityError
from multidb_explorer.transfer.carrying import Lane, Outcome, Remap, numbers, with_columns
from multidb_explorer.transfer.clashing import met
from multidb_explorer.transfer.deleting import Deletion
from multidb_explorer.transfer.digest import Digest
from multidb_explorer.transfer.journal import Journal, Rows
from multidb_explorer.transfer.newkeys import remaps
from multidb_explorer.transfer.patching import patch
from multidb_explorer.transfer.points import at
from multidb_explorer.transfer.sheet import Sheet
from multidb_explorer.transfer.sides import keys_of
from multidb_explorer.transfer.stopping import Stopped
from multidb_explorer.transfer.together import in_one_session, voted

__all__ = ["Unit"]

_HELD = 64 * 2**20
"""Bytes of rows that are kept between two passes; others are read again."""

WRITTEN = (Outcome.INSERTED, Outcome.OVERWRITTEN)
SETTLED = (*WRITTEN, Outcome.SKIPPED)


@dataclass
class Unit:
    """Some rows that are carried over together.

    Attributes
    ----------
    parts
        Its rows by step, with what is known of each.
    progress
        Called with rows and bytes as they are written.
    """

    sheet: Sheet
    journal: Journal
    number: int
    parts: list[Rows]
    progress: Callable[[int, int], object]
    _held: dict[int, pa.Table] = field(default_factory=dict)
    _size: int = 0
    _session: Connection | None = None

    def run(self, state: str) -> None:
        """Carry the unit over, from the state in which its journal left it.

        Raises
        ------
        Stopped
            Where rows are not what they were.
        """
        if self.sheet.mode == "COPY_VERIFY_DELETE":
            self._one_after_the_other(state)
        else:
            self._begin(state)
            (voted if self.sheet.mode == "TWO_PHASE" else in_one_session)(self)
            self.note("DELETED")
        self.advance()
        self.note("DONE")
        at("after_done")

    def _begin(self, state: str) -> None:
        if state == "PLANNED":
            at("before_intent")
            self.intend()
            at("after_intent")

    def _one_after_the_other(self, state: str) -> None:
        with self.sheet.lanes[0].steadily() as self._session:
            self._begin(state)
            self.copy(self.sheet.target.atomic(durable=True))
        at("after_target_commit")
        self.note("COPIED")
        at("after_copied")
        if self.sheet.kind == "move":
            self.verify()
            self.note("VERIFIED")
            at("after_verified")
            self.parts = Deletion(self.sheet, self.parts).run()
            at("after_source_commit")
            self.note("DELETED")

    def note(self, state: str) -> None:
        """Write the state down, with what is known of each row."""
        self.journal.set_unit(self.number, state, self.parts)

    def lane(self, part: Rows) -> Lane:
        """Give the lane of some rows."""
        return self.sheet.lanes[part.step]

    @cached_property
    def remaps(self) -> dict[int, Remap]:
        """New values for the columns of each step, where keys were allocated."""
        return remaps(self.sheet, self.parts)

    # INTENT

    def intend(self) -> None:
        """Digest the rows of the source, and write down what shall be done to which."""
        for place, part in enumerate(self.parts):
            lane = self.lane(part)
            keys = lane.keys(part.table)
            fitted, digests, present = self._read(lane, keys)
            if len(present) == len(keys):
                self._hold(place, fitted)
            self.parts[place] = Rows(part.step, _intended(lane, part.table, fitted, digests, present))
        self.note("INTENT")

    def _read(self, lane: Lane, keys: Sequence[Any]) -> tuple[pa.Table, pa.Array, list[int]]:
        """Read rows in the order of some keys; give them as they will be written, with digests and their places."""
        table = lane.fetch(keys, self._session)
        places = {key: place for place, key in enumerate(keys)}
        read = keys_of(table, lane.step.key)
        found = [places[key] for key in read if key in places]
        if len(found) < len(read):
            # A key that compares as equal and is spelt otherwise was rewritten since: the row that was listed is gone.
            table = table.filter(pa.array([key in places for key in read], pa.bool_()))
        order = np.argsort(np.asarray(found, np.int64), kind="stable")
        if not np.array_equal(order, np.arange(len(order))):
            table = table.take(pa.array(order))
        remap = self.remaps.get(self.sheet.lanes.index(lane), {})
        return lane.fitted(table, remap), lane.source_digests(table), sorted(found)

    def _hold(self, place: int, fitted: pa.Table) -> None:
        if self._size + fitted.nbytes <= _HELD:
            self._size += fitted.nbytes
            self._held[place] = fitted

    # COPIED

    def copy(self, block: AbstractContextManager[Any]) -> None:
        """Write what the target lacks, in one transaction that is checked before its commit.

        Parameters
        ----------
        block
            The transaction.
        """
        try:
            with block as connection:
                if self.sheet.mode == "COPY_VERIFY_DELETE":
                    self.sheet.target.backend.durable(connection)
                for place in range(len(self.parts)):
                    self._write(connection, place)
                    at("mid_insert")
                patch(self, connection)
                self._compare("written in the transaction that was rolled back")
                at("before_target_commit")
        except (IntegrityError, DataError) as error:
            raise Stopped(
                "CONFLICT", f"The target does not take the rows, and none of them was written: {error}"
            ) from error

    def _write(self, connection: Any, place: int) -> None:
        fitted, places = self.fitted(place)
        part = self.parts[place]
        lane, policy = self.lane(part), self.lane(part).step.policy
        outcome = numbers(part.table, "outcome")
        look = met(lane, fitted, others=policy != "error")
        if policy == "error":
            self._refuse_clashes(lane, fitted, look.clashing)
        code = np.full(len(places), Outcome.INSERTED, np.int8)
        code[outcome[places] == Outcome.SKIPPED] = Outcome.SKIPPED
        if policy == "overwrite":
            code[list(look.taken)] = Outcome.OVERWRITTEN
        elif look.clashing:
            code[list(look.clashing)] = Outcome.SKIPPED
        # What an earlier run wrote is there by now, and was inserted all the same.
        code[[n for n in look.there if outcome[places[n]] not in SETTLED]] = Outcome.THERE
        new = np.isin(np.arange(len(places)), list(look.there), invert=True) & (code == Outcome.INSERTED)
        if new.any():
            lane.insert(connection, fitted.filter(pa.array(new)), self._session, self.progress)
        if policy == "overwrite":
            self._overwrite(connection, lane, fitted.take(pa.array(sorted(look.taken), pa.int64())))
        outcome[places] = code
        self.parts[place] = Rows(part.step, with_columns(part.table, outcome=pa.array(outcome)))
        rest = fitted.filter(pa.array(~new))
        self.progress(rest.num_rows, rest.nbytes)

    def _refuse_clashes(self, lane: Lane, fitted: pa.Table, places: set[int]) -> None:
        if not places:
            return
        first = fitted.select(list(lane.step.target_key)).slice(min(places), 1).to_pylist()[0]
        raise Stopped(
            "CONFLICT",
            f"In the place of {phrase_rows(len(places))} that shall come, {lane.target.where} has others, the first "
            f"with {', '.join(f'{n}={v!r}' for n, v in first.items())}. None of this unit was written.",
        )

    def _overwrite(self, connection: Any, lane: Lane, rows: pa.Table) -> None:
        for row in rows.to_pylist():
            key = tuple(row[name] for name in lane.step.target_key)
            values = {name: value for name, value in row.items() if name not in lane.step.target_key}
            lane.target.update(connection, values, [key])

    def fitted(self, place: int) -> tuple[pa.Table, list[int]]:
        """Give rows as they will be written, with their places; of those read again only what stayed as it was."""
        if place in self._held:
            return self._held[place], list(range(self.parts[place].table.num_rows))
        lane, before = self.lane(self.parts[place]), self.parts[place].table
        fitted, digests, present = self._read(lane, lane.keys(before))
        known = before.column("s").to_pylist()
        same = [n for n, digest in enumerate(digests.to_pylist()) if known[present[n]] == digest]
        places = [present[n] for n in same]
        self._recover(place, lane, set(present), set(places))
        return fitted.take(pa.array(same, pa.int64())), places

    def _recover(self, place: int, lane: Lane, present: set[int], same: set[int]) -> None:
        """Decide by the facts what became of rows that are no longer what the journal knows."""
        part = self.parts[place]
        odd = [n for n in range(part.table.num_rows) if n not in same]
        if not odd:
            return
        rows = part.table.take(pa.array(odd))
        keys = lane.target_keys(rows)
        found = lane.at_target([key for key in keys if None not in key])
        there = dict(zip(keys_of(found, lane.step.target_key), lane.target_digests(found).to_pylist(), strict=True))
        outcome = numbers(part.table, "outcome")
        for number, key, digest in zip(odd, keys, rows.column("t").to_pylist(), strict=True):
            arrived = digest is not None and there.get(key) == digest
            if number in present:
                # The source has newer values; whether the older ones arrived is of no use to anybody.
                outcome[number] = outcome[number] if outcome[number] in WRITTEN else Outcome.CHANGED
            elif arrived:
                outcome[number] = Outcome.INSERTED if outcome[number] in WRITTEN else Outcome.THERE
            else:
                outcome[number] = Outcome.GONE
        self.parts[place] = Rows(part.step, with_columns(part.table, outcome=pa.array(outcome)))

    # VERIFIED

    def verify(self) -> None:
        """Read the rows again in a session of its own, and compare."""
        self._compare("found by a second session after the commit")

    def _compare(self, what: str) -> None:
        for lane, keys, digests in self._arrived():
            found = lane.at_target(keys)
            if _sum(lane.target_digests(found)) == _sum(digests):
                continue
            raise Stopped(
                "VERIFY_FAILED",
                f"The rows of {lane.target.where} that were {what} are not those that were sent "
                f"({found.num_rows:,} of {len(keys):,} were found). Nothing was deleted.",
            )

    def _arrived(self) -> Iterator[tuple[Lane, list[Any], pa.Array]]:
        for part in self.parts:
            rows = _where(part.table, Outcome.INSERTED, Outcome.THERE, Outcome.OVERWRITTEN)
            if rows.num_rows:
                lane = self.lane(part)
                yield lane, lane.target_keys(rows), rows.column("t").combine_chunks()

    # DONE

    def advance(self) -> None:
        """Let the target number new rows behind those that came."""
        database = self.sheet.target
        for number in sorted({part.step for part in self.parts}):
            lane = self.sheet.lanes[number]
            (column, *more) = lane.step.target_key
            if more or lane.target.columns[column].kind.name != "integer":
                continue
            with database.begin() as connection:
                at("mid_sequence_sync")
                database.backend.advance_key(connection, lane.target.table, column)


def _where(table: pa.Table, *codes: int) -> pa.Table:
    return table.filter(pa.array(np.isin(numbers(table, "outcome"), codes)))


def _intended(lane: Lane, rows: pa.Table, fitted: pa.Table, digests: pa.Array, present: list[int]) -> pa.Table:
    """Add both digests and the target's keys to rows; those that are gone have none."""
    count = rows.num_rows
    lines: Any = np.full(count, -1, np.int64)
    lines[present] = np.arange(len(present))
    order = pa.array(lines, mask=lines < 0)
    outcome = np.where(lines < 0, Outcome.GONE, numbers(rows, "outcome")).astype(np.int8)
    new = {"s": digests.take(order), "t": lane.target_digests(fitted).take(order), "outcome": pa.array(outcome)}
    for place, name in enumerate(lane.step.target_key):
        new[f"t{place}"] = fitted.column(name).combine_chunks().take(order)
    return with_columns(rows, **new)


def _sum(digests: pa.Array) -> Digest:
    """Give what digests come to, in whatever order."""
    found = Digest(())
    if len(digests):
        found.add_digests(digests)
    return found
