"""Find in a grid: the next row that holds a text, searched by the database in the order of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply, whole
from multidb_explorer.controllers.filtering import filterable
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.paging import Pager
from multidb_explorer.controllers.quick_filters import value_of
from multidb_explorer.controllers.typed_values import Unreadable
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.source import Field

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController

__all__ = ["FindPart"]

_TEXTUAL = frozenset({"text", "enum", "json", "other"})
_EQUAL = frozenset({"integer", "decimal", "uuid", "date"})
_MOST_COUNTED = 1_000


class FindPart(GridPart):
    """Searches texts for a part of them, whatever the case, and numbers, dates and UUIDs for the whole value."""

    name = "find"

    def __init__(self, grid: GridController) -> None:
        super().__init__(grid)
        self.intents = {"find": self._find, "matches": self._matches}

    def _find(self, request: Message) -> Job:
        """Look for the next row from a row on, or the one before it; at the end it goes on from the other side."""
        grid, row, backwards = self.grid, whole(request, "row"), request.get("backwards") is True
        matches, pager = self._matching(request), grid.pager
        if not pager.pages_by_key:
            raise BadRequest("Rows that can't be told apart can't be searched one after the other; filter them.")
        here = request.get("here") is True

        def work(_: Any) -> Reply:
            found = pager.next_match(matches, row, backwards=backwards, here=here)
            wrapped = found is None
            if found is None:
                found = pager.next_match(matches, None, backwards=backwards, here=True)
            return Reply({"type": "find", "row": found, "wrapped": wrapped and found is not None})

        return grid.job(work)

    def _matches(self, request: Message) -> Job:
        """Count the rows that hold the text, as far as anybody wants to know."""
        matches = self._matching(request)

        def work(_: Any) -> Reply:
            found = matches.count(_MOST_COUNTED)
            return Reply({"type": "matches", "rows": min(found, _MOST_COUNTED), "more": found > _MOST_COUNTED})

        return self.grid.job(work)

    def _matching(self, request: Message) -> Pager:
        grid, text, name = self.grid, request.get("text"), request.get("column")
        grid.require_epoch(request)
        if not isinstance(text, str) or not text or not filterable(grid.narrowed):
            raise BadRequest("There is nothing to search for, or these rows can't be searched.")
        found = Q()
        for field in grid.queryset.fields:
            if name in (None, field.name):
                found = found | _holds(field, text)
        if not found:
            raise BadRequest(f"No column here can hold {text[:40]!r}.")
        return Pager(grid.narrowed.filter(found), grid.sort)


def _holds(field: Field, text: str) -> Q:
    if field.kind.name in _TEXTUAL:
        return Q((f"{field.name}__icontains", text))
    if field.kind.name not in _EQUAL:
        return Q()
    try:
        return Q((field.name, value_of(text, field.kind)))
    except Unreadable:
        # A text that is no number is in no column of numbers.
        return Q()
