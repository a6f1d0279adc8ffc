"""The columns of a result."""

from __future__ import annotations

from dataclasses import dataclass

from multidb_explorer.backends.kinds import Kind

__all__ = ["ResultColumn"]


@dataclass(frozen=True)
class ResultColumn:
    """One column of a result: its name, what it holds, and whether NULL may stand in it.

    Attributes
    ----------
    computed
        Whether the database computed it, so that the driver's form may be another than that of a stored value.
    """

    name: str
    kind: Kind
    nullable: bool = True
    computed: bool = False
