"""Explorer: databases, their tables and rows in one panel."""

from __future__ import annotations

from typing import Any

import traitlets
from IPython import get_ipython

from multidb_explorer.controllers.explorer import ExplorerController
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.widgets.base import Panel, Still, css_height
from multidb_explorer.widgets.grid import still_of

__all__ = ["Explorer", "explore"]


class Explorer(Panel):
    """What `explore` shows.

    Parameters
    ----------
    alias, table, schema
        Where to start.
    height
        Pixels, or a CSS length.

    Attributes
    ----------
    alias, table : str or None
        What is on screen; they can be observed.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> mdb.explore()
    Explorer(alias='default', table=None)
    """

    stem = "explorer"

    choices = traitlets.List(traitlets.Dict()).tag(sync=True)
    alias = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    table = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    schema = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    visit = traitlets.Int(None, allow_none=True).tag(sync=True)
    height = traitlets.Unicode("540px").tag(sync=True)

    controller: ExplorerController

    def __init__(
        self,
        alias: str | None = None,
        table: str | None = None,
        *,
        schema: str | None = None,
        height: int | str = 540,
    ) -> None:
        controller = ExplorerController(alias, table, schema)
        ipython = get_ipython()
        controller.namespace = None if ipython is None else ipython.user_ns
        super().__init__(controller, height=css_height(height))

    @property
    def queryset(self) -> QuerySet[Any] | None:
        """The rows on screen as a QuerySet, or ``None`` while no table is open."""
        return self.controller.queryset

    def _still(self) -> Still:
        if self.controller.grid is not None:
            return still_of(self.controller.grid)
        color = next((mark["color"] for mark in self.choices if mark["alias"] == self.alias), None)
        place = "no database" if self.alias is None else f"alias {self.alias}"
        return Still(
            f"Database explorer · {place}{'' if self.table is None else f' · table {self.table}'}", color=color
        )

    def __repr__(self) -> str:
        return f"Explorer(alias={self.alias!r}, table={self.table!r})"


def explore(
    alias: str | None = None, table: str | None = None, *, schema: str | None = None, height: int | str = 540
) -> Explorer:
    """Open the explorer: choose a database, see its tables and rows, save rows elsewhere or delete them.

    Nothing is written before the panel has asked, naming the database. A read-only alias offers no delete.

    Parameters
    ----------
    alias
        The database to start with; the first registered one if not given.
    table, schema
        The table to start with.
    height
        Pixels, or a CSS length such as ``"80vh"``.

    Returns
    -------
    Explorer
        The widget; as the last line of a cell it shows itself.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias. A database that can't be reached is shown in the panel.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> mdb.explore("default")
    Explorer(alias='default', table=None)
    """
    return Explorer(alias, table, schema=schema, height=height)
