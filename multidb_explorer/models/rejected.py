"""Collect what is wrong with the rows of many instances, and refuse them all at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import RowsRejected, ValueNotRepresentable
from multidb_explorer.writing.rejecting import Rejection, Rejections, Rule

if TYPE_CHECKING:
    from multidb_explorer.backends.kinds import Kind
    from multidb_explorer.models.model import Model
    from multidb_explorer.models.target import Target

__all__ = ["Refusing"]


class Refusing:
    """What a table would not take of the rows of instances.

    Parameters
    ----------
    target
        The table.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.found = Rejections(target.where)

    @contextmanager
    def row(self, place: int, instance: Model) -> Iterator[None]:
        """Look at one row: what refuses it is noted, and the next one has its turn."""
        try:
            yield
        except ValueNotRepresentable as error:
            field = next((name for name, c in self.target.columns.items() if c.name == error.column), error.column)
            value = instance._values.get(field)
            column = self.target.columns.get(field)
            rule: Rule = (
                "unknown_column" if column is None else _rule(value, column.kind, given=field in instance._values)
            )
            self.add(place, instance, error.column, rule, str(error), "NULL" if value is None else type(value).__name__)

    def add(self, place: int, instance: Model, column: str, rule: Rule, message: str, value_type: str = "") -> None:
        """Note why a row is refused."""
        self.found.add(Rejection(place, self._key(instance), column, rule, message, value_type))

    def _key(self, instance: Model) -> dict[str, Any]:
        values = instance._values
        return {name: values[name] for name in self.target.key if values.get(name) is not None}

    def refuse(self) -> None:
        """Refuse all rows if one was.

        Raises
        ------
        RowsRejected
            With one entry for each row that was refused.
        """
        if len(self.found):
            raise RowsRejected(
                f"{self.target.place} does not take these rows, so nothing was written:\n{self.found!r}",
                rejections=self.found,
            )


_NUMBERS = (int, float, Decimal)


def _rule(value: Any, kind: Kind, *, given: bool) -> Rule:
    """Name what a value offends against, as writing frames does."""
    if value is None:
        return "not_null" if given else "missing"
    match kind.name:
        case "integer" if isinstance(value, int):
            return "range"
        case "decimal" if isinstance(value, _NUMBERS):
            return "precision"
        case "text" if isinstance(value, str):
            return "length"
        case "binary" if isinstance(value, bytes):
            return "length"
        case "enum":
            return "enum"
    return "type"
