"""SQL text as a person writes it, with named parameters that are bound and never formatted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.values import plain
from multidb_explorer.errors import FieldError

__all__ = ["bound_text", "braces_to_names"]

# What stands in quotes, comments or dollar quotes is text; only outside of it a name can be a parameter.
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"""
_LISTED = r"(?P<in>\bin\s*)(?:\(\s*:(?P<wrapped>[^\W\d]\w*)\s*\)|:(?P<listed>[^\W\d]\w*))"
_NAMED = re.compile(rf"(?P<quoted>{_QUOTED})|{_LISTED}|(?<![:\w]):(?P<name>[^\W\d]\w*)", re.DOTALL | re.IGNORECASE)
_BRACED = re.compile(rf"(?P<quoted>{_QUOTED})|\{{(?P<name>[^\W\d]\w*)\}}", re.DOTALL)


def bound_text(sql: str, params: Mapping[str, Any]) -> sa.TextClause:
    """Make a statement of SQL text in which ``:name`` is a parameter wherever `params` has that name.

    Every other colon stays what it is: a cast, a slice, a time in quotes. After ``in``, a list stands for its members,
    with or without parentheses around it.

    Raises
    ------
    FieldError
        For an empty list: products disagree about it, and no text of SQL means it on all of them.

    Examples
    --------
    >>> str(bound_text("select ':n', :n", {"n": 1}))
    "select ':n', :n"
    """
    used: dict[str, bool] = {}

    def place(found: re.Match[str]) -> str:
        name = found["wrapped"] or found["listed"]
        if name is not None and _is_list(params.get(name)):
            used[name] = True
            return f"{found['in']} :{name}"
        if name is not None and name in params:
            used.setdefault(name, False)
            return found[0]
        if found["name"] is not None and found["name"] in params:
            used.setdefault(found["name"], False)
            return f":{found['name']}"
        return found[0].replace("\\", "\\\\").replace(":", "\\:")

    parts, end = [], 0
    for found in _NAMED.finditer(sql):
        parts += [_escaped(sql[end : found.start()]), place(found)]
        end = found.end()
    text = "".join([*parts, _escaped(sql[end:])])
    return sa.text(text).bindparams(*(_parameter(name, params[name], used[name]) for name in sorted(used)))


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset)


def _parameter(name: str, value: Any, listed: bool) -> sa.BindParameter[Any]:
    if not listed:
        return sa.bindparam(name, plain(value))
    # NULL equals nothing: as a member it finds no row, and after "not in" it would hide all of them.
    members = [member for member in map(plain, value) if member is not None]
    if not members:
        raise FieldError(
            f"Parameter {name!r} is an empty list, and SQL has no empty list after 'in', so nothing was run. "
            f"Leave the condition out, or give the list a value that no row has."
        )
    return sa.bindparam(name, members, expanding=True)


def _escaped(text: str) -> str:
    return text.replace(":", "\\:")


def braces_to_names(sql: str) -> tuple[str, list[str]]:
    """Turn ``{name}`` into ``:name`` outside quotes, and list the names.

    Examples
    --------
    >>> braces_to_names("select * from t where a = {limit} and b = '{x}'")
    ("select * from t where a = :limit and b = '{x}'", ['limit'])
    """
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0]
        names.append(found["name"])
        return f":{found['name']}"

    return _BRACED.sub(place, sql), names
