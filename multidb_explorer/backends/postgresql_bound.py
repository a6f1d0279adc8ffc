"""A statement with its values as psycopg would send it, in the two forms that the readers need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.readers import StepAside
from multidb_explorer.backends.waiting import interruptibly

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa
    from sqlalchemy.engine import Connection

__all__ = ["Bound", "Numbered", "bound", "numbered", "typed"]


@dataclass(frozen=True, eq=False)
class Bound:
    """What psycopg's `execute` takes: text with ``%(name)s``, and the values."""

    sql: str
    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Numbered:
    """What the server itself takes: text with ``$1``, and each value in the server's own text form."""

    sql: str
    values: tuple[str | None, ...]


def bound(statement: sa.Executable, connection: Connection) -> Bound:
    """Compile a statement as its execution would."""
    options = {"render_postcompile": True}
    compiled: Any = statement.compile(dialect=connection.dialect, compile_kwargs=options)  # type: ignore[attr-defined]
    # The names that escape a character of a column's name, and what each type does to its values.
    names, processors = compiled.escaped_bind_names, compiled._bind_processors  # noqa: SLF001
    values = {
        names.get(name, name): processors[name](value) if name in processors else value
        for name, value in compiled.construct_params(escape_names=False).items()
    }
    return Bound(str(compiled), values)


_PLACEHOLDER = re.compile(r"%(?:%|\(([^)]*)\)s(::)?)")


@dataclass(frozen=True)
class _Value:
    """A value in psycopg's text form, and the type that psycopg gives it: 0 where what stands around it decides."""

    text: str | None
    oid: int


def numbered(found: Bound, session: Any) -> Numbered:
    """Put numbered placeholders, each with its type, in place of the named ones, and the values as psycopg writes them.

    Every value travels as text with an explicit type, since an Arrow value of another type would mean something else:
    a time with an offset, for one, makes ADBC run the whole statement in UTC.

    Raises
    ------
    StepAside
        For a statement that the server does not understand.
    """
    matches = list(_PLACEHOLDER.finditer(found.sql))
    names = list(dict.fromkeys(match[1] for match in matches if match[1] is not None))
    places = {name: place for place, name in enumerate(names, 1)}
    values = [_written(found.values[name], session) for name in names]
    # A cast behind the placeholder names the type of an untyped value already.
    open_ = {match[1] for match in matches if match[1] is not None and not match[2]}
    types = {place: value.oid for place, value in enumerate(values, 1)}
    if any(not types[places[name]] for name in open_):
        plain = _PLACEHOLDER.sub(lambda match: f"${places[match[1]]}{match[2] or ''}" if match[1] else "%", found.sql)
        types = _inferred(session, plain, values)
    casts = {place: f"::{_type_name(session, oid)}" if oid else "" for place, oid in types.items()}

    def replaced(match: re.Match[str]) -> str:
        place = places.get(match[1])
        return "%" if place is None else f"${place}::text{casts[place]}{match[2] or ''}"

    return Numbered(_PLACEHOLDER.sub(replaced, found.sql), tuple(value.text for value in values))


def typed(found: Bound, session: Any) -> Bound:
    """Name the type of each value that psycopg gives one to, for where it writes the value into the text."""
    types = {name: _written(value, session).oid for name, value in found.values.items()}

    def replaced(match: re.Match[str]) -> str:
        oid = types.get(match[1], 0)
        return f"CAST(%({match[1]})s AS {_type_name(session, oid)}){match[2] or ''}" if oid else match[0]

    return Bound(_PLACEHOLDER.sub(replaced, found.sql), found.values)


def _written(value: Any, session: Any) -> _Value:
    from psycopg.adapt import PyFormat, Transformer

    if value is None:
        return _Value(None, 0)
    dumper = Transformer(session).get_dumper(value, PyFormat.TEXT)
    data = dumper.dump(value)
    return _Value(None if data is None else bytes(data).decode(), dumper.oid)


def _inferred(session: Any, sql: str, values: list[_Value]) -> dict[int, int]:
    """Ask the server which types it gives to the values of a statement."""
    import psycopg
    from psycopg.pq import DiagnosticField, ExecStatus

    types = [value.oid for value in values]
    prepared = interruptibly(lambda: session.pgconn.prepare(b"", sql.encode(), types), session.cancel_safe)
    if prepared.error_field(DiagnosticField.SQLSTATE) == b"57014":
        raise psycopg.errors.QueryCanceled("canceling statement due to user request")
    if prepared.status != ExecStatus.COMMAND_OK:
        raise StepAside("the server does not understand the statement")
    described = session.pgconn.describe_prepared(b"")
    return {place: described.param_type(place - 1) for place in range(1, len(values) + 1)}


def _type_name(session: Any, oid: int) -> str:
    info = session.adapters.types.get(oid)
    if info is not None:
        return f"{info.regtype}{'[]' if info.array_oid == oid else ''}"
    with session.transaction(), session.cursor() as cursor:
        return str(cursor.execute("SELECT format_type(%s::oid, NULL)", (oid,)).fetchone()[0])
