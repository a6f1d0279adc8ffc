"""What a person types into an editor, as the value that its column holds, and the value as text to edit.

The two are each other's inverse: the text of a value reads back as that very value.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import month_day_nano
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.results.spelling import interval_text

__all__ = ["Unreadable", "editable", "parsed", "reason_of"]


class Unreadable(ValueError):
    """A text that no value of the column's kind is written as; it says why, as a sentence for the user."""


def parsed(text: str, kind: Kind) -> Any:
    r"""Read what was typed. Limits of the column (range, length, digits) are the database's own to check.

    Parameters
    ----------
    text
        As it stands in the editor; NULL is never a text.
    kind
        What the column holds.

    Raises
    ------
    Unreadable
        Saying what such a value looks like.

    Examples
    --------
    >>> parsed("yes", Kind("boolean")), parsed("0x00ff", Kind("binary")), parsed("PT1.5S", Kind("interval"))
    (True, b'\x00\xff', MonthDayNano(months=0, days=0, nanoseconds=1500000000))
    """
    if kind.name not in _EXAMPLES:
        return text
    if not text.strip() and kind.name != "binary":
        raise Unreadable(f"Nothing is typed: write {_EXAMPLES[kind.name]}, or set NULL.")
    try:
        return _READ[kind.name](text.strip()) if kind.name in _READ else _READ_AS[kind.name](text.strip(), kind)
    except Unreadable:
        raise
    except (ValueError, ArithmeticError, RecursionError):
        raise Unreadable(f"{_short(text)} is no {kind}: write {_EXAMPLES[kind.name]}.") from None


def reason_of(error: Exception) -> str:
    """Give a refusal as a sentence that stands beside the field, without naming the column again.

    Examples
    --------
    >>> reason_of(ValueNotRepresentable("Column 'n' can't hold 1.5: it is not whole.", reason="it is not whole"))
    'It is not whole.'
    """
    reason = error.reason if isinstance(error, ValueNotRepresentable) else ""
    return f"{reason[0].upper()}{reason[1:]}." if reason else str(error)


def editable(value: Any, kind: Kind) -> str:
    r"""Give the text by which a value is edited, whole and exact; NULL has none and is the empty text.

    Examples
    --------
    >>> editable(b"\x00\xff", Kind("binary")), editable(2**60, Kind("integer"))
    ('00ff', '1152921504606846976')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dt.timedelta):
        return interval_text(month_day_nano(value))
    if type(value).__name__ == "MonthDayNano":
        return interval_text(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, list | tuple):
        return _list_text(value, kind.item or Kind("other"))
    return format(value, "f") if kind.name == "decimal" and hasattr(value, "as_tuple") else str(value)


def _list_text(values: Sequence[Any], kind: Kind) -> str:
    """Write a list as JSON whose numbers have all their digits."""
    plain = kind.name in ("integer", "float", "decimal", "boolean")
    items = [
        "null"
        if item is None
        else editable(item, kind)
        if plain
        else json.dumps(editable(item, kind), ensure_ascii=False)
        for item in values
    ]
    return f"[{', '.join(items)}]"


# Texts of a kind


def _whole(text: str) -> int:
    # Python also takes 1_000, which a table never shows.
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError
    return float(text)


def _decimal(text: str) -> Decimal:
    if "_" in text:
        raise ValueError
    return Decimal(text)


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _time(text: str) -> dt.time:
    return dt.time.fromisoformat(text)


def _timestamp(text: str, kind: Kind) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    if kind.tz and found.tzinfo is None:
        raise Unreadable(f"{_short(text)} says no time zone: end it with Z for UTC, or with an offset such as +01:00.")
    if found.tzinfo is not None and not kind.tz:
        raise Unreadable(f"{_short(text)} has a time zone, and the column keeps none: leave it out.")
    return found


def _json_text(text: str) -> str:
    json.loads(text)
    return text


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:] if text[:2].lower() in ("0x", "\\x") else text)


def _list(text: str, kind: Kind) -> list[Any]:
    # Decimals, so that no number is rounded on its way.
    found = json.loads(text, parse_float=Decimal)
    if not isinstance(found, list):
        raise ValueError  # noqa: TRY004 - of the text, not of its type
    inner = kind.item or Kind("other")
    return [parsed(item, inner) if isinstance(item, str) else item for item in found]


def _uuid(text: str) -> uuid.UUID:
    return uuid.UUID(text)


_INTERVAL = re.compile(
    r"P(?:(?P<years>[+-]?\d+)Y)?(?:(?P<months>[+-]?\d+)M)?(?:(?P<weeks>[+-]?\d+)W)?(?:(?P<days>[+-]?\d+)D)?"
    r"(?:T(?:(?P<hours>[+-]?\d+)H)?(?:(?P<minutes>[+-]?\d+)M)?(?:(?P<sign>[+-]?)(?P<seconds>\d+)(?P<fraction>\.\d{1,9})?S)?)?"
)
_CLOCK = re.compile(
    r"(?:(?P<months>-?\d+) mon ?)?(?:(?P<days>-?\d+) d ?)?"
    r"(?:(?P<sign>-?)(?P<hours>\d+):(?P<minutes>\d\d)(?::(?P<seconds>\d\d)(?P<fraction>\.\d{1,9})?)?)?"
)
_SECOND = 10**9


def _interval(text: str) -> Any:
    """Read ISO 8601 (``P1M2DT3H``), or what the grid shows (``1 mon 2 d 03:00:00``)."""
    import pyarrow as pa

    found = _INTERVAL.fullmatch(text.upper()) if text[:1] in "Pp" else _CLOCK.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError
    part = {name: int(given or 0) for name, given in found.groupdict().items() if name not in ("sign", "fraction")}
    fraction = int((found["fraction"] or ".0")[1:].ljust(9, "0"))
    seconds = part["seconds"] * _SECOND + fraction
    clock = (part["hours"] * 3600 + part["minutes"] * 60) * _SECOND
    negative = found["sign"] == "-"
    if text[:1] in "Pp":
        nanoseconds = clock - seconds if negative else clock + seconds
    else:
        nanoseconds = -(clock + seconds) if negative else clock + seconds
    months = part["months"] + 12 * part.get("years", 0)
    return pa.MonthDayNano([months, part["days"] + 7 * part.get("weeks", 0), nanoseconds])


_READ: dict[str, Callable[[str], Any]] = {
    "integer": _whole,
    "float": _number,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "time": _time,
    "interval": _interval,
    "uuid": _uuid,
    "json": _json_text,
    "binary": _bytes,
}
_READ_AS: dict[str, Callable[[str, Kind], Any]] = {"timestamp": _timestamp, "array": _list}
_EXAMPLES = {
    "integer": "a whole number such as 42",
    "float": "a number such as 0.5 or 1e-3",
    "decimal": "a number such as 19.99",
    "boolean": "true or false",
    "date": "a date such as 2026-11-22",
    "time": "a time such as 14:30 or 14:30:05.25",
    "timestamp": "a date and time such as 2026-11-22 14:30:00",
    "interval": "a span such as P1DT2H30M or 02:30:00",
    "uuid": "a UUID such as f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "json": 'JSON such as {"a": [1, 2]} or "text"',
    "binary": "hexadecimal digits such as 00ff",
    "array": "a JSON list such as [1, 2, 3]",
}


def _short(text: str) -> str:
    plain = text.strip()
    return repr(plain if len(plain) <= 40 else f"{plain[:39]}…")
