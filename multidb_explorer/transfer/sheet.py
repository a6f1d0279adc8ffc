"""All that carries a plan out: both databases and the lanes between them, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import TransferError
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.edges import Edge, edge_of
from multidb_explorer.transfer.passing import PassingLane
from multidb_explorer.transfer.records import Pair, Step, TableName, digest_of
from multidb_explorer.transfer.sides import Side

__all__ = ["Sheet", "schema_digest"]


_FEW = 3
"""More tables than these are described together, in fewer statements."""


@dataclass(eq=False)
class Sheet:
    """A transfer as it is run.

    Attributes
    ----------
    kind
        ``copy`` or ``move``.
    whole
        Whether all rows are one unit, so that they come together or not at all.
    lanes
        One for each step, parents first.
    deleting
        The steps whose rows leave, children first.
    passing
        Whether one database hands rows over to the other as they are.
    """

    id: str
    kind: str
    mode: str
    source: Database
    target: Database
    identity: str
    schema: str
    batch_rows: int
    whole: bool
    steps: tuple[Step, ...]
    deleting: tuple[int, ...] = ()
    loosened: tuple[tuple[int, tuple[str, ...]], ...] = ()
    passing: bool = False
    notes: tuple[str, ...] = ()
    catalogs: tuple[Catalog, Catalog] = field(init=False)
    lanes: tuple[Lane, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        self.catalogs = Catalog(self.source), Catalog(self.target)

    def look(self) -> None:
        """Look at the tables of both sides, which all exist by now."""
        if len(self.steps) > _FEW:
            for catalog in self.catalogs:
                catalog.describe_all()
        self.lanes = tuple(_lane(step, *self.catalogs) for step in self.steps)
        if self.passing:
            self.pass_on()

    def pass_on(self) -> None:
        """Let rows be handed over as they are, now and whenever this is gone on with."""
        self.passing = True
        self.lanes = tuple(PassingLane(lane.step, lane.source, lane.target) for lane in self.lanes)

    def refuse_changed(self) -> None:
        """Refuse to go on where tables are not what they were.

        Raises
        ------
        TransferError
            Before anything is written.
        """
        if schema_digest(self.lanes) != self.schema:
            raise TransferError(
                f"Tables of alias {self.source.alias!r} or {self.target.alias!r} were altered since this was planned, "
                f"so nothing was written. Plan it anew."
            )

    @property
    def edges(self) -> list[Edge]:
        """Foreign keys of the source that point to tables whose rows leave."""
        return [edge for lane in self.lanes if lane.step.leaves for edge in incoming(lane.source)]

    def side(self, table: TableName, key: tuple[str, ...]) -> Side:
        """Give a table of the source."""
        catalog = self.catalogs[0]
        return Side(self.source, catalog, catalog.table(*table), key)

    # For the journal

    def head(self) -> dict[str, Any]:
        """Give what a later session needs; no value is in it."""
        return {
            "kind": self.kind,
            "mode": self.mode,
            "source": [self.source.alias, self.source.fingerprint],
            "target": [self.target.alias, self.target.fingerprint],
            "identity": self.identity,
            "schema": self.schema,
            "batch_rows": self.batch_rows,
            "whole": self.whole,
            "deleting": self.deleting,
            "loosened": self.loosened,
            "passing": self.passing,
            "notes": self.notes,
            "steps": [_written(step) for step in self.steps],
        }

    @classmethod
    def of_head(
        cls,
        id: str,  # noqa: A002 -- what it is called everywhere
        head: Mapping[str, Any],
        known: Mapping[str, Database] | None = None,
    ) -> Sheet:
        """Take up a transfer where its journal ends.

        Parameters
        ----------
        known
            The databases by alias, where they are not the registered ones.

        Raises
        ------
        TransferError
            When an alias is another database now, or tables were altered.
        """
        made = cls(
            id,
            head["kind"],
            head["mode"],
            _same(*head["source"], known=known or databases),
            _same(*head["target"], known=known or databases),
            head["identity"],
            head["schema"],
            head["batch_rows"],
            head["whole"],
            (),
            tuple(head["deleting"]),
            tuple((place, tuple(columns)) for place, columns in head["loosened"]),
            head.get("passing", False),
            tuple(head.get("notes", ())),
        )
        made.steps = tuple(_read(made.catalogs, written) for written in head["steps"])
        made.look()
        made.refuse_changed()
        return made


def _same(alias: str, fingerprint: str, *, known: Mapping[str, Database]) -> Database:
    database = known[alias]
    if database.fingerprint != fingerprint:
        raise TransferError(
            f"Alias {alias!r} is another database now than when the transfer was begun, so it can't go on. Register "
            f"the one from then under this name."
        )
    return database


def _lane(step: Step, source: Catalog, target: Catalog) -> Lane:
    mine, theirs = source.table(*step.name), target.table(step.target, step.target_schema)
    return Lane(
        step, Side(source.database, source, mine, step.key), Side(target.database, target, theirs, step.target_key)
    )


_KEPT = (
    "table",
    "schema",
    "target",
    "target_schema",
    "key",
    "target_key",
    "leaves",
    "policy",
    "patched",
    "rows",
    "created",
)


def _written(step: Step) -> dict[str, Any]:
    found = {name: getattr(step, name) for name in _KEPT}
    found["pairs"] = [[pair.source, pair.target, pair.accepted and bool(pair.objection)] for pair in step.pairs]
    found["kept"] = [asdict(kept) for kept in step.kept]
    return found


def _read(catalogs: tuple[Catalog, Catalog], written: Mapping[str, Any]) -> Step:
    from multidb_explorer.transfer.records import Kept

    known = dict(written)
    source = catalogs[0].table(known["table"], known["schema"])
    target = catalogs[1].table(known["target"], known["target_schema"])
    pairs = tuple(
        Pair(
            mine,
            theirs,
            source.column(mine).kind,
            target.column(theirs).kind,
            objection="accepted when it was begun" if lossy else "",
            accepted=lossy,
        )
        for mine, theirs, lossy in known.pop("pairs")
    )
    kept = tuple(Kept(**each) for each in known.pop("kept"))
    known.update({name: tuple(known[name]) for name in ("key", "target_key", "patched")})
    return Step(**known, pairs=pairs, kept=kept)


def incoming(side: Side) -> list[Edge]:
    """Give the foreign keys that point to a table."""
    live = side.live
    return [
        edge_of((reference.table, reference.schema), reference.foreign_key)
        for reference in side.catalog.references(live.name, live.schema)
    ]


def schema_digest(lanes: Iterable[Lane]) -> str:
    """Give what changes whenever a table of a transfer is altered."""
    return digest_of(
        [[_shape(lane.source.live), "made" if lane.step.created else _shape(lane.target.live)] for lane in lanes]
    )


def _shape(live: TableSchema) -> Sequence[Any]:
    columns = [[c.name, str(c.kind), c.type_name, c.nullable, c.generated] for c in live.columns]
    keys = [[k.columns, k.target_table, k.target_columns, k.on_delete] for k in live.foreign_keys]
    return [live.name, live.schema, columns, live.primary_key, sorted(live.uniques), sorted(keys, key=str)]
