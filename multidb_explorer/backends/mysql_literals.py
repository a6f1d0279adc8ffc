"""Values as MySQL reads them in SQL text."""

from __future__ import annotations

from multidb_explorer.backends.literals import Quoting, doubled

__all__ = ["MYSQL"]


def _text_literal(text: str) -> str:
    """Write a text; whether a backslash begins an escape is a setting of the session that reads the file."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)" if "\\" in text or "\0" in text else doubled(text)


MYSQL = Quoting(text=_text_literal, zones=False, head="SET NAMES utf8mb4, time_zone = '+00:00';")
