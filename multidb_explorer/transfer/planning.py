"""Work a plan out: only by looking, in neither database is anything written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ConnectionFailed, TableDoesNotExist
from multidb_explorer.options import options
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.clashing import is_empty, met, named
from multidb_explorer.transfer.closure import Closure, Relatives, closure_of
from multidb_explorer.transfer.creating import imagined
from multidb_explorer.transfer.edges import Edge, edge_of
from multidb_explorer.transfer.judging import judged, objections_of
from multidb_explorer.transfer.mapping import Target, mapped, refuse_unknown, target_key, unaccepted, unknown_column
from multidb_explorer.transfer.ordering import Order, order
from multidb_explorer.transfer.plan import TransferPlan
from multidb_explorer.transfer.proofs import NeedsCheck
from multidb_explorer.transfer.records import Clashes, Kept, Objection, Step, TableName, Way, digest_of
from multidb_explorer.transfer.reducing import PARENTS, Reduced, reduced
from multidb_explorer.transfer.refusing import database_objections, hidden, notes_of, table_objections
from multidb_explorer.transfer.roots import Roots
from multidb_explorer.transfer.sheet import incoming, schema_digest
from multidb_explorer.transfer.sides import Key, Side, keys_of
from multidb_explorer.transfer.skipping import skipped_rows
from multidb_explorer.transfer.unmet import unmet_objections
from multidb_explorer.transfer.wishes import Wishes

__all__ = ["Planning", "plan"]

_SAMPLE = 1_000


def plan(wishes: Wishes) -> TransferPlan:
    """Work out how rows would be copied or moved.

    Raises
    ------
    WriteRefused, TableDoesNotExist, FieldError
        For what can't even be planned.
    """
    return Planning(wishes).done()


@dataclass
class Planning:
    """A plan in the making.

    Attributes
    ----------
    objections
        What was found so far that keeps it from being run.
    notes
        What else is worth knowing.
    """

    wishes: Wishes
    objections: list[Objection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.roots: Roots = self.wishes.roots
        self.source: Database = self.roots.database
        self.target: Database = databases[self.wishes.to]
        self.catalogs = Catalog(self.source), Catalog(self.target)
        self.closure: Closure | None = None
        self.skipped: Mapping[TableName, set[Key]] = {}
        self._clashing: dict[TableName, set[Key]] = {}
        self._doubts: list[Objection] = []
        self._checks: dict[TableName, Mapping[str, NeedsCheck]] = {}

    def done(self) -> TransferPlan:
        """Plan."""
        wishes = self.wishes
        if wishes.create:
            _make_file(self.target)
        self.objections += database_objections(self.source, self.target, wishes)
        self.notes += notes_of(self.source, self.target, wishes)
        whole = self._find()
        self._refuse_unknown()
        lanes = {name: lane for name in self._names() if (lane := self._lane(name)) is not None}
        ordered = self._order(lanes)
        rest: Reduced | None = None
        lanes = {name: self._with_rows(lane, ordered) for name, lane in lanes.items()}
        self.objections += self._doubts
        if not any(objection.stands for objection in self.objections):
            lanes = {name: self._measured(lane) for name, lane in lanes.items()}
            if self.closure is not None:
                self.skipped = skipped_rows(self.closure, self._clashing)
            rest = self._reduce(lanes)
            self.objections += unmet_objections(self, lanes)
        return self._made(lanes, ordered, rest, whole=whole)

    def _made(
        self, lanes: Mapping[TableName, Lane], ordered: Order, rest: Reduced | None, *, whole: bool
    ) -> TransferPlan:
        """Write the plan down."""
        wishes, steps = self.wishes, [lanes[name].step for name in ordered.tables]
        leaving = [name for name in ordered.tables if lanes[name].step.leaves]
        emptied = self._emptied(leaving)
        return TransferPlan(
            kind=wishes.kind,
            source=self.source.alias,
            target=self.target.alias,
            mode=wishes.mode or "COPY_VERIFY_DELETE",
            steps=tuple(steps),
            objections=tuple(self.objections),
            notes=tuple(self.notes),
            whole=whole,
            identity=digest_of(self.source.fingerprint, self.target.fingerprint, self.roots.identity, wishes.said),
            schema=schema_digest(lanes[name] for name in ordered.tables),
            deleting=tuple(ordered.tables.index(name) for name in reversed(emptied.tables)),
            loosened=tuple(
                (ordered.tables.index(name), emptied.patched(name)) for name in emptied.tables if emptied.patched(name)
            ),
            wishes=wishes,
            closure=self.closure,
            leaving=None if rest is None else rest.leaving,
            skipped=self.skipped,
        )

    # Which rows

    def _find(self) -> bool:
        """Find the rows; tell whether they are one unit."""
        wishes, roots = self.wishes, self.roots
        relatives = Relatives.asked(wishes.related, self.catalogs[0], wishes.without)
        live = self.catalogs[0].table(*roots.table)
        own = any(edge_of(roots.table, key).own for key in live.foreign_keys)
        if not relatives.any and not own:
            return False
        for catalog in self.catalogs:
            # Relatives are in many tables, which cost fewer statements when they are described together.
            catalog.describe_all()
        batches = roots.keys(options.batch_rows)
        limit = wishes.limit or _LIMIT
        self.closure = closure_of(self.source, self.catalogs[0], roots.table, roots.key, batches, relatives, limit)
        return True

    def _refuse_unknown(self) -> None:
        """Refuse the names of columns that there are not: what was asked for would not be done, without a word."""
        wishes, catalog = self.wishes, self.catalogs[0]
        planned = [catalog.table(*name) for name in self._names()]
        everywhere = [*planned, *catalog.describe_all()] if self.closure is not None else planned
        alias = self.source.alias
        refuse_unknown(wishes.columns, everywhere, alias)
        for name, table in zip(self._names(), planned, strict=True):
            refuse_unknown(wishes.mapped.get(name, ()), [table], alias)
        # A name stays accepted where the rows that it was meant for are no part of the plan any more.
        unknown = unaccepted(wishes.accept, planned)
        if unknown and (unknown := unaccepted(unknown, catalog.describe_all())):
            raise unknown_column(unknown[0], everywhere, alias)

    def _names(self) -> list[TableName]:
        return [self.roots.table] if self.closure is None else list(self.closure.tables)

    def batches(self, name: TableName) -> Iterator[list[Key]]:
        """Give the keys of a table's rows, some at a time."""
        size = self.wishes.batch_rows
        if self.closure is None:
            for batch in self.roots.keys(size):
                yield keys_of(batch, self.roots.key)
            return
        keys = list(self.closure.tables[name].rows)
        for start in range(0, len(keys), size):
            yield keys[start : start + size]

    # One table

    def _lane(self, name: TableName) -> Lane | None:
        source = self.catalogs[0].table(*name)
        takes = self._takes(name, source)
        if takes is None:
            return None
        key = self.roots.key if name == self.roots.table else source.key
        columns = {**self.wishes.columns, **self.wishes.mapped.get(name, {})}
        paired = mapped(source, takes, columns, self.wishes.accept)
        self._checks[name] = paired.checks
        theirs, problem = target_key(key, takes.live, paired.pairs)
        step = Step(
            name[0],
            takes.live.name,
            key,
            theirs if not problem else (),
            paired.pairs,
            schema=name[1],
            target_schema=takes.live.schema,
            policy=self.wishes.policies.get(name, self.wishes.on_conflict),
            created=takes.imagined,
        )
        self.objections += paired.objections
        if problem:
            self.objections.append(Objection(name[0], "", problem))
        lane = Lane(step, self._side(0, source, key), self._side(1, takes.live, theirs))
        self.objections += [] if takes.imagined else table_objections(lane, self.wishes)
        self._look_for_hidden(lane)
        return lane

    def _look_for_hidden(self, lane: Lane) -> None:
        """Note that a copy takes only what the user sees, and object to a move of what nobody could look at."""
        moves = self.wishes.kind == "move"
        for name, reason in hidden(lane, [edge.child for edge in incoming(lane.source)] if moves else []):
            if moves:
                text = (
                    f"{reason}, so a move could delete rows, or the parents of rows, that nobody looked at; copy() can"
                )
                self.objections.append(Objection(name[0], "", text))
            else:
                self.notes.append(f"{name[0]}: {reason}, so only those that it sees are copied")

    def _takes(self, name: TableName, source: TableSchema) -> Target | None:
        """Find the table that takes the rows, or imagine it."""
        found = self._existing(name)
        if found is None:
            if self.wishes.create:
                return Target(self.target, imagined(source, self.target, self._targets()), {}, imagined=True)
            missing = TableDoesNotExist.unknown(
                self.target.alias, name[0], [table.name for table in self.catalogs[1].tables(self.target.schema)]
            )
            self.objections.append(Objection(name[0], "", f"{missing} Or have it made: create=True."))
            return None
        live = self.catalogs[1].table(found, self.target.schema)
        table = self.catalogs[1].core_table(live.name, live.schema)
        with self.target.connect() as connection:
            return Target(self.target, live, self.target.backend.keeps(connection, table))

    def _existing(self, name: TableName) -> str | None:
        try:
            return self.catalogs[1].find(name[0], self.target.schema)
        except TableDoesNotExist:
            return None

    def _targets(self) -> dict[TableName, str]:
        """Give what the tables of the source are called in the target, as far as they are there or will be."""
        coming = set(self._names())
        tables = {(table.name, table.schema) for table in self.catalogs[0].tables(self.source.schema)} | coming
        found = {name: self._existing(name) or (name[0] if name in coming else None) for name in tables}
        return {name: other for name, other in found.items() if other is not None}

    def _side(self, which: int, live: TableSchema, key: tuple[str, ...]) -> Side:
        return Side((self.source, self.target)[which], self.catalogs[which], live, key)

    # Order

    def _order(self, lanes: Mapping[TableName, Lane]) -> Order:
        """Order tables by the foreign keys of the target, and by those of the source where they agree."""
        by_target = {(lane.target.live.name, lane.target.live.schema): name for name, lane in lanes.items()}
        edges = []
        for name, lane in lanes.items():
            for key in lane.target.live.foreign_keys:
                edge = edge_of((lane.target.live.name, lane.target.live.schema), key)
                if edge.parent in by_target:
                    edges.append(Edge(name, edge.columns, by_target[edge.parent], edge.parent_columns))
        nullable = {name: lane.target.columns for name, lane in lanes.items()}
        found = order(list(lanes), edges, lambda name, column: nullable[name][column].nullable)
        own = [edge for edge in edges if edge.own and self.closure is not None and self.closure.is_circular(edge.child)]
        return found.opened(own, lambda name, column: nullable[name][column].nullable)

    def _emptied(self, leaving: Sequence[TableName]) -> Order:
        edges = [edge for name in leaving for edge in incoming(self._side(0, self.catalogs[0].table(*name), ("",)))]
        own = [edge for edge in edges if edge.own and self.closure is not None and self.closure.is_circular(edge.child)]
        return order(leaving, edges, self._nullable).opened(own, self._nullable)

    def _nullable(self, name: TableName, column: str) -> bool:
        return self.catalogs[0].table(*name).column(column).nullable

    # Its rows

    def _with_rows(self, lane: Lane, ordered: Order) -> Lane:
        name = lane.step.name
        rows, ways = self._counted(name)
        patched = ordered.patched(name)
        leaves = self.wishes.kind == "move" and self._leaves(name)
        step = replace(lane.step, rows=rows, ways=ways, patched=patched, leaves=leaves)
        if self.wishes.kind == "move" and not leaves:
            step = replace(step, kept=(Kept(rows, PARENTS),))
        if any(objection.stands for objection in self.objections):
            return Lane(step, lane.source, lane.target)
        pairs = judged(Lane(step, lane.source, lane.target), self._checks[name], self.batches(name))
        lane = Lane(replace(step, pairs=pairs), lane.source, lane.target)
        self._doubts += objections_of(lane)
        return lane

    def _leaves(self, name: TableName) -> bool:
        return self.closure is None or bool(self.closure.tables[name].taken)

    def _counted(self, name: TableName) -> tuple[int, tuple[Way, ...]]:
        if self.closure is None:
            count = self.roots.count()
            return count, (Way("asked for", count),)
        found = self.closure.tables[name]
        return len(found.rows), found.ways()

    def _reduce(self, lanes: dict[TableName, Lane]) -> Reduced | None:
        """Find out what stays in the source."""
        leaving = [lane for lane in lanes.values() if lane.step.leaves]
        if not leaving:
            return None
        found = reduced(self, leaving)
        for lane in leaving:
            step = replace(lane.step, kept=found.kept(lane.step.name))
            lanes[lane.step.name] = Lane(step, lane.source, lane.target)
        return found

    def _measured(self, lane: Lane) -> Lane:
        """Look rows up in the target, and weigh some of them."""
        step = replace(lane.step, **self._looked_up(lane, lane.step.rows))
        return Lane(step, lane.source, lane.target)

    def _note_clashes(self, lane: Lane, table: pa.Table, places: set[int]) -> None:
        if places and lane.step.policy == "skip" and self.closure is not None:
            keys = keys_of(table.take(pa.array(sorted(places))), lane.step.key)
            self._clashing.setdefault(lane.step.name, set()).update(keys)

    def _looked_up(self, lane: Lane, rows: int) -> dict[str, Any]:
        empty = lane.step.created or is_empty(lane.target)
        there, clashes, size = 0, dict[tuple[str, ...], list[str]](), 0
        for number, keys in enumerate(self.batches(lane.step.name)):
            if number and empty:
                break
            table = lane.fetch(keys[:_SAMPLE] if empty else keys)
            fitted = lane.fitted(table, {})
            if not number and fitted.num_rows:
                size = fitted.nbytes * rows // fitted.num_rows
            if empty:
                continue
            look = met(lane, fitted)
            there += len(look.there)
            self._note_clashes(lane, table, look.clashing)
            groups = {lane.step.target_key: look.taken, **look.others}
            for key, places in groups.items():
                some = fitted.select(list(key)).take(pa.array(sorted(places), pa.int64())).to_pylist()
                clashes.setdefault(key, []).extend(named(values) for values in some)
        return {
            "there": there,
            "bytes": size,
            "clashes": tuple(Clashes(key, len(found), tuple(found[:5])) for key, found in clashes.items() if found),
        }


def _make_file(target: Database) -> None:
    """Let a file begin to exist where tables are going to be made in it."""
    try:
        with target.connect():
            return
    except ConnectionFailed:
        with target.begin():
            return


_LIMIT = 200_000
"""So many rows a transfer with relatives takes, unless more are allowed: they come together or not at all."""
