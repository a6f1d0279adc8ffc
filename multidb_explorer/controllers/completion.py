"""What can be typed next: fields, relations, lookups, aliases and tables; found without running the user's code."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.redaction import redact
from multidb_explorer.connections.registry import Registry, databases
from multidb_explorer.controllers.reading_code import Place, Spot, place_of
from multidb_explorer.models import Model
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.query.source import Relation
from multidb_explorer.query.state import Annotated
from multidb_explorer.schema.aliases import Alias, Aliases, Tables

__all__ = ["Completions", "complete"]

_log = logging.getLogger(__name__)

_KEYWORDS = {"filter", "exclude", "get"}
_NAMES = {
    "aggregate", "alias", "annotate", "dates", "datetimes", "defer", "distinct", "earliest", "filter", "exclude", "get",
    "in_bulk", "latest", "only", "order_by", "prefetch_related", "select_related", "value_counts", "values",
    "values_list",
}  # fmt: skip
_RELATIONS = {"select_related", "prefetch_related"}
_SAME = {
    "all", "defer", "distinct", "exclude", "filter", "none", "only", "order_by", "prefetch_related", "reverse",
    "select_related", "using", "values", "values_list", "iterator", "annotate", "alias",
}  # fmt: skip
_ALIASES = {"across", "atomic", "connect", "disconnect", "using"}
_PLAIN = ("exact", "in", "isnull")


@dataclass(frozen=True)
class Completions:
    """What can follow.

    Attributes
    ----------
    fragment
        What is typed already, and is replaced.
    words
        Each possible word in full.
    kind
        ``param`` or ``text``.
    """

    fragment: str
    words: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class _Asked:
    """A QuerySet as far as code that was not run tells: its model, its database, and names that were annotated."""

    queryset: QuerySet[Any]
    computed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Method:
    """A method of something that is known."""

    owner: Any
    name: str


def complete(code: str, variables: Mapping[str, Any]) -> Completions | None:
    """Complete the end of some code, or give ``None`` where it is nothing of ours.

    Nothing of the code is run. What the catalog does not know yet is read once; whatever goes wrong, nothing is raised.

    Parameters
    ----------
    code
        The cell up to the cursor.
    variables
        What its names mean.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "crm": "sqlite://"})
    >>> complete("mdb.aliases['c", {"mdb": mdb}).words
    ('crm',)
    """
    try:
        place = place_of(code)
        return None if place is None or not place.fresh else _completed(place, variables)
    except Exception as error:  # noqa: BLE001 -- typing must go on whatever a database or an object of the user does
        _log.debug("no completion: %s: %s", type(error).__name__, redact(str(error)))
        return None


def _completed(place: Place, variables: Mapping[str, Any]) -> Completions | None:
    words = list(dict.fromkeys(_words(place, variables)))
    if words and not place.in_text:
        # A condition that has a name can stand there too.
        words += [name for name, value in variables.items() if _is_condition(value)]
    head = place.fragment
    found = tuple(word for word in words if word.startswith(head) and word != head)
    return Completions(head, found, "text" if place.in_text else "param") if found else None


def _is_condition(value: Any) -> bool:
    kind = value if isinstance(value, type) else type(value)
    return issubclass(kind, Q | Expression)


def _words(place: Place, variables: Mapping[str, Any]) -> Iterable[str]:
    spot = place.spots[0]
    if spot.bracket == "[":
        return _keys(spot, variables) if place.in_text and not place.keyword else ()
    if spot.bracket == "{":
        return ()
    if place.keyword:
        return databases if place.keyword == "using" and place.in_text else ()
    known = _simple(spot) if place.in_text else None
    return known if known is not None else _of_queryset(place, variables)


def _keys(spot: Spot, variables: Mapping[str, Any]) -> Iterable[str]:
    owner = _known(spot.before, variables)
    return [str(key) for key in owner] if isinstance(owner, Aliases | Registry | Tables) else ()


def _simple(spot: Spot) -> Iterable[str] | None:
    """Complete a text that means an alias or a table, whatever it is given to."""
    name = _last_name(spot.before)
    if name in _ALIASES:
        return databases
    if name == "reflect":
        return [] if spot.finished else _tables()
    return None


def _tables() -> list[str]:
    database = databases["default"]
    return [] if database.state == "failed" else [table.name for table in Tables(database).summaries]


def _last_name(before: ast.expr | None) -> str:
    match before:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


# Fields


def _of_queryset(place: Place, variables: Mapping[str, Any]) -> Iterable[str]:
    """Complete what names a field: keywords in calls and in ``Q``, texts in calls and in expressions."""
    inside_q = False
    for spot in place.spots:
        if spot.bracket != "(":
            return ()
        called = None if spot.before is None else _known(spot.before, variables)
        if isinstance(called, _Method):
            return _for_method(called, place, inside_q=inside_q, spots=place.spots, spot=spot)
        expression = isinstance(called, type) and issubclass(called, Q | Expression)
        if spot.before is not None and not expression:
            return ()
        inside_q = inside_q or called is Q
        if not place.in_text and expression and not inside_q:
            return ()
    return ()


def _for_method(called: _Method, place: Place, *, inside_q: bool, spots: tuple[Spot, ...], spot: Spot) -> Iterable[str]:
    asked = called.owner
    if not isinstance(asked, _Asked):
        return ()
    if not place.in_text:
        direct = spot is spots[0] and called.name in _KEYWORDS
        return _keywords(asked, place.fragment) if direct or inside_q else ()
    if called.name in _RELATIONS and spot is spots[0]:
        return _relation_paths(asked, place.fragment, to_one=called.name == "select_related")
    if called.name not in _NAMES or (spot is spots[0] and called.name in _KEYWORDS):
        return ()
    sign = "-" if called.name in ("order_by", "earliest", "latest") and place.fragment.startswith("-") else ""
    return [sign + word for word in _paths(asked, place.fragment.removeprefix("-"))]


def _keywords(asked: _Asked, fragment: str) -> Iterator[str]:
    """Give keywords, and behind two underscores what may follow a field."""
    steps = fragment.split("__")[:-1]
    if not steps:
        yield from (f"{name}=" for name in (*_names(asked), *asked.computed, "pk"))
        yield from (f"{name}__" for name in _relations(asked.queryset, ()))
        return
    prefix = "".join(f"{step}__" for step in steps)
    for word, ends in _followers(asked.queryset, tuple(steps)):
        yield f"{prefix}{word}{'=' if ends else '__'}"


def _paths(asked: _Asked, fragment: str) -> Iterator[str]:
    """Give names of fields, as texts take them."""
    steps = tuple(fragment.split("__")[:-1])
    prefix = "".join(f"{step}__" for step in steps)
    names = [*_names(asked), *asked.computed] if not steps else _field_kinds(asked.queryset, steps)
    yield from (f"{prefix}{name}" for name in names)
    yield from (f"{prefix}{name}__" for name in _relations(asked.queryset, steps))


def _relation_paths(asked: _Asked, fragment: str, *, to_one: bool) -> Iterator[str]:
    steps = tuple(fragment.split("__")[:-1])
    found = _relations(asked.queryset, steps).items()
    yield from ("__".join([*steps, name]) for name, each in found if not (to_one and each.many))


def _names(asked: _Asked) -> tuple[str, ...]:
    """Give the model's own fields, which are known without asking any database."""
    return tuple(getattr(asked.queryset._source, "names", ()))


