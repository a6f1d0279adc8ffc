"""The files of the demo: built beside their places and then put there in one step each."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.connections.config import build as alias_settings
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.entries import read_entry
from multidb_explorer.connections.registry import databases
from multidb_explorer.demo import goods, people, tables
from multidb_explorer.errors import ImproperlyConfigured, MissingDriver
from multidb_explorer.schema.aliases import Aliases, aliases

__all__ = ["build", "start"]

FOLDER = "notebooks/demo"

_MARK = ".multidb-demo"
"""A file that says that the folder is the demo's, so that nobody's own shop.db is ever replaced."""

_SETTINGS: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "sqlite",
        "NAME": "shop.db",
        "label": "the shop",
        "color": "steelblue",
        "confirm": "writes",
    },
    "legacy_users": {"ENGINE": "sqlite", "NAME": "legacy.db", "label": "the old CRM", "color": "orange"},
    "new_users": {
        "ENGINE": "sqlite",
        "NAME": "new.db",
        "label": "the new CRM",
        "color": "mediumseagreen",
    },
    "warehouse": {"ENGINE": "duckdb", "NAME": "warehouse.duckdb", "label": "sales facts", "color": "mediumpurple"},
    "archive": {
        "ENGINE": "sqlite",
        "NAME": "archive.db",
        "label": "before 2018",
        "color": "slategray",
        "read_only": True,
    },
}
# What a database that was not closed properly leaves beside its file; it must not be applied to the next one.
_LEFTOVERS = ("-journal", "-wal", "-shm", ".wal")

Rows = Iterable[Mapping[str, Any]]


def build(folder: str | os.PathLike[str] = FOLDER, *, fresh: bool = False) -> dict[str, dict[str, Any]]:
    """Make the databases of the demo, those that are not there yet.

    Parameters
    ----------
    folder
        Where to put them.
    fresh
        Whether those that are there are made anew.

    Returns
    -------
    dict
        Settings by alias, for `mdb.configure`; without ``warehouse`` but with a warning where DuckDB is missing.

    Raises
    ------
    ImproperlyConfigured
        When the folder holds a file of such a name that the demo did not make.

    Examples
    --------
    >>> import tempfile
    >>> sorted(build(tempfile.mkdtemp()))[0]
    'archive'
    """
    home = Path(folder).expanduser().absolute()
    _claim(home)
    made: dict[str, dict[str, Any]] = {}
    for alias, settings in _SETTINGS.items():
        path = home / settings["NAME"]
        try:
            if fresh or not path.exists():
                _make(alias, settings, path)
        except MissingDriver as missing:
            warnings.warn(f"The demo goes without the alias {alias!r}: {missing}", stacklevel=2)
            continue
        made[alias] = {**settings, "NAME": str(path)}
    return made


def start(folder: str | os.PathLike[str] = FOLDER, *, fresh: bool = False) -> Aliases:
    """Make the databases of the demo where they are not there yet, and register them in place of all other aliases.

    Parameters
    ----------
    folder, fresh
        As in `build`.

    Examples
    --------
    >>> import tempfile
    >>> start(tempfile.mkdtemp())["archive"].name
    'archive'
    """
    home = Path(folder).expanduser().absolute()
    was_there = (home / _MARK).exists()
    databases.configure(build(home))
    if fresh and was_there:
        # A connection that stays open would go on reading the old file.
        for database in databases.values():
            database.dispose()
        build(home, fresh=True)
    return aliases


def _claim(home: Path) -> None:
    """Mark a folder as the demo's, unless it holds what somebody else made."""
    mark = home / _MARK
    if mark.exists():
        return
    taken = [settings["NAME"] for settings in _SETTINGS.values() if (home / settings["NAME"]).exists()]
    if taken:
        raise ImproperlyConfigured(
            f"Folder {str(home)!r} has a file {taken[0]!r} that the demo did not make, so nothing was done. "
            f"Choose another folder for the demo."
        )
    home.mkdir(parents=True, exist_ok=True)
    mark.write_text("The databases here are made by multidb_explorer.demo and may be replaced at any time.\n")


def _make(alias: str, settings: Mapping[str, Any], path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as room:
        place = {"ENGINE": settings["ENGINE"], "NAME": str(Path(room) / path.name)}
        database = Database(alias_settings(alias, [read_entry(alias, place)]))
        try:
            with database.begin() as connection:
                _FILL[alias](connection)
        finally:
            database.dispose()
        for ending in _LEFTOVERS:
            Path(f"{path}{ending}").unlink(missing_ok=True)
        Path(place["NAME"]).replace(path)


def _insert(connection: Connection, table: sa.Table, rows: Rows) -> None:
    connection.execute(table.insert(), [*rows])


def _fill_shop(connection: Connection) -> None:
    found = tables.shop()
    found.create_all(connection)
    _insert(connection, found.tables["categories"], goods.categories())
    products = goods.products()
    _insert(connection, found.tables["products"], products)
    orders = list(goods.orders(products))
    _insert(connection, found.tables["orders"], (order for order, _ in orders))
    _insert(connection, found.tables["order_items"], (item for _, items in orders for item in items))


def _fill_legacy(connection: Connection) -> None:
    found = tables.crm()
    found.create_all(connection)
    everybody = list(people.users())
    _insert(connection, found.tables["users"], everybody)
    _insert(connection, found.tables["addresses"], people.addresses(everybody))
    _insert(connection, found.tables["notes"], people.notes(everybody))
    _insert(connection, found.tables["login_log"], people.logins(everybody))


def _fill_new(connection: Connection) -> None:
    found = tables.crm(longest_name=40, log=False)
    found.create_all(connection)
    everybody = list(people.users())
    moved = [person for person in everybody if person["id"] in people.MOVED]
    changed = {"email": "changed.since@example.org", "credit": Decimal("5.00"), "newsletter": True}
    _insert(
        connection,
        found.tables["users"],
        (person | changed if person["id"] == people.CONFLICTING else person for person in moved),
    )
    theirs = (address for address in people.addresses(everybody) if address["user_id"] in people.MOVED)
    _insert(connection, found.tables["addresses"], theirs)
    _insert(
        connection,
        found.tables["notes"],
        (note for note in people.notes(everybody) if note["user_id"] in people.MOVED),
    )


def _fill_warehouse(connection: Connection) -> None:
    import pyarrow as pa

    found = tables.warehouse()
    found.create_all(connection)
    codes = people.COUNTRIES.items()
    _insert(
        connection,
        found.tables["countries"],
        ({"code": code, "name": name, "region": region, "currency": money} for code, (name, region, money, _) in codes),
    )
    facts = pa.table(goods.sales(goods.products()))
    # Row by row, this database takes half a minute for what it reads from Arrow at once.
    driver: Any = connection.connection.driver_connection
    driver.register("facts", facts)
    names = ", ".join(column.name for column in found.tables["sales"].columns)
    connection.exec_driver_sql(f"INSERT INTO sales ({names}) SELECT {names} FROM facts")
    driver.unregister("facts")


def _fill_archive(connection: Connection) -> None:
    found = tables.archive()
    found.create_all(connection)
    _insert(connection, found.tables["users"], people.users(300, seed=5, first=people.COUNT + 1))
    old = goods.orders(goods.products(), 2_000, seed=14, first=1, years=(2016, 2))
    _insert(connection, found.tables["orders"], (order for order, _ in old))


_FILL: dict[str, Callable[[Connection], None]] = {
    "default": _fill_shop,
    "legacy_users": _fill_legacy,
    "new_users": _fill_new,
    "warehouse": _fill_warehouse,
    "archive": _fill_archive,
}
