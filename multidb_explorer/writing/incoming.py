"""Rows as they come, from whatever holds them, in chunks of columns; what their values are is not asked here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, TypeAlias

import pyarrow as pa

from multidb_explorer.errors import FieldError
from multidb_explorer.options import options
from multidb_explorer.writing.into import Into

__all__ = ["Chunk", "Find", "Values", "incoming"]

Values: TypeAlias = pa.Array | list[Any]
"""The values of a column: typed, or objects of any kind."""

Find: TypeAlias = Callable[[str], str | None]
"""Names the column of the table that a given name stands for; ``None`` where there is none."""


@dataclass(frozen=True)
class Chunk:
    """Some rows that have the same columns.

    Attributes
    ----------
    columns
        Their values by the table's columns.
    places
        Where each stood among all rows that were given.
    held
        Where values lie that whoever gave them has in memory anyway: addresses of Arrow buffers.
    """

    columns: Mapping[str, Values]
    places: Sequence[int]
    held: Collection[int] = ()


def incoming(data: Any, into: Into, find: Find | None = None, batch_rows: int | None = None) -> Iterator[Chunk]:
    """Read rows from a DataFrame, an Arrow table or stream, or an iterable of dicts.

    A NaN of a NumPy column of a pandas DataFrame is NULL where the column may be NULL, as everywhere in pandas; the
    dtypes ``Float64`` and those of Arrow tell the two apart. A level of a DataFrame's index is written where its name
    is that of a column, and left out otherwise. Columns that the database computes are left out.

    Parameters
    ----------
    find
        Finds the column that a name stands for; it is the exact name if not given.
    batch_rows
        Rows of one chunk; ``options.batch_rows`` if not given.

    Raises
    ------
    FieldError
        For a name that the table has no column for, with near names.
    TypeError
        For something that holds no rows.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from multidb_explorer.connections.registry import databases
    >>> mdb.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> from multidb_explorer.query.tables import table_to_write
    >>> [chunk] = incoming([{"id": 1, "name": "Ann"}], table_to_write(databases["default"], "users"))
    >>> chunk.columns["name"]
    ['Ann']
    """
    naming = _Naming(into, find or (lambda name: name if name in into.by_name else None))
    size = batch_rows or options.batch_rows
    if _is_pandas(data):
        return _of_pandas(data, naming, size)
    if type(data).__module__.partition(".")[0] == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if hasattr(data, "__arrow_c_stream__"):
        return _of_arrow(pa.RecordBatchReader.from_stream(data), naming, size, held=isinstance(data, pa.Table))
    if hasattr(data, "__arrow_c_array__"):
        batch = pa.record_batch(data)
        return _of_arrow(pa.RecordBatchReader.from_batches(batch.schema, [batch]), naming, size)
    if isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        return _of_rows(data, naming, size)
    raise TypeError(
        f"Rows are a DataFrame, an Arrow table or stream, or an iterable of dicts; not {type(data).__name__}."
        + (" A dict of columns becomes a frame with pandas.DataFrame(...)." if isinstance(data, Mapping) else "")
    )


class _Naming:
    """Finds the columns of a table by the names that rows use."""

    def __init__(self, into: Into, find: Find) -> None:
        self.into = into
        self._find = find

    def known(self, name: Any) -> str | None:
        """Name the column, or tell that there is none."""
        return self._find(name) if isinstance(name, str) else None

    def columns(self, names: Iterable[Any]) -> dict[str, Any]:
        """Give the names that were used by the columns that can be written, each of which is given once."""
        found: dict[str, Any] = {}
        for name in names:
            column = self.known(name)
            if column is None:
                shown = name if isinstance(name, str) else repr(name)
                where = f"{self.into.where[:1].upper()}{self.into.where[1:]}"
                raise FieldError.unknown("column", shown, where, [slot.name for slot in self.into.slots])
            if column in found:
                raise FieldError(
                    f"{found[column]!r} and {name!r} are both column {column!r} of {self.into.where}. Leave one out, "
                    f"or say what is meant with columns={{...}}."
                )
            found[column] = name
        return {column: name for column, name in found.items() if not self.into.by_name[column].generated}


# Arrow


def _of_arrow(reader: pa.RecordBatchReader, naming: _Naming, size: int, *, held: bool = False) -> Iterator[Chunk]:
    wanted = naming.columns(reader.schema.names)
    # By position: a name may stand there twice, which was refused by now, and nested ones are not meant.
    positions = {column: reader.schema.names.index(name) for column, name in wanted.items()}
    start = 0
    for batch in reader:
        for offset in range(0, batch.num_rows, size):
            part = batch.slice(offset, size)
            columns = {column: part.columns[position] for column, position in positions.items()}
            addresses = [_address(array) for array in columns.values()] if held else []
            yield Chunk(columns, range(start, start + part.num_rows), addresses)
            start += part.num_rows


def _address(array: pa.Array) -> int:
    """Tell where the values of an array lie, which come last."""
    values = array.buffers()[-1]
    return 0 if values is None else values.address


# pandas


def _is_pandas(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "iloc") and hasattr(data, "columns")


def _of_pandas(frame: Any, naming: _Naming, size: int) -> Iterator[Chunk]:
    columns = naming.columns(frame.columns)
    given = {column: list(frame.columns).index(name) for column, name in columns.items()}
    levels = _index_levels(frame, naming, given)
    for start in range(0, len(frame), size):
        part = frame.iloc[start : start + size]
        found: dict[str, Values] = {
            column: _of_series(part.iloc[:, position], naming.into, column) for column, position in given.items()
        }
        for column, level in levels.items():
            found[column] = _of_series(part.index.get_level_values(level).to_series(), naming.into, column)
        yield Chunk(found, range(start, start + len(part)), [*_held(part, given, found)])


def _held(part: Any, given: Mapping[str, int], found: Mapping[str, Values]) -> Iterator[int]:
    """Give the addresses of those values that were not copied."""
    for column, position in given.items():
        values, series = found[column], part.iloc[:, position]
        if isinstance(values, pa.Array) and (address := _address(values)) == _address_of(series):
            yield address


def _address_of(series: Any) -> int:
    if type(series.dtype).__name__ in ("StringDtype", "ArrowDtype"):
        made = pa.array(series.array)
        return 0 if isinstance(made, pa.ChunkedArray) else _address(made)
    return int(series.to_numpy().ctypes.data) if type(series.dtype).__module__.startswith("numpy") else 0


def _index_levels(frame: Any, naming: _Naming, given: Mapping[str, Any]) -> dict[str, int]:
    """Find the levels of the index that are named like a column which isn't among the others."""
    found = {naming.known(name): level for level, name in enumerate(frame.index.names)}
    writable = {slot.name for slot in naming.into.slots if not slot.generated}
    return {column: level for column, level in found.items() if column in writable and column not in given}


