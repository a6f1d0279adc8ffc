"""SQL text as a person writes it, with named parameters that are bound and never formatted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

__all__ = ["bound_text", "braces_to_names"]

# What stands in quotes, comments or dollar quotes is text; only outside of it a name can be a parameter.
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"""
_NAMED = re.compile(rf"(?P<quoted>{_QUOTED})|(?<![:\w]):(?P<name>[A-Za-z_]\w*)", re.DOTALL)
_BRACED = re.compile(rf"(?P<quoted>{_QUOTED})|\{{(?P<name>[A-Za-z_]\w*)\}}", re.DOTALL)


def bound_text(sql: str, params: Mapping[str, Any]) -> sa.TextClause:
    """Make a statement of SQL text in which ``:name`` is a parameter wherever `params` has that name.

    Every other colon stays what it is: a cast, a slice, a time in quotes.

    Examples
    --------
    >>> str(bound_text("select ':n', :n", {"n": 1}))
    "select ':n', :n"
    """
    used: set[str] = set()

    def place(found: re.Match[str]) -> str:
        name = found["name"]
        if name is not None and name in params:
            used.add(name)
            return f":{name}"
        return found[0].replace("\\", "\\\\").replace(":", "\\:")

    parts, end = [], 0
    for found in _NAMED.finditer(sql):
        parts += [_escaped(sql[end : found.start()]), place(found)]
        end = found.end()
    text = "".join([*parts, _escaped(sql[end:])])
    return sa.text(text).bindparams(**{name: params[name] for name in sorted(used)})


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
