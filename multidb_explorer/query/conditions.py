"""Conditions that combine: ``Q(country="FR") | ~Q(score__gt=5)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multidb_explorer.query.expressions import Expression, Resolved, joined

if TYPE_CHECKING:
    from multidb_explorer.query.scope import Scope

__all__ = ["Condition", "Q", "Truth", "said"]


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
        Other conditions, or expressions that are true or false such as ``Exists(...)``; all must hold.
    **conditions
        Each written ``field__lookup=value``; all must hold.

    Examples
    --------
    >>> Q(country="FR") | ~Q(score__gt=5)
    Q(country='FR') | ~Q(score__gt=5)
    """

    __slots__ = ("children", "connector", "negated")

    def __init__(self, *parts: Q | Expression | tuple[str, Any], **conditions: Any) -> None:
        named = (Condition(keyword, value) for keyword, value in conditions.items())
        found = (_checked(part) for part in parts)
        self.children: tuple[Q | Condition | Expression, ...] = (*(part for part in found if part), *named)
        self.connector = "AND"
        self.negated = False

    @classmethod
    def _made(cls, children: tuple[Q | Condition | Expression, ...], connector: str, *, negated: bool = False) -> Q:
        made = cls.__new__(cls)
        made.children, made.connector, made.negated = children, connector, negated
        return made

    def __bool__(self) -> bool:
        return bool(self.children)

    def _joined(self, other: Q | Expression, connector: str) -> Q:
        if isinstance(other, Expression) and other.conditional:
            other = Q(other)
        if not isinstance(other, Q):
            raise TypeError(f"A Q object combines with a Q object, not with {type(other).__name__}.")
        # An empty condition asks nothing, so the other one stands alone.
        if not self or not other:
            return self or other
        return Q._made((self, other), connector)

    def __and__(self, other: Q | Expression) -> Q:
        return self._joined(other, "AND")

    def __or__(self, other: Q | Expression) -> Q:
        return self._joined(other, "OR")

    def __xor__(self, other: Q | Expression) -> Q:
        return self._joined(other, "XOR")

    def __invert__(self) -> Q:
        return Q._made(self.children, self.connector, negated=not self.negated) if self else self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Q):
            return NotImplemented
        mine, theirs = (self.children, self.connector, self.negated), (other.children, other.connector, other.negated)
        return bool(mine == theirs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        sign = {"AND": " & ", "OR": " | ", "XOR": " ^ "}[self.connector]
        if all(isinstance(child, Condition) for child in self.children) and self.connector == "AND":
            text = f"Q({', '.join(f'{c.keyword}={said(c.value)}' for c in self.children if isinstance(c, Condition))})"
        else:
            text = sign.join(map(_shown, self.children))
            text = f"({text})" if self.negated and len(self.children) > 1 else text
        return f"~{text}" if self.negated else text


def said(value: Any) -> str:
    """Say a value for a message; a QuerySet by what it is of, since showing it would ask for its rows."""
    if hasattr(value, "_source") and hasattr(value, "to_arrow"):
        return f"<QuerySet of {value._source.name}>"
    if isinstance(value, list):
        return f"[{', '.join(map(said, value))}]"
    return repr(value)


def _checked(part: Any) -> Q | Condition | Expression:
    if isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], str):
        return Condition(*part)
    if isinstance(part, Expression) and not part.conditional:
        raise TypeError(f"{part!r} is neither true nor false, so it is no condition; compare it: name__lookup=value.")
    if not isinstance(part, Q | Expression):
        raise TypeError(f"A condition is a Q object or field__lookup=value, not {type(part).__name__}.")
    return part


class Truth(Expression):
    """A condition as a value: true or false, or NULL where it is unknown."""

    conditional = True

    def __init__(self, condition: Q) -> None:
        self.condition = condition

    def resolve(self, scope: Scope) -> Resolved:
        found = scope.condition(self.condition)
        return joined(found.column, found.kind, [found], nullable=found.nullable)

    def __repr__(self) -> str:
        return repr(self.condition)


def _shown(child: Q | Condition | Expression) -> str:
    if isinstance(child, Expression):
        return repr(child)
    if isinstance(child, Condition):
        return f"Q({child.keyword}={said(child.value)})"
    bracketed = len(child.children) > 1 and child.connector != "AND" and not child.negated
    return f"({child!r})" if bracketed else repr(child)
