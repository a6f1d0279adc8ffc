"""What a server says of its tables, of one or of all in a schema at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy.engine import Connection, Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedForeignKeyConstraint, ReflectedIndex
from sqlalchemy.engine.reflection import ObjectKind

from multidb_explorer.backends.base import Backend

__all__ = ["Parts", "all_parts", "parts"]

T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What was said of one table, as SQLAlchemy words it.

    Attributes
    ----------
    numbered
        Whether an integer key numbers new rows without saying so.
    """

    columns: Sequence[ReflectedColumn]
    key: Sequence[str] = ()
    uniques: Sequence[Sequence[str]] = ()
    foreign_keys: Sequence[ReflectedForeignKeyConstraint] = ()
    indexes: Sequence[ReflectedIndex] = ()
    numbered: bool = False


def parts(inspector: Inspector, backend: Backend, name: str, schema: str | None, *, is_table: bool) -> Parts:
    """Ask about one table or view."""
    columns, indexes = inspector.get_columns(name, schema), _indexes(inspector, name, schema)
    if not is_table:
        return Parts(columns, indexes=indexes)
    keys = backend.foreign_keys(cast("Connection", inspector.bind), schema, name)
    return Parts(
        columns,
        inspector.get_pk_constraint(name, schema)["constrained_columns"],
        backend.unique_keys(inspector, name, schema),
        [key for found in keys.values() for key in found],
        indexes,
        backend.numbers_key(inspector, name, schema),
    )


def _indexes(inspector: Inspector, name: str, schema: str | None) -> Sequence[ReflectedIndex]:
    try:
        return inspector.get_indexes(name, schema)
    except NotImplementedError:
        return ()


def all_parts(inspector: Inspector, backend: Backend, schema: str | None, tables: Iterable[str]) -> dict[str, Parts]:
    """Ask about every table and view of a schema, by a handful of statements where the product allows.

    Parameters
    ----------
    tables
        Which of them are tables: what views have no part in is asked of these alone.
    """
    columns = _by_name(inspector.get_multi_columns(schema, kind=ObjectKind.ANY))
    keys = _by_name(inspector.get_multi_pk_constraint(schema))
    foreign_keys = _by_name(backend.foreign_keys(cast("Connection", inspector.bind), schema))
    uniques = backend.all_unique_keys(inspector, schema)
    indexes = _all_indexes(inspector, schema)
    known = set(tables)
    return {
        name: Parts(found, indexes=indexes.get(name, ()))
        if name not in known
        else Parts(
            found,
            keys[name]["constrained_columns"] if name in keys else (),
            uniques.get(name, ()),
            foreign_keys.get(name, ()),
            indexes.get(name, ()),
            backend.numbers_key(inspector, name, schema),
        )
        for name, found in columns.items()
    }


def _all_indexes(inspector: Inspector, schema: str | None) -> dict[str, Any]:
    try:
        return _by_name(inspector.get_multi_indexes(schema, kind=ObjectKind.ANY))
    except NotImplementedError:
        return {}


def _by_name(found: Mapping[tuple[str | None, str], T]) -> dict[str, T]:
    return {str(name): value for (_, name), value in found.items()}
