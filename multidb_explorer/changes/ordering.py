"""The order of a commit's statements: what others need comes first, and who is in the way goes first.

A new row stands before the rows that refer to it, and whoever refers to a row goes, or turns away, before it does; a
unique value is given up before another row takes it. Where rows wait for each other in a circle, a nullable column of
one of them is NULL for a moment.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from multidb_explorer.changes.addressing import hashable
from multidb_explorer.changes.records import Delete, Insert, NewKey, Update
from multidb_explorer.changes.showing import key_text
from multidb_explorer.changes.steps import Aimed, Step, halves, step_of
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import WriteRefused
from multidb_explorer.schema.graph import children_first
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.writing.into import Points

__all__ = ["Need", "Order", "marked", "same_table"]

TableMark = tuple[str | None, str]


@dataclass(frozen=True, eq=False)
class Need:
    """A reference that a change makes to a row that no staged change brings.

    Attributes
    ----------
    leaves
        Whether a staged change takes the row away that is referred to.
    """

    aimed: Aimed
    points: Points
    values: tuple[Any, ...]
    leaves: bool = False


@dataclass(eq=False)
class _Node:
    step: Step
    rank: tuple[int, int, int]

    def __lt__(self, other: _Node) -> bool:
        return self.rank < other.rank


@dataclass(eq=False)
class _Edge:
    """One node goes before another, unless the holder's columns are NULL for a moment.

    Attributes
    ----------
    given
        Columns of the first one that the other refers to.
    """

    before: _Node
    after: _Node
    holder: _Node
    columns: tuple[str, ...]
    given: tuple[str, ...] = ()


class Order:
    """The statements of a commit in the order in which they are sent.

    Parameters
    ----------
    database
        Where they go.
    changes
        In the order of staging.

    Attributes
    ----------
    steps : tuple of Step
    needs : list of Need
        References that only the database can tell to be right.
    """

    def __init__(self, database: Database, changes: Sequence[Aimed]) -> None:
        self._database = database
        self._changes = changes
        self._nodes: list[_Node] = []
        self._edges: list[_Edge] = []
        self.needs: list[Need] = []
        self._make_nodes()
        by_table: dict[TableMark, list[_Node]] = defaultdict(list)
        for node in self._nodes:
            by_table[self._mark(node.step.aimed.place.into.table)].append(node)
        for nodes in list(by_table.values()):
            into = nodes[0].step.aimed.place.into
            for points in into.points:
                self._join(points, nodes, by_table[self._mark(points.table)])
            for unique in into.uniques:
                self._take_turns(unique, nodes)
        self._untangle_selves()
        self.steps = tuple(node.step for node in self._sorted_all())

    def _mark(self, table: sa.Table) -> TableMark:
        return same_table(self._database, table)

    # Nodes

    def _make_nodes(self) -> None:
        places = self._parents_first()
        kinds = {Insert: 0, Update: 1, Delete: 2}
        for number, aimed in enumerate(self._changes):
            place = places[aimed.place.name, aimed.place.into.table.schema]
            kind = kinds[type(aimed.change)]
            self._nodes.append(_Node(step_of(aimed), (kind, (place, 0, -place)[kind], number)))

    def _parents_first(self) -> dict[tuple[str, str | None], int]:
        tables = [(aimed.place.name, aimed.place.into.table.schema) for aimed in self._changes]
        found = children_first(catalog_of(self._database), dict.fromkeys(tables))
        return {table: place for place, table in enumerate(reversed(found))}

    # Who waits for whom

    def _join(self, points: Points, children: Sequence[_Node], parents: Sequence[_Node]) -> None:
        """Put who refers behind what it refers to, and before that goes."""
        brought = self._by_values(parents, points.target_columns, new=True)
        going = self._by_values(parents, points.target_columns, new=False)
        for child in children:
            aimed = child.step.aimed
            if not aimed.sets(points.columns):
                continue
            new, old = aimed.new(points.columns), aimed.old(points.columns)
            if new is not None and None not in new:
                giver = brought.get(marked(self._database, new))
                self._edge(giver, child, child, points.columns, points.target_columns)
                if giver is None:
                    leaves = marked(self._database, new) in going
                    self.needs.append(Need(aimed, points, new, leaves))
            if old is not None and None not in old:
                self._edge(child, going.get(marked(self._database, old)), child, points.columns)

    def _take_turns(self, unique: Sequence[str], nodes: Sequence[_Node]) -> None:
        """Put who takes a unique value behind the row that has it."""
        freed = self._by_values(nodes, unique, new=False)
        for node in nodes:
            if node.step.aimed.sets(unique) and (new := node.step.aimed.new(unique)) is not None:
                self._edge(freed.get(marked(self._database, new)), node, node, unique)

    def _by_values(self, nodes: Iterable[_Node], columns: Sequence[str], *, new: bool) -> dict[Any, _Node]:
        found = {}
        for node in nodes:
            aimed = node.step.aimed
            values = aimed.new(columns) if new else aimed.old(columns)
            if values is not None and None not in values and self._moves(aimed, columns):
                found[marked(self._database, values)] = node
        return found

    @staticmethod
    def _moves(aimed: Aimed, columns: Sequence[str]) -> bool:
        return isinstance(aimed.change, Insert) or aimed.sets(columns)

    def _edge(
        self,
        before: _Node | None,
        after: _Node | None,
        holder: _Node,
        columns: Sequence[str],
        given: tuple[str, ...] = (),
    ) -> None:
        if before is None or after is None or before is after:
            return
        self._edges.append(_Edge(before, after, holder, _nullable(holder.step, columns), given))

    # Sorting

    def _sorted_all(self) -> list[_Node]:
        while True:
            done = self._sorted()
            if len(done) == len(self._nodes):
                return done
            placed = set(map(id, done))
            self._cut(self._circle([node for node in self._nodes if id(node) not in placed]))

    def _sorted(self) -> list[_Node]:
        waiting: dict[int, int] = defaultdict(int)
        followers: dict[int, list[_Node]] = defaultdict(list)
        for edge in self._edges:
            waiting[id(edge.after)] += 1
            followers[id(edge.before)].append(edge.after)
        ready = [node for node in self._nodes if not waiting[id(node)]]
        heapq.heapify(ready)
        done = []
        while ready:
            node = heapq.heappop(ready)
            done.append(node)
            for follower in followers[id(node)]:
                waiting[id(follower)] -= 1
                if not waiting[id(follower)]:
                    heapq.heappush(ready, follower)
        return done

    def _circle(self, stuck: Sequence[_Node]) -> list[_Edge]:
        """Follow those who are waited for until one comes again."""
        among = set(map(id, stuck))
        before = {id(edge.after): edge for edge in self._edges if id(edge.before) in among and id(edge.after) in among}
        node, path = stuck[0], list[_Edge]()
        seen: dict[int, int] = {}
        while id(node) not in seen:
            seen[id(node)] = len(path)
            path.append(before[id(node)])
            node = path[-1].before
        return path[seen[id(node)] :]

    def _cut(self, circle: Sequence[_Edge]) -> None:
        edge = next((edge for edge in circle if edge.columns), None)
        if edge is None:
            raise _entangled(circle)
        self._halve(edge.holder, edge.columns)

    def _halve(self, node: _Node, columns: tuple[str, ...]) -> None:
        """Let a row be NULL in some columns between two statements."""
        first, second = halves(node.step, columns)
        if node.step.values is None:
            early, late = _Node(first, node.rank), node
            self._nodes.append(early)
        else:
            early, late = node, _Node(second, (1, 1, node.rank[2]))
            self._nodes.append(late)
        early.step, late.step = first, second
        for edge in self._edges:
            if edge.holder is node and set(edge.columns) & set(columns):
                if edge.after is node:
                    edge.after = late
                elif edge.before is node:
                    edge.before = early
                edge.columns = ()
            elif edge.before is node and set(edge.given) & set(columns):
                edge.before = late
        self._edges.append(_Edge(early, late, late, ()))

    def _untangle_selves(self) -> None:
        """Let a new row that refers to itself be there before it does, and one that goes stop doing so."""
        for node in list(self._nodes):
            token = node.step.aimed.token
            values = node.step.values or {}
            own = [name for name, value in values.items() if isinstance(value, NewKey) and value.token == token]
            columns = _nullable(node.step, own if token else self._tied(node.step.aimed))
            if columns:
                self._halve(node, columns)

    def _tied(self, aimed: Aimed) -> list[str]:
        """Name the columns by which a row that goes refers to itself: some engines keep such a row."""
        if not isinstance(aimed.change, Delete) or not self._database.backend.features.deletes_families:
            return []
        into = aimed.place.into
        return [
            name
            for points in into.points
            if self._mark(points.table) == self._mark(into.table)
            and (old := aimed.old(points.columns)) is not None
            and None not in old
            and old == aimed.old(points.target_columns)
            for name in points.columns
        ]


def _nullable(step: Step, columns: Sequence[str]) -> tuple[str, ...]:
    """Choose the columns that can be NULL for a moment."""
    slots = step.aimed.place.into.by_name
    there = step.values if step.values is not None else dict(zip(columns, step.aimed.old(columns) or (), strict=False))
    return tuple(name for name in columns if slots[name].nullable and there.get(name) is not None)


def marked(database: Database, values: Iterable[Any]) -> tuple[Any, ...]:
    """Give values as the database's unique keys tell them apart."""
    merged = database.backend.features.merges_texts
    return tuple(_folded(value) if merged and isinstance(value, str) else hashable(value) for value in values)


def _folded(value: str) -> str:
    return value.casefold().rstrip(" ")


def same_table(database: Database, table: sa.Table) -> TableMark:
    """Tell a table apart, whether its schema is named or the default."""
    return table.schema or database.schema or database.engine.dialect.default_schema_name, str(table.name)


def _entangled(circle: Sequence[_Edge]) -> WriteRefused:
    rows = dict.fromkeys(_named(edge.before.step.aimed) for edge in circle)
    return WriteRefused(
        f"These rows wait for each other and none of the columns may be NULL in between, so nothing was written: "
        f"{'; '.join(rows)}. Change one of them to some other value first, in a commit of its own."
    )


def _named(aimed: Aimed) -> str:
    key = "new" if isinstance(aimed.change, Insert) else key_text(aimed.change.key)
    return f"{aimed.place.name} {key}"
