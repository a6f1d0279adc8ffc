"""How rows of one table belong to rows of others: foreign keys both ways, and through link tables.

A reflected model's relations are those of the alias where it was reflected, so that a query reads the same on every
alias. A declared model's come from the declarations; what no model declares is looked up in the catalog of the alias,
but only when a name asks for it. `naming` tells how they are called.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ConnectionFailed, DatabaseError, MultiDBError, TableDoesNotExist
from multidb_explorer.models.links import (
    Key,
    Link,
    backward,
    forward,
    is_pure,
    link_back,
    link_by_rule,
    link_there,
    linked,
)
from multidb_explorer.models.naming import Names, Plan
from multidb_explorer.models.registry import Family, TableSource, family_of
from multidb_explorer.models.registry import declared as everything
from multidb_explorer.models.relation_options import KeyOptions, LinkOptions
from multidb_explorer.models.sources import DeclaredSource, ModelSource, Node, TableKey
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS
from multidb_explorer.query.source import Relation
from multidb_explorer.schema.catalog import Reference

__all__ = ["Relations", "relations_of"]

Stage = Callable[[], Iterable[Plan]]
AnySource = ModelSource | TableSource


class Relations(Mapping[str, Relation]):
    """Relations by the name that lookups use, worked out as far as needed.

    Looking a name up goes as far as it takes to find it. Listing them goes as far as nothing must be asked of a
    database that was not asked anyway; `complete` goes to the end.

    Parameters
    ----------
    names
        Gives them their names.
    stages
        Where they are found, the cheapest first.
    listed
        How many of the stages a listing takes.
    """

    def __init__(self, names: Names, stages: Sequence[Stage], listed: int) -> None:
        self._names = names
        self._stages = list(stages)
        self._listed = listed
        self._done = 0
        self._lock = threading.RLock()

    def _advance(self) -> None:
        """Take the next stage; one that fails is tried again the next time."""
        stage = self._done
        # Asked outside the lock: a thread may hold the connection that another one is waiting for.
        found = list(self._stages[stage]())
        with self._lock:
            if self._done == stage:
                self._names.add(found)
                self._done += 1

    def _find(self, known: Mapping[str, Relation], name: str, stages: int) -> Relation | None:
        while name not in known and self._done < stages:
            self._advance()
        return known.get(name)

    def __getitem__(self, name: str) -> Relation:
        # Parts of a keyword that are no name of ours must not make a declared model ask its database.
        stages = self._listed if name in LOOKUPS or name in TRANSFORMS else len(self._stages)
        found = self._find(self._names.relations, name, 0 if "__" in name else stages)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        while self._done < self._listed:
            self._advance()
        return iter(list(self._names.relations))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def complete(self) -> Relations:
        """Find all there are."""
        while self._done < len(self._stages):
            self._advance()
        return self

    def attribute(self, name: str) -> Relation | None:
        """Find a relation by what instances call it."""
        return self._find(self._names.attributes, name, len(self._stages))

    def forward(self) -> list[Relation]:
        """List the foreign keys of the table itself that are known without asking a database."""
        if not self._done:
            self._advance()
        return [relation for relation in self._names.relations.values() if relation.kind == "forward"]

    def known_attributes(self) -> list[str]:
        """List what instances call those that were found so far."""
        return list(self._names.attributes)

    def note(self, name: str) -> str:
        """Say why a relation is not called what the rules say."""
        return self._names.notes.get(name, "")

    def through(self, name: str) -> str:
        """Name the link table of a relation."""
        return self._names.through.get(name, "")


def relations_of(source: ModelSource, database: Database | None) -> Relations:
    """Give the relations of a model on a database, or as far as they are known without one."""
    if isinstance(source, DeclaredSource):
        family = family_of(database) if database is not None else None
        if family is None:
            return Relations(_names(source), [_DeclaredWorld(source, None).own], 1)
        key = ("declared", source.model)
        return family.relations(key, lambda: _relations(source, _DeclaredWorld(source, family), 1))
    home = databases.get(source.options.using or "", database)
    if home is None:
        return Relations(_names(source), [], 0)
    family = family_of(home)
    certain = home is database
    return family.relations(
        ("reflected", source.model, certain), lambda: _relations(source, _World(source, family, certain=certain), 3)
    )


def _relations(source: ModelSource, world: _World, listed: int) -> Relations:
    return Relations(_names(source), [world.own, world.others, world.by_rule], listed)


def _names(source: ModelSource) -> Names:
    from multidb_explorer.models.model import Model

    promised = {option.name for option in source.links}
    return Names(source.names, lambda name: hasattr(Model, name), promised)


class _World:
    """Where a reflected model's relations come from: the catalog of its alias.

    Parameters
    ----------
    source
        Whose relations are looked for.
    family
        The models of the alias.
    certain
        Whether the rows are of that alias too, so that its rules hold for them.
    """

    def __init__(self, source: ModelSource, family: Family | None, *, certain: bool = True) -> None:
        self.me = source
        self._family = family
        self.certain = certain

    @property
    def family(self) -> Family:
        if self._family is None:
            raise TableDoesNotExist("There is no database to look in.")
        return self._family

    # Tables

    def place(self) -> Node:
        """Name the table in the catalog."""
        schema, table = self.me.node
        return schema, self.family.catalog.find(table, schema)

    def source(self, node: Node, columns: Sequence[str] = ()) -> AnySource:  # noqa: ARG002 - declared models need it
        """Give what stands for a table that has some columns."""
        if self.family.node(node[1], node[0]) == self.family.node(self.me.node[1], self.me.node[0]):
            return self.me
        return TableSource(self.family.database.alias, node[1], node[0])

    # What there is, in the order in which it is looked for

    def own(self) -> Iterator[Plan]:
        """Find what the model itself says."""
        for key in self.me.keys:
            yield from forward(self.key(self.me, key))

    def others(self) -> Iterator[Plan]:
        """Find what refers to it, and the link tables that were named."""
        place = self.place()
        for reference in self.family.catalog.references(place[1], place[0]):
            yield from backward(self.referring(reference))
        for source in self.family.shaped():
            for key in source.keys:
                if key.options.to is not None and self.me.is_table((key.schema, key.table)):
                    yield from backward(self.key(self.same(source), key))
            yield from self.way_back(source, source.links)
        for option in self.me.links:
            yield link_there(self.link(self.me, option), option)

    def by_rule(self) -> Iterator[Plan]:
        """Find tables that do nothing but link it to others."""
        place = self.place()
        references = self.family.catalog.references(place[1], place[0])
        nodes = {self.family.node(reference.table, reference.schema): reference for reference in references}
        counts = self.family.targets([place[0], *(schema for schema, _ in nodes)]) if nodes else {}
        for schema, table in nodes:
            if counts[schema, table] <= 2 and not self.is_named_link((schema, table)):
                yield from self._pure((schema, table))

    def _pure(self, node: Node) -> Iterator[Plan]:
        live = self.family.catalog.table(node[1], node[0])
        if is_pure(live):
            through = self.source(node)
            keys = [self.key(through, key) for key in TableKey.of_table(live, ())]
            for near, far in (keys, reversed(keys)):
                if near is not None and far is not None and near.target is self.me:
                    yield link_by_rule(Link(near, far))

    # One of them

    def key(self, owner: AnySource, key: TableKey) -> Key | None:
        """Give a foreign key with what it leads to."""
        target = self.source((key.schema, key.table), key.target_columns)
        return self.joined(owner, key, target)

    def joined(self, owner: AnySource, key: TableKey, target: AnySource) -> Key | None:
        """Give a foreign key between two sources, unless the target lacks a column of it."""
        targets = target.fields(key.target_columns)
        if targets is None:
            return None
        return Key(owner, key.columns, target, targets, key.optional or not self.certain, key.options)

    def referring(self, reference: Reference) -> Key | None:
        """Give a foreign key that leads here."""
        found = reference.foreign_key
        node = self.family.node(reference.table, reference.schema)
        owner = self.source(node, found.columns)
        columns = owner.fields(found.columns) or found.columns
        named = TableKey(columns, *self.me.node, found.target_columns, True, KeyOptions(columns))
        (key, *_) = TableKey.with_settings([named], self._settings_of(node, columns))
        return self.joined(owner, key, self.me)

    def _settings_of(self, node: Node, columns: tuple[str, ...]) -> tuple[KeyOptions, ...]:
        settings = self.family.settings(node[1], node[0])
        return tuple(s for s in settings if isinstance(s, KeyOptions) and s.columns == columns and s.to is None)

    # Link tables that were named

    def link(self, owner: ModelSource, option: LinkOptions) -> Link:
        """Find the two foreign keys of a link table."""
        through = self.source(option.through)
        keys = [self.key(through, key) for key in self.keys_of(through, option)]
        target = self.source((owner.node[0], option.target)) if option.target else None
        return linked(owner, option, through, [key for key in keys if key is not None], target)

    def keys_of(self, through: AnySource, option: LinkOptions) -> Iterable[TableKey]:
        """Give the foreign keys of a link table."""
        if isinstance(through, ModelSource):
            return through.keys
        schema, table = option.through
        return self.family.keys(self.family.catalog.find(table, schema), schema)

    def way_back(self, source: ModelSource, options: Iterable[LinkOptions]) -> Iterator[Plan]:
        """Find the link tables that another model named and that lead here."""
        for option in options:
            try:
                link = self.link(self.same(source), option)
            except MultiDBError:
                # Whoever named it is told when it is used there.
                continue
            if option.related_name != "+" and link.far.target is self.me:
                yield link_back(link, option)

    def is_named_link(self, node: Node) -> bool:
        """Tell whether someone named a link table already."""
        options = [option for source in (self.me, *self.family.shaped()) for option in source.links]
        return any(self.family.node(option.through[1], option.through[0]) == node for option in options)

    def same(self, source: ModelSource) -> ModelSource:
        """Give this model itself where a table is its own."""
        return self.me if source.node == self.me.node else source


class _DeclaredWorld(_World):
    """Where a declared model's relations come from: all declarations, then the catalog of the alias."""

    def source(self, node: Node, columns: Sequence[str] = ()) -> AnySource:
        """Give the model of a table, or what stands for the table."""
        if self.me.is_table(node) and self.me.fields(columns) is not None:
            return self.me
        found = everything.find(node, columns, (self.me.default_alias, self.alias))
        return found or TableSource(self.alias, node[1], node[0])

    @property
    def alias(self) -> str:
        """The alias that is asked."""
        return self._family.database.alias if self._family is not None else self.me.default_alias

    def meant(self, owner: AnySource, key: TableKey) -> AnySource:
        """Give what a declared key leads to: a table beside its own first, then one of no schema."""
        for schema in dict.fromkeys((key.schema or owner.node[0], key.schema)):
            found = self.source((schema, key.table), key.target_columns)
            if isinstance(found, ModelSource):
                return found
        return self.source((key.schema or owner.node[0], key.table))

    def key(self, owner: AnySource, key: TableKey) -> Key | None:
        return self.joined(owner, key, self.meant(owner, key))

    def own(self) -> Iterator[Plan]:
        """Find what declarations say."""
        yield from super().own()
        for source in everything.around(self.me, self.alias):
            owner = self.same(source)
            for key in source.keys:
                found = self.key(owner, key)
                if found is not None and found.target.node == self.me.node:
                    yield from backward(replace(found, target=self.me))
        yield from self._named_links(declared=True)

    def others(self) -> Iterator[Plan]:
        """Find what the database knows and nobody declared."""
        yield from self._named_links(declared=False)
        yield from self._readable(self._undeclared)

    def by_rule(self) -> Iterator[Plan]:
        yield from self._readable(super().by_rule)

    def _named_links(self, *, declared: bool) -> Iterator[Plan]:
        """Find relations through link tables that are declared, or that only the database knows."""

        def fits(option: LinkOptions) -> bool:
            return isinstance(self.source(option.through), ModelSource) == declared

        for option in filter(fits, self.me.links):
            yield link_there(self.link(self.me, option), option)
        for source in everything.around(self.me, self.alias):
            yield from self.way_back(self.same(source), filter(fits, source.links))

    def _undeclared(self) -> Iterator[Plan]:
        schema, table = self.place()
        known = {key.columns for key in self.me.keys}
        for named in self.family.keys(table, schema):
            columns = self.me.fields(named.columns)
            if columns is not None and columns not in known:
                yield from forward(self.key(self.me, replace(named, columns=columns)))
        for reference in self.family.catalog.references(table, schema):
            key = self.referring(reference)
            if key is not None and not self._is_declared(key):
                yield from backward(key)

    def _is_declared(self, key: Key) -> bool:
        owner = key.owner
        return isinstance(owner, ModelSource) and key.columns in {known.columns for known in owner.keys}

    def _readable(self, find: Callable[[], Iterable[Plan]]) -> list[Plan]:
        """Find nothing where the database can't be asked: the declaration stands without it."""
        try:
            return list(find())
        except (TableDoesNotExist, ConnectionFailed, DatabaseError):
            return []

    def is_named_link(self, node: Node) -> bool:
        options = [option for source in everything.sources() for option in source.links]
        return super().is_named_link(node) or any(option.through == node for option in options)

    def same(self, source: ModelSource) -> ModelSource:
        mine = (self.me.node, self.me.name)
        return self.me if (source.node, source.name) == mine else source
