"""What a commit looks at before it writes: columns without a value, rows that are referred to, and rows that refer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.changes.lookup import among
from multidb_explorer.changes.ordering import Need, marked, same_table
from multidb_explorer.changes.records import Delete, Insert, NewKey, Update, Values
from multidb_explorer.changes.showing import key_text, short
from multidb_explorer.changes.steps import Aimed
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import NotSupportedError, ProtectedRows, RowsRejected
from multidb_explorer.query.tables import table_to_write
from multidb_explorer.schema.catalog import Reference
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.writing.into import Points
from multidb_explorer.writing.rejecting import Rejection, Rule

__all__ = ["incomplete", "raise_rejected", "refuse_families", "refuse_protected", "rejection", "unmet"]


def rejection(aimed: Aimed, number: int | None, columns: Sequence[str], rule: Rule, message: str) -> Rejection:
    """Say why a change can't be written."""
    change = aimed.change
    key = {} if isinstance(change, Insert) else dict(change.key)
    if isinstance(change, Insert):
        key = {name: change.values[name] for name in aimed.place.key if name in change.values}
    given = change.values.get(columns[0]) if columns and isinstance(change, Insert | Update) else None
    kind = "NULL" if given is None else type(given).__name__
    return Rejection(number, key, ", ".join(columns), rule, message, kind)


def raise_rejected(alias: str, found: Sequence[Rejection], cause: BaseException | None = None) -> None:
    """Raise the error that lists rejections, if there are any."""
    if not found:
        return
    listed = "\n".join(f"  {one.message}" for one in found[:10])
    more = f"\n  and {len(found) - 10:,} more in .rejections" if len(found) > 10 else ""
    raise RowsRejected(
        f"Alias {alias!r} does not take these changes, so nothing was written:\n{listed}{more}", rejections=found
    ) from cause


# Before any SQL


def incomplete(changes: Sequence[Aimed]) -> list[Rejection]:
    """Find new rows without a value that they need, and references to rows that are staged no more."""
    tokens = {aimed.token for aimed in changes}
    found = []
    for number, aimed in enumerate(changes):
        values = {} if isinstance(aimed.change, Delete) else aimed.change.values
        where = aimed.place.into.where
        if isinstance(aimed.change, Insert):
            lacking = [
                slot.name for slot in aimed.place.into.slots if not slot.optional and values.get(slot.name) is None
            ]
            text = "Column {!r} of {} needs a value, and a new row has none for it."
            found += [rejection(aimed, number, [name], "missing", text.format(name, where)) for name in lacking]
        for name, value in values.items():
            if isinstance(value, NewKey) and value.token not in tokens:
                text = f"Column {name!r} of {where} refers to a new row of {value.table!r} that is staged no more."
                found.append(rejection(aimed, number, [name], "foreign_key", text))
    return found


def refuse_families(database: Database, changes: Sequence[Aimed]) -> None:
    """Refuse to delete rows together with those that they refer to, where the engine can't."""
    if database.backend.features.deletes_families:
        return
    going: dict[Any, list[Aimed]] = defaultdict(list)
    for aimed in changes:
        if isinstance(aimed.change, Delete):
            going[same_table(database, aimed.place.into.table)].append(aimed)
    values: dict[Points, set[Any]] = {}
    for aimed in changes:
        for points in aimed.place.into.points:
            parents = going.get(same_table(database, points.table), ())
            if not parents or not aimed.sets(points.columns) or isinstance(aimed.change, Insert):
                continue
            if points not in values:
                values[points] = {_seen(database, parent, points.target_columns) for parent in parents}
            if _refers(_seen(database, aimed, points.columns), values[points]):
                raise NotSupportedError(
                    f"{database.backend.title} can't delete rows and, in the same transaction, the rows that they "
                    f"referred to, so nothing was written. Commit the changes in {aimed.place.name!r} first, in a "
                    f"change set of their own.",
                    alias=database.alias,
                )


def _seen(database: Database, aimed: Aimed, columns: Sequence[str]) -> tuple[Any, ...] | None:
    old = aimed.old(columns)
    return None if old is None else marked(database, old)


def _refers(mine: tuple[Any, ...] | None, theirs: set[Any]) -> bool:
    """Tell whether a row refers, before the commit, to one of others; where that is not known it may."""
    return mine is None or (None not in mine and (None in theirs or mine in theirs))


# With the rows at hand


def unmet(
    database: Database, connection: Connection, needs: Iterable[Need], numbers: Mapping[int, int]
) -> list[Rejection]:
    """Find references to rows that are neither there nor staged, one statement a foreign key."""
    by_key: dict[Any, list[Need]] = defaultdict(list)
    for need in needs:
        by_key[id(need.points)].append(need)
    found = [
        _dangling(need, numbers[id(need.aimed)])
        for group in by_key.values()
        for missing in [_missing(database, connection, group)]
        for need in group
        if need.leaves or marked(database, need.values) in missing
    ]
    return sorted(found, key=lambda one: (one.row or 0, one.column))


