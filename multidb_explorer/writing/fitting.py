"""Casts of whole columns to the type of the column that takes them: exactly, or with a mark at every row in doubt.

What is in doubt is judged value by value by `Backend.to_column`, where all reasons come from. A cast is no second
opinion: it only sees, for many values at once, that there is nothing to object to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.backends.casting import declared
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.readers import Unreadable
from multidb_explorer.writing.json_texts import all_json, is_json

__all__ = ["Cast", "cast", "typed"]


@dataclass(frozen=True)
class Cast:
    """A column that was cast.

    Attributes
    ----------
    array
        Of the wanted type; what it holds in a row in doubt is not to be used.
    doubts
        A mark for each row, or ``None`` where none is in doubt.
    """

    array: pa.Array
    doubts: pa.Array | None = None


def cast(array: pa.Array, kind: Kind, accepts: Callable[[Any], bool]) -> Cast | None:
    """Cast an array to the type of a kind, or give ``None`` where each value has to be looked at alone.

    Parameters
    ----------
    accepts
        Tells whether the database stores a value of that kind as it is.

    Examples
    --------
    >>> cast(pa.array([1.0, 2.5]), Kind("integer"), lambda value: True).doubts.to_pylist()
    [False, True]
    """
    if pa.types.is_null(array.type):
        return Cast(pa.nulls(len(array), arrow_type(kind)))
    if pa.types.is_dictionary(array.type) and not (kind.name == "enum" and kind.choices):
        array = array.dictionary_decode()
    one = _BY_KIND.get(kind.name)
    try:
        found = one(array, kind) if one is not None else None
    except (pa.ArrowException, Unreadable, OverflowError):
        return None
    if found is None or kind.name not in _ORDERED:
        return found
    return _with_ends(found, kind, accepts)


def typed(values: list[Any], kind: Kind) -> pa.Array | None:
    """Make an array of objects that are all of one plain type, so that nothing has to be guessed; ``None`` of others.

    Examples
    --------
    >>> typed([1, None], Kind("float")).type, typed([1, 0.5], Kind("float"))
    (DataType(int64), None)
    """
    types = set(map(type, values)) - {type(None)}
    if not types:
        return pa.nulls(len(values))
    one = types.pop()
    wanted = _plain(one, values, kind) if not types else None
    try:
        return None if wanted is None else pa.array(values, wanted)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None


def _plain(one: type, values: list[Any], kind: Kind) -> pa.DataType | None:
    if one is Decimal:
        # Of other decimals Arrow would have to look for the number of digits.
        return arrow_type(kind) if kind.name == "decimal" else None
    if one is dt.datetime:
        zoned = {value.tzinfo is not None for value in values if value is not None}
        return None if len(zoned) > 1 else pa.timestamp("us", "UTC" if True in zoned else None)
    return _PLAIN.get(one)


_PLAIN: dict[type, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    str: pa.string(),
    bytes: pa.binary(),
    dt.date: pa.date32(),
}

_ORDERED = frozenset({"integer", "float", "decimal", "date", "time", "timestamp"})
"""Kinds of which a database keeps everything between two values that it keeps, but for the digits of decimals."""


def _with_ends(found: Cast, kind: Kind, accepts: Callable[[Any], bool]) -> Cast:
    """Let the database judge the smallest and the largest value; if it keeps those, it keeps what lies between."""
    sure = found.array if found.doubts is None else found.array.filter(pc.invert(found.doubts))
    ends = pc.min_max(sure)
    values = [ends[name].as_py() for name in ("min", "max") if ends[name].is_valid]
    if not all(map(accepts, values)):
        return Cast(found.array, found.array.is_valid())
    if kind.name == "decimal" and not accepts(_longest(kind)):
        return _doubt_digits(found)
    return found


def _longest(kind: Kind) -> Decimal:
    """Give the number of the most digits that a kind has room for, which not every database keeps."""
    digits = min(kind.precision or 38, 76)
    return Decimal((0, (9,) * digits, -(kind.scale or 0)))


_SAFE_DIGITS = 15
"""So many digits every database keeps."""


def _doubt_digits(found: Cast) -> Cast:
    limit = pa.scalar(Decimal(1).scaleb(_SAFE_DIGITS - found.array.type.scale), pa.decimal256(76, 38))
    long = pc.fill_null(pc.greater_equal(pc.abs(found.array), limit), fill_value=False)
    return _cast(found.array, long if found.doubts is None else pc.or_(found.doubts, long))


def _cast(array: pa.Array, doubts: pa.Array) -> Cast:
    """Keep the marks where there are any; NULL is never in doubt."""
    doubts = pc.fill_null(doubts, fill_value=False)
    return Cast(array, doubts if pc.any(doubts).as_py() else None)


def _hiding(array: pa.Array, doubts: pa.Array) -> pa.Array:
    """Put NULL in the place of what is in doubt, so that the rest can be cast."""
    if not pc.any(doubts, min_count=0).as_py():
        return array
    return pc.if_else(pc.fill_null(doubts, fill_value=False), pa.scalar(None, array.type), array)


# Numbers


def _integers(array: pa.Array, kind: Kind) -> Cast | None:
    wanted, (low, high) = arrow_type(kind), kind.integer_range
    if pa.types.is_boolean(array.type):
        return Cast(array.cast(pa.int8()).cast(wanted))
    if pa.types.is_integer(array.type):
        smallest, largest = _range_of(array.type)
        beyond = pc.or_(
            pc.less(array, pa.scalar(max(low, smallest), array.type)),
            pc.greater(array, pa.scalar(min(high, largest), array.type)),
        )
        return _cast(_hiding(array, beyond).cast(wanted), beyond)
    if not pa.types.is_floating(array.type):
        return None
    numbers = _without_nan(array)
    whole = pc.and_(pc.is_finite(numbers), pc.equal(pc.floor(numbers), numbers))
    inside = pc.and_(pc.greater_equal(numbers, float(low)), pc.less(numbers, float(high + 1)))
    beyond = pc.invert(pc.and_(whole, inside))
    return _cast(_hiding(numbers, beyond).cast(wanted), beyond)


def _range_of(type_: pa.DataType) -> tuple[int, int]:
    return Kind("integer", bits=type_.bit_width, unsigned=pa.types.is_unsigned_integer(type_)).integer_range


def _floats(array: pa.Array, kind: Kind) -> Cast | None:
    wanted = arrow_type(kind)
    if pa.types.is_integer(array.type):
        smallest, largest = _range_of(array.type)
        beyond = pc.or_(
            pc.less(array, pa.scalar(max(-(2**53), smallest), array.type)),
            pc.greater(array, pa.scalar(min(2**53, largest), array.type)),
        )
        return _cast(_hiding(array, beyond).cast(pa.float64()).cast(wanted), beyond)
    if not pa.types.is_floating(array.type):
        return None
    found = array.cast(wanted)
    return _cast(found, pc.invert(pc.is_finite(found)))


def _decimals(array: pa.Array, kind: Kind) -> Cast | None:
    wanted = arrow_type(kind)
    if not pa.types.is_decimal(wanted):
        return None
    if pa.types.is_decimal(array.type):
        return Cast(array.cast(wanted))
    if pa.types.is_integer(array.type):
        return Cast(array.cast(pa.decimal128(20 if array.type == pa.uint64() else 19, 0)).cast(wanted))
    if pa.types.is_floating(array.type):
        # The shortest text that reads back as the same float is what its author meant.
        return Cast(_without_nan(array).cast(pa.string()).cast(wanted))
    return None


def _without_nan(array: pa.Array) -> pa.Array:
    """Take NaN for NULL, which is all that it can stand for where no float is kept."""
    numbers = array.cast(pa.float64())
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)


def _booleans(array: pa.Array, kind: Kind) -> Cast | None:  # noqa: ARG001
    return Cast(array) if pa.types.is_boolean(array.type) else None


# Texts and bytes


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _texts(array: pa.Array, kind: Kind) -> Cast | None:
    if not _is_text(array.type):
        return None
    found = array.cast(pa.string())
    # Not every database has a place for this character.
    doubts = pc.match_substring(found, "\x00")
    if kind.length is not None:
        doubts = pc.or_(doubts, pc.greater(pc.utf8_length(found), kind.length))
    return _cast(found, doubts)


def _members(array: pa.Array, kind: Kind) -> Cast | None:
    if not kind.choices:
        return _texts(array, kind)
    if not _is_text(array.type.value_type if pa.types.is_dictionary(array.type) else array.type):
        return None
    if array.null_count == len(array):
        return Cast(pa.nulls(len(array), arrow_type(kind)))
    return Cast(_declared(array, kind))


def _json(array: pa.Array, kind: Kind) -> Cast | None:  # noqa: ARG001
    if not _is_text(array.type):
        return None
    found = array.cast(pa.string())
    escaped = pc.or_(pc.match_substring(found, "\x00"), pc.match_substring(found, "\\u0000"))
    if all_json(found.drop_null()):
        return _cast(found, escaped)
    wrong = pa.array([text is not None and not is_json(text) for text in found.to_pylist()], pa.bool_())
    return _cast(found, pc.or_(pc.fill_null(escaped, fill_value=False), wrong))


def _bytes(array: pa.Array, kind: Kind) -> Cast | None:
    type_ = array.type
    if not (pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_)):
        return None
    found = array.cast(pa.binary())
    return Cast(found) if kind.length is None else _cast(found, pc.greater(pc.binary_length(found), kind.length))


def _uuids(array: pa.Array, kind: Kind) -> Cast | None:
    if array.type == pa.uuid():
        return Cast(array)
    # Sixteen characters of text are no sixteen bytes.
    ready = _is_text(array.type) or array.type == pa.binary(16)
    return Cast(_declared(array.cast(pa.string()) if _is_text(array.type) else array, kind)) if ready else None


def _declared(array: pa.Array, kind: Kind) -> pa.Array:
    batch = pa.RecordBatch.from_arrays([array], names=[""])
    return declared(batch, [ResultColumn("", kind)]).columns[0]


# Times

_DAYS = (dt.date.min.toordinal() - dt.date(1970, 1, 1).toordinal(), dt.date.max.toordinal() - 719_163)
_DAY = 86_400_000_000


def _dates(array: pa.Array, kind: Kind) -> Cast | None:  # noqa: ARG001
    if pa.types.is_date(array.type):
        return _in_calendar(array.cast(pa.date32()))
    if not pa.types.is_timestamp(array.type) or array.type.tz is not None:
        return None
    found = array.cast(pa.date32(), safe=False)
    in_calendar = _in_calendar(found)
    midnight = pc.equal(found.cast(array.type), array)
    doubts = pc.invert(midnight)
    return _cast(found, doubts if in_calendar.doubts is None else pc.or_(doubts, in_calendar.doubts))


def _in_calendar(days: pa.Array) -> Cast:
    numbers = days.cast(pa.int32())
    return _cast(days, pc.or_(pc.less(numbers, _DAYS[0]), pc.greater(numbers, _DAYS[1])))


def _times(array: pa.Array, kind: Kind) -> Cast | None:
    if not pa.types.is_time(array.type):
        return None
    return _with_fraction(array.cast(pa.time64("us")), kind)


def _timestamps(array: pa.Array, kind: Kind) -> Cast | None:
    type_ = array.type
    if not kind.tz and pa.types.is_date32(type_):
        type_, array = pa.timestamp("s"), array.cast(pa.timestamp("s"))
    if not pa.types.is_timestamp(type_) or (type_.tz is not None) != kind.tz:
        return None
    found = array.cast(arrow_type(kind))
    micros = found.cast(pa.int64())
    beyond = pc.or_(pc.less(micros, _DAYS[0] * _DAY), pc.greater_equal(micros, (_DAYS[1] + 1) * _DAY))
    fraction = _with_fraction(found, kind)
    return _cast(found, beyond if fraction.doubts is None else pc.or_(beyond, fraction.doubts))


def _with_fraction(array: pa.Array, kind: Kind) -> Cast:
    """Doubt what has more digits of a second than the column keeps."""
    if kind.scale is None or kind.scale >= 6:
        return Cast(array)
    step, micros = 10 ** (6 - kind.scale), array.cast(pa.int64())
    return _cast(array, pc.not_equal(pc.multiply(pc.divide(micros, step), step), micros))


_BY_KIND: dict[str, Callable[[pa.Array, Kind], Cast | None]] = {
    "integer": _integers,
    "float": _floats,
    "decimal": _decimals,
    "boolean": _booleans,
    "text": _texts,
    "enum": _members,
    "json": _json,
    "binary": _bytes,
    "uuid": _uuids,
    "date": _dates,
    "time": _times,
    "timestamp": _timestamps,
    "other": _texts,
}
