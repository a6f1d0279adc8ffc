"""Conditions that combine: ``Q(country="FR") | ~Q(score__gt=5)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multidb_explorer.errors import FieldError

__all__ = ["Condition", "Q"]

_CONNECTORS = ("AND", "OR", "XOR")


@dataclass(frozen=True)
class Condition:
    """One keyword of ``filter()``: ``country="FR"`` or ``id__gt=5``."""

    keyword: str
    value: Any


class Q:
    """A condition on rows, combined with ``&``, ``|``, ``^`` and ``~``.

    Parameters
    ----------
    *parts
        Other conditions; all must hold.
    **conditions
        Each written ``field__lookup=value``; all must hold.

    Examples
    --------
    >>> Q(country="FR") | ~Q(score__gt=5)
    Q(country='FR') | ~Q(score__gt=5)
    """

    __slots__ = ("children", "connector", "negated")

    def __init__(self, *parts: Q, **conditions: Any) -> None:
        for part in parts:
            if not isinstance(part, Q):
                raise FieldError(f"A condition is a Q object or field__lookup=value, not {type(part).__name__}.")
        named = (Condition(keyword, value) for keyword, value in conditions.items())
        self.children: tuple[Q | Condition, ...] = (*(part for part in parts if part), *named)
        self.connector = "AND"
        self.negated = False

    @classmethod
    def _made(cls, children: tuple[Q | Condition, ...], connector: str, *, negated: bool = False) -> Q:
        made = cls()
        made.children, made.connector, made.negated = children, connector, negated
        return made

    def __bool__(self) -> bool:
        return bool(self.children)

    def _joined(self, other: Q, connector: str) -> Q:
        if not isinstance(other, Q):
            raise TypeError(f"A Q object combines with a Q object, not with {type(other).__name__}.")
        # An empty condition asks nothing, so the other one stands alone.
        if not self or not other:
            return self or other
        return Q._made((self, other), connector)

    def __and__(self, other: Q) -> Q:
        return self._joined(other, "AND")

    def __or__(self, other: Q) -> Q:
        return self._joined(other, "OR")

    def __xor__(self, other: Q) -> Q:
        return self._joined(other, "XOR")

    def __invert__(self) -> Q:
        return Q._made((self,), "AND", negated=True) if self else self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Q):
            return NotImplemented
        mine, theirs = (self.children, self.connector, self.negated), (other.children, other.connector, other.negated)
        return bool(mine == theirs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        sign = {"AND": " & ", "OR": " | ", "XOR": " ^ "}[self.connector]
        if all(isinstance(child, Condition) for child in self.children) and self.connector == "AND":
            text = f"Q({', '.join(f'{c.keyword}={c.value!r}' for c in self.children if isinstance(c, Condition))})"
        else:
            text = sign.join(map(_shown, self.children))
            text = f"({text})" if self.negated and len(self.children) > 1 else text
        return f"~{text}" if self.negated else text


def _shown(child: Q | Condition) -> str:
    if isinstance(child, Condition):
        return f"Q({child.keyword}={child.value!r})"
    bracketed = len(child.children) > 1 and child.connector != "AND" and not child.negated
    return f"({child!r})" if bracketed else repr(child)
