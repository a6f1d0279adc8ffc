"""Whether what a reader gave is what stands in the database.

``right``: the value itself, NULL and only NULL missing. ``changed``: another type in which the value can still be
found exactly (an integer as an equal float, a date as a moment at midnight, a number as text). ``wrong``: another
value, silently. ``refused``: an error instead of values.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["CHANGED", "REFUSED", "RIGHT", "WRONG", "judged"]

RIGHT, CHANGED, WRONG, REFUSED = "right", "changed", "wrong", "refused"
_BADNESS = (RIGHT, CHANGED, WRONG)


def judged(form: str, wanted: Sequence[Any], found: Sequence[Any]) -> str:
    """Judge a column by the worst of its values."""
    if len(wanted) != len(found):
        return WRONG
    has_nan = any(isinstance(value, float) and math.isnan(value) for value in wanted)
    verdicts = [_one(form, want, _plain(got), has_nan=has_nan) for want, got in zip(wanted, found, strict=True)]
    return max(verdicts, key=_BADNESS.index)


def _plain(value: Any) -> Any:
    """Take the wrappers of NumPy and pandas off."""
    kind = type(value)
    if kind.__name__ in ("NAType", "NaTType"):
        return None
    if kind.__module__ == "numpy":
        if kind.__name__ == "ndarray":
            return [_plain(item) for item in value.tolist()]
        found = value.item()
        return value if isinstance(found, int) and kind.__name__.endswith("64") and "time" in kind.__name__ else found
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _one(form: str, want: Any, got: Any, *, has_nan: bool) -> str:
    if want is None:
        return RIGHT if got is None or (_missing(got) and not has_nan) else WRONG
    if got is None:
        return WRONG
    if isinstance(got, float) and math.isnan(got) and not has_nan:
        return WRONG
    try:
        return _JUDGES[form](want, got)
    except (ValueError, TypeError, AttributeError, InvalidOperation, OverflowError):
        return WRONG


def _either(right: bool, changed: bool) -> str:
    return RIGHT if right else CHANGED if changed else WRONG


def _integer(want: int, got: Any) -> str:
    is_whole = isinstance(got, int) and not isinstance(got, bool)
    return _either(is_whole and got == want, _number(got) == want)


def _number(value: Any) -> Decimal:
    """Give the number that a value is, exactly."""
    return Decimal(int.from_bytes(value)) if isinstance(value, bytes) else Decimal(value)


def _float(want: float, got: Any) -> str:
    if isinstance(got, float):
        same = struct.pack("d", want) == struct.pack("d", got) or (math.isnan(want) and math.isnan(got))
        return RIGHT if same else WRONG
    return _either(False, float(got) == want)


def _single(want: float, got: Any) -> str:
    # Both the single itself and its shortest digits name the number that is stored.
    same = struct.pack("f", want) == struct.pack("f", float(got))
    return _either(same and isinstance(got, float), same)


def _decimal(want: Decimal, got: Any) -> str:
    is_exact = isinstance(got, Decimal | int) and not isinstance(got, bool)
    return _either(is_exact and got == want, _number(got) == want)


def _decimal_text(want: Decimal, got: Any) -> str:
    return _either(_number(got) == want and not isinstance(got, float), False)


def _decimal_in_double(want: Decimal, got: Any) -> str:
    """Judge where the database itself keeps a decimal as the nearest double (SQLite)."""
    return CHANGED if isinstance(got, float) and Decimal(repr(got)) == want else _decimal(want, got)


def _boolean(want: bool, got: Any) -> str:
    if isinstance(got, bool):
        return RIGHT if got == want else WRONG
    return _either(False, _number(got) == want)


def _text(want: str, got: Any) -> str:
    if isinstance(got, bytes):
        return _either(False, got.decode() == want)
    return _either(isinstance(got, str) and got == want, str(got) == want)


def _date(want: dt.date, got: Any) -> str:
    if isinstance(got, dt.datetime):
        return _either(False, got.date() == want and got.time() == dt.time())
    return _either(isinstance(got, dt.date) and got == want, str(got)[:10] == want.isoformat())


def _nanoseconds(value: Any) -> bool:
    return bool(getattr(value, "nanosecond", 0))


def _timestamp(want: dt.datetime, got: Any) -> str:
    if isinstance(got, str):
        return _either(False, dt.datetime.fromisoformat(got) == want)
    if got.tzinfo is not None:
        return _either(False, got.replace(tzinfo=None) == want)
    return _either(got == want and not _nanoseconds(got), False)


def _instant(want: dt.datetime, got: Any) -> str:
    got = dt.datetime.fromisoformat(got) if isinstance(got, str) else got
    if got.tzinfo is None:
        return _either(False, got == want.replace(tzinfo=None))
    return _either(got == want and not _nanoseconds(got), False)


def _time(want: dt.time, got: Any) -> str:
    if isinstance(got, dt.timedelta):
        return _either(False, dt.datetime.min + got == dt.datetime.combine(dt.date.min, want))
    if isinstance(got, str):
        return _either(False, dt.time.fromisoformat(got) == want)
    return _either(isinstance(got, dt.time) and got == want, False)


def _interval(want: Any, got: Any) -> str:
    if type(got).__name__ == "MonthDayNano":
        return RIGHT if got == want else WRONG
    if type(got).__name__ == "DateOffset":
        parts = {"months": want.months, "days": want.days, "nanoseconds": want.nanoseconds}
        same = {name: n for name, n in got.kwds.items() if n} == {name: n for name, n in parts.items() if n}
        return RIGHT if same else WRONG
    if isinstance(got, dt.timedelta):
        whole = dt.timedelta(days=want.days, microseconds=want.nanoseconds // 1000)
        return _either(False, want.months == 0 and got == whole)
    return CHANGED if isinstance(got, str) else WRONG


def _uuid(want: uuid.UUID, got: Any) -> str:
    if isinstance(got, bytes):
        return _either(False, got == want.bytes)
    return _either(str(got) == str(want), False)


def _json(want: str, got: Any) -> str:
    if isinstance(got, bytes):
        got = got.decode()
        return _either(False, _content(got) == _content(want))
    if isinstance(got, str):
        # The driver may have parsed a document that is a text.
        same = _content(got) == _content(want) if _is_json(got) else got == _content(want)
        return _either(got == want, same)
    return _either(False, _exact(got) == _content(want))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _content(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _exact(value: Any) -> Any:
    """Give a parsed document with its floats as what they are."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


