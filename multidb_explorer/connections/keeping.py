"""Keep a memory database, whose only connection is all there is of it, through whatever interrupts a statement."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

__all__ = ["keep_connection"]


def keep_connection(engine: Engine) -> None:
    """Let nothing but `Engine.dispose` close the connection of an engine that has one for all.

    After an interrupt SQLAlchemy throws a connection away, and with this one would go the data. To be called before
    anything else listens to how the engine connects.

    Examples
    --------
    >>> import sqlalchemy as sa
    >>> engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    >>> keep_connection(engine)
    >>> with engine.begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    >>> with engine.connect() as connection:
    ...     connection.invalidate()
    >>> sa.inspect(engine).get_table_names()
    ['t']
    """
    spared: list[Any] = []
    notes: dict[Any, Any] = {}

    def spare(context: ExceptionContext) -> None:
        context.is_disconnect = False

    def note(_session: Any, record: Any, _error: Any) -> None:
        notes.update(record.info)

    def terminate(session: Any) -> None:
        # Whatever was begun on it, and in no transaction there is nothing to roll back.
        with suppress(Exception):
            session.rollback()
        spared.append(session)

    def connect(_dialect: Any, record: Any, _args: Any, _known: Any) -> Any:
        if not spared:
            return None
        record.info.update(notes)
        return spared.pop()

    event.listen(engine, "handle_error", spare)
    event.listen(engine, "invalidate", note)
    event.listen(engine, "do_connect", connect)
    # A connection that is invalidated is terminated, one of a pool that is disposed of is closed.
    engine.dialect.do_terminate = terminate  # type: ignore[assignment,method-assign]
