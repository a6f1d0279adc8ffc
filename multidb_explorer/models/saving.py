"""Save one row: update what is there, insert what is not, and overwrite nothing of another database by surprise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError, KeyRequired, RowConflict, StaleRow
from multidb_explorer.models.loading import load
from multidb_explorer.models.related import check_assigned, settle
from multidb_explorer.models.restoring import restore_on_rollback
from multidb_explorer.models.target import Target
from multidb_explorer.writing.statements import insert_row, update_row

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["conflict", "save"]

_POLICIES = ("error", "overwrite", "skip")


def save(
    instance: Model,
    *,
    using: str,
    at_home: bool = False,
    force_insert: bool = False,
    force_update: bool = False,
    update_fields: Sequence[str] | None = None,
    on_conflict: str = "error",
) -> None:
    """Save an instance to an alias; `Model.save` tells the rules.

    Parameters
    ----------
    at_home
        Whether nobody named the alias: then it is the instance's own, also where a router reads from another one.
    """
    _check(instance, force_insert, force_update, update_fields, on_conflict)
    if update_fields is not None and not update_fields:
        return
    missing = instance.get_deferred_fields()
    if missing and not at_home and instance._state.db != using:
        # Another database gets the whole row.
        load(instance, missing)
    check_assigned(instance, using)
    target = Target.of(type(instance), databases[using])
    values = target.values_of(instance)
    foreign = not at_home and instance._state.db not in (None, using)
    saving = _Saving(instance, target, values, tuple(update_fields or ()), on_conflict, foreign=foreign)
    with target.database.atomic() as connection:
        partly = bool(instance.get_deferred_fields()) and not force_insert
        made = saving.run(connection, force_insert=force_insert, force_update=force_update or partly)
    if made is not None:
        restore_on_rollback(instance, target.database, made)
        instance._values.update(made)
        instance._state.db, instance._state.adding = using, False
        settle(instance, using)


def _check(
    instance: Model, force_insert: bool, force_update: bool, update_fields: Sequence[str] | None, on_conflict: str
) -> None:
    if on_conflict not in _POLICIES:
        raise ValueError(f"on_conflict is one of {', '.join(map(repr, _POLICIES))}, not {on_conflict!r}.")
    if force_insert and (force_update or update_fields):
        raise ValueError("force_insert can't be combined with force_update or update_fields.")
    if (force_update or update_fields) and instance.pk is None:
        raise ValueError("A row without a key can't be updated; set pk first.")
    for name in update_fields or ():
        if name not in instance._source.names:
            raise FieldError.unknown("field", name, type(instance).__name__, instance._source.names)
        if name in instance._source.key:
            raise ValueError(f"{name!r} is part of the key and can't be updated.")


class _Saving:
    """One save, step by step, inside its transaction."""

    def __init__(
        self,
        instance: Model,
        target: Target,
        values: dict[str, Any],
        only: tuple[str, ...],
        on_conflict: str,
        *,
        foreign: bool,
    ) -> None:
        self.instance = instance
        self.target = target
        self.values = values
        self.only = only
        self.on_conflict = on_conflict
        self.foreign = foreign

    def run(self, connection: Connection, *, force_insert: bool, force_update: bool) -> dict[str, Any] | None:
        """Write the row; give what the database made of it by field, or ``None`` where the save was skipped."""
        if self.instance.pk is None or force_insert:
            return self._insert(connection)
        must_exist = force_update or bool(self.only)
        if self.foreign:
            return self._meet(connection, must_exist=must_exist)
        if self._update(connection):
            return self._read_back()
        return self._absent(connection, must_exist=must_exist)

    def _meet(self, connection: Connection, *, must_exist: bool) -> dict[str, Any] | None:
        """Save to another database than the row's own: look at what lives under its key first."""
        target = self.target
        key = target.key_of(self.instance)
        there = target.row(key, lock=True)
        if there is None:
            return self._absent(connection, must_exist=must_exist)
        differences = target.differences(self.values, there, leave_out=self.only)
        if differences and self.on_conflict == "skip":
            return None
        if differences and self.on_conflict == "error":
            raise conflict(
                target, key, differences, "save(..., on_conflict='overwrite') replaces it, 'skip' leaves it."
            )
        if differences or self.only:
            self._update(connection)
        return self._read_back()

    def _absent(self, connection: Connection, *, must_exist: bool) -> dict[str, Any]:
        if must_exist:
            key = ", ".join(f"{name}={value!r}" for name, value in self.target.key_of(self.instance).items())
            raise StaleRow(f"{self.target.place} has no row with {key}, so there is nothing to update.")
        return self._insert(connection)

    def _update(self, connection: Connection) -> bool:
        target = self.target
        chosen = {
            target.columns[field].name: value
            for field, value in self.values.items()
            if field not in target.key and (not self.only or field in self.only)
        }
        if not target.database.backend.features.updates_indexed_columns:
            chosen = self._changed(chosen)
        matched = update_row(connection, target.database.backend, target.table, target.key_of(self.instance), chosen)
        if matched > 1:
            raise KeyRequired(
                f"The key ({', '.join(target.key)}) is not unique in {target.where}: {matched} rows have it. "
                f"Nothing was written."
            )
        return matched == 1

    def _changed(self, values: dict[str, Any]) -> dict[str, Any]:
        """Leave out what the row holds already, for engines that refuse to set it again."""
        row = self.target.row(self.target.key_of(self.instance))
        changed = self.target.differences(self.values, row) if row is not None else values
        return {column: value for column, value in values.items() if column in changed}

    def _insert(self, connection: Connection) -> dict[str, Any]:
        target = self.target
        given = {field: value for field, value in self.values.items() if value is not None or field not in target.key}
        target.require_complete(given)
        key_columns = [target.columns[name].name for name in target.key]
        values = {target.columns[field].name: value for field, value in given.items()}
        made = insert_row(connection, target.database.backend, target.table, values, key_columns)
        key = {name: target.exact(field, made[name]) for field, name in zip(target.key, key_columns, strict=True)}
        if all(field in given or field in target.key for field in target.columns):
            return dict(zip(target.key, key.values(), strict=True))
        return self._row(key)

    def _read_back(self) -> dict[str, Any]:
        """Read what the database computes; everything else it was told."""
        computed = [field for field, column in self.target.columns.items() if column.generated]
        if not computed:
            return {}
        row = self._row(self.target.key_of(self.instance))
        return {field: row[field] for field in computed}

    def _row(self, key: dict[str, Any]) -> dict[str, Any]:
        row = self.target.row(key)
        if row is None:
            raise StaleRow(f"The row just written to {self.target.where} is not there (a trigger?), so it was undone.")
        return row


def conflict(target: Target, key: dict[str, Any], differences: dict[str, tuple[Any, Any]], hint: str) -> RowConflict:
    """Say that a different row lives under the key, and how the two differ."""
    shown = [
        f"  {column}: yours {_short(ours)}, there {_short(theirs)}" for column, (ours, theirs) in differences.items()
    ]
    named = ", ".join(f"{name}={value!r}" for name, value in key.items())
    more = f"\n  and {len(shown) - 10} more columns" if len(shown) > 10 else ""
    return RowConflict(
        f"{target.place} has a different row with {named}, so nothing was written:\n"
        + "\n".join(shown[:10])
        + f"{more}\n{hint}",
        alias=target.database.alias,
        table=target.live.name,
        key=key,
        differences=differences,
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
