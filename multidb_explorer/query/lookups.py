"""Lookups: one registered object each, by the name that follows the double underscore."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import canonical, plain
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError, FieldTypeError, FieldValueError, ValueNotRepresentable
from multidb_explorer.query.expressions import Resolved
from multidb_explorer.query.subqueries import Rows

__all__ = ["LOOKUPS", "TRANSFORMS", "Lookup", "Operand", "Transform"]

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, init=False)
class Operand:
    """The left side of a lookup: a column, what it holds, and the database that is asked."""

    name: str
    column: sa.ColumnElement[Any]
    kind: Kind
    database: Database

    def __init__(self, name: str, column: sa.ColumnElement[Any], kind: Kind, database: Database) -> None:
        made = self.__dict__
        made["name"], made["column"], made["kind"], made["database"] = name, column, kind, database


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
    of
        Which kinds it fits: ``all``, those that are in an ``order``, or ``text``.
    takes
        What it is compared with: one ``value``, a list of ``values``, a ``pair``, or a ``truth``.
    example
        A value as a person types it into a filter, for a field that holds text.
    """

    name: str
    phrase: str
    compile: Callable[[Operand, Any], Condition]
    asks_null: Callable[[Any], bool] = lambda _value: False
    of: str = "all"
    takes: str = "value"
    example: str = "Ann"

    def fits(self, kind: Kind) -> bool:
        """Tell whether a field of a kind can be compared this way.

        Examples
        --------
        >>> LOOKUPS["gt"].fits(Kind("integer")), LOOKUPS["regex"].fits(Kind("integer"))
        (True, False)
        """
        if self.of == "all" or kind.name == "any":
            return True
        return kind.name in _TEXTUAL if self.of == "text" else kind.name not in _UNORDERED


_ALIKE = ({"integer", "decimal", "float", "boolean"}, {"text", "enum", "json", "other", "uuid"}, {"date", "timestamp"})
"""Kinds that can be compared with each other."""


S = TypeVar("S", Resolved, Rows)


def _side(operand: Operand, value: S) -> S:
    """Check that what is compared with an expression can be."""
    names = {operand.kind.name, value.kind.name}
    if len(names) > 1 and "any" not in names and not any(names <= alike for alike in _ALIKE):
        raise FieldError(f"{operand.name!r} is {operand.kind} and can't be compared with {value.kind}.")
    if operand.kind.name == value.kind.name == "timestamp" and operand.kind.tz != value.kind.tz:
        raise FieldError(
            f"{operand.name!r} is {operand.kind} and can't be compared with {value.kind}: which time zone the naive "
            f"one is in is not known. Cast() one of them to the other's type."
        )
    return value


@cache
def _unlimited(kind: Kind) -> Kind:
    return replace(kind, length=None, precision=None, choices=())


def _value(operand: Operand, value: Any) -> Any:
    """Convert a value by the column's kind; limits of the column are no limits of a question about it."""
    try:
        return canonical(value, _unlimited(operand.kind), column=operand.name)
    except ValueNotRepresentable as error:
        raise FieldValueError(f"In a filter: {error}") from None


def _whole(operand: Operand, value: Any) -> Any:
    """Give the number to compare an integer column with, unrounded."""
    number = plain(value)
    if isinstance(number, bool):
        return int(number)
    if isinstance(number, float | Decimal) and not math.isfinite(number):
        raise FieldValueError(
            f"In a filter: column {operand.name!r} holds whole numbers and can't be compared with {number}."
        )
    return number if isinstance(number, int | float | Decimal) else _value(operand, number)


def _exact(operand: Operand, value: Any) -> Condition:
    if isinstance(value, Resolved):
        return operand.database.backend.equals(operand.column, _side(operand, value).column)
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
    return operand.column.is_(None) if found is None else operand.database.backend.equals(operand.column, found)


def _in_order(operand: Operand) -> sa.ColumnElement[Any]:
    """Give the form in which an operand is larger or smaller: a computed text has no collation but code points."""
    computed = operand.kind.name == "text" and not isinstance(operand.column, sa.Column)
    return operand.database.backend.by_code_points(operand.column) if computed else operand.column


