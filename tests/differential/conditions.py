"""Random conditions: arguments of ``filter()``, and trees of ``Q``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import bookshop
from expressions import OUTPUT, Expressions
from lookups import lookup
from vocabulary import Field, Reached, literal, shape_of

if TYPE_CHECKING:
    from subqueries import Subqueries

__all__ = ["ANY", "Conditions", "Scope"]

ANY = "*"
"""Any relation may be followed, however many rows it leads to."""

_ANNOTATED = {kind: Field("", kind, nullable=True, values=values) for kind, values in {
    "integer": bookshop.INTEGERS,
    "float": bookshop.FLOATS,
    "decimal": bookshop.DECIMALS,
    "text": bookshop.SLUGS,
    "date": bookshop.DATES,
    "datetime": bookshop.TIMES,
    "boolean": bookshop.BOOLEANS,
}.items()}
"""Columns that stand for annotations: values of each kind."""


@dataclass
class Scope:
    """What a condition may speak of.

    Attributes
    ----------
    many
        Relations to several rows: ``""`` for none, `ANY`, or the path of the only one.
    negated
        The same under ``~``.
    plain
        Whether the model's own columns may be used, beside annotations.
    used
        The paths to several rows that were used outside ``~``.
    """

    many: str = ""
    negated: str = ""
    plain: bool = True
    used: set[str] = field(default_factory=set)

    def inside_not(self) -> Scope:
        """Give the scope under ``~``."""
        return replace(self, many=self.negated, used=set())


class Conditions:
    """Makes conditions on one model.

    Parameters
    ----------
    extra
        Annotations that may be used, with their kinds.
    """

    def __init__(self, expressions: Expressions, extra: Mapping[str, str]) -> None:
        self.expressions = expressions
        self.dice = expressions.dice
        self.shape = expressions.shape
        self.extra = extra
        self.subqueries: Subqueries | None = None

    def arguments(self, scope: Scope, most: int = 3) -> str:
        """Make the arguments of a call: some ``Q`` and some keywords."""
        trees = [self.tree(scope) for _ in range(self.dice.number(1, most)) if self.dice.chance(0.3)]
        keywords = dict(self.keyword(scope) for _ in range(self._few(most) - bool(trees)))
        return ", ".join((*trees, *(f"{name}={value}" for name, value in keywords.items())))

    def _few(self, most: int) -> int:
        """Choose a number, more often a small one, since every further condition leaves fewer rows."""
        return min(self.dice.number(1, most), self.dice.number(1, most))

    def when(self) -> str:
        """Make what a ``When`` asks: one tree, or keywords."""
        scope = Scope()
        return self.tree(scope) if self.dice.chance(0.4) else ", ".join(f"{name}={value}" for name, value in self._pairs(scope))

    def tree(self, scope: Scope, depth: int = 2) -> str:
        """Make a ``Q`` that may combine others."""
        if depth and self.dice.chance(0.6):
            operator = self.dice.weighted({"&": 3, "|": 5, "^": 1.5})
            made = f" {operator} ".join(self.tree(scope, depth - 1) for _ in range(self.dice.number(2, 2 + (operator == "^"))))
            return f"({made})"
        if self.dice.chance(0.25):
            return f"~{self.tree(scope.inside_not(), depth - 1 if depth else 0)}"
        if self.dice.chance(0.06) and self.subqueries and scope.plain:
            return self.subqueries.exists()
        if self.dice.chance(0.02):
            return "Q()"
        return f"Q({', '.join(f'{name}={value}' for name, value in self._pairs(scope))})"

    def _pairs(self, scope: Scope) -> list[tuple[str, str]]:
        pairs = dict(self.keyword(scope) for _ in range(2 if self.dice.chance(0.25) else 1))
        return list(pairs.items())

    # --- one keyword -----------------------------------------------------------------------

    def keyword(self, scope: Scope) -> tuple[str, str]:
        """Make ``path__lookup`` and the text of its value."""
        if self.extra and (not scope.plain or self.dice.chance(0.35)):
            return self._on_annotation()
        reached = self._reach(scope)
        if reached.many:
            scope.used.add(reached.many)
        if reached.prefix and self.dice.chance(0.15):
            return self._on_relation(reached)
        column = self.dice.pick(reached.shape.fields)
        if column.kind == "key":
            return self._on_key(reached, column)
        return self._on_column(reached.prefix, column)

    def _reach(self, scope: Scope) -> Reached:
        if scope.many in ("", ANY):
            return self.expressions.reach(many=scope.many == ANY)
        if self.dice.chance(0.4):
            return self.expressions.reach()
        return self.along(scope.many)

    def along(self, path: str) -> Reached:
        """Follow a given path, and perhaps a step further."""
        found = Reached(self.shape)
        for step in path.split("__"):
            found = found.through(next(link for link in found.shape.links if link.name == step))
        onward = [link for link in found.shape.links if not link.many]
        return found.through(self.dice.pick(onward)) if onward and self.dice.chance(0.2) else found

    def _on_annotation(self) -> tuple[str, str]:
        name = self.dice.pick(sorted(self.extra))
        kind = self.extra[name]
        if self.dice.chance(0.1):
            return f"{name}__{self.dice.pick(('gt', 'lte'))}", self.expressions.leaf(kind)
        suffix, value = lookup(self.dice, _ANNOTATED[kind])
        return name + suffix, value

    def _on_column(self, prefix: str, column: Field) -> tuple[str, str]:
        name = "pk" if column.name == "id" and self.dice.chance(0.7) else column.name
        if column.kind in OUTPUT and column.kind != "boolean" and self.dice.chance(0.08):
            suffix = self.dice.pick(("", "__gt", "__gte", "__lt", "__lte"))
            return prefix + name + suffix, self.expressions.of(column.kind, self.dice.number(0, 1))
        if name == "pk" and self.subqueries and self.dice.chance(0.1):
            return f"{prefix}pk__in", self.subqueries.keys(self.expressions.shape.name if not prefix else None)
        suffix, value = lookup(self.dice, column)
        return prefix + name + suffix, value

    def _on_key(self, reached: Reached, column: Field) -> tuple[str, str]:
        if self.dice.chance(0.3):
            suffix, value = lookup(self.dice, column)
            return f"{reached.prefix}{column.name}_id{suffix}", value
        target = next(link.target for link in reached.shape.links if link.name == column.name)
        return self._relative(reached.prefix + column.name, target)

    def _on_relation(self, reached: Reached) -> tuple[str, str]:
        return self._relative(reached.prefix.removesuffix("__"), reached.shape.name)

    def _relative(self, path: str, target: str) -> tuple[str, str]:
        """Compare a relation itself: with a key, an instance, several, a query, or nothing."""
        key = shape_of(target).field("id")
        match self.dice.weighted({"key": 4, "instance": 1, "in": 3, "query": 1, "isnull": 3, "none": 1, "range": 0.3}):
            case "instance":
                return path, f"{target}.objects.get(pk={self.dice.pick(key.present)})"
            case "in":
                return f"{path}__in", literal(self.dice.some(key.present, 4))
            case "query" if self.subqueries:
                return f"{path}__in", self.subqueries.rows(target)
            case "isnull":
                return f"{path}__isnull", str(self.dice.chance(0.5))
            case "none":
                return path, "None"
            case "range":
                return f"{path}__gte", str(self.dice.pick(key.present))
        return path, str(self.dice.pick(key.present))
