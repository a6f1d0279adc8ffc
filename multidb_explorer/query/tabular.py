"""What has columns and rows becomes any frame or file: Arrow, pandas, polars, and the files of `filing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import FieldError, KeyRequired, whole_number
from multidb_explorer.options import options
from multidb_explorer.query.filing import Filed, Stream, required

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Index", "Tabular", "rows_each"]

Index = bool | str | Sequence[str] | None
"""What becomes a frame's index: ``True`` for the key, or names of columns."""


class Tabular(Filed):
    """What has columns and rows, and can therefore become any frame or file.

    A subclass says how its rows are read, and what is known of its columns.
    """

    # What a subclass says

    def _table(self, frame: str) -> pa.Table:
        """Read everything, for the method that a person called."""
        raise NotImplementedError

    def _stream(self, frame: str, batch_rows: int | None = None) -> Stream:
        """Give the rows in batches; by default those of the whole table."""
        size = rows_each(batch_rows)
        table = self._table(frame)
        return Stream(table.schema, table.to_batches(max_chunksize=size))

    def _names(self) -> list[str]:
        """Name the columns."""
        raise NotImplementedError

    def _key(self) -> tuple[str, ...]:
        """Name the columns that tell rows apart, none where nothing does."""
        raise NotImplementedError

    def _json(self) -> list[str]:
        """Name the columns that hold JSON."""
        raise NotImplementedError

    # Frames

    def to_arrow(self) -> pa.Table:
        """Read everything into an Arrow table whose types follow the columns, never the values.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.to_arrow().schema.field("id").type
        DataType(int64)
        """
        return self._table("to_arrow")

    def to_pandas(
        self, *, dtype_backend: str | None = None, index: Index = None, parse_json: bool = False
    ) -> pd.DataFrame:
        """Read everything into a DataFrame with exact types.

        Parameters
        ----------
        dtype_backend
            ``None`` for NumPy and pandas types where they lose nothing and Arrow types elsewhere: integers are
            ``int64``, or ``Int64`` where NULL may stand; texts ``str``; enums categories; time stamps ``datetime64``;
            decimals, dates, times, intervals and UUIDs exact Arrow types; floats ``float64``, or ``Float64`` where NaN
            and NULL both occur. ``"pyarrow"`` for Arrow types only, ``"numpy_nullable"`` for types that know NULL.
        index
            ``True`` makes the primary key the index, one or several names make these columns the index.
        parse_json
            Whether JSON becomes dictionaries and lists; otherwise it is text, which rounds no number.

        Raises
        ------
        FieldValueError
            For an unknown ``dtype_backend``, before any SQL.
        FieldError, KeyRequired
            For an index that is not among the columns, or a key that the table does not have.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.order_by("id").to_pandas(index=True)["name"][:2].to_dict()
        {1: 'Kitchen', 2: 'Tea'}
        """
        from multidb_explorer.results.frames import to_pandas

        how = self._how(dtype_backend, index, parse_json=parse_json)
        return to_pandas(self._table("to_pandas"), **how)

    def to_polars(self) -> pl.DataFrame:
        """Read everything into a polars DataFrame.

        What polars has no exact form for is text: decimals of more than 38 digits, UUIDs, and intervals (ISO 8601).

        Raises
        ------
        MissingDriver
            Before any SQL, where polars (the extra ``polars``) is not installed.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.to_polars().height
        13
        """
        required("polars", "to_polars()", "polars")
        from multidb_explorer.results.for_polars import to_polars

        return to_polars(self._table("to_polars"))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the rows to any library that reads Arrow streams, batch by batch as it takes them."""
        import pyarrow as pa

        stream = self._stream("to_arrow_batches")
        reader = pa.RecordBatchReader.from_batches(stream.schema, stream.batches)
        return reader.__arrow_c_stream__(requested_schema)

    def _how(self, dtype_backend: str | None, index: Index, *, parse_json: bool) -> dict[str, Any]:
        """Check the options of a DataFrame."""
        from multidb_explorer.results.frames import Frames

        Frames(dtype_backend=dtype_backend)
        columns = self._json() if parse_json else []
        return {"dtype_backend": dtype_backend, "index": self._index(index), "json_columns": columns}

    def _index(self, index: Index) -> list[str]:
        if index is None or index is False:
            return []
        known, key = self._names(), self._key()
        if index is True and not key:
            raise KeyRequired(
                "index=True makes the key the index, but nothing tells these rows apart. "
                "Name the columns to take: index='column' or index=('a', 'b')."
            )
        wanted = list(key) if index is True else [index] if isinstance(index, str) else list(index)
        for name in wanted:
            if name not in known:
                raise FieldError.unknown("column", name, "The frame", known)
        return wanted


def rows_each(given: int | None) -> int:
    """Give how many rows a batch has: so many as were asked for, or as the options say."""
    return options.batch_rows if given is None else whole_number("batch_rows", given)
