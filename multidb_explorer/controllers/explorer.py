"""The explorer's behaviour: an alias, its tables, one grid, and the two writes for selected rows."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.alias_picker import AliasPickerController
from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply, Stale, intervals
from multidb_explorer.controllers.code_tab import CodeTab
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.controllers.filtering import Filter
from multidb_explorer.controllers.grid import GridController
from multidb_explorer.controllers.profile_tab import ProfileTab
from multidb_explorer.controllers.relations_tab import RelationsTab
from multidb_explorer.controllers.sql_tab import SqlTab
from multidb_explorer.controllers.structure import StructureTab
from multidb_explorer.controllers.table_tree import TableTree
from multidb_explorer.controllers.transfer_tab import TransferTab
from multidb_explorer.controllers.writes import Done, Plan, Refused, carry_out, make_plan
from multidb_explorer.models import reflect
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.inspector import catalog_of

__all__ = ["ExplorerController"]

_PLANS = 8
_VISITS = 20
"""Tables that are kept as they were left."""
_TABS: tuple[type[ExplorerTab], ...] = (
    TableTree,
    StructureTab,
    RelationsTab,
    ProfileTab,
    SqlTab,
    CodeTab,
    TransferTab,
)


class ExplorerController(AliasPickerController):
    """Answers one explorer.

    Parameters
    ----------
    alias
        The alias to start with; the first one that is registered if not given.
    table, schema
        The table to start with.

    Attributes
    ----------
    namespace : dict or None
        Where cells find their variables; a widget fills it in.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias. A database that can't be reached is shown in the panel instead.

    Examples
    --------
    >>> databases.configure({"default": "sqlite://"})
    >>> ExplorerController().value
    'default'
    """

    def __init__(self, alias: str | None = None, table: str | None = None, schema: str | None = None) -> None:
        super().__init__(alias if alias is not None else next(iter(databases), None))
        self.table = table
        self.schema = schema
        self.grid: GridController | None = None
        self.namespace: dict[str, Any] | None = None
        self._changes: dict[str, ChangeSet] = {}
        self._visits: dict[Any, GridController] = {}
        self._epoch = 0
        self._layouts: dict[tuple[str, str | None, str], Message] = {}
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self.intents |= {"open": self._open, "plan": self._plan}
        self.intents |= {"execute": self._execute, "forget": self._forget}
        self.tabs = [make(self) for make in _TABS]
        for tab in self.tabs:
            self.intents |= tab.intents

    @property
    def state(self) -> Message:
        """Where the explorer is."""
        state = super().state
        where = {"alias": state["value"], "table": self.table, "schema": self.schema, "visit": self._visit}
        return {"choices": state["choices"], **where}

    @property
    def _visit(self) -> int | None:
        """What the grid on screen is kept by, so that a page that is loaded anew finds it as it was."""
        return next((number for number, grid in self._visits.items() if grid is self.grid), None)

    @property
    def queryset(self) -> QuerySet[Any] | None:
        """The rows on screen, as Python."""
        return self.grid.shown if self.grid else None

    def changes_of(self, alias: str) -> ChangeSet | None:
        """Give what is staged for an alias; ``None`` where nothing may be written."""
        if databases[alias].read_only:
            return None
        with self.lock:
            return self._changes.setdefault(alias, ChangeSet(alias))

    def handle(self, request: Message) -> Reply | Job:
        """Answer what is ours; everything else is about the rows on screen, and their grid knows what it can do."""
        for tab in self.tabs:
            if tab.name and tab.name == request.get("to"):
                return tab.handle(request)
        if request.get("type") in self.intents:
            return super().handle(request)
        grid = self.grid
        if grid is None:
            raise Stale("No table is open.")
        return grid.handle(request)

    def close(self) -> None:
        """Stop what runs, and let tables and tabs go: the panel is gone."""
        super().close()
        for grid in self._visits.values():
            grid.close()
        for tab in self.tabs:
            tab.close()

    # Finding a table

    def _choose(self, request: Message) -> Reply:
        before = self.value
        reply = super()._choose(request)
        with self.lock:
            if self.value != before:
                self._leave()
                self.table = self.schema = self.grid = None
        self.changed()
        return reply

    def here(self) -> str:
        """Give the alias that is chosen."""
        if self.value is None:
            raise BadRequest("Choose a database first.")
        return self.value

    def _open(self, request: Message) -> Reply:
        alias, table, schema = self.here(), request.get("table"), request.get("schema")
        if request.get("alias") != alias or not isinstance(table, str) or not isinstance(schema, str | None):
            raise BadRequest("A table is opened by its name, in the database that is chosen.")
        kept = self._visits.get(request.get("visit"))
        if kept is not None and kept.queryset.db == alias and kept.title == table:
            reply = self._opened(kept, table, schema)
            return Reply({**reply.message, "kept": True})
        return self.open_rows(alias, table, schema)

    def open_rows(self, alias: str, table: str, schema: str | None, narrow: Filter | None = None) -> Reply:
        """Open a table, or those of its rows that a filter leaves, and give what its grid needs.

        Raises
        ------
        TableDoesNotExist
            With near names.
        """
        queryset = reflect(table, using=alias, schema=schema).objects
        layout = self._layouts.setdefault((alias, schema, table), {})
        grid = GridController(queryset, changes=self.changes_of(alias), layout=layout)
        if narrow:
            grid.filter = narrow
            grid.pager = grid.new_pager()
        else:
            grid.row_estimate = _estimate(alias, table, schema)
        grid.attach(self.send, self.changed)
        return self._opened(grid, table, schema)

    def _leave(self, new: GridController | None = None) -> None:
        """End what still runs for the grid on screen; where it stood is known when somebody comes back."""
        grid = self.grid
        if grid is not None and grid is not new:
            grid.renew(grid.epoch + 1, grid.row_count or grid.row_estimate, grid.pager)
            self._epoch = max(self._epoch, grid.epoch)

    def _opened(self, grid: GridController, table: str, schema: str | None) -> Reply:
        """Show a grid, be it a new one or one that was left before; what it reads has an epoch of its own."""
        with self.lock:
            self._leave(grid)
            self._epoch = max(self._epoch, grid.epoch) + 1
            rows = grid.row_count or grid.row_estimate
            # Rows may have come or gone since, so they are counted anew; where it read its pages is still good.
            grid.pager.row_count = None
            grid.renew(self._epoch, rows, grid.pager)
            self._visits = {number: each for number, each in self._visits.items() if each is not grid}
            self._visits[self._epoch] = grid
            self.grid, self.table, self.schema = grid, table, schema
            gone = [self._visits.pop(number) for number in list(self._visits)[:-_VISITS]]
        for each in gone:
            each.close()
        self.changed()
        opened = {"type": "opened", "visit": self._epoch, "table": table, "schema": schema}
        return Reply({**opened, **grid.state, "has_key": grid.queryset.has_key})

    # Writing

    def _plan(self, request: Message) -> Reply:
        grid = self.grid
        action, target = request.get("action"), request.get("target")
        if grid is None or action not in ("copy", "delete") or not isinstance(target, str):
            raise BadRequest("A write names its rows and its alias.")
        if request.get("epoch") != grid.epoch:
            raise Stale("The rows were sorted or changed meanwhile; select them anew.")
        rows = intervals(request.get("rows"))
        plan = make_plan(action, grid.queryset, target, grid.title, grid.keys_of(rows))
        name = secrets.token_hex(8)
        with self.lock:
            self._plans[name] = plan
            while len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        return Reply({"type": "plan", "plan": name, **plan.question})

    def _execute(self, request: Message) -> Job:
        name, choices = str(request.get("plan")), request.get("choices") or {}
        plan = self._plans.get(name)
        if plan is None or not isinstance(choices, dict):
            raise BadRequest("This question is no longer open; select the rows again.")
        return Job(lambda: self._executed(name, plan, choices, str(request.get("typed") or "")))

    def _executed(self, name: str, plan: Plan, choices: Message, typed: str) -> Reply:
        stopped = self.grid is not None and self.grid.make_way(databases[plan.target])
        outcome = carry_out(plan, choices, typed)
        if isinstance(outcome, Refused):
            ways = [{"label": way.label, "choices": dict(way.choices), "danger": way.danger} for way in outcome.ways]
            refused = {"type": "refused", "message": outcome.message, "ways": ways, "stopped": stopped}
            return Reply({**refused, "differences": [list(line) for line in outcome.differences]})
        with self.lock:
            self._plans.pop(name, None)
        return self._done(plan, outcome, stopped=stopped)

    def _done(self, plan: Plan, done: Done, *, stopped: bool) -> Reply:
        grid = self.grid
        if grid is None:
            return Reply({"type": "done", "text": done.text, "epoch": 0})
        if plan.action == "delete" and grid.queryset is plan.queryset:
            known = grid.row_count
            grid.refresh(None if known is None else max(0, known - done.deleted))
        state = grid.state
        about = {name: state[name] for name in ("epoch", "row_count", "row_estimate")}
        return Reply({"type": "done", "text": done.text, "stopped": stopped, **about})

    def _forget(self, request: Message) -> Reply:
        with self.lock:
            self._plans.pop(str(request.get("plan")), None)
        return Reply({"type": "forget"})


def _estimate(alias: str, table: str, schema: str | None) -> int | None:
    tables = catalog_of(databases[alias]).tables(schema)
    return next((found.row_estimate for found in tables if found.name == table), None)
