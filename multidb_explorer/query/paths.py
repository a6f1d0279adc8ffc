"""Paths: how a keyword such as ``author__country`` leads over relations to a field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from multidb_explorer.errors import FieldError
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS
from multidb_explorer.query.source import Bound, Field, Hop, Relation

__all__ = ["Path", "Step", "find_path"]

Step = tuple[str, int]
"""A relation's name, and which of its hops."""


@dataclass(frozen=True)
class Path:
    """Where a keyword leads: steps over relations, then fields, then what is left for transforms and a lookup.

    Attributes
    ----------
    bound
        The table that holds the fields.
    fields
        Usually one; several for a key of several columns.
    rest
        The words after the field.
    relation
        The last hop where the keyword names a relation and not a field of it.
    """

    hops: tuple[tuple[Step, Hop], ...]
    bound: Bound
    fields: tuple[Field, ...]
    rest: tuple[str, ...] = ()
    relation: Hop | None = None

    @property
    def target_name(self) -> str | None:
        """The model that a keyword which names a relation leads to."""
        return None if self.relation is None else self.relation.target.name

    @property
    def many(self) -> bool:
        """Whether it may lead to several rows."""
        return any(hop.many for _, hop in self.hops)


def find_path(
    bound: Bound,
    keyword: str,
    annotations: Iterable[str] = (),
    relations: Callable[[], Mapping[str, Relation]] | None = None,
) -> Path:
    """Follow a keyword; a column's own name may hold double underscores, so the longest name wins.

    Parameters
    ----------
    annotations
        Other names that may stand at the start, for the message.
    relations
        Gives the relations of the table, where someone has them at hand.

    Raises
    ------
    FieldError
        With near names, for a start that is no field, relation or annotation.
    """
    known: object
    path: Path | None
    known, path = bound.paths.get(keyword, (None, None))
    # Relations are worked out anew, all those of a database at once, when a model or the catalog has changed.
    own = keyword in bound.by_name or keyword == "pk"
    now = None if own else relations() if relations is not None else bound.relations
    if path is None or known is not now:
        path = _followed(bound, keyword, annotations)
        bound.paths[keyword] = (now, path)
    return path


def _followed(bound: Bound, keyword: str, annotations: Iterable[str]) -> Path:
    places, words = [bound], keyword.split("__")
    hops: list[tuple[Step, Hop]] = []
    while True:
        here = places[-1]
        name, words = _first_known(here, words)
        if name is None:
            break
        if name in here.by_name or name == "pk":
            return _trimmed(places, hops, _fields(here, name), tuple(words))
        for index, hop in enumerate(here.relations[name].hops):
            hops.append(((name, index), hop))
            places.append(hop.target.bind(bound.database))
    if not hops or (words and words[0] not in LOOKUPS and words[0] not in TRANSFORMS):
        known = [*here.by_name, *here.relations, "pk", *(LOOKUPS if hops else annotations)]
        raise FieldError.unknown("field", words[0], here.name, known)
    return _at_relation(places, hops, tuple(words))


def _first_known(bound: Bound, words: list[str]) -> tuple[str | None, list[str]]:
    for length in range(len(words), 0, -1):
        name = "__".join(words[:length])
        if name in bound.by_name or name == "pk" or name in bound.relations:
            return name, words[length:]
    return None, words


def _fields(bound: Bound, name: str) -> tuple[Field, ...]:
    if name != "pk" or "pk" in bound.by_name:
        return (bound.field(name),)
    if not bound.key:
        raise FieldError(f"{bound.name} has no key on alias {bound.database.alias!r}, so pk means nothing there.")
    return tuple(bound.field(part) for part in bound.key)


def _at_relation(places: list[Bound], hops: list[tuple[Step, Hop]], rest: tuple[str, ...]) -> Path:
    """End at what identifies the relative: what a foreign key refers to, else the key."""
    here, hop = places[-1], hops[-1][1]
    fields = _fields(here, "pk") if hop.many else tuple(here.field(name) for name in hop.target_columns)
    path = _trimmed(places, hops, fields, rest)
    return Path(path.hops, path.bound, path.fields, path.rest, relation=hop)


def _trimmed(
    places: list[Bound], hops: list[tuple[Step, Hop]], fields: tuple[Field, ...], rest: tuple[str, ...]
) -> Path:
    """Stop before a last join that only leads to what the foreign key itself holds."""
    if not hops or hops[-1][1].many:
        return Path(tuple(hops), places[-1], fields, rest)
    hop, before = hops[-1][1], places[-2]
    held = dict(zip(hop.target_columns, hop.columns, strict=True))
    if not all(field.name in held for field in fields):
        return Path(tuple(hops), places[-1], fields, rest)
    return Path(tuple(hops[:-1]), before, tuple(before.field(held[field.name]) for field in fields), rest)
