"""The relatives of one instance: read once, kept beside it, assigned, and checked before it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.routers import allow_relation, for_read
from multidb_explorer.errors import CrossDatabaseError
from multidb_explorer.models.loading import value_of
from multidb_explorer.models.relations import relations_of
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.queryset import QuerySet

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.models.relations import Relations
    from multidb_explorer.query.source import Relation, Source, Writer
    from multidb_explorer.query.state import QueryState

__all__ = [
    "Known", "RelatedSet", "assign", "check_assigned", "get", "keep", "matching", "reached_by", "relations_at",
    "remember", "settle", "tell",
]  # fmt: skip


@dataclass
class Known:
    """Relatives that need no query.

    Attributes
    ----------
    value
        One instance, ``None``, or a list of them.
    columns
        The instance's own values when they were found: other values mean other relatives.
    assigned
        Whether the user put it there since the last save.
    """

    value: Any
    columns: tuple[Any, ...]
    assigned: bool = False


class RelatedSet(QuerySet[Any]):
    """The rows that belong to one instance; those that were read ahead are given without a query.

    Attributes
    ----------
    ends
        The relation and whose rows they are; ``None`` for a set that was filtered or otherwise refined.
    """

    def __init__(
        self,
        source: Source,
        state: QueryState | None = None,
        ahead: list[Any] | None = None,
        ends: tuple[Relation, Model] | None = None,
    ) -> None:
        super().__init__(source, state)
        self._rows = self._ahead = ahead
        self._ends = ends

    def all(self) -> Self:
        """Give the rows, read ahead or not."""
        return type(self)(self._source, self._state, self._ahead, self._ends)

    # Which rows belong to the instance

    def add(self, *rows: Any) -> None:
        """Let rows that are saved belong to the instance; over a link table also rows named by their keys.

        Raises
        ------
        TypeError, ValueError
            For something else than such a row, and for a set that was filtered.
        CrossDatabaseError
            For a row of another database.
        """
        self._belonging().add(rows)
        self._forget()

    def remove(self, *rows: Any) -> None:
        """Let rows no longer belong to the instance; they stay in their table.

        Raises
        ------
        DoesNotExist
            For a row that belongs to somebody else.
        ValueNotRepresentable
            Where a row can't be without an owner.
        """
        self._belonging().remove(rows)
        self._forget()

    def clear(self) -> None:
        """Let no row belong to the instance any more; errors as `remove`."""
        self._belonging().clear()
        self._forget()

    def set(self, rows: Iterable[Any]) -> None:
        """Let these rows belong to the instance and no others, where rows can be without an owner."""
        self._belonging().set(list(rows))
        self._forget()

    def create(self, **values: Any) -> Any:
        """Insert a row that belongs to the instance."""
        if self._ends is None or self._ends[0].kind == "backward":
            return super().create(**values)
        with databases[self._write_alias()].atomic():
            created = super().create(**values)
            self.add(created)
        return created

    def _belonging(self) -> Any:
        from multidb_explorer.models.related_rows import Children, Linked

        if self._ends is None:
            raise TypeError("Rows are added to, and taken from, all rows of an instance: call this before filter().")
        relation, owner = self._ends
        return (Children if relation.kind == "backward" else Linked)(relation, owner, self._write_alias())

    def _forget(self) -> None:
        """Read the rows again the next time."""
        self._rows = self._ahead = None
        if self._ends is not None:
            relation, owner = self._ends
            owner._state.related.pop(relation.attribute, None)


class _Owned:
    """The source of rows that belong to one instance: each knows whose it is without a query."""

    def __init__(self, relation: Relation, owner: Model) -> None:
        self._target: Any = relation.target
        self._relation = relation
        self.owner = owner

    def instance(
        self, names: Sequence[str], row: Sequence[Any], alias: str, annotations: Mapping[str, Any] | None = None
    ) -> Model:
        """Make an instance that refers to its owner."""
        made: Model = self._target.instance(names, row, alias, annotations)
        if alias == self.owner._state.db:
            tell(made, self._relation, self.owner)
        return made

    def writer(self, queryset: QuerySet[Any], alias: str) -> Writer:
        """Give what writes rows that belong to the owner."""
        from multidb_explorer.models.related_rows import OwnedWriter

        return OwnedWriter(self._target.model, queryset, alias, self._relation, self.owner)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._target, name)


def relations_at(model: type[Model], alias: str | None) -> Relations | None:
    """Give a model's relations on an alias, by default its own; ``None`` for a class without rows."""
    source = model.__dict__.get("_source") or getattr(model, "_source", None)
    if source is None:
        return None
    return relations_of(source, databases.get(alias or source.default_alias))


