"""Which table and column of the target takes which of the source, and what may be lost between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError
from multidb_explorer.schema.catalog import Column, TableSchema
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.transfer.records import Objection, Pair

__all__ = ["Mapped", "mapped", "target_key"]


@dataclass(frozen=True)
class Mapped:
    """The columns of a table, paired.

    Attributes
    ----------
    objections
        Columns that have no counterpart.
    """

    pairs: tuple[Pair, ...]
    objections: tuple[Objection, ...]


def mapped(
    source: TableSchema, target: TableSchema, database: Database, columns: Mapping[str, str], accept: Iterable[str]
) -> Mapped:
    """Pair the columns of two tables: by what was said, then by name, be it spelt otherwise.

    Parameters
    ----------
    database
        The target.
    columns
        The target's column for some of the source's.
    accept
        Columns, as ``column`` or ``table.column``, whose losses are accepted.

    Raises
    ------
    FieldError
        For a name in `columns` that a table does not have.
    """
    accepted = set(accept)
    said = _checked(source, target, columns, database)
    pairs: list[Pair] = []
    objections: list[Objection] = []
    taken = set(said.values())
    for column in source.columns:
        other = said.get(column.name) or _match(column.name, [c.name for c in target.columns if c.name not in taken])
        found = None if other is None else target.column(other)
        agreed = {column.name, f"{source.name}.{column.name}"} & accepted
        if found is None:
            objections += _homeless(source, target, column, database, accepted=bool(agreed))
            continue
        taken.add(found.name)
        if found.generated:
            continue
        pairs.append(_paired(column, found, accepted=bool(agreed)))
    objections += _lacking(source, target, {pair.target for pair in pairs}, database)
    return Mapped(tuple(pairs), tuple(objections))


def _paired(column: Column, other: Column, *, accepted: bool) -> Pair:
    pair = Pair(column.name, other.name, column.kind, other.kind, accepted=accepted)
    if column.kind == other.kind:
        return replace(pair, proof=f"{column.kind} on both sides")
    # What types alone do not prove, the values may.
    return replace(pair, objection=f"{column.kind} may not fit {other.kind}")


def _checked(
    source: TableSchema, target: TableSchema, columns: Mapping[str, str], database: Database
) -> dict[str, str]:
    """Look the names up that were said; those of other tables are left out."""
    found = {}
    for name, other in columns.items():
        mine = _match(name, [column.name for column in source.columns])
        if mine is None:
            continue
        theirs = _match(other, [column.name for column in target.columns])
        if theirs is None:
            where = f"Table {target.name!r} on alias {database.alias!r}"
            raise FieldError.unknown("column", other, where, [column.name for column in target.columns])
        found[mine] = theirs
    return found


def _match(name: str, names: Sequence[str]) -> str | None:
    try:
        return match(name, names)
    except Ambiguous:
        return None


def _homeless(
    source: TableSchema, target: TableSchema, column: Column, database: Database, *, accepted: bool
) -> list[Objection]:
    if column.generated:
        # The database worked it out from the other columns.
        return []
    text = (
        f"table {target.name!r} on alias {database.alias!r} has no column for {column.name!r}: name one with "
        f"columns={{{column.name!r}: ...}}, or leave it behind with accept=[{column.name!r}]"
    )
    return [Objection(source.name, column.name, text, acceptable=True, accepted=accepted)]


def _lacking(source: TableSchema, target: TableSchema, given: set[str], database: Database) -> list[Objection]:
    found = []
    for column in target.columns:
        if column.name not in given and not column.nullable and not column.made_by_server:
            text = (
                f"column {column.name!r} of table {target.name!r} on alias {database.alias!r} needs a value, and no "
                f"column of {source.name!r} gives one"
            )
            found.append(Objection(source.name, "", text))
    return found


def target_key(source_key: Sequence[str], target: TableSchema, pairs: Iterable[Pair]) -> tuple[tuple[str, ...], str]:
    """Give the columns by which rows are found in the target, or why they can't be."""
    names = {pair.source: pair.target for pair in pairs}
    found = tuple(names.get(name, "") for name in source_key)
    keys = [set(key) for key in (target.primary_key, *target.uniques) if key]
    if all(found) and any(key <= set(found) for key in keys):
        return found, ""
    listed = ", ".join(source_key)
    return found, (
        f"the key ({listed}) of the source is no key of table {target.name!r} of the target, so nobody could tell "
        f"there which row is which"
    )
