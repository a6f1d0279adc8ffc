"""One whole value of a grid, for the viewer: a page shows long ones only as far as a cell goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply, whole
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.typed_values import editable
from multidb_explorer.controllers.values import key_text
from multidb_explorer.errors import MultiDBError

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController

__all__ = ["MOST_BYTES", "ValuePart"]

MOST_BYTES = 8 * 2**20
"""What is sent of a longer value: a notebook's connection would choke on the rest."""


class ValuePart(GridPart):
    """Reads one cell whole, by the key of its row where there is one."""

    name = "value"

    def __init__(self, grid: GridController) -> None:
        super().__init__(grid)
        self.intents = {"value": self._value}

    def _value(self, request: Message) -> Job:
        grid = self.grid
        grid.require_epoch(request)
        row, name = whole(request, "row"), request.get("column")
        place = next((at for at, column in enumerate(grid.columns) if column["name"] == name), None)
        if place is None:
            raise BadRequest("A cell is named by its row and column.")
        pager, key = grid.pager, grid.seen_key(row)

        def work(_: Any) -> Reply:
            table = pager.page(row, 1) if key is None else pager.rows_of([key])
            if not table.num_rows:
                raise MultiDBError("The row is there no more: it was deleted meanwhile.")
            return _reply(table.column(place)[0].as_py(), grid.queryset.fields[place].kind, key)

        return grid.job(work)


def _reply(value: Any, kind: Kind, key: Any) -> Reply:
    about: Message = {"type": "value", "kind": kind.name, "key": None if key is None else key_text(key)}
    if value is None:
        return Reply({**about, "form": "null", "size": 0, "cut": False})
    data = value if isinstance(value, bytes) else editable(value, kind).encode()
    form = "bytes" if isinstance(value, bytes) else "json" if kind.name in ("json", "array") else "text"
    sent = data[:MOST_BYTES]
    return Reply({**about, "form": form, "size": len(data), "cut": len(sent) < len(data)}, (sent,))
