"""Which keys of SQLite number new rows by themselves: those that stand for the row's own number."""

from __future__ import annotations

import pytest

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ValueNotRepresentable

OWN_NUMBER = ["id INTEGER PRIMARY KEY", "id integer, PRIMARY KEY (id)", "id INTEGER PRIMARY KEY UNIQUE"]
AN_INDEX = ["id INT PRIMARY KEY", "id BIGINT PRIMARY KEY", "id INTEGER PRIMARY KEY DESC"]


def table(columns: str) -> type[mdb.Model]:
    mdb.connect("here", "sqlite://")
    with databases["here"].begin() as connection:
        connection.exec_driver_sql(f'CREATE TABLE "a table" (name TEXT, {columns})')
    return mdb.reflect("a table", using="here")


@pytest.mark.parametrize("columns", OWN_NUMBER)
def test_a_key_that_is_the_rows_number_is_given_by_the_database(columns: str) -> None:
    row = table(columns)(name="Ann")
    row.save()

    assert row.pk == 1


@pytest.mark.parametrize("columns", AN_INDEX)
def test_no_row_is_stored_without_a_key(columns: str) -> None:
    model = table(columns)
    with pytest.raises(ValueNotRepresentable, match="'id' of table 'a table' on alias 'here' can't be NULL"):
        model(name="Ann").save()

    assert not model.objects.exists()
