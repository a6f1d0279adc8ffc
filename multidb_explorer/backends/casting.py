"""From a product's own Arrow types to the declared ones: nothing is inferred and nothing rounded."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.readers import Unreadable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["declared"]


def declared(batch: pa.RecordBatch, columns: Sequence[ResultColumn]) -> pa.RecordBatch:
    """Bring a batch to the types that its columns are declared with.

    Raises
    ------
    Unreadable
        For a value that the declared type can't hold.

    Examples
    --------
    >>> import pyarrow as pa
    >>> batch = pa.record_batch({"n": pa.array([1, 2], pa.int16())})
    >>> declared(batch, [ResultColumn("n", Kind("integer"))]).schema
    n: int64
    """
    import pyarrow as pa

    arrays = []
    for array, column in zip(batch.columns, columns, strict=True):
        try:
            arrays.append(_cast(array, column.kind))
        except (pa.ArrowException, ValueError, KeyError) as error:
            raise Unreadable(column, error) from None
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def _cast(array: pa.Array, kind: Kind) -> pa.Array:
    import pyarrow as pa

    wanted = arrow_type(kind)
    if array.type == wanted and kind.name != "enum":
        return array
    if kind.name == "decimal" and pa.types.is_floating(array.type):
        return to_array([None if value is None else Decimal(repr(value)) for value in array.to_pylist()], kind)
    if kind.name in ("uuid", "enum", "interval"):
        decoded = array.to_pylist()
        return to_array([_uuid(value) if kind.name == "uuid" else value for value in decoded], kind)
    return array.cast(wanted)


def _uuid(value: Any) -> Any:
    return UUID(value) if isinstance(value, str) else value
