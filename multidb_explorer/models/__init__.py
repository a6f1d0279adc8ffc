"""Models: classes for the rows of a table, declared or made from a live one."""

from __future__ import annotations

from multidb_explorer.models.model import Model
from multidb_explorer.models.prefetch import Prefetch
from multidb_explorer.models.reflected import reflect

__all__ = ["Model", "Prefetch", "reflect"]
