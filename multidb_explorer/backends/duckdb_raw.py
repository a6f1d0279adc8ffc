"""SQL text for DuckDB: the engine describes a statement before it runs, and its own Arrow data is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.raw import Described, Prepared
from multidb_explorer.backends.waiting import interruptibly

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

    from multidb_explorer.backends.raw import Bind

__all__ = ["described", "prepared"]

_KindOf = Callable[["TypeEngine[Any]"], Kind]


def described(kind_of: _KindOf, name: object, type_: object) -> Described:
    """Tell of a column by the engine's name of its type."""
    from multidb_explorer.backends.duckdb_types import parse_type

    spelt = str(type_)
    kind = kind_of(parse_type(spelt))
    return Described(ResultColumn(str(name), kind), spelt if kind.name == "other" else "")


def prepared(kind_of: _KindOf, connection: Connection, sql: str, bind: Bind, limit: int | None) -> Prepared | None:
    """Have the engine describe a statement, and write the one to run: cut, and as text what its Arrow can't hold."""
    relation = _relation(connection, bind(sql))
    if relation is None:
        return None
    columns = tuple(described(kind_of, *pair) for pair in zip(relation.columns, relation.types, strict=True))
    as_text = [_needs_text(one.column.kind) for one in columns]
    if limit is None and not any(as_text):
        return Prepared(bind(sql), columns)
    # By position, since two columns may have one name.
    listed = ", ".join(f"CAST(#{n} AS VARCHAR)" if text else f"#{n}" for n, text in enumerate(as_text, 1))
    cut = "" if limit is None else f"\nLIMIT {limit:d}"
    whole = f"SELECT {listed} FROM (\n{sql.strip().rstrip(';')}\n){cut}"
    return Prepared(bind(whole), columns)


def _needs_text(kind: Kind) -> bool:
    return kind.name == "other" or (kind.name == "decimal" and (kind.precision or 0) > 38)


def _relation(connection: Connection, statement: sa.Executable) -> Any:
    """Have a statement described; it is not run, so nobody who counts statements is told."""
    import duckdb

    if not connection.in_transaction():
        # What the engine would run at once all the same (a WITH that writes) is refused by the session.
        connection.begin()
    session: Any = connection.connection.driver_connection
    text, values = _compiled(connection, statement)
    try:
        return interruptibly(lambda: session.raw.sql(text, params=values), session.raw.interrupt)
    except duckdb.ProgrammingError:
        # What is wrong with the text is told when it runs.
        return None


def _compiled(connection: Connection, statement: sa.Executable) -> tuple[str, list[Any] | None]:
    """Compile a statement as its execution would."""
    options = {"render_postcompile": True}
    compiled: Any = statement.compile(dialect=connection.dialect, compile_kwargs=options)  # type: ignore[attr-defined]
    processors, values = compiled._bind_processors, compiled.construct_params(escape_names=False)  # noqa: SLF001
    placed = [
        processors[name](values[name]) if name in processors else values[name] for name in compiled.positiontup or ()
    ]
    return str(compiled), placed or None
