"""A server is restarted or crashes within a write: an error of ours, nothing half done, and the next one works."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import servers
import sqlalchemy as sa
from servers import Server, Unavailable
from targets import required
from works import ALIAS, WORKS, Tick, Work, open_alias

from multidb_explorer.errors import ConnectionFailed, OperationalError

LOST = (ConnectionFailed, OperationalError)
DURABLE = {
    "postgresql": "ALTER DATABASE {0} SET synchronous_commit = on",
    "mariadb": "SET GLOBAL innodb_flush_log_at_trx_commit = 2",
}
SOON = ["commits", "writes", "creates"]
LATER = [name for name in WORKS if name not in (*SOON, "careless")]


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.server) for name in servers.STARTERS])
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server that the tests of this file may end."""
    server = servers.STARTERS[request.param]()
    if isinstance(server, Unavailable):
        (pytest.fail if required(request.param) else pytest.skip)(server.reason)
    yield server
    server.stop()


@pytest.fixture
def begun(own_server: Server) -> Callable[[str], Work]:
    """Prepare a work and do it once."""

    def begun(name: str) -> Work:
        url = own_server.create_database()
        # The tests' servers answer before a commit is in the log; here they have to keep what they said.
        own_server.execute(DURABLE[own_server.name].format(sa.make_url(url).database))
        work = WORKS[name](open_alias(url))
        work.prepare()
        work.do(0, lambda _: None)
        return work

    return begun


def crash(server: Server) -> None:
    """Let the server end without a word to its clients, and bring it back."""
    server.kill()
    server.restart()


def at_batch(number: int, happens: Callable[[], None]) -> Tick:
    return lambda batch: happens() if batch == number else None


def at_commit(work: Work, happens: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen before the next COMMIT is sent."""
    dialect, left = work.database.engine.dialect, [happens]
    commit = dialect.do_commit

    def watched(connection: object) -> None:
        if left:
            left.pop()()
        commit(connection)

    monkeypatch.setattr(dialect, "do_commit", watched)


def lost(work: Work, tick: Tick = lambda _: None) -> None:
    """See a write fail with one of our errors; then the same alias reads, and the same write works."""
    with pytest.raises(LOST) as failure:
        work.do(1, tick)
    assert f"{ALIAS!r}" in str(failure.value)
    assert work.there() == 1
    assert work.amiss(1) == []
    work.do(1, lambda _: None)
    assert work.there() == 2
    assert work.amiss(2) == []


@pytest.mark.parametrize("name", [*SOON, *(pytest.param(name, marks=pytest.mark.slow) for name in LATER)])
def test_a_server_that_is_restarted_within_a_write(own_server: Server, begun: Callable[[str], Work], name: str) -> None:
    lost(begun(name), at_batch(2, own_server.restart))


@pytest.mark.parametrize("name", ["writes", "creates"])
def test_a_server_that_crashes_within_a_write(own_server: Server, begun: Callable[[str], Work], name: str) -> None:
    lost(begun(name), at_batch(2, lambda: crash(own_server)))


@pytest.mark.parametrize("name", ["writes", "upserts"])
def test_a_server_that_is_restarted_before_the_commit(
    own_server: Server, begun: Callable[[str], Work], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = begun(name)
    at_commit(work, own_server.restart, monkeypatch)
    lost(work)


def test_a_server_that_is_gone_is_named_until_it_is_back(own_server: Server, begun: Callable[[str], Work]) -> None:
    work = begun("writes")
    with pytest.raises(LOST):
        work.do(1, at_batch(2, own_server.kill))
    with pytest.raises(ConnectionFailed, match="'here'"):
        work.do(1, lambda _: None)
    own_server.restart()
    work.do(1, lambda _: None)
    assert work.amiss(2) == []


def test_half_a_load_of_a_careless_writer_is_seen(own_server: Server, begun: Callable[[str], Work]) -> None:
    work = begun("careless")
    with pytest.raises(LOST):
        work.do(1, at_batch(2, own_server.kill))
    own_server.restart()
    assert any("of 2000 rows" in fault for fault in work.amiss(1))
