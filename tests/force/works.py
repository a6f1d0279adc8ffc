"""Writes that are done in one transaction each, and the judge who sees afterwards whether one was left half done.

A work is done again and again, under the numbers 0, 1, 2 …; after any accident the database must look as it did after
one of them: everything that was reported as done is there, the next one wholly or not at all, and nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.history import history
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.models.writing_frames import write
from multidb_explorer.writing.loading import InsertLoader

__all__ = ["BATCHES", "ROWS", "WORKS", "Work", "open_alias"]

ALIAS = "here"
BATCHES, SIZE = 5, 400
ROWS = BATCHES * SIZE

Tick = Callable[[int], None]
"""What happens before each batch: a worker may be killed in it, or a server."""


def open_alias(url: str) -> Database:
    """Register the database under the one alias of these tests."""
    mdb.connect(ALIAS, url)
    return databases[ALIAS]


def _integer(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, autoincrement=False, **options)


METADATA = sa.MetaData()
LOADS = sa.Table(
    "loads",
    METADATA,
    _integer("load", primary_key=True),
    _integer("n", primary_key=True),
    sa.Column("amount", sa.Numeric(12, 2), nullable=False),
    sa.Column("note", sa.String(40)),
)
STOCK = sa.Table(
    "stock", METADATA, _integer("id", primary_key=True), _integer("version"), sa.Column("note", sa.String(40))
)


class Load(mdb.Model):
    """A row of a load."""

    load = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    n = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    amount = sa.Column(sa.Numeric(12, 2), nullable=False)
    note = sa.Column(sa.String(40))

    class Meta:
        table, using = "loads", ALIAS


class Work(ABC):
    """One kind of write.

    Parameters
    ----------
    database
        Where it is done.
    """

    table: sa.Table

    def __init__(self, database: Database) -> None:
        self.database = database

    def prepare(self) -> None:
        """Make the table."""
        with self.database.begin() as connection:
            self.table.create(connection)

    @abstractmethod
    def do(self, number: int, tick: Tick) -> None:
        """Do it once, as one transaction."""

    @abstractmethod
    def there(self) -> int:
        """Tell how many times it has been done."""

    @abstractmethod
    def amiss(self, done: int) -> list[str]:
        """Say what is wrong where so many were reported as done and the next one may have been begun."""

    def _rows(self, statement: sa.Select[Any]) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.execute(statement))

    def _count_amiss(self, done: int) -> list[str]:
        there = self.there()
        return [] if there in (done, done + 1) else [f"{done} were reported as done, but {there} are there"]


# The rows, and the moments between them


def batches(number: int) -> Iterator[dict[str, list[Any]]]:
    """Make the rows of a load, batch by batch."""
    for start in range(0, ROWS, SIZE):
        numbers = range(start, start + SIZE)
        yield {
            "load": [number] * SIZE,
            "n": list(numbers),
            "amount": [Decimal(n).scaleb(-2) for n in numbers],
            "note": [f"row {n}" if n % 7 else None for n in numbers],
        }


def dicts(number: int) -> Iterator[list[dict[str, Any]]]:
    """Make the same rows as dictionaries."""
    for batch in batches(number):
        yield [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]


SCHEMA = pa.schema([("load", pa.int32()), ("n", pa.int32()), ("amount", pa.decimal128(12, 2)), ("note", pa.string())])


def reader(number: int) -> pa.RecordBatchReader:
    """Make the same rows as a stream of Arrow batches."""
    made = (pa.RecordBatch.from_pydict(batch, SCHEMA) for batch in batches(number))
    return pa.RecordBatchReader.from_batches(SCHEMA, made)


@contextmanager
def between_batches(database: Database, tick: Tick) -> Iterator[None]:
    """Tick before each batch that a loader hands to the database."""
    kinds = {InsertLoader, *map(type, database.backend.loaders)}
    loads, passed = {kind: kind.load for kind in kinds}, count()

    def ticking(given: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in given:
            tick(next(passed))
            yield batch

    def watched(load: Callable[..., int]) -> Callable[..., int]:
        return lambda loader, given, some: load(loader, given, ticking(some))

    try:
        for kind, load in loads.items():
            kind.load = watched(load)  # type: ignore[method-assign]
        yield
    finally:
        for kind, load in loads.items():
            kind.load = load  # type: ignore[method-assign]


@contextmanager
def between_statements(database: Database, tick: Tick) -> Iterator[None]:
    """Tick before each statement that writes rows."""
    passed = count()

    def ticking(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            tick(next(passed))

    sa.event.listen(database.engine, "before_cursor_execute", ticking)
    try:
        yield
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", ticking)


# Loads: each adds its rows to a table


class Loads(Work):
    """A work that adds the same number of rows to a table each time."""

    table = LOADS

    def there(self) -> int:
        return len(self._found())

    def amiss(self, done: int) -> list[str]:
        found = self._found()
        whole = (ROWS, ROWS * (ROWS - 1) // 2)
        half = [f"load {number} has {rows} of {ROWS} rows" for number, *rows in found if tuple(rows) != whole]
        gaps = [f"load {number} is missing" for number in {*range(len(found))} - {number for number, *_ in found}]
        return [*half, *gaps, *self._count_amiss(done)]

    def _found(self) -> list[Any]:
        load = LOADS.c.load
        return self._rows(sa.select(load, sa.func.count(), sa.func.sum(LOADS.c.n)).group_by(load))


class Writes(Loads):
    """A stream of Arrow batches by the fastest loader."""

    def do(self, number: int, tick: Tick) -> None:
        with between_batches(self.database, tick):
            write(reader(number), Load, batch_size=SIZE)


class Creates(Loads):
    """Instances, in several statements."""

    def do(self, number: int, tick: Tick) -> None:
        instances = [Load(**row) for rows in dicts(number) for row in rows]
        with between_statements(self.database, tick):
            Load.objects.bulk_create(instances, batch_size=SIZE)


class Saves(Loads):
    """Instances that are saved one by one in one block, some of them in a nested one."""

    def do(self, number: int, tick: Tick) -> None:
        with mdb.atomic(ALIAS):
            for batch, rows in enumerate(dicts(number)):
                tick(batch)
                with mdb.atomic(ALIAS):
                    for row in rows[::20]:
                        Load(**row).save(force_insert=True)
                with self.database.begin() as connection:
                    rest = [row for place, row in enumerate(rows) if place % 20]
                    connection.execute(sa.insert(LOADS), rest)


class Careless(Loads):
    """Each batch in a transaction of its own: what the judge must see."""

    def do(self, number: int, tick: Tick) -> None:
        for batch, rows in enumerate(dicts(number)):
            tick(batch)
            with self.database.begin() as connection:
                connection.execute(sa.insert(LOADS), rows)


# Versions: each turns the whole table into the next one


class Versions(Work):
    """A work after which every row has the number of the last time."""

    table = STOCK
    mode: str

    def there(self) -> int:
        """Tell how many times it has been done, by the newest row."""
        ((newest,),) = self._rows(sa.select(sa.func.max(STOCK.c.version)))
        return 0 if newest is None else int(newest) + 1

    def amiss(self, done: int) -> list[str]:
        found = self._rows(sa.select(STOCK.c.version, sa.func.count()).group_by(STOCK.c.version))
        mixed = [f"there are {len(found)} versions at once"] if len(found) > 1 else []
        half = [f"version {version} has {rows} of {ROWS} rows" for version, rows in found if rows != ROWS]
        return [*mixed, *half, *self._count_amiss(done)]

    def do(self, number: int, tick: Tick) -> None:
        frame = pd.DataFrame({"id": range(ROWS), "version": number, "note": "as it is"})
        with between_batches(self.database, tick):
            write(frame, "stock", using=ALIAS, mode=self.mode, batch_size=SIZE)


class Upserts(Versions):
    """Every row is updated, the first time inserted."""

    mode = "upsert"


class Replaces(Versions):
    """Every row is deleted and inserted anew."""

    mode = "replace_rows"


# Transfers: each is a change set of new, changed and deleted rows of related tables


TRANSFERS = sa.Table("transfers", METADATA, _integer("id", primary_key=True), sa.Column("note", sa.String(40)))
ACCOUNTS = sa.Table("accounts", METADATA, _integer("id", primary_key=True), _integer("balance", nullable=False))
LINES = sa.Table(
    "transfer_lines",
    METADATA,
    sa.Column("transfer_id", sa.ForeignKey("transfers.id"), primary_key=True, autoincrement=False),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    _integer("amount", nullable=False),
)
MARKS = sa.Table("marks", METADATA, _integer("id", primary_key=True))
PEOPLE, FIRST = 4, 1_000


class Commits(Work):
    """A change set: a transfer with its lines, the accounts that it changes, and a mark that moves on."""

    table = TRANSFERS

    def prepare(self) -> None:
        with self.database.begin() as connection:
            for table in (TRANSFERS, ACCOUNTS, LINES, MARKS):
                table.create(connection)
            accounts = [{"id": number, "balance": FIRST} for number in range(PEOPLE)]
            connection.execute(sa.insert(ACCOUNTS), accounts)
            connection.execute(sa.insert(MARKS), [{"id": -1}])

    def do(self, number: int, tick: Tick) -> None:
        changes = ChangeSet(ALIAS)
        changes.delete("marks", number - 1)
        changes.insert("marks", {"id": number})
        changes.insert("transfers", {"id": number, "note": f"number {number}"})
        for (account, balance), amount in zip(self._balances().items(), (3, 4, -2, -5), strict=True):
            changes.insert("transfer_lines", {"transfer_id": number, "account_id": account, "amount": amount})
            changes.update("accounts", account, {"balance": balance + amount}, {"balance": balance})
        with between_statements(self.database, tick):
            changes.commit()

    def _balances(self) -> dict[int, int]:
        return dict(map(tuple, self._rows(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.id))))

    def there(self) -> int:
        ((found,),) = self._rows(sa.select(sa.func.count()).select_from(TRANSFERS))
        return int(found)

    def amiss(self, done: int) -> list[str]:
        there, balances = self.there(), self._balances()
        lines = self._rows(sa.select(LINES.c.account_id, sa.func.sum(LINES.c.amount)).group_by(LINES.c.account_id))
        expected = {account: FIRST + int(dict(map(tuple, lines)).get(account, 0)) for account in balances}
        marks = [mark for (mark,) in self._rows(sa.select(MARKS.c.id))]
        found = [] if balances == expected else [f"the balances are {balances}, the lines say {expected}"]
        found += [] if sum(balances.values()) == FIRST * PEOPLE else [f"the balances are {balances}"]
        found += [] if marks == [there - 1] else [f"{there} transfers, but the marks are {marks}"]
        return [*found, *self._history_amiss(there), *self._count_amiss(done)]

    def _history_amiss(self, there: int) -> list[str]:
        """Compare the journal: each commit is told, and those that are not there are told as unknown."""
        states = history(ALIAS)["state"]
        committed, unknown = (int((states == state).sum()) for state in ("committed", "unknown"))
        if committed <= there <= committed + unknown:
            return []
        return [f"the history tells of {committed} commits and {unknown} unknown ones, there are {there}"]


WORKS: dict[str, type[Work]] = {
    "commits": Commits,
    "writes": Writes,
    "creates": Creates,
    "saves": Saves,
    "upserts": Upserts,
    "replaces": Replaces,
    "careless": Careless,
}
