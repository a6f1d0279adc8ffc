"""The frames of a QuerySet: whole ones, piece by piece, and read by other processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import whole_number
from multidb_explorer.query import compiler
from multidb_explorer.query.filing import Stream, required
from multidb_explorer.query.inserts import InsertWriting
from multidb_explorer.query.tabular import Index, rows_each
from multidb_explorer.results.notices import tell_of_table
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.stream import read_batches, read_table

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd
    import pyarrow as pa

    from multidb_explorer.query.state import QueryState

__all__ = ["Framed"]


class Framed(InsertWriting):
    """The part of a QuerySet that reads its rows as a frame."""

    _state: QueryState

    if TYPE_CHECKING:

        @property
        def reading(self) -> Reading:
            """What is read."""

    def to_arrow_batches(self, batch_rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches; the connection is held until the last one.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> [batch.num_rows for batch in Category.objects.to_arrow_batches(5)]
        [5, 5, 3]
        """
        yield from self._stream("to_arrow_batches", batch_rows).batches

    def to_pandas_batches(
        self,
        chunk_size: int = 50_000,
        *,
        dtype_backend: str | None = None,
        index: Index = None,
        parse_json: bool = False,
    ) -> Iterator[pd.DataFrame]:
        """Yield DataFrames of at most `chunk_size` rows, all with the same dtypes; options as `to_pandas`.

        Raises
        ------
        ValueNotRepresentable
            For a column of floats with NaN and NULL, unless ``dtype_backend`` names types that tell them apart.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> [len(frame) for frame in Category.objects.to_pandas_batches(10)]
        [10, 3]
        """
        import pyarrow as pa

        from multidb_explorer.results.frames import Frames

        frames = Frames(**self._how(dtype_backend, index, parse_json=parse_json))
        for batch in self._stream("to_pandas_batches", whole_number("chunk_size", chunk_size)).batches:
            yield frames.frame(pa.Table.from_batches([batch]))

    def to_dask(
        self,
        npartitions: int | None = None,
        partition_size: int | None = None,
        *,
        dtype_backend: str | None = None,
        index: Index = None,
        parse_json: bool = False,
    ) -> dd.DataFrame:
        """Make a dask DataFrame whose workers read the rows themselves, each a range of the key, when it is computed.

        Filters, columns and expressions of the QuerySet are part of what each worker asks. The workers get the
        alias's settings with references to its secrets (``env:``, ``file:``, ``keyring:``), never the secrets. Each
        range is read in a session of its own, so rows that change meanwhile may be seen in part.

        Parameters
        ----------
        npartitions
            Into how many parts of equal size; 1 reads everything as one part, whatever is asked.
        partition_size
            Rows a part; by default so many that a part takes about 100 MB, at most 500,000.
        dtype_backend, index, parse_json
            As for `to_pandas`; every part has the dtypes of all. With ``index=True`` and a key of one number or time
            stamp the divisions are known.

        Raises
        ------
        MissingDriver
            Where dask (the extra ``dask``) is not installed.
        KeyRequired, FieldError
            Where no ranges of a key can be read: no key, a slice, groups, an order by something else.
        ImproperlyConfigured
            For a secret without a reference, and a memory database.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.to_dask(partition_size=5).npartitions
        3
        """
        required("dask", "to_dask()", "dask")
        from multidb_explorer.query.partitions import Parts, to_dask

        how = self._how(dtype_backend, index, parse_json=parse_json)
        return to_dask(self, Parts(npartitions, partition_size), how)

    # How its rows are read

    def _table(self, frame: str) -> pa.Table:
        reading = self._frame_reading()
        self._tell(reading)
        return read_table(self._database, reading, frame=frame)

    def _stream(self, frame: str, batch_rows: int | None = None) -> Stream:
        from multidb_explorer.backends.arrow import arrow_schema

        database, reading = self._database, self._frame_reading()
        by_value = any(column.kind.name == "any" for column in reading.columns)
        if by_value or database.shares_connection:
            # Types that follow the values need them all, and a consumer in another thread is outside of this block.
            return super()._stream(frame, batch_rows)
        self._tell(reading)
        size = rows_each(batch_rows)
        batches = read_batches(database, reading, size, frame=frame)
        return Stream(arrow_schema(reading.columns), _cut(batches, size))

    def _tell(self, reading: Reading) -> None:
        """Tell the person who reads a frame which of its columns are the database's own text."""
        tell_of_table(self._database, self.bound.table, reading.columns)

    def _frame_reading(self) -> Reading:
        if not self._state.empty:
            return self.reading
        nothing: Any = replace(self._state, start=0, stop=0)
        return compiler.compiled(nothing, self.bound).reading

    def _names(self) -> list[str]:
        return [column.name for column in self._frame_reading().columns]

    def _key(self) -> tuple[str, ...]:
        return self.bound.key

    def _json(self) -> list[str]:
        return [column.name for column in self._frame_reading().columns if column.kind.name == "json"]


def _cut(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Cut batches that a driver made larger than was asked; closed early, it gives the connection back at once."""
    with closing(batches):  # type: ignore[type-var]
        for batch in batches:
            for start in range(0, batch.num_rows, size):
                yield batch.slice(start, size)
