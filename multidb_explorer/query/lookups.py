"""Lookups: one registered object each, by the name that follows the double underscore."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import canonical, plain
from multidb_explorer.errors import FieldError, ValueNotRepresentable

__all__ = ["LOOKUPS", "Lookup", "Operand"]

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Operand:
    """The left side of a lookup: a column, what it holds, and whose SQL is written."""

    name: str
    column: sa.ColumnElement[Any]
    kind: Kind
    backend: Backend


@dataclass(frozen=True)
class Lookup:
    """One way to compare a column with a value.

    Attributes
    ----------
    name
        What follows the double underscore.
    phrase
        How a person says it; the filter menus use it.
    compile
        Gives the SQL condition.
    asks_null
        Whether the condition is about NULL itself, given the value.
    """

    name: str
    phrase: str
    compile: Callable[[Operand, Any], Condition]
    asks_null: Callable[[Any], bool] = lambda _value: False


def _value(operand: Operand, value: Any) -> Any:
    """Convert a value by the column's kind; limits of the column are no limits of a question about it."""
    try:
        return canonical(value, replace(operand.kind, length=None, precision=None, choices=()), column=operand.name)
    except ValueNotRepresentable as error:
        raise FieldError(f"In a filter: {error}") from None


def _whole(operand: Operand, value: Any) -> Any:
    """Give the number to compare an integer column with, unrounded."""
    number = plain(value)
    if isinstance(number, bool):
        return int(number)
    if isinstance(number, float | Decimal) and not math.isfinite(number):
        raise FieldError(
            f"In a filter: column {operand.name!r} holds whole numbers and can't be compared with {number}."
        )
    return number if isinstance(number, int | float | Decimal) else _value(operand, number)


def _exact(operand: Operand, value: Any) -> Condition:
    if _missing(value) and operand.kind.name != "float":
        return operand.column.is_(None)
    if operand.kind.name == "integer":
        number = _whole(operand, value)
        low, high = operand.kind.integer_range
        # A column of whole numbers never equals 3.5, nor a number beyond its range.
        if number != int(number) or not low <= number <= high:
            return sa.false()
        return operand.column.__eq__(int(number))
    found = _value(operand, value)
    return operand.column.is_(None) if found is None else operand.column.__eq__(found)


def _compare(
    compare: Callable[[Any, Any], Condition], *, above: bool, rounding: Callable[[Any], int]
) -> Callable[[Operand, Any], Condition]:
    def compiled(operand: Operand, value: Any) -> Condition:
        if _missing(value):
            raise FieldError(f"Column {operand.name!r} can't be compared with None; use {operand.name}__isnull=True.")
        if operand.kind.name != "integer":
            return compare(operand.column, _value(operand, value))
        number = _whole(operand, value)
        low, high = operand.kind.integer_range
        if number > high or number < low:
            # Beyond the range every stored number is on one side.
            return operand.column.is_not(None) if (number < low) == above else sa.false()
        return compare(operand.column, rounding(number))

    return compiled


def _in(operand: Operand, values: Any) -> Condition:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise FieldError(f"{operand.name}__in takes a list of values, not {type(values).__name__}.")
    found = [item for item in _members(operand, values) if item is not None]
    if not found:
        return sa.false()
    return operand.backend.member(operand.column, list(dict.fromkeys(found)))


def _members(operand: Operand, values: Iterable[Any]) -> Iterable[Any]:
    if operand.kind.name != "integer":
        return (_value(operand, value) for value in values)
    low, high = operand.kind.integer_range
    numbers = (_whole(operand, value) for value in values if not _missing(value))
    return (int(number) for number in numbers if low <= number <= high and number == int(number))


def _missing(value: Any) -> bool:
    found = plain(value)
    return found is None or (isinstance(found, float) and math.isnan(found))


def _range(operand: Operand, value: Any) -> Condition:
    try:
        low, high = value
    except (TypeError, ValueError):
        raise FieldError(f"{operand.name}__range takes two values: (lowest, highest).") from None
    return sa.and_(LOOKUPS["gte"].compile(operand, low), LOOKUPS["lte"].compile(operand, high))


def _isnull(operand: Operand, value: Any) -> Condition:
    if not isinstance(plain(value), bool):
        raise FieldError(f"{operand.name}__isnull takes True or False, not {value!r}.")
    return operand.column.is_(None) if plain(value) else operand.column.is_not(None)


LOOKUPS: dict[str, Lookup] = {
    lookup.name: lookup
    for lookup in (
        Lookup("exact", "is", _exact, _missing),
        Lookup("gt", "is greater than", _compare(lambda a, b: a > b, above=True, rounding=math.floor)),
        Lookup("gte", "is at least", _compare(lambda a, b: a >= b, above=True, rounding=math.ceil)),
        Lookup("lt", "is less than", _compare(lambda a, b: a < b, above=False, rounding=math.ceil)),
        Lookup("lte", "is at most", _compare(lambda a, b: a <= b, above=False, rounding=math.floor)),
        Lookup("in", "is one of", _in),
        Lookup("range", "is between", _range),
        Lookup("isnull", "is NULL", _isnull, lambda _value: True),
    )
}
"""Every lookup by name, in the order in which menus show them."""