def _followers(queryset: QuerySet[Any], steps: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """Give what may follow a field or relation, and whether a keyword may end with it."""
    for length in range(len(steps), 0, -1):
        kind = _field_kinds(queryset, steps[: length - 1]).get(steps[length - 1])
        if kind is not None:
            yield from _after_field(kind, steps[length:])
            return
    if _at_the_end(queryset, steps) is not None:
        yield from ((name, True) for name in _field_kinds(queryset, steps))
        yield from ((name, False) for name in _relations(queryset, steps))
        yield from ((name, True) for name in _PLAIN)


def _after_field(kind: Kind, transforms: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    for name in transforms:
        transform = TRANSFORMS.get(name)
        if transform is None or kind.name not in transform.kinds:
            return
        kind = transform.result
    yield from ((name, True) for name, lookup in LOOKUPS.items() if lookup.fits(kind))
    yield from ((name, True) for name, transform in TRANSFORMS.items() if kind.name in transform.kinds)


def _field_kinds(queryset: QuerySet[Any], steps: tuple[str, ...]) -> dict[str, Kind]:
    """Give the fields at the end of some relations."""
    end = _at_the_end(queryset, steps)
    return {} if end is None or _failed(end) else {field.name: field.kind for field in end.bound.fields}


def _relations(queryset: QuerySet[Any], steps: tuple[str, ...]) -> Mapping[str, Relation]:
    end = _at_the_end(queryset, steps)
    return {} if end is None or _failed(end) else end.bound.relations


def _at_the_end(queryset: QuerySet[Any], steps: tuple[str, ...]) -> QuerySet[Any] | None:
    """Give all rows of what some relations lead to."""
    for name in steps:
        relation = _relations(queryset, ()).get(name)
        if relation is None:
            return None
        queryset = QuerySet(relation.target).using(queryset.db)
    return queryset


def _failed(queryset: QuerySet[Any]) -> bool:
    """Tell whether the database failed already: every key would wait for it again."""
    return databases[queryset.db].state == "failed"


# What code means


def _known(node: ast.expr | None, variables: Mapping[str, Any]) -> Any:
    """Tell what an expression stands for, as far as that needs no code of anybody else to run."""
    match node:
        case ast.Name(id=name):
            found = variables.get(name)
            return _of_value(found)
        case ast.Attribute(value=inner, attr=name):
            return _attribute(_known(inner, variables), name)
        case ast.Call(func=called):
            return _result(_known(called, variables), node)
        case ast.Subscript(value=inner, slice=ast.Constant(value=key)):
            return _item(_known(inner, variables), key)
        case ast.Subscript(value=inner, slice=ast.Slice()):
            owner = _known(inner, variables)
            return owner if isinstance(owner, _Asked) else None
    return None


def _of_value(found: Any) -> Any:
    if not isinstance(found, QuerySet):
        return found
    steps = [step for step in found._state.steps if isinstance(step, Annotated)]
    return _Asked(found, tuple(name for step in steps for name, _ in step.items))


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, _Asked):
        return _Method(owner, name)
    if isinstance(owner, type) and issubclass(owner, Model):
        return _Asked(owner.objects.all()) if name == "objects" else None
    if isinstance(owner, ModuleType):
        ours = owner.__name__.split(".")[0] == __name__.split(".")[0]
        return _of_value(getattr(owner, name, None) if ours else vars(owner).get(name))
    if isinstance(owner, Alias):
        return owner.tables if name == "tables" else None
    # Only what lies in the object itself: a property would run somebody's code.
    return _of_value(vars(owner).get(name)) if hasattr(owner, "__dict__") else None


def _item(owner: Any, key: Any) -> Any:
    if isinstance(owner, Aliases | dict | list | tuple) and type(owner) in (Aliases, dict, list, tuple):
        try:
            return _of_value(owner[key])
        except (LookupError, TypeError):
            return None
    return None


def _result(called: Any, call: ast.Call) -> Any:
    """Tell what a method of a QuerySet gives, by its name."""
    if not isinstance(called, _Method) or not isinstance(called.owner, _Asked) or called.name not in _SAME:
        return None
    asked = called.owner
    if called.name == "using":
        match call.args:
            case [ast.Constant(value=str(alias))] if alias in databases:
                return replace(asked, queryset=asked.queryset.using(alias))
    named = tuple(keyword.arg for keyword in call.keywords if keyword.arg is not None)
    return replace(asked, computed=(*asked.computed, *named)) if called.name in ("annotate", "alias") else asked
