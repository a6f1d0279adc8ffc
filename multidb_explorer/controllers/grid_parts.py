"""The parts that a grid has, by what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from multidb_explorer.controllers.editor_help import EditorHelp
from multidb_explorer.controllers.exporting import Exporting
from multidb_explorer.controllers.grid_filter import FilterPart
from multidb_explorer.controllers.grid_find import FindPart
from multidb_explorer.controllers.grid_layout import LayoutPart
from multidb_explorer.controllers.grid_order import OrderPart
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.grid_value import ValuePart
from multidb_explorer.controllers.saving import Saving
from multidb_explorer.controllers.staging import Staging

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController

__all__ = ["parts_of"]


def parts_of(grid: GridController) -> Iterator[GridPart]:
    """Make the parts of a grid."""
    yield OrderPart(grid)
    yield FilterPart(grid)
    yield Exporting(grid)
    yield LayoutPart(grid)
    yield ValuePart(grid)
    yield FindPart(grid)
    if grid.changes is not None:
        staging = Staging(grid, grid.changes)
        yield staging
        yield EditorHelp(grid, staging)
        yield Saving(grid, staging)
