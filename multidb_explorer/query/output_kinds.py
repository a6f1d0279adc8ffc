"""What an expression holds: told by the user, by a Python value, or by what its parts hold."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.errors import FieldError, FieldValueError

__all__ = ["as_kind", "common_kind", "declared", "kind_of_value"]

_PYTHON_KINDS: dict[type, Kind] = {
    bool: Kind("boolean"),
    int: Kind("integer"),
    float: Kind("float"),
    str: Kind("text"),
    bytes: Kind("binary"),
    Decimal: Kind("decimal"),
    dt.datetime: Kind("timestamp"),
    dt.date: Kind("date"),
    dt.time: Kind("time"),
    dt.timedelta: Kind("interval"),
    uuid.UUID: Kind("uuid"),
}


def as_kind(output_field: Any) -> Kind:
    """Give the kind that an ``output_field`` names: a SQLAlchemy type, a Python type or a `Kind`.

    Raises
    ------
    FieldError
        For anything else.

    Examples
    --------
    >>> str(as_kind(int)), str(as_kind(sa.Numeric(10, 2)))
    ('64-bit integer', 'decimal(10, 2)')
    """
    if isinstance(output_field, Kind):
        return output_field
    if isinstance(output_field, type) and output_field in _PYTHON_KINDS:
        return _PYTHON_KINDS[output_field]
    found = output_field() if isinstance(output_field, type) else output_field
    if isinstance(found, sa.types.TypeEngine):
        return kind_of(found)
    raise FieldError(f"output_field takes a SQLAlchemy type or a Python type such as int, not {output_field!r}.")


def kind_of_value(value: Any) -> Kind:
    """Tell what a Python value is.

    Examples
    --------
    >>> str(kind_of_value(Decimal("1.50")))
    'decimal(38, 2)'
    """
    if value is None:
        return Kind("any")
    if isinstance(value, float) and math.isnan(value):
        raise FieldValueError("NaN is no constant to compute with; use None for NULL.")
    if isinstance(value, Decimal) and value.is_finite():
        return Kind("decimal", precision=38, scale=max(0, -int(value.as_tuple().exponent)))
    if isinstance(value, dt.datetime):
        return Kind("timestamp", tz=value.tzinfo is not None)
    for type_, kind in _PYTHON_KINDS.items():
        if isinstance(value, type_):
            return kind
    if isinstance(value, list | tuple):
        return Kind("array", item=kind_of_value(next(iter(value), None)))
    raise FieldError(f"A {type(value).__name__} is no value that a database can compute with.")


def common_kind(asked: Any, kinds: Iterable[Kind]) -> Kind:
    """Give the one kind of several alternatives; what NULL is follows from the others.

    Raises
    ------
    FieldError
        For kinds that don't mix.
    """
    known = [kind for kind in kinds if kind.name != "any"]
    if not known:
        return Kind("any")
    names = {kind.name for kind in known}
    if len(names) == 1:
        return _widest(known)
    if names <= {"text", "enum", "other"}:
        return Kind("text")
    if names == {"integer", "decimal"}:
        return _widest([kind if kind.name == "decimal" else Kind("decimal", precision=38, scale=0) for kind in known])
    if names == {"integer", "float"}:
        return Kind("float")
    raise FieldError(f"{asked!r} mixes {', '.join(sorted(map(str, known)))}; say which with output_field.")


def declared(wanted: Kind, computed: Kind) -> Kind:
    """Give what an ``output_field`` makes of an expression: it names the kind, and rounds nothing.

    Examples
    --------
    >>> str(declared(Kind("decimal", precision=8, scale=2), Kind("decimal", precision=38, scale=6)))
    'decimal'
    """
    if wanted.name != "decimal" or computed.name in ("integer", "any"):
        return wanted
    fits = computed.name == "decimal" and computed.scale is not None and computed.scale <= (wanted.scale or 0)
    return wanted if fits else Kind("decimal")


def _widest(kinds: Sequence[Kind]) -> Kind:
    first = kinds[0]
    if all(kind == first for kind in kinds):
        return first
    match first.name:
        case "decimal":
            scales = [kind.scale for kind in kinds]
            known = [scale for scale in scales if scale is not None]
            return Kind("decimal") if len(known) < len(scales) else Kind("decimal", precision=38, scale=max(known))
        case "timestamp":
            return Kind("timestamp", tz=any(kind.tz for kind in kinds))
        case "text" | "enum":
            return Kind("text")
        case "integer" | "float":
            return Kind(first.name)
    return first
