"""Random conditions: arguments of ``filter()``, and trees of ``Q``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import bookshop
from expressions import OUTPUT, Expressions
from lookups import lookup, mistake
from vocabulary import Field, Reached, literal, shape_of

if TYPE_CHECKING:
    from subqueries import Subqueries

__all__ = ["ANY", "Conditions", "Scope"]

ANY = "*"
"""Any relation may be followed, however many rows it leads to."""

_ANNOTATED = {
    kind: Field("", kind, nullable=True, values=values)
    for kind, values in {
        "integer": bookshop.INTEGERS,
        "float": bookshop.FLOATS,
        "decimal": bookshop.DECIMALS,
        "text": bookshop.SLUGS,
        "date": bookshop.DATES,
        "datetime": bookshop.TIMES,
        "boolean": bookshop.BOOLEANS,
    }.items()
}
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
    near
        Whether to follow no relation but those to several rows, nor name one in a value. Where Django makes a subquery
        of a negated condition, it mistakes other joins of the same table for the subquery's own.
    keys
        Whether foreign keys may be compared.
    hopeless
        Whether a condition may be one that no row can fulfil; Django drops rows whose annotation is one.
    careless
        Whether a condition may be wrong.
    used
        The paths to several rows that were used outside ``~``.
    negative
        Whether this is under an odd number of negations.
    met
        The relations that the call followed so far, and whether negatively. Django keeps a row that lacks a relative,
        or not, by what other conditions said of the relation before; unless the column may be NULL itself.
    """

    many: str = ""
    negated: str = ""
    plain: bool = True
    near: bool = False
    keys: bool = True
    hopeless: bool = True
    careless: bool = False
    used: set[str] = field(default_factory=set)
    negative: bool = False
    met: dict[str, bool] = field(default_factory=dict)

    def inside_not(self) -> Scope:
        """Give the scope under ``~``."""
        return replace(self, many=self.negated, used=set(), negative=not self.negative)

    def inside_xor(self) -> Scope:
        """Give the scope of a part of ``^``, where Django loses the rows that have no relative."""
        return replace(self, many="", negated="", near=True, keys=False)


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
        scope = Scope(near=not self.expressions.steps)
        return (
            self.tree(scope)
            if self.dice.chance(0.4)
            else ", ".join(f"{name}={value}" for name, value in self._pairs(scope))
        )

    def tree(self, scope: Scope, depth: int = 2) -> str:
        """Make a ``Q`` that may combine others."""
        if depth and self.dice.chance(0.6):
            operator = self.dice.weighted({" & ": 3, " | ": 5, " ^ ": 1.5})
            inner = scope.inside_xor() if operator == " ^ " else scope
            return f"({operator.join(self.tree(inner, depth - 1) for _ in range(self.dice.number(2, 3)))})"
        if self.dice.chance(0.25):
            made = self.tree(scope.inside_not(), max(0, depth - 1))
            # ~~Q is Q again, and joins.
            return made if made.startswith("~") and scope.negated else f"~{made}"
        if self.dice.chance(0.06) and self.subqueries and scope.plain:
            return self.subqueries.exists()
        if self.dice.chance(0.02) and scope.hopeless:
            return f"(Q() {self.dice.pick('&|')} {self._leaf(scope)})"
        return self._leaf(scope)

    def _leaf(self, scope: Scope) -> str:
        return f"Q({', '.join(f'{name}={value}' for name, value in self._pairs(scope))})"

    def _pairs(self, scope: Scope) -> list[tuple[str, str]]:
        pairs = dict(self.keyword(scope) for _ in range(2 if self.dice.chance(0.25) else 1))
        return list(pairs.items())

    # --- one keyword -----------------------------------------------------------------------

    def keyword(self, scope: Scope) -> tuple[str, str]:
        """Make ``path__lookup`` and the text of its value."""
        if self.extra and (not scope.plain or self.dice.chance(0.35)):
            return self._on_annotation(scope)
        reached = self._reach(scope)
        if reached.many:
            scope.used.add(reached.many)
        if reached.prefix and self.dice.chance(0.15):
            return self._on_relation(reached)
        column = self.dice.pick([field for field in reached.shape.fields if scope.keys or field.kind != "key"])
        if reached.prefix and not self._certain(reached, column, scope):
            reached, column = Reached(self.shape), self.dice.pick(self.shape.of_kind("integer", "text"))
        if column.kind == "key":
            return self._on_key(reached, column, scope)
        return self._on_column(reached.prefix, column, scope)

    def _certain(self, reached: Reached, column: Field, scope: Scope) -> bool:
        """Tell whether Django's answer depends on nothing but this condition; see `Scope.met`."""
        before = scope.met.setdefault(reached.prefix.split("__")[0], scope.negative)
        return column.nullable or before == scope.negative

    def _reach(self, scope: Scope) -> Reached:
        if scope.near and (not scope.many or self.dice.chance(0.4)):
            return Reached(self.shape)
        if scope.many == ANY and scope.near:
            return self.expressions.relation()
        if scope.many in ("", ANY):
            return self.expressions.reach(many=scope.many == ANY)
        return self.along(scope.many) if self.dice.chance(0.6) else self.expressions.reach()

    def along(self, path: str) -> Reached:
        """Follow a given path, and perhaps a step further."""
        found = Reached(self.shape)
        for step in path.split("__"):
            found = found.through(next(link for link in found.shape.links if link.name == step))
        onward = [link for link in found.shape.links if not link.many]
        return found.through(self.dice.pick(onward)) if onward and self.dice.chance(0.2) else found

    def _on_annotation(self, scope: Scope) -> tuple[str, str]:
        name = self.dice.pick(sorted(self.extra))
        kind = self.extra[name]
        if kind == "condition":
            return name, str(self.dice.chance(0.5))
        if self.dice.chance(0.1) and not scope.near:
            return f"{name}__{self.dice.pick(('gt', 'lte'))}", self.expressions.leaf(kind)
        suffix, value = self._lookup(_ANNOTATED[kind], scope)
        return name + suffix, value

    def _on_column(self, prefix: str, column: Field, scope: Scope) -> tuple[str, str]:
        name = "pk" if column.name == "id" and self.dice.chance(0.7) else column.name
        if column.kind in OUTPUT and column.kind != "boolean" and self.dice.chance(0.08) and not scope.near:
            suffix = self.dice.pick(("", "__gt", "__gte", "__lt", "__lte"))
            return prefix + name + suffix, self._computed(column.kind)
        if name == "pk" and self.subqueries and self.dice.chance(0.1):
            return f"{prefix}pk__in", self.subqueries.keys(self.expressions.shape.name if not prefix else None)
        suffix, value = self._lookup(column, scope)
        return prefix + name + suffix, value

    def _computed(self, kind: str) -> str:
        """Make an expression to compare with, of the row's own columns where a missing relative need not make it NULL.

        Django loses the rows without one.
        """
        if self.dice.chance(0.5):
            return self.expressions.leaf(kind)
        nearby = Expressions(self.dice, self.shape, self.extra, steps=0)
        nearby.conditions = Conditions(nearby, self.extra)
        return nearby.of(kind, 1)

    def _lookup(self, column: Field, scope: Scope) -> tuple[str, str]:
        if self.dice.careless and scope.careless and self.dice.chance(0.15):
            self.dice.careless = False
            return mistake(self.dice)
        return lookup(self.dice, column, hopeless=scope.hopeless)

    def _on_key(self, reached: Reached, column: Field, scope: Scope) -> tuple[str, str]:
        if self.dice.chance(0.3):
            suffix, value = self._lookup(column, scope)
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
