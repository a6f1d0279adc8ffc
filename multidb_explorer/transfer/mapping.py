"""Which table and column of the target takes which of the source, and what may be lost between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from multidb_explorer.backends.moving import Keeps
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError
from multidb_explorer.schema.catalog import Column, TableSchema
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.transfer.proofs import NeedsCheck, Proof, proof
from multidb_explorer.transfer.records import Objection, Pair

__all__ = ["Mapped", "Target", "mapped", "refuse_unknown", "target_key", "unaccepted", "unknown_column"]


@dataclass(frozen=True)
class Target:
    """The table that takes the rows.

    Attributes
    ----------
    keeps
        What its columns do to values, as `Backend.keeps` tells.
    imagined
        Whether it is going to be made.
    """

    database: Database
    live: TableSchema
    keeps: Mapping[str, Keeps]
    imagined: bool = False


@dataclass(frozen=True)
class Mapped:
    """The columns of a table, paired.

    Attributes
    ----------
    objections
        Columns that have no counterpart.
    checks
        Looks at the values of columns whose types alone prove nothing, by the source's name.
    """

    pairs: tuple[Pair, ...]
    objections: tuple[Objection, ...]
    checks: Mapping[str, NeedsCheck]


def mapped(source: TableSchema, target: Target, columns: Mapping[str, str], accept: Iterable[str]) -> Mapped:
    """Pair the columns of two tables: by what was said, then by name, be it spelt otherwise.

    Parameters
    ----------
    columns
        The target's column for some of the source's.
    accept
        Columns, as ``column`` or ``table.column``, whose losses are accepted.

    Raises
    ------
    FieldError
        For a name in `columns` that a table does not have.
    """
    accepted, live = set(accept), target.live
    said = _checked(source, live, columns, target.database)
    taken = set(said.values())
    pairs: list[Pair] = []
    objections: list[Objection] = []
    checks: dict[str, NeedsCheck] = {}
    for column in source.columns:
        other = said.get(column.name) or _match(column.name, [c.name for c in live.columns if c.name not in taken])
        agreed = bool({column.name, f"{source.name}.{column.name}"} & accepted)
        if other is None:
            objections += _homeless(source, live, column, target.database, accepted=agreed)
            continue
        taken.add(other)
        found = live.column(other)
        if not found.generated:
            pair, check = _paired(column, found, target, accepted=agreed)
            pairs.append(pair)
            if check is not None:
                checks[column.name] = check
    objections += _lacking(source, live, {pair.target for pair in pairs}, target.database)
    return Mapped(tuple(pairs), tuple(objections), checks)


def _paired(column: Column, other: Column, target: Target, *, accepted: bool) -> tuple[Pair, NeedsCheck | None]:
    verdict = proof(column, other, target.database.backend, target.keeps.get(other.name))
    pair = Pair(column.name, other.name, column.kind, other.kind, accepted=accepted)
    if isinstance(verdict, Proof):
        return replace(pair, proof=str(verdict)), None
    return replace(pair, objection=str(verdict)), verdict if isinstance(verdict, NeedsCheck) else None


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


def refuse_unknown(names: Iterable[str], tables: Sequence[TableSchema], alias: str) -> None:
    """Refuse columns of the source that none of some tables has.

    Raises
    ------
    FieldError
        With near names.
    """
    for name in names:
        if all(_match(name, [column.name for column in table.columns]) is None for table in tables):
            raise unknown_column(name, tables, alias)


def unknown_column(name: str, tables: Sequence[TableSchema], alias: str) -> FieldError:
    """Make the error for a column that none of some tables has, with near names."""
    where = f"Table {tables[0].name!r} on alias {alias!r}" if len(tables) == 1 else f"Alias {alias!r}"
    spelt = "{0}.{1}" if "." in name else "{1}"
    known = dict.fromkeys(spelt.format(table.name, column.name) for table in tables for column in table.columns)
    return FieldError.unknown("column", name, where, known)


def unaccepted(names: Iterable[str], tables: Iterable[TableSchema]) -> list[str]:
    """Give those names that are no ``column`` or ``table.column`` of some tables."""
    known = {
        name for table in tables for column in table.columns for name in (column.name, f"{table.name}.{column.name}")
    }
    return [name for name in names if name not in known]


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
