"""Which rows belong to a transfer, and why: foreign keys are followed from the root, down, up, or both.

Downwards from a row to those that refer to it, and on from them; upwards from every row to those that it refers to,
and on. Never from a parent down again: the other children of a shared parent are none of the transfer's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldValueError, KeyRequired, TableDoesNotExist, WriteRefused
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.transfer.edges import Edge, edge_of, levels
from multidb_explorer.transfer.records import TableName, Way
from multidb_explorer.transfer.roots import table_called
from multidb_explorer.transfer.sides import Key, Side, keys_of

__all__ = ["Closure", "Found", "Relatives", "closure_of", "named_table"]


ASKED = "asked for"
"""The path of the roots."""


@dataclass(frozen=True)
class Relatives:
    """How far foreign keys are followed.

    Attributes
    ----------
    down, up
        Whether children and parents are taken.
    tables
        The only tables that are taken besides the root; ``None`` for all.
    without
        Tables that are not taken.
    """

    down: bool = False
    up: bool = False
    tables: frozenset[TableName] | None = None
    without: frozenset[TableName] = frozenset()

    @classmethod
    def asked(cls, related: str | Sequence[str], catalog: Catalog, without: Iterable[TableName]) -> Relatives:
        """Understand the option ``related``.

        Raises
        ------
        FieldValueError, TableDoesNotExist
            For another word, and for a table that is not there.
        """
        left_out = frozenset(without)
        if isinstance(related, str):
            if related not in _WORDS:
                known = ", ".join(map(repr, _WORDS))
                raise FieldValueError(f"related is one of {known}, or a list of tables, not {related!r}.")
            down, up = _WORDS[related]
            return cls(down, up, None, left_out)
        named = frozenset((live.name, live.schema) for live in (table_called(catalog, name) for name in related))
        return cls(True, True, named, left_out)

    @property
    def any(self) -> bool:
        """Whether there is anything to follow."""
        return self.down or self.up

    def takes(self, table: TableName) -> bool:
        """Tell whether rows of a table may be taken."""
        return table not in self.without and (self.tables is None or table in self.tables)


_WORDS = {"none": (False, False), "parents": (False, True), "children": (True, False), "all": (True, True)}


@dataclass
class Found:
    """The rows of one table that were found.

    Attributes
    ----------
    side
        Where they are.
    names
        The columns that were read: the key, and all that foreign keys use.
    rows
        Their values by key.
    why
        By which path each came, as a number of `paths`.
    taken
        Keys of rows that belong to what is moved: the roots, and those that refer to such.
    """

    side: Side
    names: tuple[str, ...]
    rows: dict[Key, Key] = field(default_factory=dict)
    why: dict[Key, int] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    taken: set[Key] = field(default_factory=set)

    def values(self, columns: Sequence[str], keys: Iterable[Key] | None = None) -> list[tuple[Key, Key]]:
        """Give some columns of rows, each with the row's key."""
        places = [self.names.index(name) for name in columns]
        chosen = self.rows.items() if keys is None else ((key, self.rows[key]) for key in keys)
        return [(key, tuple(row[place] for place in places)) for key, row in chosen]

    def by_path(self) -> list[tuple[str, list[Key]]]:
        """Give the keys by the paths they came by; the root's own path is its table."""
        found: dict[int, list[Key]] = {}
        for key, number in self.why.items():
            found.setdefault(number, []).append(key)
        root = self.side.live.name
        return [(root if self.paths[n] == ASKED else self.paths[n], keys) for n, keys in found.items()]

    def ways(self) -> tuple[Way, ...]:
        """Count the rows by the paths they came by."""
        counts = [0] * len(self.paths)
        for number in self.why.values():
            counts[number] += 1
        return tuple(Way(path, count) for path, count in zip(self.paths, counts, strict=True) if count)


