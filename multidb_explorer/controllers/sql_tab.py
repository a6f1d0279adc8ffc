"""The explorer's tab "SQL": a statement that only reads, its result in a grid, and what was asked before."""

from __future__ import annotations

from time import perf_counter

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply, Stale
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.controllers.result import ResultController
from multidb_explorer.controllers.sql_completion import complete_sql
from multidb_explorer.controllers.sql_history import SqlHistory
from multidb_explorer.errors import MultiDBError

__all__ = ["SqlTab"]

_LONGEST = 200_000


class SqlTab(ExplorerTab):
    """Answers ``sql_run``, ``sql_complete`` and ``sql_history``, and the grid of the last result."""

    name = "sql"
    result: ResultController | None = None
    _epoch = 0

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {"sql_run": self._run, "sql_complete": self._complete, "sql_history": self._history}

    def handle(self, request: Message) -> Reply | Job:
        """Answer the grid of the result."""
        if self.result is None:
            raise Stale("Nothing was run yet.")
        return self.result.handle(request)

    def _database(self) -> Database:
        return databases[self.explorer.here()]

    def _text(self, request: Message) -> str:
        sql = request.get("sql")
        if not isinstance(sql, str) or len(sql) > _LONGEST:
            raise BadRequest("A statement is a text, and not a whole book.")
        return sql

    def _run(self, request: Message) -> Job:
        database, sql = self._database(), self._text(request).strip().rstrip(";").rstrip()
        if not sql:
            raise BadRequest("Write a statement first.")
        self._epoch += 1
        epoch = self._epoch

        def work() -> Reply:
            begun = perf_counter()
            SqlHistory(database).add(sql)
            found = ResultController(database, sql, epoch)
            seconds = round(perf_counter() - begun, 3)
            self.result = found
            return Reply({"type": "ran", "seconds": seconds, "gives_rows": found.gives_rows, **found.state})

        return self.job(database, work)

    def _complete(self, request: Message) -> Job:
        """Complete in the background: a catalog may have to be read first."""
        database, sql, cursor = self._database(), self._text(request), request.get("cursor")
        if not isinstance(cursor, int) or not 0 <= cursor <= len(sql):
            raise BadRequest("The cursor stands in the text.")

        def work() -> Reply:
            try:
                start, choices = complete_sql(database, sql, cursor)
            except MultiDBError:
                # Typing must go on, whatever the database says.
                start, choices = cursor, []
            return Reply({"type": "sql_complete", "start": start, "choices": choices})

        return self.job(database, work)

    def _history(self, _: Message) -> Reply:
        return Reply({"type": "sql_history", "statements": SqlHistory(self._database()).statements()})

    def close(self) -> None:
        """Let go of the result."""
        self.result = None