def _compare(sign: str, *, above: bool, rounding: Callable[[Any], int]) -> Callable[[Operand, Any], Condition]:
    def compiled(operand: Operand, value: Any) -> Condition:
        backend = operand.database.backend
        if isinstance(value, Resolved):
            return backend.compared(_in_order(operand), sign, _side(operand, value).column)
        if _missing(value):
            raise FieldValueError(
                f"Column {operand.name!r} can't be compared with None; use {operand.name}__isnull=True."
            )
        if operand.kind.name != "integer":
            return backend.compared(_in_order(operand), sign, _value(operand, value))
        number = _whole(operand, value)
        low, high = operand.kind.integer_range
        if number > high or number < low:
            # Beyond the range every stored number is on one side.
            return operand.column.is_not(None) if (number < low) == above else sa.false()
        return backend.compared(operand.column, sign, rounding(number))

    return compiled


def _in(operand: Operand, values: Any) -> Condition:
    if isinstance(values, Rows):
        return _among(operand, values)
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise FieldTypeError(f"{operand.name}__in takes a list of values, not {type(values).__name__}.")
    given = list(values)
    computed = [_exact(operand, item) for item in given if isinstance(item, Resolved)]
    found = [item for item in _members(operand, [i for i in given if not isinstance(i, Resolved)]) if item is not None]
    if found:
        computed.append(operand.database.backend.member(operand.column, list(dict.fromkeys(found))))
    return sa.or_(*computed) if computed else sa.false()


def _among(operand: Operand, rows: Rows) -> Condition:
    """Test membership in the rows of a query, leaving NULL out: with it, NOT IN would hold for no row at all."""
    _side(operand, rows)
    if rows.sure:
        return operand.column.in_(rows.statement)
    inner = rows.statement.subquery()
    (column,) = inner.c
    return operand.column.in_(sa.select(column).where(column.is_not(None)))


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
    except (TypeError, ValueError) as error:
        kind = FieldTypeError if isinstance(error, TypeError) else FieldValueError
        raise kind(f"{operand.name}__range takes two values: (lowest, highest).") from None
    return sa.and_(LOOKUPS["gte"].compile(operand, low), LOOKUPS["lte"].compile(operand, high))


def _isnull(operand: Operand, value: Any) -> Condition:
    if not isinstance(plain(value), bool):
        raise FieldValueError(f"{operand.name}__isnull takes True or False, not {value!r}.")
    return operand.column.is_(None) if plain(value) else operand.column.is_not(None)


def _text_lookup(place: str, *, fold: bool) -> Callable[[Operand, Any], Condition]:
    def compiled(operand: Operand, value: Any) -> Condition:
        if not isinstance(value, Resolved) and _missing(value):
            if place == "exact":
                return operand.column.is_(None)
            raise FieldValueError(
                f"Column {operand.name!r} can't be searched for None; use {operand.name}__isnull=True."
            )
        if operand.kind.name not in _TEXTUAL:
            raise FieldError(f"Column {operand.name!r} is {operand.kind}, so it can't be searched as text.")
        if isinstance(value, Resolved):
            return _text_with(operand, _side(operand, value), place, fold=fold)
        folding = operand.database.folding if fold else None
        backend = operand.database.backend
        return backend.text_match(operand.column, str(plain(value)), place, fold=fold, folding=folding)

    return compiled


def _text_with(operand: Operand, value: Resolved | Rows, place: str, *, fold: bool) -> Condition:
    """Search a text for another one that each row computes."""
    if not isinstance(value, Resolved):
        raise FieldError(f"{operand.name!r} can be searched for one text, not for the rows of a query.")
    backend = operand.database.backend
    column, text = operand.column, value.column
    if fold:
        column, text = backend.function("lower", [column]), backend.function("lower", [text])
    if place == "exact":
        return backend.equals(column, text)
    if place == "contains":
        return backend.function("strindex", [column, text]) > 0
    side = "left" if place == "startswith" else "right"
    return backend.equals(backend.function(side, [column, backend.function("length", [text])]), text)


def _regex_lookup(*, fold: bool) -> Callable[[Operand, Any], Condition]:
    def compiled(operand: Operand, value: Any) -> Condition:
        if operand.kind.name not in _TEXTUAL or not isinstance(value, str):
            raise FieldError(f"A regular expression searches text; column {operand.name!r} is {operand.kind}.")
        return operand.database.backend.regex(operand.column, value, fold=fold)

    return compiled