def _of_series(series: Any, into: Into, column: str) -> Values:
    dtype, slot = series.dtype, into.by_name[column]
    if isinstance(getattr(dtype, "kind", None), str) and type(dtype).__module__.startswith("numpy"):
        return _of_numpy(series, dtype.kind, nan_is_null=slot.nullable or slot.kind.name != "float")
    if type(dtype).__name__ in _ARROW_READY:
        # What pandas itself knows to be missing is NULL; a NaN beside it is a number.
        found = pa.array(series.array)
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return _objects(series)


_ARROW_READY = frozenset(
    "Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype Float32Dtype "  # noqa: SIM905
    "Float64Dtype BooleanDtype StringDtype ArrowDtype CategoricalDtype DatetimeTZDtype".split()
)


def _of_numpy(series: Any, kind: str, *, nan_is_null: bool) -> Values:
    if kind in "iub":
        return pa.array(series.to_numpy())
    if kind == "f":
        return pa.array(series.to_numpy(), from_pandas=nan_is_null)
    return pa.array(series.to_numpy(), from_pandas=True) if kind in "mM" else _objects(series)


def _objects(series: Any) -> list[Any]:
    values: list[Any] = series.astype(object).tolist()
    for place in series.isna().to_numpy().nonzero()[0].tolist():
        values[place] = None
    return values


# Dicts


def _of_rows(rows: Iterable[Any], naming: _Naming, size: int) -> Iterator[Chunk]:
    """Take rows that may have different columns: what a row leaves out gets the table's default."""
    source, known, places = iter(rows), dict[tuple[Any, ...], dict[str, Any]](), count()
    while block := list(islice(source, size)):
        groups: dict[tuple[str, ...], list[tuple[int, Any, dict[str, Any]]]] = {}
        for row, place in zip(block, places, strict=False):
            if not isinstance(row, Mapping):
                raise TypeError(f"Row {place} is no dict of values by column but {type(row).__name__}.")
            names = tuple(row)
            if names not in known:
                known[names] = naming.columns(names)
            columns = known[names]
            groups.setdefault(tuple(sorted(columns)), []).append((place, row, columns))
        for wanted, group in groups.items():
            values: dict[str, Values] = {
                column: [row[columns[column]] for _, row, columns in group] for column in wanted
            }
            yield Chunk(values, [place for place, _, _ in group])
