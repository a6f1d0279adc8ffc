"""Delete rows, after looking at what hangs on them, and at who a single one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import NotSupportedError, ProtectedRows, RowConflict, StaleRow
from multidb_explorer.models.loading import load
from multidb_explorer.models.restoring import restore_on_rollback
from multidb_explorer.models.saving import conflict
from multidb_explorer.models.target import Target
from multidb_explorer.query.updating import among, chosen_rows
from multidb_explorer.schema.catalog import Reference, TableSchema
from multidb_explorer.schema.graph import TableName, children_first
from multidb_explorer.schema.inspector import Catalog, catalog_of
from multidb_explorer.writing.statements import delete_rows, key_condition, keys_condition

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["delete", "delete_all"]

_CHANGES_CHILD = ("SET NULL", "SET DEFAULT")
_TAKES_CHILD = ("CASCADE", *_CHANGES_CHILD)
_CHUNK = 500

Row = Mapping[str, Any]


def delete(
    instance: Model, *, using: str, at_home: bool = False, cascade: bool = False, force: bool = False
) -> tuple[int, dict[str, int]]:
    """Delete an instance's row from an alias; `Model.delete` tells the rules.

    Parameters
    ----------
    at_home
        Whether nobody named the alias: then it is the instance's own, also where a router reads from another one.
    """
    if instance.pk is None:
        raise ValueError(f"{type(instance).__name__} has no key set, so there is no row to delete.")
    target = Target.of(type(instance), databases[using])
    elsewhere = not at_home and instance._state.db != using
    if elsewhere and not force:
        _refuse_same_database(instance, target)
        load(instance, instance.get_deferred_fields())
    key = target.key_of(instance)
    with target.database.atomic() as connection:
        row = target.row(key, lock=True)
        if row is None:
            return 0, {target.live.name: 0}
        if elsewhere and not force:
            _refuse_other_record(instance, target, key, row)
        deleted = _delete_with_dependents(connection, target, key_condition(target.table, key), cascade=cascade)
    if at_home or instance._state.db in (None, using):
        restore_on_rollback(instance, target.database, target.key)
        instance.pk = None
        instance._state.db, instance._state.adding = None, True
    return sum(deleted.values()), deleted


def delete_all(queryset: QuerySet[Any], model: type[Model], *, cascade: bool) -> tuple[int, dict[str, int]]:
    """Delete every row of a QuerySet; `QuerySet.delete` tells the rules."""
    database = databases[queryset.db]
    target = Target.of(model, database, keyed=False)
    deletion = _Deletion(queryset, target)
    with database.atomic() as connection:
        if deletion.alone(connection):
            gone = database.backend.matched(connection, deletion.statement)
            return gone, {target.live.name: gone} if gone else {}
        deleted = _delete_with_dependents(connection, target, deletion.condition, cascade=cascade)
    total = sum(deleted.values())
    return total, deleted if total else {}


class _Deletion:
    """The rows of a QuerySet that shall go."""

    def __init__(self, queryset: QuerySet[Any], target: Target) -> None:
        self.target = target
        self.references = catalog_of(target.database).references(target.live.name, target.live.schema)
        state, bound = queryset._state, queryset._source.bind(target.database)
        self.statement = sa.delete(bound.table).where(*chosen_rows(state, bound))
        if self.references:
            key = [target.table.c[target.columns[name].name] for name in bound.key]
            self.condition = among(state, bound, key)

    def alone(self, connection: Connection) -> bool:
        """Tell whether no other row refers to these, nor will before they are gone."""
        if any(each.foreign_key.on_delete in _TAKES_CHILD for each in self.references):
            # Only rows that are locked get no more children.
            return not self.references
        return not any(connection.execute(self._referring(each)).first() for each in self.references)

    def _referring(self, reference: Reference) -> sa.Select[Any]:
        key = reference.foreign_key
        child = catalog_of(self.target.database).core_table(reference.table, reference.schema)
        # The table may refer to itself.
        parent = sa.select(*(self.target.table.c[name] for name in key.target_columns)).where(self.condition).subquery()
        columns = [child.c[name] for name in key.columns]
        same = (columns[0] if len(columns) == 1 else sa.tuple_(*columns)).in_(sa.select(*parent.c))
        return sa.select(sa.literal_column("1")).select_from(child).where(same).limit(1)


def _refuse_same_database(instance: Model, target: Target) -> None:
    """Two aliases of one database: the row there is not a copy but the row itself."""
    own = instance._state.db
    if own is not None and own in databases and databases[own].fingerprint == target.database.fingerprint:
        alias = target.database.alias
        raise RowConflict(
            f"Aliases {own!r} and {alias!r} are the same database: deleting the row on {alias!r} would delete the only "
            f"copy. delete(using={own!r}) says that you mean it.",
            alias=alias,
            table=target.live.name,
        )


def _refuse_other_record(instance: Model, target: Target, key: dict[str, Any], row: Row) -> None:
    differences = {}
    for name, column in target.columns.items():
        if name in instance._values and not column.generated:
            mine = {name: target.exact(name, instance._values[name])}
            differences.update(target.differences(mine, row))
    if differences:
        raise conflict(target, key, differences, "delete(..., force=True) deletes it all the same.")


def _delete_with_dependents(
    connection: Connection, target: Target, condition: sa.ColumnElement[bool], *, cascade: bool
) -> dict[str, int]:
    catalog = catalog_of(target.database)
    found = _Dependents(catalog, connection)
    found.collect(target, condition)
    if found.total and not cascade:
        raise _protected(target, found)
    backend = target.database.backend
    if found.total and not backend.features.deletes_families:
        raise _can_not_cascade(target, found)
    counts = {target.live.name: 0}
    for table in children_first(catalog, found.rows):
        core = catalog.core_table(*table)
        if backend.features.deletes_families:
            _untie(connection, catalog, table, [key for level in found.rows[table] for key in level])
        # Rows found last hang on rows found first, so a tree inside one table goes leaves first.
        for level in reversed(found.rows[table]):
            gone = delete_rows(connection, backend, core, level)
            if gone != len(level):
                raise StaleRow(
                    f"Rows of {table[0]!r} changed while they were being deleted, so nothing was deleted. Try again."
                )
            counts[table[0]] = counts.get(table[0], 0) + gone
    return counts


def _untie(connection: Connection, catalog: Catalog, table: TableName, keys: Sequence[Row]) -> None:
    """Cut the references among rows of one table that go: some engines keep a row that refers to itself."""
    live, core = catalog.table(*table), catalog.core_table(*table)
    own = [key for key in live.foreign_keys if (key.target_table, key.target_schema or live.schema) == table]
    columns = [name for key in own for name in key.columns if live.column(name).nullable]
    if not columns:
        return
    for start in range(0, len(keys), _CHUNK):
        chosen = keys_condition(catalog.database.backend, core, keys[start : start + _CHUNK])
        connection.execute(sa.update(core).where(chosen).values(dict.fromkeys(columns, sa.null())))


def _can_not_cascade(target: Target, found: _Dependents) -> NotSupportedError:
    return NotSupportedError(
        f"{target.database.backend.title} can't delete rows and the rows that they refer to in one transaction, so "
        f"nothing was deleted. Delete the rows of {', '.join(map(repr, found.counts))} first, in calls of their own.",
        alias=target.database.alias,
    )


def _protected(target: Target, found: _Dependents) -> ProtectedRows:
    counts = dict(found.counts)
    listed = ", ".join(f"{count:,} of {table!r}" for table, count in counts.items())
    changed = f" ({', '.join(sorted(found.changed))} would only lose the reference)" if found.changed else ""
    what = "this row" if found.named == 1 else f"these {found.named:,} rows"
    return ProtectedRows(
        f"Deleting {what} from {target.where} would take other rows along: {listed}{changed}. Nothing was deleted. "
        f"delete(..., cascade=True) deletes them too; to keep them, copy or move them first.",
        alias=target.database.alias,
        table=target.live.name,
        counts=counts,
    )


@dataclass
class _Dependents:
    """The rows that hang on rows, found key by key, so that cycles end and nothing is counted twice.

    Attributes
    ----------
    rows
        Keys to delete by table, in levels: each level hangs on one before it.
    named
        How many rows there are to begin with.
    counts
        Dependent rows by table, also those that would only be changed.
    changed
        Tables whose rows would only lose their reference.
    """

    catalog: Catalog
    connection: Connection
    rows: dict[TableName, list[list[Row]]] = field(default_factory=dict)
    named: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    changed: set[str] = field(default_factory=set)
    _seen: dict[TableName, set[tuple[Any, ...]]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows there are besides those that were named."""
        return sum(self.counts.values())

    def collect(self, target: Target, condition: sa.ColumnElement[bool]) -> None:
        """Start at some rows and follow every reference to them."""
        table = (target.live.name, target.live.schema)
        start = self._select(target.live, condition, lock=True)
        self.named = len(start)
        self._keep(table, target.live, start)
        waiting = [(table, start)]
        while waiting:
            parent, parents = waiting.pop()
            waiting += [(child, rows) for child, rows in self._children(parent, parents) if rows]

    def _children(self, parent: TableName, parents: Sequence[Row]) -> Iterator[tuple[TableName, list[Row]]]:
        for reference in self.catalog.references(*parent):
            table = (reference.table, reference.schema)
            live = self.catalog.table(*table)
            rows = self._referring(reference, live, parents)
            if reference.foreign_key.on_delete in _CHANGES_CHILD:
                self._note_changed(live, self._unmet(table, live, rows))
                continue
            fresh = self._keep(table, live, rows)
            self.counts.update({live.name: len(fresh)} if fresh else {})
            yield table, fresh

    def _note_changed(self, live: TableSchema, rows: Sequence[Row]) -> None:
        if rows:
            self.counts[live.name] += len(rows)
            self.changed.add(live.name)

    def _referring(self, reference: Reference, live: TableSchema, parents: Sequence[Row]) -> list[Row]:
        key = reference.foreign_key
        child = self.catalog.core_table(live.name, live.schema)
        backend = self.catalog.database.backend
        found: list[Row] = []
        for start in range(0, len(parents), _CHUNK):
            some = parents[start : start + _CHUNK]
            if len(key.columns) == 1:
                condition = backend.member(child.c[key.columns[0]], [row[key.target_columns[0]] for row in some])
            else:
                pairs = [list(zip(key.columns, key.target_columns, strict=True))] * len(some)
                condition = sa.or_(
                    *(
                        sa.and_(*(child.c[mine] == row[theirs] for mine, theirs in pair))
                        for pair, row in zip(pairs, some, strict=True)
                    )
                )
            found += self._select(live, condition)
        return found

    def _select(self, live: TableSchema, condition: sa.ColumnElement[bool], *, lock: bool = False) -> list[Row]:
        """Read what identifies rows and what other tables refer to."""
        table = self.catalog.core_table(live.name, live.schema)
        referred = [
            name for r in self.catalog.references(live.name, live.schema) for name in r.foreign_key.target_columns
        ]
        names = list(dict.fromkeys([*_identity(live), *referred]))
        statement = sa.select(*(table.c[name] for name in names)).where(condition)
        if lock and self.catalog.database.backend.features.row_locks:
            statement = statement.with_for_update()
        rows = self.connection.execute(statement)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _keep(self, table: TableName, live: TableSchema, rows: Sequence[Row]) -> list[Row]:
        """Keep the rows that were not met before, as one level to delete."""
        identity = _identity(live)
        fresh = self._unmet(table, live, rows)
        self._seen.setdefault(table, set()).update(tuple(row[name] for name in identity) for row in fresh)
        if fresh:
            self.rows.setdefault(table, []).append([{name: row[name] for name in identity} for row in fresh])
        return fresh

    def _unmet(self, table: TableName, live: TableSchema, rows: Sequence[Row]) -> list[Row]:
        """Leave out the rows that go anyway, and those that are given twice."""
        identity, seen = _identity(live), self._seen.get(table, set())
        found = {tuple(row[name] for name in identity): row for row in rows}
        return [row for mark, row in found.items() if mark not in seen]


def _identity(live: TableSchema) -> tuple[str, ...]:
    """Name the columns that tell a row: its key, or all columns of a table without one."""
    return live.key or tuple(column.name for column in live.columns)
