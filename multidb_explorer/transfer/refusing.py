"""What keeps a transfer from being run, found before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from multidb_explorer.connections.database import Database
from multidb_explorer.transfer.carrying import Lane
from multidb_explorer.transfer.records import Objection, TableName
from multidb_explorer.transfer.together import MODES, refusal

if TYPE_CHECKING:
    from multidb_explorer.transfer.wishes import Wishes

__all__ = ["database_objections", "hidden", "notes_of", "table_objections", "written"]


def written(kind: str, source: Database, target: Database) -> list[Database]:
    """Give the databases that a transfer writes to."""
    return [target, source] if kind == "move" else [target]


def database_objections(source: Database, target: Database, wishes: Wishes) -> list[Objection]:
    """Object to the databases as such."""
    return list(_databases(source, target, wishes))


def _databases(source: Database, target: Database, wishes: Wishes) -> Iterator[Objection]:
    if target.read_only:
        text = f"alias {target.alias!r} is read-only; register it without read_only=True, or choose another"
        yield Objection("", "", text)
    if wishes.kind == "move" and source.read_only:
        yield Objection("", "", f"alias {source.alias!r} is read-only, so nothing can be moved away; copy() can")
    if _is_same(source, wishes.roots.table[1], target, target.schema):
        yield Objection(
            "",
            "",
            f"aliases {source.alias!r} and {target.alias!r} are the same database: a row that is copied there is the "
            f"row itself, and to delete it would delete the only one",
        )
    else:
        yield from _mode(source, target, wishes)


def _is_same(source: Database, source_schema: str | None, target: Database, target_schema: str | None) -> bool:
    """Tell whether two aliases, and schemas of them, are one place."""
    return source.fingerprint == target.fingerprint and _place(source, source_schema) == _place(target, target_schema)


def _place(database: Database, schema: str | None) -> str | None:
    return schema or database.schema or database.engine.dialect.default_schema_name


def _mode(source: Database, target: Database, wishes: Wishes) -> Iterator[Objection]:
    mode = wishes.mode
    if mode is None or mode == MODES[0]:
        return
    if mode not in MODES:
        yield Objection("", "", f"mode is one of {', '.join(map(repr, MODES))}, not {mode!r}")
    elif wishes.kind == "copy":
        yield Objection("", "", f"mode {mode!r} joins a copy with its delete, and a copy() deletes nothing")
    elif reason := refusal(mode, source, target, wishes.roots.table[1]):
        yield Objection("", "", f"mode {mode!r} is not possible: {reason}")


def notes_of(source: Database, target: Database, wishes: Wishes) -> Iterator[str]:
    """Give what is worth knowing of the databases, and keeps nothing from being run."""
    for database in dict.fromkeys(written(wishes.kind, source, target)):
        with database.connect() as connection:
            reason = database.backend.forgets(connection)
        if reason:
            yield f"alias {database.alias!r}: {reason}"


def hidden(lane: Lane, referring: Iterable[TableName]) -> Iterator[tuple[TableName, str]]:
    """Tell of which of the source's tables, its own and those whose rows refer to it, this user does not see all rows.

    Parameters
    ----------
    referring
        The tables whose rows refer to it.
    """
    source = lane.source
    with source.database.connect() as connection:
        for name in dict.fromkeys([lane.step.name, *referring]):
            if reason := source.database.backend.hides_rows(connection, *name):
                yield name, reason


def table_objections(lane: Lane, wishes: Wishes) -> list[Objection]:
    """Object to the table that takes the rows: what is moved must be as safe there as it was."""
    live, database = lane.target.live, lane.target.database
    if live.kind != "table":
        return [Objection(lane.step.table, "", f"{live.name!r} on alias {database.alias!r} is a view")]
    source = lane.source
    if source.live.name == live.name and _is_same(source.database, source.live.schema, database, live.schema):
        return [Objection(lane.step.table, "", f"{source.where} and {lane.target.where} are the same table")]
    if wishes.kind == "copy":
        return []
    with database.connect() as connection:
        reason = database.backend.unsafe_target(connection, live.name, live.schema)
    return (
        [Objection(lane.step.table, "", f"{lane.target.where} is no safe place: {reason}; copy() can")]
        if reason
        else []
    )
