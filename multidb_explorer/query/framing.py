"""The frames that a QuerySet becomes: Arrow, pandas, polars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from multidb_explorer.query import compiler
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.stream import read_batches, read_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from multidb_explorer.connections.database import Database
    from multidb_explorer.query.source import Bound
    from multidb_explorer.query.state import QueryState

__all__ = ["Framed"]


class Framed:
    """The part of a QuerySet that reads its rows as a frame."""

    _state: QueryState

    if TYPE_CHECKING:

        @property
        def _database(self) -> Database: ...
        @property
        def bound(self) -> Bound:
            """The table on the database that is asked."""

        @property
        def reading(self) -> Reading:
            """What is read."""

    def to_arrow(self) -> pa.Table:
        """Read everything into an Arrow table whose types follow the columns, never the values."""
        return self._table("to_arrow")

    def to_arrow_batches(self, batch_rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches; the connection is held until the last one."""
        yield from read_batches(self._database, self._frame_reading(), batch_rows, frame="to_arrow_batches")

    def to_pandas(self) -> pd.DataFrame:
        """Read everything into a DataFrame with exact types.

        Integers are ``int64``, or ``Int64`` where NULL may stand; decimals, dates and times are exact Arrow types;
        texts are ``str``.
        """
        from multidb_explorer.results.frames import to_pandas

        return to_pandas(self._table("to_pandas"))

    def to_pandas_batches(self, chunk_size: int = 50_000) -> Iterator[pd.DataFrame]:
        """Yield DataFrames of at most `chunk_size` rows, all with the same dtypes."""
        import pyarrow as pa

        from multidb_explorer.results.frames import to_pandas

        for batch in self.to_arrow_batches(chunk_size):
            yield to_pandas(pa.Table.from_batches([batch]))

    def to_polars(self) -> pl.DataFrame:
        """Read everything into a polars DataFrame (needs the extra ``polars``)."""
        import polars as pl

        return pl.DataFrame(self._table("to_polars"))

    def _table(self, frame: str) -> pa.Table:
        return read_table(self._database, self._frame_reading(), frame=frame)

    def _frame_reading(self) -> Reading:
        if not self._state.empty:
            return self.reading
        nothing: Any = replace(self._state, start=0, stop=0)
        return compiler.compiled(nothing, self.bound).reading
