"""How a user arranged the columns of a grid: kept here, so that it is there again after the page was reloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.controllers.base import BadRequest, Message, Reply
from multidb_explorer.controllers.grid_part import GridPart

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController

__all__ = ["LayoutPart"]

_LISTS = ("order", "hidden", "pinned")
_WIDEST = 5_000


class LayoutPart(GridPart):
    """Keeps order, widths, hidden and pinned columns, by name."""

    name = "layout"

    def __init__(self, grid: GridController) -> None:
        super().__init__(grid)
        self.layout = grid.layout
        self.intents = {"layout": self._layout}

    @property
    def state(self) -> Message:
        """The arrangement; what nobody changed is not in it."""
        return self.layout

    def _layout(self, request: Message) -> Reply:
        given = request.get("layout")
        if not isinstance(given, dict):
            raise BadRequest("An arrangement of columns names them.")
        known = {column["name"] for column in self.grid.columns}
        found: Message = {name: _names(given.get(name), known) for name in _LISTS if given.get(name)}
        widths = {name: width for name, width in dict(given.get("widths") or {}).items() if _is_width(width)}
        found["widths"] = {name: width for name, width in widths.items() if name in known}
        # In place: whoever opens the table again finds it.
        self.layout.clear()
        self.layout.update({name: value for name, value in found.items() if value})
        self.grid.changed()
        return Reply({"type": "layout"})


def _names(given: Any, known: set[str]) -> list[str]:
    return [name for name in given if isinstance(name, str) and name in known] if isinstance(given, list) else []


def _is_width(width: Any) -> bool:
    return isinstance(width, int | float) and not isinstance(width, bool) and 0 < width <= _WIDEST
