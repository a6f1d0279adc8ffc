"""Random expressions: arithmetic, functions, Case, one per kind of result."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vocabulary import Dice, Reached, Shape, literal

if TYPE_CHECKING:
    from conditions import Conditions

__all__ = ["OUTPUT", "Expressions"]

OUTPUT = {
    "integer": "INTEGER",
    "float": "FLOAT",
    "decimal": "DECIMAL",
    "text": "TEXT",
    "date": "DATE",
    "datetime": "DATETIME",
    "boolean": "BOOLEAN",
}
"""The names of output fields."""

_DATE_PARTS = ("Year", "IsoYear", "Quarter", "Month", "Week", "WeekDay", "IsoWeekDay", "Day")
_TIME_PARTS = ("Hour", "Minute", "Second")
_DATE_UNITS = ("Year", "Quarter", "Month", "Week", "Day")
_PIECES = ("a", "b", "", "%", "_", "alpha", "é", "日", " ", "2")
_CONSTANTS: dict[str, tuple[Any, ...]] = {
    "integer": (0, 1, 2, 5, 40, -7),
    "float": (0.5, 1.25, 2.0, -1.5),
    "decimal": (Decimal("0.25"), Decimal("9.75"), Decimal("-1.10")),
    "text": ("", "a", "x%", "Zoë", "beta"),
    "date": (dt.date(2020, 2, 29), dt.date(2022, 12, 31)),
    "datetime": (dt.datetime(2021, 1, 1), dt.datetime(2022, 12, 31, 22, 10, 1)),
    "boolean": (True, False),
}
_SPANS = ("timedelta(days=1)", "timedelta(hours=36, minutes=5)", "timedelta(days=-40)")


class Expressions:
    """Makes expressions over one model.

    Parameters
    ----------
    extra
        Annotations that may be used, with their kinds.
    steps
        How many relations a path may follow.

    Examples
    --------
    >>> from vocabulary import shape_of
    >>> Expressions(Dice(4), shape_of("Book"), {}).of("integer", 0)
    'F("copies")'
    """

    def __init__(self, dice: Dice, shape: Shape, extra: Mapping[str, str], steps: int = 2) -> None:
        self.dice = dice
        self.shape = shape
        self.extra = extra
        self.steps = steps
        self.conditions: Conditions | None = None
        """What a Case asks; set by those who make both."""

    # --- leaves ----------------------------------------------------------------------------

    def reach(self, *, many: bool = False) -> Reached:
        """Follow a random path of relations."""
        found, steps = Reached(self.shape), self.steps
        while steps and self.dice.chance(0.35):
            links = [link for link in found.shape.links if many or not link.many]
            if not links:
                break
            found, steps = found.through(self.dice.pick(links)), steps - 1
        return found

    def relation(self) -> Reached:
        """Follow a path to several rows."""
        found = Reached(self.shape)
        while not found.many or self.dice.chance(0.2):
            several = [link for link in found.shape.links if link.many]
            found = found.through(self.dice.pick(several or found.shape.links))
        return found

    def path(self, kind: str) -> str:
        """Give the path of a column or annotation of a kind; empty where there is none."""
        extras = [name for name, held in self.extra.items() if held == kind]
        if extras and self.dice.chance(0.5):
            return self.dice.pick(extras)
        reached = self.reach()
        fields = reached.shape.of_kind(kind) or self.shape.of_kind(kind)
        if not fields:
            return ""
        field = self.dice.pick(fields)
        return (reached.prefix if field in reached.shape.fields else "") + field.name

    def constant(self, kind: str) -> str:
        """Give a value of a kind."""
        return literal(self.dice.pick(_CONSTANTS[kind]))

    def leaf(self, kind: str) -> str:
        path = "" if self.dice.chance(0.15) else self.path(kind)
        return f'F("{path}")' if path else f"Value({self.constant(kind)})"

    # --- any kind --------------------------------------------------------------------------

    def of(self, kind: str, depth: int = 2) -> str:
        """Make an expression of a kind, of at most so many levels."""
        if depth <= 0 or self.dice.chance(0.2):
            return self.leaf(kind)
        if kind == "boolean" or self.dice.chance(0.25):
            return self._general(kind, depth - 1)
        make = self.dice.pick(_MAKERS[kind])
        return make(self, depth - 1)

    def argument(self, kind: str, depth: int) -> str:
        """Make an argument of a function, where a plain text names a field."""
        made = self.of(kind, depth)
        named = made.startswith('F("') and made.endswith('")') and made.count('"') == 2
        return made[2:-1] if named and self.dice.chance(0.5) else made

    def _general(self, kind: str, depth: int) -> str:
        name = self.dice.weighted({"Case": 4, "Coalesce": 3, "NullIf": 1, "Greatest": 1, "Least": 1, "Wrapped": 1})
        if name == "Case" or kind == "boolean":
            return self.case(kind, depth)
        if name == "Wrapped":
            return f"ExpressionWrapper({self.of(kind, depth)}, output_field={OUTPUT[kind]})"
        return f"{name}({self.argument(kind, depth)}, {self.argument(kind, depth)})"

    def case(self, kind: str, depth: int) -> str:
        """Make a Case of one or two branches."""
        assert self.conditions is not None
        asked = [self.conditions.when() for _ in range(self.dice.number(1, 2))]
        branches = [f"When({condition}, then={self.of(kind, depth)})" for condition in asked]
        default = f", default={self.of(kind, depth)}" if self.dice.chance(0.6) else ""
        return f"Case({', '.join(branches)}{default}, output_field={OUTPUT[kind]})"

    def call(self, name: str, kind: str, depth: int, *others: str) -> str:
        """Make a call whose first argument is of a kind."""
        return f"{name}({', '.join((self.argument(kind, depth), *others))})"

    # --- numbers ---------------------------------------------------------------------------

    def _arithmetic(self, left: str, right: str, depth: int, operators: str) -> str:
        return f"({self.of(left, depth)} {self.dice.pick(operators)} {self.of(right, depth)})"

    def _whole(self, depth: int) -> str:
        return self._arithmetic("integer", "integer", depth, "+-*/%")

    def _with_constant(self, depth: int) -> str:
        operator, number = self.dice.pick("+-*/%"), self.dice.pick((0, 1, 2, 3, 10, -3))
        pair = [self.of("integer", depth), str(number)]
        if self.dice.chance(0.2):
            pair.reverse()
        return f"({pair[0]} {operator} {pair[1]})"

    def _whole_function(self, depth: int) -> str:
        return self.call(self.dice.pick(("Abs", "Sign")), "integer", depth)

    def _text_measure(self, depth: int) -> str:
        match self.dice.pick(("Length", "Ord", "StrIndex")):
            case "StrIndex":
                return self.call("StrIndex", "text", depth, f"Value({literal(self.dice.pick(_PIECES))})")
            case name:
                return self.call(name, "text", depth)

    def _date_part(self, depth: int) -> str:
        if self.dice.chance(0.6):
            return self.call(f"Extract{self.dice.pick(_DATE_PARTS)}", self.dice.pick(("date", "datetime")), depth)
        return self.call(f"Extract{self.dice.pick(_TIME_PARTS)}", "datetime", depth)

    def _cast_whole(self, depth: int) -> str:
        given = '"isbn"' if self.shape.name == "Book" and self.dice.chance(0.5) else self.of("float", 0)
        return f"Cast({given}, output_field=INTEGER)"

    def _floating(self, depth: int) -> str:
        left, right = self.dice.pick((("float", "float"), ("float", "integer"), ("integer", "float")))
        return self._arithmetic(left, right, depth, "+-*/")

    def _power(self, depth: int) -> str:
        base = self.of("float", 0)
        return self.dice.pick((f"({base} ** 2.0)", f"({base} ** 3.0)", f"Power({base}, 2)", f"Mod({base}, 7)"))

    def _rounded(self, depth: int) -> str:
        name = self.dice.pick(("Round", "Ceil", "Floor", "Abs"))
        others = [f"precision={self.dice.pick((0, 1, 2))}"] if name == "Round" and self.dice.chance(0.6) else []
        return self.call(name, "float", depth, *others)

    def _analysis(self, depth: int) -> str:
        number = f"Abs({self.argument('float', 0)})"
        match self.dice.pick(("trigonometry", "root", "logarithm", "angle")):
            case "trigonometry":
                return f"{self.dice.pick(('Sin', 'Cos', 'Tan', 'ATan'))}({number})"
            case "root":
                return f"Sqrt({number})"
            case "logarithm":
                return self.dice.pick(
                    (f"Ln({number} + 1.0)", f"Log(Value(10.0), {number} + 1.0)", f"Exp({number} / 50.0)")
                )
        return self.dice.pick((f"Degrees({number})", f"Radians({number})", "Pi()", f"ATan2({number}, Value(2.0))"))

    def _cast_float(self, depth: int) -> str:
        return f"Cast({self.argument('integer', depth)}, output_field=FLOAT)"

    def _exact(self, depth: int) -> str:
        return self._arithmetic("decimal", self.dice.pick(("decimal", "integer")), depth, "+-*")

    def _divided(self, depth: int) -> str:
        # A decimal that comes out of a product may be whole, and SQLite then divides integers.
        return f"({self.leaf('decimal')} / {self.leaf('integer')})"

    def _rounded_decimal(self, depth: int) -> str:
        name = self.dice.pick(("Abs", "Round"))
        others = [f"precision={self.dice.pick((0, 1))}"] if name == "Round" and self.dice.chance(0.6) else []
        return self.call(name, "decimal", 0, *others)

    def _cast_decimal(self, depth: int) -> str:
        return f"Cast({self.argument('integer', 0)}, output_field=DECIMAL)"

    # --- texts -----------------------------------------------------------------------------

    def _folded(self, depth: int) -> str:
        return self.call(self.dice.pick(("Upper", "Lower", "Reverse", "Trim", "LTrim", "RTrim")), "text", depth)

    def _digest(self, depth: int) -> str:
        return self.call(self.dice.pick(("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512")), "text", 0)

    def _joined(self, depth: int) -> str:
        parts = [self.argument("text", depth) for _ in range(self.dice.number(2, 3))]
        if all(part.startswith('"') for part in parts):
            parts.insert(1, 'Value("-")')
        return f"Concat({', '.join(parts)})"

    def _cut(self, depth: int) -> str:
        name = self.dice.pick(("Substr", "Left", "Right"))
        others = [str(self.dice.number(1, 4))]
        if name == "Substr" and self.dice.chance(0.7):
            others.append(str(self.dice.number(0, 3)))
        return self.call(name, "text", depth, *others)

    def _padded(self, depth: int) -> str:
        fill = f"Value({literal(self.dice.pick(('-', 'ab', ' ')))})"
        return self.call(self.dice.pick(("LPad", "RPad")), "text", depth, str(self.dice.number(0, 7)), fill)

    def _replaced(self, depth: int) -> str:
        old, new = (f"Value({literal(self.dice.pick(_PIECES))})" for _ in range(2))
        return self.call("Replace", "text", depth, old, new)

    def _repeated(self, depth: int) -> str:
        return self.call("Repeat", "text", 0, str(self.dice.number(0, 3)))

    def _cast_text(self, depth: int) -> str:
        return f"Cast({self.argument('integer', 0)}, output_field=TEXT)"

    def _letter(self, depth: int) -> str:
        return f"Chr({self.dice.pick((65, 97, 233, 26085))})"

    # --- dates -----------------------------------------------------------------------------

    def _truncated_date(self, depth: int) -> str:
        return self.call(f"Trunc{self.dice.pick(_DATE_UNITS)}", "date", depth)

    def _day_of(self, depth: int) -> str:
        return self.call("TruncDate", "datetime", depth)

    def _truncated_time(self, depth: int) -> str:
        return self.call(f"Trunc{self.dice.pick((*_DATE_UNITS, *_TIME_PARTS))}", "datetime", depth)

    def _shifted(self, depth: int) -> str:
        shifted = f"{self.of('datetime', 0)} {self.dice.pick('+-')} {self.dice.pick(_SPANS)}"
        return f"ExpressionWrapper({shifted}, output_field=DATETIME)"


Maker = Callable[[Expressions, int], str]

# Private to the class, which is told here which of its methods give what.
_MAKERS: dict[str, tuple[Maker, ...]] = {
    "integer": (
        Expressions._whole,
        Expressions._with_constant,
        Expressions._whole_function,
        Expressions._text_measure,
        Expressions._date_part,
        Expressions._cast_whole,
    ),
    "float": (
        Expressions._floating,
        Expressions._power,
        Expressions._rounded,
        Expressions._analysis,
        Expressions._cast_float,
    ),
    "decimal": (
        Expressions._exact,
        Expressions._divided,
        Expressions._rounded_decimal,
        Expressions._cast_decimal,
    ),
    "text": (
        Expressions._folded,
        Expressions._digest,
        Expressions._joined,
        Expressions._cut,
        Expressions._padded,
        Expressions._replaced,
        Expressions._repeated,
        Expressions._cast_text,
        Expressions._letter,
    ),
    "date": (Expressions._truncated_date, Expressions._day_of),
    "datetime": (Expressions._truncated_time, Expressions._shifted),
}
