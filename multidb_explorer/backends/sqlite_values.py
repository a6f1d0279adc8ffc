"""SQLite's stored values: how canonical ones become them, and they canonical ones."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Context, Decimal
from typing import Any

from multidb_explorer.backends.base import Decoder
from multidb_explorer.backends.computed import computed as of_expressions
from multidb_explorer.backends.kinds import Kind

__all__ = ["decoder_of", "naive", "number", "to_datetime", "to_interval", "to_time", "to_uuid"]

_WIDE = Context(prec=100)


def naive(value: dt.datetime) -> dt.datetime:
    """Give a timestamp in UTC without its time zone."""
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def number(value: Decimal) -> int | float:
    """Give the integer or double that reads back as the digits of a decimal."""
    whole = value == value.to_integral_value() and abs(value) < 2**63
    return int(value) if whole else float(value)


def to_datetime(value: Any) -> dt.datetime:
    """Read a stored timestamp; an instant is read as UTC."""
    if isinstance(value, str):
        found = dt.datetime.fromisoformat(value)
        return found.astimezone(dt.UTC).replace(tzinfo=None) if found.tzinfo else found
    raise ValueError(f"{value!r} is not a timestamp in ISO form")


def _to_instant(value: Any) -> dt.datetime:
    return to_datetime(value).replace(tzinfo=dt.UTC)


def _to_date(value: Any) -> dt.date:
    found = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    if found is None or found.time() != dt.time():
        raise ValueError(f"{value!r} is not a date in ISO form")
    return found.date()


def to_time(value: Any) -> dt.time:
    """Read a stored time of day."""
    return dt.time.fromisoformat(value)


def to_interval(value: Any) -> dt.timedelta:
    """Read a stored interval."""
    # SQLAlchemy keeps an interval as a timestamp counted from the epoch.
    return to_datetime(value) - dt.datetime(1970, 1, 1)


def _to_text(value: Any) -> str:
    if isinstance(value, bytes):
        raise ValueError("it holds bytes")
    return value if isinstance(value, str) else str(value)


def _to_integer(value: Any) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError(f"{value!r} is not a whole number")


def _to_float(value: Any) -> float:
    if not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _decimal_decoder(scale: int | None) -> Decoder:
    places = None if scale is None else Decimal(1).scaleb(-scale)

    def decode(value: Any) -> Decimal:
        found = Decimal(repr(value) if isinstance(value, float) else value)
        # The column's own found of places, as other products give it: 5.00 and not 5.
        padded = found if places is None or not found.is_finite() else found.quantize(places, context=_WIDE)
        return padded if padded == found else found

    return decode


def _to_boolean(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"{value!r} is neither 0 nor 1")


def _to_binary(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    # Python would make as many zero bytes of an integer.
    raise ValueError(f"{value!r} holds no bytes")


def to_uuid(value: Any) -> uuid.UUID:
    """Read a stored UUID."""
    if isinstance(value, bytes):
        return uuid.UUID(bytes=value)
    if isinstance(value, str):
        return uuid.UUID(value)
    raise ValueError(f"{value!r} is no UUID")


def _to_any_text(value: Any) -> str:
    return f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)


_DECODERS: dict[str, Decoder] = {
    "integer": _to_integer,
    "float": _to_float,
    "boolean": _to_boolean,
    "text": _to_text,
    "enum": _to_text,
    "date": _to_date,
    "time": to_time,
    "timestamp": to_datetime,
    "instant": _to_instant,
    "interval": to_interval,
    "uuid": to_uuid,
    "json": _to_text,
    "binary": _to_binary,
    "other": _to_any_text,
}


def decoder_of(kind: Kind, *, computed: bool = False) -> Decoder | None:
    """Give the reader of a kind's stored values, or of those that an expression gives.

    Examples
    --------
    >>> decoder_of(Kind("decimal", precision=6, scale=2))(5)
    Decimal('5.00')
    """
    if kind.name == "decimal":
        stored: Decoder | None = _decimal_decoder(kind.scale)
    else:
        stored = _DECODERS.get("instant" if kind.name == "timestamp" and kind.tz else kind.name)
    return of_expressions(kind, stored) if computed else stored
