"""What reading a query as a frame will mean, told before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.display import Cell, html_table, text_table
from multidb_explorer.options import options
from multidb_explorer.results.fetching import chosen
from multidb_explorer.results.memory import Guard, in_words
from multidb_explorer.results.reading import Reading, request

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from multidb_explorer.connections.database import Database

__all__ = ["FetchPlan", "PlannedColumn", "explain_fetch"]

_BY_VALUE = "by its values"
"""The type of a column whose database knows one per value only."""


@dataclass(frozen=True)
class PlannedColumn:
    """One column of a frame that is not read yet.

    Attributes
    ----------
    name, kind
        How it is called and what it holds.
    arrow, pandas
        Its type in an Arrow table, and its dtype in a DataFrame.
    nullable
        Whether NULL may stand in it.
    computed
        Whether the database computes it, instead of giving what is stored.
    """

    name: str
    kind: str
    arrow: str
    pandas: str
    nullable: bool
    computed: bool


@dataclass(frozen=True)
class FetchPlan:
    """How a query will be read as a DataFrame.

    Attributes
    ----------
    alias
        Who is asked.
    reader
        What will read it.
    passed_over
        Faster readers that can't read it, each with its reason.
    rows
        How many there will be, as far as the database can tell without running the query.
    most
        How many there will be at most, where a slice says so.
    bytes
        What the DataFrame will take in memory.
    allowed
        What it may take; ``None`` where nothing bounds it.
    columns
        What its columns will be.
    """

    alias: str
    reader: str
    passed_over: tuple[tuple[str, str], ...]
    rows: int | None
    most: int | None
    bytes: int | None
    allowed: int | None
    columns: tuple[PlannedColumn, ...]

    @property
    def fits(self) -> bool | None:
        """Whether the estimate fits into memory; ``None`` where nobody knows how many rows there are."""
        if self.allowed is None:
            return True
        return None if self.bytes is None else self.bytes <= self.allowed

    def __repr__(self) -> str:
        lines = [self._caption(), *(f"passed over: {reader}: {reason}" for reader, reason in self.passed_over)]
        return "\n".join([*lines, self._memory(), "", text_table(_HEADER, self._cells())])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        passed = (f"passed over: {reader}, since {reason}" for reader, reason in self.passed_over)
        caption = " · ".join([self._caption(), *passed, self._memory()])
        html = html_table(_HEADER, self._cells(), caption=caption)
        return {"text/plain": repr(self), "text/html": html}

    def _caption(self) -> str:
        return f"to_pandas() on {self.alias} reads with {self.reader}"

    def _memory(self) -> str:
        if self.rows is None:
            rows = "nobody knows how many rows there are"
        elif self.rows == self.most:
            rows = f"at most {self.rows:,} rows"
        else:
            rows = f"about {self.rows:,} rows"
        size = "" if self.bytes is None else f", {in_words(self.bytes)}"
        if self.allowed is None:
            return f"{rows}{size}; nothing bounds what a frame may take"
        verdict = {True: "it fits", False: "too large, if that is true", None: "reading stops there"}[self.fits]
        return f"{rows}{size}; a frame may take {in_words(self.allowed)}: {verdict}"

    def _cells(self) -> list[list[Cell]]:
        return [
            [each.name, each.kind, each.arrow, each.pandas, _yes(each.nullable), _yes(each.computed)]
            for each in self.columns
        ]


_HEADER = ("column", "kind", "Arrow", "pandas", "nullable", "computed")


def explain_fetch(database: Database, reading: Reading) -> FetchPlan:
    """Tell how a statement would be read, by asking the database for nothing but its estimate."""
    with database.connect() as connection:
        return _plan(database, connection, reading)


def _plan(database: Database, connection: Connection, reading: Reading) -> FetchPlan:
    choice = chosen(database.backend, request(database, connection, reading, options.batch_rows))
    by_value = any(column.kind.name == "any" for column in reading.columns)
    guard = Guard(database, reading, "to_pandas")
    with guard:
        rows, needed, allowed = guard.estimate(connection), guard.needed(), guard.allowed
    return FetchPlan(
        database.alias,
        "rows of Python values" if by_value else choice.reader.title,
        tuple((reader.title, reason) for reader, reason in choice.refused),
        rows,
        reading.most,
        None if needed is None else int(needed),
        None if allowed is None or allowed == float("inf") else int(allowed),
        tuple(map(_planned, reading.columns)),
    )


def _planned(column: ResultColumn) -> PlannedColumn:
    from multidb_explorer.results.frames import to_pandas

    if column.kind.name == "any":
        return PlannedColumn(column.name, _BY_VALUE, _BY_VALUE, _BY_VALUE, column.nullable, column.computed)
    type_ = arrow_type(column.kind)
    # The dtype is taken from a frame and not from a table of dtypes: there is one place that decides it.
    empty = to_pandas(pa.schema([pa.field("it", type_, column.nullable)]).empty_table())
    pandas = str(empty.dtypes.iloc[0])
    return PlannedColumn(column.name, str(column.kind), str(type_), pandas, column.nullable, column.computed)


def _yes(true: bool) -> str:
    return "yes" if true else ""
