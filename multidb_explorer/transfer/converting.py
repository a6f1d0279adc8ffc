"""Columns brought to another column's type where that is proven to lose nothing: many values at once, unquestioned."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.tabbed import hexadecimal
from multidb_explorer.writing.fitting import cast

__all__ = ["converted", "in_utc"]


def converted(array: pa.Array, kind: Kind) -> pa.Array | None:
    """Bring an array to the type of a kind; ``None`` where only `fit` knows how.

    Examples
    --------
    >>> converted(pa.array([1, None], pa.int16()), Kind("decimal", precision=9, scale=2)).to_pylist()
    [Decimal('1.00'), None]
    """
    wanted = arrow_type(kind)
    if array.type == wanted and kind.name != "enum":
        return array
    if kind.name == "text" and array.type == pa.uuid():
        return _spelled(array, hyphens=kind.length is None or kind.length >= 36)
    if kind.name == "boolean" or (kind.name in ("text", "json") and not _is_text(array.type)):
        return None
    found = cast(array, kind, lambda _: True)
    return None if found is None or found.doubts is not None else found.array


def in_utc(array: pa.Array, kind: Kind) -> pa.Array:
    """Leave the word about UTC out of moments for a column that keeps no time zone; give all others as they are.

    Examples
    --------
    >>> in_utc(pa.array([0], pa.timestamp("us", "UTC")), Kind("timestamp")).type
    TimestampType(timestamp[us])
    """
    if kind.name == "timestamp" and not kind.tz and pa.types.is_timestamp(array.type) and array.type.tz is not None:
        return array.cast(pa.timestamp(array.type.unit))
    return array


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


_GROUPS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


def _spelled(array: pa.Array, *, hyphens: bool) -> pa.Array:
    """Write UUIDs as their digits."""
    digits = hexadecimal(array).cast(pa.string())
    if not hyphens:
        return digits
    return pc.binary_join_element_wise(*(pc.utf8_slice_codeunits(digits, *group) for group in _GROUPS), "-")
