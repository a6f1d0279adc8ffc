"""The engines that the tests run on: one line each, and how to get an empty database of it.

A new backend needs one more line in `TARGETS`; every test that uses the fixture ``target``,
``url`` or ``new_database`` then runs on it as well.

`MULTIDB_REQUIRE` turns a skip for want of a server or browser into a failure: ``all``, or some of
``postgresql,mariadb,browser,axe``.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import servers

# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
REQUIRED = frozenset(filter(None, os.environ.get("MULTIDB_REQUIRE", "").replace(" ", "").split(",")))


class TargetUnavailable(RuntimeError):
    """The server of a target is not here; the message says why."""


@dataclass(frozen=True)
class Target:
    """One engine: which backend serves it and what sets it apart in a test.

    Examples
    --------
    >>> sqlite = by_name("sqlite")
    >>> url = sqlite.new_database()
    >>> sqlite.drop_database(url)
    """

    name: str
    backend: str
    title: str
    extra: str | None = None
    """The extra of the package that brings the driver."""
    url_prefix: str = ""
    """What the file name follows in the URL of an embedded database."""
    server: str | None = None
    """The name of its server in `servers`; None for an embedded database."""

    @property
    def embedded(self) -> bool:
        """Tell whether the database is a file of ours."""
        return self.server is None

    def new_database(self, folder: Path | None = None, name: str | None = None) -> str:
        """Create an empty database and return its URL, password included.

        An embedded one is a file in `folder` (a temporary one of this process if not given).
        """
        if self.server:
            return self.require_server().create_database(name)
        name = name or f"test_{secrets.token_hex(6)}"
        return f"{self.url_prefix}{(folder or _scratch()) / f'{name}.db'}"

    def drop_database(self, url: str) -> None:
        """Remove a database that `new_database` made."""
        if self.server:
            self.require_server().drop_database(url)
        else:
            Path(url.removeprefix(self.url_prefix)).unlink(missing_ok=True)

    def require_server(self) -> servers.Server:
        """Return the running server of this target, or raise `TargetUnavailable`."""
        if self.server is None:
            raise TargetUnavailable(f"{self.title} has no server")
        server = servers.shared(self.server)
        if isinstance(server, servers.Unavailable):
            raise TargetUnavailable(server.reason)
        return server

    def __str__(self) -> str:
        return self.name


TARGETS = (
    Target("sqlite", "sqlite", "SQLite", url_prefix="sqlite:///"),
    Target("duckdb", "duckdb", "DuckDB", extra="duckdb", url_prefix="duckdb:///"),
    Target("postgresql", "postgresql", "PostgreSQL", extra="postgres", server="postgresql"),
    Target("mariadb", "mariadb", "MariaDB", extra="mysql", server="mariadb"),
)


def by_name(name: str) -> Target:
    """Return the target of that name."""
    return next(target for target in TARGETS if target.name == name)


def required(what: str) -> bool:
    """Tell whether the absence of a server or of the browser is a failure in this run."""
    return not REQUIRED.isdisjoint({"all", what})


@cache
def _scratch() -> Path:
    """Return a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="multidb-embedded-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
