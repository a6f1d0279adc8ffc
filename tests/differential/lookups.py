"""Random lookups: what may follow a path in ``filter()``, and a value to compare with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from vocabulary import Dice, Field, literal

__all__ = ["lookup", "mistake"]

ORDERED = ("gt", "gte", "lt", "lte")
PATTERNS = ("^a", "[0-9]+", "b.*a", "(x|y)", "^$", "e$", "_", "%", "^.{3}$", "a|%")
UNCASED = ("%", "_", "'", "日", "é", "ğ", " ", "2", "\\", '"', "", "-", "🙂", "%y")
"""Pieces without an ASCII letter, whose case Django's lookups ignore on SQLite."""


def lookup(dice: Dice, field: Field, *, hopeless: bool = True) -> tuple[str, str]:
    """Give a lookup with its underscores and the text of a value, for a column.

    Parameters
    ----------
    hopeless
        Whether the condition may be one that no row can fulfil.
    """
    name = dice.weighted({"": 5, "of kind": 6, "in": 2, "range": 1, "isnull": 2, "ordered": 4, "null": 0.4})
    match name:
        case "isnull":
            return "__isnull", str(dice.chance(0.5))
        case "in":
            return "__in", _several(dice, field, hopeless=hopeless)
        case "range" if field.kind not in ("boolean", "key"):
            return "__range", literal((_value(dice, field), _value(dice, field)))
        case "ordered" if field.kind != "boolean":
            return f"__{dice.pick(ORDERED)}", literal(_compared(dice, field))
        case "of kind" if field.kind in _OF_KIND:
            return _OF_KIND[field.kind](dice, field)
        case "null":
            return dice.pick(("", "__exact", "__iexact") if field.kind == "text" else ("", "__exact")), "None"
    return dice.pick(("", "", "__exact")), literal(_value(dice, field))


def mistake(dice: Dice) -> tuple[str, str]:
    """Give a lookup that no column has, or a value that none can be compared with."""
    return dice.pick(_MISTAKES)


_MISTAKES = (
    ("__gt", "None"),
    ("__isnull", "1"),
    ("__in", "3"),
    ("__in", "None"),
    ("__nonsense", "3"),
    ("__range", "3"),
    ("", '"no such thing"'),
    ("__lte", '"no such thing"'),
    ("__contains", "None"),
    ("__year__nonsense", "3"),
)


def _value(dice: Dice, field: Field) -> Any:
    """Take a value that stands in the column, or one like it."""
    found = dice.pick(field.present)
    if dice.chance(0.8):
        return found
    match found:
        case bool() | str():
            return found
        case int():
            return found + dice.pick((-1, 1))
        case float() | Decimal():
            return found + type(found)("0.5")
        case dt.date():
            return found + dt.timedelta(days=dice.pick((-1, 1)))
    return found


def _compared(dice: Dice, field: Field) -> Any:
    """Take a value to order by, now and then of a related type."""
    value = _value(dice, field)
    if dice.chance(0.85):
        return value
    match field.kind:
        case "integer" if value > 0:
            # Django rounds the negative ones the wrong way.
            return value + dice.pick((0.5, -0.5))
        case "float" | "decimal":
            return int(value)
        case "date":
            return value.isoformat()
        case "datetime":
            return dice.pick((value.isoformat(" "), value.date().isoformat()))
    return value


def _several(dice: Dice, field: Field, *, hopeless: bool) -> str:
    if hopeless and dice.chance(0.08):
        return "[]"
    found = [_value(dice, field) for _ in range(dice.number(1, 4))]
    if dice.chance(0.12):
        found.append(None)
    return literal(tuple(found) if len(found) > 1 and dice.chance(0.2) else found)


def _of_text(dice: Dice, field: Field) -> tuple[str, str]:
    if dice.chance(0.2):
        return f"__{dice.pick(('regex', 'iregex'))}", literal(dice.pick(PATTERNS))
    place = dice.pick(("contains", "startswith", "endswith"))
    if dice.chance(0.5):
        piece = _piece(dice, field) if field.tame else dice.pick(UNCASED)
        return f"__{place}", literal(piece)
    folded = "".join(letter for letter in _piece(dice, field) if letter.isascii())
    return f"__i{dice.pick((place, 'exact'))}", literal(dice.pick((folded, folded.upper(), folded.swapcase())))


def _piece(dice: Dice, field: Field) -> str:
    """Cut a piece from a text of the column."""
    text = dice.pick(field.present)
    start = dice.number(0, max(0, len(text) - 2))
    return text[start : start + dice.number(1, 4)] if dice.chance(0.8) else text


def _part_of_day(value: dt.datetime, name: str) -> Any:
    match name:
        case "date" | "time":
            return getattr(value, name)()
    return getattr(value, name)


_DATE_PARTS: dict[str, Callable[[Any], int]] = {
    "year": lambda day: day.year,
    "iso_year": lambda day: day.isocalendar().year,
    "quarter": lambda day: (day.month + 2) // 3,
    "month": lambda day: day.month,
    "week": lambda day: day.isocalendar().week,
    "week_day": lambda day: day.isoweekday() % 7 + 1,
    "iso_week_day": lambda day: day.isoweekday(),
    "day": lambda day: day.day,
}


def _of_date(dice: Dice, field: Field) -> tuple[str, str]:
    name = dice.pick(tuple(_DATE_PARTS))
    return _part(dice, name, _DATE_PARTS[name](dice.pick(field.present)))


def _of_datetime(dice: Dice, field: Field) -> tuple[str, str]:
    if dice.chance(0.4):
        return _of_date(dice, field)
    name = dice.pick(("date", "time", "hour", "minute", "second"))
    return _part(dice, name, _part_of_day(dice.pick(field.present), name))


def _part(dice: Dice, name: str, value: Any) -> tuple[str, str]:
    """Compare a part of a date."""
    if dice.chance(0.2):
        return f"__{name}__in", literal([value, value + 1] if isinstance(value, int) else [value])
    return f"__{name}{dice.pick(('', '', '__gt', '__gte', '__lt', '__lte'))}", literal(value)


_OF_KIND: dict[str, Callable[[Dice, Field], tuple[str, str]]] = {
    "text": _of_text,
    "date": _of_date,
    "datetime": _of_datetime,
}
