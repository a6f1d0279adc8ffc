"""Run a plan, or take a transfer up where its journal ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from threading import Event
from typing import Any

from multidb_explorer.connections.blocks import block_of
from multidb_explorer.connections.confirming import check_words, confirmed
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import (
    ConnectionFailed,
    TransactionError,
    TransferError,
    TransferStopped,
)
from multidb_explorer.transfer.clashing import met
from multidb_explorer.transfer.creating import create_tables
from multidb_explorer.transfer.journal import FINISHED, Journal, Owner, Rows, forget_finished, known_ids
from multidb_explorer.transfer.newkeys import Allocator, allotted
from multidb_explorer.transfer.passing import passes
from multidb_explorer.transfer.plan import TransferPlan
from multidb_explorer.transfer.progress import Cancelled, Observer, TransferProgress
from multidb_explorer.transfer.refusing import written
from multidb_explorer.transfer.report import TransferReport
from multidb_explorer.transfer.reporting import report_of
from multidb_explorer.transfer.sheet import Sheet
from multidb_explorer.transfer.sides import keys_of
from multidb_explorer.transfer.spread import refuse_undivided, spread
from multidb_explorer.transfer.stopping import Stopped
from multidb_explorer.transfer.together import settle_votes
from multidb_explorer.transfer.units import Unit

__all__ = ["resumed", "run"]

_TRIES = 3
"""So often a unit is looked at again whose connection was lost."""

Confirm = str | Sequence[str] | None


def run(
    plan: TransferPlan,
    *,
    confirm: Confirm = None,
    on_progress: Callable[[TransferProgress], object] | None = None,
    progress: bool | None = None,
    stop: Event | None = None,
    client: Any = None,
) -> TransferReport:
    """Run a plan; `TransferPlan.run` tells the rules.

    Parameters
    ----------
    stop
        Set from elsewhere to cancel.
    client
        Of a Dask cluster, whose workers carry the units over.
    """
    assert plan.wishes is not None  # noqa: S101 -- only a plan that was read from a journal has none
    plan.refuse()
    roots = plan.wishes.roots
    sheet = sheet_of(plan)
    observer = Observer(on_progress, progress, stop)
    with _allowed(plan.kind, roots.database, sheet.target, confirm), Owner(plan.identity):
        earlier = _earlier(plan.identity)
        if earlier is not None:
            # It may have allocated keys, which nobody else knows.
            return _continued(earlier, observer)
        create_tables(sheet.target, sheet.catalogs, sheet.steps)
        sheet.look()
        sheet.refuse_changed()
        if passes(sheet):
            sheet.pass_on()
        if client is not None:
            refuse_undivided(sheet)
        journal = Journal.create(sheet.id, sheet.head())
        try:
            _list(plan, sheet, journal)
        except BaseException:
            journal.remove()
            raise
        return _carried(sheet, journal, observer, resumed=False, client=client)


def resumed(
    id: str,  # noqa: A002 -- what it is called everywhere
    *,
    confirm: Confirm = None,
    on_progress: Callable[[TransferProgress], object] | None = None,
    progress: bool | None = None,
    stop: Event | None = None,
) -> TransferReport:
    """Take a transfer up where its journal ends; `resume` tells the rules."""
    journal = Journal.find(id)
    if not journal.readable:
        journal.remove()
        raise TransferError(f"Transfer {id!r} ended before anything was planned, so there is nothing to resume.")
    sheet = Sheet.of_head(id, journal.head)
    observer = Observer(on_progress, progress, stop)
    with _allowed(sheet.kind, sheet.source, sheet.target, confirm), Owner(sheet.identity):
        return _continued(journal, observer)


def _continued(journal: Journal, observer: Observer) -> TransferReport:
    if journal.state in FINISHED:
        raise TransferError(f"Transfer {journal.id!r} is {journal.state.lower()}, so there is nothing to resume.")
    if journal.noted("listed") is None:
        journal.set_state("ABORTED")
        raise TransferError(
            f"Transfer {journal.id!r} had not begun when its session ended, so it was dropped. Run it again."
        )
    return _carried(Sheet.of_head(journal.id, journal.head), journal, observer, resumed=True)


def _earlier(identity: str) -> Journal | None:
    """Find an unfinished transfer of the same rows; one that had not begun is dropped."""
    for known in reversed(known_ids()):
        journal = Journal.find(known)
        if not journal.readable or journal.state in FINISHED or journal.head["identity"] != identity:
            continue
        if journal.noted("listed") is None:
            journal.set_state("ABORTED")
            continue
        return journal
    return None


def sheet_of(plan: TransferPlan) -> Sheet:
    """Give a plan the form in which it is run."""
    assert plan.wishes is not None  # noqa: S101
    from multidb_explorer.connections.registry import databases

    return Sheet(
        id=f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}",
        kind=plan.kind,
        mode=plan.mode,
        source=plan.wishes.roots.database,
        target=databases[plan.target],
        identity=plan.identity,
        schema=plan.schema,
        batch_rows=plan.wishes.batch_rows,
        whole=plan.whole,
        steps=plan.steps,
        deleting=plan.deleting,
        loosened=plan.loosened,
        notes=plan.notes,
    )


def _allowed(kind: str, source: Database, target: Database, confirm: Confirm) -> AbstractContextManager[None]:
    """Hold both aliases to their rules, before anything is written."""
    concerned = written(kind, source, target)
    for database in (source, target):
        if block_of(database) is not None:
            raise TransactionError(
                f"A {kind} commits on the target before it deletes from the source, so it can't be part of the "
                f"atomic() block that is open on {database.alias!r}. Call it outside."
            )
    words = check_words(concerned, confirm)
    context = confirmed(*words) if words else nullcontext()
    with context:
        for database in concerned:
            database.refuse_writes()
    asked = [database.alias for database in concerned if database.confirm != "never"]
    # The answer counts for the whole of it, however many transactions it takes.
    return confirmed(*asked) if asked else nullcontext()


# Listing


def _list(plan: TransferPlan, sheet: Sheet, journal: Journal) -> None:
    """Write down which rows there are, before the first is carried over."""
    if plan.closure is None:
        assert plan.wishes is not None  # noqa: S101
        lane = sheet.lanes[0]
        allocators: dict[int, Allocator] = {}
        for number, batch in enumerate(plan.wishes.roots.keys(sheet.batch_rows)):
            keys = keys_of(batch, batch.schema.names)
            rows = Rows(0, lane.listed(keys, lane.step.leaves))
            journal.add_unit(number, [_with_new_keys(sheet, rows, allocators)])
    else:
        journal.add_unit(0, list(_family(plan, sheet)))
    journal.note("listed", value=True)


def _family(plan: TransferPlan, sheet: Sheet) -> Iterator[Rows]:
    assert plan.closure is not None  # noqa: S101
    allocators: dict[int, Allocator] = {}
    # Only some engines find, among the rows of one statement, those that others of them refer to.
    apart = not all(side.backend.features.refers_within_statement for side in (sheet.source, sheet.target))
    for number, lane in enumerate(sheet.lanes):
        lists = plan.closure.in_order(lane.step.name)
        leaving = (plan.leaving or {}).get(lane.step.name, set())
        skipped = plan.skipped.get(lane.step.name, set())
        for keys in lists if apart else [[key for some in lists for key in some]]:
            for start in range(0, len(keys), sheet.batch_rows):
                some = keys[start : start + sheet.batch_rows]
                rows = Rows(number, lane.listed(some, [key in leaving for key in some], skipped))
                yield _with_new_keys(sheet, rows, allocators)


def _with_new_keys(sheet: Sheet, rows: Rows, allocators: dict[int, Allocator]) -> Rows:
    lane = sheet.lanes[rows.step]
    if lane.step.policy != "newkey" or not lane.step.conflicts:
        return rows
    allocator = allocators.setdefault(rows.step, Allocator(lane))
    keys = lane.keys(rows.table)
    table = lane.fetch(keys)
    taken = met(lane, lane.fitted(table, {}), others=False).taken
    places = {key: n for n, key in enumerate(keys_of(table, lane.step.key))}
    new = [allocator.take()[0] if places.get(key) in taken else None for key in keys]
    return Rows(rows.step, allotted(rows.table, new))


# Carrying


def _carried(
    sheet: Sheet, journal: Journal, observer: Observer, *, resumed: bool, client: Any = None
) -> TransferReport:
    began = time.perf_counter()
    observer.id, observer.name = sheet.id, f"{sheet.source.alias} → {sheet.target.alias}"
    observer.planned = sum(step.rows for step in sheet.steps)
    if not sheet.lanes:
        sheet.look()
    if resumed and sheet.mode == "TWO_PHASE":
        settle_votes(sheet, journal)
    state, message = "DONE", ""
    try:
        with observer:
            done = spread(client, sheet, journal, observer.wrote) if client else _units(sheet, journal, observer)
            for _number in done:
                observer.check()
    except Stopped as error:
        state, message = error.state, str(error)
    except Cancelled:
        state = "CANCELLED"
    except BaseException as error:
        error.add_note(f"What was done so far is consistent; mdb.resume({sheet.id!r}) goes on.")
        raise
    report = report_of(sheet, journal, state, time.perf_counter() - began)
    report = replace(report, resumed=resumed, bytes=observer.bytes)
    journal.set_state(state)
    forget_finished()
    if message:
        ways = f"mdb.resume({sheet.id!r}) looks again; abandon() of what mdb.transfers() lists gives it up."
        raise TransferStopped(f"{sheet.kind} {sheet.id}: {state}. {message} {ways}", report=report)
    return report


def _units(sheet: Sheet, journal: Journal, observer: Observer) -> Iterator[int]:
    """Carry unit after unit over."""
    observer.check()
    for number, known in journal.units():
        if known == "DONE":
            continue
        try:
            _unit(sheet, journal, number, known, observer)
        except Stopped:
            journal.set_unit(number, "PLANNED" if known == "PLANNED" else "INTENT")
            raise
        yield number


def _unit(sheet: Sheet, journal: Journal, number: int, state: str, observer: Observer) -> None:
    for attempt in range(_TRIES):
        unit = Unit(sheet, journal, number, list(journal.rows(number)), observer.wrote)
        try:
            unit.run(state)
        except ConnectionFailed:
            # Whether a commit was heard nobody knows: the facts are looked at again.
            if attempt + 1 == _TRIES:
                raise
            time.sleep(0.5 * (attempt + 1))
            if sheet.mode == "TWO_PHASE":
                # A vote of the attempt before would hold its rows against this one.
                settle_votes(sheet, journal)
            state = dict(journal.units())[number]
        else:
            return
