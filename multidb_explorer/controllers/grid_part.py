"""GridPart: what edits, filters or a viewer add to the grid, each in a module of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.controllers.base import Handler, Message

if TYPE_CHECKING:
    import pyarrow as pa

    from multidb_explorer.controllers.grid import GridController

__all__ = ["GridPart"]


class GridPart:
    """Base of the parts of a `GridController`.

    Attributes
    ----------
    name
        What the browser side knows the part by, in the state of the grid and beside the rows of a page.
    intents
        What the browser may ask of it; the grid answers these as its own. They must not be those of another part.

    Examples
    --------
    >>> GridPart.name
    ''
    """

    name = ""

    def __init__(self, grid: GridController) -> None:
        self.grid = grid
        self.intents: dict[str, Handler] = {}

    @property
    def state(self) -> Message:
        """What a view of the grid has to know before its first row: small, and no rows."""
        return {}

    def renewed(self) -> None:
        """Hear that the rows have a new epoch: they were sorted, filtered or read again."""

    def page(self, table: pa.Table, keys: Sequence[Any]) -> Message | None:
        """Give what travels beside the rows of a page; nothing for ``None``.

        Parameters
        ----------
        table
            The rows.
        keys
            The key of each row, one value or a tuple; empty for a table without a key.
        """

    def close(self) -> None:
        """Let go of what the part holds, when the grid is shown no more."""
