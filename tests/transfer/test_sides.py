"""Rows are found by their keys, and no others."""

from __future__ import annotations

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.transfer.sides import Side


def test_a_key_between_two_keys_is_nobodys_business(tmp_path) -> None:
    mdb.connect("loose", f"sqlite:///{tmp_path / 'loose.db'}")
    database = databases["loose"]
    with database.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (id INT PRIMARY KEY, n INT)"))
        connection.execute(sa.text("INSERT INTO t VALUES (1, 0), (2, 0), (2.5, 0), (3, 0), (4, 0)"))
    catalog = catalog_of(database)
    side = Side(database, catalog, catalog.table("t"), ("id",))
    with database.begin() as connection:
        assert side.update(connection, {"n": 7}, [(1,), (2,), (3,)]) == 3
        assert side.delete(connection, [(1,), (2,), (3,)]) == 3
        assert connection.execute(sa.text("SELECT * FROM t ORDER BY id")).all() == [(2.5, 0), (4, 0)]
