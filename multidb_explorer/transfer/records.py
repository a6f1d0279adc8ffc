"""What a plan is made of: tables, columns, reasons and objections, as frozen records."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from multidb_explorer.backends.kinds import Kind

__all__ = ["Clashes", "Kept", "Objection", "Pair", "Step", "TableName", "Way", "digest_of"]

TableName = tuple[str, str | None]
"""A table's name and schema."""


@dataclass(frozen=True)
class Objection:
    """Why a transfer is refused.

    Attributes
    ----------
    table
        The table of the source; empty where the databases themselves are meant.
    column
        The column of the source, or empty.
    reason
        A sentence that says what would be lost and what to do.
    acceptable
        Whether it may be accepted by name: ``accept=["column"]``.
    accepted
        Whether it was.
    """

    table: str
    column: str
    reason: str
    acceptable: bool = False
    accepted: bool = False

    @property
    def stands(self) -> bool:
        """Whether it keeps the transfer from running."""
        return not self.accepted

    @property
    def name(self) -> str:
        """What it is accepted by."""
        return f"{self.table}.{self.column}" if self.column else self.table


@dataclass(frozen=True)
class Pair:
    """A column, and the one that takes its values.

    Attributes
    ----------
    proof
        Why nothing is lost, or empty.
    objection
        What may be lost, or empty.
    accepted
        Whether the loss was accepted by name.
    """

    source: str
    target: str
    source_kind: Kind
    target_kind: Kind
    proof: str = ""
    objection: str = ""
    accepted: bool = False

    @property
    def lossy(self) -> bool:
        """Whether values may change on their way, since the user said so."""
        return bool(self.objection) and self.accepted


@dataclass(frozen=True)
class Way:
    """Why rows are taken: the path from the root, with how many came by it."""

    path: str
    rows: int


@dataclass(frozen=True)
class Kept:
    """Rows that are copied but stay in the source as well."""

    rows: int
    reason: str


@dataclass(frozen=True)
class Clashes:
    """Rows that meet other rows of the target under one of its unique keys.

    Attributes
    ----------
    key
        The columns of the target.
    rows
        How many.
    examples
        Some of the values.
    """

    key: tuple[str, ...]
    rows: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """The rows of one table.

    Attributes
    ----------
    table, schema, target, target_schema
        Where they are, and where they go.
    key, target_key
        By which columns rows are found, on either side.
    pairs
        Which column takes which.
    rows
        How many.
    ways
        Why they are taken.
    leaves
        Whether rows of it leave the source, in a move.
    kept
        Those that stay all the same.
    policy
        What happens to a row that meets another one: ``error``, ``skip``, ``overwrite`` or ``newkey``.
    clashes
        Which rows do.
    there
        How many are in the target already, with the same values.
    patched
        Columns of the target that are NULL until all tables have their rows, since tables refer to each other.
    created
        Whether the table is made.
    bytes
        About how much is moved.
    """

    table: str
    target: str
    key: tuple[str, ...]
    target_key: tuple[str, ...]
    pairs: tuple[Pair, ...]
    schema: str | None = None
    target_schema: str | None = None
    rows: int = 0
    ways: tuple[Way, ...] = ()
    leaves: bool = False
    kept: tuple[Kept, ...] = ()
    policy: str = "error"
    clashes: tuple[Clashes, ...] = ()
    there: int = 0
    patched: tuple[str, ...] = ()
    created: bool = False
    bytes: int = 0
    objections: tuple[Objection, ...] = field(default=())

    @property
    def name(self) -> TableName:
        """The table of the source."""
        return self.table, self.schema

    @property
    def conflicts(self) -> int:
        """How many rows meet another one."""
        return sum(clash.rows for clash in self.clashes)

    @property
    def leaving(self) -> int:
        """How many rows leave the source in a move."""
        return self.rows - sum(kept.rows for kept in self.kept) if self.leaves else 0


def digest_of(*parts: Any) -> str:
    """Give 32 hexadecimal digits that stand for some plain values.

    Examples
    --------
    >>> digest_of("a", ["b"]) == digest_of("a", ["b"])
    True
    """
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
