"""The language of the filter row: a few signs around a value, read by what the column holds.

| typed | in a text column | in a column of numbers, dates or times |
|---|---|---|
| ``x`` | contains, whatever the case | is |
| ``=x`` ``!=x`` | is, is not | is, is not |
| ``!x`` | does not contain | is not |
| ``^x`` ``x$`` | starts with, ends with, whatever the case | |
| ``/x/`` ``/x/i`` | matches a regular expression | |
| ``>x`` ``>=x`` ``<x`` ``<=x`` | | compares |
| ``a..b`` ``a..`` ``..b`` | | is between |
| ``a, b, c`` | | is one of |
| ``NULL`` ``!NULL`` | is NULL, is not NULL | the same |

A date may be a year or a month (``2026``, ``2026-11``), and a moment may be one of these or a day: they mean all of it.
Double quotes make plain text of what is between them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.controllers.typed_values import Unreadable, parsed
from multidb_explorer.query.conditions import Q

__all__ = ["quick_condition", "value_of"]

_SIGNS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_TEXTUAL = frozenset({"text", "json", "other", "any"})
_ORDERED = frozenset({"integer", "float", "decimal", "date", "time", "timestamp", "interval"})
_LISTED = _ORDERED | {"enum", "uuid", "boolean"}
_SPAN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def quick_condition(name: str, text: str, kind: Kind) -> Q | None:
    """Read what stands in the filter row above a column.

    Parameters
    ----------
    name
        The field.
    text
        As typed; blank asks nothing.
    kind
        What the field holds.

    Raises
    ------
    Unreadable
        With what can be typed there.

    Examples
    --------
    >>> quick_condition("name", "^An", Kind("text")), quick_condition("total", "5..", Kind("integer"))
    (Q(name__istartswith='An'), Q(total__gte=5))
    >>> quick_condition("born", "!2026-11", Kind("date"))
    ~Q(born__gte=datetime.date(2026, 11, 1), born__lt=datetime.date(2026, 12, 1))
    """
    typed = text.strip()
    if not typed:
        return None
    if typed.upper() in ("NULL", "=NULL"):
        return _one(name, "isnull", True)
    if typed.upper() in ("!NULL", "!=NULL"):
        return _one(name, "isnull", False)
    if kind.name in _TEXTUAL:
        return _text(name, typed)
    negated = typed.startswith("!")
    found = _value(name, typed.lstrip("!").strip(), kind)
    return ~found if negated else found


def value_of(text: str, kind: Kind) -> Any:
    """Read one value of a condition; a column of whole numbers may be compared with 3.5.

    Raises
    ------
    Unreadable
        Saying what such a value looks like.

    Examples
    --------
    >>> value_of("3.5", Kind("integer")), value_of("2026-11-22", Kind("timestamp", tz=True))
    (Decimal('3.5'), datetime.datetime(2026, 11, 22, 0, 0, tzinfo=datetime.timezone.utc))
    """
    if kind.name == "integer" and re.fullmatch(r"[+-]?\d*\.\d+", text.strip()):
        return Decimal(text.strip())
    if kind.name == "timestamp":
        return _moment(text.strip(), kind)
    if kind.name == "enum" and kind.choices and text not in kind.choices:
        raise Unreadable(f"{text[:40]!r} is not one of {', '.join(kind.choices[:12])}.")
    return parsed(text, kind)


def _one(name: str, lookup: str, value: Any) -> Q:
    # The bare name says "is"; it reads better in the code that is copied from a grid.
    return Q((name if lookup == "exact" else f"{name}__{lookup}", value))


# Texts


def _text(name: str, typed: str) -> Q:
    negated = typed.startswith("!")
    rest = typed[1:].strip() if negated else typed
    if not rest:
        raise Unreadable("Write what the text must not contain after the !, or != and the whole text.")
    found = _matched(name, rest)
    return ~found if negated else found


def _matched(name: str, rest: str) -> Q:
    expression = re.fullmatch(r"/(.+)/(i?)", rest)
    if expression is not None:
        return _expression(name, expression[1], fold=bool(expression[2]))
    if rest.startswith("="):
        return _one(name, "exact", _unquoted(rest[1:].strip()))
    if len(rest) > 2 and rest.startswith("^") and rest.endswith("$"):
        return _one(name, "iexact", rest[1:-1])
    if len(rest) > 1 and rest.startswith("^"):
        return _one(name, "istartswith", _unquoted(rest[1:]))
    if len(rest) > 1 and rest.endswith("$"):
        return _one(name, "iendswith", _unquoted(rest[:-1]))
    return _one(name, "icontains", _unquoted(rest))


def _expression(name: str, pattern: str, *, fold: bool) -> Q:
    try:
        # Each database has a language of its own; what is unreadable here is unreadable in all of them.
        re.compile(pattern)
    except re.error as error:
        raise Unreadable(f"/{pattern[:40]}/ is no regular expression: {error}.") from None
    return _one(name, "iregex" if fold else "regex", pattern)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


# Numbers, dates and all that has an order


def _value(name: str, typed: str, kind: Kind) -> Q:
    for sign, lookup in _SIGNS.items():
        if typed.startswith(sign):
            return _compared(name, lookup, typed[len(sign) :].strip(), kind)
    if typed.startswith("="):
        return _equal(name, typed[1:].strip(), kind)
    if ".." in typed and kind.name in _ORDERED:
        return _between(name, typed, kind)
    if "," in typed and kind.name in _LISTED:
        return _among(name, typed, kind)
    return _equal(name, typed, kind)


def _compared(name: str, lookup: str, typed: str, kind: Kind) -> Q:
    if kind.name not in _ORDERED:
        raise Unreadable(f"A column of type {kind} has no order: write a value, a list of values, NULL or !NULL.")
    span = _span(typed, kind)
    if span is None:
        return _one(name, lookup, value_of(typed, kind))
    # After 2026 is after the end of it; from 2026 on is from its beginning.
    begins, ends = span
    return _one(name, *{"gt": ("gte", ends), "gte": ("gte", begins), "lt": ("lt", begins), "lte": ("lt", ends)}[lookup])


def _equal(name: str, typed: str, kind: Kind) -> Q:
    span = _span(typed, kind)
    if span is not None:
        return Q((f"{name}__gte", span[0]), (f"{name}__lt", span[1]))
    return _one(name, "exact", value_of(_unquoted(typed), kind))


def _between(name: str, typed: str, kind: Kind) -> Q:
    low, high = (part.strip() for part in typed.split("..", 1))
    if not low and not high:
        raise Unreadable("Write a lowest and a highest value around the .. or one of them.")
    ends = _span(high, kind) if high else None
    begins = _span(low, kind) if low else None
    if low and high and begins is None and ends is None:
        return _one(name, "range", (value_of(low, kind), value_of(high, kind)))
    lowest = _one(name, "gte", begins[0] if begins else value_of(low, kind)) if low else Q()
    return lowest & _compared(name, "lte", high, kind) if high else lowest


def _among(name: str, typed: str, kind: Kind) -> Q:
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    if any(_span(part, kind) for part in parts):
        found = Q()
        for part in parts:
            found = found | _equal(name, part, kind)
        return found
    return _one(name, "in", [value_of(_unquoted(part), kind) for part in parts])


# Moments


def _moment(text: str, kind: Kind) -> dt.datetime:
    """Read a moment; one that says no time zone is in UTC, as the grid shows them."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = parsed(text, kind)
    return found.replace(tzinfo=dt.UTC) if kind.tz and found.tzinfo is None else found


def _span(typed: str, kind: Kind) -> tuple[Any, Any] | None:
    """Give the beginning of a year, month or day and that of the next one; ``None`` for what is a value by itself."""
    found = _SPAN.fullmatch(typed) if kind.name in ("date", "timestamp") else None
    if found is None or (kind.name == "date" and found[3]):
        return None
    first, after = _days(*(int(part) if part else None for part in found.groups()))
    return _from(first, kind), _from(after, kind)


def _days(year: int | None, month: int | None, day: int | None) -> tuple[dt.date, dt.date]:
    try:
        first = dt.date(year or 0, month or 1, day or 1)
        if day:
            return first, first + dt.timedelta(days=1)
        if month:
            return first, (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
        return first, first.replace(year=first.year + 1)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"No calendar has that: {error}.") from None


def _from(day: dt.date, kind: Kind) -> Any:
    as_kind: dict[str, Callable[[], Any]] = {
        "date": lambda: day,
        "timestamp": lambda: dt.datetime.combine(day, dt.time(), dt.UTC if kind.tz else None),
    }
    return as_kind[kind.name]()
