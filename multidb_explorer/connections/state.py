"""Where the package keeps what must outlive a session: histories and journals."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["state_folder"]


def state_folder(name: str) -> Path:
    """Say where files of one kind are: in ``MULTIDB_STATE_DIR``, else in the user's own folder for such things.

    Examples
    --------
    >>> state_folder("history").name
    'history'
    """
    named = os.environ.get("MULTIDB_STATE_DIR")
    if named:
        return Path(named).expanduser() / name
    from platformdirs import user_state_path

    return user_state_path("multidb_explorer", appauthor=False) / name
