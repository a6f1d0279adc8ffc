"""The filters of a grid: read, applied, shown as chips, and made of a cell's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply, whole
from multidb_explorer.controllers.filtering import Wrong, field_menu, filter_of, filterable
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.typed_values import editable
from multidb_explorer.errors import MultiDBError

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController

__all__ = ["FilterPart"]

_LONGEST_VALUE = 10_000


class FilterPart(GridPart):
    """Narrows the rows down in the database.

    A filter that can't be read changes nothing: the answer says what is wrong, and with which item.
    """

    name = "filter"

    def __init__(self, grid: GridController) -> None:
        super().__init__(grid)
        self.intents = {"filter": self._filter, "fields": self._fields, "same": self._same}

    @property
    def state(self) -> Message:
        """The items, each with the words of its chip."""
        return {"items": list(self.grid.filter.items), "possible": filterable(self.grid.queryset)}

    def _filter(self, request: Message) -> Reply:
        grid = self.grid
        try:
            found = filter_of(grid.queryset, request.get("items"))
        except Wrong as wrong:
            return Reply({"type": "filter", "wrong": {"at": list(wrong.at), "text": wrong.text}})
        with grid.lock:
            grid.filter, grid.first_rows = found, None
            grid.renew(max(grid.epoch + 1, whole(request, "epoch")), None)
            if not found:
                grid.estimate()
        grid.changed()
        kept = {name: grid.state[name] for name in ("epoch", "row_count", "row_estimate", "sort", "first_rows")}
        return Reply({"type": "filter", **kept, **self.state})

    def _fields(self, _: Message) -> Job:
        """Say what can be asked, in the background: related tables may have to be looked at."""
        return Job(lambda: Reply({"type": "fields", "fields": field_menu(self.grid.queryset)}))

    def _same(self, request: Message) -> Job:
        """Give the item that asks for rows with the value of a cell, or for the others."""
        grid = self.grid
        grid.require_epoch(request)
        row, name, dropped = whole(request, "row"), request.get("column"), request.get("not") is True
        place = next((at for at, column in enumerate(grid.columns) if column["name"] == name), None)
        if place is None:
            raise BadRequest("A cell is named by its row and column.")
        pager = grid.pager

        def work(_: Any) -> Reply:
            table = pager.page(row, 1)
            if not table.num_rows:
                raise MultiDBError("The row is there no more; read the rows again.")
            return Reply(
                {"type": "same", "item": self._item(str(name), table.column(place)[0].as_py(), place, dropped)}
            )

        return grid.job(work)

    def _item(self, name: str, value: Any, place: int, dropped: bool) -> Message:
        kind = self.grid.queryset.fields[place].kind
        if value is None:
            return {"field": name, "lookup": "isnull", "value": not dropped}
        text = editable(value, kind)
        if len(text) > _LONGEST_VALUE:
            raise MultiDBError(f"The value has {len(text):,} characters, too many for a filter.")
        item: Message = {"field": name, "lookup": "exact", "value": text}
        return {**item, "not": True} if dropped else item
