"""The contract of a database product: flags that the rest asks, and methods that it calls.

Everything the package knows about one product stands in one file beside this one, with these names in this order;
what it computes stands in a second one (`computing`), and what moving rows needs in a third (`moving`). The bodies here
work on any SQLAlchemy dialect; a product overrides what it does differently or faster.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Dialect, Inspector
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.types import TypeEngine

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.computing import Computing
from multidb_explorer.backends.definitions import Definition, reflected
from multidb_explorer.backends.kinds import Kind, kind_of
from multidb_explorer.backends.literals import Quoting
from multidb_explorer.backends.loaders import Loader
from multidb_explorer.backends.moving import Moving
from multidb_explorer.backends.raw import Bind, Described, Prepared
from multidb_explorer.backends.readers import Reader
from multidb_explorer.backends.unknown import type_in_catalog
from multidb_explorer.backends.values import canonical
from multidb_explorer.errors import MissingDriver, NotSupportedError

__all__ = ["Backend", "Decoder", "Driver", "Features", "ServerInfo", "Trouble", "like"]

Decoder = Callable[[Any], Any]
"""Turns what a driver returned (never ``None``) into the canonical Python value of a kind."""

ForeignKeys = Mapping[tuple[str | None, str], Sequence[ReflectedForeignKeyConstraint]]
"""Foreign keys by schema (``None`` for the default one) and table, as SQLAlchemy describes them."""


@dataclass(frozen=True)
class Features:
    """What a product can do, as questions that the rest of the code asks instead of its name."""

    files: bool = False
    """Is a database a file, so that a relative name is a relative path?"""
    read_only_session: bool = False
    """Can the session itself be made read-only, so that raw SQL can't write either?"""
    insert_returning: bool = False
    """Does INSERT give back the values that the database made?"""
    counts_matched_rows: bool = True
    """Does an UPDATE or DELETE report how many rows it matched?"""
    readers_block_writers: bool = False
    """Does a statement that is still being read keep others from writing?"""
    row_locks: bool = False
    """Does SELECT ... FOR UPDATE hold a row until the transaction ends?"""
    schemas: bool = False
    """Are tables grouped in schemas inside one database?"""
    statement_timeout: bool = False
    """Does the server stop a statement by itself after the time given to `Backend.open_session`?"""
    reads_behind: bool = False
    """May the driver go on reading for long what the server had sent before it stopped?"""
    savepoints: bool = True
    """Can a part of a transaction be undone alone?"""
    deletes_families: bool = True
    """Can one transaction delete rows and then the rows that they refer to?"""
    loose_types: bool = False
    """May a column hold values that are longer or larger than its type says?"""
    refers_within_statement: bool = True
    """Can one statement insert or delete rows together with others that refer to them, in whatever order?"""
    looks_into_itself: bool = True
    """May an UPDATE or DELETE ask a subquery about its own table?"""
    names_conflict_key: bool = True
    """Can an upsert be told the unique key that it goes by?"""
    updates_indexed_columns: bool = True
    """Can an UPDATE set an indexed column of a row that others refer to, be it to the same value?"""
    filters_aggregates: bool = False
    """Can an aggregate be told which rows to take (FILTER)?"""
    distinct_on: bool = False
    """Can SELECT keep one row for each value of some columns?"""
    groups_by_primary_key: bool = False
    """May other columns of a table be selected that is grouped by its primary key?"""
    null_order: str = ""
    """Where does NULL stand when nothing is said: ``least``, ``greatest``, ``last`` (either way), or unknown?"""
    places_nulls: bool = True
    """Does ORDER BY know NULLS FIRST and NULLS LAST?"""
    explain_formats: frozenset[str] = frozenset()
    """In which formats can the plan of a statement be had?"""
    explain_options: frozenset[str] = frozenset()
    """What can be asked of the plan besides?"""
    widens_integers: bool = False
    """Is arithmetic on integers done in 64 bits, whatever the width of the columns?"""
    having_names_keys: bool = True
    """Can HAVING name whatever the groups are made by, and not only what is read of them?"""
    miscounts_open_windows: bool = False
    """Does a window without partition and order spoil the other windows of its query?"""
    merges_texts: bool = False
    """Are texts equal to GROUP BY and DISTINCT that differ in case or in blanks at the end?"""
    exact_cursor: bool = True
    """Does the driver's plain cursor give every value as it is stored?"""
    sorts_in_columns: bool = False
    """Does it sort one column of a big table so fast, reading that column alone, that an index would not help?"""
    hears_interrupts: bool = True
    """Does a running statement end when the user interrupts the main thread?"""
    port: int | None = None
    """At which port does a server listen where nobody says otherwise?"""
    max_parameters: int = 2_000
    """How many bound parameters may one statement have?"""


