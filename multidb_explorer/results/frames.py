"""From Arrow to pandas: NumPy and pandas types where they lose nothing, Arrow types elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["to_pandas"]

_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Turn an Arrow table into a DataFrame without losing a value.

    Integers are 64 bits wide whatever the column's width, since arithmetic on narrow NumPy integers overflows silently;
    a column that may hold NULL is a nullable ``Int64``, so no integer ever becomes a float.

    Parameters
    ----------
    table
        A result; each field says by its ``nullable`` flag whether the column is NOT NULL.

    Examples
    --------
    >>> to_pandas(pa.table({"id": pa.array([1, None], pa.int32())})).dtypes["id"]
    Int64Dtype()
    """
    columns = {
        index: _series(column, nullable=table.schema.field(index).nullable)
        for index, column in enumerate(table.itercolumns())
    }
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))
    frame.columns = pd.Index(table.column_names, dtype=object) if not columns else pd.Index(table.column_names)
    return frame


def _series(column: pa.ChunkedArray, *, nullable: bool) -> Any:
    type_ = column.type
    may_miss = nullable or column.null_count > 0
    if pa.types.is_integer(type_):
        return _integers(column, may_miss=may_miss)
    if pa.types.is_boolean(type_):
        return _from_arrow(pd.BooleanDtype(), column) if may_miss else column.to_numpy()
    if pa.types.is_floating(type_):
        return column.cast(pa.float64()).to_numpy()
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return _from_arrow(_TEXT, column)
    if pa.types.is_timestamp(type_) or pa.types.is_dictionary(type_):
        return column.to_pandas()
    return _from_arrow(pd.ArrowDtype(type_), column)


def _integers(column: pa.ChunkedArray, *, may_miss: bool) -> Any:
    unsigned = column.type == pa.uint64()
    wide = column.cast(pa.uint64() if unsigned else pa.int64())
    if not may_miss:
        return wide.to_numpy()
    return _from_arrow(pd.UInt64Dtype() if unsigned else pd.Int64Dtype(), wide)


def _from_arrow(dtype: Any, column: pa.ChunkedArray) -> Any:
    """Let a pandas type build its array from Arrow itself, empty columns included."""
    return dtype.__from_arrow__(column)
