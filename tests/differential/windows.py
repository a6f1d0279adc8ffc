"""Random window functions."""

from __future__ import annotations

from expressions import Expressions
from vocabulary import Dice

__all__ = ["Windows"]

_RANKS = {"Rank": "integer", "DenseRank": "integer", "PercentRank": "float", "CumeDist": "float"}
_ROW_FRAMES = ((None, 0), (-2, 0), (0, None), (-1, 1), (1, 2), (None, None), (-3, -1))
_VALUE_FRAMES = ((None, 0), (0, None), (None, None))


class Windows:
    """Makes window functions over one model."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.dice: Dice = expressions.dice

    def window(self) -> tuple[str, str]:
        """Make one; give its text and kind."""
        match self.dice.pick(("rank", "place", "neighbour", "total")):
            case "rank":
                name = self.dice.pick(tuple(_RANKS))
                return self._over(f"{name}()", self._order(total=False)), _RANKS[name]
            case "place":
                name = self.dice.pick(("RowNumber()", f"Ntile({self.dice.number(1, 5)})"))
                return self._over(name, self._order(total=True)), "integer"
            case "neighbour":
                return self._neighbour()
        return self._total()

    def _neighbour(self) -> tuple[str, str]:
        kind = self.dice.pick(("integer", "text", "date", "float"))
        argument = self.expressions.argument(kind, self.dice.number(0, 1))
        match self.dice.pick(("Lag", "Lead", "FirstValue", "LastValue", "NthValue")):
            case ("Lag" | "Lead") as name:
                offset = f", offset={self.dice.number(1, 3)}" if self.dice.chance(0.4) else ""
                default = f", default=Value({self.expressions.constant(kind)})" if self.dice.chance(0.3) else ""
                return self._over(f"{name}({argument}{offset}{default})", self._order(total=True)), kind
            case "NthValue":
                function = f"NthValue({argument}, nth={self.dice.number(1, 3)})"
            case name:
                function = f"{name}({argument})"
        return self._over(function, self._order(total=True), self._frame(rows=True)), kind

    def _total(self) -> tuple[str, str]:
        name = self.dice.pick(("Sum", "Avg", "Min", "Max", "Count"))
        kind = self.dice.pick(("integer", "float"))
        function = f"{name}({self.expressions.argument(kind, self.dice.number(0, 1))})"
        kind = {"Count": "integer", "Avg": "float"}.get(name, kind)
        if self.dice.chance(0.3):
            return self._over(function, ""), kind
        if self.dice.chance(0.5):
            return self._over(function, self._order(total=False), self._frame(rows=False)), kind
        return self._over(function, self._order(total=True), self._frame(rows=True)), kind

    def _over(self, function: str, *parts: str) -> str:
        partition = self._partition() if self.dice.chance(0.6) else ""
        return f"Window({', '.join(filter(None, (function, partition, *parts)))})"

    def _partition(self) -> str:
        paths = [
            self.expressions.path(self.dice.pick(("text", "integer", "boolean"))) for _ in range(self.dice.number(1, 2))
        ]
        found = [f'F("{path}")' if self.dice.chance(0.5) else f'"{path}"' for path in paths if path]
        return f"partition_by=[{', '.join(found)}]" if found else ""

    def _order(self, *, total: bool) -> str:
        path = self.expressions.path(self.dice.pick(("text", "integer", "date", "float"))) or "pk"
        first = self.dice.pick((f'"{path}"', f'"-{path}"', f'F("{path}").desc()', f'F("{path}").asc(nulls_last=True)'))
        if total:
            return f'order_by=[{first}, "pk"]'
        return f"order_by={first}" if self.dice.chance(0.5) else f"order_by=[{first}]"

    def _frame(self, *, rows: bool) -> str:
        if self.dice.chance(0.4):
            return ""
        start, end = self.dice.pick(_ROW_FRAMES if rows else _VALUE_FRAMES)
        return f"frame={'RowRange' if rows else 'ValueRange'}(start={start}, end={end})"
