"""A small shop with every kind of relation that a write has to look at, on any engine."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

import multidb_explorer as mdb
from multidb_explorer.connections.confirming import confirmed
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases

USERS = [
    {"id": 1, "name": "Ann", "country": "FR", "score": 10},
    {"id": 2, "name": "Bo", "country": None, "score": None},
    {"id": 3, "name": "Çağla", "country": "TR", "score": 30},
    {"id": 4, "name": "", "country": "FR", "score": 40},
]
ORDERS = [
    {"id": 10, "user_id": 1, "total": Decimal("19.99"), "placed": dt.datetime(2026, 1, 2, 3, 4, 5)},
    {"id": 11, "user_id": 1, "total": Decimal("0.01"), "placed": dt.datetime(2026, 1, 2, 3, 4, 5, 678901)},
    {"id": 12, "user_id": 3, "total": Decimal("12345678.90"), "placed": dt.datetime(9999, 12, 31)},
]
LINES = [{"order_id": 10, "line": 1, "product": "tea"}, {"order_id": 10, "line": 2, "product": "mug"}]


def tables() -> sa.MetaData:
    """Users have orders, orders have lines (a key of two columns); users may have a boss, who is a user."""
    metadata = sa.MetaData()
    sa.Table(
        "users",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("country", sa.String(2)),
        sa.Column("score", sa.Integer),
        sa.Column("boss_id", sa.ForeignKey("users.id")),
    )
    sa.Table(
        "orders",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
        sa.Column("total", sa.Numeric(10, 2), nullable=False),
        sa.Column("placed", sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")),
    )
    sa.Table(
        "order_lines",
        metadata,
        sa.Column("order_id", sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("product", sa.String(40)),
    )
    return metadata


def make(alias: str, url: str, *, rows: bool = True, **settings: object) -> Database:
    """Register an alias and put the shop into it."""
    mdb.connect(alias, url, **settings)
    database = databases[alias]
    metadata = tables()
    metadata.create_all(database.engine)
    if rows:
        with confirmed(alias), database.begin() as connection:
            for name, values in (("users", USERS), ("orders", ORDERS), ("order_lines", LINES)):
                connection.execute(metadata.tables[name].insert(), values)
    return database


class User(mdb.Model):
    """A user, declared."""

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20), nullable=False)
    country = sa.Column(sa.String(2))
    score = sa.Column(sa.Integer)
    boss_id = sa.Column(sa.Integer)

    class Meta:
        table = "users"
        using = "legacy"
