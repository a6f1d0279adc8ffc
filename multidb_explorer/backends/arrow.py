"""From kinds to Arrow types: decided by the column, never by its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind

__all__ = ["arrow_schema", "arrow_type", "to_array"]

_FIXED: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "interval": pa.month_day_nano_interval(),
    "uuid": pa.uuid(),
    "json": pa.string(),
    "binary": pa.binary(),
    "other": pa.string(),
}
_SIGNED = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_UNSIGNED = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}


def arrow_type(kind: Kind) -> pa.DataType:
    """Give the Arrow type that holds every value of a kind exactly.

    Examples
    --------
    >>> arrow_type(Kind("decimal", precision=10, scale=2))
    Decimal128Type(decimal128(10, 2))
    """
    match kind.name:
        case "integer":
            return (_UNSIGNED if kind.unsigned else _SIGNED)[kind.bits]
        case "float":
            return pa.float32() if kind.bits == 32 else pa.float64()
        case "decimal":
            return _decimal(kind)
        case "enum":
            return pa.dictionary(pa.int32(), pa.string()) if kind.choices else pa.string()
        case "timestamp":
            return pa.timestamp("us", "UTC") if kind.tz else pa.timestamp("us")
        case "array":
            return pa.list_(arrow_type(kind.item or Kind("other")))
    return _FIXED[kind.name]


def _decimal(kind: Kind) -> pa.DataType:
    if kind.precision is None:
        # No limit in the database: the widest Arrow decimal, half of its digits after the point.
        return pa.decimal256(76, 38)
    if kind.precision <= 38:
        return pa.decimal128(kind.precision, kind.scale or 0)
    return pa.decimal256(kind.precision, kind.scale or 0) if kind.precision <= 76 else pa.string()


def arrow_schema(columns: Sequence[ResultColumn]) -> pa.Schema:
    """Give the Arrow schema of a result.

    Examples
    --------
    >>> arrow_schema([ResultColumn("id", Kind("integer"), nullable=False)])
    id: int64 not null
    """
    return pa.schema([pa.field(column.name, arrow_type(column.kind), column.nullable) for column in columns])


def to_array(values: Sequence[Any], kind: Kind) -> pa.Array:
    """Build an Arrow array from canonical Python values.

    Raises
    ------
    pyarrow.ArrowInvalid, ValueError
        For a value that the type can't hold.
    """
    type_ = arrow_type(kind)
    if kind.name == "uuid":
        storage = pa.array([None if value is None else value.bytes for value in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(type_, storage)
    if kind.name == "enum" and kind.choices:
        # The dictionary holds the declared members in their order, so that every batch has the same categories.
        place = {choice: index for index, choice in enumerate(kind.choices)}
        indices = pa.array([None if value is None else place[value] for value in values], pa.int32())
        return pa.DictionaryArray.from_arrays(indices, pa.array(kind.choices, pa.string()))
    if kind.name == "decimal" and pa.types.is_string(type_):
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, type_)
