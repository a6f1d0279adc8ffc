"""Values as SQLite reads them in SQL text."""

from __future__ import annotations

import math

from multidb_explorer.backends.literals import Quoting, doubled

__all__ = ["SQLITE"]


def _text_literal(text: str) -> str:
    """Write a text; a literal would end at the character zero."""
    return f"CAST(X'{text.encode().hex()}' AS TEXT)" if "\0" in text else doubled(text)


def _far_literal(value: float) -> str:
    """Write an infinity as a number that is too large, which is read as one; a NaN is stored as NULL."""
    return "NULL" if math.isnan(value) else "9e999" if value > 0 else "-9e999"


SQLITE = Quoting(text=_text_literal, boolean=("0", "1"), not_finite=_far_literal, typed=False)
