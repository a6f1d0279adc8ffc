"""TableGrid: the rows of a QuerySet, of any number, in the notebook."""

from __future__ import annotations

from typing import Any

import traitlets

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.controllers.grid import GridController, queryset_of
from multidb_explorer.controllers.staging import changes_for
from multidb_explorer.errors import MultiDBError
from multidb_explorer.models import Model
from multidb_explorer.options import options
from multidb_explorer.query.preview import cell_text
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.widgets.base import Panel, Still, css_height

__all__ = ["TableGrid", "still_of"]


class TableGrid(Panel):
    """A grid that shows a table of any size and reads only the rows on screen.

    Parameters
    ----------
    source
        A QuerySet, or a model for all its rows.
    editable
        Whether rows can be edited. They can where it is left out, unless the alias is read-only; what is edited is
        staged, and nothing is written before it is saved.
    height
        Pixels, or a CSS length such as ``"60vh"``.

    Attributes
    ----------
    selected_count : int
        How many rows are selected; it can be observed.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> import sqlalchemy as sa
    >>> from multidb_explorer.connections.registry import databases
    >>> mdb.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY)"))
    >>> mdb.TableGrid(mdb.reflect("t"))
    TableGrid(t on 'default')
    """

    stem = "grid"

    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    row_count = traitlets.Int(None, allow_none=True).tag(sync=True)
    row_estimate = traitlets.Int(None, allow_none=True).tag(sync=True)
    epoch = traitlets.Int(1).tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    alias = traitlets.Dict().tag(sync=True)
    height = traitlets.Unicode("420px").tag(sync=True)
    default_sort = traitlets.List(traitlets.Dict()).tag(sync=True)
    sort = traitlets.List(traitlets.Dict()).tag(sync=True)
    first_rows = traitlets.Int(None, allow_none=True).tag(sync=True)
    selection = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    selected_count = traitlets.Int(0).tag(sync=True)
    parts = traitlets.Dict().tag(sync=True)

    controller: GridController

    def __init__(
        self, source: QuerySet[Any] | type[Model], *, editable: bool | None = None, height: int | str = 420
    ) -> None:
        queryset = queryset_of(source)
        controller = GridController(queryset, changes=changes_for(queryset, editable))
        controller.estimate()
        super().__init__(controller, height=css_height(height))

    @property
    def queryset(self) -> QuerySet[Any]:
        """The rows on screen: the filters and the sort that were chosen there are part of it."""
        return self.controller.shown

    @property
    def selected_keys(self) -> list[Any]:
        """The keys of the selected rows: one value each, or a tuple for a key of several columns."""
        return self.controller.keys_of(self.controller.selection)

    def selected(self) -> QuerySet[Any]:
        """Give the selected rows as a QuerySet, to read, save or delete."""
        return self.controller.selected()

    @property
    def changes(self) -> ChangeSet | None:
        """What is edited and not saved; ``None`` where nothing can be edited."""
        return self.controller.changes

    def refresh(self) -> None:
        """Read the rows on screen again."""
        self.controller.refresh()

    def _still(self) -> Still:
        return still_of(self.controller)

    def __repr__(self) -> str:
        return f"TableGrid({self.title} on {self.queryset.db!r})"


def still_of(grid: GridController) -> Still:
    """Give what a grid leaves in a saved notebook: its columns, and rows where ``mdb.options.saved_rows`` says so."""
    state = grid.state
    count, estimate = state["row_count"], state["row_estimate"]
    size = f" · {count:,} rows" if count is not None else f" · about {estimate:,} rows" if estimate is not None else ""
    title = f"{grid.title} on {state['alias']['alias']}{size}"
    names = [column["name"] for column in grid.columns]
    return Still(title, names, _kept_rows(grid), state["alias"]["color"])


def _kept_rows(grid: GridController) -> list[list[str | None]]:
    if options.saved_rows <= 0:
        return []
    try:
        rows = grid.shown[: options.saved_rows].values_list()
        return [[None if value is None else cell_text(value) for value in row] for row in rows]
    except MultiDBError:
        # The live panel says what is wrong.
        return []
