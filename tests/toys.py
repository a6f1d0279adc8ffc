"""Makers make toys, toys have themes and are sold: relations to several rows on every side, and repeated values."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases

Row = dict[str, Any]


class Maker(mdb.Model):
    """Who makes toys; may have a boss."""

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(20))
    boss_id = sa.Column(sa.Integer, sa.ForeignKey("makers.id"))

    class Meta:
        table = "makers"


class Toy(mdb.Model):
    """A toy, of one maker and of some themes."""

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(40), nullable=False)
    price = sa.Column(sa.Integer)
    maker_id = sa.Column(sa.Integer, sa.ForeignKey("makers.id"), nullable=False)

    class Meta:
        table = "toys"
        relations = {"themes": {"through": "toy_themes"}}  # noqa: RUF012 - read once


class Theme(mdb.Model):
    """What toys have in common."""

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    label = sa.Column(sa.String(20))

    class Meta:
        table = "themes"


class ToyTheme(mdb.Model):
    """Which toy has which theme."""

    toy_id = sa.Column(sa.Integer, sa.ForeignKey("toys.id"), primary_key=True, autoincrement=False)
    theme_id = sa.Column(sa.Integer, sa.ForeignKey("themes.id"), primary_key=True, autoincrement=False)

    class Meta:
        table = "toy_themes"


class Sale(mdb.Model):
    """So many of a toy, at one moment."""

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    toy_id = sa.Column(sa.Integer, sa.ForeignKey("toys.id"), nullable=False)
    number = sa.Column(sa.Integer)
    sold = sa.Column(sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"))

    class Meta:
        table = "sales"


MODELS: tuple[type[mdb.Model], ...] = (Maker, Toy, Theme, ToyTheme, Sale)


def tables() -> sa.MetaData:
    """The tables as the models declare them."""
    metadata = sa.MetaData()
    for model in MODELS:
        columns = [getattr(model, name)._copy() for name in model._source.names]
        sa.Table(str(model._meta.table), metadata, *columns)
    return metadata


def make(alias: str, url: str, rows: dict[str, list[Row]] | None = None) -> Database:
    """Register an alias and put toys into it."""
    mdb.connect(alias, url)
    database = databases[alias]
    metadata = tables()
    metadata.create_all(database.engine)
    with database.begin() as connection:
        for name, values in (rows or {}).items():
            for value in values:
                # One at a time: a maker's boss must be there before the maker is.
                connection.execute(metadata.tables[name].insert(), value)
    return database


@dataclass
class World:
    """Random rows, and what Python finds in them."""

    seed: int
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dice = random.Random(self.seed)
        makers = [{"id": i, "name": dice.choice(["Ada", "Bea", None]), "boss_id": None} for i in range(1, 5)]
        toys = [
            {
                "id": 10 + i,
                "name": dice.choice(["Bear", "bear", "Ball"]),
                "price": dice.choice([None, 1, 2, 2, 3]),
                "maker_id": dice.randint(1, 3),
            }
            for i in range(9)
        ]
        themes = [{"id": 100 + i, "label": label} for i, label in enumerate(["red", "soft", "red", None])]
        links = [
            {"toy_id": toy["id"], "theme_id": theme["id"]}
            for toy in toys
            for theme in themes
            if toy["id"] != 10 and dice.random() < 0.45
        ]
        sales = [
            {"id": 1000 + i, "toy_id": dice.choice(toys[1:])["id"], "number": dice.choice([None, 1, 2, 3, 5])}
            for i in range(22)
        ]
        self.rows = {"makers": makers, "toys": toys, "themes": themes, "toy_themes": links, "sales": sales}

    def toys_of(self, maker: int) -> list[Row]:
        return [toy for toy in self.rows["toys"] if toy["maker_id"] == maker]

    def sales_of(self, toy: int) -> list[Row]:
        return [sale for sale in self.rows["sales"] if sale["toy_id"] == toy]

    def themes_of(self, toy: int) -> list[Row]:
        chosen = [link["theme_id"] for link in self.rows["toy_themes"] if link["toy_id"] == toy]
        return [theme for theme in self.rows["themes"] if theme["id"] in chosen]
