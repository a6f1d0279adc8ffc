"""Which alias an operation goes to: the one that was named, else a router's, the instance's own, the model's."""

from __future__ import annotations

from typing import Any

from multidb_explorer.connections.blocks import block_of
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ConnectionDoesNotExist, one_of

__all__ = ["allow_relation", "for_read", "for_write"]


def for_read(model: Any, using: str | None = None, instance: Any = None) -> str:
    """Give the alias that rows of a model are read from.

    Inside an `atomic` block on the alias that the model is written to, it is that one: another would not show what
    the block wrote.

    Parameters
    ----------
    model
        A model, or the source of its rows.
    using
        The alias that the user named, which nothing overrules.
    instance
        The row that the read is for.

    Raises
    ------
    ConnectionDoesNotExist
        For a router's answer that is no alias.
    """
    if using is not None:
        return using
    source, instance = _meant(model, instance)
    if not databases.routers:
        return _own(source, instance)
    written = for_write(source, None, instance)
    if written in databases and block_of(databases[written]) is not None:
        return written
    return _routed("db_for_read", source, instance) or _own(source, instance)


def for_write(model: Any, using: str | None = None, instance: Any = None) -> str:
    """Give the alias that rows of a model are written to.

    Parameters
    ----------
    model
        A model, or the source of its rows.
    using
        The alias that the user named, which nothing overrules.
    instance
        The row that is written.

    Raises
    ------
    ConnectionDoesNotExist
        For a router's answer that is no alias.
    """
    if using is not None:
        return using
    source, instance = _meant(model, instance)
    return _routed("db_for_write", source, instance) or _own(source, instance)


def allow_relation(one: Any, other: Any) -> bool | None:
    """Tell whether routers let an instance refer to another one; ``None`` where none of them says."""
    answer = databases.routers.answer("allow_relation", one, other)
    return None if answer is None else bool(answer.value)


def _meant(model: Any, instance: Any) -> tuple[Any, Any]:
    """Give the source of rows, and the row that they are for: rows that belong to one instance know it."""
    source = getattr(model, "_source", model)
    # Not by getattr: a table that is only named so far would be looked at.
    return source, instance if instance is not None else vars(source).get("owner")


def _own(source: Any, instance: Any) -> str:
    alias: str = (instance._state.db if instance is not None else None) or source.default_alias
    return alias


def _routed(method: str, source: Any, instance: Any) -> str | None:
    if not databases.routers:
        return None
    hints = {} if instance is None else {"instance": instance}
    answer = databases.routers.answer(method, source.model, **hints)
    if answer is None:
        return None
    if not isinstance(answer.value, str) or answer.value not in databases:
        raise ConnectionDoesNotExist(
            f"Router {answer.router}() answered {answer.value!r} for {source.name}, which is no registered alias. "
            f"Registered: {one_of(databases)}."
        )
    return answer.value
