"""What MySQL's columns hold, and how its drivers' values become canonical ones."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from multidb_explorer.backends.base import Decoder
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.raw import Described

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

__all__ = ["bit_kind", "decoder_of", "described", "integer_kind", "problem"]

_BITS: tuple[tuple[type[TypeEngine[Any]], int], ...] = (
    (mysql.TINYINT, 8),
    (mysql.SMALLINT, 16),
    (sa.SmallInteger, 16),
    (sa.BigInteger, 64),
)


def integer_kind(type_: sa.Integer) -> Kind:
    """Give the kind of an integer column; the conventional TINYINT(1) stands for true and false."""
    unsigned = bool(getattr(type_, "unsigned", False))
    if isinstance(type_, mysql.TINYINT) and type_.display_width == 1 and not unsigned:
        return Kind("boolean")
    bits = next((bits for class_, bits in _BITS if isinstance(type_, class_)), 32)
    return Kind("integer", bits=bits, unsigned=unsigned)


def bit_kind(length: int) -> Kind:
    """Give the kind of a BIT column: a flag, or an unsigned number of so many bits."""
    if length == 1:
        return Kind("boolean")
    return Kind("integer", bits=next(bits for bits in (8, 16, 32, 64) if length <= bits), unsigned=True)


def problem(value: Any, kind: Kind) -> str:
    """Say why a canonical value has no place in MySQL, or nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return "MySQL has neither NaN nor infinity; set it to None to mean NULL"
    if isinstance(value, dt.date) and value.year < 1000:
        return "MySQL keeps dates from the year 1000 on"
    if kind.name == "timestamp" and kind.tz and isinstance(value, dt.datetime) and value.timestamp() < 1:
        return "a TIMESTAMP column starts in 1970; a DATETIME column holds it"
    return ""


# From the driver's values


def _to_boolean(value: Any) -> bool:
    number = int.from_bytes(value) if isinstance(value, bytes) else value
    if number in (0, 1):
        return bool(number)
    raise ValueError(
        f"{number!r} is neither 0 nor 1; the column is declared TINYINT(1), which stands for true and false"
    )


def _to_integer(value: Any) -> int:
    # A BIT column arrives as its bytes unless it was read as a number.
    return int.from_bytes(value) if isinstance(value, bytes) else value


def _to_datetime(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    # An expression of constants comes as text, and so does what the driver takes for no date.
    with suppress(ValueError, TypeError):
        return dt.datetime.fromisoformat(value)
    raise ValueError(f"{value!r} is not in the calendar (MySQL allows zeros in dates)")


def _to_instant(value: Any) -> dt.datetime:
    return _to_datetime(value).replace(tzinfo=dt.UTC)


def _to_date(value: Any) -> dt.date:
    if isinstance(value, dt.date):
        return value
    with suppress(ValueError, TypeError):
        return dt.date.fromisoformat(value)
    raise ValueError(f"{value!r} is not in the calendar (MySQL allows zeros in dates)")


def _to_time(value: Any) -> dt.time:
    if isinstance(value, dt.timedelta) and value.days == 0:
        return (dt.datetime.min + value).time()
    raise ValueError(f"{value!s} is not a time of day (MySQL allows -838:59:59 to 838:59:59)")


def _to_interval(value: Any) -> dt.timedelta:
    # SQLAlchemy keeps an interval as a timestamp counted from the epoch.
    return _to_datetime(value) - dt.datetime(1970, 1, 1)


def _to_decimal(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _to_uuid(value: Any) -> uuid.UUID:
    return uuid.UUID(bytes=value) if isinstance(value, bytes) else uuid.UUID(str(value))


def _to_any_text(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


_DECODERS: dict[str, Decoder] = {
    "boolean": _to_boolean,
    "integer": _to_integer,
    "date": _to_date,
    "time": _to_time,
    "timestamp": _to_datetime,
    "instant": _to_instant,
    "interval": _to_interval,
    "decimal": _to_decimal,
    "uuid": _to_uuid,
    "other": _to_any_text,
}


def decoder_of(kind: Kind) -> Decoder | None:
    """Give the function that makes a driver's value canonical, or ``None`` where it already is."""
    return _DECODERS.get("instant" if kind.name == "timestamp" and kind.tz else kind.name)


# The protocol's numbers for types and flags, by which a result describes itself.

_WHOLE = {1: 8, 2: 16, 9: 32, 3: 32, 8: 64, 13: 16}
_DECIMALS = (0, 246)
_TEXTS = (15, 249, 250, 251, 252, 253, 254)
_NAMED = {
    4: "float",
    5: "float",
    10: "date",
    11: "time",
    12: "timestamp",
    245: "json",
    247: "text",
    248: "text",
}
_TINY, _FLOAT, _BIT, _GEOMETRY = 1, 4, 16, 255
_ROUNDED = "The server writes a FLOAT with six digits; select the column + 0e0 to have all of them."
_UNSIGNED = 32
_BINARY_CHARSET = 63


def described(field: Any) -> Described:
    """Tell of one column of a raw result by what the server said of it."""
    type_name = "GEOMETRY" if field.type_code == _GEOMETRY else ""
    rounded = _ROUNDED if field.type_code == _FLOAT else ""
    return Described(ResultColumn(str(field.name), _described_kind(field)), type_name, rounded)


def _described_kind(field: Any) -> Kind:
    code = field.type_code
    unsigned = bool(field.flags & _UNSIGNED)
    if code == _TINY and field.length == 1 and not unsigned:
        kind = Kind("boolean")
    elif code == _BIT:
        kind = bit_kind(field.length)
    elif code in _WHOLE:
        kind = Kind("integer", bits=_WHOLE[code], unsigned=unsigned and code != 13)
    elif code in _DECIMALS:
        # The length counts the sign and the point too.
        precision = field.length - (not unsigned) - bool(field.scale)
        kind = Kind("decimal", precision=max(precision, field.scale, 1), scale=field.scale)
    elif code in _TEXTS:
        kind = Kind("binary" if field.charsetnr == _BINARY_CHARSET else "text")
    elif code == 7:
        kind = Kind("timestamp", tz=True)
    else:
        kind = Kind(_NAMED.get(code, "other"))
    return kind
