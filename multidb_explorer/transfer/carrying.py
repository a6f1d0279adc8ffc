"""What happens to the rows of one table on their way: read, brought to the target's types, digested, compared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.engine import Connection

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.loaders import Load
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.transfer.converting import converted, in_utc
from multidb_explorer.transfer.digest import row_digests
from multidb_explorer.transfer.losing import lost
from multidb_explorer.transfer.proofs import Proof, proof
from multidb_explorer.transfer.records import Pair, Step
from multidb_explorer.transfer.sides import Key, Side, keys_of
from multidb_explorer.transfer.streaming import compared_as
from multidb_explorer.writing.into import Slot
from multidb_explorer.writing.loading import loaded
from multidb_explorer.writing.validating import fit

__all__ = ["Lane", "Left", "Outcome", "Remap", "numbers", "whole", "with_columns"]

Remap = Mapping[str, Mapping[Any, Any]]
"""New values for old ones, by the source's column: keys that were allocated, and references to them."""


class Outcome:
    """What became of a row, as a small number in the journal."""

    WAITING, INSERTED, THERE, OVERWRITTEN, SKIPPED, CHANGED, GONE = range(7)


class Left:
    """Whether a row left the source, as a small number in the journal."""

    STAYS, SHALL_GO, DELETED, CHANGED, REFERRED = range(5)


