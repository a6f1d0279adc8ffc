"""One change of one row: what a change set consists of, what is committed, and what the history keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Change", "Delete", "Insert", "NewKey", "Update"]

Values = Mapping[str, Any]
"""Canonical values by the column's name in the database."""


@dataclass(frozen=True)
class Insert:
    """A new row.

    Attributes
    ----------
    values
        What was given; columns that are missing get the database's default.
    token
        Tells new rows apart while they have no key yet.

    Examples
    --------
    >>> Insert("users", {"id": 1, "name": "Ann"}).table
    'users'
    """

    table: str
    values: Values
    token: str = ""
    schema: str | None = None


@dataclass(frozen=True)
class Update:
    """New values for some columns of the row under a key.

    Attributes
    ----------
    key
        As it was read; an update of a key column has its new value in `values`.
    values
        The columns that change, with their new values.
    original
        What the row held when it was read: of the columns that change at least.

    Examples
    --------
    >>> Update("users", {"id": 1}, {"name": "Bo"}, {"name": "Ann"}).values
    {'name': 'Bo'}
    """

    table: str
    key: Values
    values: Values
    original: Values = field(default_factory=dict)
    schema: str | None = None


@dataclass(frozen=True)
class Delete:
    """The end of the row under a key.

    Attributes
    ----------
    original
        What the row held when it was read.

    Examples
    --------
    >>> Delete("users", {"id": 1}, {"id": 1, "name": "Ann"}).key
    {'id': 1}
    """

    table: str
    key: Values
    original: Values = field(default_factory=dict)
    schema: str | None = None


@dataclass(frozen=True)
class NewKey:
    """What the database will number a staged row with: the value of a foreign key until then.

    Examples
    --------
    >>> print(NewKey("users", "id", "4f"))
    (id of the new users row)
    """

    table: str
    column: str
    token: str

    def __str__(self) -> str:
        return f"({self.column} of the new {self.table} row)"


Change: TypeAlias = Insert | Update | Delete
