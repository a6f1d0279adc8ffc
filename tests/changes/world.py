"""A world of related tables with every type, random changes to it, and a dump that shows every value as stored."""

# ruff: noqa: E501 -- a type reads best in one line, with its values.

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any

import sqlalchemy as sa
from pyarrow import MonthDayNano

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.changes.lookup import rows_where
from multidb_explorer.changes.records import Change, Delete, Insert, Update
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.query.tables import table_to_write

__all__ = ["World"]

Row = dict[str, Any]
Typed = dict[str, tuple[str, list[Any]]]

TEXTS = [
    "",
    "x",
    'it\'s "so" 100% :a $1 ? \\ {x}',
    "two\nlines\tand\r\nthree",
    "é 😀 中 \u200d",
    " blanks around ",
    "NULL",
    "nan",
]
BYTES = [b"", b"\xff", bytes(range(256)), b"\x00ab\x00 "]
DATES = [dt.date(1000, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]
TIMES = [dt.time(0), dt.time(23, 59, 59, 999_999), dt.time(12, 30)]
MOMENTS = [
    dt.datetime(1000, 1, 1),
    dt.datetime(2024, 2, 29, 12, 30, 0, 1),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999),
]
INSTANTS = [moment.replace(tzinfo=dt.UTC) for moment in MOMENTS]
FLOATS = [0.1, -1.7976931348623157e308, 5e-324, 123456789.123456789, 1.0]
UNUSUAL = [*FLOATS, float("inf"), float("-inf"), float("nan"), -0.0]
DECIMALS = [
    Decimal("1234567890123456789012345678.0123456789"),
    Decimal("-0.0000000001"),
    Decimal("1.5000000000"),
    Decimal(0),
]
UUIDS = [uuid.UUID(int=0), uuid.UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), uuid.UUID(int=2**128 - 1)]
SPANS = [MonthDayNano([14, -3, 14_400_000_005_000]), MonthDayNano([0, 400, 1000]), MonthDayNano([0, 0, 0])]
JSON = [
    '{"b": 123456789012345678901234567890.5, "a": [null, true, "é😀"],   "n": 1.10}',
    "null",
    "[]",
    '"text"',
    "1.10",
]
JSONB = ['{"a": [null, true, "é😀"], "b": 123456789012345678901234567890.5, "n": 1.10}', "null", "[]", '"text"', "1.10"]


def ends(bits: int, *, unsigned: bool = False) -> list[int]:
    return [0, 1, 2**bits - 1] if unsigned else [-(2 ** (bits - 1)), 0, 2 ** (bits - 1) - 1]


POSTGRESQL: Typed = {
    "small": ("smallint", ends(16)),
    "whole": ("integer", ends(32)),
    "large": ("bigint", [*ends(64), 2**53 + 1]),
    "single": ("real", [0.5, -3.4028234663852886e38, 16_777_215.0]),
    "double_": ("double precision", UNUSUAL),
    "exact": ("numeric(38, 10)", DECIMALS),
    "boundless": ("numeric", [Decimal("1E+30"), Decimal("1E-30"), Decimal("-1.50")]),
    "flag": ("boolean", [True, False]),
    "words": ("text", TEXTS),
    "short": ("varchar(10)", ["ends  ", "é😀34567890"]),
    "padded": ("char(5)", ["ab   ", "é😀x  "]),
    "feeling": ("mood", ["sad", "it's", "😀"]),
    "day": ("date", [dt.date(1, 1, 1), *DATES]),
    "clock": ("time", TIMES),
    "moment": ("timestamp", [dt.datetime.min, *MOMENTS]),
    "instant": ("timestamptz", [dt.datetime.min.replace(tzinfo=dt.UTC), *INSTANTS]),
    "span": ("interval", SPANS),
    "uid": ("uuid", UUIDS),
    "document": ("json", JSON),
    "tree": ("jsonb", JSONB),
    "raw": ("bytea", BYTES),
    "numbers": ("integer[]", [[], [1, None, -5]]),
    "notes": ("text[]", [["", None, 'a"b,{}\\', "NULL", "😀"]]),
}

