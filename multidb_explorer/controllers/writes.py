"""The two writes of the explorer, each as a plan first: what will change is settled before the user is asked.

The keys of a plan are those of the rows that the user saw; carrying it out touches these rows and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multidb_explorer.connections.confirming import confirmed
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.transactions import atomic
from multidb_explorer.controllers.base import BadRequest, Message
from multidb_explorer.controllers.marks import alias_mark
from multidb_explorer.controllers.values import key_text
from multidb_explorer.display import phrase_rows
from multidb_explorer.errors import MultiDBError, ProtectedRows, ReadOnlyAlias, RowConflict, StaleRow
from multidb_explorer.query.queryset import QuerySet

__all__ = [
    "MOST_ROWS", "Done", "Plan", "Refused", "Way", "carry_out", "conflict_text", "differences_of", "make_plan",
    "protected_text", "value_text",
]  # fmt: skip

MOST_ROWS = 1000
_KEYS_SHOWN = 5
_DIFFERENCES_SHOWN = 6
_CHOICES: dict[str, dict[str, tuple[object, ...]]] = {
    "copy": {"on_conflict": ("error", "overwrite", "skip")},
    "delete": {"cascade": (False, True)},
}


@dataclass(frozen=True)
class Plan:
    """A write that waits for the user's word.

    Attributes
    ----------
    action
        ``copy`` or ``delete``.
    source, target
        Where the rows are read, and the alias that will change; for a delete they are the same.
    keys
        Of all rows that are meant.
    """

    action: str
    queryset: QuerySet[Any]
    target: str
    table: str
    key_name: str
    keys: tuple[Any, ...]

    @property
    def source(self) -> str:
        """The alias that the rows are read from."""
        return self.queryset.db

    @property
    def question(self) -> Message:
        """What the question to the user has to name."""
        target = databases[self.target]
        return {
            "action": self.action,
            "source": alias_mark(databases[self.source]),
            "target": alias_mark(target),
            "table": self.table,
            "rows": len(self.keys),
            "key_name": self.key_name,
            "keys": [key_text(key) for key in self.keys[:_KEYS_SHOWN]],
            "type_alias": target.confirm == "production",
        }


@dataclass(frozen=True)
class Way:
    """A second, explicit choice after a refusal."""

    label: str
    choices: Mapping[str, Any]
    danger: bool = True


@dataclass(frozen=True)
class Refused:
    """Why nothing was written, and the ways on.

    Attributes
    ----------
    differences
        Column, value here and value there, where a different row is in the way.
    heads
        What the two values of a difference are, where they are not those of two aliases.
    """

    message: str
    ways: tuple[Way, ...] = ()
    differences: tuple[tuple[str, str | None, str | None], ...] = ()
    heads: tuple[str, str] | None = None


@dataclass(frozen=True)
class Done:
    """What was written, in words for the status line."""

    text: str
    deleted: int = 0


def make_plan(action: str, queryset: QuerySet[Any], target: str, table: str, keys: list[Any]) -> Plan:
    """Settle what a write will be, and refuse at once what can't be.

    Raises
    ------
    ConnectionDoesNotExist, ReadOnlyAlias, KeyRequired
        Before any SQL.
    MultiDBError
        For no rows, too many, or a copy of a database onto itself.
    """
    key = queryset.key_required()
    database = databases[target]
    if database.read_only:
        raise ReadOnlyAlias.refused(target)
    if not keys:
        raise MultiDBError("No rows are selected.")
    if len(keys) > MOST_ROWS:
        raise MultiDBError(f"{len(keys):,} rows are selected; at most {MOST_ROWS:,} can be written at once from here.")
    if action == "copy":
        _refuse_same(queryset.db, target)
    elif target != queryset.db:
        raise BadRequest("Rows are deleted from the database that they are shown from.")
    return Plan(action, queryset, target, table, ", ".join(key), tuple(keys))


def _refuse_same(source: str, target: str) -> None:
    """Refuse to copy rows onto themselves: a delete after such a 'copy' would lose them."""
    if source == target or databases[source].fingerprint == databases[target].fingerprint:
        raise MultiDBError(f"{source!r} and {target!r} are the same database, so there is nothing to copy.")


def carry_out(plan: Plan, choices: Mapping[str, Any], typed: str) -> Done | Refused:
    """Write what was planned in one transaction, or nothing and say why.

    Parameters
    ----------
    plan
        What the user agreed to.
    choices
        ``on_conflict`` for a copy, ``cascade`` for a delete: what the user chose after a refusal.
    typed
        The alias as the user typed it, which production asks for.
    """
    given = _checked(plan.action, choices)
    if databases[plan.target].confirm == "production" and typed != plan.target:
        return Refused(f"{plan.target!r} is production: type its alias to go on.")
    try:
        with confirmed(plan.target):
            return _copy(plan, given) if plan.action == "copy" else _delete(plan, given)
    except RowConflict as error:
        return Refused(conflict_text(error), _conflict_ways(plan), differences_of(error))
    except ProtectedRows as error:
        return Refused(protected_text(error), (Way("Delete those rows too", {"cascade": True}),))
    except MultiDBError as error:
        return Refused(str(error))


def _checked(action: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    allowed = _CHOICES[action]
    for name, value in choices.items():
        if name not in allowed or value not in allowed[name]:
            raise BadRequest(f"{name}={value!r} is no choice here.")
    return dict(choices)


def _instances(plan: Plan) -> list[Any]:
    """Read the planned rows again; all of them must still be there."""
    rows: QuerySet[Any] = plan.queryset.filter(pk__in=list(plan.keys))
    found = {row.pk: row for row in rows}
    missing = [key for key in plan.keys if key not in found]
    if missing:
        raise StaleRow(
            f"{len(missing):,} of the {len(plan.keys):,} rows are no longer in {plan.table} on {plan.source!r} "
            f"(the first: {key_text(missing[0])}). Read the table again and select anew."
        )
    return [found[key] for key in plan.keys]


def _copy(plan: Plan, choices: dict[str, Any]) -> Done:
    rows = _instances(plan)
    with atomic(plan.target):
        for row in rows:
            row.save(using=plan.target, **choices)
    copied = sum(row._state.db == plan.target for row in rows)
    skipped = f", skipped {phrase_rows(len(rows) - copied)} that differ there" if copied < len(rows) else ""
    return Done(f"Copied {phrase_rows(copied)} of {plan.table} to {plan.target}{skipped}")


def _delete(plan: Plan, choices: dict[str, Any]) -> Done:
    rows = _instances(plan)
    total: dict[str, int] = {}
    with atomic(plan.target):
        for row in rows:
            for table, count in row.delete(using=plan.target, **choices)[1].items():
                total[table] = total.get(table, 0) + count
    own = total.pop(plan.table, 0)
    others = ", ".join(f"{phrase_rows(count)} of {table}" for table, count in total.items() if count)
    along = f", with {others}" if others else ""
    return Done(f"Deleted {phrase_rows(own)} of {plan.table} from {plan.target}{along}", own)


def _conflict_ways(plan: Plan) -> tuple[Way, ...]:
    if plan.action != "copy":
        return ()
    several = len(plan.keys) > 1
    skip = Way("Skip rows that differ" if several else "Leave it as it is", {"on_conflict": "skip"}, danger=False)
    return skip, Way("Overwrite rows there" if several else "Overwrite it", {"on_conflict": "overwrite"})


def conflict_text(error: RowConflict) -> str:
    """Say which other row is in the way; its columns that differ are listed apart."""
    if not error.differences:
        return str(error)
    key = ", ".join(f"{name} {key_text(value)}" for name, value in error.key.items())
    more = len(error.differences) - _DIFFERENCES_SHOWN
    rest = f" (and {more} more columns)" if more > 0 else ""
    return f"{error.table} on {error.alias!r} already has a different row with {key}{rest}:"


def differences_of(error: RowConflict) -> tuple[tuple[str, str | None, str | None], ...]:
    """Give column, value here and value there, for the first columns that differ."""
    pairs = list(error.differences.items())[:_DIFFERENCES_SHOWN]
    return tuple((name, value_text(ours), value_text(theirs)) for name, (ours, theirs) in pairs)


def value_text(value: object) -> str | None:
    """Write a value for a comparison; NULL is ``None``."""
    return None if value is None else key_text(value, 80)


def protected_text(error: ProtectedRows) -> str:
    """Say what depends on the row."""
    rows = ", ".join(f"{phrase_rows(count)} of {table}" for table, count in error.counts.items())
    return f"Rows of other tables depend on a row of {error.table} on {error.alias!r}: {rows}."
