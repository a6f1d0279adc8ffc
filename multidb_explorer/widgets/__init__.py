"""The panels for a notebook: thin skins over the controllers, and their browser side."""

from __future__ import annotations

from multidb_explorer.widgets.alias_picker import AliasPicker
from multidb_explorer.widgets.explorer import Explorer, explore
from multidb_explorer.widgets.grid import TableGrid
from multidb_explorer.widgets.row_form import RowForm
from multidb_explorer.widgets.transfer_panel import TransferPanel

__all__ = ["AliasPicker", "Explorer", "RowForm", "TableGrid", "TransferPanel", "explore"]
