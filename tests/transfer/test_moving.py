"""What becomes of rows that meet others, of families, and of what must not be lost."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import (
    ConfirmationRequired,
    FieldValueError,
    ImproperlyConfigured,
    NotSupportedError,
    ReadOnlyAlias,
    TransactionError,
    TransferError,
    TransferRefused,
    TransferStopped,
    WriteRefused,
)
from multidb_explorer.transfer import points

SHOP = """
CREATE TABLE country (code VARCHAR(2) PRIMARY KEY, name VARCHAR(50));
CREATE TABLE users (
    id INTEGER PRIMARY KEY, email VARCHAR(80) UNIQUE, country VARCHAR(2) REFERENCES country (code),
    friend INTEGER REFERENCES users (id));
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total NUMERIC(10, 2));
CREATE TABLE lines (
    order_id INTEGER NOT NULL REFERENCES orders (id), number INTEGER NOT NULL, what VARCHAR(50),
    PRIMARY KEY (order_id, number));
CREATE TABLE tags (id INTEGER PRIMARY KEY, name VARCHAR(20));
CREATE TABLE order_tags (
    order_id INTEGER NOT NULL REFERENCES orders (id), tag_id INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (order_id, tag_id));
"""
ROWS = """
INSERT INTO country VALUES ('FR', 'France'), ('DE', 'Germany');
INSERT INTO users VALUES (1, 'ann@x', 'FR', NULL), (2, 'bob@x', 'FR', 1), (3, 'eve@x', 'DE', NULL);
INSERT INTO orders VALUES (10, 1, 9.99), (11, 1, 5), (12, 2, 7.5);
INSERT INTO lines VALUES (10, 1, 'tea'), (10, 2, 'cup'), (12, 1, 'pot');
INSERT INTO tags VALUES (1, 'new'), (2, 'gift');
INSERT INTO order_tags VALUES (10, 1), (11, 1), (12, 2);
"""
TABLES = ["country", "users", "orders", "lines", "tags", "order_tags"]


def execute(alias, script):
    with databases[alias].begin() as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(sa.text(statement))


def rows(alias, table):
    with databases[alias].connect() as connection:
        return sorted(tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}")))


def everything(alias):
    return {table: rows(alias, table) for table in TABLES}


@pytest.fixture
def shop(new_database):
    for alias in ("old", "new"):
        mdb.connect(alias, new_database("sqlite"))
        execute(alias, SHOP)
    execute("old", ROWS)


@pytest.fixture
def watch():
    yield points.watchers.append
    points.watchers.clear()


@pytest.fixture
def users(shop):
    return mdb.reflect("users", "old").objects


# Families


def test_children_go_along_and_shared_parents_stay(users):
    report = mdb.move(users.filter(id=1), to="new", related="all")

    assert everything("new") == {
        "country": [("FR", "France")],
        "users": [(1, "ann@x", "FR", None), (2, "bob@x", "FR", 1)],
        "orders": [(10, 1, 9.99), (11, 1, 5), (12, 2, 7.5)],
        "lines": [(10, 1, "tea"), (10, 2, "cup"), (12, 1, "pot")],
        "tags": [(1, "new"), (2, "gift")],
        "order_tags": [(10, 1), (11, 1), (12, 2)],
    }
    left = everything("old")
    assert left["users"] == [(3, "eve@x", "DE", None)]
    assert left["orders"] == left["lines"] == left["order_tags"] == []
    assert left["tags"] == [(1, "new"), (2, "gift")]
    assert left["country"] == [("DE", "Germany"), ("FR", "France")]
    assert report.reconciles
    assert report.table("country").kept == (("they are parents of what is moved, and others may refer to them", 1),)


def test_a_plan_says_why_each_row_is_taken(users):
    plan = mdb.move(users.filter(id=2), to="new", related="all", dry_run=True)

    steps = {step.table: step for step in plan.steps}
    assert [step.table for step in plan.steps].index("users") < [step.table for step in plan.steps].index("orders")
    assert [(way.path, way.rows) for way in steps["lines"].ways] == [("users → orders → lines", 1)]
    assert [(way.path, way.rows) for way in steps["tags"].ways] == [("users → orders → order_tags ← tags", 1)]
    assert [(way.path, way.rows) for way in steps["users"].ways] == [("asked for", 1), ("users ← users by friend", 1)]
    assert steps["users"].leaving == 1
    assert everything("new")["users"] == []
    assert "users → orders → lines" in plan._repr_html_()


def test_rows_to_which_others_refer_stay(users):
    report = mdb.move(users.all(), to="new", related=["country", "orders"])

    assert rows("old", "users") == [(1, "ann@x", "FR", None), (2, "bob@x", "FR", 1)]
    assert [order[0] for order in rows("old", "orders")] == [10, 11, 12]
    assert len(rows("new", "users")) == 3
    assert report.table("orders").kept == (
        ("rows of 'lines' that stay refer to them by order_id", 2),
        ("rows of 'order_tags' that stay refer to them by order_id", 1),
    )


def test_a_plan_without_a_table(users):
    plan = mdb.copy(users.filter(id=1), to="new", related="children", dry_run=True).without("order_tags")

    assert "order_tags" not in {step.table for step in plan.steps}


def test_children_that_would_be_deleted_along_are_an_objection(new_database):
    for alias in ("old", "new"):
        mdb.connect(alias, new_database("sqlite"))
        execute(alias, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
        execute(alias, "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id) ON DELETE CASCADE)")
    execute("old", "INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1, 1)")

    with pytest.raises(TransferRefused, match=r"would delete rows of 'b' .*related='children', or copy\(\)"):
        mdb.move("a", to="new", using="old")

    assert mdb.copy("a", to="new", using="old").inserted == 2
    assert mdb.move("a", to="new", using="old", related="children").deleted == 3


def test_more_rows_than_the_limit(users):
    with pytest.raises(WriteRefused, match="takes more than 3 rows"):
        mdb.move(users, to="new", related="all", limit=3)


def test_tables_that_refer_to_each_other(new_database):
    for alias in ("old", "new"):
        mdb.connect(alias, new_database("sqlite"))
        execute(
            alias,
            "CREATE TABLE team (id INTEGER PRIMARY KEY, lead INTEGER REFERENCES person (id));"
            "CREATE TABLE person (id INTEGER PRIMARY KEY, team INTEGER NOT NULL REFERENCES team (id))",
        )
    execute(
        "old",
        "INSERT INTO team VALUES (1, NULL), (2, NULL); INSERT INTO person VALUES (5, 1), (6, 1), (7, 2);"
        "UPDATE team SET lead = 6 WHERE id = 1",
    )

    mdb.move(mdb.reflect("team", "old").objects.filter(id=1), to="new", related="children")

    assert rows("new", "team") == [(1, 6)]
    assert rows("new", "person") == [(5, 1), (6, 1)]
    assert (rows("old", "team"), rows("old", "person")) == ([(2, None)], [(7, 2)])


def test_a_circle_without_a_beginning_is_refused(new_database):
    for alias in ("old", "new"):
        mdb.connect(alias, new_database("sqlite"))
        rule = "DEFERRABLE INITIALLY DEFERRED"
        execute(
            alias,
            f"CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER NOT NULL REFERENCES b (id) {rule});"
            f"CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a (id) {rule})",
        )
    execute("old", "INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (2, 1)")

    with pytest.raises(WriteRefused, match="circle in which no column may be NULL .*: (a → b → a|b → a → b)"):
        mdb.copy("a", to="new", using="old", related="all")


def test_a_row_that_refers_to_itself_and_rows_that_refer_to_each_other(users):
    execute("old", "UPDATE users SET friend = 1 WHERE id = 1; UPDATE users SET friend = 3 WHERE id = 2")
    execute("old", "UPDATE users SET friend = 2 WHERE id = 3")

    mdb.move(users.all(), to="new", related="all")

    assert [user[3] for user in rows("new", "users")] == [1, 3, 2]
    assert rows("old", "users") == []


# What meets other rows


def test_another_row_under_the_key_is_refused_before_anything_is_written(users):
    execute("new", "INSERT INTO country VALUES ('FR', 'Frankreich'), ('DE', 'Germany')")

    plan = mdb.copy(users, to="new", related="all", dry_run=True)

    assert {step.table: (step.conflicts, step.there) for step in plan.steps}["country"] == (1, 1)
    with pytest.raises(TransferRefused, match=r"country: the target has others in the place of 1 row \(code='FR'"):
        plan.run()
    assert rows("new", "users") == []
    report = plan.conflicts("country", "skip").run()
    assert (report.table("country").there, report.table("country").skipped) == (1, 1)
    assert rows("new", "country") == [("DE", "Germany"), ("FR", "Frankreich")]
    assert len(rows("new", "users")) == 3


def test_what_belongs_to_a_skipped_row_stays_with_it(users):
    execute("new", "INSERT INTO users VALUES (2, 'stranger@x', NULL, NULL)")

    report = mdb.move(users.filter(id__in=[1, 3]), to="new", related="all", on_conflict="skip")

    assert rows("old", "users") == [(1, "ann@x", "FR", None), (2, "bob@x", "FR", 1)]
    assert (rows("old", "orders"), rows("old", "lines")) == ([(12, 2, 7.5)], [(12, 1, "pot")])
    assert [user[1] for user in rows("new", "users")] == ["ann@x", "stranger@x", "eve@x"]
    assert [order[:2] for order in rows("new", "orders")] == [(10, 1), (11, 1)]
    assert report.table("users").kept == (
        ("they meet other rows in the target, or belong to such", 1),
        ("rows of 'users' that stay refer to them by friend", 1),
    )


def test_a_copy_may_overwrite_and_a_move_never(users):
    execute("new", "INSERT INTO users VALUES (1, 'old@x', NULL, NULL)")

    report = mdb.copy(users.filter(id=1), to="new", related=["country"], on_conflict="overwrite")

    assert report.table("users").overwritten == 1
    assert rows("new", "users") == [(1, "ann@x", "FR", None)]
    with pytest.raises(FieldValueError, match="A move never overwrites"):
        mdb.move(users, to="new", on_conflict="overwrite")


def test_new_keys_reach_every_reference(users):
    execute("new", "INSERT INTO users VALUES (1, 'zoe@x', NULL, NULL); INSERT INTO orders VALUES (10, 1, 1)")

    report = mdb.move(users.filter(id=1), to="new", related="all", on_conflict="newkey")

    assert report.new_keys.values.tolist() == [["users", 1, 4], ["orders", 10, 13]]
    assert rows("new", "users") == [(1, "zoe@x", None, None), (2, "bob@x", "FR", 4), (4, "ann@x", "FR", None)]
    assert rows("new", "orders") == [(10, 1, 1), (11, 4, 5), (12, 2, 7.5), (13, 4, 9.99)]
    assert rows("new", "lines") == [(12, 1, "pot"), (13, 1, "tea"), (13, 2, "cup")]
    assert rows("new", "order_tags") == [(11, 1), (12, 2), (13, 1)]
    assert rows("old", "orders") == []


def test_other_unique_keys_are_looked_at(users):
    execute("new", "INSERT INTO users VALUES (7, 'ann@x', NULL, NULL)")

    plan = mdb.copy(users.filter(id=1), to="new", related=["country"], dry_run=True)

    (clash,) = next(step for step in plan.steps if step.table == "users").clashes
    assert (clash.key, clash.examples) == (("email",), ("email='ann@x'",))
    assert plan.conflicts("users", "skip").run().table("users").skipped == 1


# Refused


def test_the_same_database_under_two_aliases(users, tmp_path):
    path = databases["old"].url.database
    (tmp_path / "link.db").symlink_to(path)
    mdb.connect("linked", f"sqlite:///{tmp_path / 'link.db'}")

    with pytest.raises(TransferRefused, match="'old' and 'linked' are the same database"):
        mdb.move(users, to="linked")


def test_aliases_that_only_read_or_ask(users):
    path = databases["new"].url.database
    mdb.connect("archive", f"sqlite:///{path}", read_only=True)
    mdb.connect("prod", f"sqlite:///{path}", confirm="production")

    with pytest.raises(TransferRefused, match="'archive' is read-only"):
        mdb.copy(users, to="archive", related="all")
    with pytest.raises(ConfirmationRequired, match="asks before writes"):
        mdb.copy(users, to="prod", related="all")
    assert rows("new", "users") == []
    assert mdb.transfers() == []
    assert mdb.copy(users, to="prod", related="all", confirm="prod").inserted > 3


def test_inside_of_a_block(users):
    with mdb.atomic("new"), pytest.raises(TransactionError, match="can't be part of the atomic"):
        mdb.copy(users, to="new", related="all")


def test_columns_without_a_place_must_be_named(users, new_database):
    mdb.connect("small", new_database("sqlite"))
    execute("small", "CREATE TABLE Tags (Id INTEGER PRIMARY KEY, title VARCHAR(3))")

    with pytest.raises(TransferRefused, match=r"no column for 'name'.*columns=\{'name': ...\}.*accept=\['name'\]"):
        mdb.copy("tags", to="small", using="old")
    with pytest.raises(TransferRefused, match=r"'name' into 'title'.*1 values do not fit \(id=2: .*gift"):
        mdb.copy("tags", to="small", using="old", columns={"name": "title"})
    assert rows("small", "Tags") == []
    mdb.copy("tags", to="small", using="old", columns={"name": "title"}, accept=["name"])
    assert rows("small", "Tags") == [(1, "new"), (2, "gif")]


def test_a_parent_that_is_not_there(users):
    with pytest.raises(TransferRefused, match=r"2 values of country.*table 'country'.*related='parents'"):
        mdb.copy(users.filter(id__in=[1, 3]), to="new")


# The way there


def test_a_writer_changes_rows_during_a_move(users, watch):
    users.filter(id=2).update(friend=None)

    def write(place):
        if place == "after_verified":
            execute("old", "UPDATE tags SET name = 'used' WHERE id = 2")

    watch(write)
    report = mdb.move("tags", to="new", using="old", related="none")

    assert (report.table("tags").changed, report.deleted) == (1, 0)
    assert rows("old", "tags") == [(1, "new"), (2, "used")]
    assert report.table("tags").kept == (
        ("others changed them after they were copied", 1),
        ("rows that stay refer to them", 1),
    )


def test_a_family_of_which_a_row_changed_stays_whole(users, watch):
    watch(lambda place: place == "after_verified" and execute("old", "UPDATE lines SET what = 'mug' WHERE number = 2"))

    with pytest.raises(TransferStopped, match="SOURCE_CHANGED") as stopped:
        mdb.move(users.filter(id=1), to="new", related="all")

    assert len(rows("old", "lines")) == 3
    assert stopped.value.report.deleted == 0
    assert len(mdb.transfers()) == 1


def test_what_can_not_go_on_is_given_up(users, watch):
    watch(lambda place: place == "after_verified" and execute("old", "UPDATE lines SET what = 'mug' WHERE number = 2"))
    with pytest.raises(TransferStopped):
        mdb.move(users.filter(id=1), to="new", related="all")
    points.watchers.clear()

    mdb.transfers()[0].abandon()

    assert mdb.transfers() == []
    report = mdb.move(users.filter(id=1), to="new", related="all", on_conflict="skip")
    assert (report.resumed, report.table("lines").skipped) == (False, 1)
    assert rows("old", "lines") == [(10, 2, "mug")]


def test_a_child_that_came_meanwhile_keeps_its_parent(users, watch):
    watch(lambda place: place == "after_verified" and execute("old", "INSERT INTO lines VALUES (11, 9, 'late')"))

    with pytest.raises(TransferStopped, match="SOURCE_CHANGED"):
        mdb.move(users.filter(id=1), to="new", related="all")

    assert (11, 9, "late") in rows("old", "lines")


PLACES = ["after_intent", "mid_insert", "before_target_commit", "after_target_commit", "after_copied", "after_verified"]
LATER = ["after_source_lock", "mid_delete", "before_source_commit", "after_source_commit", "mid_sequence_sync"]


@pytest.mark.parametrize("place", PLACES + LATER)
def test_whatever_stops_it_resume_goes_on(users, watch, place):
    class Stop(Exception):
        pass

    def stop(here):
        if here == place:
            raise Stop

    before = everything("old")
    watch(stop)
    with pytest.raises(Stop):
        mdb.move(users.filter(id=1), to="new", related="all")
    points.watchers.clear()

    (unfinished,) = mdb.transfers()
    report = mdb.resume(unfinished.id)

    assert report.reconciles
    assert report.table("users").planned == 2
    assert mdb.transfers() == []
    after, there = everything("old"), everything("new")
    assert {table: sorted({*after[table], *there[table]}) for table in TABLES} == before
    assert after["orders"] == []
    assert report.deleted == 11
    with pytest.raises(TransferError, match="is done"):
        mdb.resume(unfinished.id)


def test_units_and_cancel(users, watch):
    from multidb_explorer.transfer.handle import Transfer

    execute("old", "DELETE FROM order_tags; DELETE FROM tags")
    mdb.reflect("tags", "old").objects.bulk_create([mdb.reflect("tags", "old")(id=n, name=f"t{n}") for n in range(95)])
    transfer = Transfer(mdb.move("tags", to="new", using="old", batch_size=10, dry_run=True))
    seen = []

    def cancel(place):
        seen.append(place)
        if seen.count("after_done") == 3:
            transfer.cancel()

    watch(cancel)
    transfer.start()
    report = transfer.wait()

    assert (report.state, report.inserted, report.deleted) == ("CANCELLED", 30, 30)
    assert len(rows("old", "tags")) == 65
    assert [unfinished.done for unfinished in mdb.transfers()] == [3]
    points.watchers.clear()
    report = mdb.resume(report.id)
    assert (report.state, report.inserted, report.deleted, report.resumed) == ("DONE", 95, 95, True)
    assert rows("old", "tags") == []


def test_another_process_does_the_same(users, watch):
    from multidb_explorer.transfer.running import resumed

    said = []

    def meanwhile(place):
        if place == "after_copied":
            (running,) = mdb.transfers()
            said.append(running.state)
            with pytest.raises(TransferError, match="Another process"):
                resumed(running.id)

    watch(meanwhile)
    mdb.move(users.filter(id=1), to="new", related="all")

    assert said == ["RUNNING"]


def test_tables_that_were_altered_since(users):
    plan = mdb.copy("tags", to="new", using="old", dry_run=True)
    execute("new", "ALTER TABLE tags ADD COLUMN color VARCHAR(10)")

    with pytest.raises(TransferError, match="altered since"):
        plan.run()


def test_a_second_run_writes_nothing(users):
    mdb.copy(users.filter(id=1), to="new", related="all")
    again = mdb.copy(users.filter(id=1), to="new", related="all")

    assert (again.inserted, again.there) == (0, again.planned)


def test_the_journal_holds_no_value(users, watch):
    from multidb_explorer.transfer.journal import transfers_folder

    kept = []
    watch(lambda place: kept.extend(path.read_bytes() for path in transfers_folder().glob("*.journal")))
    mdb.move(users.filter(email="ann@x"), to="new", related="all")

    assert kept
    assert not any(secret in text for text in kept for secret in (b"ann@x", b"9.99", b"France"))
    assert {oct(path.stat().st_mode & 0o777) for path in transfers_folder().iterdir()} == {"0o600"}


def test_journals_of_what_was_over_long_ago_are_removed(shop, monkeypatch):
    from multidb_explorer.transfer import journal

    head = journal.Journal.find(mdb.copy("tags", to="new", using="old").id).head | {"identity": "another"}
    made = {
        "20200101T000000-aaaaaa": "DONE",
        "20200102T000000-bbbbbb": "CANCELLED",
        "20200103T000000-cccccc": "ABORTED",
    }
    for id_, state in made.items():
        journal.Journal.create(id_, head).set_state(state)
    (journal.transfers_folder() / "20200104T000000-dddddd.journal").touch()

    young = mdb.copy("country", to="new", using="old").id
    assert set(made) < set(journal.known_ids())
    monkeypatch.setattr(journal, "_KEPT", 1)
    last = mdb.copy("tags", to="new", using="old").id

    # What is unfinished stays however old it is, and so does what can't be read.
    left = journal.known_ids()
    assert left[:2] == ["20200102T000000-bbbbbb", "20200104T000000-dddddd"]
    assert {young, last} < set(left)


def test_read_only_sources_are_copied_from(users):
    path = databases["old"].url.database
    mdb.connect("frozen", f"sqlite:///{path}", read_only=True)

    with pytest.raises((TransferRefused, ReadOnlyAlias), match="copy\\(\\) can"):
        mdb.move("tags", to="new", using="frozen")
    assert mdb.copy("tags", to="new", using="frozen").inserted == 2


def test_tables_are_made_with_their_keys(users, new_database):
    mdb.connect("empty", new_database("sqlite"))
    execute("empty", "CREATE TABLE other (id INTEGER PRIMARY KEY)")

    with pytest.raises(TransferRefused, match="no table or view 'users'.*create=True"):
        mdb.copy(users, to="empty", related="all")
    report = mdb.copy(users, to="empty", related="all", create=True)

    assert everything("empty") == everything("old")
    assert report.reconciles
    made = mdb.aliases["empty"].tables
    assert made["lines"].primary_key == ("order_id", "number")
    assert {key.target_table for key in made["users"].foreign_keys} == {"country", "users"}
    assert ("email",) in made["users"].uniques


MODES = [("sqlite", "SAME_TRANSACTION"), ("mariadb", "SAME_TRANSACTION"), ("mariadb", "TWO_PHASE")]


@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_copy_and_delete_as_one(new_database, engine, mode):
    for alias in ("old", "new"):
        mdb.connect(alias, new_database(engine))
        execute(
            alias,
            "CREATE TABLE pa (id INTEGER PRIMARY KEY);"
            "CREATE TABLE ch (id INTEGER PRIMARY KEY, pa INTEGER NOT NULL, FOREIGN KEY (pa) REFERENCES pa (id))",
        )
    execute("old", "INSERT INTO pa VALUES (1), (2); INSERT INTO ch VALUES (5, 1), (6, 1), (7, 2)")

    report = mdb.move(mdb.reflect("pa", "old").objects.filter(id=1), to="new", related="children", mode=mode)

    assert (report.mode, report.inserted, report.deleted) == (mode, 3, 3)
    assert (rows("old", "ch"), rows("new", "ch")) == ([(7, 2)], [(5, 1), (6, 1)])
    assert mdb.transfers() == []


def test_a_mode_that_is_not_possible(users):
    with pytest.raises(TransferRefused, match="'TWO_PHASE' is not possible: alias 'old': SQLite can't prepare"):
        mdb.move(users, to="new", related="all", mode="TWO_PHASE")


def test_units_on_a_cluster(users):
    from distributed import Client

    execute("old", "DELETE FROM order_tags; DELETE FROM tags")
    execute("old", "; ".join(f"INSERT INTO tags VALUES ({n}, 't{n}')" for n in range(25)))

    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        report = mdb.copy("tags", to="new", using="old", batch_size=10, client=client)
        with pytest.raises(NotSupportedError, match="Only a copy"):
            mdb.move("tags", to="new", using="old", dry_run=True).run(client=client)

    assert (report.state, report.inserted) == ("DONE", 25)
    assert len(rows("new", "tags")) == 25
    assert mdb.transfers() == []


def test_what_workers_can_not_reach(users):
    mdb.connect("memory", "sqlite://")
    execute("memory", SHOP)

    with pytest.raises(ImproperlyConfigured, match=r"copy\(client=...\) uses alias 'memory' in sessions of its own"):
        mdb.copy("tags", to="memory", using="old", client=object())
