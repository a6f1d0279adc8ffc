"""What a product says of the columns of SQL text that a person wrote, and how a part of its rows is read.

The text is anybody's: nothing here changes what it means, and what can't be known of it is left to the plain cursor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend

__all__ = ["Described", "Prepared", "abandon", "described", "is_query", "prepared"]


@dataclass(frozen=True)
class Described:
    """A column of SQL text, and the product's own name of its type where its values arrive as text."""

    column: ResultColumn
    type_name: str = ""


@dataclass(frozen=True)
class Prepared:
    """A statement whose columns were known before it ran, so that the product's own reader can read it."""

    statement: sa.Executable
    columns: tuple[Described, ...]


_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values|table|from)\b", re.IGNORECASE | re.DOTALL)


def is_query(sql: str) -> bool:
    r"""Tell whether SQL text asks for rows in a way that can stand inside another statement.

    Examples
    --------
    >>> is_query("-- all of them\nselect * from t"), is_query("explain select 1")
    (True, False)
    """
    return _QUERY.match(sql) is not None


def prepared(
    backend: Backend, connection: Connection, sql: str, bind: Callable[[str], sa.Executable], limit: int | None
) -> Prepared | None:
    """Ask a product that describes a statement without running it; ``None`` where it does not.

    Parameters
    ----------
    bind
        Makes a statement with its bound values of SQL text.
    limit
        How many rows are wanted.
    """
    return _prepared_by_duckdb(backend, connection, sql, bind, limit) if backend.name == "duckdb" else None


def described(backend: Backend, cursor: Any) -> list[Described]:
    """Give the columns of a result that a cursor is about to hand over."""
    names = [str(item[0]) for item in cursor.description]
    kinds = backend.described(cursor)
    if hasattr(cursor, "pgresult"):
        return _described_by_postgresql(cursor, names, kinds)
    return [
        Described(ResultColumn(name, kind), "its" if kind.name == "other" else "")
        for name, kind in zip(names, kinds, strict=True)
    ]


def abandon(backend: Backend, connection: Connection, cursor: Any) -> None:
    """Give up a result that was not read to its end, where closing it would still fetch every row."""
    result: Any = getattr(cursor, "_result", None)
    if not getattr(result, "unbuffered_active", False):
        return
    # What is on its way is thrown away together with the connection, since the protocol can't skip it.
    result.unbuffered_active = False
    backend.cancel(connection.connection.driver_connection)
    connection.invalidate()


# DuckDB


def _prepared_by_duckdb(
    backend: Backend, connection: Connection, sql: str, bind: Callable[[str], sa.Executable], limit: int | None
) -> Prepared | None:
    from multidb_explorer.backends.duckdb_dialect import parse_type
    from multidb_explorer.backends.duckdb_session import OPENING

    relations: list[Any] = []

    def describe(session: Any, text: str, parameters: Any) -> None:
        relations.append(session.sql(text, params=parameters))

    connection.execute(bind(sql), execution_options={OPENING: describe})
    (relation,) = relations
    if relation is None:
        return None
    spelt = [str(type_) for type_ in relation.types]
    kinds = [backend.kind(parse_type(text)) for text in spelt]
    columns = tuple(
        Described(ResultColumn(str(name), kind), text if kind.name == "other" else "")
        for name, kind, text in zip(relation.columns, kinds, spelt, strict=True)
    )
    as_text = [kind.name == "other" or (kind.precision or 0) > 38 for kind in kinds]
    if limit is None and not any(as_text):
        return Prepared(bind(sql), columns)
    # By position, since two columns may have one name.
    listed = ", ".join(f"CAST(#{n} AS VARCHAR)" if text else f"#{n}" for n, text in enumerate(as_text, 1))
    cut = "" if limit is None else f"\nLIMIT {limit:d}"
    whole = f"SELECT {listed} FROM (\n{sql.strip().rstrip(';')}\n){cut}"
    return Prepared(bind(whole), columns)


# PostgreSQL

_TEXTS = frozenset({"text", "varchar", "bpchar", "char", "name", "unknown", "citext"})


def _described_by_postgresql(cursor: Any, names: Sequence[str], kinds: Sequence[Kind]) -> list[Described]:
    codes = [column.type_code for column in cursor.description]
    types = cursor.adapters.types
    made = _made_types(cursor, [code for code in codes if types.get(code) is None])
    found = []
    for name, kind, code in zip(names, kinds, codes, strict=True):
        info = types.get(code)
        if info is not None:
            spelt = f"{info.name}[]" if info.array_oid == code and info.oid != code else info.name
            odd = kind.name == "text" and spelt not in _TEXTS
            exact = Kind("other") if odd else kind
        else:
            spelt, exact = made.get(code, ("", kind))
        found.append(Described(ResultColumn(name, exact), spelt if exact.name == "other" else ""))
    return found


def _made_types(cursor: Any, codes: Sequence[int]) -> dict[int, tuple[str, Kind]]:
    """Look up the types that somebody made in this database: enums, composites, those of extensions."""
    if not codes:
        return {}
    with cursor.connection.cursor() as asking:
        rows = asking.execute(
            "SELECT t.oid, format_type(t.oid, NULL), t.typtype::text, t.typcategory::text, "
            "ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) "
            "FROM pg_type t WHERE t.oid = ANY(%s)",
            [list(codes)],
        ).fetchall()
    return {int(oid): (name, _made_kind(form, category, labels)) for oid, name, form, category, labels in rows}


def _made_kind(form: str, category: str, labels: list[str]) -> Kind:
    if form == "e":
        return Kind("enum", choices=tuple(labels))
    return Kind("text") if category == "S" else Kind("other")
