"""What the user asked for, as one frozen value; an edited plan is a plan of other wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from multidb_explorer.errors import FieldValueError, whole_number
from multidb_explorer.transfer.records import TableName
from multidb_explorer.transfer.roots import Roots

__all__ = ["POLICIES", "Wishes"]

POLICIES = ("error", "skip", "overwrite", "newkey")


@dataclass(frozen=True)
class Wishes:
    """All options of a copy or move.

    Attributes
    ----------
    without
        Tables that were taken out of the plan.
    policies, mapped
        What was said for single tables: conflicts and columns.
    """

    kind: str
    roots: Roots
    to: str
    related: str | tuple[str, ...] = "none"
    on_conflict: str = "error"
    columns: Mapping[str, str] = field(default_factory=dict)
    create: bool = False
    batch_rows: int = 50_000
    accept: tuple[str, ...] = ()
    mode: str | None = None
    limit: int | None = None
    without: tuple[TableName, ...] = ()
    policies: Mapping[TableName, str] = field(default_factory=dict)
    mapped: Mapping[TableName, Mapping[str, str]] = field(default_factory=dict)

    @property
    def said(self) -> tuple[object, ...]:
        """All of it as plain values, but for where the rows come from: what is said again means the same transfer."""
        policies, mapped = sorted(self.policies.items(), key=str), sorted(self.mapped.items(), key=str)
        lists = [sorted(self.columns.items()), sorted(self.accept), sorted(self.without, key=str), policies, mapped]
        return self.kind, self.to, self.related, self.on_conflict, self.mode, str(lists)

    def __post_init__(self) -> None:
        for policy in (self.on_conflict, *self.policies.values()):
            if policy not in POLICIES:
                known = ", ".join(map(repr, POLICIES))
                raise FieldValueError(f"on_conflict is one of {known}, not {policy!r}.")
            if policy == "overwrite" and self.kind == "move":
                raise FieldValueError(
                    "A move never overwrites rows of the target: choose on_conflict='error', 'skip' or 'newkey', or "
                    "copy() them with 'overwrite' first."
                )
        whole_number("batch_size", self.batch_rows)
        if self.limit is not None:
            whole_number("limit", self.limit)
