"""Copying and moving from the explorer: a transfer panel over the rows that are selected, or over all on screen."""

from __future__ import annotations

from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply, Stale
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.controllers.transfer_panel import TransferPanelController

__all__ = ["TransferTab"]


class TransferTab(ExplorerTab):
    """Answers ``transfer_open``, and the panel that it opens."""

    name = "transfer"
    panel: TransferPanelController | None = None

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {"transfer_open": self._open}

    def handle(self, request: Message) -> Reply | Job:
        """Answer the panel that is open."""
        if self.panel is None:
            raise Stale("No transfer was begun.")
        return self.panel.handle(request)

    def _open(self, request: Message) -> Reply:
        grid = self.grid()
        if not grid.queryset.has_key:
            raise BadRequest("This table has no key, so its rows can't be told apart.")
        if request.get("epoch") != grid.epoch:
            raise Stale("The rows were sorted or changed meanwhile; select them anew.")
        if request.get("selected") is True:
            grid.handle({"type": "select", "epoch": grid.epoch, "rows": request.get("rows")})
        rows = grid.selected() if request.get("selected") is True else grid.shown
        panel = TransferPanelController(rows, kind=str(request.get("kind")))
        panel.attach(self.explorer.send)
        self.panel = panel
        return Reply({"type": "transfer_open", "selected": request.get("selected") is True})

    def close(self) -> None:
        """Stop what runs; it can be resumed."""
        if self.panel is not None:
            self.panel.close()
