"""Staged edits on their way into a database: reviewed as exact statements, saved, and conflicts decided."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.addressing import place_of
from multidb_explorer.changes.committed import Committed
from multidb_explorer.changes.conflicts import Conflict
from multidb_explorer.changes.records import Delete, Insert
from multidb_explorer.changes.showing import key_text, phrase, short
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.marks import alias_mark
from multidb_explorer.controllers.shown_rows import staged_name
from multidb_explorer.controllers.typed_values import Unreadable, parsed
from multidb_explorer.errors import ChangeConflict, FieldValueError, MultiDBError, ReadOnlyAlias, RowsRejected

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController
    from multidb_explorer.controllers.staging import Staging

__all__ = ["Saving"]

_STATEMENTS_SHOWN = 200
_DONE_KEPT = 8


class Saving(GridPart):
    """The part of a grid that commits what is staged.

    Parameters
    ----------
    staging
        The part that stages.
    """

    name = "save"

    def __init__(self, grid: GridController, staging: Staging) -> None:
        super().__init__(grid)
        self.staging = staging
        self._met: tuple[str, str, tuple[Conflict, ...]] | None = None
        self._done: dict[str, Committed] = {}
        self.intents: dict[str, Handler] = {
            "targets": self._targets,
            "review": self._review,
            "save": self._save,
            "unsave": self._unsave,
            "resolve": self._resolve,
            "reread": self._reread,
        }

    # Where to, and what exactly

    def _targets(self, _: Message) -> Reply:
        """List the aliases that changes can be saved to: their own first, then all others."""
        own = self.staging.alias
        order = [own, *(alias for alias in databases if databases[alias].alias != own)]
        return Reply(
            {"type": "targets", "targets": [alias_mark(databases[alias]) for alias in order if alias in databases]}
        )

    def _target(self, request: Message) -> Database:
        database = databases[str(request.get("alias") or self.staging.alias)]
        if database.read_only:
            raise ReadOnlyAlias.refused(database.alias)
        return database

    def _review(self, request: Message) -> Job:
        """Show the statements exactly as a save would send them."""
        target = self._target(request)

        def work() -> Reply:
            preview = self.staging.changes.preview(target.alias)
            listed = [
                {
                    "sql": " ".join(one.sql.split("\n")),
                    "values": [[name, short(v)] for name, v in one.parameters.items()],
                }
                for one in preview.statements[:_STATEMENTS_SHOWN]
            ]
            counts = phrase(preview.counts.get(target.alias, {}).values(), "staged")
            about = {"target": alias_mark(target), "counts": counts, "total": len(preview), "text": str(preview)}
            return Reply({"type": "review", "statements": listed, **about})

        return Job(work)

    # Writing

    def _save(self, request: Message) -> Job:
        target = self._target(request)
        self._confirmed(target, request)
        return Job(lambda: self._saved(target))

    @staticmethod
    def _confirmed(target: Database, request: Message) -> None:
        """Hold an alias that asks first to the user's word, whatever the browser did."""
        if target.confirm == "production" and request.get("typed") != target.alias:
            raise BadRequest(f"{target.alias!r} is production: type its alias to go on.")
        if target.confirm != "never" and request.get("confirmed") is not True:
            raise BadRequest(f"{target.alias!r} asks before writes.")

    def _saved(self, target: Database) -> Reply:
        staging = self.staging
        before = staging.staged()
        staging.problems, staging.conflicts = {}, {}
        stopped = False
        try:
            stopped = self.grid.make_way(target)
            committed = staging.changes.commit(target.alias, confirm=target.alias)
        except ChangeConflict as error:
            return self._conflicts(target.alias, error, stopped=stopped)
        except MultiDBError as error:
            if isinstance(error, RowsRejected):
                self._point(error)
            return staging.told({}, type="refused", message=str(error), alias=target.alias, stopped=stopped)
        text = f"Saved {phrase(committed.counts.values(), 'written')} to {target.alias}"
        stays = "" if target.alias == staging.alias else f"; still staged for {staging.alias}"
        return self._written(before, committed, text + stays, stopped=stopped)

    def _written(self, before: Mapping[str, Any], committed: Committed, text: str, *, stopped: bool) -> Reply:
        """Read the rows again where they changed, and offer the way back."""
        grid, staging = self.grid, self.staging
        name = secrets.token_hex(8)
        self._done[name] = committed
        while len(self._done) > _DONE_KEPT:
            self._done.pop(next(iter(self._done)))
        if committed.alias == staging.alias:
            inserted, _, deleted = committed.counts.get(staging.place.name, (0, 0, 0))
            known = grid.row_count
            grid.refresh(None if known is None else max(0, known + inserted - deleted))
        state = grid.state
        about = {name_: state[name_] for name_ in ("epoch", "row_count", "row_estimate")}
        target = alias_mark(databases[committed.alias])
        return staging.told(before, type="saved", text=text, undo=name, target=target, stopped=stopped, **about)

    def _unsave(self, request: Message) -> Job:
        """Take a save back, by the change set that undoes it; it looks for conflicts like any other."""
        name = str(request.get("undo"))
        committed = self._done.get(name)
        if committed is None:
            raise BadRequest("This save can no longer be taken back from here; see mdb.history().")
        target = self._target({"alias": committed.alias})
        self._confirmed(target, request)

        def work() -> Reply:
            before, stopped = self.staging.staged(), False
            try:
                stopped = self.grid.make_way(target)
                undone = committed.inverse().commit(target.alias, confirm=target.alias)
            except MultiDBError as error:
                about = {"message": str(error), "alias": target.alias, "stopped": stopped}
                return self.staging.told(before, type="refused", **about)
            self._done.pop(name, None)
            text = f"Undone in {target.alias}: {phrase(undone.counts.values(), 'written')}"
            return self._written(before, undone, text, stopped=stopped)

        return Job(work)

    def _point(self, error: RowsRejected) -> None:
        """Put what a database refused beside the cells that it is about."""
        staging = self.staging
        changes = staging.changes.changes
        for one in error.rejections:
            row = getattr(one, "row", None)
            if not isinstance(row, int) or row >= len(changes) or changes[row].table != staging.place.name:
                continue
            name = staged_name(staging.place, changes[row])
            for column in str(getattr(one, "column", "")).split(", "):
                if column in staging.names:
                    staging.problems.setdefault(name, {})[staging.names[column]] = str(getattr(one, "message", ""))

    def _reread(self, _: Message) -> Reply:
        """Read the rows again; what is staged stays."""
        grid = self.grid
        grid.refresh()
        state = grid.state
        return Reply({"type": "reread", **{name: state[name] for name in ("epoch", "row_count", "row_estimate")}})

    # Conflicts

    def _conflicts(self, target: str, error: ChangeConflict, *, stopped: bool) -> Reply:
        found = tuple(one for one in error.conflicts if isinstance(one, Conflict))
        name = secrets.token_hex(8)
        self._met = (name, target, found)
        for conflict in found if target == self.staging.alias else ():
            self._mark(conflict)
        listed = [self._shown(conflict) for conflict in found]
        about = {"target": alias_mark(databases[target]), "conflicts": name, "rows": listed, "stopped": stopped}
        return self.staging.told({}, type="conflicts", **about)

    def _mark(self, conflict: Conflict) -> None:
        """Let the cells of a conflict be seen in the grid, until it is decided."""
        staging, change = self.staging, conflict.change
        if change.table == staging.place.name and change.schema == staging.place.schema:
            theirs = {name: "NULL" if one[2] is None else short(one[2]) for name, one in conflict.cells.items()}
            if conflict.kind == "deleted":
                theirs = dict.fromkeys(theirs, "the end of the row")
            cells = {staging.names[name]: text for name, text in theirs.items() if name in staging.names}
            staging.conflicts[staged_name(staging.place, change)] = cells

    def _shown(self, conflict: Conflict) -> Message:
        """Give base, mine and theirs of each cell."""
        change = conflict.change
        cells = [
            {
                "col": column,
                "base": _cell(base),
                "mine": _cell(mine),
                "theirs": _cell(theirs),
                "ours": not isinstance(change, Delete) and column in change.values,
            }
            for column, (base, mine, theirs) in conflict.cells.items()
        ]
        key = key_text(conflict.key)
        kind = {Insert: "new", Delete: "deleted"}.get(type(change), "changed")
        return {"table": change.table, "key": key, "kind": conflict.kind, "change": kind, "cells": cells}

    def _resolve(self, request: Message) -> Reply:
        """Decide conflicts as the user chose: a row, or cell by cell, by mine, theirs, or a third value."""
        met = self._met
        if met is None or request.get("conflicts") != met[0]:
            raise BadRequest("These conflicts are no longer open; save again.")
        before = self.staging.staged()
        self.staging.conflicts = {}
        with self.staging.changes.one_step():
            for choice in request.get("choices") or ():
                row = choice.get("row")
                if not isinstance(row, int) or not 0 <= row < len(met[2]):
                    raise BadRequest("A choice names its conflict.")
                self._decide(met[2][row], choice)
        self._met = None
        return self.staging.told(before)

    def _decide(self, conflict: Conflict, choice: Mapping[str, Any]) -> None:
        changes, keep = self.staging.changes, choice.get("keep")
        if keep in ("mine", "theirs"):
            changes.resolve(conflict, keep)
            return
        cells = choice.get("cells")
        if not isinstance(cells, Mapping):
            raise BadRequest("A conflict is decided by 'mine', by 'theirs', or cell by cell.")
        guards = [(column, "mine") for column in conflict.cells if column not in cells]
        for column, side in sorted([*cells.items(), *guards], key=lambda one: one[1] == "theirs"):
            if side == "mine":
                changes.resolve(conflict, "mine", column=column)
            elif side == "theirs":
                # Nothing may be left of the change by now, and that is what theirs means.
                with suppress(FieldValueError):
                    changes.resolve(conflict, "theirs", column=column)
            elif isinstance(side, Mapping):
                changes.resolve(conflict, column=column, value=_third(conflict, column, side))
            else:
                raise BadRequest("A cell is decided by 'mine', 'theirs', or a value.")


def _third(conflict: Conflict, column: str, given: Mapping[str, Any]) -> Any:
    change = conflict.change
    kind = place_of(change.table, databases[conflict.alias], change.schema).kind(column)
    try:
        return None if given.get("null") is True else parsed(str(given.get("text", "")), kind)
    except Unreadable as error:
        raise BadRequest(f"{column}: {error}") from None


def _cell(value: Any) -> str | None:
    return None if value is None else short(value) if isinstance(value, bytes) else str(value)[:400]
