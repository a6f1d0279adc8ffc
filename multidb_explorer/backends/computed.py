"""What an expression gives, which may come in another form than a stored value: a sum of integers as a decimal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from multidb_explorer.backends.kinds import Kind

__all__ = ["computed", "span"]

_Decoder = Callable[[Any], Any]


def computed(kind: Kind, stored: _Decoder | None) -> _Decoder | None:
    """Give the reader of what expressions of a kind give.

    Parameters
    ----------
    stored
        The reader of the kind's stored values, ``None`` where they need none.

    Examples
    --------
    >>> from decimal import Decimal
    >>> computed(Kind("integer"), None)(Decimal("5"))
    5
    """
    match kind.name:
        case "decimal":
            return lambda value: _read(_decimal(value), stored)
        case "interval":
            return lambda value: span(_read(value, stored))
    return _EITHER_WAY.get(kind.name, stored)


def span(value: Any) -> Any:
    """Give a difference of two moments as a timedelta; one with months stays as it is."""
    if isinstance(value, dt.timedelta) or value.months:
        return value
    return dt.timedelta(days=value.days, microseconds=value.nanoseconds // 1000)


def _read(value: Any, stored: _Decoder | None) -> Any:
    return value if stored is None else stored(value)


def _decimal(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _whole(value: Any) -> int:
    found = int(value)
    if found != value:
        raise ValueError(f"{value!r} is not a whole number")
    return found


def _truth(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"{value!r} is neither true nor false")


# However a stored value of the kind is read.
_EITHER_WAY: dict[str, _Decoder] = {"integer": _whole, "float": float, "boolean": _truth}
