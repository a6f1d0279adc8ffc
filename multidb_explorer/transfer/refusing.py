"""What keeps a transfer from being run, found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from multidb_explorer.connections.database import Database
from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.records import Objection

if TYPE_CHECKING:
    from multidb_explorer.transfer.wishes import Wishes

__all__ = ["database_objections", "table_objections"]


def database_objections(source: Database, target: Database, wishes: Wishes) -> list[Objection]:
    """Object to the databases as such."""
    return list(_databases(source, target, wishes))


def _databases(source: Database, target: Database, wishes: Wishes) -> Iterator[Objection]:
    if source.fingerprint == target.fingerprint:
        yield Objection(
            "",
            "",
            f"aliases {source.alias!r} and {target.alias!r} are the same database: a row that is copied there is the "
            f"row itself, and to delete it would delete the only one",
        )
    if target.read_only:
        yield Objection(
            "", "", f"alias {target.alias!r} is read-only; register it without read_only=True, or choose another"
        )
    if wishes.kind == "move" and source.read_only:
        yield Objection("", "", f"alias {source.alias!r} is read-only, so nothing can be moved away; copy() can")


def table_objections(lane: Lane, wishes: Wishes) -> list[Objection]:
    """Object to a table of either side."""
    sides = [lane.target] if wishes.kind == "copy" else [lane.target, lane.source]
    found = []
    for side in sides:
        reason = _unsafe(lane, side)
        if reason:
            found.append(Objection(lane.step.table, "", reason))
    return found


def _unsafe(lane: Lane, side: object) -> str:
    chosen = lane.target if side is lane.target else lane.source
    if chosen.live.kind != "table":
        return f"{chosen.live.name!r} on alias {chosen.database.alias!r} is a view"
    unsafe = getattr(chosen.database.backend, "unsafe_target", None)
    if unsafe is None:
        return ""
    with chosen.database.connect() as connection:
        reason = unsafe(connection, chosen.live.name, chosen.live.schema)
    return f"{chosen.where}: {reason}" if reason else ""
