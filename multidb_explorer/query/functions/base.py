"""What database functions share: their arguments are checked and converted before any SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.computing import CONVERSIONS
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError
from multidb_explorer.query.expressions import Expression, Func, Resolved, joined
from multidb_explorer.query.output_kinds import as_kind

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend
    from multidb_explorer.query.scope import Scope

__all__ = ["FLOAT", "INTEGER", "NUMBERS", "TEXT", "ScalarFunction", "below", "unified"]

INTEGER, FLOAT, TEXT = Kind("integer"), Kind("float"), Kind("text")
NUMBERS = ("integer", "decimal", "float")


class ScalarFunction(Func):
    """A function of one row's values.

    Attributes
    ----------
    takes
        What each argument must be: ``text`` (anything else is converted), ``number``, ``whole``, or ``any``; the last
        one stands for all that follow.
    gives
        What the result holds; ``None`` for what the first argument holds.
    partial
        Whether NULL may come out of arguments that are not NULL.
    """

    takes: ClassVar[tuple[str, ...]] = ("any",)
    gives: ClassVar[Kind | None] = None
    partial: ClassVar[bool] = False

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        if self.gives is not None:
            return self.gives
        first = arguments[0].kind
        return INTEGER if first.name == "boolean" and self.takes[0] == "number" else first

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return self.partial or super().nullable(arguments)

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        return self._called(backend, arguments, None)

    def resolve(self, scope: Scope) -> Resolved:
        arguments = [argument.resolve(scope) for argument in self.arguments]
        kind = as_kind(self.output_field) if self.output_field is not None else self.kind(arguments)
        column = self._called(scope.database.backend, arguments, self._folding(scope))
        return joined(column, kind, arguments, nullable=self.nullable(arguments))

    def _folding(self, scope: Scope) -> str | None:
        """Give what the server needs to be told to change the case of every letter."""
        return None

    def _called(self, backend: Backend, arguments: Sequence[Resolved], folding: str | None) -> sa.ColumnElement[Any]:
        given = [self._argument(backend, argument, place) for place, argument in enumerate(arguments)]
        kind = given[0].kind if given else None
        return backend.function(self.function, [argument.column for argument in given], kind, folding)

    def _argument(self, backend: Backend, argument: Resolved, place: int) -> Resolved:
        """Give an argument as what the function takes.

        Raises
        ------
        FieldError
            For one that it can't take.
        """
        wanted = self.takes[min(place, len(self.takes) - 1)]
        name = argument.kind.name
        if wanted == "any":
            return argument
        if name == "any":
            return _converted(backend, argument, {"text": TEXT, "whole": INTEGER}.get(wanted, FLOAT))
        if wanted == "text" and (name, "text") in CONVERSIONS:
            return argument if name == "text" else _converted(backend, argument, TEXT)
        if name == "boolean" and wanted in ("number", "whole"):
            return _converted(backend, argument, INTEGER)
        if (wanted == "number" and name in NUMBERS) or (wanted == "whole" and name == "integer"):
            return argument
        wants = {"text": "text", "number": "a number", "whole": "a whole number"}[wanted]
        raise FieldError(f"{self!r} takes {wants}, and {self.arguments[place]!r} is {argument.kind}.")


def _converted(backend: Backend, argument: Resolved, to: Kind) -> Resolved:
    return Resolved(backend.cast(argument.column, argument.kind, to), to, argument.nullable)


def unified(backend: Backend, argument: Resolved, kind: Kind) -> sa.ColumnElement[Any]:
    """Give one of several alternatives as their common kind, where the database would not do so by itself."""
    if argument.kind.name == kind.name or {argument.kind.name, kind.name} <= set(NUMBERS):
        return argument.column
    return backend.cast(argument.column, argument.kind, kind)


def below(given: Any, least: int) -> bool:
    """Tell whether a constant argument is smaller than it may be."""
    return not isinstance(given, Expression | str | type(None)) and given < least
