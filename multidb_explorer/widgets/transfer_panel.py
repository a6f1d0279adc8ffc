"""TransferPanel: copy or move rows to another database, seen as a plan first."""

from __future__ import annotations

from typing import Any

import traitlets

from multidb_explorer.controllers.transfer_panel import TransferPanelController
from multidb_explorer.models import Model
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.transfer.plan import TransferPlan
from multidb_explorer.transfer.report import TransferReport
from multidb_explorer.widgets.base import Panel

__all__ = ["TransferPanel"]


class TransferPanel(Panel):
    """Copy or move rows with the mouse: choose where to, look at the plan, run it, read the report.

    Nothing is written before the plan was seen and its button, which names the alias, was pressed.

    Parameters
    ----------
    source
        The rows: a QuerySet, or a model for all of its rows.
    to
        The alias that is offered first.
    kind
        ``copy`` or ``move``.
    related
        Which relatives are offered first: ``none``, ``parents``, ``children`` or ``all``.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from multidb_explorer.connections.registry import databases
    >>> mdb.configure({"default": "sqlite://", "new": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    >>> mdb.TransferPanel(mdb.reflect("users"), to="new")
    TransferPanel(users of 'default', to='new')
    """

    stem = "transfer_panel"

    source = traitlets.Dict().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    to = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    kind = traitlets.Unicode("copy").tag(sync=True)
    related = traitlets.Unicode("none").tag(sync=True)
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)

    controller: TransferPanelController

    def __init__(
        self, source: QuerySet[Any] | type[Model], to: str | None = None, *, kind: str = "copy", related: str = "none"
    ) -> None:
        super().__init__(TransferPanelController(source, to=to, kind=kind, related=related))

    @property
    def plan(self) -> TransferPlan | None:
        """The plan on screen."""
        return self.controller.plan

    @property
    def report(self) -> TransferReport | None:
        """What the last run did."""
        return self.controller.report

    def __repr__(self) -> str:
        return f"TransferPanel({self.title} of {self.source['alias']!r}, to={self.to!r})"
