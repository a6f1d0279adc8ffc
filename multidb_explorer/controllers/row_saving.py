"""The two writes of a form: one row saved to a database or deleted from it, or why not and the ways on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidb_explorer.backends.values import same
from multidb_explorer.connections.confirming import confirmed
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.transactions import atomic
from multidb_explorer.controllers.base import BadRequest, Message
from multidb_explorer.controllers.fields import DEFAULT
from multidb_explorer.controllers.marks import alias_mark
from multidb_explorer.controllers.typed_values import reason_of
from multidb_explorer.controllers.values import key_text
from multidb_explorer.controllers.writes import (
    Done,
    Refused,
    Way,
    conflict_text,
    differences_of,
    protected_text,
    value_text,
)
from multidb_explorer.display import phrase_rows
from multidb_explorer.errors import MultiDBError, ProtectedRows, RowConflict, ValueNotRepresentable
from multidb_explorer.models import Model
from multidb_explorer.query.queryset import QuerySet

__all__ = ["RefusedField", "checked_choices", "delete_row", "question", "save_row"]

_CHOICES: dict[str, dict[str, tuple[object, ...]]] = {
    "save": {"on_conflict": ("error", "overwrite", "skip", "theirs")},
    "delete": {"cascade": (False, True), "force": (False, True)},
}


class RefusedField(Exception):
    """A value that the target can't take, to be shown beside its field."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def checked_choices(action: str, given: object) -> dict[str, Any]:
    """Take the choices of a message that there are."""
    choices = given if isinstance(given, dict) else {}
    for name, value in choices.items():
        if value not in _CHOICES[action].get(name, ()):
            raise BadRequest(f"{name}={value!r} is no choice here.")
    return choices


def question(action: str, instance: Model, source: str, target: str) -> Message:
    """Say what the question to the user has to name, and whether there is one at all.

    A save to an alias that asks nothing is meant by pressing its button; a delete always asks.
    """
    aimed, key = databases[target], instance._source.key
    return {
        "action": action,
        "source": alias_mark(databases[source]),
        "target": alias_mark(aimed),
        "table": type(instance)._source.bind(databases[source]).table.name,
        "rows": 1,
        "key_name": ", ".join(key) or "key",
        "keys": ["new" if instance.pk is None else key_text(instance.pk)],
        "type_alias": aimed.confirm == "production",
        "ask": action == "delete" or aimed.confirm != "never",
    }


def save_row(instance: Model, target: str, values: Mapping[str, Any], choices: Mapping[str, Any]) -> Done | Refused:
    """Save a row with new values; refused, it is as it was.

    Parameters
    ----------
    values
        By field; one that is ``DEFAULT`` is left to the database.

    Raises
    ------
    RefusedField
        For a value that the target can't hold.
    """
    before, table = dict(instance._values), _table(instance, target)
    elsewhere = instance._state.db not in (None, target)
    try:
        with confirmed(target), atomic(target):
            if choices.get("on_conflict", "error") == "error":
                _refuse_changed(instance, target, values)
            _take(instance, values)
            only = _only_changed(instance, target, values)
            instance.save(using=target, **only, **choices)
            if only:
                # What others wrote into the fields that were not edited stands there too.
                instance.refresh_from_db(target)
    except _ChangedError as error:
        return Refused(str(error), error.ways, error.differences, ("mine", "theirs, there now"))
    except RowConflict as error:
        instance._values = before
        ways = (
            Way("Leave it as it is", {"on_conflict": "skip"}, danger=False),
            Way("Overwrite it", {"on_conflict": "overwrite"}),
        )
        return Refused(conflict_text(error), ways if error.differences else (), differences_of(error))
    except ValueNotRepresentable as error:
        instance._values = before
        raise RefusedField(error.column, reason_of(error)) from None
    except MultiDBError as error:
        instance._values = before
        return Refused(str(error))
    except BaseException:
        instance._values = before
        raise
    if instance._state.db != target:
        instance._values = before
        return Done(f"{target} keeps its own row of {table}; nothing was written")
    return Done(f"Saved this row of {table} to {target}" if elsewhere else f"Saved to {target}")


class _ChangedError(Exception):
    """Somebody else changed what was edited here."""

    ways = (
        Way("Take theirs", {"on_conflict": "theirs"}, danger=False),
        Way("Write mine over it", {"on_conflict": "overwrite"}),
    )

    def __init__(self, message: str, differences: tuple[tuple[str, str | None, str | None], ...]) -> None:
        super().__init__(message)
        self.differences = differences


def _refuse_changed(instance: Model, target: str, values: Mapping[str, Any]) -> None:
    """Look at a row in its own database again: what was edited must still be what the form showed."""
    if not _only_changed(instance, target, values):
        return
    rows: QuerySet[Any] = QuerySet(instance._source).using(target)
    kinds = {field.name: field.kind for field in rows.fields}
    now: dict[str, Any] | None = rows.filter(pk=instance.pk).values(*values).first()
    if now is None:
        return
    moved = [
        name
        for name, mine in values.items()
        if not same(now[name], instance._values.get(name), kinds[name]) and not same(now[name], mine, kinds[name])
    ]
    if moved:
        text = f"Somebody else changed this row on {target!r} since it was read here:"
        raise _ChangedError(text, tuple((name, value_text(values[name]), value_text(now[name])) for name in moved))


def _take(instance: Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if value is DEFAULT:
            instance._values.pop(name, None)
        else:
            instance._values[name] = value


def _only_changed(instance: Model, target: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Name the fields to write: of a row in its own database only those that were edited."""
    if instance._state.adding or instance._state.db != target or not values:
        return {}
    return {"update_fields": tuple(values)}


def delete_row(instance: Model, target: str, choices: Mapping[str, Any]) -> Done | Refused:
    """Delete a row from a database, after looking at who it is there and at what hangs on it."""
    table = _table(instance, target)
    try:
        with confirmed(target):
            total, counts = instance.delete(using=target, **choices)
    except RowConflict as error:
        ways = (Way("Delete it all the same", {**choices, "force": True}),) if error.differences else ()
        return Refused(conflict_text(error), ways, differences_of(error))
    except ProtectedRows as error:
        return Refused(protected_text(error), (Way("Delete those rows too", {**choices, "cascade": True}),))
    except MultiDBError as error:
        return Refused(str(error))
    if not total:
        return Done(f"{target} had no such row of {table}")
    others = ", ".join(f"{phrase_rows(count)} of {name}" for name, count in counts.items() if count and name != table)
    along = f", with {others}" if others else ""
    return Done(f"Deleted this row of {table} from {target}{along}", total)


def _table(instance: Model, target: str) -> str:
    return type(instance)._source.live(databases[target]).name
