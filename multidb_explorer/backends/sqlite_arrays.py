"""Arrow arrays of SQLite's values, a column at a time where each value has the form that its column is declared with.

SQLite types each value by itself, so a column may hold anything. What is built here is what the decoders of
`sqlite_values` give for each value; a column with a value of any other form is refused, and read by them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.kinds import Kind

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["array_of", "decimals_of_doubles"]

_EXACT = 10**15
"""Decimals of so many digits and their nearest doubles stand for each other; those of more may not."""

_FIRST_DAY = -719_162
"""The first of January of the year 1, in days from the epoch: Python knows none before."""

_DAY = 86_400_000_000


def array_of(values: Sequence[Any], kind: Kind) -> pa.Array:
    """Build the array of a column whose values all have their kind's usual form.

    Raises
    ------
    ValueError, TypeError
        Where they have not, or where it takes the decoder of the kind to tell.

    Examples
    --------
    >>> array_of(("2026-01-31", None), Kind("date")).to_pylist()
    [datetime.date(2026, 1, 31), None]
    """
    maker = _MAKERS.get(kind.name)
    if maker is None:
        raise TypeError(f"a {kind} is read value by value")
    return maker(values, kind)


def _inferred(values: Sequence[Any], wanted: pa.DataType) -> pa.Array:
    """Build an array by the values themselves, which is how a single value of another form shows."""
    import pyarrow as pa

    found = pa.array(values)
    if found.type == wanted:
        return found
    if found.null_count < len(found):
        raise TypeError(f"{found.type} in place of {wanted}")
    return found.cast(wanted)


def _integers(values: Sequence[Any], kind: Kind) -> pa.Array:
    import pyarrow as pa

    from multidb_explorer.backends.arrow import arrow_type

    try:
        packed = array("q", values)
    except TypeError:
        # With a NULL, or a value that is no integer: a whole double is read by the decoder.
        return _inferred(values, pa.int64()).cast(arrow_type(kind))
    found = pa.Array.from_buffers(pa.int64(), len(packed), [None, pa.py_buffer(packed)])
    return found.cast(arrow_type(kind))


def _doubles(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        packed = array("d", values)
    except TypeError:
        return pa.array(values, pa.float64())
    return pa.Array.from_buffers(pa.float64(), len(packed), [None, pa.py_buffer(packed)])


def _floats(values: Sequence[Any], kind: Kind) -> pa.Array:
    from multidb_explorer.backends.arrow import arrow_type

    return _doubles(values).cast(arrow_type(kind))


def _decimals(values: Sequence[Any], kind: Kind) -> pa.Array:
    if kind.precision is None:
        return _decimals_of_any_scale(values)
    return decimals_of_doubles(_doubles(values), kind)


def decimals_of_doubles(numbers: pa.Array, kind: Kind) -> pa.Array:
    """Make decimals of doubles, each of which must be the one that is nearest to a decimal of the column.

    Raises
    ------
    TypeError, ValueError
        Where that can't be told by arithmetic on doubles, or is not so.

    Examples
    --------
    >>> import pyarrow as pa
    >>> decimals_of_doubles(pa.array([0.1, None]), Kind("decimal", precision=3, scale=2)).to_pylist()
    [Decimal('0.10'), None]
    """
    import numpy as np
    import pyarrow as pa

    if kind.precision is None or kind.scale is None or kind.precision > 38 or not 0 <= kind.scale <= 15:
        raise TypeError("too many digits for doubles")
    doubles = numbers.fill_null(0).to_numpy()
    unit = 10.0**kind.scale
    # Far from zero the product is infinite, which is no decimal of the column.
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(doubles * unit)
        exact = (np.abs(scaled) < min(_EXACT, 10**kind.precision)) & (scaled / unit == doubles)
    if not exact.all():
        raise ValueError("not every double is a decimal of the column")
    missing = numbers.is_null().to_numpy(zero_copy_only=False) if numbers.null_count else None
    wide = pa.array(scaled.astype(np.int64), mask=missing).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(kind.precision, kind.scale), len(wide), wide.buffers())


def _decimals_of_any_scale(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    # The text of a value that is no number is none of a decimal, either.
    texts = [None if value is None else repr(value) for value in values]
    return pa.array(texts, pa.string()).cast(pa.decimal256(76, 38))


def _booleans(values: Sequence[Any], _kind: Kind) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = _inferred(values, pa.int64())
    ends = pc.min_max(found).as_py()
    if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] <= 1:
        raise ValueError("neither 0 nor 1")
    return found.cast(pa.bool_())


def _texts(values: Sequence[Any], _kind: Kind) -> pa.Array:
    import pyarrow as pa

    # Told to make texts, Arrow would make them of bytes as well.
    return _inferred(values, pa.string())


def _choices(values: Sequence[Any], kind: Kind) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = _texts(values, kind)
    if not kind.choices:
        return texts
    members = pa.array(kind.choices, pa.string())
    places = pc.index_in(texts, value_set=members)
    if places.null_count != texts.null_count:
        raise ValueError("not every text is a member")
    return pa.DictionaryArray.from_arrays(places, members)


def _binaries(values: Sequence[Any], _kind: Kind) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.binary())


def _dates(values: Sequence[Any], kind: Kind) -> pa.Array:
    import pyarrow as pa

    return _since_year_one(_texts(values, kind).cast(pa.date32()), pa.int32(), _FIRST_DAY)


def _timestamps(values: Sequence[Any], kind: Kind) -> pa.Array:
    import pyarrow as pa

    found = _since_year_one(_texts(values, kind).cast(pa.timestamp("us")), pa.int64(), _FIRST_DAY * _DAY)
    # Stored instants are in UTC, so the numbers stay the same.
    return found.cast(pa.timestamp("us", "UTC")) if kind.tz else found


def _since_year_one(found: pa.Array, storage: pa.DataType, first: int) -> pa.Array:
    import pyarrow.compute as pc

    earliest = pc.min(found.view(storage)).as_py()
    if earliest is not None and earliest < first:
        raise ValueError("before the year 1")
    return found


def _uuids(values: Sequence[Any], kind: Kind) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    from multidb_explorer.backends.arrow import arrow_type

    known = [value for value in values if value is not None]
    if not all(type(value) is str and len(value) == 32 for value in known):
        raise ValueError("not all in 32 digits")
    packed = bytes.fromhex("".join(known))
    if len(packed) != 16 * len(known):
        raise ValueError("not all digits")
    stored = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(known), [None, pa.py_buffer(packed)])
    if len(known) < len(values):
        missing = np.array([value is None for value in values])
        stored = stored.take(pa.array(np.cumsum(~missing) - 1, mask=missing))
    return pa.ExtensionArray.from_storage(arrow_type(kind), stored)


_MAKERS: dict[str, Callable[[Sequence[Any], Kind], pa.Array]] = {
    "integer": _integers,
    "float": _floats,
    "decimal": _decimals,
    "boolean": _booleans,
    "text": _texts,
    "json": _texts,
    "other": _texts,
    "enum": _choices,
    "binary": _binaries,
    "date": _dates,
    "timestamp": _timestamps,
    "uuid": _uuids,
}
