"""ExplorerTab: what one tab of the explorer answers, in a module of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from multidb_explorer.controllers.base import Handler, Job, Message, Reply, Stale
from multidb_explorer.controllers.stopping import stoppable_job

if TYPE_CHECKING:
    from multidb_explorer.connections.database import Database
    from multidb_explorer.controllers.explorer import ExplorerController
    from multidb_explorer.controllers.grid import GridController

__all__ = ["ExplorerTab"]


class ExplorerTab:
    """Base of the tabs.

    Parameters
    ----------
    explorer
        Which alias and table it is about.

    Attributes
    ----------
    name
        What messages are sent ``to`` that a grid of its own answers; empty for a tab without one.
    """

    name = ""

    def __init__(self, explorer: ExplorerController) -> None:
        self.explorer = explorer

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask of it; the explorer answers these as its own."""
        return {}

    def handle(self, request: Message) -> Reply | Job:
        """Answer a message to the tab's own grid."""
        raise Stale(f"There are no rows for {request.get('type')!r}.")

    def place(self) -> tuple[str, str, str | None]:
        """Give alias, table and schema of what is on screen."""
        explorer = self.explorer
        if explorer.value is None or explorer.table is None:
            raise Stale("No table is open.")
        return explorer.value, explorer.table, explorer.schema

    def grid(self) -> GridController:
        """Give the grid of the table that is open."""
        if self.explorer.grid is None:
            raise Stale("No table is open.")
        return self.explorer.grid

    def job(self, database: Database, work: Callable[[], Reply]) -> Job:
        """Work in the background; the browser's ``cancel`` stops it in the database."""
        return stoppable_job(database, work)

    def close(self) -> None:
        """Let go of what is held, when the panel is closed."""
