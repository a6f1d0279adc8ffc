"""What a program says, in a form that both sides share, and whether two sayings agree."""

from __future__ import annotations

import ast
import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

__all__ = ["Failure", "Outcome", "Rows", "Verdict", "is_ordered", "judged", "outcome", "told"]

ERRORS = {
    "FieldError": "FieldError",
    "FieldDoesNotExist": "FieldError",
    "ValueError": "ValueError",
    "ValidationError": "ValueError",
    "TypeError": "TypeError",
    "IndexError": "IndexError",
    "NotSupportedError": "NotSupportedError",
    "DoesNotExist": "DoesNotExist",
    "ObjectDoesNotExist": "DoesNotExist",
    "MultipleObjectsReturned": "MultipleObjectsReturned",
}
"""Errors that say what is wrong with a program; with any other error, Django or its database stumbled."""

BEYOND = re.compile(r"Cannot aggregate over the|You must set output_field|[Yy]ear (?:-?\d+ )?is out of range")
"""What Django refuses and we may answer: what the result is can be told, or no row can fulfil the condition."""

CRASHED = re.compile(r"fromisoformat: argument must be str")
"""Where Django reads a value with the converter of another type."""

Verdict = str
"""``agree``, ``differ``, or ``unjudged`` where Django itself stumbled."""


@dataclass(frozen=True)
class Rows:
    """Several rows, in their order."""

    rows: tuple[Any, ...]


@dataclass(frozen=True)
class Failure:
    """An error: its kinds by the names that both sides use, and its message."""

    kinds: frozenset[str]
    message: str


Outcome = Any
"""`Rows`, a `Failure`, or a plain value."""


def outcome(run: Callable[[str], Any], text: str) -> Outcome:
    """Run a program on one side, and read its rows."""
    try:
        return _plain(run(text), re.findall(r"\b[xnw]\d\b", text))
    except Exception as error:  # noqa: BLE001
        kinds = {ERRORS[parent.__name__] for parent in type(error).__mro__ if parent.__name__ in ERRORS}
        if not re.search(r"\[-?\d+\]$", text):
            kinds.discard("IndexError")
        return Failure(frozenset(kinds), told(error))


def told(error: Exception) -> str:
    """Give an error's name and the first line of its message; Django's may hold a query, which would be run."""
    message = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return f"{type(error).__name__}: {message}".partition("\n")[0]


def _plain(value: Any, annotations: Sequence[str]) -> Outcome:
    """Reduce a result to plain values; an instance to its model, key and annotations."""
    if hasattr(value, "order_by") or isinstance(value, Iterator):
        return Rows(tuple(_plain(row, annotations) for row in value))
    if hasattr(value, "_state") and hasattr(value, "pk"):
        found = {name: getattr(value, name) for name in annotations if hasattr(value, name)}
        return type(value).__name__, value.pk, found
    if isinstance(value, dict):
        return {key: _plain(item, annotations) for key, item in value.items()}
    return value


# --- comparing -----------------------------------------------------------------------------


def is_ordered(text: str) -> bool:
    """Tell whether a program's order is total: that of generated ones is if its last term is the key.

    Examples
    --------
    >>> is_ordered("Book.objects.order_by('-pages', 'pk')[:3]")
    True
    """
    node = ast.parse(text, mode="eval").body
    while isinstance(node, ast.Call | ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "order_by":
            last = node.args[-1] if node.args else None
            return isinstance(last, ast.Constant) and last.value in ("pk", "-pk")
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def judged(theirs: Outcome, ours: Outcome, *, ordered: bool) -> Verdict:
    """Judge our outcome by theirs."""
    if isinstance(theirs, Failure):
        if (
            not theirs.kinds
            or CRASHED.search(theirs.message)
            or (BEYOND.search(theirs.message) and not isinstance(ours, Failure))
        ):
            return "unjudged"
        return "agree" if isinstance(ours, Failure) and theirs.kinds & ours.kinds else "differ"
    if isinstance(theirs, Rows) and isinstance(ours, Rows):
        same = _same_rows(theirs.rows, ours.rows, ordered=ordered)
    else:
        same = _same(theirs, ours)
    return "agree" if same else "differ"


def _same_rows(theirs: Sequence[Any], ours: Sequence[Any], *, ordered: bool) -> bool:
    if len(theirs) != len(ours):
        return False
    if not ordered:
        theirs, ours = sorted(theirs, key=_sortable), sorted(ours, key=_sortable)
    return all(map(_same, theirs, ours))


def _same(theirs: Any, ours: Any) -> bool:
    """Compare two values: numbers by their size, whatever their type; anything else by type and value."""
    if _is_number(theirs) and _is_number(ours):
        if isinstance(theirs, int) and isinstance(ours, int):
            return theirs == ours
        return math.isclose(theirs, ours, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(_same(value, ours[key]) for key, value in theirs.items())
    if isinstance(theirs, tuple) and isinstance(ours, tuple):
        return len(theirs) == len(ours) and all(map(_same, theirs, ours))
    # Django gives 1 for a condition that it knows to hold.
    return (type(theirs) is type(ours) or (type(theirs) is int and type(ours) is bool)) and theirs == ours


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _sortable(value: Any) -> tuple[Any, ...]:
    """Give a key that sorts values of any type; nearly equal numbers get the same one."""
    match value:
        case bool() | None:
            return "plain", str(value)
        case int() | float() | Decimal():
            return "number", round(float(value), 6)
        case tuple():
            return "tuple", *map(_sortable, value)
        case dict():
            return "dict", *((key, _sortable(value[key])) for key in sorted(value))
        case dt.datetime() | dt.date() | dt.time():
            return type(value).__name__, value.isoformat()
    return type(value).__name__, str(value)
