"""The steps of a random program: each adds a call to a chain and remembers what later calls may say.

A query that joins several rows multiplies what other aggregates count, in Django. We don't do that on purpose, so each
program keeps to one of three plans:

- ``free`` joins whatever it likes, and its aggregates are immune: distinct counts, minima and maxima;
- ``over`` aggregates over one relation only, and filters on that relation at most once, before;
- ``base`` aggregates over the model's own rows; one filter may join several rows, before.
"""

from __future__ import annotations

from typing import Any

from conditions import ANY, Conditions, Scope
from expressions import Expressions
from subqueries import Subqueries, speakers
from vocabulary import Dice, Reached, literal, shape_of
from windows import Windows

__all__ = ["Chain"]

MODELS = {"Book": 5, "Author": 4, "Review": 2, "Publisher": 1.5, "Tag": 1}
SCALARS = {"integer": 4, "float": 3, "decimal": 2, "text": 4, "date": 1.5, "datetime": 1.5, "boolean": 1}
NUMBERS = ("integer", "float", "decimal")
COMPARABLE = (*NUMBERS, "text", "date", "datetime")
IMMUNE = {"Count": 3, "Min": 1, "Max": 1}
AGGREGATES = {"Count": 4, "Sum": 4, "Avg": 3, "Min": 2, "Max": 2, "StdDev": 0.7, "Variance": 0.7}
GIVES = {"Count": "integer", "StdDev": "float", "Variance": "float"}