def reached_by(instance: Model, names: Sequence[str]) -> tuple[Any, ...]:
    """Give the instance's values that a relation starts from."""
    return tuple(value_of(instance, name) for name in names)


def matching(names: Sequence[str], values: Sequence[tuple[Any, ...]]) -> Q:
    """Ask for rows that have one of several keys."""
    if len(names) == 1:
        return Q(**{f"{names[0]}__in": [value for (value,) in values]})
    found = Q()
    for value in values:
        found |= Q(**dict(zip(names, value, strict=True)))
    return found


# Reading


def get(instance: Model, relation: Relation) -> Any:
    """Give what an attribute of an instance leads to: an instance, ``None``, or a QuerySet."""
    return _rows(instance, relation) if relation.kind != "forward" else _row(instance, relation)


def _alias(instance: Model, relation: Relation) -> str:
    """Give the alias that relatives are read from: the instance's own, unless a router says otherwise."""
    if not databases.routers:
        return instance._state.db or instance._source.default_alias
    return for_read(relation.target, instance=instance)


def _row(instance: Model, relation: Relation) -> Model | None:
    (hop,) = relation.hops
    columns = reached_by(instance, hop.columns)
    known = instance._state.related.get(relation.attribute)
    if known is None or known.columns != columns:
        if None in columns:
            return None
        asked: QuerySet[Any] = QuerySet(hop.target).using(_alias(instance, relation))
        known = Known(asked.get(**dict(zip(hop.target_columns, columns, strict=True))), columns)
        instance._state.related[relation.attribute] = known
    if known.value is None and None not in columns:
        # It was looked for together with others, and is not there.
        named = ", ".join(f"{name}={value!r}" for name, value in zip(hop.target_columns, columns, strict=True))
        raise hop.target.DoesNotExist(
            f"No row of {hop.target.name} on alias {_alias(instance, relation)!r} has {named}."
        )
    return cast("Model | None", known.value)


def _rows(instance: Model, relation: Relation) -> QuerySet[Any]:
    hop = relation.hops[0]
    columns = reached_by(instance, hop.columns)
    if instance.pk is None and None in columns:
        raise ValueError(
            f"{type(instance).__name__}.{relation.attribute} needs a row that has a key: save the instance first."
        )
    known = instance._state.related.get(relation.attribute)
    source = cast("Source", _Owned(relation, instance)) if relation.kind == "backward" else relation.target
    asked: QuerySet[Any] = QuerySet(source)
    if relation.kind != "backward" or not databases.routers:
        # With routers, rows that know their owner are read from one alias and written to another.
        asked = asked.using(_alias(instance, relation))
    ahead = known.value if known is not None and known.columns == columns else None
    return RelatedSet(source, _narrowed(asked, relation, columns), ahead, (relation, instance))


def _narrowed(asked: QuerySet[Any], relation: Relation, columns: tuple[Any, ...]) -> QueryState:
    if None in columns:
        return asked.none()._state
    if len(relation.hops) == 1:
        return asked.filter(**dict(zip(relation.hops[0].target_columns, columns, strict=True)))._state
    from multidb_explorer.query.subqueries import Exists, OuterRef

    near, far = relation.hops
    links: QuerySet[Any] = QuerySet(near.target)
    same = {mine: OuterRef(theirs) for mine, theirs in zip(far.columns, far.target_columns, strict=True)}
    links = links.filter(**dict(zip(near.target_columns, columns, strict=True)), **same)
    return asked.filter(Exists(links))._state


def remember(instance: Model, name: str, other: Model | None) -> None:
    """Keep a relative that was read together with an instance."""
    relations = relations_at(type(instance), instance._state.db)
    if relations is not None:
        keep(instance, relations[name], other)


def keep(instance: Model, relation: Relation, value: Any) -> None:
    """Keep relatives beside an instance."""
    columns = reached_by(instance, relation.hops[0].columns)
    instance._state.related[relation.attribute] = Known(value, columns)


def tell(other: Model, relation: Relation, owner: Model) -> None:
    """Let a row that a backward relation gave know whose it is, unless that was not read with it."""
    (hop,) = relation.hops
    relations = relations_at(type(other), other._state.db)
    for back in relations.forward() if relations is not None else ():
        there = back.hops[0]
        if (there.columns, there.target_columns) == (hop.target_columns, hop.columns):
            columns = tuple(other._values.get(name) for name in there.columns)
            if columns == reached_by(owner, hop.columns):
                other._state.related[back.attribute] = Known(owner, columns)


