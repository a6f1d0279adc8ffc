"""One alias in use: sessions, blocks, limits, and errors that say where they happened."""

from __future__ import annotations

import threading

import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer import errors
from multidb_explorer.connections.registry import databases

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "duckdb": "SELECT sum(a.i * b.i) FROM range(1000000) a(i), range(1000000) b(i)",
    "postgresql": "SELECT pg_sleep(60)",
    "mariadb": "SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b, seq_1_to_100000 c",
}


def test_a_statement_that_takes_too_long_is_stopped_in_the_database(url: str, target: Target) -> None:
    mdb.connect("legacy", url, statement_timeout=0.5)
    database = databases["legacy"]
    with database.begin() as connection:
        connection.execute(sa.select(1))

    stopped = pytest.raises(errors.QueryCancelled, match=r"'legacy' was stopped \(statement_timeout is 0.5 s\)")
    with stopped, database.connect() as connection:
        connection.exec_driver_sql(SLOW[target.name]).fetchall()
    with database.connect() as connection:
        assert connection.execute(sa.select(1)).scalar() == 1


def test_blocks_nest_as_savepoints(url: str) -> None:
    database = shop.make("legacy", url)
    if not database.backend.features.savepoints:
        pytest.skip("no savepoints here")
    with mdb.atomic("legacy"):
        User(id=50, name="Kept").save()
        with pytest.raises(RuntimeError), mdb.atomic("legacy"):
            User(id=51, name="Undone").save()
            raise RuntimeError
        User(id=52, name="Kept too").save()

    assert sorted(user.pk for user in User.objects.filter(id__gte=50)) == [50, 52]


def test_without_savepoints_a_block_with_a_failed_part_is_undone_whole(new_database: object) -> None:
    shop.make("legacy", new_database("duckdb"))

    with pytest.raises(errors.TransactionError, match="has no savepoints"), mdb.atomic("legacy"):
        User(id=50, name="Lost with the rest").save()
        with pytest.raises(RuntimeError), mdb.atomic("legacy"):
            raise RuntimeError
    assert not User.objects.filter(id=50).exists()


def test_a_block_belongs_to_its_thread(url: str, target: Target) -> None:
    database = shop.make("legacy", url)
    if target.embedded:
        pytest.skip("a file has one writer at a time")
    seen: list[int] = []
    with mdb.atomic("legacy"):
        User(id=50, name="Not yet").save()
        other = threading.Thread(target=lambda: seen.append(User.objects.count()))
        other.start()
        other.join()
        assert User.objects.count() == 5
    assert seen == [4]
    assert database.engine.pool.checkedout() == 0


def test_a_memory_database_is_one_database_for_every_thread() -> None:
    mdb.configure({"default": {}, "legacy": "sqlite://"})
    shop.tables().create_all(databases["legacy"].engine)
    User(id=1, name="Ann").save()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(User.objects.count())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [1] * 8


def test_an_alias_without_a_database_fails_only_when_it_is_used() -> None:
    mdb.configure({"default": {}, "other": "sqlite://"})

    assert "default" in mdb.aliases
    assert "(not configured)" in repr(mdb.aliases)
    with pytest.raises(errors.ImproperlyConfigured, match="registered without a database"):
        mdb.aliases["default"].check()


def test_an_error_names_alias_and_statement_and_keeps_the_drivers_own(url: str) -> None:
    database = shop.make("legacy", url)
    with pytest.raises(errors.DatabaseError) as caught, database.connect() as connection:
        connection.execute(sa.text("SELECT nothing FROM users"))

    assert caught.value.alias == "legacy"
    assert caught.value.statement == "SELECT nothing FROM users"
    assert "Statement: SELECT nothing" in str(caught.value)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__traceback__ is None


def test_settings_reach_the_catalog_and_the_screen(url: str) -> None:
    shop.make("legacy", url, label="the old one", color="orange", confirm="writes")
    shown = mdb.aliases["legacy"]

    assert shown.database.confirm == "writes"
    assert "the old one" in repr(shown)
    assert "orange" in shown._repr_html_()
    assert shown.check().version
