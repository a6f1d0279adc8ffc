"""Functions of numbers; where mathematics gives nothing, they give NULL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.query.expressions import Resolved, Value
from multidb_explorer.query.functions.base import FLOAT, INTEGER, ScalarFunction
from multidb_explorer.query.output_kinds import common_kind

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend

__all__ = [
    "ACos",
    "ASin",
    "ATan",
    "ATan2",
    "Abs",
    "Ceil",
    "Cos",
    "Cot",
    "Degrees",
    "Exp",
    "Floor",
    "Ln",
    "Log",
    "Mod",
    "Pi",
    "Power",
    "Radians",
    "Random",
    "Round",
    "Sign",
    "Sin",
    "Sqrt",
    "Tan",
]


class _NumberFunction(ScalarFunction):
    arity = 1
    takes: ClassVar[tuple[str, ...]] = ("number",)
    gives: ClassVar[Kind | None] = FLOAT


class Abs(_NumberFunction):
    """The number without its sign."""

    function = "abs"
    gives = None


class _WholeFunction(_NumberFunction):
    gives = None

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        found = super().kind(arguments)
        return Kind("decimal", precision=found.precision, scale=0) if found.name == "decimal" else found


class Ceil(_WholeFunction):
    """The next whole number upwards."""

    function = "ceil"


class Floor(_WholeFunction):
    """The next whole number downwards."""

    function = "floor"


class Sign(_NumberFunction):
    """-1, 0 or 1."""

    function = "sign"
    gives = INTEGER


class Round(_NumberFunction):
    """The number with so many places; halves go away from zero.

    Parameters
    ----------
    expression
        The number.
    precision
        Places after the point; negative ones stand before it.

    Examples
    --------
    >>> Round("price", precision=1)
    Round(F('price'), 1)
    """

    function = "round"
    arity = 2
    takes = ("number", "whole")
    gives = None

    def __init__(self, expression: Any, precision: Any = 0, *, output_field: Any = None) -> None:
        super().__init__(expression, precision, output_field=output_field)

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        found, places = super().kind(arguments), self.arguments[1]
        if found.name != "decimal":
            return found
        if not isinstance(places, Value) or not isinstance(places.value, int):
            return Kind("decimal")
        if found.scale is None:
            return Kind("decimal", precision=38, scale=min(38, max(0, places.value)))
        # One digit more: 9.99 becomes 10.0.
        precision = None if found.precision is None else min(38, found.precision + 1)
        return Kind("decimal", precision=precision, scale=min(found.scale, max(0, places.value)))


class ACos(_NumberFunction):
    """The arc cosine."""

    function = "acos"
    partial = True


class ASin(_NumberFunction):
    """The arc sine."""

    function = "asin"
    partial = True


class ATan(_NumberFunction):
    """The arc tangent."""

    function = "atan"


class ATan2(_NumberFunction):
    """The arc tangent of a quotient, by the signs of both numbers."""

    function = "atan2"
    arity = 2


class Cos(_NumberFunction):
    """The cosine."""

    function = "cos"


class Cot(_NumberFunction):
    """The cotangent."""

    function = "cot"
    partial = True


class Degrees(_NumberFunction):
    """Radians as degrees."""

    function = "degrees"


class Exp(_NumberFunction):
    """Euler's number to a power."""

    function = "exp"
    partial = True


class Ln(_NumberFunction):
    """The natural logarithm."""

    function = "ln"
    partial = True


class Log(_NumberFunction):
    """The logarithm to a base, which comes first.

    Examples
    --------
    >>> Log(10, "population")
    Log(10, F('population'))
    """

    function = "log"
    arity = 2
    partial = True


class Power(_NumberFunction):
    """A number to a power, as a float."""

    function = "power"
    arity = 2
    partial = True


class Radians(_NumberFunction):
    """Degrees as radians."""

    function = "radians"


class Sin(_NumberFunction):
    """The sine."""

    function = "sin"


class Sqrt(_NumberFunction):
    """The square root."""

    function = "sqrt"
    partial = True


class Tan(_NumberFunction):
    """The tangent."""

    function = "tan"


class Mod(_NumberFunction):
    """What a division leaves, with the sign of the dividend."""

    function = "remainder"
    arity = 2
    gives = None
    partial = True

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        numbers = [Kind("integer") if argument.kind.name == "boolean" else argument.kind for argument in arguments]
        names = {number.name for number in numbers}
        # What is no number is refused where its kind is looked at.
        return FLOAT if "float" in names or not names <= {"integer", "decimal"} else common_kind(self, numbers)

    def _called(self, backend: Backend, arguments: Sequence[Resolved], folding: str | None) -> sa.ColumnElement[Any]:
        left, right = (self._argument(backend, argument, place) for place, argument in enumerate(arguments))
        return backend.remainder(left.column, right.column, self.kind(arguments))


class Pi(_NumberFunction):
    """The number pi."""

    function = "pi"
    arity = 0


class Random(_NumberFunction):
    """A random number of each row, from 0 up to 1."""

    function = "random"
    arity = 0
