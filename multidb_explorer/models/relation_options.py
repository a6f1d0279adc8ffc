"""What ``Meta.relations`` and ``mdb.reflect(relations=...)`` say, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidb_explorer.errors import ImproperlyConfigured, near

__all__ = ["KeyOptions", "LinkOptions", "RelationOptions", "relation_options"]


@dataclass(frozen=True)
class KeyOptions:
    """What was said of one foreign key.

    Attributes
    ----------
    columns
        The fields that hold it.
    name
        The relation's name.
    related_name
        Its name the other way, in lookups and as an attribute; ``"+"`` for none.
    related_query_name
        Its name the other way in lookups, if that is another one.
    to
        What it refers to, as (schema, table, columns), where the database has no such foreign key.
    """

    columns: tuple[str, ...]
    name: str | None = None
    related_name: str | None = None
    related_query_name: str | None = None
    to: tuple[str | None, str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class LinkOptions:
    """What was said of one link table.

    Attributes
    ----------
    through
        The link table, as (schema, table).
    target
        The table that it leads to, where that is not clear.
    source_columns, target_columns
        Which columns of the link table lead where.
    """

    name: str
    through: tuple[str | None, str]
    target: str | None = None
    source_columns: tuple[str, ...] = ()
    target_columns: tuple[str, ...] = ()
    related_name: str | None = None
    related_query_name: str | None = None


RelationOptions = tuple[KeyOptions | LinkOptions, ...]

_KEY = ("name", "related_name", "related_query_name", "to")
_LINK = ("through", "target", "source_columns", "target_columns", "related_name", "related_query_name")


def relation_options(given: Mapping[Any, Mapping[str, Any]] | None, owner: str) -> RelationOptions:
    """Read the setting of one model.

    Parameters
    ----------
    given
        Settings by column, by tuple of columns, or by the name of a relation through a link table.
    owner
        Whose setting it is, for messages.

    Raises
    ------
    ImproperlyConfigured
        For an option that does not exist, or one of the wrong form.

    Examples
    --------
    >>> relation_options({"mentor_id": {"related_name": "mentees"}}, "model User")[0].related_name
    'mentees'
    """
    if given is not None and not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"relations of {owner} is a mapping such as {{'mentor_id': {{'name': 'mentor'}}}}.")
    return tuple(_one(key, options, owner) for key, options in (given or {}).items())


def _one(key: Any, options: Mapping[str, Any], owner: str) -> KeyOptions | LinkOptions:
    where = f"relations[{key!r}] of {owner}"
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"{where} is a mapping such as {{'related_name': 'mentees'}}, not {options!r}.")
    known = _LINK if "through" in options else _KEY
    for option in options:
        if option not in known:
            close = near(str(option), (*_KEY, *_LINK))
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ImproperlyConfigured(f"{where} has no option {option!r}.{hint} It has: {', '.join(known)}.")
    names = {option: _name(options.get(option), option, where) for option in ("related_name", "related_query_name")}
    if "through" in options:
        return _link(key, options, names, where)
    columns = _tuple(key)
    return KeyOptions(
        columns, name=_name(options.get("name"), "name", where), to=_to(options.get("to"), columns, where), **names
    )


def _link(key: Any, options: Mapping[str, Any], names: Mapping[str, str | None], where: str) -> LinkOptions:
    target = options.get("target")
    return LinkOptions(
        name=_name(key, "name", where) or "",
        through=_table(options["through"]),
        target=_table(target)[1] if target is not None else None,
        source_columns=_tuple(options.get("source_columns", ())),
        target_columns=_tuple(options.get("target_columns", ())),
        **names,
    )


def _name(given: Any, option: str, where: str) -> str | None:
    if given is None or (given == "+" and option == "related_name"):
        return None if given is None else "+"
    if isinstance(given, str) and given.isidentifier() and "__" not in given and not given.startswith("_"):
        return given
    raise ImproperlyConfigured(
        f"{option} in {where} can't be {given!r}: lookups and attributes need a plain name without '__'."
    )


def _to(given: Any, columns: Sequence[str], where: str) -> tuple[str | None, str, tuple[str, ...]] | None:
    if given is None:
        return None
    parts = [str(column).rpartition(".") for column in _tuple(given)]
    tables = {table for table, _, _ in parts}
    if len(tables) != 1 or "" in tables or len(parts) != len(columns):
        raise ImproperlyConfigured(
            f"to in {where} names one column of one table for each of {', '.join(columns)}, "
            f"such as 'users.id', not {given!r}."
        )
    schema, table = _table(tables.pop())
    return schema, table, tuple(column for _, _, column in parts)


def _table(given: Any) -> tuple[str | None, str]:
    """Take a table from its name, or from a model's class."""
    options = getattr(given, "_meta", None)
    if options is not None:
        return options.schema, options.table
    schema, _, table = str(given).rpartition(".")
    return schema or None, table


def _tuple(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