class Chain:
    """A chain of calls on one model.

    Attributes
    ----------
    scalars, aggregates, windows
        The annotations so far, with their kinds.
    joined
        The paths to several rows that the query joins.
    careless
        Whether a condition may be wrong.
    limits
        What conditions may not do; see `Scope`.
    """

    def __init__(self, dice: Dice, model: str | None = None) -> None:
        self.dice = dice
        self.model = model or dice.weighted(MODELS)
        self.shape = shape_of(self.model)
        self.text = f"{self.model}.objects"
        self.scalars: dict[str, str] = {}
        self.aggregates: dict[str, str] = {}
        self.windows: dict[str, str] = {}
        self.joined: set[str] = set()
        self.limits: dict[str, bool] = {}
        self.careless = dice.careless
        self.plan = dice.weighted({"free": 5, "over": 3, "base": 3})
        self.over = self.speakers()[0].relation().many if self.plan == "over" else ""

    # --- speaking --------------------------------------------------------------------------

    @property
    def annotations(self) -> dict[str, str]:
        """All annotations with their kinds."""
        return self.scalars | self.aggregates | self.windows

    @property
    def shown(self) -> dict[str, str]:
        """The annotations that ``values()`` may name."""
        return {name: kind for name, kind in self.annotations.items() if f"alias({name}=" not in self.text}

    def speakers(self, extra: dict[str, str] | None = None) -> tuple[Expressions, Conditions]:
        """Give makers of expressions and conditions that know the given annotations, by default the scalar ones."""
        return speakers(self.dice, self.shape, self.scalars if extra is None else extra)

    def call(self, text: str) -> None:
        """Add a call."""
        self.text += f".{text}"

    # --- conditions ------------------------------------------------------------------------

    def filter(self) -> None:
        """Add a ``filter()``."""
        if (self.aggregates or self.windows) and self.dice.chance(0.5):
            self._filter_annotations("filter")
            return
        scope = self._filter_scope()
        _, conditions = self.speakers()
        self.call(f"filter({conditions.arguments(scope)})")
        self.joined |= scope.used

    def _filter_scope(self) -> Scope:
        many = self._may_join()
        if self.limits.get("near"):
            return self._scope()
        if self.windows or self.dice.chance(0.6):
            return self._scope(many)
        if many and not self.joined and self.dice.chance(0.5):
            # Which rows a negated condition means, beside a positive one in a second call, depends on Django's names.
            only = many if many != ANY else self.speakers()[0].relation().many
            return self._scope(only, negated=only, near=True)
        return self._scope(negated=ANY, near=True)

    def _scope(self, many: str = "", **given: Any) -> Scope:
        return Scope(many, careless=True, **(given | self.limits))

    def _may_join(self) -> str:
        """Say which relations a positive condition may follow now."""
        if self.windows:
            return ""
        if self.plan == "free":
            return ANY
        if self.joined or self.aggregates:
            return ""
        return self.over if self.plan == "over" else ANY

    def _filter_annotations(self, call: str) -> None:
        _, conditions = self.speakers(self.annotations)
        self.call(f"{call}({conditions.arguments(Scope(careless=True))})")

    def exclude(self) -> None:
        """Add an ``exclude()``."""
        if (self.aggregates or self.windows) and self.dice.chance(0.5):
            self._filter_annotations("exclude")
            return
        _, conditions = self.speakers()
        apart = not self.windows and not self.limits.get("near") and self.dice.chance(0.6)
        many = ANY if apart else ""
        scope = self._scope(many, negated=many, near=apart, negative=True)
        self.call(f"exclude({conditions.arguments(scope, 2)})")

    # --- annotations -----------------------------------------------------------------------

    def annotate(self) -> None:
        """Add an expression on each row."""
        kind = self.dice.weighted(SCALARS)
        expressions, conditions = self.speakers()
        name = f"x{len(self.scalars) + 1}"
        if self.dice.chance(0.12):
            made = f"ExpressionWrapper({conditions.tree(Scope(hopeless=False))}, output_field=BOOLEAN)"
            kind = "condition"
        else:
            made = expressions.of(kind, self.dice.number(1, 3))
        self.call(f"{'alias' if self.dice.chance(0.15) else 'annotate'}({name}={made})")
        self.scalars[name] = kind

    def annotate_subquery(self) -> None:
        """Add a subquery on each row."""
        subqueries = Subqueries(self.dice, self.shape)
        name = f"x{len(self.scalars) + 1}"
        # Django puts no parentheses around NOT EXISTS, so that little can be asked of it.
        made, kind = (subqueries.exists(), "condition") if self.dice.chance(0.4) else subqueries.value()
        self.call(f"annotate({name}={made})")
        self.scalars[name] = kind

    def annotate_window(self) -> None:
        """Add a window function."""
        expressions, _ = self.speakers()
        name = f"w{len(self.windows) + 1}"
        made, kind = Windows(expressions).window()
        self.call(f"annotate({name}={made})")
        self.windows[name] = kind

    def annotate_aggregates(self) -> None:
        """Add one or two aggregates on each row or group."""
        made = []
        for _ in range(self.dice.weighted({1: 3, 2: 1})):
            text, kind = self.aggregate()
            name = f"n{len(self.aggregates) + 1}"
            self.aggregates[name] = kind
            made.append(f"{name}={text}")
        self.call(f"annotate({', '.join(made)})")

    # --- aggregates ------------------------------------------------------------------------

    def aggregate(self) -> tuple[str, str]:
        """Make an aggregate; give its text and kind."""
        name = self.dice.weighted(IMMUNE if self.plan == "free" else AGGREGATES)
        if name == "Count":
            return self._count(), "integer"
        kind = self.dice.pick(COMPARABLE if name in ("Min", "Max") else NUMBERS)
        argument, kind = self._argument(kind)
        options = self._options()
        given = GIVES.get(name) or ("float" if name == "Avg" and kind == "integer" else kind)
        if self.dice.chance(0.12):
            options.append(f"default={self.speakers()[0].constant(given)}")
        if name in ("StdDev", "Variance") and self.dice.chance(0.5):
            options.append("sample=True")
        if name in ("Sum", "Avg") and kind != "decimal" and self.dice.chance(0.1):
            options.append("distinct=True")
        return f"{name}({', '.join((argument, *options))})", given

    def _count(self) -> str:
        options = self._options()
        if self.plan == "free" or self.dice.chance(0.2):
            options.append("distinct=True")
        return f"Count({', '.join((self._counted(), *options))})"

    def _counted(self) -> str:
        if self.plan == "base" and self.dice.chance(0.15):
            return '"pk"'
        reached = self._place()
        if reached.prefix and self.dice.chance(0.5):
            return literal(reached.prefix.removesuffix("__"))
        return literal(reached.prefix + self.dice.pick(("pk", *(field.name for field in reached.shape.fields))))

    def _place(self) -> Reached:
        """Choose what an aggregate goes over, as the plan says."""
        expressions, conditions = self.speakers()
        if self.plan == "base":
            return expressions.reach()
        reached = conditions.along(self.over) if self.plan == "over" else expressions.reach(many=True)
        self.joined |= {reached.many} - {""}
        return reached

    def _argument(self, kind: str) -> tuple[str, str]:
        if self.plan == "base" and self.dice.chance(0.3):
            return self.speakers()[0].argument(kind, 2), kind
        reached = self._place()
        field = self.dice.pick(reached.shape.of_kind(kind) or reached.shape.of_kind("integer"))
        path = f"{reached.prefix}{field.name}"
        if field.kind == "integer" and self.dice.chance(0.15):
            return f'F("{path}") {self.dice.pick("+*-")} {self.dice.number(1, 3)}', field.kind
        return f'"{path}"', field.kind

    def _options(self) -> list[str]:
        if not self.dice.chance(0.2):
            return []
        many = {"free": ANY, "over": self.over, "base": ""}[self.plan] if self.dice.chance(0.5) else ""
        _, conditions = self.speakers()
        return [f"filter={conditions.tree(Scope(many, negated=many), 1)}"]

    # --- order -----------------------------------------------------------------------------

    def order(self, *, total: bool, last: tuple[str, ...] = ()) -> None:
        """Add an ``order_by()``; a total one ends with the key, and before it come the keys of joined rows."""
        terms = [self._term() for _ in range(self.dice.number(0 if total or last else 1, 2))]
        ends = (*last, self.dice.pick(("pk", "pk", "-pk"))) if total else last
        self.call(f"order_by({', '.join((*terms, *map(literal, ends)))})")
        if self.dice.chance(0.15):
            self.call("reverse()")

    def _term(self) -> str:
        names = sorted(self.annotations)
        if names and self.dice.chance(0.5):
            path = self.dice.pick(names)
        else:
            reached = self.speakers()[0].reach()
            path = reached.prefix + self.dice.pick(reached.shape.fields).name
        direction = self.dice.pick(("asc", "desc"))
        match self.dice.pick(("plain", "plain", "F", "nulls", "function")):
            case "F":
                return f'F("{path}").{direction}()'
            case "nulls":
                return f'F("{path}").{direction}({self.dice.pick(("nulls_first", "nulls_last"))}=True)'
            case "function":
                return f"{self.speakers()[0].of(self.dice.pick(('integer', 'text')), 1)}.{direction}()"
        return f'"{self.dice.pick(("", "-"))}{path}"'
