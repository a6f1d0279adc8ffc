"""Private PostgreSQL and MariaDB servers for the tests, on free loopback ports.

`postgresql()` and `mariadb()` start a new server in a folder of its own and return a `Server`, or
an `Unavailable` that says why there is none. `shared(name)` starts one per process and is what the
fixtures use. Both servers ask for a password: the user is ``ann``, so a wrong password is refused.

A server ends with the process that started it (`server_guard`); `server_programs` says where the
programs come from.

From a shell, ``python tests/servers.py`` starts both, prints their URLs as exports and stays until
Ctrl-C. A test run in a shell with those exports uses these servers and starts none.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import server_programs as programs
from server_guard import Guard, Program
from server_programs import HOST, USER, ServerError, Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = [
    "STARTERS",
    "MariaDBServer",
    "PostgreSQLServer",
    "Server",
    "ServerError",
    "Unavailable",
    "mariadb",
    "postgresql",
    "shared",
    "stop_shared",
]

READY_WITHIN = 60.0
# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
ADOPTED = {name: os.environ.get(f"MULTIDB_TEST_{name.upper()}") for name in ("postgresql", "mariadb")}


class Server:
    """A running database server that belongs to this process.

    `user` and `password` belong to an ordinary user; `admin_url` to one who may do all.

    Examples
    --------
    >>> server = postgresql()
    >>> url = server.create_database("shop")
    >>> server.stop()
    """

    name: str
    drivername: str
    admin: str
    admin_database: str
    host = HOST
    user = USER

    def __init__(self, port: int, password: str, guard: Guard | None = None) -> None:
        self.port = port
        self.password = password
        self.pid = 0
        self._guard = guard
        self._engine: Engine | None = None

    def __repr__(self) -> str:
        return f"<{self.name} server on {self.host}:{self.port}>"

    # --- databases -------------------------------------------------------------------------

    def url(self, database: str = "", *, user: str | None = None, password: str | None = None) -> str:
        """Return the URL of a database, for `ann` unless another user is given."""
        from sqlalchemy import URL

        made = URL.create(
            self.drivername,
            username=user or self.user,
            password=password or self.password,
            host=self.host,
            port=self.port,
            database=database or None,
        )
        return made.render_as_string(hide_password=False)

    @property
    def admin_url(self) -> str:
        """The URL with which databases and users are made."""
        return self.url(self.admin_database, user=self.admin)

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database that belongs to `ann` and return its URL."""
        name = name or f"test_{secrets.token_hex(6)}"
        self._create(name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database (a name or a URL of one), ending the connections that are open to it."""
        from sqlalchemy import make_url

        self._drop((make_url(name).database or "") if "://" in name else name)

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator, outside a transaction, and return its rows."""
        with self._admin_engine().connect() as connection:
            # Without parameters no driver looks for % in a quoted name.
            result = connection.execution_options(no_parameters=True).exec_driver_sql(sql)
            return [tuple(row) for row in result] if result.returns_rows else []

    def quote(self, name: str) -> str:
        """Return `name` as a quoted identifier."""
        # SQLAlchemy's own quoting doubles a % for the driver, which `execute` keeps out of it.
        mark = self._admin_engine().dialect.identifier_preparer.initial_quote
        return mark + name.replace(mark, mark * 2) + mark

    def _admin_engine(self) -> Engine:
        if self._engine is None:
            from sqlalchemy import create_engine

            # The pool is checked on use because a server may be killed and started in between.
            self._engine = create_engine(self.admin_url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        return self._engine

    def _create(self, name: str) -> None:
        raise NotImplementedError

    def _drop(self, name: str) -> None:
        raise NotImplementedError

    # --- life ------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the server and remove its data. A second call does nothing."""
        self._dispose()
        atexit.unregister(self.stop)
        if self._guard is not None:
            self._guard.close()

    def restart(self) -> None:
        """Stop the server if it runs, then start it on the same port with the same data."""
        self._dispose()
        self._own_guard().stop()
        self.start()

    def kill(self) -> None:
        """Let the server crash: no goodbye to its clients. `restart` brings it back."""
        self._dispose()
        self._own_guard().kill()

    def start(self) -> None:
        """Start the server program and wait until it answers."""
        guard = self._own_guard()
        deadline = time.monotonic() + READY_WITHIN
        self.pid = guard.start()
        while not self._is_ready(guard.folder):
            if (code := guard.exit_code()) is not None:
                if time.monotonic() > deadline or not self._may_try_again(guard.log()):
                    raise ServerError(f"{self.name} ended with exit code {code}:\n{guard.log()}")
                self.pid = guard.start()
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not answer in {READY_WITHIN:.0f} s:\n{guard.log()}")
            time.sleep(0.05)

    def _is_ready(self, folder: Path) -> bool:
        raise NotImplementedError

    def _may_try_again(self, log: str) -> bool:
        """Tell whether the end of the log names a passing reason for not starting."""
        return False

    def _own_guard(self) -> Guard:
        if self._guard is None:
            raise ServerError(f"{self!r} was started by another process: only its owner may stop it")
        return self._guard

    def _dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


class PostgreSQLServer(Server):
    """A PostgreSQL server."""

    name = "postgresql"
    drivername = "postgresql+psycopg"
    admin = "postgres"
    admin_database = "postgres"

    def _create(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {self.quote(name)} OWNER {self.quote(self.user)}")

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {self.quote(name)} WITH (FORCE)")

    def _is_ready(self, folder: Path) -> bool:
        with contextlib.suppress(OSError, IndexError):
            lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
            # After a crash the file of the dead server still stands there; its first line tells.
            return lines[0] == str(self.pid) and lines[-1].strip() == "ready"
        return False

    def _may_try_again(self, log: str) -> bool:
        # After a crash the last children need a moment to notice that their parent is gone.
        return "still in use" in log


class MariaDBServer(Server):
    """A MariaDB server."""

    name = "mariadb"
    drivername = "mysql+pymysql"
    admin = programs.MARIADB_ADMIN
    admin_database = "mysql"

    def _create(self, name: str) -> None:
        # In a GRANT the database is a LIKE pattern.
        pattern = re.sub(r"([_%\\])", r"\\\1", name)
        self.execute(f"CREATE DATABASE {self.quote(name)}")
        self.execute(f"GRANT ALL PRIVILEGES ON {self.quote(pattern)}.* TO '{self.user}'@'{HOST}'")

    def _drop(self, name: str) -> None:
        for connection_id, database in self.execute("SELECT id, db FROM information_schema.processlist"):
            if database == name:
                # It may have ended by itself since it was listed.
                with contextlib.suppress(Exception):
                    self.execute(f"KILL {connection_id}")
        self.execute(f"DROP DATABASE IF EXISTS {self.quote(name)}")

    def _is_ready(self, folder: Path) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as client:
            # The server speaks first, as soon as it takes connections.
            return bool(client.recv(1))
        return False


def postgresql() -> Server | Unavailable:
    """Start a PostgreSQL server of our own, or say why that cannot be."""
    binaries = programs.postgresql_binaries()
    if isinstance(binaries, Unavailable):
        return binaries
    with _folder("postgresql") as folder:
        user = programs.unprivileged_user()
        if user and programs.WHEEL in binaries.parts:
            binaries = programs.reachable(binaries, folder)
        password = programs.init_postgresql(binaries, folder, user)
        port = _free_port()
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), *programs.postgresql_options(port)]
        server = PostgreSQLServer(port, password, Guard(folder, Program(command, signal.SIGINT, user)))
        _launch(server)
    server.execute(f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{password}'")
    return server


def mariadb() -> Server | Unavailable:
    """Start a MariaDB server of our own, or say why that cannot be."""
    found = programs.mariadb_programs()
    if isinstance(found, Unavailable):
        return found
    with _folder("mariadb") as folder:
        password = programs.init_mariadb(found, folder)
        port = _free_port()
        command = [*found.command(folder), *programs.mariadb_options(port)]
        guard = Guard(folder, Program(command, signal.SIGTERM, env=found.env))
        server = MariaDBServer(port, password, guard)
        _launch(server)
    return server


@contextlib.contextmanager
def _folder(name: str) -> Iterator[Path]:
    """Give a new folder; remove it again only if the server did not come up."""
    folder = Path(tempfile.mkdtemp(prefix=f"multidb-{name}-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _launch(server: Server) -> None:
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    atexit.register(server.stop)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


# --- one server per process, and the command line -----------------------------------------------

STARTERS: dict[str, Callable[[], Server | Unavailable]] = {"postgresql": postgresql, "mariadb": mariadb}
_shared: dict[str, Server | Unavailable] = {}
_shared_lock = threading.Lock()


def shared(name: str) -> Server | Unavailable:
    """Return this process's server, starting it (or taking the shell's) at the first call."""
    with _shared_lock:
        if name not in _shared:
            url = ADOPTED[name]
            _shared[name] = _adopt(name, url) if url else STARTERS[name]()
        return _shared[name]


def stop_shared() -> None:
    """Stop the servers that `shared` started."""
    with _shared_lock:
        for server in _shared.values():
            if isinstance(server, Server):
                server.stop()
        _shared.clear()


def _adopt(name: str, url: str) -> Server:
    """Return the server of another process, by the administrator's URL that it printed."""
    from sqlalchemy import make_url

    parts = make_url(url)
    kind = PostgreSQLServer if name == "postgresql" else MariaDBServer
    return kind(parts.port or 0, str(parts.password))


def serve(out: IO[str] = sys.stdout) -> None:
    """Start both servers, print their URLs as shell exports and stay until Ctrl-C."""
    try:
        for name in STARTERS:
            server = shared(name)
            if isinstance(server, Unavailable):
                print(f"# {server.reason}", file=out, flush=True)
                continue
            print(f"export {name.upper()}_URL={shlex.quote(server.create_database('ann'))}", file=out)
            print(f"export MULTIDB_TEST_{name.upper()}={shlex.quote(server.admin_url)}", file=out, flush=True)
        print("# Ctrl-C stops them", file=out, flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        stop_shared()


if __name__ == "__main__":
    serve()
