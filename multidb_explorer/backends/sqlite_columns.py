"""From the arrays of the reading process to the declared ones, a column at a time.

They hold what SQLite stores: integers, doubles, texts and bytes, each column one class of them.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable
from typing import TYPE_CHECKING

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.sqlite_arrays import array_of, decimals_of_doubles

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["declared_array"]


def declared_array(stored: pa.Array, kind: Kind) -> pa.Array:
    """Bring a column to its declared type where each of its values has the kind's usual form.

    Raises
    ------
    ValueError, TypeError
        Where they have not, or where it takes the decoder of the kind to tell.

    Examples
    --------
    >>> import pyarrow as pa
    >>> declared_array(pa.array([0.5, None]), Kind("decimal", precision=5, scale=2)).to_pylist()
    [Decimal('0.50'), None]
    """
    maker = _MAKERS.get(kind.name)
    # What is made of texts and bytes takes arrays of them as well as tuples.
    return array_of(stored, kind) if maker is None else maker(stored, kind)


def _cast(stored: pa.Array, kind: Kind) -> pa.Array:
    from multidb_explorer.backends.arrow import arrow_type

    return stored.cast(arrow_type(kind))


def _booleans(stored: pa.Array, _kind: Kind) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.min_max(stored).as_py()
    if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] <= 1:
        raise ValueError("neither 0 nor 1")
    return stored.cast(pa.bool_())


def _uuids(stored: pa.Array, kind: Kind) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    from multidb_explorer.backends.arrow import arrow_type

    given = stored.drop_null()
    # Of another length, they don't fit and are refused.
    digits = given.cast(pa.binary()).cast(pa.binary(32))
    written = memoryview(digits.buffers()[1])[digits.offset * 32 : (digits.offset + len(digits)) * 32]
    packed = pa.Array.from_buffers(pa.binary(16), len(digits), [None, pa.py_buffer(unhexlify(written))])
    if stored.null_count:
        places = pc.cumulative_sum(stored.is_valid().cast(pa.int64()))
        packed = packed.take(pc.if_else(stored.is_valid(), pc.subtract(places, 1), None))
    return pa.ExtensionArray.from_storage(arrow_type(kind), packed)


_MAKERS: dict[str, Callable[[pa.Array, Kind], pa.Array]] = {
    "integer": _cast,
    "float": _cast,
    "decimal": decimals_of_doubles,
    "boolean": _booleans,
    "uuid": _uuids,
}
