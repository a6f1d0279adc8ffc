"""What polars has no exact form for becomes text, before it meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from multidb_explorer.results.spelling import spelt

if TYPE_CHECKING:
    import polars as pl

__all__ = ["to_polars"]


def to_polars(table: pa.Table) -> pl.DataFrame:
    """Turn an Arrow table into a polars DataFrame without losing a value.

    Text, by the type of the column and never by its values: decimals of more than 38 digits, UUIDs, and intervals
    (ISO 8601), since a polars Duration has neither months nor days of its own.

    Examples
    --------
    >>> to_polars(pa.table({"n": pa.array([2**53 + 1, None])}))["n"].to_list()
    [9007199254740993, None]
    """
    import polars as pl

    columns = [_held(column) for column in table.columns]
    fields = [pa.field(field.name, column.type) for field, column in zip(table.schema, columns, strict=True)]
    return pl.DataFrame(pa.Table.from_arrays(columns, schema=pa.schema(fields)))


def _held(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not _is_strange(column.type):
        return column
    chunks = [_texts(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks, _text_type(column.type))


def _is_strange(type_: pa.DataType) -> bool:
    if pa.types.is_list(type_):
        return _is_strange(type_.value_type)
    return bool(pa.types.is_decimal256(type_) or pa.types.is_interval(type_) or type_ == pa.uuid())


def _text_type(type_: pa.DataType) -> pa.DataType:
    return pa.list_(_text_type(type_.value_type)) if pa.types.is_list(type_) else pa.string()


def _texts(array: pa.Array) -> pa.Array:
    if not pa.types.is_list(array.type):
        return spelt(array)
    # The items of all lists, not only of those that a slice shows: the offsets count from the first one.
    items, (valid, offsets, *_) = _texts(array.values), array.buffers()
    return pa.Array.from_buffers(
        pa.list_(items.type), len(array), [valid, offsets], offset=array.offset, children=[items]
    )
