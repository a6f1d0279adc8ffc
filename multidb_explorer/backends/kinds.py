"""What a column holds, told apart from how one product spells it.

A `Kind` is the small, product-neutral answer to "what is in this column": the Arrow type of a result, the checks
before a write and the look of a grid cell all follow from it. Backends translate their own types into kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.sqltypes import _Binary
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["Kind", "kind_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column holds.

    Attributes
    ----------
    name
        One of integer, float, decimal, boolean, text, enum, date, time, timestamp, interval, uuid, json, binary,
        array, other; or any, for a result column whose database knows a type per value only.
    bits
        Width of an integer or float.
    unsigned
        Whether an integer has no negative values.
    precision, scale
        Digits in all and digits after the point of a decimal; ``None`` where the database sets no limit. The scale of a
        time or timestamp counts the digits of its seconds.
    length
        Most characters of a text or bytes of a binary; ``None`` where there is no limit.
    tz
        Whether a timestamp is an instant (stored with or as a time zone).
    choices
        The members of an enum.
    item
        What an array's elements hold.

    Examples
    --------
    >>> str(Kind("decimal", precision=10, scale=2))
    'decimal(10, 2)'
    """

    name: str
    bits: int = 64
    unsigned: bool = False
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    tz: bool = False
    choices: tuple[str, ...] = ()
    item: Kind | None = None

    def __str__(self) -> str:
        match self.name:
            case "integer":
                return f"{'unsigned ' if self.unsigned else ''}{self.bits}-bit integer"
            case "decimal" if self.precision is not None:
                return f"decimal({self.precision}, {self.scale or 0})"
            case "text" | "binary" if self.length is not None:
                return f"{self.name}({self.length})"
            case "timestamp" if self.tz:
                return "timestamp with time zone"
            case "array" if self.item is not None:
                return f"array of {self.item}"
        return self.name

    @property
    def integer_range(self) -> tuple[int, int]:
        """Smallest and largest value of an integer kind."""
        if self.unsigned:
            return 0, 2**self.bits - 1
        return -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1


# In this order: a subclass stands before its base (an Enum is a String, a Float is a Numeric).
_SIMPLE: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (sa.Boolean, Kind("boolean")),
    (sa.SmallInteger, Kind("integer", bits=16)),
    (sa.BigInteger, Kind("integer", bits=64)),
    (sa.Integer, Kind("integer", bits=32)),
    (sa.REAL, Kind("float", bits=32)),
    (sa.Float, Kind("float", bits=64)),
    (sa.Uuid, Kind("uuid")),
    (sa.JSON, Kind("json")),
    (sa.Date, Kind("date")),
    (sa.Time, Kind("time")),
    (sa.Interval, Kind("interval")),
)


def kind_of(type_: TypeEngine[Any]) -> Kind:
    """Give the kind of a SQLAlchemy type by its generic base class.

    Parameters
    ----------
    type_
        A type instance, generic (``sa.String(80)``) or a product's own.

    Returns
    -------
    Kind
        ``other`` for a type that no generic class covers.

    Examples
    --------
    >>> kind_of(sa.String(80)).length
    80
    """
    if isinstance(type_, TypeDecorator):
        return kind_of(type_.impl_instance)
    for generic, kind in _SIMPLE:
        if isinstance(type_, generic):
            return kind
    return _sized(type_)


def _sized(type_: TypeEngine[Any]) -> Kind:
    """Give the kind of a type that carries a size, members or an element type."""
    match type_:
        case sa.Enum():
            return Kind("enum", choices=tuple(type_.enums))
        case sa.Numeric():
            # A precision without a scale means whole numbers in standard SQL.
            scale = type_.scale if type_.precision is None else type_.scale or 0
            return Kind("decimal", precision=type_.precision, scale=scale)
        case sa.DateTime():
            return Kind("timestamp", tz=bool(type_.timezone))
        case sa.String():
            return Kind("text", length=type_.length)
        case _Binary():
            return Kind("binary", length=type_.length)
        case sa.ARRAY():
            item = kind_of(type_.item_type)
            # Elements that no type describes have one exact form only: the database's own text of the whole array.
            return Kind("array", item=item) if item.name not in ("other", "enum") else Kind("other")
    return Kind("other")