def _binary(want: bytes, got: Any) -> str:
    return _either(isinstance(got, bytes) and got == want, isinstance(got, str) and got.encode("latin-1") == want)


def _array(want: list[Any], got: Any) -> str:
    if isinstance(got, str):
        return CHANGED
    items = [_plain(item) for item in got]
    if len(items) != len(want):
        return WRONG
    return max((_item(one, other) for one, other in zip(want, items, strict=True)), key=_BADNESS.index, default=RIGHT)


def _item(want: Any, got: Any) -> str:
    if want is None or got is None:
        return RIGHT if want is None and _missing(got) else WRONG
    return _JUDGES[_FORMS[type(want)]](want, got)


def _other(want: tuple[Any, ...], got: Any) -> str:
    """Judge by the database's own text, or the objects that say as much; bytes that nobody decoded are no value."""
    text = str(want[0])
    if isinstance(got, bytes):
        return CHANGED
    alike = isinstance(got, list | tuple | dict) and any(_listed(got) == _listed(one) for one in want[1:])
    if alike or any(type(got) is type(one) and got == one for one in want):
        return RIGHT
    shown = str(got)
    return _either(_bare(shown) == _bare(text) and not isinstance(got, float), False)


def _bare(text: str) -> str:
    return text.replace(" ", "")


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return [[key, _listed(item)] for key, item in value.items()]
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


_FORMS: dict[type, str] = {int: "integer", str: "text", Decimal: "decimal", dt.datetime: "instant"}

_JUDGES: dict[str, Callable[[Any, Any], str]] = {
    "integer": _integer,
    "float": _float,
    "single": _single,
    "decimal": _decimal,
    "decimal text": _decimal_text,
    "decimal in a double": _decimal_in_double,
    "boolean": _boolean,
    "text": _text,
    "enum": _text,
    "date": _date,
    "timestamp": _timestamp,
    "instant": _instant,
    "time": _time,
    "interval": _interval,
    "uuid": _uuid,
    "json": _json,
    "binary": _binary,
    "array": _array,
    "other": _other,
}
