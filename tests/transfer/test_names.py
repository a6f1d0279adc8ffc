"""Tables and columns may be called whatever their database lets them be called."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

NAMES = ("50% off", "%s", "a :b", 'q"u`o', "x:y", "ü;--", "a{b}")


def test_rows_move_from_and_to_tables_of_any_name(url: str, tmp_path: Path) -> None:
    mdb.connect("old", f"sqlite:///{tmp_path}/old.db")
    mdb.connect("new", url)
    for name in NAMES:
        for alias in ("old", "new"):
            table = sa.Table(
                name, sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column(f"c{name}", sa.Text)
            )
            with databases[alias].begin() as connection:
                table.create(connection)
        mdb.write([{"id": 7, f"c{name}": name}], name, using="old")
        report = mdb.move(name, to="new", using="old")
        assert (report.state, report.inserted, report.deleted) == ("DONE", 1, 1)
        assert mdb.move(name, to="old", using="new").deleted == 1
        assert mdb.reflect(name, using="old").objects.values_list().get() == (7, name)


def test_numbers_go_on_behind_those_that_came(postgresql: object, new_database: object, tmp_path: Path) -> None:
    mdb.connect("old", f"sqlite:///{tmp_path}/old.db")
    mdb.connect("new", new_database("postgresql"))  # type: ignore[operator]
    with databases["old"].begin() as connection:
        connection.exec_driver_sql('CREATE TABLE "50% off" (id INTEGER PRIMARY KEY)')
        connection.exec_driver_sql('INSERT INTO "50% off" VALUES (7)')
    with databases["new"].begin() as connection:
        connection.exec_driver_sql('CREATE TABLE "50%% off" (id SERIAL PRIMARY KEY)')
    mdb.copy("50% off", to="new", using="old")
    assert mdb.reflect("50% off", using="new").objects.create().pk == 8
