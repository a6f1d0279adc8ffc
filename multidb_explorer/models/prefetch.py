"""Read the relatives of many instances at once: one query for each relation on the way, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.errors import FieldError
from multidb_explorer.models.related import keep, matching, reached_by, relations_at, tell
from multidb_explorer.query.queryset import QuerySet

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.source import Hop, Relation

__all__ = ["Prefetch", "prefetch"]


class Prefetch:
    """What ``prefetch_related()`` shall read for one relation.

    Parameters
    ----------
    lookup
        The relation, by its attribute or its name in lookups; ``a__b`` for one behind another.
    queryset
        Which rows to read, and how; by default all of the relation's.
    to_attr
        A list of this name on each instance takes them, and the relation itself is left alone.

    Examples
    --------
    >>> Prefetch("order_set", to_attr="orders")
    Prefetch('order_set', to_attr='orders')
    """

    def __init__(self, lookup: str, queryset: QuerySet[Any] | None = None, to_attr: str | None = None) -> None:
        self.lookup = lookup
        self.queryset = queryset
        self.to_attr = to_attr

    def __repr__(self) -> str:
        queryset = ", queryset=..." if self.queryset is not None else ""
        return f"Prefetch({self.lookup!r}{queryset}{f', to_attr={self.to_attr!r}' if self.to_attr else ''})"


def prefetch(rows: Sequence[Model], names: Sequence[str | Prefetch], alias: str) -> None:
    """Give many instances their relatives.

    Parameters
    ----------
    rows
        Instances of one model.
    names
        Relations, ``a__b`` for those behind others.

    Raises
    ------
    FieldError
        For a relation that does not exist.
    """
    done: dict[str, list[Model]] = {}
    for asked in names:
        wanted = asked if isinstance(asked, Prefetch) else Prefetch(asked)
        parts = wanted.lookup.split("__")
        level = list(rows)
        for depth, part in enumerate(parts, 1):
            path, last = "__".join(parts[:depth]), depth == len(parts)
            if path not in done or (last and (wanted.queryset is not None or wanted.to_attr)):
                done[path] = _step(level, part, wanted if last else Prefetch(part), alias)
            level = done[path]


def _step(rows: Sequence[Model], name: str, wanted: Prefetch, alias: str) -> list[Model]:
    """Read one relation of many instances; give the relatives."""
    if not rows:
        return []
    if all(name in row._state.extra for row in rows):
        # An earlier Prefetch put them there.
        return _flat([row._state.extra[name] for row in rows])
    relation = _relation(rows[0], name, alias)
    if wanted.queryset is None and not wanted.to_attr and all(_is_known(row, relation) for row in rows):
        return _flat([row._state.related[relation.attribute].value for row in rows])
    found = _Reading(relation, wanted.queryset, alias).read(rows)
    for row, relatives in found:
        value: Any = relatives
        if relation.kind == "forward":
            value = relatives[0] if relatives else None
        if wanted.to_attr:
            row._state.extra[wanted.to_attr] = value
        else:
            keep(row, relation, value)
    return _flat([relatives for _, relatives in found])


def _relation(row: Model, name: str, alias: str) -> Relation:
    relations = relations_at(type(row), alias)
    relation = (relations.attribute(name) or relations.get(name)) if relations is not None else None
    if relation is None:
        known = relations.known_attributes() if relations is not None else []
        raise FieldError.unknown("relation", name, type(row).__name__, known)
    return relation


def _is_known(row: Model, relation: Relation) -> bool:
    known = row._state.related.get(relation.attribute)
    return known is not None and known.columns == reached_by(row, relation.hops[0].columns)


def _flat(values: Iterable[Any]) -> list[Model]:
    """Join relatives of many rows, each instance once."""
    found: dict[int, Model] = {}
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                found[id(one)] = one
    return list(found.values())


class _Reading:
    """One relation being read for many instances."""

    def __init__(self, relation: Relation, queryset: QuerySet[Any] | None, alias: str) -> None:
        self.relation = relation
        self.alias = alias
        asked: QuerySet[Any] = queryset if queryset is not None else QuerySet(relation.target)
        self.queryset = asked if asked._state.alias is not None else asked.using(alias)

    def read(self, rows: Sequence[Model]) -> list[tuple[Model, list[Model]]]:
        """Give each instance with its relatives."""
        first = self.relation.hops[0]
        starts = {id(row): reached_by(row, first.columns) for row in rows}
        wanted = [key for key in dict.fromkeys(starts.values()) if None not in key]
        found = self._by_link(wanted) if len(self.relation.hops) == 2 else self._direct(wanted, first)
        result = [(row, found.get(starts[id(row)], [])) for row in rows]
        self._tell_back(result)
        return result

    def _direct(self, wanted: list[tuple[Any, ...]], hop: Hop) -> dict[tuple[Any, ...], list[Model]]:
        found: dict[tuple[Any, ...], list[Model]] = {}
        for other in self.queryset.filter(matching(hop.target_columns, wanted)) if wanted else ():
            found.setdefault(reached_by(other, hop.target_columns), []).append(other)
        return found

    def _by_link(self, wanted: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[Model]]:
        near, far = self.relation.hops
        links: QuerySet[Any] = QuerySet(near.target).using(self.queryset.db)
        pairs: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        width = len(near.target_columns)
        if wanted:
            chosen = links.filter(matching(near.target_columns, wanted))
            for row in chosen.values_list(*near.target_columns, *far.columns):
                pairs.setdefault(tuple(row[width:]), []).append(tuple(row[:width]))
        ends = [key for key in pairs if None not in key]
        found: dict[tuple[Any, ...], list[Model]] = {}
        for other in self.queryset.filter(matching(far.target_columns, ends)) if ends else ():
            for start in pairs.get(reached_by(other, far.target_columns), ()):
                found.setdefault(start, []).append(other)
        return found

    def _tell_back(self, found: Sequence[tuple[Model, list[Model]]]) -> None:
        """Let relatives know whose they are, so that ``order.user`` needs no query either."""
        if self.relation.kind != "backward" or self.queryset.db != self.alias:
            return
        for row, relatives in found:
            for other in relatives:
                tell(other, self.relation, row)
