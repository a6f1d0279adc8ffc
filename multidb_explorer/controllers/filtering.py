"""Filters of a grid: what the browser asks for as conditions on a QuerySet, and the menu that it chooses from.

The browser sends *items*, each by itself a condition: a text typed above a column (see `quick_filters`), one
comparison, or a group of them. The kernel reads their values by what the field holds; a value that can't be read is
told with the place of its item, so that the words stand beside the field.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Message
from multidb_explorer.controllers.quick_filters import quick_condition, value_of
from multidb_explorer.controllers.typed_values import Unreadable
from multidb_explorer.errors import FieldError, MultiDBError
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS, Lookup
from multidb_explorer.query.queryset import QuerySet

__all__ = ["Filter", "Wrong", "field_menu", "filter_of", "filterable"]

_MOST_ITEMS = 100
_DEEPEST = 6
_MOST_FIELDS = 400
_LONGEST_CHIP = 60

_JOINED = {"and": "AND", "or": "OR"}
_EXAMPLES = {
    "integer": "42",
    "float": "0.5",
    "decimal": "19.99",
    "boolean": "true",
    "date": "2026-11-22",
    "time": "14:30",
    "timestamp": "2026-11-22 14:30",
    "interval": "PT1H",
    "uuid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "binary": "00ff",
    "array": "[1, 2]",
}


class Wrong(Exception):
    """What is wrong with one item, and where: its number, and the numbers inside of groups."""

    def __init__(self, text: str, at: tuple[int, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.at = at


@dataclass(frozen=True)
class Filter:
    """The filters of a grid.

    Attributes
    ----------
    items
        As the browser sent them, each with the words that its chip shows.
    conditions
        What they mean, in the same order, each with whether rows that fulfil it are dropped instead.
    """

    items: tuple[Message, ...] = ()
    conditions: tuple[tuple[Q, bool], ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.items)

    def apply(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Give the rows that are left."""
        for condition, dropped in self.conditions:
            queryset = queryset.exclude(condition) if dropped else queryset.filter(condition)
        return queryset


def filterable(queryset: QuerySet[Any]) -> bool:
    """Tell whether rows can be asked for: a slice, and what was put together of several queries, can't."""
    return not queryset._state.sliced and queryset._state.combination is None


def filter_of(queryset: QuerySet[Any], items: object) -> Filter:
    """Read the items of a message.

    Parameters
    ----------
    queryset
        What is filtered.

    Raises
    ------
    Wrong
        For a value that can't be read, or a condition that the field does not have.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, String
    >>> databases.configure({"default": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    ...     name = Column(String(80))
    >>> older = {"field": "id", "lookup": "gt", "value": "5"}
    >>> found = filter_of(User.objects, [{"field": "name", "text": "!bob"}, older])
    >>> [item["label"] for item in found.items]
    ['name: !bob', 'id is greater than 5']
    >>> found.conditions
    ((Q(name__icontains='bob'), True), (Q(id__gt=5), False))
    """
    if not isinstance(items, list) or len(items) > _MOST_ITEMS:
        raise BadRequest("Filters are a list of conditions.")
    if not filterable(queryset):
        raise BadRequest("These rows are a part that was cut out already, so they can't be filtered.")
    reader = _Reader(queryset)
    read = [(item, reader.item(item, (at,))) for at, item in enumerate(items)]
    kept = [(item, condition) for item, condition in read if condition is not None and condition]
    labelled = tuple({**_bare(item), "label": reader.label(item)} for item, _ in kept)
    return Filter(labelled, tuple(_sided(condition) for _, condition in kept))


def _bare(item: Message) -> Message:
    return {name: value for name, value in item.items() if name != "label"}


def _sided(condition: Q) -> tuple[Q, bool]:
    """Take the outer *not* off: ``exclude(a=1)`` is how a person writes ``filter(~Q(a=1))``."""
    return (~condition, True) if condition.negated else (condition, False)


