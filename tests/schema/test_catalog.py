"""The catalog: level by level, once, and the same on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import shop
import sqlalchemy as sa
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import ConnectionFailed, DatabaseError, ProtectedRows, TableDoesNotExist
from multidb_explorer.schema.catalog import ForeignKey
from multidb_explorer.schema.graph import children_first
from multidb_explorer.schema.inspector import Catalog, catalog_of


@pytest.fixture
def catalog(url: str) -> Catalog:
    return catalog_of(shop.make("legacy", url))


def test_a_table_is_described_in_full(catalog: Catalog) -> None:
    orders = catalog.table("orders")

    assert [column.name for column in orders.columns] == ["id", "user_id", "total", "placed"]
    assert [column.nullable for column in orders.columns] == [False, False, False, True]
    assert [column.kind.name for column in orders.columns] == ["integer", "integer", "decimal", "timestamp"]
    assert (orders.column("total").kind.precision, orders.column("total").kind.scale) == (10, 2)
    assert (orders.primary_key, orders.key, orders.kind) == (("id",), ("id",), "table")
    (reference,) = orders.foreign_keys
    assert isinstance(reference, ForeignKey)
    assert (reference.columns, reference.target_table, reference.target_columns) == (("user_id",), "users", ("id",))
    assert catalog.table("order_lines").primary_key == ("order_id", "line")


def test_all_tables_are_described_at_once_as_they_are_one_by_one(url: str) -> None:
    database = shop.make("legacy", url)
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW french AS SELECT id, name FROM users WHERE country = 'FR'")
        connection.exec_driver_sql("CREATE TABLE badges (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, UNIQUE (a, b))")
        connection.exec_driver_sql("CREATE INDEX badges_b ON badges (b)")
    together, apart = Catalog(database), Catalog(database)

    assert together.describe_all() == tuple(apart.table(table.name) for table in apart.tables())
    assert together.table("badges").uniques == (("a", "b"),)
    with statements(database) as sent:
        assert [table.name for table in together.describe_all()] == [
            "badges",
            "french",
            "order_lines",
            "orders",
            "users",
        ]
    assert sent == []
    assert [table.key for table in mdb.aliases["legacy"].tables.values()][:2] == [("id",), ()]


def test_a_broken_view_hides_no_other_table_from_a_question_about_all(tmp_path: Path) -> None:
    database = shop.make("legacy", f"sqlite:///{tmp_path / 'shop.db'}")
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW broken AS SELECT x FROM nowhere")
    catalog = Catalog(database)

    with pytest.raises(DatabaseError, match="nowhere"):
        catalog.describe_all()
    assert catalog.table("users").key == ("id",)


def test_views_and_comments_are_found(url: str) -> None:
    database = shop.make("legacy", url)
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW french AS SELECT id, name FROM users WHERE country = 'FR'")
    found = {table.name: table.kind for table in catalog_of(database).tables()}

    assert found == {"french": "view", "order_lines": "table", "orders": "table", "users": "table"}
    french = mdb.reflect("french", using="legacy")
    assert french.objects.order_by("id").to_pandas()["name"].tolist() == ["Ann", ""]
    assert french.objects.has_key is False


def test_references_point_back_from_children(catalog: Catalog) -> None:
    assert sorted(reference.table for reference in catalog.references("users")) == ["orders", "users"]
    assert [reference.table for reference in catalog.references("orders")] == ["order_lines"]
    names = [name for name, _ in children_first(catalog, [("users", None), ("orders", None), ("order_lines", None)])]
    assert names == ["order_lines", "orders", "users"]


def test_what_was_read_is_kept_until_it_is_refreshed(catalog: Catalog) -> None:
    catalog.table("users")
    with statements(catalog.database) as sent:
        catalog.table("users"), catalog.tables(), catalog.core_table("users")
    assert sent == []

    extra = sa.Table("extra", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    extra.metadata.create_all(catalog.database.engine)
    assert "extra" not in mdb.aliases["legacy"].tables
    catalog.refresh()
    assert "extra" in mdb.aliases["legacy"].tables


def test_a_table_made_since_is_found_when_it_is_asked_for(catalog: Catalog) -> None:
    catalog.tables()
    extra = sa.Table("extra", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    extra.metadata.create_all(catalog.database.engine)

    assert catalog.table("extra").key == ("id",)


def test_unknown_tables_are_refused_with_near_names(catalog: Catalog) -> None:
    with pytest.raises(TableDoesNotExist, match="Did you mean 'orders'"):
        catalog.table("oders")
    with pytest.raises(TableDoesNotExist, match="'legacy' has no table or view 'nothing'"):
        mdb.reflect("nothing", using="legacy")


def test_names_are_found_however_they_are_spelt_unless_two_fit(url: str) -> None:
    mdb.connect("legacy", url)
    metadata = sa.MetaData()
    for name in ("order_lines", "a_b", "ab"):
        sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    metadata.create_all(databases["legacy"].engine)
    catalog = catalog_of(databases["legacy"])

    assert catalog.find("OrderLines") == "order_lines"
    assert catalog.find("ab") == "ab"
    assert catalog.find("a_b") == "a_b"
    with pytest.raises(TableDoesNotExist, match="several tables"):
        catalog.find("A__B")


def test_two_aliases_may_have_different_tables_of_one_name(url: str, new_database: object, target: object) -> None:
    shop.make("legacy", url)
    mdb.connect("other", new_database(target))
    other = sa.Table("users", sa.MetaData(), sa.Column("code", sa.String(9), primary_key=True))
    other.metadata.create_all(databases["other"].engine)

    assert [c.name for c in catalog_of(databases["other"]).core_table("users").columns] == ["code"]
    assert len(catalog_of(databases["legacy"]).core_table("users").columns) == 5


def test_two_thousand_tables_are_listed_in_a_handful_of_statements(url: str) -> None:
    mdb.connect("wide", url)
    database = databases["wide"]
    with database.begin() as connection:
        for number in range(2_000):
            connection.exec_driver_sql(f"CREATE TABLE t{number:04} (id INTEGER PRIMARY KEY, a INTEGER)")
    with statements(database) as sent:
        tables = mdb.aliases["wide"].tables
        assert len(tables) == 2_000
        assert "2000 tables" in repr(tables)
        assert "t0000" in tables._repr_mimebundle_()["text/html"]
    reads = [s for s in sent if not s.sql.startswith(("PRAGMA", "BEGIN"))]
    assert len(reads) <= 15


def test_a_table_that_was_made_since_is_found(url: str) -> None:
    mdb.connect("here", url)
    for name in ("first", "Second"):
        with databases["here"].begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)")
        assert mdb.write([{"id": 1}], name.lower(), using="here").inserted == 1


def test_a_schema_that_does_not_exist_has_no_table(url: str, target: Target) -> None:
    mdb.connect("here", url)
    with databases["here"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    expected: tuple[type[Exception], str] = (
        TableDoesNotExist,
        "'here' has no (schema 'nowhere'|table or view 'things')",
    )
    if target.name == "mariadb":
        # It does not tell its users what they have no rights on.
        expected = (ConnectionFailed, "the user has no rights on that database")
    with pytest.raises(expected[0], match=expected[1]):
        mdb.write([{"id": 1}], "things", using="here", schema="nowhere")


def test_a_key_that_comes_from_another_schema_is_found(new_database: object) -> None:
    """On a MySQL server any database may refer to any other; its rows would go with ours."""
    mdb.connect("legacy", new_database("mariadb"))
    mdb.connect("other", new_database("mariadb"))
    legacy, other = databases["legacy"], databases["other"]
    with legacy.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO parent VALUES (1)")
    with other.begin() as connection:
        name = legacy.url.database
        connection.exec_driver_sql(
            f"CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, "
            f"FOREIGN KEY (parent_id) REFERENCES `{name}`.parent (id) ON DELETE CASCADE)"
        )
        connection.exec_driver_sql("INSERT INTO child VALUES (1, 1), (2, 1)")

    with pytest.raises(ProtectedRows, match="2 of 'child'"):
        mdb.reflect("parent", using="legacy").objects.get(pk=1).delete()
    with other.begin() as connection:
        connection.exec_driver_sql("DROP TABLE child")


def test_a_model_follows_its_table_after_a_refresh(url: str) -> None:
    database = shop.make("legacy", url)
    assert mdb.reflect("order_lines", using="legacy").objects.count() == 2
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE order_lines ADD COLUMN note VARCHAR(20)")
    lines = mdb.reflect("order_lines", using="legacy")
    assert [field.name for field in lines.objects.fields] == ["order_id", "line", "product"]

    mdb.aliases["legacy"].refresh()
    lines = mdb.reflect("order_lines", using="legacy")
    assert [field.name for field in lines.objects.fields] == ["order_id", "line", "product", "note"]
    lines(order_id=10, line=9, note="new").save()
    assert lines.objects.get(pk=(10, 9)).note == "new"
