"""Columns that name a collation of their own are read like any other."""

from __future__ import annotations

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases


def test_a_column_with_a_collation_of_its_own_is_reflected(target, url):
    collation = {"postgresql": "C", "mariadb": "utf8mb4_bin", "sqlite": "NOCASE", "duckdb": "NOCASE"}[target.backend]
    mdb.configure({"default": url})
    metadata = sa.MetaData()
    name = sa.Column("name", sa.String(20, collation=collation))
    words = sa.Table("words", metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), name)
    with databases["default"].begin() as connection:
        metadata.create_all(connection)
        connection.execute(words.insert(), [{"id": 1, "name": "b"}, {"id": 2, "name": "a"}])

    found = mdb.reflect("words").objects.order_by("name")

    assert list(found.values_list("name", flat=True)) == ["a", "b"]
