"""Insert the rows of many instances, or update those that are there, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError, FieldValueError
from multidb_explorer.models.changing_rows import fields_behind
from multidb_explorer.models.inserting import Inserting, Row
from multidb_explorer.models.loading import load
from multidb_explorer.models.rejected import Refusing
from multidb_explorer.models.related import check_assigned, settle
from multidb_explorer.models.restoring import restore_on_rollback
from multidb_explorer.models.target import Target

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["Conflicts", "bulk_create", "upsert"]


@dataclass(frozen=True)
class Conflicts:
    """What ``bulk_create()`` was told to do with rows that are there already.

    Attributes
    ----------
    update_fields, unique_fields
        As they were given.
    """

    ignore: bool = False
    update: bool = False
    update_fields: Sequence[str] | None = None
    unique_fields: Sequence[str] | None = None

    def checked(self, target: Target, model: type[Model]) -> _Meeting:
        """Give the fields that are meant.

        Raises
        ------
        ValueError, FieldError
            For what does not go together, or can't be set.
        """
        alias = target.database.alias
        unique = [f for name in self.unique_fields or () for f in fields_behind(model, alias, name)]
        updated = [f for name in self.update_fields or () for f in fields_behind(model, alias, name)]
        if self.ignore and self.update:
            raise ValueError("ignore_conflicts and update_conflicts are mutually exclusive.")
        if self.ignore:
            return _Meeting(ignore=True)
        if not self.update:
            return _Meeting()
        if not updated:
            raise ValueError("Fields that will be updated when a row insertion fails on conflicts must be provided.")
        if not unique and target.database.backend.features.names_conflict_key:
            raise ValueError("Unique fields that can trigger the upsert must be provided.")
        if set(updated) & set(model._source.key):
            raise ValueError("bulk_create() cannot be used with primary keys in update_fields.")
        _require_settable(target, updated)
        return _Meeting(update=tuple(dict.fromkeys(updated)), unique=_unique_key(target, unique))


def _require_settable(target: Target, fields: Sequence[str]) -> None:
    settable = [name for name, column in target.columns.items() if not column.generated]
    for name in fields:
        if name not in settable:
            raise FieldError.unknown("column that can be set for", name, target.place, settable)


def _unique_key(target: Target, fields: Sequence[str]) -> tuple[str, ...]:
    """Check that fields are a unique key of the table.

    Raises
    ------
    FieldValueError
        With the keys that there are.
    """
    if not fields:
        return ()
    columns = {target.columns[name].name for name in fields if name in target.columns}
    keys = [key for key in (target.live.primary_key, *target.live.uniques) if key]
    if not any(columns == set(key) for key in keys):
        listed = "; ".join(", ".join(key) for key in dict.fromkeys(keys)) or "none"
        raise FieldValueError(
            f"({', '.join(fields)}) is no unique key of {target.where}, so it can't tell which rows exist. "
            f"Its unique keys: {listed}."
        )
    return tuple(dict.fromkeys(fields))


@dataclass(frozen=True)
class _Meeting:
    """What happens where a row is there already, by fields; by default that is an error.

    Attributes
    ----------
    unique
        The unique key that is meant; every one where it is empty.
    """

    ignore: bool = False
    update: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()


def bulk_create(
    model: type[Model], alias: str, objs: list[Model], batch_size: int | None, conflicts: Conflicts
) -> list[Model]:
    """Insert the rows of instances; `QuerySet.bulk_create` tells the rules."""
    if batch_size is not None and batch_size <= 0:
        raise ValueError("Batch size must be a positive integer.")
    if not objs:
        return objs
    target = Target.of(model, databases[alias], keyed=False)
    meeting = conflicts.checked(target, model)
    rows = _rows(target, model, objs, meeting.unique if meeting.update else ())
    inserting = Inserting(target, batch_size, ignore=meeting.ignore, unique=meeting.unique)
    with target.database.begin() as connection:
        inserting.run(connection, rows, meeting.update)
    if not meeting.ignore:
        _settle(rows, target, known=not meeting.update)
    return objs


def upsert(
    model: type[Model],
    alias: str,
    objs: Iterable[Model | Mapping[str, Any]],
    unique_fields: Sequence[str] | None,
    update_fields: Sequence[str] | None,
    batch_size: int | None,
) -> list[Model]:
    """Insert rows or update those that are there; `QuerySet.upsert` tells the rules."""
    if batch_size is not None and batch_size <= 0:
        raise ValueError("Batch size must be a positive integer.")
    found = [model(**each) if isinstance(each, Mapping) else each for each in objs]
    if not found:
        return found
    target = Target.of(model, databases[alias], keyed=not unique_fields)
    named = unique_fields or model._source.key
    unique = _unique_key(target, [f for name in named for f in fields_behind(model, alias, name)])
    asked = [f for name in update_fields or () for f in fields_behind(model, alias, name)]
    if set(asked) & set(model._source.key):
        raise ValueError("upsert() cannot be used with primary keys in update_fields.")
    _require_settable(target, asked)
    rows = _rows(target, model, found, unique)
    inserting = Inserting(target, batch_size, unique=unique)
    with target.database.begin() as connection:
        for updated, some in _by_fields(rows, {*unique, *model._source.key}, asked).items():
            inserting.run(connection, some, updated)
    _settle(rows, target, known=False)
    return found


def _by_fields(rows: Sequence[Row], key: set[str], asked: Sequence[str]) -> dict[tuple[str, ...], list[Row]]:
    """Sort rows by the fields that they set in a row that is there: those asked for, or all that they have."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        own = tuple(asked) or tuple(name for name in row.values if name not in key)
        groups.setdefault(own, []).append(row)
    return groups


