"""What users get wrong ends in one typed error that names what, where and what to do; nothing is left open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer import errors
from multidb_explorer.connections.registry import databases

HOSTILE = [
    "select",
    'quo"te',
    "back`tick",
    "sp ace",
    "semi;colon--",
    "MixedCase",
    "ünï",
    "per%cent",
    "per%(s)scent",
    "co:lon",
    "brace{x}",
    "apos'trophe",
    "dot.ted",
    "dunder__gt",
    "x" * 60,
]
EMOJI = "em😀ji"


def nothing_is_open(alias: str) -> bool:
    """Tell whether every connection is back in its pool."""
    pool = databases[alias].engine.pool
    return getattr(pool, "checkedout", lambda: 0)() == 0


@pytest.mark.parametrize("name", [*HOSTILE, EMOJI])
def test_hostile_names_of_tables_and_columns_read_and_write_like_any_other(url: str, target: Target, name: str) -> None:
    if target.name == "mariadb" and name == EMOJI:
        pytest.skip("MariaDB allows no characters beyond the basic plane in names")
    mdb.connect("legacy", url)
    database = databases["legacy"]
    table = sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(name, sa.String(30)),
    )
    table.metadata.create_all(database.engine)
    row = mdb.reflect(name, using="legacy")

    row(**{"id": 1, name: "'; DROP TABLE users; --"}).save()
    row(**{"id": 2, name: None}).save()
    found = row.objects.filter(**{name: "'; DROP TABLE users; --"}).get()
    found[name] = "%s {x} :y"
    found.save()

    assert row.objects.order_by(name).count() == 2
    assert row.objects.exclude(**{f"{name}__isnull": True}).get()[name] == "%s {x} :y"
    assert list(row.objects.to_pandas().columns) == ["id", name]
    assert found.delete() == (1, {name: 1})


def test_an_unreachable_server_and_a_wrong_password_say_which_it_is(postgresql: object, mariadb: object) -> None:
    for server in (postgresql, mariadb):
        mdb.connect("wrong", server.url("postgres", password="wrong"))
        with pytest.raises(errors.ConnectionFailed, match="refused the user or the password"):
            mdb.aliases["wrong"].check()
        mdb.connect("closed", server.url("nothing").replace(str(server.port), "1"))
        with pytest.raises(errors.ConnectionFailed, match="'closed'"):
            mdb.aliases["closed"].check()
        assert nothing_is_open("wrong")


def test_files_that_are_not_there_or_no_database(tmp_path: Path) -> None:
    mdb.connect("missing", f"sqlite:///{tmp_path}/typo.db")
    with pytest.raises(errors.ConnectionFailed, match="no file"):
        mdb.aliases["missing"].check()
    assert not (tmp_path / "typo.db").exists()

    mdb.connect("folder", f"sqlite:///{tmp_path}/nowhere/x.db")
    with pytest.raises(errors.ConnectionFailed, match="no folder"):
        mdb.aliases["folder"].check()

    (tmp_path / "notes.txt").write_text("this is not a database, and long enough to be looked at as one" * 20)
    for alias, scheme in (("lite", "sqlite"), ("duck", "duckdb")):
        mdb.connect(alias, f"{scheme}:///{tmp_path}/notes.txt")
        with pytest.raises(errors.ConnectionFailed, match=alias):
            mdb.aliases[alias].check()
    assert (tmp_path / "notes.txt").read_text().startswith("this is not")


@pytest.mark.parametrize("url", ["not a url", "sqlite:/shop.db", "nosuchproduct://x/y", "postgresql://h:port/x", ""])
def test_urls_that_cannot_work_are_refused_by_name(url: str) -> None:
    with pytest.raises(errors.MultiDBError) as caught:
        mdb.connect("strange", url)
        mdb.aliases["strange"].check()
    assert "strange" in str(caught.value)


def failing() -> list[Callable[[], object]]:
    user = User(id=1, name="Other", country="FR")
    order = mdb.reflect("orders", using="legacy")
    return [
        lambda: User.objects.get(pk=12345),
        lambda: User.objects.filter(nothing=1).count(),
        lambda: user.save(using="nowhere"),
        lambda: User(id=9, name="x" * 10_000).save() if "x" else None,
        lambda: order(id=1, user_id=999, total="1").save(),
        lambda: order(id=10, user_id=1, total="1").save(force_insert=True),
        lambda: order(id=1, user_id=1, total="123456789.123").save(),
        lambda: User.objects.get(pk=1).delete(),
        lambda: mdb.reflect("nothing", using="legacy"),
    ]


def test_every_error_fits_on_a_screen_and_leaves_nothing_open(url: str) -> None:
    shop.make("legacy", url)
    before = User.objects.count()
    for use in failing():
        try:
            use()
        except errors.MultiDBError as error:
            assert len(str(error).splitlines()) <= 15
            assert len(str(error)) < 1_200
        assert nothing_is_open("legacy")
    assert User.objects.count() in (before, before + 1)
    with databases["legacy"].begin() as connection:
        connection.execute(sa.update(sa.table("users", sa.column("score"))).values(score=1))


def test_an_interrupt_leaves_no_transaction_open(url: str) -> None:
    shop.make("legacy", url)
    with pytest.raises(KeyboardInterrupt), databases["legacy"].begin() as connection:
        connection.execute(sa.update(sa.table("users", sa.column("score"))).values(score=1))
        raise KeyboardInterrupt

    assert nothing_is_open("legacy")
    assert User.objects.filter(score=30).exists()
    User(id=77, name="After").save()
    assert User.objects.filter(pk=77).exists()
