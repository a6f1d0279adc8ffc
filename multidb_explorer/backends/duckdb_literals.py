"""Values as DuckDB reads them in SQL text."""

from __future__ import annotations

from typing import Any

from multidb_explorer.backends.literals import Quoting, doubled

__all__ = ["DUCKDB"]


def _binary_literal(value: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"


def _text_literal(text: str) -> str:
    """Write a text; a statement ends at the character zero."""
    return f"decode({_binary_literal(text.encode())})" if "\0" in text else doubled(text)


def _interval_literal(value: Any) -> str:
    return f"INTERVAL '{value.months} months {value.days} days {value.nanoseconds // 1000} microseconds'"


DUCKDB = Quoting(
    text=_text_literal,
    binary=_binary_literal,
    not_finite=lambda value: f"'{value}'::DOUBLE",
    array=lambda items: f"[{', '.join(items)}]",
    interval=_interval_literal,
)