MARIADB: Typed = {
    "small": ("smallint", ends(16)),
    "tiny_u": ("tinyint unsigned", ends(8, unsigned=True)),
    "whole": ("int", ends(32)),
    "large": ("bigint", [*ends(64), 2**53 + 1]),
    "large_u": ("bigint unsigned", ends(64, unsigned=True)),
    "single": ("float", [0.5, 16_777_215.0, 0.10000000149011612]),
    "double_": ("double", FLOATS),
    "exact": ("decimal(38, 10)", DECIMALS),
    "widest": ("decimal(65, 30)", [Decimal("9" * 35 + "." + "9" * 30), Decimal("1E-30")]),
    "flag": ("boolean", [True, False]),
    "bits": ("bit(12)", [0, 4095]),
    "words": ("longtext", TEXTS),
    "short": ("varchar(10)", ["ends  ", "é😀34567890"]),
    "feeling": ("enum('sad','it''s','é')", ["sad", "it's", "é"]),
    "several": ("set('a','b','c')", ["a,c", ""]),
    "day": ("date", DATES),
    "clock": ("time(6)", TIMES),
    "moment": ("datetime(6)", MOMENTS),
    "instant": ("timestamp(6) null", [dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC), dt.datetime(2038, 1, 19, 3, 14, 7, 999_999, tzinfo=dt.UTC)]),
    "document": ("json", JSON),
    "raw": ("longblob", BYTES),
    "uid": ("uuid", UUIDS),
}  # fmt: skip

SQLITE: Typed = {
    "large": ("BIGINT", [*ends(64), 2**53 + 1]),
    "double_": ("REAL", [*FLOATS, float("inf"), float("-inf")]),
    "exact": ("NUMERIC(15, 2)", [Decimal("1.50"), Decimal("9999999999999.99"), Decimal("-0.10")]),
    "flag": ("BOOLEAN", [True, False]),
    "words": ("TEXT", [*TEXTS, "007", "1e5"]),
    "short": ("VARCHAR(10)", ["ends  ", "é😀34567890"]),
    "day": ("DATE", DATES),
    "clock": ("TIME", TIMES),
    "moment": ("TIMESTAMP", [dt.datetime.min, *MOMENTS]),
    "document": ("JSON", JSON),
    "raw": ("BLOB", BYTES),
}

DUCKDB: Typed = {
    "small": ("smallint", ends(16)),
    "tiny_u": ("utinyint", ends(8, unsigned=True)),
    "whole": ("integer", ends(32)),
    "large": ("bigint", [*ends(64), 2**53 + 1]),
    "large_u": ("ubigint", ends(64, unsigned=True)),
    "huge": ("hugeint", [Decimal(2**127 - 1), Decimal(-(2**127))]),
    "single": ("float", [0.5, -3.4028234663852886e38, 16_777_215.0]),
    "double_": ("double", UNUSUAL),
    "exact": ("decimal(38, 10)", DECIMALS),
    "flag": ("boolean", [True, False]),
    "words": ("varchar", TEXTS),
    "feeling": ("mood", ["sad", "it's", "😀"]),
    "day": ("date", [dt.date(1, 1, 1), *DATES]),
    "clock": ("time", TIMES),
    "moment": ("timestamp", [dt.datetime.min, *MOMENTS]),
    "instant": ("timestamptz", [dt.datetime.min.replace(tzinfo=dt.UTC), *INSTANTS]),
    "span": ("interval", SPANS),
    "uid": ("uuid", UUIDS),
    "document": ("json", JSON),
    "raw": ("blob", BYTES),
    "numbers": ("integer[]", [[], [1, None, -5]]),
    "notes": ("varchar[]", [["", None, 'a"b,{}\\', "NULL", "😀"]]),
}

TYPES = {"postgresql": POSTGRESQL, "mariadb": MARIADB, "sqlite": SQLITE, "duckdb": DUCKDB}

BEFORE = {
    "postgresql": ["CREATE TYPE mood AS ENUM ('sad', 'it''s', '😀')"],
    "duckdb": ["CREATE TYPE mood AS ENUM ('sad', 'it''s', '😀')", "CREATE SEQUENCE numbers"],
}
NUMBERED = {
    "postgresql": "integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    "mariadb": "integer AUTO_INCREMENT PRIMARY KEY",
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "duckdb": "integer PRIMARY KEY DEFAULT nextval('numbers')",
}
MOMENT = {"mariadb": "datetime(6)"}
ALWAYS = "always_numbered"