class _Reader:
    """Reads the items for one QuerySet."""

    def __init__(self, queryset: QuerySet[Any]) -> None:
        self.queryset = queryset
        self.kinds = {each.name: each.kind for each in queryset.fields}

    def item(self, item: object, at: tuple[int, ...]) -> Q | None:
        """Give the condition of an item; ``None`` for one that asks nothing."""
        if not isinstance(item, dict) or len(at) > _DEEPEST:
            raise BadRequest("A filter is a condition or a group of conditions.")
        try:
            if "items" in item:
                return self._group(item, at)
            return self._typed(item) if "text" in item else self._compared(item)
        except Wrong:
            raise
        except (Unreadable, MultiDBError) as error:
            raise Wrong(str(error), at) from None

    def _group(self, item: Message, at: tuple[int, ...]) -> Q | None:
        children, connector = item["items"], _JOINED.get(str(item.get("op")))
        if not isinstance(children, list) or connector is None or len(children) > _MOST_ITEMS:
            raise BadRequest("A group is 'and' or 'or' with a list of conditions.")
        found = Q()
        for place, child in enumerate(children):
            condition = self.item(child, (*at, place))
            if condition is not None and condition:
                found = found & condition if connector == "AND" else found | condition
        return self._checked(~found if item.get("not") is True else found)

    def _typed(self, item: Message) -> Q | None:
        name, kind = self._field(item)
        condition = quick_condition(name, str(item["text"]), kind)
        return condition and self._checked(condition)

    def _compared(self, item: Message) -> Q:
        keyword, kind = self._field(item)
        lookup = LOOKUPS.get(str(item.get("lookup")))
        if lookup is None:
            raise BadRequest("A condition names one of the offered comparisons.")
        if part := item.get("part"):
            transform = TRANSFORMS.get(str(part))
            if transform is None or kind.name not in transform.kinds:
                raise BadRequest(f"{keyword!r} has no part {str(part)[:40]!r}.")
            keyword, kind = f"{keyword}__{transform.name}", transform.result
        value = _value(item.get("value"), lookup, kind)
        condition = Q((keyword if lookup.name == "exact" else f"{keyword}__{lookup.name}", value))
        return self._checked(~condition if item.get("not") is True else condition)

    def _field(self, item: Message) -> tuple[str, Kind]:
        name = item.get("field")
        if not isinstance(name, str):
            raise BadRequest("A condition names its field.")
        if name in self.kinds:
            return name, self.kinds[name]
        relation, _, far = name.partition("__")
        if relation in self.queryset.bound.relations and far:
            target = self.queryset.bound.relations[relation].target.bind(self.queryset.bound.database)
            return name, target.field(far).kind
        raise FieldError.unknown("column", name, self.queryset.bound.table.name, self.kinds)

    def _checked(self, condition: Q) -> Q:
        """Compile the condition, so that what is wrong with it shows beside its field and not as an empty grid."""
        if condition:
            self.queryset.filter(condition).compiled()
        return condition

    def label(self, item: Message) -> str:
        """Say an item in words."""
        text = self._words(item)
        return text if len(text) <= _LONGEST_CHIP else f"{text[: _LONGEST_CHIP - 1]}…"

    def _words(self, item: Message) -> str:
        if "items" in item:
            inner = f" {item['op']} ".join(
                f"({self._words(child)})" if "items" in child else self._words(child) for child in item["items"]
            )
            return f"not ({inner})" if item.get("not") else inner
        name = str(item["field"]).replace("__", " → ", 1) if item["field"] not in self.kinds else item["field"]
        if "text" in item:
            return f"{name}: {str(item['text']).strip()}"
        part = f" ({TRANSFORMS[item['part']].phrase})" if item.get("part") else ""
        return f"{name}{part} {_phrase(LOOKUPS[item['lookup']], item)}"


def _phrase(lookup: Lookup, item: Message) -> str:
    negated, value = item.get("not") is True, item.get("value")
    if lookup.takes == "truth":
        return "is not NULL" if negated == bool(value) else "is NULL"
    said = " and ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{'not: ' if negated else ''}{lookup.phrase} {said}"


# Values


def _value(value: object, lookup: Lookup, kind: Kind) -> Any:
    match lookup.takes:
        case "truth":
            return value is not False
        case "values":
            return [value_of(text, kind) for text in _listed(value)]
        case "pair":
            return tuple(value_of(text, kind) for text in _pair(value))
    if not isinstance(value, str):
        raise Unreadable("Write a value.")
    return value if lookup.of == "text" else value_of(value, kind)


def _listed(value: object) -> list[str]:
    """Give the values of a list, written as one line of CSV or several lines."""
    rows = csv.reader(str(value or "").splitlines(), skipinitialspace=True)
    found = [text.strip() for row in rows for text in row if text.strip()]
    if not found:
        raise Unreadable("Write the values with commas between them.")
    return found


def _pair(value: object) -> Sequence[str]:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(text, str) and text for text in value):
        raise Unreadable("Write a lowest and a highest value.")
    return value


# The menu


def field_menu(queryset: QuerySet[Any]) -> list[Message]:
    """Say which fields a condition can name, and how each can be compared: all that the registry of lookups has.

    Fields of related rows come along, one step far.
    """
    found = [_field_choice(each.name, each.name, each.kind) for each in queryset.fields]
    found += list(_far_fields(queryset)) if queryset._state.shape == "instance" else []
    return found[:_MOST_FIELDS]


def _far_fields(queryset: QuerySet[Any]) -> Iterator[Message]:
    database = databases[queryset.db]
    try:
        relations = list(queryset.bound.relations.items())
    except MultiDBError:
        # The table itself can be filtered all the same.
        return
    for name, relation in relations:
        try:
            target = relation.target.bind(database)
        except MultiDBError:
            continue
        for each in target.fields:
            yield _field_choice(f"{name}__{each.name}", f"{name} → {each.name}", each.kind)


def _field_choice(path: str, label: str, kind: Kind) -> Message:
    choice: Message = {"field": path, "label": label, "kind": kind.name, "lookups": _lookup_choices(kind)}
    if kind.choices:
        choice["choices"] = list(kind.choices)
    parts = [part for part in TRANSFORMS.values() if kind.name in part.kinds]
    if parts:
        choice["parts"] = [
            {"name": part.name, "phrase": part.phrase, "lookups": _lookup_choices(part.result)} for part in parts
        ]
    return choice


def _lookup_choices(kind: Kind) -> list[Message]:
    return [
        {"name": lookup.name, "phrase": lookup.phrase, "takes": lookup.takes, "example": _example(lookup, kind)}
        for lookup in LOOKUPS.values()
        if lookup.fits(kind)
    ]


def _example(lookup: Lookup, kind: Kind) -> str:
    """Give the registered example, with a value of the field's kind in it where it stands for one."""
    value = _EXAMPLES.get(kind.name) or (kind.choices[0] if kind.choices else None)
    write: dict[str, Callable[[str], str]] = {"values": lambda v: f"{v}, …", "pair": lambda v: f"{v} .. …"}
    if value is None or lookup.of == "text" or lookup.takes == "truth":
        return lookup.example
    return write.get(lookup.takes, str)(value)
