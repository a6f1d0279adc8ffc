"""A move between two databases, and the judge of what a crash left of it.

In the source live users with their orders and the items of these; some of the users move with all that is theirs. The
flat work moves a table without relatives, in units of a few rows. The judge knows what was there before: no row may be
missing from both databases, no family may be torn, and nothing else may change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.transfer.report import TransferReport

__all__ = ["MOVES", "POINTS", "TABLES", "Contents", "Judge", "contents", "moved", "open_both", "prepare"]

POINTS = (
    "before_intent", "after_intent", "mid_insert", "before_target_commit", "after_target_commit", "after_copied",
    "after_verified", "after_source_lock", "mid_delete", "before_source_commit", "after_source_commit", "after_done",
    "mid_sequence_sync",
)  # fmt: skip
"""Where a move can be killed."""

METADATA = sa.MetaData()


def _key(name: str = "id") -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


TABLES = (
    sa.Table("users", METADATA, _key(), sa.Column("name", sa.String(40), nullable=False)),
    sa.Table(
        "orders",
        METADATA,
        _key(),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("total", sa.Numeric(10, 2)),
    ),
    sa.Table(
        "items",
        METADATA,
        _key(),
        sa.Column("order_id", sa.Integer, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("note", sa.String(40)),
    ),
    sa.Table("ledger", METADATA, _key(), sa.Column("amount", sa.Numeric(10, 2)), sa.Column("note", sa.String(40))),
)

Contents = dict[str, frozenset[tuple[Any, ...]]]
"""The rows of each table."""


def _rows(first: int, last: int) -> dict[str, list[dict[str, Any]]]:
    """Make families of users, and as many lines of the ledger."""
    users = range(first, last)
    orders = [(user * 10 + n, user) for user in users for n in range(2)]
    return {
        "users": [{"id": user, "name": f"Zoë {user} 😀"} for user in users],
        "orders": [
            {"id": key, "user_id": user, "total": Decimal(key) / 7 // 1 + Decimal("0.25")} for key, user in orders
        ],
        "items": [
            {"id": key * 10 + n, "order_id": key, "note": None if n else "it's"} for key, _ in orders for n in range(2)
        ],
        "ledger": [{"id": user, "amount": Decimal(user) / 4, "note": "" if user % 2 else None} for user in users],
    }


MOVES = {"family": ("users", "orders", "items"), "flat": ("ledger",)}
"""What is moved: the tables of each work."""
STAYING, LEAVING, THERE = (1, 4), (4, 9), (20, 23)
"""Numbers of the users that stay, that move, and that live in the target already."""


def open_both(source: str, target: str) -> tuple[Database, Database]:
    """Register both databases."""
    mdb.connect("old", source)
    mdb.connect("new", target)
    return databases["old"], databases["new"]


def prepare(source: Database, target: Database) -> None:
    """Fill both."""
    for database, groups in ((source, (STAYING, LEAVING)), (target, (THERE,))):
        METADATA.create_all(database.engine)
        with database.begin() as connection:
            for table in TABLES:
                for group in groups:
                    connection.execute(sa.insert(table), _rows(*group)[table.name])


def moved(work: str) -> TransferReport:
    """Do the move."""
    model = mdb.reflect(MOVES[work][0], using="old")
    rows = model.objects.filter(id__gte=LEAVING[0])
    related = "children" if work == "family" else "none"
    return mdb.move(rows, to="new", related=related, batch_size=2, progress=False)


def contents(database: Database) -> Contents:
    """Read everything."""
    with database.connect() as connection:
        return {table.name: frozenset(map(tuple, connection.execute(sa.select(table)).all())) for table in TABLES}


@dataclass
class Judge:
    """Knows both databases as they were, and says what is wrong with them now.

    Attributes
    ----------
    planned
        The rows that move.
    """

    work: str
    source: Contents
    target: Contents
    planned: Contents = field(init=False)

    def __post_init__(self) -> None:
        own = _rows(*LEAVING)
        self.planned = {
            name: frozenset(row for row in rows if name in MOVES[self.work] and row[0] in {r["id"] for r in own[name]})
            for name, rows in self.source.items()
        }

    def amiss(self, source: Contents, target: Contents) -> list[str]:
        """Say which rows are lost, torn apart, changed or invented."""
        found = []
        for name, planned in self.planned.items():
            lost = planned - source[name] - target[name]
            if lost:
                found.append(f"{name}: in neither database: {sorted(lost)[:3]}")
            if self.target[name] != target[name] - planned:
                found.append(f"{name}: the target has other rows besides than it had")
            if self.source[name] - planned != source[name] - planned:
                found.append(f"{name}: the source has other rows besides than it had")
        if self.work == "family" and not (self._whole(source) or self._whole(target)):
            found.append("a family is whole in neither database")
        return found

    def _whole(self, there: Contents) -> bool:
        return all(planned <= there[name] for name, planned in self.planned.items())

    def done(self, source: Contents, target: Contents) -> list[str]:
        """Say what a finished move left undone."""
        found = self.amiss(source, target)
        for name, planned in self.planned.items():
            if not planned <= target[name]:
                found.append(f"{name}: not all rows came")
            if planned & source[name]:
                found.append(f"{name}: not all rows left")
        return found
