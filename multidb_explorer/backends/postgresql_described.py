"""What PostgreSQL tells of the columns of SQL text, and what its catalog adds of types that somebody made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.postgresql_driver import EXACT
from multidb_explorer.backends.raw import Described

__all__ = ["described"]

_KINDS: dict[str, Kind] = {
    "int2": Kind("integer", bits=16),
    "int4": Kind("integer", bits=32),
    "int8": Kind("integer", bits=64),
    "oid": Kind("integer", bits=32, unsigned=True),
    "float4": Kind("float", bits=32),
    "float8": Kind("float", bits=64),
    "numeric": Kind("decimal"),
    "bool": Kind("boolean"),
    "date": Kind("date"),
    "time": Kind("time"),
    "timestamp": Kind("timestamp"),
    "timestamptz": Kind("timestamp", tz=True),
    "uuid": Kind("uuid"),
    "bytea": Kind("binary"),
    "interval": Kind("interval"),
    "json": Kind("json"),
    "jsonb": Kind("json"),
} | dict.fromkeys(("text", "varchar", "bpchar", "char", "name", "unknown", "citext"), Kind("text"))

_MADE = """
SELECT t.oid, format_type(t.oid, NULL), t.typtype::text, t.typcategory::text,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
FROM pg_type t WHERE t.oid = ANY(%s)
"""


def described(cursor: Any) -> list[Described]:
    """Tell of the columns of the result that a cursor of psycopg holds."""
    types = cursor.adapters.types
    made = _made(cursor, [column.type_code for column in cursor.description if types.get(column.type_code) is None])
    return [_column(column, types.get(column.type_code), made) for column in cursor.description]


def _column(column: Any, info: Any, made: dict[int, tuple[str, Kind]]) -> Described:
    if info is None:
        spelt, kind = made.get(column.type_code, ("", Kind("text")))
    else:
        is_array = info.array_oid == column.type_code and info.oid != column.type_code
        spelt = f"{info.name}[]" if is_array else info.name
        kind = _array(info.name) if is_array else _single(column, info.name)
    return Described(ResultColumn(str(column.name), kind), spelt if kind.name == "other" else "")


def _single(column: Any, name: str) -> Kind:
    if name == "numeric":
        return Kind("decimal", precision=column.precision, scale=column.scale)
    return _KINDS.get(name, Kind("other"))


def _array(name: str) -> Kind:
    item = _KINDS.get(name)
    # Other elements than these arrive as the text of the whole array.
    return Kind("array", item=item) if item is not None and (name in EXACT or item.name == "json") else Kind("other")


def _made(cursor: Any, codes: Sequence[int]) -> dict[int, tuple[str, Kind]]:
    """Look up the types that somebody made in this database: enums, composites, those of extensions."""
    if not codes:
        return {}
    with cursor.connection.cursor() as asking:
        rows = asking.execute(_MADE, [list(codes)]).fetchall()
    return {int(oid): (name, _made_kind(form, category, labels)) for oid, name, form, category, labels in rows}


def _made_kind(form: str, category: str, labels: list[str]) -> Kind:
    if form == "e":
        return Kind("enum", choices=tuple(labels))
    return Kind("text") if category == "S" else Kind("other")
