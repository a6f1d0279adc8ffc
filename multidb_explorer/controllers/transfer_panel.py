"""The behaviour of the panel that copies and moves rows: a plan that is looked at and edited, a run that is watched."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Controller, Job, Message, Reply
from multidb_explorer.controllers.grid import queryset_of
from multidb_explorer.controllers.marks import alias_mark, alias_marks
from multidb_explorer.controllers.stopping import stoppable_job
from multidb_explorer.display import phrase_rows
from multidb_explorer.errors import TransferStopped
from multidb_explorer.models import Model
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.transfer.handle import Transfer
from multidb_explorer.transfer.plan import TransferPlan
from multidb_explorer.transfer.planning import plan
from multidb_explorer.transfer.progress import TransferProgress
from multidb_explorer.transfer.records import Objection, Step, TableName
from multidb_explorer.transfer.recovering import Unfinished, transfers
from multidb_explorer.transfer.report import TableReport, TransferReport
from multidb_explorer.transfer.roots import roots_of
from multidb_explorer.transfer.wishes import POLICIES, Wishes

__all__ = ["TransferPanelController"]

KINDS = ("copy", "move")
RELATED = ("none", "parents", "children", "all")
_PLANS = 8
_TOLD_EVERY = 0.25


class TransferPanelController(Controller):
    """Answers one panel.

    Its parameters are those of the panel.

    Attributes
    ----------
    plan : TransferPlan or None
        The plan on screen.
    report : TransferReport or None
        What the last run did.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "new": "sqlite://"})
    >>> for alias in ("default", "new"):
    ...     with databases[alias].begin() as connection:
    ...         _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> panel = TransferPanelController(mdb.reflect("users"), to="new")
    >>> found = panel.answer({"type": "plan", "id": "1", "target": "new", "kind": "copy", "related": "none"}).message
    >>> found["mode"], [step["table"] for step in found["steps"]]
    ('COPY_VERIFY_DELETE', ['users'])
    """

    def __init__(
        self,
        source: QuerySet[Any] | type[Model],
        *,
        to: str | None = None,
        kind: str = "copy",
        related: str = "none",
    ) -> None:
        super().__init__()
        self.queryset = queryset_of(source)
        self.to = to if to is None else databases[to].alias
        self.kind, self.related = _one_of("kind", kind, KINDS), _one_of("related", related, RELATED)
        self.plan: TransferPlan | None = None
        self.report: TransferReport | None = None
        self._plans: OrderedDict[str, TransferPlan] = OrderedDict()
        self._told: Message | None = None
        # Read once: whoever hears of another alias later must not ask a database for it.
        self.title = self.queryset.bound.table.name
        self._mark = alias_mark(databases[self.queryset.db])
        self.intents |= {"look": self._look, "plan": self._plan, "run": self._begin, "resume": self._go_on}
        self.intents |= {"aliases": self._aliases, "stop": self._stop}
        self._transfer: Transfer | None = None

    @property
    def state(self) -> Message:
        """What a view needs before anything is planned."""
        return {
            "source": self._mark,
            "title": self.title,
            "to": self.to,
            "kind": self.kind,
            "related": self.related,
            "choices": alias_marks(),
        }

    def close(self) -> None:
        """Stop what runs; the transfer can be resumed."""
        super().close()
        if self._transfer is not None:
            self._transfer.cancel()

    # Looking

    def _look(self, _: Message) -> Reply:
        """Tell all that a page has forgotten which was read anew."""
        name = next((name for name, found in self._plans.items() if found is self.plan), None)
        return Reply(
            {
                "type": "look",
                **self.state,
                "targets": self._targets(),
                "plan": None if self.plan is None or name is None else self._planned(name, self.plan),
                "progress": self._told if self._transfer is not None else None,
                "report": None if self.report is None else _reported(self.report, ""),
                "unfinished": [self._unfinished(each) for each in transfers()],
            }
        )

    def _aliases(self, _: Message) -> Reply:
        return Reply({"type": "aliases", "choices": alias_marks(), "targets": self._targets()})

    def _targets(self) -> list[Message]:
        """Say for each alias why rows can't go there, or nothing."""
        own = self.queryset.db
        refusals = {
            alias: "these rows are here" if alias == own else "read-only" if database.read_only else ""
            for alias, database in databases.items()
        }
        return [{"alias": alias, "refused": refused} for alias, refused in refusals.items()]

    def _unfinished(self, found: Unfinished) -> Message:
        known = [alias for alias in (found.source, found.target) if alias in databases]
        marks = {alias: alias_mark(databases[alias]) for alias in known}
        return {
            "id": found.id,
            "kind": found.kind,
            "state": found.state,
            "at": f"{found.at:%Y-%m-%d %H:%M}",
            "source": marks.get(found.source, {"alias": found.source}),
            "target": marks.get(found.target, {"alias": found.target}),
            "tables": list(found.tables),
            "done": found.done,
            "units": found.units,
            "type_aliases": _typed_aliases(found.kind, found.source, found.target),
        }

    # Planning

    def _plan(self, request: Message) -> Job:
        wishes = self._wishes(request)

        def work() -> Reply:
            made = plan(wishes)
            name = secrets.token_hex(8)
            with self.lock:
                self.plan, self.report = made, None
                self._plans[name] = made
                while len(self._plans) > _PLANS:
                    self._plans.popitem(last=False)
            return Reply({"type": "plan", **self._planned(name, made)})

        return stoppable_job(databases[self.queryset.db], work)

    def _wishes(self, request: Message) -> Wishes:
        to = request.get("target")
        if not isinstance(to, str):
            raise BadRequest("Choose a database that the rows go to.")
        accept = request.get("accept") or []
        if not isinstance(accept, list) or not all(isinstance(name, str) for name in accept):
            raise BadRequest("Losses are accepted by name.")
        return Wishes(
            _one_of("kind", request.get("kind"), KINDS),
            roots_of(self.queryset, None),
            databases[to].alias,
            related=_one_of("related", request.get("related"), RELATED),
            on_conflict=_one_of("on_conflict", request.get("on_conflict") or "error", POLICIES),
            create=request.get("create") is True,
            accept=tuple(accept),
            without=tuple(_table(each) for each in request.get("without") or ()),
            policies={
                _table(each): _one_of("policy", each.get("policy"), POLICIES) for each in request.get("policies") or ()
            },
        )

    def _planned(self, name: str, made: TransferPlan) -> Message:
        return {
            "plan": name,
            "kind": made.kind,
            "source": alias_mark(databases[made.source]),
            "target": alias_mark(databases[made.target]),
            "mode": made.mode,
            "whole": made.whole,
            "rows": made.rows,
            "bytes": made.bytes,
            "steps": [_stepped(step) for step in made.steps],
            "refused": [_objected(each) for each in made.objections if each.stands] + list(_undecided(made)),
            "accepted": [_objected(each) for each in made.objections if each.accepted],
            "notes": list(made.notes),
            "type_aliases": _typed_aliases(made.kind, made.source, made.target),
        }

    # Running

    def _begin(self, request: Message) -> Job:
        made = self._plans.get(str(request.get("plan")))
        if made is None:
            raise BadRequest("This plan is no longer open; plan again.")
        asked = _confirmed(request, made.kind, made.source, made.target)
        return self._job(request, made, asked)

    def _go_on(self, request: Message) -> Job:
        wanted = str(request.get("transfer"))
        found = next((each for each in transfers() if each.id == wanted), None)
        if found is None:
            raise BadRequest("This transfer is not unfinished any more.")
        return self._job(request, found.id, _confirmed(request, found.kind, found.source, found.target))

    def _job(self, request: Message, what: TransferPlan | str, confirm: tuple[str, ...]) -> Job:
        with self.lock:
            if self._transfer is not None:
                raise BadRequest("A transfer of this panel is running already.")
            transfer = Transfer(what, confirm=confirm or None, on_progress=self._teller(request))
            self._transfer, self._told = transfer, {"rows": 0, "planned": 0}

        def work() -> Reply:
            try:
                return self._ran(transfer)
            finally:
                with self.lock:
                    self._transfer = self.plan = None

        return Job(work, transfer.cancel)

    def _ran(self, transfer: Transfer) -> Reply:
        try:
            self.report, message = transfer.run(), ""
        except TransferStopped as error:
            if not isinstance(error.report, TransferReport):
                raise
            self.report, message = error.report, str(error)
        return Reply({"type": "report", **_reported(self.report, message)})

    def _stop(self, _: Message) -> Reply:
        """Stop a run that another view of this panel began."""
        transfer = self._transfer
        if transfer is not None:
            transfer.cancel()
        return Reply({"type": "stop", "stopped": transfer is not None})

    def _teller(self, request: Message) -> Callable[[TransferProgress], None]:
        last = 0.0

        def told(progress: TransferProgress) -> None:
            nonlocal last
            self._told = {
                "state": progress.state,
                "rows": progress.rows,
                "bytes": progress.bytes,
                "planned": progress.planned,
                "rate": round(progress.rate),
                "left": None if progress.left is None else round(progress.left, 1),
            }
            if monotonic() - last >= _TOLD_EVERY:
                last = monotonic()
                self.tell(request, **self._told)

        return told