DUMP = {
    "postgresql": "SELECT t::text FROM {0} t",
    "duckdb": "SELECT COLUMNS(*)::varchar FROM {0}",
}
DUMP_TYPED = {
    "sqlite": ", ".join(f"typeof({column})" for column in SQLITE),
    # MariaDB shows fewer digits of a float than there are.
    "mariadb": "single + 0e0",
}


def statements(engine: str) -> list[str]:
    """Give the SQL that makes the tables."""
    moment = MOMENT.get(engine, "timestamp")
    columns = ", ".join(f"{name} {declared}" for name, (declared, _) in TYPES[engine].items())
    kind = "" if engine == "duckdb" else " STORED"
    made = [
        *BEFORE.get(engine, ()),
        "CREATE TABLE customers (id integer PRIMARY KEY, name varchar(40) NOT NULL, email varchar(60) UNIQUE, country varchar(2))",
        f"CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL, total decimal(10, 2) NOT NULL, placed {moment}, FOREIGN KEY (customer_id) REFERENCES customers (id))",
        "CREATE TABLE order_lines (order_id integer NOT NULL, line integer NOT NULL, product varchar(40), quantity integer NOT NULL DEFAULT 1, PRIMARY KEY (order_id, line), FOREIGN KEY (order_id) REFERENCES orders (id))",
        "CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer, label varchar(40), FOREIGN KEY (parent_id) REFERENCES nodes (id))",
        f"CREATE TABLE everything (code varchar(20) PRIMARY KEY, {columns})",
        f"CREATE TABLE numbered (id {NUMBERED[engine]}, name varchar(40) NOT NULL, state varchar(10) DEFAULT 'new', seen integer NOT NULL DEFAULT 0, made {moment} DEFAULT CURRENT_TIMESTAMP)",
        f"CREATE TABLE computed (id integer PRIMARY KEY, price decimal(10, 2) NOT NULL, quantity integer NOT NULL, total decimal(20, 2) GENERATED ALWAYS AS (price * quantity){kind})",
    ]
    if engine == "postgresql":
        made.append(f"CREATE TABLE {ALWAYS} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)")
    return made


CHILDREN = {
    "customers": [("orders", "customer_id")],
    "orders": [("order_lines", "order_id")],
    "nodes": [("nodes", "parent_id")],
}
INDEXED = {
    "customers": {"id", "email"},
    "orders": {"id", "customer_id"},
    "order_lines": {"order_id", "line"},
    "nodes": {"id", "parent_id"},
}
KEYS = {"order_lines": ("order_id", "line"), "everything": ("code",)}


def key_of(table: str, row: Row) -> Row:
    return {name: row[name] for name in KEYS.get(table, ("id",))}


