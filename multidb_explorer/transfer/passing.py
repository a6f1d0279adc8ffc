"""A step whose rows go from one database to another of the same product as they are, and are never read on the way.

Both databases tell digests of the rows, key by key, and those are what is compared and what the journal keeps; the
source hands the rows over from the same moment of which its digests are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load
from multidb_explorer.errors import TransferError
from multidb_explorer.results.fetching import fetched
from multidb_explorer.results.reading import Reading, request
from multidb_explorer.transfer.carrying import Lane, Remap, whole
from multidb_explorer.transfer.sides import Key, Side, keys_of

if TYPE_CHECKING:
    from multidb_explorer.transfer.sheet import Sheet

__all__ = ["PassingLane", "passes"]

_BATCH = 50_000
_DIGEST = ResultColumn("digest of the row", Kind("uuid"))


@dataclass(frozen=True, eq=False)
class PassingLane(Lane):
    """One step of which only keys and digests come here."""

    @contextmanager
    def steadily(self) -> Iterator[Connection | None]:
        """Lend a session of the source that sees one moment only."""
        with self.source.database.connect() as connection:
            self.source.database.backend.steady(connection)
            yield connection

    def fetch(self, keys: Sequence[Key], session: Connection | None = None) -> pa.Table:
        """Give keys and digests of rows of the source."""
        return self._looked(self.source, self.step.key, [pair.source for pair in self.step.pairs], keys, session)

    def at_target(self, keys: Sequence[Key]) -> pa.Table:
        """Give keys and digests of rows of the target."""
        return self._looked(self.target, self.step.target_key, self.target_names, keys, None)

    @staticmethod
    def _looked(
        side: Side, key: Sequence[str], names: Sequence[str], keys: Sequence[Key], session: Connection | None
    ) -> pa.Table:
        database, columns = side.database, (*side.results(key), _DIGEST)
        digest = database.backend.row_digest([side.table.c[name] for name in names]).label(_DIGEST.name)
        chosen = [database.backend.readable(side.table.c[name], side.columns[name].kind).label(name) for name in key]
        found = []
        for condition in side.conditions(keys):
            reading = Reading(sa.select(*chosen, digest).where(condition), columns)
            with database.connect() as own:
                # Its own session, which need not be this one, might be of another moment.
                asked = replace(request(database, session or own, reading, _BATCH), isolated=True, shared=True)
                batches = list(fetched(database.backend, asked, database.alias))
            found.append(pa.Table.from_batches(batches, arrow_schema(columns)))
        return side.wanted(found, keys) if found else arrow_schema(columns).empty_table()

    def source_digests(self, table: pa.Table) -> pa.Array:
        """Give the digests that the source told."""
        return whole(table.column(_DIGEST.name)).storage

    target_digests = source_digests

    def fitted(self, table: pa.Table, remap: Remap) -> pa.Table:  # noqa: ARG002 -- no key is another one there
        """Call the keys of the source what they are called in the target."""
        return table.rename_columns([*self.step.target_key, _DIGEST.name])

    def insert(
        self,
        connection: Connection,
        rows: pa.Table,
        session: Connection | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        """Let the source hand rows over to the target."""
        assert session is not None  # noqa: S101 -- `steadily` lent it
        keys = keys_of(rows, self.step.target_key)
        count = sum(self._handed(connection, session, each, progress) for each in self._exactly(keys, session))
        if count != len(keys):
            raise TransferError(f"{count:,} rows came into {self.target.where}, and {len(keys):,} were sent.")

    def _exactly(self, keys: Sequence[Key], session: Connection) -> list[sa.ColumnElement[bool]]:
        """Write conditions for these rows alone: a range where it has no others."""
        loose = list(self.source.conditions(keys))
        table = self.source.table
        counted = [sa.select(sa.func.count()).select_from(table).where(each) for each in loose]
        if sum(int(session.scalar(each) or 0) for each in counted) == len(keys):
            return loose
        return list(self.source.conditions(keys, exactly=True))

    def _handed(
        self,
        connection: Connection,
        session: Connection,
        condition: sa.ColumnElement[bool],
        progress: Callable[[int, int], object] | None,
    ) -> int:
        backend = self.source.database.backend

        def pieces() -> Iterator[tuple[int, bytes]]:
            for rows, piece in backend.handed(self.request(session, condition)):
                yield rows, piece
                if progress is not None:
                    progress(rows, len(piece))

        return self.target.database.backend.taken(self.load(connection), pieces())

    def request(self, session: Connection, *conditions: sa.ColumnElement[bool]) -> Any:
        """Ask for rows as they are."""
        names = [pair.source for pair in self.step.pairs]
        statement = sa.select(*(self.source.table.c[name] for name in names)).where(*conditions)
        return replace(
            request(self.source.database, session, Reading(statement, self.source.results(names)), _BATCH),
            isolated=False,
        )

    def load(self, connection: Connection) -> Load:
        """Say where they go."""
        return Load(connection, self.target.table, self.target.results(self.target_names))


def passes(sheet: Sheet) -> bool:
    """Tell whether the rows of a transfer can be handed over as they are.

    So it is where they come in units, as plain inserts into a table that has none of them, with the values that they
    have, from one database of a product to another one of it that has columns of the same types.
    """
    if sheet.whole or sheet.mode != "COPY_VERIFY_DELETE" or len(sheet.lanes) != 1:
        return False
    step, source, target = sheet.steps[0], sheet.lanes[0].source, sheet.lanes[0].target
    plain = step.policy == "error" and not (step.conflicts or step.there or step.patched)
    if (
        not plain
        or any(pair.lossy for pair in step.pairs)
        or type(source.database.backend) is not type(target.database.backend)
    ):
        return False
    lane = PassingLane(step, source, target)
    with source.database.connect() as mine, target.database.connect() as theirs:
        return not source.database.backend.passing(lane.request(mine), lane.load(theirs))
