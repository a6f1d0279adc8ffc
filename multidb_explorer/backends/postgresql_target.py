"""What the server's catalog says of a table that is about to be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.backends.postgresql_encoding import Encoder, encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidb_explorer.backends.columns import ResultColumn
    from multidb_explorer.backends.kinds import Kind
    from multidb_explorer.backends.loaders import Load

__all__ = ["Target", "command", "target"]

_WIDEST_DECIMAL = 76
"""Digits of Arrow's widest decimal; what has more comes as text."""


@dataclass(frozen=True)
class Stored:
    """The type of one column: that below a domain, and of an array also that of its elements."""

    type: str
    item: str = ""
    item_oid: int = 0
    always_numbered: bool = False
    scaled: bool = True

    @property
    def encoder(self) -> Encoder | None:
        """How its values are written in binary form."""
        return encoder(self.type, item=self.item, item_oid=self.item_oid, scaled=self.scaled)


@dataclass(frozen=True)
class Target:
    """A table as the server knows it."""

    columns: Mapping[str, Stored]
    problem: str = ""

    def refusal(self, columns: tuple[ResultColumn, ...]) -> str:
        """Say why COPY would not store in it what an INSERT does."""
        if self.problem:
            return self.problem
        for column in columns:
            stored = self.columns.get(column.name)
            if stored is None:
                return f"the table has no column {column.name!r} any more"
            if stored.always_numbered:
                # COPY would store the given number, which an INSERT must ask for in words.
                return f"column {column.name!r} is always numbered by the server"
        return ""

    def unencodable(self, columns: tuple[ResultColumn, ...]) -> str:
        """Name a column whose values have no binary form here."""
        for column in columns:
            if not _fits(column.kind, self.columns[column.name]):
                return f"column {column.name!r} has no binary form here"
        return ""

    def encoders(self, columns: tuple[ResultColumn, ...]) -> list[Encoder]:
        """Give the encoder of each column, all of which have one."""
        return [found for column in columns if (found := self.columns[column.name].encoder) is not None]


_KINDS = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "oid": "integer",
    "float4": "float",
    "float8": "float",
    "numeric": "decimal",
    "bool": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "interval": "interval",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "json",
    "bytea": "binary",
}
_TEXTS = frozenset({"text", "varchar", "bpchar", "enum"})


def _fits(kind: Kind, stored: Stored) -> bool:
    """Tell whether batches hold the values of a column as its encoder takes them."""
    if stored.encoder is None or (kind.name == "array") != bool(stored.item):
        return False
    if kind.name == "array" and kind.item is not None:
        return _fits(kind.item, Stored(stored.item))
    if kind.name == "timestamp" and kind.tz != (stored.type == "timestamptz"):
        return False
    if kind.name == "decimal" and not 0 <= (kind.scale or 0) <= (kind.precision or _WIDEST_DECIMAL) <= _WIDEST_DECIMAL:
        return False
    return kind.name in ("text", "enum") if stored.type in _TEXTS else _KINDS.get(stored.type) == kind.name


# Types of the server's own have their plain name, others none; below a domain lies the type that is stored.
_COLUMNS = """
WITH RECURSIVE base AS (
    SELECT a.attnum, a.attname, a.attidentity, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT b.attnum, b.attname, b.attidentity, d.typbasetype, d.typtypmod
    FROM base b JOIN pg_type d ON d.oid = b.type AND d.typtype = 'd'
)
SELECT b.attname::text, b.attidentity::text = 'a', b.modifier <> -1,
       CASE WHEN t.typtype = 'e' THEN 'enum'
            WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END,
       CASE WHEN t.typname LIKE '\\_%' AND i.typtype = 'e' THEN 'enum'
            WHEN t.typname LIKE '\\_%' AND i.typtype = 'b' AND i.typnamespace = 'pg_catalog'::regnamespace
            THEN i.typname::text ELSE '' END,
       t.typelem::bigint
FROM base b JOIN pg_type t ON t.oid = b.type LEFT JOIN pg_type i ON i.oid = t.typelem
WHERE t.typtype <> 'd'
"""

_TABLE = """
SELECT CASE WHEN c.relkind NOT IN ('r', 'p') THEN 'it is no ordinary table'
            WHEN EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '3')
            THEN 'the table has a rule for INSERT'
            WHEN row_security_active(c.oid) THEN 'the table has row security' ELSE '' END
FROM pg_class c WHERE c.oid = to_regclass(:table)
"""


def target(load: Load) -> Target:
    """Ask the server what the table is."""
    name = {"table": _named(load)}
    problem = load.connection.scalar(sa.text(_TABLE), name)
    if problem is None:
        return Target({}, "the server knows no such table")
    rows: Any = load.connection.execute(sa.text(_COLUMNS), name)
    found = {
        column: Stored(type_, item, item_oid, always, scaled) for column, always, scaled, type_, item, item_oid in rows
    }
    return Target(found, problem)


def command(load: Load, format_: str) -> str:
    """Write the COPY."""
    preparer = load.connection.dialect.identifier_preparer
    columns = ", ".join(preparer.quote(column.name) for column in load.columns)
    return f"COPY {_named(load)} ({_single(columns)}) FROM STDIN (FORMAT {format_}, ENCODING 'utf8')"


def _named(load: Load) -> str:
    return _single(load.connection.dialect.identifier_preparer.format_table(load.table))


def _single(names: str) -> str:
    """Take back the doubled percent signs, which only statements with parameters have."""
    return names.replace("%%", "%")
