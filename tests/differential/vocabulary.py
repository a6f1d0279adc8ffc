"""What a random program may speak of: columns, relations and values of the bookshop, and dice to choose with."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import bookshop
import judge

__all__ = ["Dice", "Field", "Link", "Reached", "Shape", "literal", "shape_of"]

T = TypeVar("T")

_KINDS = {
    "IntegerField": "integer",
    "FloatField": "float",
    "DecimalField": "decimal",
    "CharField": "text",
    "DateField": "date",
    "DateTimeField": "datetime",
    "BooleanField": "boolean",
    "ForeignKey": "key",
}

TAME = frozenset({"slug", "label"})
"""Columns of lower-case ASCII."""


class Dice:
    """Random choices that follow from one seed.

    Attributes
    ----------
    careless
        Whether one condition may still be wrong: which of two mistakes is found first means nothing.

    Examples
    --------
    >>> Dice(1).pick("abc")
    'a'
    """

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)
        self.careless = False

    def chance(self, probability: float) -> bool:
        """Say yes with a probability."""
        return self._random.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Take one."""
        return self._random.choice(choices)

    def weighted(self, choices: Mapping[T, float]) -> T:
        """Take one, the heavier the more often."""
        return self._random.choices(list(choices), list(choices.values()))[0]

    def some(self, choices: Iterable[T], most: int) -> list[T]:
        """Take several, at least one where there is one, in any order."""
        pool = list(choices)
        return self._random.sample(pool, min(len(pool), self.number(1, most)))

    def number(self, low: int, high: int) -> int:
        """Take a whole number between two, both included."""
        return self._random.randint(low, high)


@dataclass(frozen=True)
class Field:
    """A column: what it holds, and the values that stand in it."""

    name: str
    kind: str
    nullable: bool
    values: tuple[Any, ...]

    @property
    def tame(self) -> bool:
        """Whether it holds lower-case ASCII only."""
        return self.name in TAME

    @property
    def present(self) -> tuple[Any, ...]:
        """Its values without NULL."""
        return tuple(value for value in self.values if value is not None)


@dataclass(frozen=True)
class Link:
    """A relation: where it leads, to how many rows, and the name of the way back."""

    name: str
    target: str
    many: bool
    back: str


@dataclass(frozen=True)
class Shape:
    """The columns and relations of one model."""

    name: str
    fields: tuple[Field, ...]
    links: tuple[Link, ...]

    def of_kind(self, *kinds: str) -> list[Field]:
        """Give the columns of these kinds."""
        return [field for field in self.fields if field.kind in kinds]

    def field(self, name: str) -> Field:
        """Give a column by name."""
        return next(field for field in self.fields if field.name == name)


@dataclass(frozen=True)
class Reached:
    """A model at the end of a path.

    Attributes
    ----------
    prefix
        The path with two underscores after each step; empty for the model itself.
    many
        The path as far as its last step that leads to several rows; empty if none does.
    """

    shape: Shape
    prefix: str = ""
    many: str = ""

    def through(self, link: Link) -> Reached:
        """Go one step on."""
        path = self.prefix + link.name
        return Reached(shape_of(link.target), f"{path}__", path if link.many else self.many)


@cache
def shape_of(model: str) -> Shape:
    """Describe a model by its name."""
    meta = judge.NAMES[model]._meta
    rows = bookshop.rows()[meta.db_table]
    fields = tuple(
        Field(field.name, _KINDS[field.get_internal_type()], field.null, tuple(row[field.column] for row in rows))
        for field in meta.concrete_fields
    )
    links = tuple(
        Link(field.name, field.related_model.__name__, not field.many_to_one, field.remote_field.name)
        for field in meta.get_fields()
        if field.is_relation
    )
    return Shape(model, fields, links)


def literal(value: Any) -> str:
    """Write a value as a program would.

    Examples
    --------
    >>> literal(dt.date(2020, 2, 29))
    'date(2020, 2, 29)'
    """
    match value:
        case dt.date() | dt.time() | dt.timedelta():
            return repr(value).removeprefix("datetime.")
        case Decimal():
            return f'Decimal("{value}")'
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            return f"({', '.join(map(literal, value))})"
    return repr(value)
