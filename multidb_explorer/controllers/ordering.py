"""The order of the rows, and the conditions that find what follows a given row in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.query.source import Field

__all__ = ["OrderKey", "Piece", "pieces", "reverse"]

Condition = sa.ColumnElement[bool]

# Kinds whose comparison agrees with their order in every product; an enum may sort by position and compare as text.
_COMPARABLE = frozenset({"integer", "float", "decimal", "boolean", "text", "date", "time", "timestamp", "uuid"})


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of the rows, in their order.

    Attributes
    ----------
    condition
        What its rows fulfil; ``None`` for all rows.
    settled
        How many columns of the order, from the first, are one value or never NULL in it, so that their order needs no
        word about NULL: with one, many a database can't use the index.
    """

    condition: Condition | None = None
    settled: int = 0


@dataclass(frozen=True)
class OrderKey:
    """One column of the order.

    Attributes
    ----------
    place
        Position of the column among the fields.
    nulls_first
        Where NULL stands in the order that is shown.
    """

    field: Field
    place: int
    descending: bool
    nulls_first: bool

    @property
    def comparable(self) -> bool:
        """Whether a value that was read finds its place again; a 32-bit float may be rounded when read."""
        kind = self.field.kind
        return kind.name in _COMPARABLE and not (kind.name == "float" and kind.bits == 32)

    def ordering(self, database: Database, *, settled: bool = False) -> tuple[sa.ColumnElement[Any], ...]:
        """Write the column for ORDER BY; NULL is smaller than everything else, in every product."""
        nullable = self.field.nullable and not settled
        nulls = "first" if self.nulls_first else "last"
        column = self.field.column
        return database.backend.ordered(column, descending=self.descending, nulls=nulls, nullable=nullable)

    def equals(self, value: Any) -> Condition:
        """Test for a value, NULL too."""
        return self.field.column.is_(None) if value is None else self.field.column == value

    def beyond(self, value: Any, *, inclusive: bool = False) -> Iterator[Condition]:
        """Give the conditions, in order, of what follows a value in this column."""
        column = self.field.column
        if value is None:
            if inclusive:
                yield column.is_(None)
            if self.nulls_first:
                yield column.is_not(None)
            return
        if self.descending:
            yield column <= value if inclusive else column < value
        else:
            yield column >= value if inclusive else column > value
        if self.field.nullable and not self.nulls_first:
            yield column.is_(None)


def reverse(order: Sequence[OrderKey]) -> tuple[OrderKey, ...]:
    """Turn an order around, NULLs included."""
    return tuple(replace(key, descending=not key.descending, nulls_first=not key.nulls_first) for key in order)


def pieces(order: Sequence[OrderKey], key: Sequence[Any] | None) -> Iterator[Piece]:
    """Give the rows from a key on, itself included, piece by piece in the order of the rows.

    One condition for all of them would need OR, and then no database uses the index.
    """
    if key is None:
        yield from _from_the_start(order)
        return
    last = len(order) - 1
    for place in range(last, -1, -1):
        same = [order[before].equals(key[before]) for before in range(place)]
        for condition in order[place].beyond(key[place], inclusive=place == last):
            yield Piece(sa.and_(*same, condition), place + 1)


def _from_the_start(order: Sequence[OrderKey]) -> Iterator[Piece]:
    if not order or not order[0].field.nullable:
        yield Piece()
        return
    column = order[0].field.column
    parts = [column.is_(None), column.is_not(None)]
    for condition in parts if order[0].nulls_first else reversed(parts):
        yield Piece(condition, 1)
