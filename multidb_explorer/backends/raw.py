"""What a product says of the columns of SQL text that a person wrote.

The text is anybody's: nothing changes what it means, and what can't be known of it is left to the plain cursor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn

__all__ = ["Bind", "Described", "Prepared", "is_query", "leaves_transaction"]

Bind = Callable[[str], sa.Executable]
"""Makes a statement with its bound values of SQL text."""


@dataclass(frozen=True)
class Described:
    """A column of SQL text.

    Attributes
    ----------
    type_name
        The product's own name of its type, where that is known and its values are text.
    rounded
        Where the product sends rounded values: why, and how to have all digits, as a sentence.
    """

    column: ResultColumn
    type_name: str = ""
    rounded: str = ""


@dataclass(frozen=True)
class Prepared:
    """A statement whose columns were known before it ran, so that the product's own reader can read it."""

    statement: sa.Executable
    columns: tuple[Described, ...]


_SEVERAL = re.compile(r";\s*\S")
_UNSURE = re.compile(r"[\\$]|/\*")
_TEXTS = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*""")
_OTHER_SETTING = r"\s+(?:(?:local|session)\s+)?(?!transaction)[a-z]\w*\s*(?:=|to\b)"
"""What follows SET where it plainly lets the transaction stay one that only reads."""
_LEAVES = re.compile(
    rf"\b(?:commit|end|abort|rollback|prepare|begin|start|reset|set(?!{_OTHER_SETTING}))\b", re.IGNORECASE
)
_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values|table|from)\b", re.IGNORECASE | re.DOTALL)


def is_query(sql: str) -> bool:
    r"""Tell whether SQL text asks for rows in a way that can stand inside another statement.

    Examples
    --------
    >>> is_query("-- all of them\nselect * from t"), is_query("explain select 1")
    (True, False)
    """
    return _QUERY.match(sql) is not None


def leaves_transaction(sql: str) -> bool:
    """Tell whether SQL text may end the transaction that it is run in, or let it write, and go on then.

    Some drivers run several statements at once. Products differ in what is quoted and what is a comment, so where that
    is not plain this says yes rather too often: of several statements that have such a word anywhere.

    Examples
    --------
    >>> leaves_transaction("commit; delete from t"), leaves_transaction("select 1;"), leaves_transaction("commit")
    (True, False, False)
    >>> leaves_transaction("select case n when 1 then '; x' end from t; -- all")
    False
    """
    if not _UNSURE.search(sql):
        sql = _TEXTS.sub(lambda found: " " if found[0].startswith("--") else "''", sql)
    return _SEVERAL.search(sql) is not None and _LEAVES.search(sql) is not None
