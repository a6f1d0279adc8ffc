"""The order of the rows, and the conditions that find what follows a given row in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from multidb_explorer.connections.database import Database
from multidb_explorer.query.source import Field

__all__ = ["NullOrder", "OrderKey", "null_order", "pieces", "reverse"]

Condition = sa.ColumnElement[bool]

# Kinds whose comparison agrees with their order in every product; an enum may sort by position and compare as text.
_COMPARABLE = frozenset({"integer", "float", "decimal", "boolean", "text", "date", "time", "timestamp", "uuid"})


@dataclass(frozen=True)
class NullOrder:
    """Where a database puts NULL when nothing is said."""

    first_ascending: bool
    first_descending: bool

    def first(self, *, descending: bool) -> bool:
        """Tell whether NULL comes before everything else."""
        return self.first_descending if descending else self.first_ascending


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

    def ordering(self, database: Database) -> sa.ColumnElement[Any]:
        """Write the column for ORDER BY; the place of NULL is said only where the database would choose the other."""
        column = self.field.column
        written = column.desc() if self.descending else column.asc()
        if not self.field.nullable or null_order(database).first(descending=self.descending) == self.nulls_first:
            return written
        return written.nulls_first() if self.nulls_first else written.nulls_last()

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


def pieces(order: Sequence[OrderKey], key: Sequence[Any] | None) -> Iterator[Condition | None]:
    """Give the conditions of the rows from a key on, itself included, one after the other in the order of the rows.

    One condition for all of them would need OR, and then no database uses the index.
    """
    if key is None:
        yield None
        return
    last = len(order) - 1
    for place in range(last, -1, -1):
        same = [order[before].equals(key[before]) for before in range(place)]
        for condition in order[place].beyond(key[place], inclusive=place == last):
            yield sa.and_(*same, condition)


def null_order(database: Database) -> NullOrder:
    """Ask a database once where it puts NULL."""
    return database.memo("null order", lambda: _ask_null_order(database))


def _ask_null_order(database: Database) -> NullOrder:
    values = sa.union_all(
        sa.select(sa.literal(1, sa.Integer()).label("v")), sa.select(sa.cast(sa.null(), sa.Integer()).label("v"))
    ).subquery()
    with database.connect() as connection:
        up = connection.execute(sa.select(values.c.v).order_by(values.c.v.asc())).scalars().all()
        down = connection.execute(sa.select(values.c.v).order_by(values.c.v.desc())).scalars().all()
    return NullOrder(up[0] is None, down[0] is None)
