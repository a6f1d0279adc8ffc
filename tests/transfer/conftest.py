"""Databases for transfers: on each engine one with rows that stay, and one that is emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator

import chinook
import pytest
import targets
import travels

import multidb_explorer as mdb


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[travels.Places]:
    """Give the databases of this session; each is made when it is first asked for."""
    made = travels.Places(tmp_path_factory.mktemp("places"))
    yield made
    made.drop()


@pytest.fixture
def places_of(places: travels.Places, request: pytest.FixtureRequest) -> Iterator[travels.Register]:
    """Return a function that registers Chinook on an engine: ``home`` with rows, ``away`` without."""
    used: list[str] = []

    def register(alias: str, engine: str, kind: str = "away") -> str:
        chinook.require()
        server = targets.by_name(engine).server
        if server is not None:
            request.getfixturevalue(server)
        places.register(alias, engine, kind)
        if kind == "away" and server is not None:
            used.append(alias)
        return alias

    yield register
    for alias in used:
        if alias in mdb.aliases:
            travels.clear(alias)
