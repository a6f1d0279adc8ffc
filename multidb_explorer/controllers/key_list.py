"""KeyList: the keys of all rows in one order, on disk, from which any page is read at once.

For an order that no index has: the database sorts once, and its answer is kept. Nothing is written to the database,
which may be one that only reads.
"""

from __future__ import annotations

import os
import tempfile
import threading
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import MultiDBError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KeyList"]

_MOST_BYTES = 8 * 2**30


class KeyList:
    """Keys in the order of the rows.

    Parameters
    ----------
    batches
        Record batches of the key's columns, as the database gives them.
    told
        Called with the number of keys so far, after each batch; it may raise to give up.

    Examples
    --------
    >>> import pyarrow as pa
    >>> keys = KeyList([pa.record_batch({"id": [7, 3, 5]})])
    >>> len(keys), keys.page(1, 5)
    (3, [3, 5])
    >>> keys.drop([3])
    >>> keys.page(0, 5)
    [7, 5]
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], told: Callable[[int], object] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._gone: list[int] = []
        self._table = _kept(batches, told)

    def __len__(self) -> int:
        return int(self._table.num_rows) - len(self._gone)

    def page(self, start: int, count: int) -> list[Any]:
        """Give the keys of some rows: one value each, or a tuple for a key of several columns."""
        with self._lock:
            first, last = self._place(start), self._place(start + count - 1)
            gone = {place - first for place in self._gone if first <= place <= last}
        columns = [column.to_pylist() for column in self._table.slice(first, max(0, last - first + 1)).columns]
        keys: Sequence[Any] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        return [key for at, key in enumerate(keys) if at not in gone]

    def drop(self, keys: Iterable[Any], start: int = 0, count: int = 1000) -> None:
        """Forget keys whose rows are no more; the rows after them move up.

        Parameters
        ----------
        start, count
            Among which rows they stand.
        """
        lost = set(keys)
        for offset, key in reversed(list(enumerate(self.page(start, count)))):
            if key in lost:
                with self._lock:
                    insort(self._gone, self._place(start + offset))

    def rows_of(self, keys: Sequence[Any]) -> list[int]:
        """Give the numbers of the rows with some keys, in order."""
        import pyarrow as pa
        from pyarrow import compute as pc

        if not keys:
            return []
        columns = self._table.columns
        if len(columns) == 1:
            places = pc.indices_nonzero(pc.is_in(columns[0], pa.array(keys, columns[0].type))).to_pylist()
        else:
            wanted = set(keys)
            rows = zip(*(column.to_pylist() for column in columns), strict=True)
            places = [place for place, key in enumerate(rows) if key in wanted]
        with self._lock:
            gone = set(self._gone)
            return [place - bisect_right(self._gone, place) for place in places if place not in gone]

    def _place(self, row: int) -> int:
        """Give the place in the file of a row: those before it that are gone stand there still."""
        place, before = row, 0
        while (passed := bisect_right(self._gone, place)) != before:
            place, before = row + passed, passed
        return place


def _kept(batches: Iterable[pa.RecordBatch], told: Callable[[int], object]) -> pa.Table:
    """Write batches to a file that has no name any more, and give it as a table that takes no memory."""
    import pyarrow as pa

    handle, name = tempfile.mkstemp(prefix="multidb-keys-", suffix=".arrow")
    os.close(handle)
    try:
        rows = _written(batches, name, told)
        if not rows:
            return pa.table({"key": pa.array([], pa.int64())})
        with pa.memory_map(name) as source:
            return pa.ipc.open_file(source).read_all()
    finally:
        # The table goes on reading what it has mapped; Windows alone keeps a mapped file until later.
        _removed(Path(name))


def _written(batches: Iterable[pa.RecordBatch], name: str, told: Callable[[int], object]) -> int:
    import pyarrow as pa

    rows, writer = 0, None
    with pa.OSFile(name, "wb") as sink:
        for batch in batches:
            writer = writer or pa.ipc.new_file(sink, batch.schema)
            writer.write_batch(batch)
            rows += batch.num_rows
            if sink.tell() > _MOST_BYTES:
                raise MultiDBError("The sorted keys take more than 8 GB of disk; filter the rows before sorting them.")
            told(rows)
        if writer is not None:
            writer.close()
    return rows


def _removed(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return