class World:
    """The tables in one database, and random changes to them.

    Parameters
    ----------
    engine
        The name of a target.
    random
        What decides.
    """

    def __init__(self, alias: str, engine: str, random: Random) -> None:
        self.alias, self.engine, self.random = alias, engine, random
        self.types = TYPES[engine]
        self.rows: dict[str, list[Row]] = {}
        self.staged: list[Change] = []
        self._numbers = iter(range(1000, 10**9))

    @property
    def database(self) -> Database:
        return databases[self.alias]

    @property
    def tables(self) -> list[str]:
        return [*TABLES, *([ALWAYS] if self.engine == "postgresql" else [])]

    @property
    def families(self) -> bool:
        """Tell whether rows may come and go together with the rows that they refer to."""
        return self.database.backend.features.deletes_families

    def create(self) -> World:
        with self.database.begin() as connection:
            for statement in statements(self.engine):
                connection.exec_driver_sql(statement)
        return self

    def fill(self) -> World:
        """Put some rows into every table."""
        self.rows = {table: [] for table in self.tables}
        made = [("customers", self.customer(number)) for number in range(1, 7)]
        made += [("orders", self.order(10 + n, n % 6 + 1)) for n in range(8)]
        made += [("order_lines", self.line(10 + n % 5, n)) for n in range(8)]
        made += [("nodes", {"id": n, "parent_id": n // 2 or None, "label": self.text()}) for n in range(1, 9)]
        made += [("everything", self.every(f"row {n}")) for n in range(6)]
        made += [("everything", {"code": "nothing", **dict.fromkeys(self.types)})]
        made += [("numbered", {"name": f"n{n}"}) for n in range(4)]
        made += [("computed", self.priced(n)) for n in range(4)]
        made += [(ALWAYS, {"name": f"n{n}"}) for n in range(4) if self.engine == "postgresql"]
        with self.database.begin() as connection:
            for table, row in made:
                into = table_to_write(self.database, table)
                exact = {name: self._exact(into.by_name[name].kind, value) for name, value in row.items()}
                connection.execute(sa.insert(into.table).values(exact))
        return self

    def _exact(self, kind: Kind, value: Any) -> Any:
        # A JSON column would take a bound None for the JSON value null.
        return sa.null() if value is None else self.database.backend.to_column(value, kind)

    def dump(self) -> dict[str, list[str]]:
        """Show every value of every table as the driver or the database itself writes it."""
        found = {}
        with self.database.connect() as connection:
            for table in self.tables:
                sql = DUMP.get(self.engine, "SELECT * FROM {0}").format(table)
                if table == "everything" and self.engine in DUMP_TYPED:
                    sql = f"SELECT everything.*, {DUMP_TYPED[self.engine]} FROM everything"
                found[table] = sorted(repr(tuple(row)) for row in connection.exec_driver_sql(sql))
        return found

    def read(self) -> None:
        """Look at what is there now."""
        self.rows = {}
        with self.database.connect():
            for table in self.tables:
                self.rows[table] = list(rows_where(table_to_write(self.database, table), sa.true()))

    # Rows

    def number(self) -> int:
        return next(self._numbers)

    def text(self) -> str:
        return self.random.choice([*TEXTS, "Ann", "Bo", "Çağla"])

    def customer(self, number: int) -> Row:
        email = self.random.choice([None, f"{number}@example.org"])
        return {"id": number, "name": self.text(), "email": email, "country": self.random.choice([None, "FR", "TR"])}

    def order(self, number: int, customer: int) -> Row:
        total = Decimal(self.random.randrange(10**10)) / 100
        return {"id": number, "customer_id": customer, "total": total, "placed": self.random.choice([None, *MOMENTS])}

    def line(self, order: int, line: int) -> Row:
        return {"order_id": order, "line": line, "product": self.random.choice([None, *TEXTS]), "quantity": line * 3}

    def every(self, code: str) -> Row:
        chosen = {name: self.random.choice([None, *values]) for name, (_, values) in self.types.items()}
        return {"code": code, **chosen}

    def priced(self, number: int) -> Row:
        return {
            "id": number,
            "price": Decimal(self.random.randrange(10**6)) / 100,
            "quantity": self.random.randrange(100),
        }

    # Changes

    def changes(self) -> list[Change]:
        """Make up one to ten changes, none of which breaks a reference."""
        self.read()
        self.staged = []
        self._fresh: set[tuple[str, str]] = set()
        self._gone: set[tuple[str, str]] = set()
        wanted = self.random.randint(1, 10)
        while len(self.staged) < wanted:
            self.random.choice([self._insert, self._insert, self._update, self._update, self._update, self._delete])()
        return self.staged

    def _id(self, table: str, row: Row) -> tuple[str, str]:
        return table, repr(key_of(table, row))

    def _add(self, table: str, row: Row) -> None:
        self.staged.append(Insert(table, row))
        if set(key_of(table, {**dict.fromkeys(KEYS.get(table, ("id",))), **row}).values()) != {None}:
            self._fresh.add(self._id(table, row))
            self.rows[table].append(row)

    def _insert(self) -> None:
        table = self.random.choice(self.tables)
        match table:
            case "customers":
                self._insert_customer()
            case "orders":
                if customer := self._parent("customers"):
                    self._insert_order(customer["id"])
            case "order_lines":
                if order := self._parent("orders"):
                    self._add("order_lines", self.line(order["id"], self.number()))
            case "nodes":
                parent = self._parent("nodes")
                self._add("nodes", {"id": self.number(), "parent_id": parent and parent["id"], "label": self.text()})
            case "everything":
                row = self.every(f"row {self.number()}")
                # What is left out is NULL, or what the database makes it.
                self._add(
                    table, {name: value for name, value in row.items() if name == "code" or self.random.random() < 0.8}
                )
            case "computed":
                self._add(table, self.priced(self.number()))
            case "numbered":
                extra = self.random.choice([{}, {"state": None}, {"state": "old", "seen": 7}, {"made": MOMENTS[1]}])
                self._add(table, {"name": self.text(), **extra})
            case _:
                self._add(table, {"name": self.text()})

    def _parent(self, table: str) -> Row | None:
        """Choose a row to refer to: one that was there before, where families must not go at once."""
        rows = [row for row in self.rows[table] if self.families or self._id(table, row) not in self._fresh]
        return self.random.choice(rows) if rows else None

    def _insert_customer(self) -> None:
        number = self.number()
        self._add("customers", self.customer(number))
        if self.families:
            for _ in range(self.random.randrange(3)):
                self._insert_order(number)

    def _insert_order(self, customer: int) -> None:
        number = self.number()
        self._add("orders", self.order(number, customer))
        if self.families:
            for line in range(self.random.randrange(3)):
                self._add("order_lines", self.line(number, line))

    def _update(self) -> None:
        table = self.random.choice(self.tables)
        known = [row for row in self.rows[table] if self._id(table, row) not in self._fresh]
        if not known:
            return
        row = self.random.choice(known)
        values = {name: value for name, value in self._news(table, row).items() if self.random.random() < 0.6}
        if values:
            self.staged.append(Update(table, key_of(table, row), values, dict(row)))
            renamed = self._id(table, row) != self._id(table, {**row, **values})
            row.update(values)
            if renamed:
                # It has another name until it is committed.
                self._fresh.add(self._id(table, row))

    def _news(self, table: str, row: Row) -> Row:
        """Give new values for a row, of columns that this engine can update."""
        news = self._wishes(table, row)
        fixed = set() if self.database.backend.features.updates_indexed_columns else INDEXED.get(table, {"id"})
        if table in ("orders", "computed") or self._has_children(table, row):
            fixed |= {"id"}
        return {name: value for name, value in news.items() if name not in fixed}

    def _wishes(self, table: str, row: Row) -> Row:
        match table:
            case "customers":
                return self.customer(self.number())
            case "orders":
                customer = self._parent("customers")
                return self.order(row["id"], customer["id"] if customer else row["customer_id"])
            case "order_lines":
                return self.line(row["order_id"], self.number())
            case "nodes":
                below = self._below(row["id"])
                parents = [node["id"] for node in self.rows["nodes"] if node["id"] not in below]
                return {"label": self.text(), "parent_id": self.random.choice([None, *parents])}
            case "everything":
                some = [name for name in self.types if self.random.random() < 0.3]
                return {name: self.random.choice([None, *self.types[name][1]]) for name in some}
            case "computed":
                return self.priced(self.number())
            case "numbered":
                made = self.random.choice([None, *MOMENTS])
                return {"name": self.text(), "state": self.random.choice([None, "old"]), "made": made}
        return {"name": self.text()}

    def _has_children(self, table: str, row: Row) -> bool:
        return any(
            child[column] == row["id"] for other, column in CHILDREN.get(table, ()) for child in self.rows[other]
        )

    def _below(self, node: int) -> set[int]:
        found = {node}
        while more := {row["id"] for row in self.rows["nodes"] if row["parent_id"] in found} - found:
            found |= more
        return found

    def _delete(self) -> None:
        table = self.random.choice(self.tables)
        if self.rows[table]:
            family = list(self._family(table, self.random.choice(self.rows[table])))
            strangers = all(self._id(name, row) not in self._fresh for name, row in family)
            if strangers and (self.families or len(family) == 1):
                for name, row in family:
                    self.staged.append(Delete(name, key_of(name, row), dict(row)))
                    self.rows[name].remove(row)

    def _family(self, table: str, row: Row) -> Iterable[tuple[str, Row]]:
        """Give a row with everything that refers to it, the farthest first."""
        for other, column in CHILDREN.get(table, ()):
            for child in [found for found in self.rows[other] if found[column] == row["id"]]:
                yield from self._family(other, child)
        yield table, row


TABLES = ["customers", "orders", "order_lines", "nodes", "everything", "numbered", "computed"]