@dataclass(frozen=True)
class Transform:
    """A part of a value that is compared in its place: ``placed__year=2026``, ``placed__date__lt=...``.

    Attributes
    ----------
    kinds
        What it can be taken of.
    result
        What the part is.
    """

    name: str
    phrase: str
    kinds: tuple[str, ...]
    result: Kind

    def apply(self, operand: Operand) -> Operand:
        """Give the part as a new left side.

        Raises
        ------
        FieldError
            For a column that has no such part.
        """
        if operand.kind.name not in self.kinds:
            raise FieldError(f"Column {operand.name!r} is {operand.kind} and has no {self.name}.")
        zone = operand.database.settings.time_zone
        part = operand.database.backend.date_part(operand.column, self.name, operand.kind, zone)
        return replace(operand, column=part, kind=self.result)


_TEXTUAL = ("text", "enum", "json", "other")
_UNORDERED = ("boolean", "json", "binary", "array")
_NUMBER = Kind("integer", bits=32)
_DATED, _TIMED = ("date", "timestamp"), ("time", "timestamp")

TRANSFORMS: dict[str, Transform] = {
    transform.name: transform
    for transform in (
        Transform("date", "date", ("timestamp",), Kind("date")),
        Transform("time", "time of day", ("timestamp",), Kind("time")),
        Transform("year", "year", _DATED, _NUMBER),
        Transform("iso_year", "ISO year", _DATED, _NUMBER),
        Transform("quarter", "quarter", _DATED, _NUMBER),
        Transform("month", "month", _DATED, _NUMBER),
        Transform("week", "ISO week", _DATED, _NUMBER),
        Transform("week_day", "day of the week, Sunday is 1", _DATED, _NUMBER),
        Transform("iso_week_day", "day of the week, Monday is 1", _DATED, _NUMBER),
        Transform("day", "day of the month", _DATED, _NUMBER),
        Transform("hour", "hour", _TIMED, _NUMBER),
        Transform("minute", "minute", _TIMED, _NUMBER),
        Transform("second", "second", _TIMED, _NUMBER),
    )
}
"""Every part of a value that can stand before a lookup."""


def _text_pair(name: str, phrase: str, example: str) -> tuple[Lookup, Lookup]:
    """Give a search of texts, and the same whatever the case."""
    return (
        Lookup(name, phrase, _text_lookup(name, fold=False), of="text", example=example),
        Lookup(
            f"i{name}",
            f"{phrase}, whatever the case",
            _text_lookup(name, fold=True),
            of="text",
            example=example.upper(),
        ),
    )


LOOKUPS: dict[str, Lookup] = {
    lookup.name: lookup
    for lookup in (
        Lookup("exact", "is", _exact, _missing),
        Lookup("gt", "is greater than", _compare("gt", above=True, rounding=math.floor), of="order"),
        Lookup("gte", "is at least", _compare("gte", above=True, rounding=math.ceil), of="order"),
        Lookup("lt", "is less than", _compare("lt", above=False, rounding=math.ceil), of="order"),
        Lookup("lte", "is at most", _compare("lte", above=False, rounding=math.floor), of="order"),
        Lookup("iexact", "is, whatever the case", _text_lookup("exact", fold=True), _missing, of="text", example="ann"),
        *_text_pair("contains", "contains", "nn"),
        *_text_pair("startswith", "starts with", "An"),
        *_text_pair("endswith", "ends with", "nn"),
        Lookup("regex", "matches", _regex_lookup(fold=False), of="text", example="^A.*n$"),
        Lookup("iregex", "matches, whatever the case", _regex_lookup(fold=True), of="text", example="^a.*n$"),
        Lookup("in", "is one of", _in, takes="values", example="Ann, Bob"),
        Lookup("range", "is between", _range, of="order", takes="pair", example="Ann .. Bob"),
        Lookup("isnull", "is NULL", _isnull, lambda _value: True, takes="truth", example="yes"),
    )
}
"""Every lookup by name, in the order in which menus show them."""