@dataclass(frozen=True, eq=False)
class Lane:
    """One step with both of its sides."""

    step: Step
    source: Side
    target: Side

    @cached_property
    def source_names(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(dict.fromkeys([*self.step.key, *(pair.source for pair in self.step.pairs)]))

    @cached_property
    def target_names(self) -> tuple[str, ...]:
        """The columns that are written."""
        return tuple(pair.target for pair in self.step.pairs)

    @cached_property
    def source_kinds(self) -> list[Kind]:
        """What the columns that are read are compared as: with themselves alone, so JSON by its text."""
        return compared_as(map(self.source.slot, self.source_names), {})

    @cached_property
    def target_kinds(self) -> list[Kind]:
        """What the columns that are written are compared as."""
        return compared_as(map(self.target.slot, self.target_names), self.target.keeps)

    @cached_property
    def proven(self) -> frozenset[str]:
        """The target's columns that take whatever the type of the source's may hold: no value needs a look."""
        found = set()
        for pair in self.step.pairs:
            mine, theirs = self.source.columns[pair.source], self.target.columns[pair.target]
            verdict = proof(mine, theirs, self.target.database.backend, self.target.keeps.get(pair.target))
            if isinstance(verdict, Proof) and not self.loose(pair):
                found.add(pair.target)
        return frozenset(found)

    def loose(self, pair: Pair) -> bool:
        """Tell whether a column may hold more than its type says, and the target's can't."""
        if not self.source.database.backend.features.loose_types or self.target.database.backend.features.loose_types:
            return False
        kind = pair.target_kind
        return kind.length is not None or kind.precision is not None or (kind.name == "integer" and kind.bits < 64)

    # The journal's form

    @property
    def _key_fields(self) -> list[pa.Field]:
        mine = [pa.field(f"k{n}", arrow_type(self.source.columns[name].kind)) for n, name in enumerate(self.step.key)]
        theirs = [
            pa.field(f"t{n}", arrow_type(self.target.columns[name].kind)) for n, name in enumerate(self.step.target_key)
        ]
        return [*mine, *theirs]

    @cached_property
    def schema(self) -> pa.Schema:
        """What the journal keeps of each row: both keys, both digests, and what became of it on either side."""
        digests = [pa.field("s", pa.binary(16)), pa.field("t", pa.binary(16))]
        return pa.schema([*self._key_fields, *digests, pa.field("outcome", pa.int8()), pa.field("left", pa.int8())])

    def listed(self, keys: Sequence[Key], leaving: Sequence[bool] | bool, skipped: Collection[Key] = ()) -> pa.Table:
        """List rows for the journal, of which no more than their keys is known.

        Parameters
        ----------
        leaving
            Whether they shall leave the source.
        skipped
            Keys of rows that are left where they are.
        """
        count, width = len(keys), len(self.step.key)
        columns = [
            to_array([key[place] for key in keys], self.source.columns[name].kind)
            for place, name in enumerate(self.step.key)
        ]
        empty = [pa.nulls(count, field.type) for field in list(self.schema)[width:-2]]
        left = np.full(count, leaving) if isinstance(leaving, bool) else np.asarray(leaving, bool)
        outcome = np.where([key in skipped for key in keys], Outcome.SKIPPED, Outcome.WAITING).astype(np.int8)
        codes = [pa.array(outcome), pa.array(left.astype(np.int8))]
        return pa.table([*columns, *empty, *codes], schema=self.schema)

    def keys(self, rows: pa.Table) -> list[Key]:
        """Give the source's keys of rows of the journal."""
        return keys_of(rows, [f"k{place}" for place in range(len(self.step.key))])

    def target_keys(self, rows: pa.Table) -> list[Key]:
        """Give the target's keys of rows of the journal."""
        return keys_of(rows, [f"t{place}" for place in range(len(self.step.target_key))])

    # On the way

    @contextmanager
    def steadily(self) -> Iterator[Connection | None]:
        """Lend a session of the source, where more than one statement must see the same moment."""
        yield None

    def fetch(self, keys: Sequence[Key], session: Connection | None = None) -> pa.Table:  # noqa: ARG002
        """Read rows of the source."""
        return self.source.by_keys(self.source_names, keys)

    def at_target(self, keys: Sequence[Key]) -> pa.Table:
        """Read rows of the target, the columns that are written alone."""
        return self.target.by_keys(self.target_names, keys)

    def source_digests(self, table: pa.Table) -> pa.Array:
        """Digest rows of the source."""
        return _digests(table, self.source_kinds)

    def target_digests(self, table: pa.Table) -> pa.Array:
        """Digest rows of the target, or such as shall become those."""
        return _digests(table, self.target_kinds)

    def fitted(self, table: pa.Table, remap: Remap) -> pa.Table:
        """Bring rows of the source to the target's types.

        Raises
        ------
        ValueNotRepresentable
            For a value that the target can't hold exactly, unless its loss was accepted.
        """
        arrays = [self._fitted(pair, whole(table.column(pair.source)), remap) for pair in self.step.pairs]
        return pa.table(arrays, schema=arrow_schema(self.target.results(self.target_names)))

    def insert(
        self,
        connection: Connection,
        rows: pa.Table,
        session: Connection | None = None,  # noqa: ARG002
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        """Write rows that the target lacks, but for the columns that are written when all rows are there.

        Parameters
        ----------
        connection
            The target's, in whose transaction they are written.
        session
            What `steadily` lent.
        progress
            Is told how many rows and bytes were written.
        """
        columns = self.target.results(self.target_names)
        for name in self.step.patched:
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, rows.schema.field(name), pa.nulls(len(rows), rows.schema.field(name).type))
        load = Load(connection, self.target.table, columns, rows.num_rows)
        loaded(self.target.database.backend, load, rows.combine_chunks().to_batches(), self.target.database.alias)
        if progress is not None:
            progress(rows.num_rows, rows.nbytes)

    def _fitted(self, pair: Pair, array: pa.Array, remap: Remap) -> pa.Array:
        if pair.source in remap:
            array = _remapped(array, remap[pair.source], pair.source_kind)
        slot = self.target.slot(pair.target)
        result = self._brought(pair, array, slot)
        if not slot.nullable and result.null_count:
            raise ValueNotRepresentable(
                f"Column {slot.name!r} of {self.target.where} can't be NULL, and {result.null_count:,} rows of "
                f"{self.source.where} have nothing in {pair.source!r}.",
                column=slot.name,
            )
        return result

    def _brought(self, pair: Pair, array: pa.Array, slot: Slot) -> pa.Array:
        """Bring values to the target's type: at once where nothing can be lost, else with a look at each."""
        if pair.target in self.proven and (found := converted(array, slot.kind)) is not None:
            return found
        if pair.lossy:
            array = in_utc(array, slot.kind)
        backend = self.target.database.backend
        fitted = fit(array, slot, backend, self.target.where)
        if not fitted.reasons:
            return fitted.array
        if not pair.lossy:
            raise _refused(pair, self, fitted.reasons)
        return lost(array, fitted.array, list(fitted.reasons), slot, backend)


def numbers(table: pa.Table, name: str) -> Any:
    """Give a column of small numbers of the journal, to be changed."""
    return table.column(name).combine_chunks().to_numpy(zero_copy_only=False).copy()


def with_columns(table: pa.Table, **columns: pa.Array) -> pa.Table:
    """Put other columns in the places of some of a table's."""
    for name, array in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), array)
    return table


def _digests(table: pa.Table, kinds: Sequence[Kind]) -> pa.Array:
    batches = table.combine_chunks().to_batches()
    found = [row_digests(batch, kinds) for batch in batches]
    return pa.concat_arrays(found) if found else pa.array([], pa.binary(16))


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Give a column of a table as one array."""
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def _remapped(array: pa.Array, new: Mapping[Any, Any], kind: Kind) -> pa.Array:
    """Put new values in the place of old ones, and leave all others alone."""
    if not new:
        return array
    places = pc.index_in(array, to_array(list(new), kind))
    values = to_array(list(new.values()), kind).take(places)
    return pc.if_else(places.is_valid(), values, array)


def _refused(pair: Pair, lane: Lane, reasons: Mapping[int, Any]) -> ValueNotRepresentable:
    first = reasons[min(reasons)]
    return ValueNotRepresentable(
        f"{len(reasons):,} values of column {pair.source!r} of {lane.source.where} do not fit: {first.message} "
        f"Accept what is lost by name with accept=[{lane.step.table + '.' + pair.source!r}], or leave the rows out.",
        column=pair.source,
    )