def _one_of(name: str, value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadRequest(f"{name} is one of {', '.join(known)}, not {str(value)[:40]!r}.")
    return str(value)


def _table(given: object) -> TableName:
    table, schema = (given.get("table"), given.get("schema")) if isinstance(given, Mapping) else (None, None)
    if not isinstance(table, str) or not isinstance(schema, str | None):
        raise BadRequest("A step of a plan is named by its table.")
    return table, schema


def _written(kind: str, source: str, target: str) -> list[str]:
    return [target, source] if kind == "move" else [target]


def _typed_aliases(kind: str, source: str, target: str) -> list[str]:
    """Give the aliases that have to be typed: those of production that are written."""
    written = _written(kind, source, target)
    return [alias for alias in written if alias in databases and databases[alias].confirm == "production"]


def _confirmed(request: Message, kind: str, source: str, target: str) -> tuple[str, ...]:
    """Give the aliases that ask before writes, once the user has named them as they ask for it."""
    typed = request.get("typed") or {}
    for alias in _typed_aliases(kind, source, target):
        if not isinstance(typed, Mapping) or typed.get(alias) != alias:
            raise BadRequest(f"{alias!r} is production: type its alias to go on.")
    return tuple(alias for alias in _written(kind, source, target) if databases[alias].confirm != "never")


def _stepped(step: Step) -> Message:
    return {
        "table": step.table,
        "schema": step.schema,
        "target": step.target,
        "created": step.created,
        "rows": step.rows,
        "ways": [{"path": way.path, "rows": way.rows} for way in step.ways],
        "leaves": step.leaves,
        "leaving": step.leaving,
        "kept": [{"rows": kept.rows, "reason": kept.reason} for kept in step.kept],
        "there": step.there,
        "policy": step.policy,
        "clashes": [
            {"key": list(clash.key), "rows": clash.rows, "examples": list(clash.examples)} for clash in step.clashes
        ],
        "patched": list(step.patched),
        "columns": [
            {
                "source": pair.source,
                "source_type": str(pair.source_kind),
                "target": pair.target,
                "target_type": str(pair.target_kind),
                "proof": pair.proof,
                "objection": pair.objection,
            }
            for pair in step.pairs
        ],
    }


def _undecided(made: TransferPlan) -> Iterator[Message]:
    """Say where rows meet others and nobody has said what happens to them."""
    for step in made.steps:
        if step.conflicts and step.policy == "error":
            reason = f"{phrase_rows(step.conflicts)} would meet other ones there: choose above what happens to them."
            yield {"table": step.table, "column": "", "reason": reason, "name": None}


def _objected(objection: Objection) -> Message:
    return {
        "table": objection.table,
        "column": objection.column,
        "reason": objection.reason,
        "name": objection.name if objection.acceptable else None,
    }


def _reported(report: TransferReport, message: str) -> Message:
    return {
        "transfer": report.id,
        "kind": report.kind,
        "source": report.source,
        "target": report.target,
        "state": report.state,
        "message": message,
        "mode": report.mode,
        "seconds": round(report.seconds, 2),
        "bytes": report.bytes,
        "notes": list(report.notes),
        "keys": len(report.keys),
        "tables": [_counted(table) for table in report.tables],
        "reconciles": all(table.reconciles for table in report.tables),
    }


def _counted(table: TableReport) -> Message:
    names = ("planned", "inserted", "there", "overwritten", "skipped", "stale", "changed", "gone", "deleted", "waiting")
    counts = {name: getattr(table, name) for name in names}
    return {"table": table.table, "target": table.target, **counts, "kept": [list(each) for each in table.kept]}