# Rows


def _rows(target: Target, model: type[Model], objs: Sequence[Model], unique: Sequence[str]) -> list[Row]:
    """Check every row against the table.

    Parameters
    ----------
    unique
        The key that no two of the rows may share.

    Raises
    ------
    RowsRejected
        With one entry for each row that the table can't hold.
    """
    refusing = Refusing(target)
    alias = target.database.alias
    rows: list[Row] = []
    taken: dict[tuple[Any, ...], int] = {}
    for place, instance in enumerate(objs):
        if not isinstance(instance, model):
            raise TypeError(f"{model.__name__} takes instances of {model.__name__}, not {type(instance).__name__}.")
        if instance._state.deferred:
            # Another row than the one that was read gets all of its values.
            load(instance, instance.get_deferred_fields())
        check_assigned(instance, alias)
        with refusing.row(place, instance):
            given = target.values_of(instance)
            values = {f: value for f, value in given.items() if value is not None or f not in target.key}
            target.require_complete(values)
            mark = tuple(values.get(name) for name in unique)
            if unique and None not in mark and taken.setdefault(mark, place) != place:
                message = f"Row {taken[mark]} has the same {', '.join(unique)}: {', '.join(map(repr, mark))}."
                refusing.add(place, instance, ", ".join(unique), "unique", message)
            rows.append(Row(instance, values))
    refusing.refuse()
    return rows


def _settle(rows: Iterable[Row], target: Target, *, known: bool) -> None:
    """Tell instances what the database made of them, now that their rows are there.

    Parameters
    ----------
    known
        Whether what was left out of a row is NULL where it has no default; the row may have been there before.
    """
    alias = target.database.alias
    for row in rows:
        instance = row.instance
        left = [name for name in target.columns if name not in row.values and name not in target.key]
        unread = frozenset(name for name in left if target.columns[name].made_by_server or not known)
        restore_on_rollback(instance, target.database, [*row.made, *unread])
        instance._values.update(row.made)
        for name in unread:
            instance._values.pop(name, None)
        # What the database filled in is read when it is asked for.
        instance._state.deferred = unread
        instance._state.db, instance._state.adding = alias, False
        settle(instance, alias)
