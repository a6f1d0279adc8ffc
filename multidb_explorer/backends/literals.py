"""Values written into SQL text: for statements that a person keeps in a file, never for those that we run.

What is written are the values that a driver would be given, of a handful of Python types; each product says how it
quotes texts and bytes, and so that no character of a value can end its quotes.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from multidb_explorer.errors import ValueNotRepresentable

__all__ = ["Quoting", "doubled", "written"]


def doubled(text: str) -> str:
    """Quote a text by standard SQL: a quote in it is doubled, and every other character is itself.

    Examples
    --------
    >>> print(doubled("it's"))
    'it''s'
    """
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Quoting:
    """How one product writes values.

    Attributes
    ----------
    text, binary
        Quote a text and bytes.
    boolean
        The words for false and true.
    not_finite
        Writes infinities and NaN; ``None`` where the product has none.
    typed
        Whether dates and times stand behind the name of their type, as in ``DATE '2026-11-22'``.
    zones
        Whether an instant is written with its zone; else as the time in UTC, which the session has to have.
    array
        Writes a list of literals; ``None`` where the product has no lists.
    interval
        Writes months, days and nanoseconds; ``None`` where the product has no intervals.
    head
        A statement that a file of such values begins with.
    """

    text: Callable[[str], str] = doubled
    binary: Callable[[bytes], str] = lambda value: f"X'{value.hex()}'"
    boolean: tuple[str, str] = ("FALSE", "TRUE")
    not_finite: Callable[[float], str] | None = None
    typed: bool = True
    zones: bool = True
    array: Callable[[list[str]], str] | None = None
    interval: Callable[[Any], str] | None = None
    head: str = ""


def written(value: Any, quoting: Quoting) -> str:
    """Write a value as SQL text.

    Raises
    ------
    ValueNotRepresentable
        For a value that has no literal there.

    Examples
    --------
    >>> written("it's", Quoting()), written(None, Quoting()), written(Decimal("1E+3"), Quoting())
    ("'it''s'", 'NULL', '1000')
    """
    if value is None:
        return "NULL"
    if type(value).__name__ == "Binary":
        # A driver's own wrapper.
        value = value.obj
    for type_, write in _WRITERS:
        if isinstance(value, type_):
            return write(value, quoting)
    if type(value).__name__ == "MonthDayNano" and quoting.interval is not None:
        return quoting.interval(value)
    raise ValueNotRepresentable(f"A value of type {type(value).__name__} can't be written into SQL text here.")


def _boolean(value: bool, quoting: Quoting) -> str:
    return quoting.boolean[value]


def _float(value: float, quoting: Quoting) -> str:
    if math.isfinite(value):
        # With an exponent, or it would be read as a decimal.
        text = repr(float(value))
        return text if "e" in text else f"{text}e0"
    if quoting.not_finite is None:
        raise ValueNotRepresentable(f"{value} can't be written into SQL text here.")
    return quoting.not_finite(value)


def _decimal(value: Decimal, quoting: Quoting) -> str:
    return format(value, "f") if value.is_finite() else _float(float(value), quoting)


def _moment(value: dt.datetime, quoting: Quoting) -> str:
    if value.tzinfo is not None and not quoting.zones:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    text = quoting.text(value.isoformat(" "))
    name = "TIMESTAMP WITH TIME ZONE" if value.tzinfo is not None else "TIMESTAMP"
    return f"{name} {text}" if quoting.typed else text


def _day(value: dt.date, quoting: Quoting) -> str:
    text = quoting.text(value.isoformat())
    return f"DATE {text}" if quoting.typed else text


def _clock(value: dt.time, quoting: Quoting) -> str:
    text = quoting.text(value.isoformat())
    return f"TIME {text}" if quoting.typed else text


def _span(value: dt.timedelta, quoting: Quoting) -> str:
    from multidb_explorer.backends.values import month_day_nano

    return written(month_day_nano(value), quoting)


def _list(value: list[Any], quoting: Quoting) -> str:
    if quoting.array is None:
        raise ValueNotRepresentable("A list can't be written into SQL text here.")
    return quoting.array([written(item, quoting) for item in value])


_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any, Quoting], str]], ...] = (
    (bool, _boolean),
    (int, lambda value, _: str(int(value))),
    (float, _float),
    (Decimal, _decimal),
    (str, lambda value, quoting: quoting.text(value)),
    ((bytes, bytearray, memoryview), lambda value, quoting: quoting.binary(bytes(value))),
    (uuid.UUID, lambda value, quoting: quoting.text(str(value))),
    (dt.datetime, _moment),
    (dt.date, _day),
    (dt.time, _clock),
    (dt.timedelta, _span),
    (list, _list),
)
