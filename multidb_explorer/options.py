"""Settings of the package itself: how much is shown and fetched at a time.

``mdb.options.preview_rows = 50`` changes one for the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multidb_explorer.errors import one_of, whole_number

__all__ = ["Options", "options"]


@dataclass
class Options:
    """What a session may tune.

    Attributes
    ----------
    preview_rows
        Rows that a QuerySet shows as the last line of a cell.
    preview_characters
        Characters of a cell value shown in a preview.
    batch_rows
        Rows per Arrow batch while reading.
    fast_readers
        Whether each engine's own fast reader may read; the plain cursor gives the same values, later.
    memory_share
        The share of free memory that one frame may take; what would take more is not read. ``None`` reads anything.
    progress
        Whether a bar shows how far a read is that takes longer than a second (needs tqdm).
    plot_rows
        Rows that a plot reads at most.
    saved_rows
        Rows that a grid leaves in the saved notebook, for readers without a kernel. None unless you ask: whoever gets
        the file could read them.
    connect_timeout
        Seconds to wait for a server before a connection counts as failed.

    Examples
    --------
    >>> Options().preview_rows
    20
    """

    preview_rows: int = 20
    preview_characters: int = 80
    batch_rows: int = 50_000
    fast_readers: bool = True
    memory_share: float | None = 0.5
    progress: bool = True
    plot_rows: int = 10_000
    saved_rows: int = 0
    connect_timeout: int = 10

    def __setattr__(self, name: str, value: Any) -> None:
        known = [*self.__dataclass_fields__]
        if name not in known:
            raise AttributeError(f"mdb.options has no {name!r}; it has {one_of(known)}.")
        if name in _LEAST:
            value = whole_number(f"options.{name}", value, _LEAST[name])
        super().__setattr__(name, value)


_LEAST = {
    "preview_rows": 0,
    "preview_characters": 1,
    "batch_rows": 1,
    "plot_rows": 1,
    "saved_rows": 0,
    "connect_timeout": 1,
}
"""The least that an option which counts something may be."""


options = Options()