class Closure:
    """All rows of a transfer, by table.

    Attributes
    ----------
    tables
        In the order in which they were found.
    edges
        The foreign keys between any table that was found and any other.
    """

    def __init__(self, database: Database, catalog: Catalog, limit: int) -> None:
        self.tables: dict[TableName, Found] = {}
        self.edges: set[Edge] = set()
        self._database = database
        self._catalog = catalog
        self._limit = limit
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def _table(self, name: TableName, key: tuple[str, ...] = ()) -> Found:
        if name not in self.tables:
            live = self._catalog.table(*name)
            if not (key or live.key):
                raise KeyRequired.missing(self._database.alias, live.name)
            side = Side(self._database, self._catalog, live, key or live.key)
            edges = list(self._edges_of(live))
            self.edges.update(edges)
            used = [c for edge in edges for c in (*_used(edge, name),)]
            self.tables[name] = Found(side, tuple(dict.fromkeys([*side.key, *used])))
        return self.tables[name]

    def _edges_of(self, live: TableSchema) -> Iterator[Edge]:
        name = (live.name, live.schema)
        for key in live.foreign_keys:
            yield edge_of(name, key)
        for reference in self._catalog.references(*name):
            yield edge_of((reference.table, reference.schema), reference.foreign_key)

    def add(self, name: TableName, key: tuple[str, ...], rows: Iterable[Key], path: str, *, taken: bool) -> list[Key]:
        """Add rows, each with the values of the columns that were read; give the keys of those that are new."""
        found = self._table(name, key)
        if path not in found.paths:
            found.paths.append(path)
        number, width, new = found.paths.index(path), len(found.side.key), []
        for row in rows:
            mine = row[:width]
            if mine not in found.rows:
                found.rows[mine] = row
                found.why[mine] = number
                self._count += 1
                new.append(mine)
            elif taken and mine not in found.taken:
                # Known as a parent; now it is known that it belongs to what is moved, and so do its children.
                new.append(mine)
            if taken:
                found.taken.add(mine)
        if self._count > self._limit:
            raise WriteRefused(
                f"This transfer takes more than {self._limit:,} rows along (the last came by {path}), so nothing was "
                f"written. Take fewer tables with related=[...], fewer rows with filter(), or allow more: limit=..."
            )
        return new

    def in_order(self, name: TableName) -> list[list[Key]]:
        """Give the keys of a table, parents first where it refers to itself: none refers to another of its own list."""
        found = self.tables[name]
        parents = self.own_parents(name)
        if not parents:
            return [list(found.rows)]
        numbers, _circular = levels(found.rows, parents)
        lists: list[list[Key]] = [[] for _ in range(1 + max(numbers.values()))]
        for key in found.rows:
            lists[numbers[key]].append(key)
        return lists

    def is_circular(self, name: TableName) -> bool:
        """Tell whether rows of a table refer to each other in a circle."""
        parents = self.own_parents(name)
        return bool(parents) and levels(self.tables[name].rows, parents)[1]

    def own_parents(self, name: TableName) -> dict[Key, list[Key]]:
        """Give the rows of a table that refer to rows of the same table, with those."""
        found = self.tables[name]
        parents: dict[Key, list[Key]] = {}
        for edge in self.edges:
            if edge.own and edge.child == name:
                owners = {value: key for key, value in found.values(edge.parent_columns)}
                for key, value in found.values(edge.columns):
                    if None not in value and value in owners:
                        parents.setdefault(key, []).append(owners[value])
        return parents

    # Following

    def roots(self, name: TableName, key: tuple[str, ...], batches: Iterable[Any]) -> None:
        """Add the rows that were asked for."""
        found = self._table(name, key)
        for batch in batches:
            keys = keys_of(batch, batch.schema.names)
            table = found.side.by_keys(found.names, keys)
            self.add(name, key, keys_of(table, found.names), ASKED, taken=True)

    def follow(self, relatives: Relatives, root: TableName) -> None:
        """Add the relatives of what is there."""
        if relatives.down:
            self._walk([(root, list(self.tables[root].rows), str(root[0]))], relatives, self._children)
        if relatives.up:
            begun = [(name, keys, path) for name, found in list(self.tables.items()) for path, keys in found.by_path()]
            self._walk(begun, relatives, self._parents)

    def _walk(
        self,
        begun: list[tuple[TableName, list[Key], str]],
        relatives: Relatives,
        step: Callable[[TableName, list[Key], str, Relatives], Iterator[tuple[TableName, list[Key], str]]],
    ) -> None:
        waiting = begun
        while waiting:
            name, keys, path = waiting.pop(0)
            if keys:
                waiting += list(step(name, keys, path, relatives))

    def _children(
        self, name: TableName, keys: list[Key], path: str, relatives: Relatives
    ) -> Iterator[tuple[TableName, list[Key], str]]:
        for edge in sorted(self.edges, key=lambda edge: (edge.child[0], edge.columns)):
            if edge.parent != name or not relatives.takes(edge.child):
                continue
            values = _known(self.tables[name].values(edge.parent_columns, keys))
            trail = f"{path} → {edge.child[0]}{self._by(edge)}"
            yield edge.child, self._reached(edge.child, edge.columns, values, trail, taken=True), trail

    def _parents(
        self, name: TableName, keys: list[Key], path: str, relatives: Relatives
    ) -> Iterator[tuple[TableName, list[Key], str]]:
        for edge in sorted(self.edges, key=lambda edge: (edge.parent[0], edge.columns)):
            if edge.child != name or not relatives.takes(edge.parent):
                continue
            values = _known(self.tables[name].values(edge.columns, keys))
            trail = f"{path} ← {edge.parent[0]}{self._by(edge)}"
            yield edge.parent, self._reached(edge.parent, edge.parent_columns, values, trail, taken=False), trail

    def _by(self, edge: Edge) -> str:
        """Name the columns of a foreign key where two tables have several."""
        several = sum((other.child, other.parent) == (edge.child, edge.parent) for other in self.edges) > 1
        return f" by {', '.join(edge.columns)}" if several or edge.own else ""

    def _reached(
        self, name: TableName, columns: tuple[str, ...], values: list[Key], path: str, *, taken: bool
    ) -> list[Key]:
        if not values:
            return []
        found = self._table(name)
        table = found.side.matching(columns, values, found.names)
        rows = keys_of(table, found.names)
        places = [found.names.index(column) for column in columns]
        wanted = set(values)
        # A range may give more rows than were asked for.
        rows = [row for row in rows if tuple(row[place] for place in places) in wanted]
        return self.add(name, (), rows, path, taken=taken)


