"""What a product says of the columns of SQL text that a person wrote.

The text is anybody's: nothing changes what it means, and what can't be known of it is left to the plain cursor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn

__all__ = ["Bind", "Described", "Prepared", "is_query"]

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


_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values|table|from)\b", re.IGNORECASE | re.DOTALL)


def is_query(sql: str) -> bool:
    r"""Tell whether SQL text asks for rows in a way that can stand inside another statement.

    Examples
    --------
    >>> is_query("-- all of them\nselect * from t"), is_query("explain select 1")
    (True, False)
    """
    return _QUERY.match(sql) is not None
