"""A table of samples, and short ways to let a database compute with it and Python too."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows

INTEGER, FLOAT, TEXT, BOOLEAN = Kind("integer"), Kind("float"), Kind("text"), Kind("boolean")
DATE, TIME, TIMESTAMP, INSTANT = Kind("date"), Kind("time"), Kind("timestamp"), Kind("timestamp", tz=True)
INTERVAL, MONEY = Kind("interval"), Kind("decimal", precision=12, scale=2)

KINDS = {
    "id": INTEGER,
    "n": INTEGER,
    "m": INTEGER,
    "x": FLOAT,
    "d": MONEY,
    "t": TEXT,
    "s": TEXT,
    "day": DATE,
    "other_day": DATE,
    "at": TIMESTAMP,
    "moment": INSTANT,
    "clock": TIME,
    "flag": BOOLEAN,
}

ROWS: list[dict[str, Any]] = [
    {
        "n": 7, "m": 2, "x": 2.5, "d": Decimal("2.50"), "t": "Ann", "s": "n", "flag": True,
        "day": dt.date(2024, 2, 29), "other_day": dt.date(2023, 12, 31),
        "at": dt.datetime(2024, 2, 29, 13, 14, 15, 160000),
        "moment": dt.datetime(2024, 7, 1, 22, 30, 15, 500000, dt.UTC), "clock": dt.time(13, 14, 15, 160000),
    },
    {
        "n": -7, "m": 2, "x": -2.5, "d": Decimal("-1.01"), "t": "Zoë Ångström", "s": "ö", "flag": False,
        "day": dt.date(2021, 1, 3), "other_day": dt.date(2024, 12, 30), "at": dt.datetime(2021, 1, 3, 23, 59, 59),
        "moment": dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC), "clock": dt.time(0, 0),
    },
    {
        "n": 2**53 + 1, "m": 0, "x": 0.1, "d": Decimal("1234567.89"), "t": "", "s": "", "flag": True,
        "day": dt.date(2020, 12, 31), "other_day": dt.date(2020, 12, 31), "at": dt.datetime(1999, 12, 31),
        "moment": dt.datetime(2024, 10, 27, 1, 30, tzinfo=dt.UTC), "clock": dt.time(23, 59, 59, 999999),
    },
    {
        "n": 7, "m": -3, "x": 2.675, "d": Decimal("0.00"), "t": "ann", "s": "A", "flag": None,
        "day": dt.date(2000, 2, 29), "other_day": dt.date(1999, 1, 1), "at": dt.datetime(2005, 1, 1, 0, 0, 1),
        "moment": dt.datetime(2024, 3, 31, 1, 0, tzinfo=dt.UTC), "clock": dt.time(6, 30),
    },
    {
        "n": 0, "m": 5, "x": 0.0, "d": Decimal("5.00"), "t": " ab  ", "s": "  ", "flag": False,
        "day": dt.date(2026, 11, 22), "other_day": dt.date(2026, 11, 23), "at": dt.datetime(2026, 11, 22, 11, 0),
        "moment": dt.datetime(1971, 1, 1, 0, 0, tzinfo=dt.UTC), "clock": dt.time(12, 0, 0, 1),
    },
    {
        "n": 12, "m": 12, "x": -1234.5, "d": Decimal("1.01"), "t": "日本語 e\u0301👩‍👧", "s": "語", "flag": True,
        "day": dt.date(2018, 12, 31), "other_day": dt.date(2019, 1, 1), "at": dt.datetime(2018, 12, 31, 5, 6, 7, 8),
        "moment": dt.datetime(2037, 6, 15, 12, 0, tzinfo=dt.UTC), "clock": dt.time(1, 2, 3),
    },
    dict.fromkeys(KINDS),
]  # fmt: skip
for _number, _row in enumerate(ROWS):
    _row["id"] = _number


def columns(server: bool) -> dict[str, Any]:
    return {
        "id": sa.Integer(), "n": sa.BigInteger(), "m": sa.Integer(), "x": sa.Double(), "d": sa.Numeric(12, 2),
        "t": sa.String(80), "s": sa.String(80), "day": sa.Date(), "other_day": sa.Date(),
        "at": mysql.DATETIME(fsp=6) if server else sa.DateTime(),
        "moment": mysql.TIMESTAMP(fsp=6) if server else sa.DateTime(timezone=True),
        "clock": mysql.TIME(fsp=6) if server else sa.Time(), "flag": sa.Boolean(),
    }  # fmt: skip


class Calculator:
    """A table of samples, and what a database makes of its columns."""

    def __init__(self, bench: Any, name: str) -> None:
        self.bench, self.name = bench, name
        self.backend: Backend = bench.database.backend
        types = columns(name == "mariadb")
        self.table = sa.Table(
            "samples",
            sa.MetaData(),
            *(sa.Column(key, type_, primary_key=key == "id", nullable=key != "id") for key, type_ in types.items()),
        )
        with bench.database.begin() as connection:
            self.table.create(connection)
            for row in ROWS:
                values = {key: self.backend.to_column(value, KINDS[key]) for key, value in row.items()}
                connection.execute(self.table.insert().values(values))

    @property
    def c(self) -> Any:
        return self.table.c

    def literal(self, value: Any, kind: Kind) -> Any:
        return sa.literal(value, self.backend.type_of(kind))

    def all(self, element: Any, kind: Kind, **clauses: Any) -> list[Any]:
        """Give the values in all rows, as the package reads them."""
        statement = sa.select(element.label("found")).select_from(self.table).order_by(self.c.id)
        return [row[0] for row in self.read(statement, kind)]

    def one(self, element: Any, kind: Kind) -> Any:
        return self.read(sa.select(element.label("found")).select_from(self.table), kind)[0][0]

    def read(self, statement: Any, kind: Kind) -> list[tuple[Any, ...]]:
        return read_rows(self.bench.database, Reading(statement, (ResultColumn("found", kind),)))

    def call(self, name: str, *arguments: Any, kind: Kind | None = None) -> Any:
        """Write a function of columns (by name, after an @) and constants."""
        first = arguments[0] if arguments else None
        known = KINDS[first[1:]] if isinstance(first, str) and first.startswith("@") else None
        return self.backend.function(
            name, [*map(self._argument, arguments)], kind or known, self.bench.database.folding
        )

    def _argument(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("@"):
            return self.c[value[1:]]
        return self.literal(value, {int: INTEGER, float: FLOAT, str: TEXT}[type(value)])


def expected(function: Callable[..., Any], *names: str) -> list[Any]:
    """Give what Python makes of all rows; NULL where a part is NULL."""
    rows = [[row[name] for name in names] for row in ROWS]
    return [None if None in values else function(*values) for values in rows]


def close(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """Compare doubles, of which engines differ in the last digit."""
    return [value is None for value in found] == [value is None for value in wanted] and all(
        math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
        for one, other in zip(found, wanted, strict=True)
        if one is not None
    )


def present(name: str, where: Callable[[dict[str, Any]], bool] = lambda row: True) -> list[Any]:
    return [row[name] for row in ROWS if row[name] is not None and where(row)]


def rounded(value: Any, places: int) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else value).quantize(
        Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP
    )
