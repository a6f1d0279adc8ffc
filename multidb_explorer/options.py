"""Settings of the package itself: how much is shown and fetched at a time.

``mdb.options.preview_rows = 50`` changes one for the session.
"""

from __future__ import annotations

from dataclasses import dataclass

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


options = Options()