def _missing(database: Database, connection: Connection, group: Sequence[Need]) -> set[Any]:
    """Give the values that no row of the table has."""
    points = group[0].points
    into = table_to_write(database, str(points.table.name), points.table.schema)
    rows = [dict(zip(points.target_columns, need.values, strict=True)) for need in group]
    wanted = {marked(database, row.values()): row for row in rows if not _waits(row)}
    columns = [into.table.c[name] for name in points.target_columns]
    found: set[Any] = set()
    for condition in among(into, points.target_columns, list(wanted.values())):
        found.update(
            marked(database, _exact(into, points.target_columns, row))
            for row in connection.execute(sa.select(*columns).where(condition))
        )
    return set(wanted) - found


def _waits(row: Values) -> bool:
    return any(isinstance(value, NewKey) for value in row.values())


def _exact(into: Any, names: Sequence[str], row: Sequence[Any]) -> list[Any]:
    """Give a key in its exact form: drivers have forms of their own."""
    backend = into.database.backend
    return [backend.to_column(value, into.by_name[name].kind) for name, value in zip(names, row, strict=True)]


def _dangling(need: Need, number: int) -> Rejection:
    columns, points = need.points.columns, need.points
    named = ", ".join(f"{name}={short(value)}" for name, value in zip(columns, need.values, strict=True))
    why = "which is staged for deletion" if need.leaves else "and there is none"
    text = f"{named} of {need.aimed.place.into.where} refers to a row of table {points.table.name!r}, {why}."
    return rejection(need.aimed, number, columns, "foreign_key", text)


def refuse_protected(
    database: Database, connection: Connection, changes: Sequence[Aimed], before: Mapping[int, Values]
) -> None:
    """Refuse to take rows away that others refer to, unless those are staged to go or turn away too.

    Raises
    ------
    ProtectedRows
        With the counts by table.
    """
    catalog = catalog_of(database)
    counts: Counter[str] = Counter()
    named: list[Aimed] = []
    by_table: dict[Any, list[Aimed]] = defaultdict(list)
    for aimed in changes:
        by_table[same_table(database, aimed.place.into.table)].append(aimed)
    for group in by_table.values():
        table = group[0].place.into.table
        for reference in catalog.references(str(table.name), table.schema):
            columns = reference.foreign_key.target_columns
            going = [a for a in group if not isinstance(a.change, Insert) and a.sets(columns) and id(a) in before]
            if going:
                left = _left_behind(database, connection, reference, [before[id(a)] for a in going], changes, before)
                counts.update({reference.table: left} if left > 0 else {})
                named += going if left > 0 else []
    if counts:
        raise _protected(database, named, counts)


def _left_behind(
    database: Database,
    connection: Connection,
    reference: Reference,
    parents: Sequence[Values],
    changes: Sequence[Aimed],
    before: Mapping[int, Values],
) -> int:
    """Count the rows that refer to some others, less those that are staged to stop doing so."""
    key = reference.foreign_key
    child = table_to_write(database, reference.table, reference.schema)
    values = [
        {mine: row[theirs] for mine, theirs in zip(key.columns, key.target_columns, strict=True)} for row in parents
    ]
    total = 0
    for condition in among(child, key.columns, [row for row in values if None not in row.values()]):
        total += int(connection.scalar(sa.select(sa.func.count()).select_from(child.table).where(condition)) or 0)
    wanted = {marked(database, row.values()) for row in values}
    mark = same_table(database, child.table)
    staged = (
        a
        for a in changes
        if not isinstance(a.change, Insert) and same_table(database, a.place.into.table) == mark and a.sets(key.columns)
    )
    return total - sum(marked(database, [before[id(a)][name] for name in key.columns]) in wanted for a in staged)


def _protected(database: Database, named: Sequence[Aimed], counts: Mapping[str, int]) -> ProtectedRows:
    first = named[0]
    key = key_text(first.change.key) if not isinstance(first.change, Insert) else ""
    others = f" and {len(named) - 1:,} more" if len(named) > 1 else ""
    listed = ", ".join(f"{count:,} of {table!r}" for table, count in counts.items())
    return ProtectedRows(
        f"Other rows refer to the row {key}{others} of {first.place.into.where}, so nothing was written: {listed}. "
        f"Stage those for deletion too, or let them refer to something else; nothing is deleted along silently.",
        alias=database.alias,
        table=first.place.name,
        counts=counts,
    )
