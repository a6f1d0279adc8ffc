"""A server crashes while rows are moved: an error of ours or none, no row is lost, and a rerun ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import families
import pytest
import servers
import sqlalchemy as sa
from families import POINTS, Judge
from servers import Server, Unavailable
from targets import required
from test_restarted import DURABLE, crash

import multidb_explorer as mdb
from multidb_explorer.errors import MultiDBError
from multidb_explorer.transfer.points import watchers

SOON = [("after_target_commit", "new"), ("before_source_commit", "old")]


@pytest.fixture(scope="module")
def own_servers() -> Iterator[dict[str, Server]]:
    """Give a server of each kind that the tests of this file may end."""
    made: dict[str, Server] = {}
    try:
        for name, start in servers.STARTERS.items():
            server = start()
            if isinstance(server, Unavailable):
                (pytest.fail if required(name) else pytest.skip)(server.reason)
            made[name] = server
        yield made
    finally:
        for server in made.values():
            server.stop()


@contextmanager
def crashing(server: Server, point: str) -> Iterator[list[str]]:
    """Let a server crash at a point, the first time that it is reached."""
    crashed: list[str] = []

    def watch(name: str) -> None:
        if name == point and not crashed:
            crashed.append(name)
            crash(server)

    watchers.append(watch)
    try:
        yield crashed
    finally:
        watchers.remove(watch)


@pytest.fixture
def crashed(own_servers: dict[str, Server]) -> Callable[[str, str, str, str], None]:
    """Move rows from one server to another, of which one crashes, and judge."""

    def crashed(source: str, target: str, point: str, side: str) -> None:
        sides = {"old": own_servers[source], "new": own_servers[target]}
        urls = []
        for server in sides.values():
            urls.append(server.create_database())
            server.execute(DURABLE[server.name].format(sa.make_url(urls[-1]).database))
        both = families.open_both(*urls)
        families.prepare(*both)
        judge = Judge("family", *map(families.contents, both))

        # Any error of ours is a good one; that rows are safe is judged below.
        with crashing(sides[side], point) as crashes, suppress(MultiDBError):
            families.moved("family")
        assert crashes
        assert judge.amiss(*map(families.contents, both)) == []
        mdb.recover()
        families.moved("family")
        assert judge.done(*map(families.contents, both)) == []
        assert list(mdb.transfers()) == []

    return crashed


@pytest.mark.server
@pytest.mark.parametrize(("point", "side"), SOON)
def test_a_server_crashes_within_a_move(crashed: Callable[..., None], point: str, side: str) -> None:
    crashed("postgresql", "mariadb", point, side)


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.parametrize("side", ["old", "new"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("source", "target"), [("postgresql", "mariadb"), ("mariadb", "postgresql")])
def test_a_server_crashes_at_any_point(
    crashed: Callable[..., None], source: str, target: str, point: str, side: str
) -> None:
    crashed(source, target, point, side)
