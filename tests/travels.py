"""Chinook on any engine: its tables, empty or with the rows of some artists and customers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

import chinook
import sqlalchemy as sa
import targets

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

metadata = sa.MetaData()


def _table(name: str, *columns: sa.Column) -> sa.Table:
    return sa.Table(name, metadata, *columns)


def _text(name: str, length: int = 200, **more) -> sa.Column:
    return sa.Column(name, sa.String(length), **more)


def _key(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _to(name: str, to: str, **more) -> sa.Column:
    return sa.Column(name, sa.Integer, sa.ForeignKey(to), **more)


_table("Artist", _key("ArtistId"), _text("Name"))
_table("Genre", _key("GenreId"), _text("Name"))
_table("MediaType", _key("MediaTypeId"), _text("Name"))
_table("Album", _key("AlbumId"), _text("Title", nullable=False), _to("ArtistId", "Artist.ArtistId", nullable=False))
_table(
    "Track",
    _key("TrackId"),
    _text("Name", nullable=False),
    _to("AlbumId", "Album.AlbumId"),
    _to("MediaTypeId", "MediaType.MediaTypeId", nullable=False),
    _to("GenreId", "Genre.GenreId"),
    _text("Composer", 220),
    sa.Column("Milliseconds", sa.Integer, nullable=False),
    sa.Column("Bytes", sa.Integer),
    sa.Column("UnitPrice", sa.Numeric(10, 2), nullable=False),
)
_table("Playlist", _key("PlaylistId"), _text("Name"))
_table(
    "PlaylistTrack",
    _to("PlaylistId", "Playlist.PlaylistId", primary_key=True),
    _to("TrackId", "Track.TrackId", primary_key=True),
)
_table(
    "Employee",
    _key("EmployeeId"),
    _text("LastName", nullable=False),
    _text("FirstName", nullable=False),
    _text("Title"),
    _to("ReportsTo", "Employee.EmployeeId"),
    sa.Column("BirthDate", sa.DateTime),
    sa.Column("HireDate", sa.DateTime),
    *map(_text, ["Address", "City", "State", "Country", "PostalCode", "Phone", "Fax", "Email"]),
)
_table(
    "Customer",
    _key("CustomerId"),
    _text("FirstName", nullable=False),
    _text("LastName", nullable=False),
    *map(_text, ["Company", "Address", "City", "State", "Country", "PostalCode", "Phone", "Fax"]),
    _text("Email", nullable=False),
    _to("SupportRepId", "Employee.EmployeeId"),
)
_table(
    "Invoice",
    _key("InvoiceId"),
    _to("CustomerId", "Customer.CustomerId", nullable=False),
    sa.Column("InvoiceDate", sa.DateTime, nullable=False),
    *map(_text, ["BillingAddress", "BillingCity", "BillingState", "BillingCountry", "BillingPostalCode"]),
    sa.Column("Total", sa.Numeric(10, 2), nullable=False),
)
_table(
    "InvoiceLine",
    _key("InvoiceLineId"),
    _to("InvoiceId", "Invoice.InvoiceId", nullable=False),
    _to("TrackId", "Track.TrackId", nullable=False),
    sa.Column("UnitPrice", sa.Numeric(10, 2), nullable=False),
    sa.Column("Quantity", sa.Integer, nullable=False),
)

TABLES = [table.name for table in metadata.sorted_tables]


def empty(alias: str, url: str) -> None:
    """Register a database with Chinook's tables and no rows."""
    mdb.connect(alias, url)
    with databases[alias].begin() as connection:
        metadata.create_all(connection)


def rows(alias: str) -> dict[str, set[tuple]]:
    """Read every row of every table of Chinook."""
    found = {}
    for table in TABLES:
        model = mdb.reflect(table, alias)
        found[table] = set(model.objects.values_list())
    return found


def clear(alias: str) -> None:
    """Delete every row of a server's database."""
    with databases[alias].begin() as connection:
        employee = metadata.tables["Employee"]
        connection.execute(sa.update(employee).values(ReportsTo=None))
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))


class Register(Protocol):
    """Registers a database of Chinook under an alias."""

    def __call__(self, alias: str, engine: str, kind: str = "away") -> str: ...


class Places:
    """Databases by engine and kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._urls: dict[tuple[str, str], str] = {}

    def register(self, alias: str, engine: str, kind: str) -> None:
        """Register one, which is made where there is none yet; of a file each time a fresh copy."""
        if (engine, kind) not in self._urls:
            self._urls[engine, kind] = self._made(alias, engine, kind)
        url, target = self._urls[engine, kind], targets.by_name(engine)
        if target.server is None:
            mdb.disconnect(alias) if alias in mdb.aliases else None
            fresh = target.new_database(self._folder)
            shutil.copyfile(url.removeprefix(target.url_prefix), fresh.removeprefix(target.url_prefix))
            url = fresh
        mdb.connect(alias, url)

    def _made(self, alias: str, engine: str, kind: str) -> str:
        url = targets.by_name(engine).new_database(self._folder)
        empty(alias, url)
        if kind == "home":
            chinook.load_sqlite("chinook", self._folder)
            mdb.copy(mdb.reflect("Artist", "chinook").objects.filter(ArtistId__in=[8, 22]), to=alias, related="all")
            mdb.copy(mdb.reflect("Customer", "chinook").objects.filter(CustomerId=2), to=alias, related="all")
            mdb.disconnect("chinook")
        return url

    def drop(self) -> None:
        """Remove them."""
        for (engine, _), url in self._urls.items():
            targets.by_name(engine).drop_database(url)
