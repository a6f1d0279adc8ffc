"""Functions that choose, compare or convert."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.query.expressions import Func, Resolved
from multidb_explorer.query.functions.base import TEXT, ScalarFunction, unified
from multidb_explorer.query.output_kinds import as_kind, common_kind

if TYPE_CHECKING:
    from multidb_explorer.backends.base import Backend

__all__ = ["Cast", "Coalesce", "Collate", "Greatest", "Least", "NullIf"]

_COLLATION = re.compile(r"[\w-]+")


class Cast(Func):
    """A value converted to another type, with the same result in every database.

    Parameters
    ----------
    expression
        What is converted.
    output_field
        Into what: a SQLAlchemy type or a Python type.

    Examples
    --------
    >>> Cast("price", output_field=int)
    Cast(F('price'))
    """

    arity = 1

    def __init__(self, expression: Any, output_field: Any) -> None:
        super().__init__(expression, output_field=output_field)

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        given = arguments[0]
        return backend.cast(given.column, given.kind, as_kind(self.output_field))

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        # A text that is no date becomes NULL.
        return arguments[0].kind.name in ("text", "any") or super().nullable(arguments)


class _Several(Func):
    least: ClassVar[int] = 2

    def __init__(self, *expressions: Any, output_field: Any = None) -> None:
        if len(expressions) < self.least:
            raise ValueError(f"{type(self).__name__} takes at least two expressions.")
        super().__init__(*expressions, output_field=output_field)

    def _wanted(self, arguments: Sequence[Resolved]) -> Kind:
        return self.kind(arguments) if self.output_field is None else as_kind(self.output_field)

    def _columns(self, backend: Backend, arguments: Sequence[Resolved]) -> list[sa.ColumnElement[Any]]:
        kind = self._wanted(arguments)
        return [unified(backend, argument, kind) for argument in arguments]


class Coalesce(_Several):
    """The first of several values that is not NULL.

    Examples
    --------
    >>> Coalesce("nickname", "name")
    Coalesce(F('nickname'), F('name'))
    """

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        columns = self._columns(backend, arguments)
        return sa.func.coalesce(*columns, type_=backend.type_of(self._wanted(arguments)))

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return all(argument.nullable for argument in arguments)


class Greatest(_Several):
    """The largest of several values; NULL if any is NULL, in every database."""

    function = "greatest"

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        return backend.function(self.function, self._columns(backend, arguments), self._wanted(arguments))


class Least(Greatest):
    """The smallest of several values; NULL if any is NULL, in every database."""

    function = "least"


class NullIf(_Several):
    """The first value, or NULL where it equals the second."""

    arity = 2
    least = 0

    def kind(self, arguments: Sequence[Resolved]) -> Kind:
        first = arguments[0].kind
        return first if first.name != "any" else arguments[1].kind

    def build(self, backend: Backend, arguments: Sequence[Resolved]) -> sa.ColumnElement[Any]:
        kind = common_kind(self, [argument.kind for argument in arguments])
        columns = [unified(backend, argument, kind) for argument in arguments]
        return backend.function("nullif", columns, kind)

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return True


class Collate(ScalarFunction):
    """A text that is compared and ordered by a collation of the database.

    Parameters
    ----------
    expression
        The text.
    collation
        The database's own name of it.

    Examples
    --------
    >>> Collate("name", "nocase").collation
    'nocase'
    """

    arity = 1
    takes = ("text",)
    gives = TEXT

    def __init__(self, expression: Any, collation: Any) -> None:
        if not isinstance(collation, str) or not _COLLATION.fullmatch(collation):
            raise ValueError(f"{collation!r} is no name of a collation.")
        super().__init__(expression)
        self.collation = collation

    def _called(self, backend: Backend, arguments: Sequence[Resolved], folding: str | None) -> sa.ColumnElement[Any]:
        return sa.collate(self._argument(backend, arguments[0], 0).column, self.collation)