def _used(edge: Edge, name: TableName) -> Iterator[str]:
    if edge.child == name:
        yield from edge.columns
    if edge.parent == name:
        yield from edge.parent_columns


def _known(values: Iterable[tuple[Key, Key]]) -> list[Key]:
    """Give values without those in which there is a NULL, each once."""
    return list(dict.fromkeys(value for _, value in values if None not in value))


def closure_of(
    database: Database,
    catalog: Catalog,
    root: TableName,
    key: tuple[str, ...],
    roots: Iterable[Any],
    relatives: Relatives,
    limit: int,
) -> Closure:
    """Find all rows of a transfer.

    Raises
    ------
    WriteRefused
        When there are more than `limit`.
    """
    found = Closure(database, catalog, limit)
    found.roots(root, key, roots)
    found.follow(relatives, root)
    return found


def named_table(catalog: Catalog, name: str, steps: Mapping[TableName, Any]) -> TableName:
    """Find the table of a plan that a name means.

    Raises
    ------
    TableDoesNotExist
        With the tables of the plan.
    """
    known = {table: (table, schema) for table, schema in steps}
    try:
        found = match(name, known)
    except Ambiguous:
        found = None
    if found is None:
        raise TableDoesNotExist.unknown(catalog.database.alias, name, known)
    return known[found]
