"""Arrow arrays as PostgreSQL's own text of each value."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.postgresql_driver import interval_text
from multidb_explorer.backends.tabbed import hexadecimal, lines, texts

__all__ = ["lines_of"]


def lines_of(columns: Sequence[ResultColumn], batch: pa.RecordBatch) -> memoryview:
    r"""Write whole rows for COPY.

    Examples
    --------
    >>> batch = pa.record_batch({"a": [[1, None], []], "b": [b"x", None]})
    >>> columns = [ResultColumn("a", Kind("array", item=Kind("integer"))), ResultColumn("b", Kind("binary"))]
    >>> bytes(lines_of(columns, batch))
    b'{"1",NULL}\t\\\\x78\n{}\t\\N\n'
    """
    return lines([_texts(array, column.kind) for array, column in zip(batch.columns, columns, strict=True)])


def _texts(array: pa.Array, kind: Kind) -> pa.Array:
    match kind.name:
        case "binary":
            return hexadecimal(array, "\\x").cast(pa.string())
        case "interval":
            values = array.to_pylist()
            return pa.array([None if value is None else interval_text(value) for value in values], pa.string())
        case "timestamp" if kind.tz:
            return pc.binary_join_element_wise(texts(array), "+00", "")
        case "array":
            return _lists(array, kind.item or Kind("other"))
    return texts(array)


def _lists(array: pa.Array, item: Kind) -> pa.Array:
    """Write arrays, each element in quotes, within which a quote and a backslash have a backslash before them."""
    elements = _texts(array.flatten(), item)
    for character in ("\\", '"'):
        elements = pc.replace_substring(elements, character, f"\\{character}")
    quoted = pc.binary_join_element_wise('"', elements, '"', "").fill_null("NULL")
    counts = array.value_lengths().fill_null(0)
    ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(counts)])
    joined = pc.binary_join(pa.ListArray.from_arrays(ends, quoted), ",")
    found = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(array.is_valid(), found, None) if array.null_count else found