# Assigning


def assign(instance: Model, relation: Relation, other: Any) -> None:
    """Make an instance refer to another one, or to none.

    Raises
    ------
    TypeError
        For a relation that may have several relatives.
    ValueError
        For an object that is no row of the table.
    CrossDatabaseError
        For one of another database.
    """
    if relation.kind != "forward":
        raise TypeError(
            f"{type(instance).__name__}.{relation.attribute} gives many rows and can't be assigned; "
            f"assign the other side: row.{relation.hops[0].target_columns[0]} = ..."
        )
    (hop,) = relation.hops
    if other is not None:
        _require_row_of(instance, relation, other)
        _require_same_database(instance, relation, other)
    values = [value_of(other, name) if other is not None else None for name in hop.target_columns]
    instance._values.update(zip(hop.columns, values, strict=True))
    instance._state.related[relation.attribute] = Known(other, tuple(values), assigned=True)


def _require_row_of(instance: Model, relation: Relation, other: Any) -> None:
    target = relation.target
    source = getattr(other, "_source", None)
    if source is None or not (isinstance(other, target.model) or source.is_table(target.node)):  # type: ignore[attr-defined]
        raise ValueError(
            f"{type(instance).__name__}.{relation.attribute} can't be {other!r}: it must be a {target.name} instance."
        )


def _require_same_database(instance: Model, relation: Relation, other: Model) -> None:
    mine, theirs = instance._state.db, other._state.db
    if mine is None or theirs is None:
        # A row that is nowhere yet belongs where its relative is.
        instance._state.db = other._state.db = mine or theirs
    elif mine != theirs and not _may_refer(instance, other, mine):
        raise CrossDatabaseError(
            f"{instance!r} is of alias {mine!r} and {other!r} of alias {theirs!r}: a row can't refer to a row of "
            f"another database. Save it there first: {relation.name}.save(using={mine!r})."
        )


def _may_refer(instance: Model, other: Model, alias: str) -> bool:
    """Tell whether a row on an alias may refer to another one: routers may know that two aliases belong together."""
    allowed = allow_relation(instance, other)
    theirs = other._state.db
    return theirs is not None and _is_one_database(theirs, alias) if allowed is None else allowed


def _is_one_database(first: str, second: str) -> bool:
    if first == second:
        return True
    return first in databases and second in databases and databases[first].fingerprint == databases[second].fingerprint


# Saving


def check_assigned(instance: Model, using: str) -> None:
    """Before a save: take over keys that relatives got meanwhile, and refuse relatives of elsewhere.

    Raises
    ------
    ValueError
        For a relative that was never saved.
    CrossDatabaseError
        For one of another database than the row is going to.
    """
    relations = relations_at(type(instance), instance._state.db)
    for attribute, known in list(instance._state.related.items()):
        relation = relations.attribute(attribute) if relations is not None and known.assigned else None
        if relation is not None and known.value is not None:
            _check(instance, relation, known, using)


def _check(instance: Model, relation: Relation, known: Known, using: str) -> None:
    (hop,) = relation.hops
    other = known.value
    mine = reached_by(instance, hop.columns)
    if mine != known.columns:
        # Its column was set to something else since.
        return
    values = reached_by(other, hop.target_columns)
    if other.pk is None or None in values:
        raise ValueError(
            f"{type(instance).__name__} can't be saved before its {relation.attribute}, {other!r}: save that first."
        )
    if other._state.db is not None and not _may_refer(instance, other, using):
        raise CrossDatabaseError(
            f"{type(instance).__name__} can't be saved to alias {using!r}: its {relation.attribute} is {other!r}, and "
            f"a row can't refer to a row of another database. Save that to {using!r} first."
        )
    if None in mine:
        instance._values.update(zip(hop.columns, values, strict=True))
        known.columns = values


def settle(instance: Model, alias: str) -> None:
    """After a save: what was assigned is stored now, and relatives of another database are others there."""
    for attribute, known in list(instance._state.related.items()):
        known.assigned = False
        one = known.value[0] if isinstance(known.value, list) and known.value else known.value
        if getattr(getattr(one, "_state", None), "db", alias) != alias:
            del instance._state.related[attribute]
