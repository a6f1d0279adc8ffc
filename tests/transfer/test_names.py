"""Tables and columns may be called whatever their database lets them be called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ConfirmationRequired, FieldError, FieldValueError, TableDoesNotExist
from multidb_explorer.transfer import points

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


@pytest.fixture
def shop(tmp_path: Path) -> None:
    for alias in ("old", "new"):
        mdb.connect(alias, f"sqlite:///{tmp_path}/{alias}.db")
        with databases[alias].begin() as connection:
            connection.exec_driver_sql('CREATE TABLE "a.b" (id INTEGER PRIMARY KEY, name TEXT)')
            connection.exec_driver_sql(
                'CREATE TABLE "c.d" (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES "a.b" (id), total INTEGER)'
            )
    mdb.write([{"id": 1, "name": "Ann"}], "a.b", using="old")
    mdb.write([{"id": 5, "parent": 1, "total": 3}], "c.d", using="old")


@pytest.mark.usefixtures("shop")
def test_a_dot_may_be_in_the_name_of_a_table() -> None:
    assert mdb.copy("a.b", to="new", using="old", related=["c.d"]).inserted == 2
    assert mdb.move("c.d", to="new", using="old").deleted == 1
    with pytest.raises(TableDoesNotExist):
        mdb.copy("nope.b", to="new", using="old")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": {"nmae": "name"}}, "Table 'a.b' on alias 'old' has no column 'nmae'. Did you mean 'name'"),
        ({"columns": {"nmae": "name"}, "related": "children"}, "Alias 'old' has no column 'nmae'."),
        ({"accept": ["nmae"]}, "Did you mean 'name'"),
        ({"accept": ["a.b.nmae"]}, "Did you mean 'a.b.name'"),
        ({"accept": ["NAME"]}, "Did you mean 'name'"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_columns_that_there_are_not_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(FieldError, match=says):
        mdb.copy("a.b", to="new", using="old", dry_run=True, **options)
    with pytest.raises(FieldError, match="no column 'nmae'"):
        mdb.copy("a.b", to="new", using="old", dry_run=True).mapped("a.b", {"nmae": "name"})


@pytest.mark.usefixtures("shop")
def test_what_is_accepted_of_other_tables_is_no_mistake() -> None:
    plan = mdb.copy("a.b", to="new", using="old", dry_run=True, accept=["name", "a.b.id", "c.d.total", "total"])
    assert repr(plan).startswith("copy from old to new: 1 row, ")


@pytest.mark.parametrize("name", ["limit", "batch_size"])
@pytest.mark.usefixtures("shop")
def test_numbers_say_how_many(name: str) -> None:
    for number in (0, -1, "x", True, 1.5):
        options: dict[str, Any] = {name: number}
        with pytest.raises(FieldValueError, match=f"{name} is a whole number of at least 1"):
            mdb.copy("a.b", to="new", using="old", dry_run=True, **options)


@pytest.mark.usefixtures("shop")
def test_a_word_that_names_nothing_is_refused_before_a_plan_is_made() -> None:
    for word in ("nope", "old"):
        with pytest.raises(ConfirmationRequired, match="does not name the alias"):
            mdb.copy("a.b", to="new", using="old", dry_run=True, confirm=word)
    assert mdb.move("a.b", to="new", using="old", dry_run=True, confirm="old").rows == 1


def test_a_key_that_was_spelt_anew_meanwhile_is_a_row_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for alias in ("old", "new"):
        mdb.connect(alias, f"sqlite:///{tmp_path}/{alias}.db")
        with databases[alias].begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (code TEXT COLLATE NOCASE PRIMARY KEY)")
    mdb.write([{"code": "a"}, {"code": "b"}], "t", using="old")

    def respell(place: str) -> None:
        if place == "before_intent":
            with databases["old"].begin() as connection:
                connection.exec_driver_sql("UPDATE t SET code = 'A' WHERE code = 'a'")

    monkeypatch.setattr(points, "watchers", [respell])
    report = mdb.move("t", to="new", using="old")
    assert (report.deleted, report.table("t").gone) == (1, 1)
    assert mdb.reflect("t", using="old").objects.values_list("code", flat=True).get() == "A"
