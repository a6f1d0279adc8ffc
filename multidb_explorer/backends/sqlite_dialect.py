"""SQLite's dialect with column types told by the words of their declared names."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.types import TypeEngine

__all__ = ["Declared", "MultiDBSQLiteDialect"]


class Declared(sa.types.UserDefinedType[Any]):
    """A declared name that nobody knows: SQLite stores anything in such a column.

    Parameters
    ----------
    spelling
        The name.
    """

    cache_ok = True

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling

    def get_col_spec(self, **_: Any) -> str:
        return self.spelling


# The rules of SQLite's affinity, but by whole words where a part of one misleads: a POINT is no INT.
_KNOWN = re.compile(
    r"\bU?(?:TINY|SMALL|MEDIUM|BIG|HUGE|LONG)?INT(?:EGER)?\d*\b|CHAR|CLOB|TEXT|REAL|FLOA|DOUB"
    r"|\b(?:NUMERIC|DECIMAL|DEC|NUMBER)\b"
)
_SIZED = re.compile(r"CHAR|CLOB|TEXT|\b(?:NUMERIC|DECIMAL|DEC|NUMBER)\b")
_POINT = re.compile(r"\s*\bPOINT\b")


class MultiDBSQLiteDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect, which takes every name that it does not know for a decimal's."""

    supports_statement_cache = True

    def _resolve_type_affinity(self, type_: str) -> TypeEngine[Any]:
        name, bracket, rest = type_.partition("(")
        name = name.strip()
        if not name or name in self.ischema_names or _KNOWN.search(name):
            # Read as they stand, a POINT is an INT, DATETIME (6) no DATETIME, and DATETIME(6) one with a time zone.
            size = f"{bracket}{rest}" if _SIZED.search(name) else ""
            plain = f"{_POINT.sub('', name)}{size}"
            found: TypeEngine[Any] = super()._resolve_type_affinity(plain)  # type: ignore[no-untyped-call]
            return found
        return sa.BLOB() if "BLOB" in name else Declared(type_)
