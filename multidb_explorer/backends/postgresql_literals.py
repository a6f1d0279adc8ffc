"""Values as PostgreSQL reads them in SQL text."""

from __future__ import annotations

from typing import Any

from multidb_explorer.backends.literals import Quoting, doubled

__all__ = ["POSTGRESQL"]


def _text(text: str) -> str:
    """Write a text; what a backslash means in plain quotes is a setting of the session that reads the file."""
    return "E" + doubled(text.replace("\\", "\\\\")) if "\\" in text else doubled(text)


def _bytes(value: bytes) -> str:
    return f"decode('{value.hex()}', 'hex')"


def _interval(value: Any) -> str:
    months, days, nanoseconds = value
    return f"INTERVAL '{months} months {days} days {nanoseconds // 1000} microseconds'"


POSTGRESQL = Quoting(
    text=_text,
    binary=_bytes,
    not_finite=lambda value: f"'{value}'::float8",
    # Without brackets for an empty list, whose type nobody could tell.
    array=lambda items: f"ARRAY[{', '.join(items)}]" if items else "'{}'",
    interval=_interval,
)
