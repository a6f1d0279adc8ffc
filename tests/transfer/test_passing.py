"""PostgreSQL hands rows over to PostgreSQL as they are, and every promise of a transfer holds."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
import targets

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import TransferRefused, TransferStopped
from multidb_explorer.transfer import points
from multidb_explorer.transfer.handle import Transfer
from multidb_explorer.transfer.journal import Journal

TABLE = """
CREATE TABLE things (id serial PRIMARY KEY, name varchar(20) NOT NULL, day date, price numeric(12, 4), spent interval,
                     doc jsonb, tags text[], code uuid)
"""
ROWS = """
INSERT INTO things (id, name, day, price, spent, doc, tags, code)
SELECT n, 'n€ ' || n, date '0001-01-01' + n, n / 7.0,
       make_interval(months => n), jsonb_build_object('n', n), ARRAY['', NULL, 'x'], md5(n::text)::uuid
FROM generate_series(1, 300) AS n WHERE mod(n, 10) > 0
"""
COUNT = 270


def run(alias, sql):
    with databases[alias].begin() as connection:
        connection.exec_driver_sql(sql)


def texts(alias):
    with databases[alias].connect() as connection:
        return sorted(connection.execute(sa.text("SELECT CAST(things AS text) FROM things")).scalars())


@pytest.fixture(scope="module")
def urls(postgresql, tmp_path_factory):
    server = targets.by_name("postgresql")
    made = {alias: server.new_database(tmp_path_factory.mktemp(alias)) for alias in ("old", "new")}
    yield made
    for url in made.values():
        server.drop_database(url)


@pytest.fixture
def sides(urls):
    for alias, url in urls.items():
        mdb.connect(alias, url)
        run(alias, "DROP TABLE IF EXISTS things; DROP DOMAIN IF EXISTS label")
        run(alias, TABLE)
    run("old", ROWS)


@pytest.fixture
def watch():
    yield points.watchers.append
    points.watchers.clear()


def passed(report):
    return Journal.find(report.id).head["passing"]


def test_rows_are_handed_over_as_they_are(sides):
    told = []

    report = mdb.copy("things", to="new", using="old", batch_size=100, on_progress=told.append)

    assert passed(report)
    assert texts("new") == texts("old")
    assert (report.inserted, report.planned, report.reconciles) == (COUNT, COUNT, True)
    assert told[-1].rows == COUNT
    assert report.bytes > 100 * COUNT
    with databases["new"].begin() as connection:
        assert connection.scalar(sa.text("INSERT INTO things (name) VALUES ('next') RETURNING id")) == 300


def test_only_the_rows_that_were_asked_for_come(sides):
    odd = mdb.reflect("things", using="old").objects.filter(id__in=range(1, 300, 2))

    report = mdb.copy(odd, to="new", batch_size=40)

    assert passed(report)
    assert report.inserted == 150
    assert texts("new") == [text for text in texts("old") if int(text[1:].partition(",")[0]) % 2]


def test_a_move_compares_what_both_databases_say_and_deletes(sides):
    before = texts("old")

    report = mdb.move("things", to="new", using="old", batch_size=100)

    assert passed(report)
    assert (report.inserted, report.deleted) == (COUNT, COUNT)
    assert (texts("old"), texts("new")) == ([], before)


def test_an_edit_between_copy_and_delete_stays(sides, watch):
    def edit(place):
        if place == "after_copied":
            run("old", "UPDATE things SET name = 'mine' WHERE id = 5")

    watch(edit)
    report = mdb.move("things", to="new", using="old")

    assert passed(report)
    assert (report.changed, report.deleted) == (1, COUNT - 1)
    assert [text[:8] for text in texts("old")] == ["(5,mine,"]


def test_an_edit_after_the_digests_were_told_is_not_what_is_handed_over(sides, watch):
    def edit(place):
        if place == "after_intent":
            run("old", "UPDATE things SET name = 'mine' WHERE id = 5")

    before = texts("old")
    watch(edit)
    report = mdb.copy("things", to="new", using="old")

    assert passed(report)
    assert texts("new") == before


@pytest.mark.parametrize("place", ["after_intent", "after_target_commit", "after_copied"])
def test_it_goes_on_wherever_it_ended(sides, watch, place):
    def end(reached):
        if reached == place:
            raise RuntimeError(place)

    before = texts("old")
    watch(end)
    with pytest.raises(RuntimeError, match=place):
        mdb.move("things", to="new", using="old", batch_size=200)
    points.watchers.clear()
    (unfinished,) = mdb.transfers()
    report = mdb.resume(unfinished.id)

    assert passed(report)
    assert (texts("old"), texts("new")) == ([], before)
    assert (report.deleted, report.reconciles) == (COUNT, True)


def test_rows_that_were_edited_while_it_waited_are_told_of(sides, watch):
    def end(reached):
        if reached == "after_intent":
            raise RuntimeError(reached)

    watch(end)
    with pytest.raises(RuntimeError):
        mdb.copy("things", to="new", using="old")
    points.watchers.clear()
    run("old", "UPDATE things SET name = 'mine' WHERE id = 5")
    report = mdb.recover()[0]

    assert (report.inserted, report.changed) == (COUNT - 1, 1)
    assert len(texts("new")) == COUNT - 1


def test_cancel_rolls_the_unit_back_and_it_can_be_gone_on_with(sides):
    plan = mdb.copy("things", to="new", using="old", batch_size=100, dry_run=True)
    transfer = Transfer(plan, on_progress=lambda _: transfer.cancel())
    report = transfer.run()

    assert (report.state, texts("new")) == ("CANCELLED", [])
    assert mdb.resume(report.id).inserted == COUNT
    assert texts("new") == texts("old")


def test_a_row_that_came_meanwhile_is_a_conflict(sides, watch):
    def insert(place):
        if place == "after_intent":
            run("new", "INSERT INTO things (id, name) VALUES (5, 'theirs')")

    watch(insert)
    with pytest.raises(TransferStopped, match="1 row that shall come, table 'things' on alias 'new' has others"):
        mdb.copy("things", to="new", using="old")
    assert len(texts("new")) == 1


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ("ALTER TABLE things ALTER name TYPE text", {}),
        ("CREATE DOMAIN label AS varchar(20); ALTER TABLE things ALTER name TYPE label", {}),
        ("INSERT INTO things (id, name) VALUES (5, 'theirs')", {"on_conflict": "skip"}),
        ("INSERT INTO things (id, name) VALUES (5, 'theirs')", {"on_conflict": "overwrite"}),
        ("INSERT INTO things (id, name) VALUES (5, 'theirs')", {"on_conflict": "newkey"}),
    ],
)
def test_where_it_would_not_be_the_same_rows_are_read_and_written(sides, change, options):
    run("new", change)
    report = mdb.copy("things", to="new", using="old", **options)

    assert not passed(report)
    assert report.reconciles
    assert len(texts("new")) == COUNT + (options.get("on_conflict") == "newkey")


# What the plan says of it

HIDING = """
ALTER TABLE things ENABLE ROW LEVEL SECURITY; ALTER TABLE things FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON things USING (id < 100)
"""


def test_rows_that_the_user_does_not_see_are_told_of(sides):
    run("old", HIDING)

    plan = mdb.copy("things", to="new", using="old", dry_run=True)
    report = plan.run()

    note = "things: row-level security hides rows of the table from this user, so only those that it sees are copied"
    assert note in plan.notes
    assert note in repr(plan)
    assert note in report.notes
    assert report.inserted == 90
    with pytest.raises(TransferRefused, match="row-level security hides rows"):
        mdb.move("things", to="new", using="old")


def test_a_server_that_forgets_commits_is_told_of(sides):
    # The servers of the tests save themselves the wait for the disk.
    told = [
        f"alias {alias!r}: the server writes nothing through to its disk (fsync is off)" for alias in ("new", "old")
    ]

    assert list(mdb.move("things", to="new", using="old", dry_run=True).notes) == told
    assert list(mdb.copy("things", to="new", using="old").notes) == told[:1]