@dataclass(frozen=True)
class Driver:
    """One way to reach a product from Python: SQLAlchemy's name for it and the module it needs."""

    name: str
    module: str


@dataclass(frozen=True)
class ServerInfo:
    """What answered at the other end."""

    product: str
    version: str

    def __str__(self) -> str:
        return f"{self.product} {self.version}"


@dataclass(frozen=True)
class Trouble:
    """What kind of failure a driver's error stands for.

    Attributes
    ----------
    kind
        ``unreachable`` (server or file), ``read_only``, ``cancelled`` (from elsewhere, or by a time limit),
        ``interrupted`` (by the user, in the main thread), or ``other``.
    hint
        What to do next, as a sentence, or empty.
    error
        The DB-API's name for such an error (``IntegrityError``) where the driver's class says otherwise, or empty.
    """

    kind: str = "other"
    hint: str = ""
    error: str = ""


class Backend(Computing, Moving):
    """One database product. Instances hold no state; one serves every alias of its product."""

    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "SQL database"
    extra: ClassVar[str | None] = None
    drivers: ClassVar[tuple[Driver, ...]] = ()
    features: ClassVar[Features] = Features()
    readers: ClassVar[tuple[Reader, ...]] = ()
    """Its own ways to hand over Arrow batches, the fastest first; the plain cursor stands behind them."""
    loaders: ClassVar[tuple[Loader, ...]] = ()
    """Its own ways to take Arrow batches, the fastest first; inserting through the driver stands behind them."""
    colspecs: ClassVar[Mapping[type[TypeEngine[Any]], type[TypeEngine[Any]]]] = {}
    """Types that bind values in this product's exact form, in place of SQLAlchemy's own."""
    quoting: ClassVar[Quoting] = Quoting()
    """How values are written into SQL text that is kept in a file."""

    # Reaching the database

    def prepare_url(self, url: URL) -> URL:
        """Choose an installed driver for a URL that names none, and check the one that it names.

        Raises
        ------
        MissingDriver
            When none is installed; the message names the extra.
        """
        known = {driver.name: driver for driver in self.drivers}
        if url.drivername in known or not self.drivers:
            wanted = [known[url.drivername]] if url.drivername in known else []
        elif "+" in url.drivername:
            return url
        else:
            wanted = list(self.drivers)
        for driver in wanted:
            if find_spec(driver.module) is not None:
                return url.set(drivername=driver.name)
        return url if not wanted else self._refuse_driver(wanted)

    def _refuse_driver(self, wanted: Sequence[Driver]) -> URL:
        modules = " or ".join(driver.module for driver in wanted)
        raise MissingDriver(
            f"{self.title} needs the Python module {modules}, which is not installed. "
            f"Install it with: pip install 'multidb-explorer[{self.extra}]'"
        )

    def file(self, url: URL) -> Path | None:
        """Give the file that a URL stands for, as it stands there; ``None`` where it is not one on this machine."""
        return None

    def engine_options(self, url: URL, *, read_only: bool, connect_timeout: int) -> dict[str, Any]:
        """Give the keyword arguments for ``sqlalchemy.create_engine`` (``connect_args``, ``poolclass``, ...)."""
        return {}

    def connect_arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Have the last word on what the driver's ``connect`` gets, after the URL and the user's own options."""
        return given

    def open_session(self, connection: Any, *, read_only: bool, statement_timeout: float | None) -> None:
        """Prepare a fresh DB-API connection: strictness, time zone, read-only, time limit in seconds."""

    def begin(self, connection: Connection) -> None:
        """Start a transaction, where the driver would start it too late or not at all."""

    def server_info(self, connection: Connection) -> ServerInfo:
        """Tell which product and version answered."""
        version = connection.dialect.server_version_info or ()
        return ServerInfo(self.title, ".".join(str(part) for part in version))

    def fingerprint(self, connection: Connection, url: URL) -> str:
        """Identify the database itself, so that two aliases of one database are recognised."""
        return f"{self.name}:{url.host or 'localhost'}:{url.port or ''}/{url.database or ''}"

    # What is there

    def kind(self, type_: TypeEngine[Any]) -> Kind:
        """Give the kind of one of this product's column types."""
        return kind_of(type_)

    def column_name(self, reflected: str) -> str:
        """Give a column's real name, where SQLAlchemy's reflection spells it otherwise."""
        return reflected

    def unique_keys(self, inspector: Inspector, table: str, schema: str | None) -> list[list[str]]:
        """Give the columns of each unique constraint of a table."""
        return [list(unique["column_names"]) for unique in inspector.get_unique_constraints(table, schema)]

    def all_unique_keys(self, inspector: Inspector, schema: str | None) -> dict[str, list[list[str]]]:
        """Give the columns of each unique constraint of all tables of a schema, by the table's name."""
        found = inspector.get_multi_unique_constraints(schema)
        return {name: [list(unique["column_names"]) for unique in uniques] for (_, name), uniques in found.items()}

    def numbers_key(self, inspector: Inspector, table: str, schema: str | None) -> bool:
        """Tell whether an integer primary key of one column numbers new rows without a word in its declaration."""
        return False

    def comments(self, connection: Connection, schema: str | None) -> dict[str, str]:
        """Give the comments of the tables and views of a schema that have one."""
        try:
            found = sa.inspect(connection).get_multi_table_comment(schema, kind=ObjectKind.ANY)
        except NotImplementedError:
            return {}
        return {name: text for (_, name), comment in found.items() if (text := comment.get("text"))}

    def foreign_keys(self, connection: Connection, schema: str | None, table: str | None = None) -> ForeignKeys:
        """Give the foreign keys of a schema, or of one table, by the table that holds them.

        None may be missing: what is deleted along with a row is found by them.
        """
        return sa.inspect(connection).get_multi_foreign_keys(schema, filter_names=None if table is None else [table])

    def row_estimates(self, connection: Connection, schema: str | None) -> dict[str, int]:
        """Estimate the rows of the tables of a schema without counting them; unknown tables are left out."""
        return {}

    def definition(self, connection: Connection, table: str, schema: str | None) -> Definition:
        """Give what a table or view is made by, in the database's own words where it keeps them."""
        return reflected(connection, table, schema)

    def type_name(self, connection: Connection, table: sa.Table, column: str) -> str:
        """Give the database's own name of a column's type that SQLAlchemy does not know; empty if nobody can tell."""
        return type_in_catalog(connection, table, column)

    # Reading

    def readable(self, column: sa.ColumnElement[Any], kind: Kind) -> sa.ColumnElement[Any]:
        """Wrap a column in what the select list needs so that its values arrive exactly."""
        return column

    def decoder(self, kind: Kind) -> Decoder | None:
        """Give the function that makes a driver's value canonical, or ``None`` where it already is."""
        return None

    def prepared(self, connection: Connection, sql: str, bind: Bind, limit: int | None) -> Prepared | None:
        """Tell of the columns of SQL text before it runs; ``None`` where the product can't, or not of this text.

        Parameters
        ----------
        limit
            How many rows the statement to run shall give at most.
        """
        return None

    def described(self, cursor: Any) -> list[Described]:
        """Give the columns of a raw result by what the driver says of them; ``any`` leaves one to its values."""
        return [Described(ResultColumn(str(item[0]), Kind("any"))) for item in cursor.description]

    def abandon(self, connection: Connection, cursor: Any) -> None:
        """Give up a result that was not read to its end, where closing it would still fetch every row."""

    def estimated(self, connection: Connection, statement: sa.Executable) -> int | None:
        """Estimate how many rows a statement gives, at once and without running it; ``None`` where nobody knows."""
        return None

    def member(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """Test membership in a list of canonical values of any length."""
        size = max(1, self.features.max_parameters // 2)
        parts = [column.in_(values[start : start + size]) for start in range(0, len(values), size)]
        return sa.or_(sa.false(), *parts)

    def member_keys(
        self, columns: Sequence[sa.ColumnElement[Any]], keys: Sequence[tuple[Any, ...]]
    ) -> sa.ColumnElement[bool]:
        """Test membership of several columns in a list of keys of any length."""
        if not keys:
            return sa.false()
        apart = [isinstance(column.type, sa.String) and self.features.merges_texts for column in columns]
        named = [self.by_code_points(column) if text else column for column, text in zip(columns, apart, strict=True)]
        return sa.tuple_(*named).in_(keys)

    def same(self, left: sa.ColumnElement[Any], right: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Join by columns that may be NULL, which is then the same as NULL."""
        return left.is_not_distinct_from(right)

    # Comparing

    def equals(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[bool]:
        """Test for one canonical value, by code points where it is text."""
        return column.__eq__(value)

    def compared(self, column: sa.ColumnElement[Any], sign: str, value: Any) -> sa.ColumnElement[bool]:
        """Compare with one canonical value.

        Parameters
        ----------
        sign
            ``gt``, ``gte``, ``lt`` or ``lte``.
        """
        compare: Callable[[Any, Any], sa.ColumnElement[bool]] = getattr(operator, _OPERATORS[sign])
        return compare(column, value)

    def folding(self, connection: Connection) -> str | None:
        """Name what the server needs to be told to fold every letter and not only ASCII's, or ``None``."""
        return None

    def text_match(
        self, column: sa.ColumnElement[Any], text: str, place: str, *, fold: bool, folding: str | None = None
    ) -> sa.ColumnElement[bool]:
        """Test a text for another one, of which every character stands for itself.

        Parameters
        ----------
        place
            Where it must stand: ``exact``, ``contains``, ``startswith`` or ``endswith``.
        fold
            Whether capital and small letters are the same.
        folding
            What `folding` gave.
        """
        if fold:
            column, text = sa.func.lower(column), text.lower()
        return like(column, text, place)

    def regex(self, column: sa.ColumnElement[Any], pattern: str, *, fold: bool) -> sa.ColumnElement[bool]:
        """Search a text for a regular expression of the database's own dialect."""
        return column.regexp_match(pattern, flags="i" if fold else None)

    # Writing

    def to_column(self, value: Any, kind: Kind, *, column: str = "", where: str = "") -> Any:
        """Give the exact form of a value that a column of this product stores, or refuse it by name.

        Raises
        ------
        ValueNotRepresentable
            When the column can't hold the value exactly.
        """
        return canonical(value, kind, column=column, where=where)

    def matched(
        self, connection: Connection, statement: sa.Update | sa.Delete, rows: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        """Run an UPDATE or DELETE, once or for each row of parameters, and tell how many rows it *matched*.

        That is not how many it changed.
        """
        return connection.execute(statement, list(rows) or None).rowcount

    def insert(self, table: sa.Table, values: Mapping[str, Any]) -> sa.Insert:
        """Give an INSERT of one row, whose values stand also where the database would number the row by itself."""
        return sa.insert(table).values(values)

    def insert_or(self, table: sa.Table, update: Sequence[str] = (), key: Sequence[str] = ()) -> sa.Insert:
        """Give an INSERT that leaves a row alone where it meets one that is there already, or updates it.

        Parameters
        ----------
        update
            Columns that are set in the row that is there; none to leave it alone.
        key
            The unique key that it goes by. To leave rows alone it may be any; and where the product can't be told
            the key, it always is any.
        """
        raise NotSupportedError(f"Inserting rows of which some may be there already is not supported on {self.title}.")

    def upserted(
        self, connection: Connection, table: sa.Table, staged: sa.Table, names: Sequence[str], key: Sequence[str]
    ) -> tuple[int, int] | None:
        """Insert rows of a temporary table, or set all their columns in the rows that have their keys, at once.

        Parameters
        ----------
        names
            Every column of the table that can be given.

        Returns
        -------
        tuple of int, or None
            How many keys were there, and the rows that were touched, an updated one once or twice; ``None`` where one
            statement would not do just what an UPDATE and an INSERT do, or would not be faster. Then nothing was done.
        """
        return None

    def insert_text(self, dialect: Dialect, table: sa.Table, columns: Sequence[str], name: str | None = None) -> str:
        """Write the beginning of an INSERT into a table, or one of another name; every identifier is quoted."""
        quote = dialect.identifier_preparer.quote_identifier
        parts = (table.schema, table.name) if name is None else (name,)
        text = (
            f"INSERT INTO {'.'.join(quote(part) for part in parts if part)} ({', '.join(map(quote, columns))}) VALUES"
        )
        # Some drivers want a percent sign twice; here a person reads, and no driver.
        return text.replace("%%", "%") if "%%" in quote("%") else text

    def drop_temporary(self, connection: Connection, table: sa.Table) -> None:
        """Drop a temporary table without ending the transaction."""
        connection.execute(sa.schema.DropTable(table))

    # Stopping and failing

    def cancel(self, connection: Any) -> None:
        """Stop the statement that a DB-API connection is running, from another thread."""

    def interrupted(self, connection: Any) -> None:
        """Leave nothing running after the user interrupted a statement of a DB-API connection in the main thread."""

    def trouble(self, error: BaseException) -> Trouble:
        """Classify a driver's own error."""
        return Trouble()

    def loses_transaction(self, connection: Connection, error: BaseException) -> bool:
        """Tell whether a driver's error took the open transaction along, and not only its own statement."""
        try:
            connection.execute(sa.select(1))
        except sa.exc.SQLAlchemyError:
            return True
        return False


_OPERATORS = {"gt": "gt", "gte": "ge", "lt": "lt", "lte": "le"}


def like(column: sa.ColumnElement[Any], text: str, place: str) -> sa.ColumnElement[bool]:
    """Write a LIKE in which every character of the text stands for itself.

    Examples
    --------
    >>> print(like(sa.column("name"), "50%", "startswith"))
    name LIKE :name_1 || '%' ESCAPE '/'
    """
    if place == "exact":
        return column.__eq__(text)
    if place == "contains":
        return column.contains(text, autoescape=True)
    return column.startswith(text, autoescape=True) if place == "startswith" else column.endswith(text, autoescape=True)
