"""The explorer's tab "Code": the Python of what is on screen, and its rows as a variable of the notebook."""

from __future__ import annotations

import builtins
import keyword
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply
from multidb_explorer.controllers.code import code_of
from multidb_explorer.controllers.explorer_tab import ExplorerTab

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["CodeTab", "name_trouble"]

_MANY = 1_000_000


class CodeTab(ExplorerTab):
    """Answers ``code`` and ``send``."""

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {"code": self._code, "send": self._send}

    def _code(self, request: Message) -> Reply:
        try:
            code = code_of(self.grid().shown, self._columns(request))
        except NotImplementedError as error:
            raise BadRequest(str(error)) from None
        return Reply({"type": "code", "code": code, "can_send": self.explorer.namespace is not None})

    def _columns(self, request: Message) -> list[str] | None:
        """Give the columns on screen, or ``None`` where they are all of the table's in its order."""
        known, asked = [column["name"] for column in self.grid().columns], request.get("columns")
        if asked is None or asked == known:
            return None
        if not isinstance(asked, list) or not asked or not set(asked) <= set(known):
            raise BadRequest("The columns on screen are columns of the table.")
        return asked

    def _send(self, request: Message) -> Reply | Job:
        """Read the rows into a DataFrame, and put it where cells find it."""
        name, namespace = str(request.get("name") or "").strip(), self.explorer.namespace
        if namespace is None:
            raise BadRequest("There is no notebook here to send rows to.")
        if trouble := name_trouble(name):
            raise BadRequest(trouble)
        grid, columns = self.grid(), self._columns(request)
        rows = grid.shown if columns is None else grid.shown.values(*columns)
        warnings = _warnings(name, namespace, grid.row_count or grid.row_estimate)
        if warnings and request.get("sure") is not True:
            return Reply({"type": "ask", "text": " ".join(warnings)})
        return self.job(databases[grid.queryset.db], lambda: _sent(rows, name, namespace))


def _sent(rows: QuerySet[Any], name: str, namespace: dict[str, Any]) -> Reply:
    frame = rows.to_pandas()
    namespace[name] = frame
    return Reply({"type": "sent", "name": name, "rows": len(frame), "columns": len(frame.columns)})


def name_trouble(name: str) -> str:
    """Say why something is no name for a variable; empty where it is one.

    Examples
    --------
    >>> name_trouble("df"), name_trouble("2 x")
    ('', "'2 x' is no name of a variable: letters, digits and _, and no digit first.")
    """
    if not name.isidentifier():
        return f"{name!r} is no name of a variable: letters, digits and _, and no digit first."
    return f"{name!r} is a word of Python itself; take another name." if keyword.iskeyword(name) else ""


def _warnings(name: str, namespace: dict[str, Any], rows: int | None) -> list[str]:
    found = []
    if name in namespace:
        found.append(f"{name} exists already, with a {type(namespace[name]).__name__} in it.")
    elif hasattr(builtins, name):
        found.append(f"{name} is a function of Python itself, which cells could not call any more.")
    if rows is not None and rows > _MANY:
        found.append(f"There are about {rows:,} rows, and all of them would be read into memory.")
    return found
