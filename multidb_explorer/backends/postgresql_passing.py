"""Rows from one session of PostgreSQL to another in the server's own binary form, which nobody on the way reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from multidb_explorer.backends.postgresql_bound import Bound, bound, typed
from multidb_explorer.backends.postgresql_pouring import poured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from multidb_explorer.backends.loaders import Load
    from multidb_explorer.backends.readers import Request

__all__ = ["handed", "refusal", "row_digest", "taken"]

_PLAIN = frozenset(
    {
        "bool",
        "int2",
        "int4",
        "int8",
        "oid",
        "float4",
        "float8",
        "numeric",
        "text",
        "varchar",
        "bpchar",
        "name",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "timetz",
        "interval",
        "uuid",
        "json",
        "jsonb",
        "inet",
        "cidr",
        "macaddr",
        "bit",
        "varbit",
    }
)
"""Types whose binary form is the same on every server."""

_END = b"\xff\xff"
"""What stands where another row would begin."""

_ROWS, _OCTETS = 1 << 16, 1 << 18
"""So much is handed over at a time."""


def refusal(request: Request, load: Load) -> str:
    """Say why rows can't be handed over as they are, as the end of a sentence; empty if they can."""
    ours: Any = request.connection.connection.driver_connection
    theirs: Any = load.connection.connection.driver_connection
    if not all(hasattr(session, "pgconn") and hasattr(session, "adapters") for session in (ours, theirs)):
        return "it goes with psycopg only"
    if request.isolated or not isinstance(request.statement, sa.Select | sa.CompoundSelect) or not load.columns:
        return "only a query of a session of its own is handed over"
    from multidb_explorer.backends.postgresql_target import target

    if reason := target(load).refusal(load.columns):
        return reason
    if any(isinstance(column.type, pg.DOMAIN) for column in (*request.statement.selected_columns, *load.table.columns)):
        return "a column has a domain, which every database numbers by itself"
    mine = _types(ours, _given(request, ours))
    given = _types(theirs, bound(sa.select(*(load.table.c[column.name] for column in load.columns)), load.connection))
    return "" if len(mine) == len(given) and all(map(_same, mine, given)) else "a column has another type there"


def _given(request: Request, session: Any) -> Bound:
    return typed(bound(request.statement, request.connection), session)


def _types(session: Any, given: Bound) -> list[tuple[str, bool, int]]:
    """Give the name of each column's type, whether it is an array of those, and its limits."""
    with session.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({given.sql}\n) AS _ LIMIT 0", given.values)
        result = cursor.pgresult
        found = [(result.ftype(place), result.fmod(place)) for place in range(result.nfields)]
    known = [(session.adapters.types.get(oid), oid, limits) for oid, limits in found]
    return [
        ("" if info is None else str(info.name), info is not None and info.array_oid == oid, limits)
        for info, oid, limits in known
    ]


def _same(ours: tuple[str, bool, int], theirs: tuple[str, bool, int]) -> bool:
    # A limit would be applied without a word: digits rounded, blanks cut.
    return ours[0] in _PLAIN and ours[:2] == theirs[:2] and theirs[2] in (-1, ours[2])


def row_digest(columns: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """Hash the binary form of a row, types and all: just what is handed over."""
    # MD5 is no faster, and some servers refuse it.
    sent = sa.func.sha256(sa.func.record_send(sa.func.row(*columns)))
    return sa.cast(sa.func.encode(sa.func.substr(sent, 1, 16), sa.literal_column("'hex'")), sa.Uuid())


def handed(request: Request) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of a query in their binary form, many at a time, and how many.

    The first piece begins with the form's own head, and the last one ends with its mark.
    """
    session: Any = request.connection.connection.driver_connection
    given = _given(request, session)
    inner = given.sql if given.values else given.sql.replace("%%", "%")
    sql = f"COPY ({inner}\n) TO STDOUT (FORMAT binary, ENCODING 'utf8')"
    for rows in poured(session, sql, given.values, rows=_ROWS, octets=_OCTETS):
        yield len(rows) - (bytes(rows[-1]) == _END), b"".join(rows)


def taken(load: Load, pieces: Iterable[tuple[int, bytes]]) -> int:
    """Pass pieces on, and tell how many rows there were."""
    from multidb_explorer.backends.postgresql_target import command

    session: Any = load.connection.connection.driver_connection
    with session.cursor() as cursor:
        with cursor.copy(command(load, "binary")) as copy:
            for _, piece in pieces:
                copy.write(piece)
        return int(cursor.rowcount)
