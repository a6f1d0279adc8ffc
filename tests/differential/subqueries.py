"""Random subqueries: ``Exists``, ``Subquery`` with ``OuterRef``, and queries as the values of lookups."""

from __future__ import annotations

from conditions import ANY, Conditions, Scope
from expressions import Expressions
from vocabulary import Dice, Field, Link, Shape, shape_of

__all__ = ["Subqueries", "speakers"]


def speakers(dice: Dice, shape: Shape, extra: dict[str, str], *, inner: bool = False) -> tuple[Expressions, Conditions]:
    """Make a maker of expressions and one of conditions that know each other; inner ones make no subqueries."""
    expressions = Expressions(dice, shape, extra)
    conditions = Conditions(expressions, extra)
    expressions.conditions = conditions
    if not inner:
        conditions.subqueries = Subqueries(dice, shape)
    return expressions, conditions


class Subqueries:
    """Makes queries to stand inside a query on one model."""

    def __init__(self, dice: Dice, outer: Shape) -> None:
        self.dice = dice
        self.outer = outer

    def _conditions(self, model: str, most: int) -> str:
        _, conditions = speakers(self.dice, shape_of(model), {}, inner=True)
        return conditions.arguments(Scope(many=ANY), most)

    def rows(self, model: str) -> str:
        """Make a query for rows of a model."""
        made = f"{model}.objects.filter({self._conditions(model, 2)})"
        if self.dice.chance(0.15):
            return f'{made}.order_by("-pk")[:{self.dice.number(1, 5)}]'
        return f'{made}.values("pk")' if self.dice.chance(0.4) else made

    def keys(self, model: str | None) -> str:
        """Make a query that gives keys: of rows of a model, or those that a foreign key holds."""
        targets = [
            link for link in self.outer.links if link.many and (model is None or link.back in _keys(link.target))
        ]
        if model is None or not targets or self.dice.chance(0.5):
            model = model or self.outer.name
            return f'{model}.objects.filter({self._conditions(model, 2)}).values("pk")'
        link = self.dice.pick(targets)
        # With a NULL among the keys, what is not among them is unknown to Django; we leave NULLs out.
        present = f"Q({self._conditions(link.target, 1)}), {link.back}__isnull=False"
        return f'{link.target}.objects.filter({present}).values("{link.back}")'

    def _related(self, link: Link) -> str:
        """Make a query for the relatives of the outer row."""
        conditions = f'{link.back}=OuterRef("pk")' if link.many else f'pk=OuterRef("{link.name}")'
        if self.dice.chance(0.5):
            # A keyword of the same name would be written twice.
            conditions = f"Q({self._conditions(link.target, 1)}), {conditions}"
        return f"{link.target}.objects.filter({conditions})"

    def exists(self) -> str:
        """Make an ``Exists`` on relatives, or on rows that compare with the outer row in a column."""
        sign = "~" if self.dice.chance(0.35) else ""
        if self.dice.chance(0.7):
            return f"{sign}Exists({self._related(self.dice.pick(self.outer.links))})"
        kind = self.dice.pick(("integer", "text", "date"))
        compared = [field for field in self.outer.of_kind(kind) if field.name != "id"]
        if not compared:
            return f"{sign}Exists({self._related(self.dice.pick(self.outer.links))})"
        name, suffix = self.dice.pick(compared).name, self.dice.pick(("", "__gt", "__lt"))
        others = f'{self.outer.name}.objects.exclude(pk=OuterRef("pk"))'
        return f'{sign}Exists({others}.filter({name}{suffix}=OuterRef("{name}")))'

    def value(self) -> tuple[str, str]:
        """Make a ``Subquery`` of one value; give its text and kind."""
        link = self.dice.pick(self.outer.links)
        if link.many and self.dice.chance(0.4):
            return self._total(link)
        field = self.dice.pick(
            [field for field in shape_of(link.target).fields if field.kind not in ("key", "boolean")]
        )
        order = self.dice.pick((f'"{field.name}", "pk"', f'"-{field.name}", "pk"', '"pk"', '"-pk"'))
        return f'Subquery({self._related(link)}.order_by({order}).values("{field.name}")[:1])', field.kind

    def _total(self, link: Link) -> tuple[str, str]:
        """Make an aggregate of the relatives; grouping by the way back leaves one group."""
        counted = self.dice.chance(0.5)
        fields = shape_of(link.target).of_kind("integer")
        aggregate = 'Count("pk")' if counted else f'Sum("{self.dice.pick(fields).name}")'
        query = f'{link.target}.objects.filter({link.back}=OuterRef("pk"))'
        return f'Subquery({query}.values("{link.back}").annotate(total={aggregate}).values("total"))', "integer"


def _keys(model: str) -> set[str]:
    fields: list[Field] = shape_of(model).of_kind("key")
    return {field.name for field in fields}
