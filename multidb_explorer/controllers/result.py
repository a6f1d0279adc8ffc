"""A grid over the rows of SQL that a person typed: read as far as somebody looks, and never without an end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.controllers.base import Controller, Job, Message, Reply, Stale, whole
from multidb_explorer.controllers.marks import alias_mark
from multidb_explorer.controllers.stopping import stoppable_job
from multidb_explorer.controllers.values import encode_table
from multidb_explorer.results.typed import read_sql_text

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FIRST_ROWS", "MOST_ROWS", "ResultController"]

FIRST_ROWS = 2_000
"""Rows that are read when the SQL is run."""
MOST_ROWS = 100_000
"""Rows that can be looked at."""
_GROWTH = 5
_PAGE = 1_000


class ResultController(Controller):
    """Answers the grid of one result.

    The text is run as it is, and read up to a number of rows; whoever scrolls beyond that has it run again and read
    further. So its own order holds, whatever the engine makes of an order inside a subquery.

    Parameters
    ----------
    database
        Who is asked.
    sql
        One statement.
    epoch
        The number of this result among those of a panel.
    """

    def __init__(self, database: Database, sql: str, epoch: int = 1) -> None:
        super().__init__()
        self.database = database
        self.sql = sql
        self.epoch = epoch
        self.selection: list[Any] = []
        self._reading = threading.Lock()
        self._limit = FIRST_ROWS
        self._table: pa.Table = self._read(FIRST_ROWS)
        self._kinds = [_kind(field.type) for field in self._table.schema]
        self.intents |= {"columns": self._columns, "win": self._win, "count": self._count, "select": self._select}
        self.intents["prepare"] = self._prepare

    @property
    def gives_rows(self) -> bool:
        """Whether the statement was a question."""
        return bool(self._table.num_columns)

    @property
    def complete(self) -> bool:
        """Whether all rows are here."""
        return bool(self._table.num_rows < self._limit)

    @property
    def capped(self) -> bool:
        """Whether there may be more rows than can be looked at."""
        return not self.complete and self._limit >= MOST_ROWS

    @property
    def state(self) -> Message:
        """What the grid needs before its first row."""
        rows = self._table.num_rows
        return {
            "columns": [_column(name, kind) for name, kind in zip(self._table.column_names, self._kinds, strict=True)],
            "epoch": self.epoch,
            "row_count": rows if self.complete or self.capped else None,
            "row_estimate": None if self.complete else rows,
            "title": "Result",
            "alias": alias_mark(self.database),
            "sort": [],
            "default_sort": [],
            "selection": [],
            "selected_count": 0,
            "parts": {},
        }

    def _read(self, limit: int) -> pa.Table:
        return read_sql_text(self.database, self.sql, limit=limit)

    def _grow(self, rows: int) -> None:
        """Read on until that many rows are here, if there are so many."""
        while not self.complete and self._table.num_rows < rows and self._limit < MOST_ROWS:
            limit = min(MOST_ROWS, max(self._limit * _GROWTH, rows))
            table = self._read(limit)
            self._table, self._limit = table, limit

    def _columns(self, _: Message) -> Reply:
        return Reply({"type": "columns", **self.state})

    def _win(self, request: Message) -> Job:
        start, count = whole(request, "start"), whole(request, "count", most=_PAGE)
        if request.get("epoch") != self.epoch:
            raise Stale("Another statement was run meanwhile.")

        def work() -> Reply:
            with self._reading:
                self._grow(start + count)
            page = self._table.slice(start, count)
            answer: Message = {"type": "win", "epoch": self.epoch, "start": start, "rows": page.num_rows}
            if self.complete or self.capped:
                answer["row_count"] = self._table.num_rows
            return Reply(answer, (encode_table(page, self._kinds),))

        return stoppable_job(self.database, work)

    def _count(self, _: Message) -> Job:
        """Read as many rows as can be looked at: to count those of any statement it would have to be changed."""

        def work() -> Reply:
            with self._reading:
                self._grow(MOST_ROWS)
            counted = {"row_count": self._table.num_rows, "capped": self.capped}
            return Reply({"type": "count", "epoch": self.epoch, **counted})

        return stoppable_job(self.database, work)

    def _prepare(self, _: Message) -> Reply:
        """Nothing makes far jumps quicker here: rows are read up to where somebody looks."""
        return Reply({"type": "prepare"})

    def _select(self, _: Message) -> Reply:
        return Reply({"type": "select", "rows": 0})


def _column(name: str, kind: Kind) -> Message:
    return {
        "name": name,
        "kind": kind.name,
        "type": str(kind),
        "nullable": True,
        "primary_key": False,
        "sortable": False,
    }


def _kind(type_: pa.DataType) -> Kind:
    """Give the kind that an Arrow type stands for, for the look of a column."""
    from pyarrow import types

    tests = (
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "float"),
        (types.is_decimal, "decimal"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
        (types.is_time, "time"),
        (types.is_duration, "interval"),
        (types.is_interval, "interval"),
        (types.is_binary, "binary"),
        (types.is_large_binary, "binary"),
        (types.is_list, "array"),
    )
    return Kind(next((name for test, name in tests if test(type_)), "text"))
