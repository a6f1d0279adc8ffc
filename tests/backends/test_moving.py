"""What moving rows needs of each engine: types for strangers, safe targets, keys that go on, votes, and reach."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import servers
import sqlalchemy as sa
from specimens import SPECIMENS

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.moving import Keeps, Reach
from multidb_explorer.errors import DatabaseError, IntegrityError, TransactionError
from multidb_explorer.schema.inspector import catalog_of

KINDS = list(dict.fromkeys(specimen.kind for engine in SPECIMENS.values() for specimen in engine.values()))


def safety(bench, table: str, schema: str | None = None) -> str:
    with bench.database.connect() as connection:
        return bench.database.backend.unsafe_target(connection, table, schema)


# A place for rows of another product


def test_every_kind_has_a_nearest_type(bench) -> None:
    backend = bench.database.backend
    columns = [sa.Column(f"c{place}", backend.nearest_type(kind)) for place, kind in enumerate(KINDS)]
    made = sa.Table("made", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *columns)
    with bench.database.begin() as connection:
        made.create(connection)
    catalog_of(bench.database).refresh()
    found = bench.describe("made")
    for place, kind in enumerate(KINDS):
        assert holds(found.column(f"c{place}").kind, kind), f"{kind} in {found.column(f'c{place}').type_name}"


def holds(found: Kind, wanted: Kind) -> bool:
    """Tell whether a kind has room for another one, be it as text."""
    if found.name in ("text", "json", "other"):
        longest = max(map(len, wanted.choices), default=None) or wanted.length or 0
        return found.length is None or longest <= found.length
    if wanted.name == "integer":
        (least, most), (low, high) = wanted.integer_range, found.integer_range
        return (low <= least and most <= high) or found.precision == 20
    if wanted.name == "decimal":
        whole = None if found.precision is None else found.precision - (found.scale or 0)
        wide = whole is None or (wanted.precision or 65) - (wanted.scale or 0) <= whole or wanted.precision is None
        return found.name == "decimal" and wide and (whole is None or (wanted.scale or 0) <= (found.scale or 0))
    same = {"enum": ("enum",), "timestamp": ("timestamp",)}.get(wanted.name, (wanted.name,))
    return found.name in same and found.bits >= wanted.bits


KEYS = (
    Kind("text"),
    Kind("text", length=40),
    Kind("binary"),
    Kind("uuid"),
    Kind("decimal", precision=9, scale=0),
)


@pytest.mark.parametrize("kind", KEYS, ids=str)
def test_types_of_keys(bench, kind) -> None:
    type_ = bench.database.backend.nearest_type(kind, in_key=True)
    keyed = sa.Table(
        "keyed", sa.MetaData(), sa.Column("a", type_, primary_key=True), sa.Column("b", type_, unique=True)
    )
    with bench.database.begin() as connection:
        keyed.create(connection)
    assert bench.describe("keyed").primary_key == ("a",)


# What columns do to values


def test_what_mariadb_keeps(bench_of) -> None:
    bench = bench_of("mariadb")
    bench.run(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, tiny TINYTEXT, old VARCHAR(9) CHARACTER SET latin1, "
        "three VARCHAR(9) CHARACTER SET utf8mb3, mid MEDIUMINT UNSIGNED, y YEAR, b BIT(12), f FLOAT(7,2), d DOUBLE, "
        "c CHAR(4), fixed BINARY(4), some BLOB) CHARACTER SET utf8mb4"
    )
    with bench.database.connect() as connection:
        found = bench.database.backend.keeps(connection, bench.table("things"))
    assert found["tiny"] == Keeps(octets=255)
    assert (found["old"].codec, found["three"].codec) == ("cp1252", "bmp")
    assert (found["mid"].integers, found["y"].integers, found["b"].integers) == (
        (0, 2**24 - 1),
        (1901, 2155),
        (0, 4095),
    )
    assert (found["f"].rounds, found["d"].rounds) == (True, False)
    assert (found["c"].trims, found["fixed"].fills, found["some"].octets) == (True, True, 65_535)


def test_what_postgresql_fills_up(bench_of) -> None:
    bench = bench_of("postgresql")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, c CHAR(4), v VARCHAR(4))")
    with bench.database.connect() as connection:
        found = bench.database.backend.keeps(connection, bench.table("things"))
    assert found == {"c": Keeps(fills=True)}


# Whether they are safe there


def test_an_ordinary_table_is_safe(bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    assert safety(bench, "things") == ""


def test_what_goes_with_the_session_is_not(target, bench) -> None:
    with bench.database.atomic() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE heap (id INTEGER PRIMARY KEY)")
        found = bench.database.backend.unsafe_target(connection, "heap", None)
        # MariaDB's catalog does not list it.
        unseen = "no table of that name is there"
        assert found == (unseen if target.name == "mariadb" else "the table is temporary and goes with the session")


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_database_in_memory_is_not(workbench, engine) -> None:
    bench = workbench("there", f"{engine}://" if engine == "sqlite" else "duckdb:///:memory:")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    assert "in memory" in safety(bench, "things")


def test_unlogged_tables_views_and_hidden_rows(bench_of, postgresql) -> None:
    bench = bench_of("postgresql")
    bench.run(
        "CREATE TABLE things (id INTEGER PRIMARY KEY)",
        "CREATE UNLOGGED TABLE fast (id INTEGER PRIMARY KEY)",
        "CREATE VIEW seen AS SELECT * FROM things",
        "CREATE TABLE hidden (id INTEGER PRIMARY KEY)",
        "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE hidden FORCE ROW LEVEL SECURITY",
        "CREATE SCHEMA other",
        "CREATE TABLE other.away (id INTEGER PRIMARY KEY)",
    )
    assert "UNLOGGED" in safety(bench, "fast")
    assert "a view" in safety(bench, "seen")
    assert "row-level security" in safety(bench, "hidden")
    assert safety(bench, "away") == "no table of that name is there"
    assert safety(bench, "away", "other") == ""


def test_a_session_that_only_reads(bench_of) -> None:
    bench = bench_of("postgresql")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    with bench.database.connect() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        connection.exec_driver_sql("SET transaction_read_only = on")
        assert "only read" in bench.database.backend.unsafe_target(connection, "things", None)


@pytest.mark.parametrize("table_engine", ["MyISAM", "MEMORY"])
def test_engines_without_transactions(bench_of, table_engine) -> None:
    bench = bench_of("mariadb")
    bench.run(
        f"CREATE TABLE things (id INTEGER PRIMARY KEY) ENGINE={table_engine}", "CREATE VIEW seen AS SELECT 1 AS a"
    )
    assert safety(bench, "things") == f"its engine {table_engine} knows no transactions"
    assert "a view" in safety(bench, "seen")


def test_a_file_without_a_journal(bench_of) -> None:
    bench = bench_of("sqlite")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    with bench.database.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA journal_mode = MEMORY")
        found = bench.database.backend.unsafe_target(connection, "things", None)
        connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")
    assert "journal_mode = memory" in found


def test_commits_are_durable(target, bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    with bench.database.atomic() as connection:
        found = bench.database.backend.forgets(connection)
        bench.database.backend.durable(connection)
        bench.database.backend.insert(bench.table("things"), {"id": 1})
        connection.execute(sa.insert(bench.table("things")), {"id": 1})
    assert bench.rows("things") == [(1,)]
    # The servers of the tests are told to save themselves the wait.
    expected = {"postgresql": "fsync is off", "mariadb": "before it is on its disk"}.get(target.name, "")
    assert expected in found
    assert bool(found) == bool(expected)


def test_a_careless_session_of_sqlite_waits_for_the_disk_again(bench_of) -> None:
    bench = bench_of("sqlite")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    with bench.database.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA synchronous = OFF")
    with bench.database.atomic() as connection:
        bench.database.backend.durable(connection)
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        connection.execute(sa.insert(bench.table("things")), {"id": 1})
    assert bench.rows("things") == [(1,)]


def test_asynchronous_commits_wait_for_this_one(bench_of) -> None:
    bench = bench_of("postgresql")
    with bench.database.connect() as connection:
        connection.exec_driver_sql("SET synchronous_commit = off")
        bench.database.backend.durable(connection)
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def test_rows_are_held_until_the_transaction_ends(target, bench, workbench) -> None:
    if target.name == "duckdb":
        pytest.skip("whoever comes second fails at once")
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO things VALUES (1, 1), (2, 1)")
    table, backend = bench.table("things"), bench.database.backend
    done = threading.Event()

    def change() -> None:
        with bench.database.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == 1).values(n=2))
        done.set()

    with bench.database.atomic() as connection:
        backend.lock_rows(connection, sa.select(table.c.id).where(table.c.id == 1))
        thread = threading.Thread(target=change)
        thread.start()
        assert not done.wait(0.2)
        assert connection.execute(sa.select(table.c.n).where(table.c.id == 1)).scalar_one() == 1
    thread.join()
    assert bench.rows("things", "n") == [(2,), (1,)]


# Keys that go on

NUMBERED = {
    "sqlite": ("CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)",),
    "duckdb": (
        "CREATE SEQUENCE counter",
        "CREATE TABLE things (id INTEGER DEFAULT nextval('counter') PRIMARY KEY, name TEXT)",
    ),
    "postgresql": ("CREATE TABLE things (id INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name TEXT)",),
    "mariadb": ("CREATE TABLE things (id INTEGER AUTO_INCREMENT PRIMARY KEY, name TEXT)",),
}
SEQUENCES = {
    engine: (
        "CREATE SEQUENCE counter",
        f"CREATE TABLE things (id BIGINT DEFAULT nextval({sequence}) PRIMARY KEY, name TEXT)",
    )
    for engine, sequence in (("postgresql", "'counter'"), ("mariadb", "counter"))
}


def numbered(bench) -> int:
    """Insert a row without a number, and tell which one it got."""
    bench.run("INSERT INTO things (name) VALUES ('next')")
    return bench.ask("SELECT max(id) FROM things WHERE name = 'next'")


def advance(bench) -> None:
    with bench.database.begin() as connection:
        bench.database.backend.advance_key(connection, bench.table("things"), "id")


@pytest.mark.parametrize("way", [NUMBERED, SEQUENCES], ids=["numbered", "sequence"])
def test_a_key_goes_on_behind_given_numbers_and_is_never_set_back(target, bench, way) -> None:
    if target.name not in way:
        pytest.skip("no sequences here, or none but these")
    bench.run(*way[target.name])
    advance(bench)
    assert numbered(bench) == 1
    bench.run("INSERT INTO things (id, name) VALUES (100, 'given')")
    advance(bench)
    assert numbered(bench) == 101
    bench.run("DELETE FROM things")
    advance(bench)
    bench.run("INSERT INTO things (id, name) VALUES (7, 'given')")
    advance(bench)
    assert numbered(bench) == 102


def test_the_transaction_goes_on_after_it(target, bench) -> None:
    bench.run(*NUMBERED[target.name])
    with pytest.raises(LookupError), bench.database.begin() as connection:
        connection.execute(sa.insert(bench.table("things")), {"id": 50, "name": "given"})
        bench.database.backend.advance_key(connection, bench.table("things"), "id")
        raise LookupError
    assert bench.rows("things") == []


def test_a_table_without_numbers_is_left_alone(target, bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER NOT NULL, name VARCHAR(9) PRIMARY KEY)")
    advance(bench)


def test_a_sequence_that_counts_down_or_is_spelt_strangely(bench_of) -> None:
    bench = bench_of("postgresql")
    bench.run(
        'CREATE SEQUENCE "a B.c" INCREMENT -1',
        """CREATE TABLE things (id INTEGER DEFAULT nextval('"a B.c"') PRIMARY KEY, name TEXT)""",
        "INSERT INTO things VALUES (-40, 'given')",
    )
    advance(bench)
    bench.run("INSERT INTO things (name) VALUES ('next')")
    assert bench.ask("SELECT min(id) FROM things") == -41


# Two databases as one, by votes


@pytest.fixture(scope="module")
def voting_server() -> Iterator[servers.Server]:
    """A PostgreSQL server of our own that keeps prepared transactions."""
    server = servers.postgresql()
    if isinstance(server, servers.Unavailable):
        pytest.skip(server.reason)
    server.execute("ALTER SYSTEM SET max_prepared_transactions = 4")
    server.restart()
    yield server
    server.stop()


@pytest.fixture(params=["postgresql", "mariadb"])
def voters(request, workbench, new_database):
    """Two databases of one server on which votes are kept."""
    if request.param == "mariadb":
        urls = [new_database("mariadb"), new_database("mariadb")]
    else:
        server = request.getfixturevalue("voting_server")
        urls = [server.create_database(), server.create_database()]
    found = [workbench(alias, url) for alias, url in zip(("one", "two"), urls, strict=True)]
    for bench in found:
        bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    yield found
    for bench in found:
        for name in in_doubt(bench):
            finish(bench, name, commit=False)
        bench.database.dispose()


def vote(bench, name: str, number: int) -> None:
    with bench.database.preparing(name) as connection:
        connection.execute(sa.insert(bench.table("things")), {"id": number})
        assert bench.rows("things") == [(number,)]


def in_doubt(bench, prefix: str = "mdb:") -> list[str]:
    with bench.database.connect() as connection:
        return bench.database.backend.in_doubt(connection, prefix)


def finish(bench, name: str, *, commit: bool) -> None:
    with bench.database.connect() as connection:
        bench.database.backend.finish_prepared(connection, name, commit=commit)


def refusal(bench) -> str:
    with bench.database.connect() as connection:
        return bench.database.backend.two_phase(connection)


def test_who_can_vote(target, bench) -> None:
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    expected = {
        "sqlite": "SQLite can't prepare",
        "duckdb": "DuckDB can't prepare",
        "postgresql": "max_prepared_transactions = 0",
        "mariadb": "",
    }
    assert expected[target.name] in refusal(bench)
    assert bool(refusal(bench)) == bool(expected[target.name])


def test_a_vote_outlives_its_session_and_is_committed_by_another(voters) -> None:
    one, two = voters
    assert refusal(one) == ""
    vote(one, "mdb:1:t", 1)
    vote(two, "mdb:1:s", 2)
    assert (one.rows("things"), two.rows("things")) == ([], [])
    assert (in_doubt(one), in_doubt(two)) == (["mdb:1:t"], ["mdb:1:s"])
    assert in_doubt(one, "other:") == []
    finish(one, "mdb:1:t", commit=True)
    finish(two, "mdb:1:s", commit=False)
    assert (one.rows("things"), two.rows("things")) == ([(1,)], [])
    assert (in_doubt(one), in_doubt(two)) == ([], [])
    # The sessions are as good as new.
    one.run("INSERT INTO things VALUES (5)")
    assert one.rows("things") == [(1,), (5,)]


def test_what_fails_before_its_vote_is_rolled_back(voters) -> None:
    one, _ = voters
    with pytest.raises(LookupError), one.database.preparing("mdb:2:t") as connection:
        connection.execute(sa.insert(one.table("things")), {"id": 1})
        raise LookupError
    assert in_doubt(one) == []
    assert one.rows("things") == []
    one.run("INSERT INTO things VALUES (1)")


def test_a_failed_transaction_never_counts_as_a_vote(voters) -> None:
    one, _ = voters
    one.run("INSERT INTO things VALUES (1)")
    backend, table = one.database.backend, one.table("things")
    with pytest.raises((TransactionError, DatabaseError)), one.database.preparing("mdb:3:t") as connection:
        connection.execute(sa.insert(table), {"id": 2})
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(sa.insert(table), {"id": 1})
        if one.database.backend.name == "mysql":
            # There only the statement fails.
            raise IntegrityError("")
        backend.prepare(connection, "mdb:3:t")
    assert in_doubt(one) == []
    assert one.rows("things") == [(1,)]


def test_a_vote_outlives_its_server(voting_server, workbench) -> None:
    bench = workbench("here", voting_server.create_database())
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    vote(bench, "mdb:4:t", 7)
    bench.database.dispose()
    voting_server.kill()
    voting_server.restart()
    assert in_doubt(bench) == ["mdb:4:t"]
    finish(bench, "mdb:4:t", commit=True)
    assert bench.rows("things") == [(7,)]
    bench.database.dispose()


def test_names_of_votes_that_would_end_their_quotes(voters) -> None:
    one, _ = voters
    with pytest.raises(ValueError, match="no name for a vote"), one.database.preparing("x'y") as connection:
        connection.execute(sa.insert(one.table("things")), {"id": 1})
    assert one.rows("things") == []


def test_no_place_is_left(voting_server, workbench) -> None:
    bench = workbench("here", voting_server.create_database())
    bench.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    for number in range(4):
        vote(bench, f"mdb:5:{number}", number)
    assert "All of the server's 4 places" in refusal(bench)
    for number in range(4):
        finish(bench, f"mdb:5:{number}", commit=False)
    assert refusal(bench) == ""
    bench.database.dispose()


# Two databases as one, by one session


def reach(here, there, schema: str | None = None) -> Reach | str:
    with here.database.connect() as mine, there.database.connect() as theirs:
        return here.database.backend.reaches(mine, theirs, schema)


def test_which_databases_one_transaction_reaches(target, bench, workbench, new_database) -> None:
    other = workbench("there", new_database())
    for each in (bench, other):
        each.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    found = reach(bench, other)
    if target.name not in ("sqlite", "mariadb"):
        assert isinstance(found, str)
        assert "one database only" in found or "never has two databases" in found
        return
    assert isinstance(found, Reach)
    away = sa.Table("things", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), schema=found.schema)
    with pytest.raises(LookupError), bench.database.reaching(found) as connection:
        connection.execute(sa.insert(bench.table("things")), {"id": 1})
        connection.execute(sa.insert(away), {"id": 1})
        raise LookupError
    assert (bench.rows("things"), other.rows("things")) == ([], [])
    for _ in range(2):
        with bench.database.reaching(found) as connection:
            connection.execute(sa.delete(away))
            connection.execute(sa.insert(away), {"id": 2})
    assert (bench.rows("things"), other.rows("things")) == ([], [(2,)])


def test_schemas_of_one_database(bench_of, workbench) -> None:
    bench = bench_of("postgresql")
    bench.run("CREATE SCHEMA archive", "CREATE TABLE archive.things (id INTEGER PRIMARY KEY)")
    other = workbench("there", bench.url, schema="archive")
    found = reach(bench, other, "archive")
    assert found == Reach("archive")
    with bench.database.reaching(found) as connection:
        away = sa.Table("things", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), schema=found.schema)
        connection.execute(sa.insert(away), {"id": 2})
    assert other.ask("SELECT count(*) FROM archive.things") == 1


def test_files_that_are_committed_one_by_one(bench_of, workbench, new_database) -> None:
    bench, other = bench_of("sqlite"), workbench("there", new_database("sqlite"))
    for each in (bench, other):
        each.run("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    with other.database.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA journal_mode = WAL")
    assert reach(bench, other) == reach(other, bench) == "SQLite commits files one by one in journal mode WAL"
    assert "memory" in str(reach(bench, workbench("third", "sqlite://")))
