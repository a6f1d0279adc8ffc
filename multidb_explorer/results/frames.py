"""From Arrow to pandas: NumPy and pandas types where they lose nothing, Arrow types elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.errors import FieldValueError, ValueNotRepresentable, one_of

__all__ = ["DTYPE_BACKENDS", "Frames", "to_pandas"]

DTYPE_BACKENDS = ("hybrid", "numpy_nullable", "pyarrow")
"""What ``dtype_backend`` may be; ``None`` is the first."""

_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
_NULLABLE_TEXT = pd.StringDtype("pyarrow", na_value=pd.NA)


def to_pandas(
    table: pa.Table,
    *,
    dtype_backend: str | None = None,
    index: Sequence[str] = (),
    json_columns: Collection[str] = (),
) -> pd.DataFrame:
    """Turn an Arrow table into a DataFrame without losing a value.

    Integers are 64 bits wide whatever the column's width, since arithmetic on narrow NumPy integers overflows silently;
    a column that may hold NULL is a nullable ``Int64``, so no integer ever becomes a float. A column of floats that
    holds both NaN and NULL is ``Float64``, which tells them apart.

    Parameters
    ----------
    table
        A result; each field says by its ``nullable`` flag whether the column is NOT NULL. Nobody else should hold it:
        each column is let go as soon as its Series is made.
    dtype_backend
        ``hybrid``, ``numpy_nullable`` or ``pyarrow``.
    index
        The columns that become the index.
    json_columns
        The columns whose texts become the objects that they stand for.

    Raises
    ------
    FieldValueError
        For an unknown ``dtype_backend``.

    Examples
    --------
    >>> to_pandas(pa.table({"id": pa.array([1, None], pa.int32())})).dtypes["id"]
    Int64Dtype()
    """
    series = _converter(dtype_backend)
    rows, fields, columns = table.num_rows, list(table.schema), table.columns
    del table
    made: dict[int, Any] = {}
    for place, field in enumerate(fields):
        column, columns[place] = columns[place], None
        made[place] = _objects(column) if field.name in json_columns else series(column, field.nullable)
    frame = pd.DataFrame(made, index=pd.RangeIndex(rows), copy=False)
    names = [field.name for field in fields]
    frame.columns = pd.Index(names, dtype=object) if not made else pd.Index(names)
    return frame.set_index(list(index)) if index else frame


class Frames:
    """Turns the batches of one result into DataFrames that all have the same dtypes.

    What only all values together could decide is refused: a float column that holds NaN and NULL.

    Parameters
    ----------
    apart
        Whether the batches are converted in several places, none of which sees what the others do.
    **how
        Options of `to_pandas`.

    Examples
    --------
    >>> frames = Frames(dtype_backend="pyarrow")
    >>> frames.frame(pa.table({"x": [0.5]})).dtypes["x"]
    double[pyarrow]
    """

    def __init__(self, *, apart: bool = False, **how: Any) -> None:
        _converter(how.get("dtype_backend"))
        self._how = how
        self._ambiguous = how.get("dtype_backend") in (None, "hybrid")
        self._apart = apart
        self._nan: set[str] = set()
        self._null: set[str] = set()

    def frame(self, table: pa.Table) -> pd.DataFrame:
        """Make the DataFrame of a batch.

        Raises
        ------
        ValueNotRepresentable
            Where NaN and NULL would become the same.
        """
        if self._ambiguous:
            for field, column in zip(table.schema, table.itercolumns(), strict=True):
                if field.nullable and pa.types.is_floating(field.type):
                    self._look(field.name, column)
        return to_pandas(table, **self._how)

    def _look(self, name: str, column: pa.ChunkedArray) -> None:
        if self._apart or column.null_count:
            self._null.add(name)
        if pc.any(pc.is_nan(column)).as_py():
            self._nan.add(name)
        if name in self._nan & self._null:
            raise ValueNotRepresentable(
                f"Column {name!r} holds NaN and may hold NULL, which are the same in a column of float64, and every "
                f"part of the rows must have the same dtypes. Take dtype_backend='numpy_nullable' or 'pyarrow', which "
                f"tell them apart.",
                column=name,
            )


def _converter(dtype_backend: str | None) -> Callable[[pa.ChunkedArray, bool], Any]:
    known = {"hybrid": _hybrid, "numpy_nullable": _nullable, "pyarrow": _arrow}
    asked: object = dtype_backend
    found = known.get(asked or "hybrid") if asked is None or isinstance(asked, str) else None
    if found is None:
        raise FieldValueError(
            f"dtype_backend is one of {one_of(DTYPE_BACKENDS)}, or None for the first; not {dtype_backend!r}."
        )
    return found


def _hybrid(column: pa.ChunkedArray, nullable: bool) -> Any:
    type_ = column.type
    may_miss = nullable or column.null_count > 0
    if pa.types.is_integer(type_):
        return _integers(column, may_miss=may_miss)
    if pa.types.is_boolean(type_):
        return _from_arrow(pd.BooleanDtype(), column) if may_miss else column.to_numpy()
    if pa.types.is_floating(type_):
        return _floats(column) if _has_both(column) else column.cast(pa.float64()).to_numpy()
    return _others(column, _TEXT)


def _nullable(column: pa.ChunkedArray, nullable: bool) -> Any:  # noqa: ARG001
    type_ = column.type
    if pa.types.is_integer(type_):
        return _integers(column, may_miss=True)
    if pa.types.is_boolean(type_):
        return _from_arrow(pd.BooleanDtype(), column)
    if pa.types.is_floating(type_):
        return _floats(column)
    return _others(column, _NULLABLE_TEXT)


def _arrow(column: pa.ChunkedArray, nullable: bool) -> Any:  # noqa: ARG001
    return _from_arrow(pd.ArrowDtype(column.type), column)


def _others(column: pa.ChunkedArray, text: pd.StringDtype[Any]) -> Any:
    type_ = column.type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return _from_arrow(text, column)
    if pa.types.is_timestamp(type_) or pa.types.is_duration(type_) or pa.types.is_dictionary(type_):
        return column.to_pandas()
    return _arrow(column, nullable=True)


def _integers(column: pa.ChunkedArray, *, may_miss: bool) -> Any:
    unsigned = column.type == pa.uint64()
    wide = column.cast(pa.uint64() if unsigned else pa.int64())
    if not may_miss:
        return wide.to_numpy()
    return _from_arrow(pd.UInt64Dtype() if unsigned else pd.Int64Dtype(), wide)


def _floats(column: pa.ChunkedArray) -> Any:
    """Make a Float64 array in which a NaN stays one; pandas' own conversion takes it for NULL."""
    missing = column.is_null().to_numpy()
    return pd.arrays.FloatingArray(np.array(column.cast(pa.float64()).to_numpy()), np.array(missing))


def _has_both(column: pa.ChunkedArray) -> bool:
    return column.null_count > 0 and bool(pc.any(pc.is_nan(column)).as_py())


def _objects(column: pa.ChunkedArray) -> Any:
    found = np.empty(len(column), dtype=object)
    for place, text in enumerate(column.to_pylist()):
        found[place] = None if text is None else json.loads(text)
    return found


def _from_arrow(dtype: Any, column: pa.ChunkedArray) -> Any:
    """Let a pandas type build its array from Arrow itself, empty columns included."""
    return dtype.__from_arrow__(column)
