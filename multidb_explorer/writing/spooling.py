"""Rows that were checked, kept until they are written: the first in memory, all others in a temporary file.

Nothing is locked in the database while they come in, they can be written twice where the first time fails, and memory
does not grow with their number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind

__all__ = ["PLACE", "Part", "Rows", "Spool"]

PLACE = ResultColumn("mdb place", Kind("integer"), nullable=False)
"""The column beside the others that says where a row stood among those that were given."""

_IN_MEMORY = 64 * 2**20


class _Store:
    """The rows of one set of columns, in order."""

    def __init__(self, columns: tuple[ResultColumn, ...]) -> None:
        self.columns = columns
        self.schema = arrow_schema([*columns, PLACE])
        self._batches: list[pa.RecordBatch] = []
        self._file: Any = None
        self._writer: Any = None

    def add(self, batch: pa.RecordBatch, *, in_memory: bool) -> None:
        if in_memory:
            self._batches.append(batch)
            return
        if self._writer is None:
            # Without a name, so that nothing stays behind where the process is killed.
            self._file = tempfile.TemporaryFile(prefix="multidb-")  # noqa: SIM115 -- closed by `close`
            self._writer = pa.ipc.new_stream(pa.PythonFile(self._file, "w"), self.schema)
        self._writer.write_batch(batch)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._batches
        if self._file is not None:
            self._writer.close()
            self._file.seek(0)
            yield from pa.ipc.open_stream(pa.PythonFile(self._file, "r"))

    def close(self) -> None:
        self._batches.clear()
        if self._file is not None:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()
            self._file.close()


@dataclass(frozen=True)
class Part:
    """Rows that have the same columns.

    Attributes
    ----------
    low, high
        Only rows whose place is at least `low` and less than `high` belong to it.
    left_out
        Places of rows that don't, in order.
    """

    columns: tuple[ResultColumn, ...]
    _store: _Store
    low: int = 0
    high: int = 2**63 - 1
    left_out: Any = None

    def placed(self) -> Iterator[pa.RecordBatch]:
        """Give the batches with the column `PLACE` at their end."""
        for batch in self._store:
            found = batch if self._is_whole else batch.filter(pa.array(self._mask(batch)))
            if found.num_rows:
                yield found

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give the batches with the given columns alone."""
        schema = arrow_schema(self.columns)
        for batch in self.placed():
            yield pa.RecordBatch.from_arrays(batch.columns[:-1], schema=schema)

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self.placed())

    @property
    def _is_whole(self) -> bool:
        return self.low == 0 and self.high == 2**63 - 1 and self.left_out is None

    def _mask(self, batch: pa.RecordBatch) -> Any:
        places = batch.columns[-1].to_numpy()
        kept = (places >= self.low) & (places < self.high)
        return kept if self.left_out is None else kept & ~np.isin(places, self.left_out)


@dataclass(frozen=True)
class Rows:
    """Checked rows, or some of them.

    Attributes
    ----------
    parts
        One for each set of columns that rows gave.
    count
        How many there are.
    """

    parts: tuple[Part, ...] = ()
    count: int = 0

    def each(self) -> Iterator[Rows]:
        """Give the rows of each set of columns apart."""
        if len(self.parts) == 1:
            yield self
            return
        for part in self.parts:
            yield Rows((part,), len(part))

    def giving(self, names: Sequence[str]) -> Rows:
        """Give the rows that give all of some columns."""
        parts = tuple(part for part in self.parts if {column.name for column in part.columns}.issuperset(names))
        return self if len(parts) == len(self.parts) else Rows(parts, sum(map(len, parts)))

    def placed(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give some columns, and `PLACE` at their end, of all rows."""
        for part in self.parts:
            for batch in part.placed():
                yield batch.select([*names, PLACE.name])

    def places(self) -> list[int]:
        """Give the place of each row, in order."""
        return sorted(
            place for part in self.parts for batch in part.placed() for place in batch.columns[-1].to_pylist()
        )

    def without(self, places: Sequence[int]) -> Rows:
        """Give the rows except those at some places, each of which is one of them."""
        known = [part.left_out for part in self.parts if part.left_out is not None][:1]
        left_out = np.unique(np.concatenate([*known, np.asarray(places, np.int64)]))
        parts = tuple(replace(part, left_out=left_out) for part in self.parts)
        return Rows(parts, self.count - len(set(places)))

    def halves(self) -> tuple[Rows, Rows]:
        """Cut the rows in two of about the same size, which is a row each at last."""
        places = self.places()
        half = len(places) // 2
        middle = places[half]
        below = tuple(replace(part, high=middle) for part in self.parts)
        above = tuple(replace(part, low=middle) for part in self.parts)
        return Rows(below, half), Rows(above, len(places) - half)

    def at(self, places: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Give the values of some columns of some rows by their places."""
        wanted, found = np.asarray(places, np.int64), {}
        for part in self.parts:
            known = [column.name for column in part.columns if column.name in names]
            for batch in part.placed():
                some = batch.filter(pa.array(np.isin(batch.columns[-1].to_numpy(), wanted)))
                for row in some.select([*known, PLACE.name]).to_pylist():
                    found[row.pop(PLACE.name)] = row
        return found


def _is_held(array: pa.Array, held: Collection[int]) -> bool:
    """Tell whether the values of an array, which come last, lie where somebody else keeps them."""
    values = array.buffers()[-1] if held else None
    return values is not None and values.address in held


class Spool:
    """Takes checked rows and gives them back as often as they are asked for."""

    def __init__(self) -> None:
        self._stores: dict[tuple[ResultColumn, ...], _Store] = {}
        self._held = 0
        self.count = 0

    def add(
        self, columns: tuple[ResultColumn, ...], batch: pa.RecordBatch, held: Collection[int] = frozenset()
    ) -> None:
        """Keep a batch of the schema of the columns and `PLACE`.

        Parameters
        ----------
        held
            Addresses of what others keep in memory anyway, so that it takes nothing to keep it as well.
        """
        store = self._stores.setdefault(columns, _Store(columns))
        size = sum(array.nbytes for array in batch.columns if not _is_held(array, held))
        in_memory = self._held + size <= _IN_MEMORY
        # From the first that goes to the file on, all do, so that their order is kept.
        self._held = self._held + size if in_memory else _IN_MEMORY + 1
        self.count += batch.num_rows
        store.add(batch, in_memory=in_memory)

    @property
    def rows(self) -> Rows:
        """All of them."""
        return Rows(tuple(Part(columns, store) for columns, store in self._stores.items()), self.count)

    def close(self) -> None:
        """Forget them."""
        for store in self._stores.values():
            store.close()
